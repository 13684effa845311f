//! Spaces, forums, threads and posts, as members and passers-by meet them.

use harness::{Client, Story, World, stories};
use serde_json::{Value, json};

use crate::reading::{all_posts, ids, posts};
use crate::steps::{column, grant, moderator, new_forum, nodes, read, space, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_post_says_what_one_may_do_and_where_it_stands,
        a_forum_says_which_kinds_it_takes_and_who_opens,
        problems_name_the_field_and_are_french,
        nobody_writes_without_signing_in,
        an_edit_keeps_the_former_version_for_moderators,
        a_deleted_post_leaves_its_place,
        an_answer_is_accepted_replaced_and_taken_back,
        markdown_becomes_safe_html,
        a_mention_keeps_the_member_when_the_handle_changes,
        any_object_is_found_by_its_id,
    ]
}

async fn a_forum_says_which_kinds_it_takes_and_who_opens(world: &World) {
    let claire = world.member("claire").await;
    let questions = world.forum("plateforme", "questions").await;
    let news = world.forum("plateforme", "actualites").await;
    let query = "query($id: ID!) { forum(id: $id) { kinds viewerMayOpen threadCount } }";
    let seen = read(&claire, query, json!({ "id": questions })).await;
    assert_eq!(seen["forum"], json!({ "kinds": ["QUESTION", "DISCUSSION"], "viewerMayOpen": true, "threadCount": 0 }));
    assert_eq!(read(&claire, query, json!({ "id": news })).await["forum"]["viewerMayOpen"], json!(false));
    assert_eq!(read(&world.anonymous(), query, json!({ "id": questions })).await["forum"]["viewerMayOpen"], json!(false));

    let open =
        |forum: &str, kind: &str| json!({ "forumId": forum, "kind": kind, "title": "Un titre sensé", "body": "Un texte." });
    let refused = claire.mutate("openThread", open(&questions, "SIGNALEMENT"), "thread { id }").await;
    assert_eq!(refused.problems("openThread"), ["kind: REFUSE"]);
    assert!(refused.text.contains("Ce forum accueille : questions, discussions."), "{}", refused.text);
    let refused = claire.mutate("openThread", open(&news, "ACTUALITE"), "thread { id }").await;
    assert_eq!(refused.code(), "FORBIDDEN", "{}", refused.text);

    let editor = world.member("edith").await;
    grant(world, &editor, "EDITEUR", json!({})).await;
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let other = moderator(world, "autre", Some("editorial")).await;
    for who in [&editor, &modo, world.administrator()] {
        who.open_thread(&news, "ACTUALITE", "La version de juin est là", "Elle apporte les badges.").await;
    }
    assert_eq!(other.mutate("openThread", open(&news, "ACTUALITE"), "thread { id }").await.code(), "FORBIDDEN");
    assert_eq!(read(&claire, query, json!({ "id": news })).await["forum"]["threadCount"], json!(3));
    // Anyone answers news.
    let list = read(
        &claire,
        "query($f: ID!) { threads(forum: $f) { edges { node { viewerMayAnswer openingPost { id } } } } }",
        json!({ "f": news }),
    )
    .await;
    let first = nodes(&list["threads"])[0].clone();
    assert_eq!(first["viewerMayAnswer"], json!(true));
    claire.answer(&text(&first["openingPost"]["id"]), "Bravo !").await;
}

