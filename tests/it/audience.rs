//! Who sees a restricted forum, and that nobody else finds a trace of it.

use chrono::TimeDelta;
use harness::{Client, Story, World, stories};
use serde_json::{Value, json};

use crate::steps::{colleague, column, grant, moderator, new_forum, organisation, read, space, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_restricted_forum_leaves_no_trace_to_others,
        an_organisation_includes_its_units,
        an_external_designer_sees_it_while_the_role_lasts,
        a_widened_audience_is_seen_at_once,
        a_named_member_or_a_role_opens_a_forum,
        those_who_answer_for_an_organisation_or_a_collection_see_a_forum,
        equal_audiences_share_one_row,
        moderators_see_their_space_and_administrators_everything,
    ]
}

fn of_organisation(id: &str) -> Value {
    json!([{ "kind": "ORGANISATION", "organisationId": id }])
}

async fn sees(client: &Client, forum: &str) -> bool {
    let data = read(client, "query($f: ID!) { forum(id: $f) { id } spaces { forums { id } } }", json!({ "f": forum })).await;
    let listed = data["spaces"].to_string().contains(forum);
    assert_eq!(data["forum"].is_object(), listed, "found by its id as it is listed");
    listed
}

async fn a_restricted_forum_leaves_no_trace_to_others(world: &World) {
    let inside = organisation(world, "Ministère du dedans", None).await;
    let outside = organisation(world, "Ministère du dehors", None).await;
    let ines = colleague(world, "ines", &inside).await;
    let oscar = colleague(world, "oscar", &outside).await;
    let forum = new_forum(world, "plateforme", "Affaires internes", of_organisation(&inside)).await;
    let open = world.forum("plateforme", "questions").await;
    let (thread, root) = ines.open_thread(&forum, "QUESTION", "Le dossier sensible", "Secret, @oscar et @ines").await;
    let answer = ines.answer(&root, "Très secret").await;
    let (public, _) = oscar.open_thread(&open, "DISCUSSION", "Un fil public", "Texte").await;
    for marker in ["Affaires", "sensible", "ecret"] {
        let own = ines.run(
            "{ spaces { forums { name } } threads { totalCount edges { node { title openingPost { body } } } } }",
            json!({}),
        );
        assert!(own.await.text.contains(marker), "a colleague sees {marker}");
    }
    let everything = "query($f: ID!, $t: ID!, $p: ID!, $s: ID!) {
        spaces { name forums { id name slug threadCount threads { totalCount edges { node { id title } } } } }
        space(slug: \"plateforme\") { forums { id name threadCount pinnedThreads { id } } }
        forum(id: $f) { id } thread(id: $t) { id } post(id: $p) { id } node(id: $t) { id }
        nodes(ids: [$f, $t, $p]) { id }
        all: threads { totalCount edges { node { id title } } }
        dated: threads(orderBy: DATE) { totalCount edges { node { id } } }
        here: threads(forum: $f) { totalCount edges { node { id } } pageInfo { hasNextPage hasPreviousPage } }
        around: threads(space: $s, kind: QUESTION, filter: OUVERTS) { totalCount edges { node { id } } }
        member(handle: \"ines\") { handle name joinedAt organisation { name units { totalCount } } } }";
    let variables = json!({ "f": forum, "t": thread, "p": answer, "s": space(world, "plateforme").await });
    for who in [&oscar, &world.anonymous()] {
        let reply = who.run(everything, variables.clone()).await;
        assert!(reply.errors.is_empty(), "{}", reply.text);
        for trace in [&*forum, &thread, &root, &answer, "Affaires", "affaires", "sensible", "ecret"] {
            assert!(!reply.text.contains(trace), "{trace} in {}", reply.text);
        }
        for field in ["forum", "thread", "post", "node"] {
            assert_eq!(reply.data[field], Value::Null, "{field}");
        }
        assert_eq!(reply.data["nodes"], json!([null, null, null]));
        for (list, count) in [("all", 1), ("dated", 1), ("here", 0), ("around", 0)] {
            assert_eq!(
                (&reply.data[list]["totalCount"], column(&reply.data[list], "id").len()),
                (&json!(count), count),
                "{list}"
            );
        }
    }
    let people = "{ members { edges { node { handle name joinedAt organisation { name } roles { totalCount } } } } }";
    let people = oscar.run(people, json!({})).await.text;
    assert!(people.contains("ines") && !people.contains("ecret"), "{people}");
    // Whoever is mentioned there is not shown the post: their own page has nothing of it, and neither have their threads.
    let own = read(&oscar, "{ threads(filter: MIENS) { totalCount edges { node { id } } } }", json!({})).await;
    assert_eq!(column(&own["threads"], "id"), [json!(public)]);
    // Writing to it is answered as if it were not there, word for word.
    let unknown = |prefix: &str| json!(format!("{prefix}_{:032x}", 99));
    let anywhere = |key: &str, id: &Value, rest: &Value| {
        let mut input = rest.clone();
        input[key] = id.clone();
        input
    };
    for (name, key, real, fake, rest) in [
        (
            "openThread",
            "forumId",
            json!(forum),
            unknown("for"),
            json!({ "kind": "QUESTION", "title": "Un titre sensé", "body": "Texte" }),
        ),
        (
            "openThread",
            "forumId",
            json!(forum),
            unknown("for"),
            json!({ "kind": "SIGNALEMENT", "title": "Un titre sensé", "body": "Texte" }),
        ),
        ("openThread", "forumId", json!(forum), unknown("for"), json!({ "kind": "QUESTION", "title": "Non", "body": "" })),
        ("editThread", "threadId", json!(thread), unknown("thr"), json!({ "title": "Un titre sensé" })),
        ("answerPost", "postId", json!(root), unknown("pos"), json!({ "body": "Texte" })),
        ("answerPost", "postId", json!(answer), unknown("pos"), json!({ "body": "" })),
        ("editPost", "postId", json!(root), unknown("pos"), json!({ "body": "Texte" })),
        ("deletePost", "postId", json!(answer), unknown("pos"), json!({})),
        ("acceptAnswer", "postId", json!(answer), unknown("pos"), json!({})),
        ("reopenThread", "threadId", json!(thread), unknown("thr"), json!({})),
        ("hideThread", "threadId", json!(thread), unknown("thr"), json!({ "hidden": true })),
        ("lockThread", "threadId", json!(thread), unknown("thr"), json!({ "locked": true })),
        ("pinThread", "threadId", json!(thread), unknown("thr"), json!({ "pinned": true })),
        ("moveThread", "threadId", json!(thread), unknown("thr"), json!({ "forumId": open })),
        ("moveThread", "forumId", json!(forum), unknown("for"), json!({ "threadId": public })),
        ("hidePost", "postId", json!(answer), unknown("pos"), json!({ "hidden": true, "reason": "Parce que" })),
        ("updateForum", "forumId", json!(forum), unknown("for"), json!({ "name": "À moi" })),
    ] {
        for who in [&oscar, &world.anonymous()] {
            let seen = who.mutate(name, anywhere(key, &real, &rest), "").await;
            let absent = who.mutate(name, anywhere(key, &fake, &rest), "").await;
            assert_eq!(seen.text, absent.text, "{name} by {key}");
            assert_eq!(seen.status, absent.status);
        }
    }
    // A moderator of another space either: into it, a thread does not go.
    let modo = moderator(world, "modo", Some("editorial")).await;
    let idea = world.forum("editorial", "idees-et-besoins").await;
    let (thread, _) = oscar.open_thread(&idea, "DISCUSSION", "Une idée en passant", "Texte").await;
    for forum in [json!(forum), unknown("for")] {
        let refused = modo.mutate("moveThread", json!({ "threadId": thread, "forumId": forum }), "").await;
        assert_eq!(refused.problems("moveThread"), ["forumId: INCONNU"]);
    }
    // A forum of the same name can be made in the same space only by who knows: the administrators.
    assert!(sees(world.administrator(), text(&variables["f"]).as_str()).await);
}

async fn an_organisation_includes_its_units(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let directorate = organisation(world, "Direction", Some(&ministry)).await;
    let office = organisation(world, "Bureau", Some(&directorate)).await;
    let cousin = organisation(world, "Autre direction", Some(&ministry)).await;
    let forum = new_forum(world, "editorial", "La direction", of_organisation(&directorate)).await;
    for (handle, of, expected) in
        [("haut", &ministry, false), ("dir", &directorate, true), ("bur", &office, true), ("cousin", &cousin, false)]
    {
        let who = colleague(world, handle, of).await;
        assert_eq!(sees(&who, &forum).await, expected, "{handle}");
        if handle == "bur" {
            let (thread, _) = who.open_thread(&forum, "QUESTION", "Une question du bureau", "Texte").await;
            // Leaving it is leaving the forum, one's own thread included.
            who.mutate("leaveOrganisation", json!({}), "").await.done("leaveOrganisation");
            assert!(!sees(&who, &forum).await);
            let own = read(
                &who,
                "query($t: ID!) { thread(id: $t) { id } threads(filter: MIENS) { totalCount } }",
                json!({ "t": thread }),
            )
            .await;
            assert_eq!(own, json!({ "thread": null, "threads": { "totalCount": 0 } }));
        }
    }
}

async fn an_external_designer_sees_it_while_the_role_lasts(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let directorate = organisation(world, "Direction", Some(&ministry)).await;
    let school = organisation(world, "École", None).await;
    let forum = new_forum(world, "accompagnement", "Nos formations", of_organisation(&ministry)).await;
    let designer = colleague(world, "externe", &school).await;
    assert!(!sees(&designer, &forum).await);
    let role = grant(world, &designer, "CONCEPTEUR", json!({ "organisationId": directorate })).await;
    assert!(sees(&designer, &forum).await);
    let (thread, _) = designer.open_thread(&forum, "QUESTION", "Quel gabarit choisir ?", "Texte").await;
    world.administrator().mutate("endRole", json!({ "roleGrantId": role }), "").await.done("endRole");
    assert!(!sees(&designer, &forum).await);
    assert_eq!(read(&designer, "query($t: ID!) { thread(id: $t) { id } }", json!({ "t": thread })).await["thread"], Value::Null);
    // A role with dates: neither before nor after.
    let (start, end) = (world.app.clock.now() + TimeDelta::days(2), world.app.clock.now() + TimeDelta::days(4));
    let dates = json!({ "organisationId": ministry, "startsAt": start.to_rfc3339(), "endsAt": end.to_rfc3339() });
    grant(world, &designer, "FORMATEUR", dates).await;
    assert!(!sees(&designer, &forum).await);
    world.advance(TimeDelta::days(3));
    assert!(sees(&designer, &forum).await);
    world.advance(TimeDelta::days(2));
    assert!(!sees(&designer, &forum).await);
    world.run_jobs().await;
}

async fn a_widened_audience_is_seen_at_once(world: &World) {
    let inside = organisation(world, "Ministère du dedans", None).await;
    let ines = colleague(world, "ines", &inside).await;
    let oscar = world.member("oscar").await;
    let forum = new_forum(world, "plateforme", "Affaires internes", of_organisation(&inside)).await;
    let (thread, root) = ines.open_thread(&forum, "QUESTION", "Le dossier sensible", "Texte").await;
    let query = "query($t: ID!) { thread(id: $t) { title } threads { totalCount } }";
    let seen = |visible: bool| {
        if visible {
            json!({ "thread": { "title": "Le dossier sensible" }, "threads": { "totalCount": 1 } })
        } else {
            json!({ "thread": null, "threads": { "totalCount": 0 } })
        }
    };
    for (audience, member, passer) in [
        (json!([{ "kind": "MEMBRES" }]), true, false),
        (json!([{ "kind": "PUBLIC" }]), true, true),
        (of_organisation(&inside), false, false),
    ] {
        let change = json!({ "forumId": forum, "audience": audience });
        let done = world.administrator().mutate("updateForum", change, "forum { audience { kind organisation { name } } }").await;
        let told = done.done("updateForum")["forum"]["audience"].clone();
        assert_eq!(told[0]["kind"], audience[0]["kind"], "{told}");
        for (who, visible) in [(&ines, true), (&oscar, member), (&world.anonymous(), passer)] {
            assert_eq!(sees(who, &forum).await, visible);
            assert_eq!(read(who, query, json!({ "t": thread })).await, seen(visible));
        }
        // To see is to answer; to open is another matter: the opening audience stayed.
        if member {
            oscar.answer(&root, "Bonjour").await;
            let open = json!({ "forumId": forum, "kind": "QUESTION", "title": "Un titre sensé", "body": "Texte" });
            assert_eq!(oscar.mutate("openThread", open, "").await.code(), "FORBIDDEN");
        }
    }
    // Others are not told who sees it.
    let query = "query($f: ID!) { forum(id: $f) { audience { kind } openingAudience { kind } } }";
    let told = read(&ines, query, json!({ "f": forum })).await;
    assert_eq!(told["forum"], json!({ "audience": null, "openingAudience": null }));
    let change = json!({ "forumId": forum, "audience": of_organisation(&format!("org_{:032x}", 1)) });
    assert_eq!(world.administrator().mutate("updateForum", change, "").await.problems("updateForum"), ["audience: INCONNU"]);
    assert!(sees(&ines, &forum).await);
}

async fn a_named_member_or_a_role_opens_a_forum(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let bureau = organisation(world, "Bureau", Some(&ministry)).await;
    let other = organisation(world, "Autre", None).await;
    let (named, stranger) = (world.member("nommee").await, world.member("inconnu").await);
    let (local, below, elsewhere) = (world.member("local").await, world.member("dessous").await, world.member("ailleurs").await);
    let colleague = colleague(world, "collegue", &ministry).await;
    let forum = new_forum(
        world,
        "plateforme",
        "Référents",
        json!([
            { "kind": "MEMBRE", "memberId": named.id().await },
            { "kind": "ROLE", "role": "REFERENT_LOCAL", "organisationId": ministry },
            { "kind": "ROLE", "role": "ORGANISATEUR" },
        ]),
    )
    .await;
    grant(world, &local, "REFERENT_LOCAL", json!({ "organisationId": ministry })).await;
    grant(world, &below, "REFERENT_LOCAL", json!({ "organisationId": bureau })).await;
    grant(world, &elsewhere, "REFERENT_LOCAL", json!({ "organisationId": other })).await;
    grant(world, &colleague, "FORMATEUR", json!({ "organisationId": ministry })).await;
    let organiser = world.member("orga").await;
    let role = grant(world, &organiser, "ORGANISATEUR", json!({})).await;
    for (who, visible) in [
        (&named, true),
        (&local, true),
        (&below, true),
        (&organiser, true),
        (&elsewhere, false),
        (&colleague, false),
        (&stranger, false),
    ] {
        assert_eq!(sees(who, &forum).await, visible, "{}", who.id().await);
    }
    named.open_thread(&forum, "QUESTION", "Une question de référent", "Texte").await;
    world.administrator().mutate("endRole", json!({ "roleGrantId": role }), "").await.done("endRole");
    assert!(!sees(&organiser, &forum).await);
    // What does not stand: a Mentor role without its organisation, a community role with one, nothing at all.
    let of = space(world, "plateforme").await;
    for (grant, problem) in [
        (json!({ "kind": "ROLE", "role": "CONCEPTEUR" }), "audience: OBLIGATOIRE"),
        (json!({ "kind": "ROLE", "role": "EDITEUR", "organisationId": ministry }), "audience: REFUSE"),
        (json!({ "kind": "MEMBRE" }), "audience: OBLIGATOIRE"),
        (json!({ "kind": "ORGANISATION", "organisationId": forum }), "audience: MALFORME"),
        (json!({ "kind": "MEMBRE", "memberId": format!("mem_{:032x}", 3) }), "audience: INCONNU"),
    ] {
        let input = json!({ "spaceId": of, "name": "Refusé", "description": "", "kinds": ["QUESTION"], "audience": [grant],
            "openingAudience": [{ "kind": "MEMBRES" }] });
        assert_eq!(world.administrator().mutate("createForum", input, "").await.problems("createForum"), [problem]);
    }
}

async fn those_who_answer_for_an_organisation_or_a_collection_see_a_forum(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let office = organisation(world, "Bureau", Some(&ministry)).await;
    let sibling = organisation(world, "Voisin", Some(&ministry)).await;
    let audience = json!([{ "kind": "ROLE_AU_DESSUS", "role": "REFERENT_LOCAL", "organisationId": office }]);
    let forum = new_forum(world, "plateforme", "Ceux du dessus", audience).await;
    for (handle, role, of, expected) in [
        ("au-dessus", "REFERENT_LOCAL", &ministry, true),
        ("ici", "REFERENT_LOCAL", &office, true),
        ("voisine", "REFERENT_LOCAL", &sibling, false),
        ("autre-role", "CONCEPTEUR", &ministry, false),
    ] {
        let member = world.member(handle).await;
        grant(world, &member, role, json!({ "organisationId": of })).await;
        assert_eq!(sees(&member, &forum).await, expected, "{handle}");
    }
    let langues = crate::catalogue::collection(world, "langues").await;
    let audience = json!([{ "kind": "CHEFS_DE_FILE", "collectionId": langues }]);
    let forum = new_forum(world, "editorial", "Ceux des langues", audience).await;
    let chef = world.member("chef").await;
    for named in [true, false] {
        let chefs = if named { json!([{ "memberId": chef.id().await }]) } else { json!([]) };
        let input = json!({ "collectionId": langues, "chefs": chefs });
        world.administrator().mutate("updateCollection", input, "").await.done("updateCollection");
        assert_eq!(sees(&chef, &forum).await, named);
    }
    let forum = json!({ "spaceId": space(world, "plateforme").await, "name": "Essai", "description": "", "kinds": ["QUESTION"],
        "openingAudience": [{ "kind": "MEMBRES" }] });
    for (wrong, expected) in [
        (json!({ "kind": "EQUIPE" }), "audience: REFUSE"),
        (json!({ "kind": "CHEFS_DE_FILE" }), "audience: OBLIGATOIRE"),
        (json!({ "kind": "CHEFS_DE_FILE", "collectionId": format!("col_{:032x}", 7) }), "audience: INCONNU"),
        (json!({ "kind": "ROLE_AU_DESSUS", "role": "EDITEUR", "organisationId": office }), "audience: REFUSE"),
        (json!({ "kind": "ROLE_AU_DESSUS", "role": "FORMATEUR" }), "audience: OBLIGATOIRE"),
    ] {
        let mut input = forum.clone();
        input["audience"] = json!([wrong]);
        let reply = world.administrator().mutate("createForum", input, "").await;
        assert_eq!(reply.problems("createForum"), [expected], "{wrong}");
    }
}

async fn equal_audiences_share_one_row(world: &World) {
    let rows = || world.count("select count(*) from audiences");
    let ministry = organisation(world, "Ministère", None).await;
    let school = organisation(world, "École", None).await;
    let (one, two) = (&of_organisation(&ministry)[0], &of_organisation(&school)[0]);
    let before = rows().await;
    new_forum(world, "plateforme", "Un", json!([one, two])).await;
    assert_eq!(rows().await, before + 1);
    new_forum(world, "plateforme", "Deux", json!([two, one, two])).await;
    assert_eq!(rows().await, before + 1, "neither order nor repetition makes another");
    // Wider swallows narrower: that of members is one row, whatever is beside.
    new_forum(world, "plateforme", "Trois", json!([{ "kind": "MEMBRES" }])).await;
    let members = rows().await;
    new_forum(world, "editorial", "Quatre", json!([one, { "kind": "MEMBRES" }])).await;
    new_forum(world, "editorial", "Cinq", json!([{ "kind": "PUBLIC" }, { "kind": "MEMBRES" }])).await;
    assert_eq!(rows().await, members);
    // In another space its moderators are others: another row, made once though asked for by ten at once.
    let of = space(world, "accompagnement").await;
    let made = (0..10).map(|n| {
        let input = json!({ "spaceId": of, "name": format!("Forum {n}"), "description": "", "kinds": ["QUESTION"],
            "audience": [one], "openingAudience": [one] });
        world.administrator().mutate("createForum", input, "forum { id }")
    });
    for reply in futures_util::future::join_all(made).await {
        reply.done("createForum");
    }
    assert_eq!(rows().await, members + 1);
    assert_eq!(world.count("select count(*) from audience_grants where kind = 'ORGANISATION'").await, 3);
}

async fn moderators_see_their_space_and_administrators_everything(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let forum = new_forum(world, "plateforme", "Affaires internes", of_organisation(&ministry)).await;
    let ines = colleague(world, "ines", &ministry).await;
    let (thread, root) = ines.open_thread(&forum, "QUESTION", "Le dossier sensible", "Texte").await;
    let here = moderator(world, "ici", Some("plateforme")).await;
    let there = moderator(world, "ailleurs", Some("editorial")).await;
    let everywhere = moderator(world, "partout", None).await;
    let pilot = world.member("pilote").await;
    grant(world, &pilot, "ADMINISTRATEUR_PILOTE", json!({})).await;
    for (who, visible) in [(&here, true), (&there, false), (&everywhere, true), (&pilot, true), (world.administrator(), true)] {
        assert_eq!(sees(who, &forum).await, visible, "{}", who.id().await);
    }
    here.answer(&root, "Un mot du modérateur").await;
    here.mutate("pinThread", json!({ "threadId": thread, "pinned": true }), "").await.done("pinThread");
    pilot.open_thread(&forum, "QUESTION", "Une question du pilote", "Texte").await;
    // An administrator whose token does not administer sees what a member sees.
    let input = json!({ "name": "essai", "scopes": ["LIRE", "ECRIRE"], "expiresInDays": 7 });
    let done = pilot.mutate("createAccessToken", input, "secret").await.done("createAccessToken");
    let narrow = pilot.with_bearer(&text(&done["secret"]));
    assert!(!sees(&narrow, &forum).await);
    // A moderator's token that does not moderate neither; with the scope to moderate, an administrator's does.
    let token = async |who: &Client, scopes: Value| {
        let input = json!({ "name": "essai", "scopes": scopes, "expiresInDays": 7 });
        let done = who.mutate("createAccessToken", input, "secret").await.done("createAccessToken");
        who.with_bearer(&text(&done["secret"]))
    };
    for (who, scopes, visible) in [
        (&here, json!(["LIRE", "ECRIRE"]), false),
        (&here, json!(["LIRE", "MODERER"]), true),
        (&everywhere, json!(["LIRE"]), false),
        (&pilot, json!(["LIRE", "MODERER"]), true),
        (&ines, json!(["LIRE"]), true),
    ] {
        assert_eq!(sees(&token(who, scopes.clone()).await, &forum).await, visible, "{scopes}");
    }
    // Narrowed to others, the moderators of the space still see it.
    let change = json!({ "forumId": forum, "audience": [{ "kind": "MEMBRE", "memberId": there.id().await }] });
    world.administrator().mutate("updateForum", change, "").await.done("updateForum");
    for (who, visible) in [(&here, true), (&there, true), (&ines, false)] {
        assert_eq!(sees(who, &forum).await, visible);
    }
}