async fn problems_name_the_field_and_are_french(world: &World) {
    let claire = world.member("claire").await;
    let forum = world.forum("plateforme", "questions").await;
    let open = |title: &str, body: &str| {
        let (client, input) = (claire.clone(), json!({ "forumId": forum, "kind": "QUESTION", "title": title, "body": body }));
        async move { client.mutate("openThread", input, "thread { id title }").await }
    };
    let reply = open("Non", " \n ").await;
    assert_eq!(reply.problems("openThread"), ["title: TROP_COURT", "body: OBLIGATOIRE"]);
    assert!(reply.text.contains("Au moins 5 caractères (3 donnés)."), "{}", reply.text);
    assert_eq!(reply.data["openThread"]["thread"], Value::Null);
    for (title, body, problem) in [
        ("", "Texte", "title: OBLIGATOIRE".to_owned()),
        (&*"é".repeat(151), "Texte", "title: TROP_LONG".into()),
        ("Un\0 titre", "Texte", "title: MALFORME".into()),
        ("Un\u{7} titre", "Texte", "title: MALFORME".into()),
        ("Un titre", "", "body: OBLIGATOIRE".into()),
        ("Un titre", "a\0b", "body: MALFORME".into()),
        ("Un titre", "a\u{1b}[31mb", "body: MALFORME".into()),
        ("Un titre", &"é".repeat(50_001), "body: TROP_LONG".into()),
    ] {
        assert_eq!(open(title, body).await.problems("openThread"), [problem], "{title:.20} {body:.20}");
    }
    // The longest there can be, and the white space of a title folded.
    let kept = open(&format!("  {}\n fin ", "é".repeat(146)), &"é".repeat(50_000)).await.done("openThread");
    assert_eq!(kept["thread"]["title"], json!(format!("{} fin", "é".repeat(146))));
    // Ids of another kind are problems of their field; unknown ones are not found.
    let (thread, post) = claire.open_thread(&forum, "QUESTION", "Un titre sensé", "Texte").await;
    let wrong = json!({ "postId": thread, "body": "Texte" });
    assert_eq!(claire.mutate("answerPost", wrong, "post { id }").await.problems("answerPost"), ["postId: MALFORME"]);
    let unknown = json!({ "postId": format!("pos_{:032x}", 7), "body": "Texte" });
    assert_eq!(claire.mutate("answerPost", unknown, "post { id }").await.code(), "NOT_FOUND");
    for (name, input, problem) in [
        ("answerPost", json!({ "postId": post, "body": "" }), "body: OBLIGATOIRE"),
        ("editPost", json!({ "postId": post, "body": "a\0" }), "body: MALFORME"),
        ("editThread", json!({ "threadId": thread, "title": "Non" }), "title: TROP_COURT"),
        ("editThread", json!({ "threadId": thread, "kind": "ACTUALITE" }), "kind: REFUSE"),
    ] {
        assert_eq!(claire.mutate(name, input, "").await.problems(name), [problem], "{name}");
    }
    // An administrator's forums too.
    let admin = world.administrator();
    let of = space(world, "plateforme").await;
    let create = |name: &str, kinds: Value, audience: Value, opening: Value| json!({ "spaceId": of, "name": name, "description": "", "kinds": kinds, "audience": audience, "openingAudience": opening });
    let members = json!([{ "kind": "MEMBRES" }]);
    for (input, problem) in [
        (create("", json!([]), members.clone(), members.clone()), vec!["name: OBLIGATOIRE", "kinds: OBLIGATOIRE"]),
        (create("Questions", json!(["QUESTION"]), members.clone(), members.clone()), vec!["name: DEJA_PRIS"]),
        (create("Vide", json!(["QUESTION"]), json!([]), members.clone()), vec!["audience: MALFORME"]),
        (create("Clos", json!(["QUESTION"]), members.clone(), json!([])), vec!["openingAudience: MALFORME"]),
    ] {
        assert_eq!(admin.mutate("createForum", input, "").await.problems("createForum"), problem);
    }
    assert_eq!(
        claire.mutate("createForum", create("Mien", json!(["QUESTION"]), members.clone(), members), "").await.code(),
        "FORBIDDEN"
    );
}

async fn nobody_writes_without_signing_in(world: &World) {
    let claire = world.member("claire").await;
    let forum = world.forum("plateforme", "questions").await;
    let members_only = new_forum(world, "plateforme", "Entre membres", json!([{ "kind": "MEMBRES" }])).await;
    let (thread, post) = claire.open_thread(&forum, "QUESTION", "Un titre sensé", "Texte").await;
    let (closed, _) = claire.open_thread(&members_only, "QUESTION", "Un titre discret", "Texte").await;
    let passer = world.anonymous();
    let before = world.events().await.len();
    for (name, input) in [
        ("openThread", json!({ "forumId": forum, "kind": "QUESTION", "title": "Un titre sensé", "body": "Texte" })),
        ("openThread", json!({ "forumId": forum, "kind": "QUESTION", "title": "", "body": "" })),
        ("editThread", json!({ "threadId": thread, "title": "" })),
        ("answerPost", json!({ "postId": post, "body": "Texte" })),
        ("editPost", json!({ "postId": post, "body": "" })),
        ("deletePost", json!({ "postId": post })),
        ("acceptAnswer", json!({ "postId": post })),
        ("reopenThread", json!({ "threadId": thread })),
        ("hideThread", json!({ "threadId": thread, "hidden": true })),
        ("lockThread", json!({ "threadId": thread, "locked": true })),
        ("pinThread", json!({ "threadId": thread, "pinned": true })),
        ("moveThread", json!({ "threadId": thread, "forumId": members_only })),
        ("hidePost", json!({ "postId": post, "hidden": true })),
    ] {
        let reply = passer.mutate(name, input, "").await;
        assert!(!reply.errors.is_empty(), "{name}: {}", reply.text);
        assert_eq!(reply.code(), "UNAUTHENTICATED", "{name}: {}", reply.text);
        assert_eq!(reply.errors[0]["message"], json!("Connectez-vous pour continuer."));
    }
    assert_eq!(world.events().await.len(), before, "something was written");
    let seen = read(
        &passer,
        "query($t: ID!, $c: ID!) { viewer { id } open: thread(id: $t) { title viewerMayAnswer viewerMayAccept openingPost { body } }
           closed: thread(id: $c) { title } threads { totalCount } preview(body: \"# a\") { html } }",
        json!({ "t": thread, "c": closed }),
    )
    .await;
    let open = json!({ "title": "Un titre sensé", "viewerMayAnswer": false, "viewerMayAccept": false, "openingPost": { "body": "Texte" } });
    assert_eq!((&seen["open"], &seen["closed"], &seen["viewer"]), (&open, &Value::Null, &Value::Null));
    assert_eq!((&seen["threads"]["totalCount"], &seen["preview"]["html"]), (&json!(1), &json!("<h3>a</h3>\n")));
    assert_eq!(passer.run("{ threads(filter: MIENS) { totalCount } }", json!({})).await.code(), "UNAUTHENTICATED");
}

async fn an_edit_keeps_the_former_version_for_moderators(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let elsewhere = moderator(world, "ailleurs", Some("editorial")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (_, post) = ada.open_thread(&forum, "QUESTION", "Un titre sensé", "Un").await;
    let edit = |body: &str, revision: Value| json!({ "postId": post, "body": body, "revision": revision });
    let fields = "post { revision body html editedAt }";
    let done = ada.mutate("editPost", edit("**Deux**", json!(1)), fields).await.done("editPost");
    assert_eq!((&done["post"]["revision"], &done["post"]["html"]), (&json!(2), &json!("<p><strong>Deux</strong></p>\n")));
    assert!(done["post"]["editedAt"].is_string());
    let late = ada.mutate("editPost", edit("Trop tard", json!(1)), fields).await;
    assert_eq!(late.problems("editPost"), ["revision: REFUSE"]);
    let done = ada.mutate("editPost", edit("Trois", Value::Null), fields).await.done("editPost");
    assert_eq!(done["post"]["revision"], json!(3));
    // The same text again is no version.
    let done = ada.mutate("editPost", edit("Trois", json!(3)), fields).await.done("editPost");
    assert_eq!(done["post"]["revision"], json!(3));
    for who in [&ben, &modo, world.administrator()] {
        assert_eq!(who.mutate("editPost", edit("À moi", Value::Null), fields).await.code(), "FORBIDDEN");
    }
    let query = "query($id: ID!) { post(id: $id) { body revision revisions { totalCount edges { node {
        revision body html editor { handle } writtenAt } } } } }";
    for who in [&ada, &ben, &elsewhere, &world.anonymous()] {
        let seen = read(who, query, json!({ "id": post })).await;
        assert_eq!(seen["post"], json!({ "body": "Trois", "revision": 3, "revisions": null }));
    }
    for who in [&modo, world.administrator()] {
        let seen = read(who, query, json!({ "id": post })).await["post"]["revisions"].clone();
        assert_eq!((column(&seen, "body"), &seen["totalCount"]), (vec![json!("Un"), json!("**Deux**")], &json!(2)));
        assert_eq!(column(&seen, "revision"), [1, 2].map(Value::from));
        assert_eq!(column(&seen, "editor"), vec![json!({ "handle": "ada" }); 2]);
    }
    // Two edits of one version at once: one of them wins.
    let (one, two) = tokio::join!(
        ada.mutate("editPost", edit("Quatre", json!(3)), fields),
        ada.mutate("editPost", edit("Quatre bis", json!(3)), fields)
    );
    let done = [one, two].iter().filter(|reply| reply.data["editPost"]["problems"] == json!([])).count();
    assert_eq!(done, 1);
}

async fn a_deleted_post_leaves_its_place(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question qui reste", "La question").await;
    let a = ben.answer(&root, "Je connais, @ada").await;
    let b = ada.answer(&a, "Dites").await;
    let delete = |post: &str| json!({ "postId": post });
    assert_eq!(ada.mutate("deletePost", delete(&a), "").await.code(), "FORBIDDEN");
    ada.mutate("acceptAnswer", json!({ "postId": a }), "").await.done("acceptAnswer");
    let fields = "deletedPostId post { id deleted body html excerpt author { handle } mentions { handle } hidden accepted
        thread { solved postCount acceptedAnswer { id } } }";
    let done = ben.mutate("deletePost", delete(&a), fields).await.done("deletePost");
    let tombstone = json!({ "id": a, "deleted": true, "body": null, "html": null, "excerpt": null, "author": null,
        "mentions": [], "hidden": false, "accepted": false,
        "thread": { "solved": false, "postCount": 2, "acceptedAnswer": null } });
    assert_eq!((&done["deletedPostId"], &done["post"]), (&json!(a), &tombstone));
    let seen = all_posts(&ada, &thread, 10, true).await;
    assert_eq!(ids(&seen), [root.clone(), a.clone(), b.clone()]);
    assert_eq!((&seen[1]["body"], &seen[2]["body"], &seen[2]["parent"]["id"]), (&Value::Null, &json!("Dites"), &json!(a)));
    let read_by = all_posts(&modo, &thread, 10, true).await;
    assert_eq!(read_by[1]["body"], json!("Je connais, @ada"));
    for (name, input) in [
        ("deletePost", delete(&a)),
        ("editPost", json!({ "postId": a, "body": "Retour" })),
        ("answerPost", json!({ "postId": a, "body": "Retour" })),
    ] {
        assert_eq!(ben.mutate(name, input, "").await.problems(name), ["postId: REFUSE"], "{name}");
    }
    // The opening one too, while something is left to read; then the thread goes out of sight.
    ada.mutate("deletePost", delete(&root), "").await.done("deletePost");
    assert_eq!(all_posts(&ben, &thread, 10, true).await.len(), 3);
    let counts = "query($f: ID!) { forum(id: $f) { threadCount threads { totalCount } } }";
    let one = json!({ "threadCount": 1, "threads": { "totalCount": 1 } });
    assert_eq!(read(&ben, counts, json!({ "f": forum })).await["forum"], one);
    let done = ada.mutate("deletePost", delete(&b), "deletedPostId post { id }").await.done("deletePost");
    assert_eq!((&done["deletedPostId"], &done["post"]), (&json!(b), &Value::Null));
    let none = json!({ "threadCount": 0, "threads": { "totalCount": 0 } });
    assert_eq!(read(&ben, counts, json!({ "f": forum })).await["forum"], none);
    let query = "query($t: ID!, $p: ID!) { thread(id: $t) { hidden } post(id: $p) { id } }";
    let gone = json!({ "thread": null, "post": null });
    for who in [&ada, &ben, &world.anonymous()] {
        assert_eq!(read(who, query, json!({ "t": thread, "p": b })).await, gone);
    }
    assert_eq!(read(&modo, query, json!({ "t": thread, "p": b })).await["thread"], json!({ "hidden": true }));
    // A thread of one post: the same at once. A moderator deletes anyone's.
    let (alone, only) = ben.open_thread(&forum, "DISCUSSION", "Un fil vite regretté", "Oups").await;
    modo.mutate("deletePost", delete(&only), "").await.done("deletePost");
    assert_eq!(read(&ben, query, json!({ "t": alone, "p": only })).await, gone);
    assert_eq!(read(&ben, counts, json!({ "f": forum })).await["forum"], none);
}

async fn an_answer_is_accepted_replaced_and_taken_back(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question à résoudre", "La question").await;
    let (a, b) = (ben.answer(&root, "a").await, ben.answer(&root, "b").await);
    let accept = |post: &str| json!({ "postId": post });
    let fields = "thread { solved solvedAt viewerMayAccept acceptedAnswer { id accepted } }";
    assert_eq!(ben.mutate("acceptAnswer", accept(&a), fields).await.code(), "FORBIDDEN");
    let may = "query($t: ID!) { thread(id: $t) { viewerMayAccept } }";
    for (who, answer) in [(&ada, true), (&ben, false), (&modo, true)] {
        assert_eq!(read(who, may, json!({ "t": thread })).await["thread"]["viewerMayAccept"], json!(answer));
    }
    assert_eq!(ada.mutate("acceptAnswer", accept(&root), fields).await.problems("acceptAnswer"), ["postId: REFUSE"]);
    let done = ada.mutate("acceptAnswer", accept(&a), fields).await.done("acceptAnswer");
    assert_eq!(done["thread"]["acceptedAnswer"], json!({ "id": a, "accepted": true }));
    assert_eq!(ada.mutate("acceptAnswer", accept(&a), fields).await.problems("acceptAnswer"), ["postId: REFUSE"]);
    let done = modo.mutate("acceptAnswer", accept(&b), fields).await.done("acceptAnswer");
    assert_eq!(done["thread"]["acceptedAnswer"], json!({ "id": b, "accepted": true }));
    let seen = read(&ben, "query($p: ID!) { post(id: $p) { accepted } }", json!({ "p": a })).await;
    assert_eq!(seen["post"]["accepted"], json!(false));
    let reopen = json!({ "threadId": thread });
    assert_eq!(ben.mutate("reopenThread", reopen.clone(), fields).await.code(), "FORBIDDEN");
    let done = ada.mutate("reopenThread", reopen.clone(), fields).await.done("reopenThread");
    let open = json!({ "solved": false, "solvedAt": null, "viewerMayAccept": true, "acceptedAnswer": null });
    assert_eq!(done["thread"], open);
    assert_eq!(ada.mutate("reopenThread", reopen, fields).await.problems("reopenThread"), ["threadId: REFUSE"]);
    // What is not asked is not answered: turned into a discussion, the thread forgets.
    ada.mutate("acceptAnswer", accept(&a), fields).await.done("acceptAnswer");
    let input = json!({ "threadId": thread, "kind": "DISCUSSION" });
    let done = ada.mutate("editThread", input, fields).await.done("editThread");
    assert_eq!((&done["thread"]["solved"], &done["thread"]["acceptedAnswer"]), (&json!(false), &Value::Null));
    let refused = ada.mutate("acceptAnswer", accept(&a), fields).await;
    assert_eq!(refused.problems("acceptAnswer"), ["postId: REFUSE"]);
    assert!(refused.text.contains("On n'accepte une réponse que dans une question ou un signalement."));
}

async fn markdown_becomes_safe_html(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Mise en forme des messages", "Texte").await;
    let hostile = "# Titre\n\n<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n[x](javascript:alert(1)) ![y](https://a.fr/p.png)\n\n\
        <div onclick=\"a()\">b</div>\n\n[z](data:text/html,a)";
    let rich = "| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] fait\n- [ ] à faire\n\nVoir https://mentor.gouv.fr et ~~non~~.\n\nUn fait[^1].\n\n[^1]: Source.";
    let preview = "query($b: String!) { preview(body: $b) { html excerpt } }";
    for body in [hostile, rich] {
        let post = ada.answer(&root, body).await;
        let seen = read(&world.anonymous(), "query($p: ID!) { post(id: $p) { body html excerpt } }", json!({ "p": post })).await;
        let seen = &seen["post"];
        assert_eq!(seen["body"], json!(body));
        let shown = read(&world.anonymous(), preview, json!({ "b": body })).await["preview"].clone();
        assert_eq!((&shown["html"], &shown["excerpt"]), (&seen["html"], &seen["excerpt"]), "a preview is what will be");
    }
    let found = all_posts(&ada, &thread, 10, true).await;
    let (unsafe_one, rich_one) = (text(&found[1]["html"]), text(&found[2]["html"]));
    assert!(unsafe_one.starts_with("<h3>Titre</h3>"), "{unsafe_one}");
    for bad in ["<script", "<img", "<div", "href=\"javascript", "href=\"data"] {
        assert!(!unsafe_one.contains(bad), "{bad} in {unsafe_one}");
    }
    assert!(unsafe_one.contains("&lt;script&gt;"), "{unsafe_one}");
    for good in
        ["<td>1</td>", "type=\"checkbox\"", "checked", "<a href=\"https://mentor.gouv.fr\"", "<del>non</del>", "footnotes"]
    {
        assert!(rich_one.contains(good), "{good} not in {rich_one}");
    }
    assert!(!text(&found[2]["excerpt"]).contains(['<', '|', '*']), "{}", found[2]["excerpt"]);
    let long = ada.run(preview, json!({ "b": "a".repeat(50_001) })).await;
    assert_eq!((long.code(), &long.errors[0]["extensions"]["fields"]), ("INVALID".into(), &json!(["body"])));
    assert_eq!(ada.run(preview, json!({ "b": "a\0" })).await.code(), "INVALID");
    let mention = read(&ada, preview, json!({ "b": "Merci @ada et @personne" })).await;
    assert_eq!(text(&mention["preview"]["html"]).matches("<a ").count(), 1, "{mention}");
}

async fn a_mention_keeps_the_member_when_the_handle_changes(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    let body = "Merci @Ben, @ben et @personne ; pas `@ada` ni x@ada";
    let (_, post) = ada.open_thread(&forum, "DISCUSSION", "Un remerciement mérité", body).await;
    let query = "query($p: ID!) { post(id: $p) { body mentions { id handle } } }";
    let id = ben.id().await;
    let seen = read(&ada, query, json!({ "p": post })).await;
    assert_eq!(seen["post"]["mentions"], json!([{ "id": id, "handle": "ben" }]));
    ben.mutate("updateProfile", json!({ "handle": "benoit" }), "member { handle }").await.done("updateProfile");
    let seen = read(&ada, query, json!({ "p": post })).await;
    assert_eq!(seen["post"]["mentions"], json!([{ "id": id, "handle": "benoit" }]));
    // Who takes the handle was not mentioned; an edit mentions who bears it now.
    let newcomer = world.member("nouveau").await;
    newcomer.mutate("updateProfile", json!({ "handle": "ben" }), "").await.done("updateProfile");
    let seen = read(&ada, query, json!({ "p": post })).await;
    assert_eq!(seen["post"]["mentions"], json!([{ "id": id, "handle": "benoit" }]));
    let edit = json!({ "postId": post, "body": "Merci @ben." });
    ada.mutate("editPost", edit, "").await.done("editPost");
    let seen = read(&ada, query, json!({ "p": post })).await;
    assert_eq!(seen["post"]["mentions"], json!([{ "id": newcomer.id().await, "handle": "ben" }]));
}

async fn any_object_is_found_by_its_id(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, post) = ada.open_thread(&forum, "QUESTION", "Un titre sensé", "Texte").await;
    let organisation = crate::steps::organisation(world, "Ministère des essais", None).await;
    let role = grant(world, &ada, "CONCEPTEUR", json!({ "organisationId": organisation })).await;
    let input = json!({ "name": "essai", "scopes": ["LIRE"], "expiresInDays": 7 });
    let token = ada.mutate("createAccessToken", input, "token { id }").await.done("createAccessToken")["token"]["id"].clone();
    let own = read(&ada, "{ viewer { id sessions { edges { node { id } } } } }", json!({})).await["viewer"].clone();
    let session = nodes(&own["sessions"])[0]["id"].clone();
    let ask = json!({ "organisationId": organisation });
    let wish =
        ada.mutate("requestAffiliation", ask, "affiliation { id }").await.done("requestAffiliation")["affiliation"]["id"].clone();
    world.mail_to("administration@ciam.test").await;
    let known = [
        ("Member", own["id"].clone()),
        ("Organisation", json!(organisation)),
        ("Space", json!(space(world, "plateforme").await)),
        ("Forum", json!(forum)),
        ("Thread", json!(thread)),
        ("Post", json!(post)),
        ("RoleGrant", json!(role)),
        ("Affiliation", wish),
        ("Session", session),
        ("AccessToken", token),
    ];
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let found: Vec<_> = known.iter().map(|(kind, id)| json!({ "__typename": kind, "id": id })).collect();
    let asked: Vec<_> = known.iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(read(&ada, query, json!({ "ids": asked })).await["nodes"], json!(found));
    let public = read(&world.anonymous(), query, json!({ "ids": asked })).await["nodes"].clone();
    assert_eq!(public.as_array().unwrap()[2..6], found[2..6]);
    assert_eq!(public.as_array().unwrap()[7..], [Value::Null, Value::Null, Value::Null]);
    for (kind, id) in &known {
        let one =
            read(&ada, "query($id: ID!) { node(id: $id) { __typename ... on Thread { title } } }", json!({ "id": id })).await;
        assert_eq!(one["node"]["__typename"], json!(kind));
    }
    let zero = format!("{:032x}", 0);
    let mut wrong: Vec<String> =
        ["mem", "org", "spa", "for", "thr", "pos", "rol", "aff", "ses", "tok", "aud", "evt", "job", "mai", "lnk", "xyz"]
            .iter()
            .map(|prefix| format!("{prefix}_{zero}"))
            .collect();
    wrong.extend(["", "thr_", "1", "a\0b", "thr_é"].map(String::from));
    wrong.extend([thread.to_uppercase(), format!("{thread}0"), format!(" {thread}")]);
    let nulls = read(&ada, query, json!({ "ids": wrong })).await["nodes"].clone();
    assert_eq!(nulls, json!(vec![Value::Null; wrong.len()]));
    for (query, id) in [
        ("query($id: ID!) { thread(id: $id) { id } }", &post),
        ("query($id: ID!) { post(id: $id) { id } }", &thread),
        ("query($id: ID!) { forum(id: $id) { id } }", &thread),
        ("query($id: ID!) { threads(space: $id) { totalCount } }", &forum),
        ("query($id: ID!) { threads(forum: $id) { totalCount } }", &"n'importe quoi".to_owned()),
    ] {
        let reply = ada.run(query, json!({ "id": id })).await;
        assert_eq!(reply.code(), "INVALID", "{}", reply.text);
        assert!(text(&reply.errors[0]["message"]).contains("n'est pas un identifiant de cette nature"), "{}", reply.text);
    }
    for (query, id) in [
        ("query($id: ID!) { found: thread(id: $id) { id } }", format!("thr_{zero}")),
        ("query($id: ID!) { found: post(id: $id) { id } }", format!("pos_{zero}")),
        ("query($id: ID!) { found: forum(id: $id) { id } }", format!("for_{zero}")),
    ] {
        assert_eq!(read(&ada, query, json!({ "id": id })).await["found"], Value::Null);
    }
    let many = ada.run(query, json!({ "ids": vec![thread; 101] })).await;
    assert_eq!((many.code(), &many.errors[0]["extensions"]["fields"]), ("INVALID".into(), &json!(["ids"])));
}

/// A front end shows the buttons that work, and links to a post wherever it stands.
async fn a_post_says_what_one_may_do_and_where_it_stands(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let modo = moderator(world, "modo", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question partagée", "Texte").await;
    let mut answers = Vec::new();
    for n in 0..5 {
        answers.push(ben.answer(&root, &format!("Réponse {n}")).await);
    }
    let query = "query($p: ID!) { post(id: $p) { viewerMayAnswer viewerMayEdit viewerMayDelete thread { viewerMayModerate } } }";
    let may = async |who: &Client| {
        let post = read(who, query, json!({ "p": answers[2] })).await["post"].clone();
        let moderates = post["thread"]["viewerMayModerate"].clone();
        [&post["viewerMayAnswer"], &post["viewerMayEdit"], &post["viewerMayDelete"], &moderates].map(|may| *may == json!(true))
    };
    assert_eq!(may(&world.anonymous()).await, [false; 4]);
    assert_eq!(may(&ada).await, [true, false, false, false]);
    assert_eq!(may(&ben).await, [true, true, true, false]);
    assert_eq!(may(&modo).await, [true, false, true, true]);
    modo.mutate("lockThread", json!({ "threadId": thread, "locked": true }), "").await.done("lockThread");
    assert_eq!(may(&ben).await, [false; 4]);
    assert_eq!(may(&modo).await, [true, false, true, true]);

    let query = "query($p: ID!) { post(id: $p) { cursor } space(slug: \"plateforme\") { forum(slug: \"questions\") { id } none: forum(slug: \"rien\") { id } } }";
    let found = read(&ada, query, json!({ "p": answers[2] })).await;
    assert_eq!(found["space"], json!({ "forum": { "id": forum }, "none": null }));
    let before = posts(&ada, &thread, json!({ "last": 2, "before": found["post"]["cursor"] })).await;
    assert_eq!(column(&before, "id"), [json!(answers[0]), json!(answers[1])]);
    let after = posts(&ada, &thread, json!({ "first": 2, "after": found["post"]["cursor"] })).await;
    assert_eq!(column(&after, "id"), [json!(answers[3]), json!(answers[4])]);
}
