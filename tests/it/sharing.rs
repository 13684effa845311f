//! Threads and documents, linked both ways; posts that become documents; remarks on documents.

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{Client, Story, World, stories};
use serde_json::{Value, json};
use services::events::Event;
use services::id::MemberId;

use crate::cost::{cost, uuid_of};
use crate::files::pdf;
use crate::library::{added, category, editor};
use crate::steps::{colleague, column, moderator, new_forum, nodes, organisation, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_thread_links_to_documents_and_they_to_it,
        a_post_with_the_address_of_a_document_links_its_thread,
        a_new_version_stands_in_the_flow_of_its_threads,
        a_document_out_of_sight_leaves_no_trace_on_a_thread,
        an_accepted_answer_becomes_a_document_with_its_files,
        what_may_not_become_a_document_is_refused,
        a_document_of_a_post_is_seen_no_wider_than_the_post,
        two_who_publish_a_post_at_once_make_one_document,
        the_first_remark_opens_a_thread_and_the_others_answer_it,
        remarks_are_seen_by_who_sees_the_document,
        remarks_close_with_their_document,
        remarks_stay_with_their_document,
        two_first_remarks_at_once_make_one_thread,
        documents_of_threads_cost_the_same_whatever_their_number,
    ]
}

/// The documents a thread is linked to, as `who` sees it.
async fn documents(who: &Client, thread: &str) -> Vec<Value> {
    let data = read(who, "query($t: ID!) { thread(id: $t) { documents { id } } }", json!({ "t": thread })).await;
    data["thread"]["documents"].as_array().expect("a list").iter().map(|document| document["id"].clone()).collect()
}

/// The threads linked to a document, as `who` sees it, with the counts of each kind.
async fn threads(who: &Client, document: &str) -> (Vec<Value>, Vec<i64>) {
    let query = "query($d: ID!) { document(id: $d) { threads { totalCount edges { node { id } } } threadCounts { kind count lastActivityAt } } }";
    let data = read(who, query, json!({ "d": document })).await["document"].clone();
    let found = column(&data["threads"], "id");
    assert_eq!(data["threads"]["totalCount"], json!(found.len()));
    let counts = data["threadCounts"].as_array().expect("counts");
    assert!(counts.iter().all(|count| (count["count"] == json!(0)) == count["lastActivityAt"].is_null()), "{counts:?}");
    (found, counts.iter().map(|count| count["count"].as_i64().expect("a number")).collect())
}

async fn remark(who: &Client, document: &str, body: &str) -> Value {
    let input = json!({ "documentId": document, "body": body });
    let fields = "post { id parent { id } thread { id title kind postCount forum { id name } remarksOn { id } } }";
    who.mutate("remarkDocument", input, fields).await.done("remarkDocument")["post"].clone()
}

/// The thread of a document's remarks, as `who` sees it.
async fn remarks(who: &Client, document: &str) -> Value {
    let query =
        "query($d: ID!) { document(id: $d) { remarks { id title locked hidden posts { totalCount edges { node { body } } } } } }";
    read(who, query, json!({ "d": document })).await["document"]["remarks"].clone()
}

/// A question with an accepted answer of `who`'s: the thread and the answer.
async fn solved(asker: &Client, who: &Client, forum: &str, answer: Value) -> (String, String) {
    let (thread, root) = asker.open_thread(forum, "QUESTION", "Comment dupliquer une session ?", "Bonjour").await;
    let mut input = answer;
    input["postId"] = json!(root);
    let answer = text(&who.mutate("answerPost", input, "post { id }").await.done("answerPost")["post"]["id"]);
    asker.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    (thread, answer)
}

async fn publishing(world: &World, post: &str, more: Value) -> Value {
    let mut input = json!({ "postId": post, "categoryId": category(world, "documentation-technico-fonctionnelle").await,
        "title": "Dupliquer une session" });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    input
}

async fn a_thread_links_to_documents_and_they_to_it(world: &World) {
    let (keeper, ada) = (editor(world, "edite").await, world.member("ada").await);
    let (one, other) = (added(world, &keeper, json!({})).await, added(world, &keeper, json!({ "title": "Synopsis type" })).await);
    let forum = world.forum("plateforme", "questions").await;
    let input =
        json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question", "body": "Texte", "documents": [one, one] });
    let thread = text(&ada.mutate("openThread", input, "thread { id }").await.done("openThread")["thread"]["id"]);
    assert_eq!(documents(&world.anonymous(), &thread).await, [json!(one)]);
    assert_eq!(threads(&world.anonymous(), &one).await, (vec![json!(thread)], vec![1, 1, 0, 0, 0]));
    let last = world.events().await.pop().expect("events").event;
    assert!(matches!(last, Event::ThreadLinked { documents, trainings, .. } if documents.len() == 1 && trainings.is_empty()));
    let edited = json!({ "threadId": thread, "documents": [other] });
    ada.mutate("editThread", edited, "").await.done("editThread");
    assert_eq!((documents(&ada, &thread).await, threads(&ada, &one).await.0), (vec![json!(other)], vec![]));
    // Who may change the document links it to any thread, archived or not; others do not.
    let with = |id: &str| json!({ "threadId": thread, "targetId": id });
    keeper.mutate("archiveDocument", json!({ "documentId": one, "archived": true }), "").await.done("archiveDocument");
    keeper.mutate("linkThread", with(&one), "").await.done("linkThread");
    let bob = world.member("bob").await;
    assert_eq!(bob.mutate("linkThread", with(&one), "").await.code(), "FORBIDDEN");
    assert_eq!(documents(&ada, &thread).await, [json!(other), json!(one)]);
    ada.mutate("unlinkThread", with(&one), "").await.done("unlinkThread");
    assert_eq!(ada.mutate("unlinkThread", with(&one), "").await.problems("unlinkThread"), ["targetId: REFUSE"]);
    let query = "query($t: ID!) { thread(id: $t) { links { origin end document { id } training { id } linkedBy { handle } } } }";
    let links = read(&ada, query, json!({ "t": thread })).await["thread"]["links"].as_array().expect("links").clone();
    let history: Vec<_> = links.iter().rev().map(|link| (text(&link["document"]["id"]), link["end"].clone())).collect();
    assert_eq!(history, [(one.clone(), json!("RETRAIT")), (other, Value::Null), (one.clone(), json!("RETRAIT"))]);
    assert!(links.iter().all(|link| link["origin"] == "CHOIX" && link["training"].is_null()));
    // What is wrong is told of its field.
    for (wrong, expected) in [
        (json!([format!("doc_{:032x}", 7)]), "documents: INCONNU"),
        (json!([thread]), "documents: MALFORME"),
        (json!((0..21).map(|n| format!("doc_{n:032x}")).collect::<Vec<_>>()), "documents: TROP_LONG"),
    ] {
        let input = json!({ "threadId": thread, "documents": wrong });
        assert_eq!(ada.mutate("editThread", input, "").await.problems("editThread"), [expected]);
    }
    assert_eq!(ada.mutate("linkThread", with(&forum), "").await.problems("linkThread"), ["targetId: MALFORME"]);
}

async fn a_post_with_the_address_of_a_document_links_its_thread(world: &World) {
    let (keeper, ada) = (editor(world, "edite").await, world.member("ada").await);
    let one = added(world, &keeper, json!({ "link": "https://exemple.fr/trame" })).await;
    let forum = world.forum("plateforme", "questions").await;
    for (body, expected) in [
        (format!("Voir {}/documents/{one}/latest.", world.url), true),
        (format!("Voir [la trame]({}/documents/{one}/versions/1?download)", world.url), true),
        (format!("Voir [la trame](/documents/{one}/latest)"), true),
        (format!("`{}/documents/{one}/latest`", world.url), false),
        (format!("https://ailleurs.example/documents/{one}/latest"), false),
        (format!("{}/documents/doc_{:032x}/latest", world.url, 9), false),
        (format!("{}/documents/{one}", world.url), false),
    ] {
        let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", &body).await;
        assert_eq!(!documents(&ada, &thread).await.is_empty(), expected, "{body}");
    }
    // It lasts as long as a readable post holds it, and is not found again once it was taken away.
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let answer = ada.answer(&root, &format!("{}/documents/{one}/latest", world.url)).await;
    assert_eq!(documents(&ada, &thread).await, [json!(one)]);
    ada.mutate("deletePost", json!({ "postId": answer }), "").await.done("deletePost");
    assert!(documents(&ada, &thread).await.is_empty());
    let body = format!("{}/documents/{one}/latest", world.url);
    ada.mutate("editPost", json!({ "postId": root, "body": body }), "").await.done("editPost");
    assert_eq!(documents(&ada, &thread).await, [json!(one)]);
    let target = json!({ "threadId": thread, "targetId": one });
    ada.mutate("unlinkThread", target.clone(), "").await.done("unlinkThread");
    ada.answer(&root, &body).await;
    assert!(documents(&ada, &thread).await.is_empty());
    ada.mutate("linkThread", target, "").await.done("linkThread");
    assert_eq!(documents(&ada, &thread).await, [json!(one)]);
}

async fn a_new_version_stands_in_the_flow_of_its_threads(world: &World) {
    let (keeper, ada) = (editor(world, "edite").await, world.member("ada").await);
    let one = added(world, &keeper, json!({ "link": "https://exemple.fr/1" })).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    world.advance(TimeDelta::minutes(1));
    let target = json!({ "threadId": thread, "targetId": one });
    ada.mutate("linkThread", target.clone(), "").await.done("linkThread");
    for number in 2..5 {
        world.advance(TimeDelta::minutes(1));
        if number == 4 {
            ada.mutate("unlinkThread", target.clone(), "").await.done("unlinkThread");
            world.advance(TimeDelta::minutes(1));
        }
        let version = json!({ "documentId": one, "link": format!("https://exemple.fr/{number}") });
        keeper.mutate("addDocumentVersion", version, "").await.done("addDocumentVersion");
    }
    let query = "query($t: ID!) { thread(id: $t) { systemEvents(first: 1) { totalCount pageInfo { endCursor } edges { node {
        kind version document { id } training { id } fromState toDate } } } } }";
    let seen = read(&world.anonymous(), query, json!({ "t": thread })).await["thread"]["systemEvents"].clone();
    assert_eq!(seen["totalCount"], json!(2), "neither before it was linked nor after");
    let told = json!({ "kind": "NOUVELLE_VERSION", "version": 2, "document": { "id": one }, "training": null, "fromState": null, "toDate": null });
    assert_eq!(nodes(&seen), [told]);
    let next = "query($t: ID!, $a: String) { thread(id: $t) { systemEvents(after: $a) { edges { node { version } } } } }";
    let next = read(&ada, next, json!({ "t": thread, "a": seen["pageInfo"]["endCursor"] })).await;
    assert_eq!(column(&next["thread"]["systemEvents"], "version"), [json!(3)]);
}

async fn a_document_out_of_sight_leaves_no_trace_on_a_thread(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let (keeper, ada) = (editor(world, "edite").await, world.member("ada").await);
    let home = colleague(world, "maison", &inside).await;
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let secret = added(world, &keeper, json!({ "title": "Note confidentielle", "audience": audience })).await;
    let shown = added(world, &keeper, json!({})).await;
    let forum = world.forum("plateforme", "questions").await;
    let body = format!("{}/documents/{secret}/latest", world.url);
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", &body).await;
    world.advance(TimeDelta::minutes(1));
    keeper
        .mutate("addDocumentVersion", json!({ "documentId": secret, "link": "https://exemple.fr/1" }), "")
        .await
        .done("addDocumentVersion");
    let query =
        "query($t: ID!) { thread(id: $t) { documents { id } links { origin } systemEvents { totalCount edges { cursor } } } }";
    for who in [&ada, &world.anonymous()] {
        let nothing = json!({ "documents": [], "links": [], "systemEvents": { "totalCount": 0, "edges": [] } });
        assert_eq!(read(who, query, json!({ "t": thread })).await["thread"], nothing);
    }
    assert_eq!(documents(&home, &thread).await, [json!(secret)]);
    for name in ["linkThread", "unlinkThread"] {
        let with = |id: &str| json!({ "threadId": thread, "targetId": id });
        let unknown = format!("doc_{:032x}", 9);
        assert_eq!(ada.mutate(name, with(&secret), "").await.text, ada.mutate(name, with(&unknown), "").await.text);
    }
    ada.mutate("editThread", json!({ "threadId": thread, "documents": [shown] }), "").await.done("editThread");
    assert_eq!(documents(&home, &thread).await, [json!(secret), json!(shown)], "what is out of sight stays");
    assert_eq!(ada.mutate("remarkDocument", json!({ "documentId": secret, "body": "Texte" }), "").await.code(), "NOT_FOUND");
    // The other way: a thread that is not in sight.
    let closed = new_forum(world, "plateforme", "Entre nous", audience).await;
    let input = json!({ "forumId": closed, "kind": "QUESTION", "title": "Entre nous", "body": "Texte", "documents": [shown] });
    let private = text(&home.mutate("openThread", input, "thread { id }").await.done("openThread")["thread"]["id"]);
    assert_eq!(threads(&ada, &shown).await, (vec![json!(thread)], vec![1, 1, 0, 0, 0]));
    assert_eq!(threads(&home, &shown).await.1, [2, 2, 0, 0, 0]);
    assert!(threads(&home, &shown).await.0.contains(&json!(private)));
    ada.mutate("deletePost", json!({ "postId": root }), "").await.done("deletePost");
    assert_eq!(threads(&ada, &shown).await.1, [0, 0, 0, 0, 0], "a thread of which nothing is left");
}

async fn an_accepted_answer_becomes_a_document_with_its_files(world: &World) {
    let (keeper, ada, bob) = (editor(world, "edite").await, world.member("ada").await, world.member("bob").await);
    let (content, body) = (pdf("la copie d'écran"), "## Dupliquer\n\nDepuis le menu **Actions**.");
    let file = bob.send_file("Écran.pdf", &content).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, post) = solved(&ada, &bob, &forum, json!({ "body": body, "attachments": [file["id"]] })).await;
    let more = json!({ "summary": "En trois clics", "tags": ["Sessions"], "licence": "OUVERTE", "idempotencyKey": "une-fois" });
    let input = publishing(world, &post, more).await;
    let fields = "document { id title summary tags language licence ownerMember { handle } writtenBy { handle } url
        sourcePost { id thread { id } } latest { number author { handle } file { name url mediaType } attachments { id name url } } }";
    let reply = keeper.mutate("publishPost", input.clone(), fields).await;
    let made = reply.done("publishPost")["document"].clone();
    let id = text(&made["id"]);
    assert_eq!(
        (&made["title"], &made["tags"], &made["language"], &made["licence"]),
        (&json!("Dupliquer une session"), &json!(["sessions"]), &json!("fr"), &json!("OUVERTE"))
    );
    assert_eq!((&made["writtenBy"]["handle"], &made["ownerMember"]["handle"]), (&json!("bob"), &json!("bob")));
    assert_eq!((&made["latest"]["number"], &made["latest"]["author"]["handle"]), (&json!(1), &json!("edite")));
    assert_eq!(made["sourcePost"], json!({ "id": post, "thread": { "id": thread } }));
    assert_eq!(made["latest"]["file"]["name"], "dupliquer-une-session.md");
    // Its content and its files are taken by whoever sees it; the document's rows are its own.
    let anonymous = world.anonymous();
    assert_eq!(anonymous.take(&format!("/documents/{id}/latest")).await, (200, body.as_bytes().to_vec()));
    let attached = &made["latest"]["attachments"][0];
    assert_eq!((&attached["name"], attached["id"] == file["id"]), (&json!("Écran.pdf"), false));
    assert_eq!(anonymous.take(text(&attached["url"]).strip_prefix(&world.url).expect("here")).await, (200, content.clone()));
    assert_eq!(world.count("select count(*) from contents").await, 2, "equal contents are kept once");
    // Both ways, and once.
    assert_eq!((documents(&ada, &thread).await, threads(&ada, &id).await.0), (vec![json!(id)], vec![json!(thread)]));
    let query = "query($p: ID!) { post(id: $p) { document { id } } }";
    assert_eq!(read(&ada, query, json!({ "p": post })).await["post"]["document"]["id"], json!(id));
    let again = keeper.mutate("publishPost", input.clone(), "document { id }").await.done("publishPost");
    assert_eq!(again["document"]["id"], json!(id), "under its key it is done once");
    let (first, mut other) = (input.clone(), input);
    other["idempotencyKey"] = json!("une-autre-fois");
    let refused = keeper.mutate("publishPost", other, "").await;
    assert_eq!(refused.problems("publishPost"), ["postId: DEJA_PRIS"]);
    assert!(refused.text.contains(&id) && refused.text.contains("Dupliquer une session"), "{}", refused.text);
    // What becomes of the post does not touch it: it is deleted, and its files with it; the document keeps its own.
    bob.mutate("deletePost", json!({ "postId": post }), "").await.done("deletePost");
    assert_eq!(anonymous.take(&format!("/files/{}", text(&file["id"]))).await.0, 404);
    let again = keeper.mutate("publishPost", first, "document { id }").await.done("publishPost");
    assert_eq!(again["document"]["id"], json!(id), "what was done under a key is answered as it was");
    assert_eq!(anonymous.take(text(&attached["url"]).strip_prefix(&world.url).expect("here")).await, (200, content));
    let told: Vec<_> = world.events().await.into_iter().map(|entry| entry.event).collect();
    assert_eq!(
        told.iter().filter(|event| matches!(event, Event::DocumentCreated { document } if document.to_string() == id)).count(),
        1
    );
}

async fn what_may_not_become_a_document_is_refused(world: &World) {
    let (keeper, ada, bob) = (editor(world, "edite").await, world.member("ada").await, world.member("bob").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, post) = solved(&ada, &bob, &forum, json!({ "body": "La réponse" })).await;
    let root = read(&ada, "query($t: ID!) { thread(id: $t) { openingPost { id } } }", json!({ "t": thread })).await;
    let root = text(&root["thread"]["openingPost"]["id"]);
    let input = publishing(world, &post, json!({})).await;
    for (who, code) in [(&ada, "FORBIDDEN"), (&bob, "FORBIDDEN"), (&world.anonymous(), "UNAUTHENTICATED")] {
        assert_eq!(who.mutate("publishPost", input.clone(), "").await.code(), code);
    }
    let with = async |more: Value| keeper.mutate("publishPost", publishing(world, &post, more).await, "").await;
    for (more, expected) in [
        (json!({ "title": "ab" }), "title: TROP_COURT"),
        (json!({ "summary": "é".repeat(1001) }), "summary: TROP_LONG"),
        (json!({ "categoryId": format!("cat_{:032x}", 3) }), "categoryId: INCONNU"),
        (json!({ "postId": thread }), "postId: MALFORME"),
        (json!({ "postId": root }), "postId: REFUSE"),
        (json!({ "audience": [] }), "audience: MALFORME"),
    ] {
        assert_eq!(with(more).await.problems("publishPost"), [expected]);
    }
    assert_eq!(with(json!({ "postId": format!("pos_{:032x}", 3) })).await.code(), "NOT_FOUND");
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let hide = |hidden: bool| json!({ "postId": post, "hidden": hidden, "reason": "Parce que" });
    chief.mutate("hidePost", hide(true), "").await.done("hidePost");
    assert_eq!(with(json!({})).await.problems("publishPost"), ["postId: REFUSE"]);
    chief.mutate("hidePost", hide(false), "").await.done("hidePost");
    assert_eq!(with(json!({})).await.problems("publishPost"), ["postId: REFUSE"], "shown again it is accepted no more");
    assert_eq!(world.count("select count(*) from documents where post_id is not null").await, 0);
    assert_eq!(world.count("select count(*) from files").await, 0, "nothing half-done");
    // A good practice is its opening post, and no answer to it.
    let practices = world.forum("plateforme", "bonnes-pratiques").await;
    let (_, practice) = ada.open_thread(&practices, "BONNE_PRATIQUE", "Relire à deux", "Toujours relire à deux.").await;
    let answer = bob.answer(&practice, "Bien vu").await;
    assert_eq!(with(json!({ "postId": answer })).await.problems("publishPost"), ["postId: REFUSE"]);
    with(json!({ "postId": practice })).await.done("publishPost");
}

async fn a_document_of_a_post_is_seen_no_wider_than_the_post(world: &World) {
    let (inside, outside) = (organisation(world, "Dedans", None).await, organisation(world, "Dehors", None).await);
    let unit = organisation(world, "Bureau", Some(&inside)).await;
    let (keeper, stranger) = (editor(world, "edite").await, colleague(world, "dehors", &outside).await);
    let (one, other) = (colleague(world, "une", &inside).await, colleague(world, "autre", &inside).await);
    let of = |organisation: &str| json!([{ "kind": "ORGANISATION", "organisationId": organisation }]);
    let editors = json!({ "kind": "ROLE", "role": "EDITEUR" });
    let accompaniment = crate::steps::space(world, "accompagnement").await;
    let keepers = [editors, json!({ "kind": "ROLE", "role": "MODERATEUR", "spaceId": accompaniment })];
    let with_keepers: Vec<_> = of(&inside).as_array().expect("a list").iter().chain(&keepers).cloned().collect();
    // A forum that the library's keepers do not see: only a moderator of its space lets them see what is said there.
    let closed = new_forum(world, "plateforme", "Entre nous", of(&inside)).await;
    let (_, post) = solved(&one, &other, &closed, json!({ "body": "La réponse" })).await;
    assert_eq!(keeper.mutate("publishPost", publishing(world, &post, json!({})).await, "").await.code(), "NOT_FOUND");
    // One that they do see.
    let shared = new_forum(world, "plateforme", "Avec les éditeurs", json!(with_keepers)).await;
    let (_, post) = solved(&one, &other, &shared, json!({ "body": "La réponse" })).await;
    for audience in [json!([{ "kind": "PUBLIC" }]), json!([{ "kind": "MEMBRES" }]), of(&outside)] {
        let input = publishing(world, &post, json!({ "audience": audience })).await;
        assert_eq!(keeper.mutate("publishPost", input, "").await.problems("publishPost"), ["audience: REFUSE"]);
    }
    let input = publishing(world, &post, json!({ "audience": of(&unit) })).await;
    let id = text(&keeper.mutate("publishPost", input, "document { id }").await.done("publishPost")["document"]["id"]);
    let sees = async |who: &Client| {
        !read(who, "query($d: ID!) { document(id: $d) { id } }", json!({ "d": id })).await["document"].is_null()
    };
    assert_eq!((sees(&stranger).await, sees(&one).await, sees(&other).await), (false, false, true), "its author does");
    // Nor wider later on, but by who may.
    let change = |audience: Value| json!({ "documentId": id, "audience": audience });
    let wider = change(json!([{ "kind": "MEMBRES" }]));
    assert_eq!(keeper.mutate("updateDocument", wider.clone(), "").await.problems("updateDocument"), ["audience: REFUSE"]);
    keeper.mutate("updateDocument", change(of(&inside)), "").await.done("updateDocument");
    assert!(sees(&one).await && !sees(&stranger).await);
    other.mutate("updateDocument", wider, "").await.done("updateDocument");
    assert!(sees(&stranger).await);
    let query = "query($d: ID!) { document(id: $d) { sourcePost { id } writtenBy { handle } threads { totalCount } } }";
    let seen = read(&stranger, query, json!({ "d": id })).await["document"].clone();
    let expected = json!({ "sourcePost": null, "writtenBy": { "handle": "autre" }, "threads": { "totalCount": 0 } });
    assert_eq!(seen, expected, "of a post out of sight its author is credited, and nothing told");
    // By default it is seen by who sees the post.
    let (_, post) = solved(&one, &other, &shared, json!({ "body": "Une autre réponse" })).await;
    let input = publishing(world, &post, json!({})).await;
    let made = keeper.mutate("publishPost", input, "document { id audience { kind } }").await.done("publishPost");
    assert_eq!(made["document"]["audience"].as_array().map(Vec::len), Some(5), "{made}");
}

async fn two_who_publish_a_post_at_once_make_one_document(world: &World) {
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let keepers = [editor(world, "edite").await, editor(world, "edite2").await];
    let forum = world.forum("plateforme", "questions").await;
    let (_, post) = solved(&ada, &bob, &forum, json!({ "body": "La réponse" })).await;
    let input = publishing(world, &post, json!({})).await;
    let replies = join_all(keepers.iter().map(|keeper| keeper.mutate("publishPost", input.clone(), "document { id }"))).await;
    let done = replies.iter().filter(|reply| !reply.data["publishPost"]["document"].is_null()).count();
    assert_eq!((done, world.count("select count(*) from documents where post_id is not null").await), (1, 1));
    assert_eq!(world.count("select count(*) from files").await, 1);
}

async fn the_first_remark_opens_a_thread_and_the_others_answer_it(world: &World) {
    let (keeper, ada, bob) = (editor(world, "edite").await, world.member("ada").await, world.member("bob").await);
    let one = added(world, &keeper, json!({ "title": "Guide de revue qualité" })).await;
    assert_eq!(remarks(&ada, &one).await, Value::Null);
    let first = remark(&ada, &one, "La page 3 est à revoir.").await;
    let thread = text(&first["thread"]["id"]);
    assert_eq!((&first["parent"], &first["thread"]["remarksOn"]["id"]), (&Value::Null, &json!(one)));
    assert_eq!(
        (&first["thread"]["title"], &first["thread"]["kind"]),
        (&json!("Remarques : Guide de revue qualité"), &json!("DISCUSSION"))
    );
    let second = remark(&bob, &one, "La page 4 aussi, voir https://mentor.gouv.fr/catalog/52").await;
    assert_eq!((&second["parent"]["id"], &second["thread"]["id"]), (&first["id"], &json!(thread)));
    let seen = remarks(&world.anonymous(), &one).await;
    assert_eq!((&seen["id"], &seen["posts"]["totalCount"]), (&json!(thread), &json!(2)));
    ada.answer(&text(&second["id"]), "Merci").await;
    // A remark that nothing is left of makes room for others.
    let two = added(world, &keeper, json!({ "title": "Synopsis" })).await;
    let alone = remark(&ada, &two, "À relire").await;
    ada.mutate("deletePost", json!({ "postId": alone["id"] }), "").await.done("deletePost");
    assert_eq!(remarks(&bob, &two).await, Value::Null);
    let next = remark(&bob, &two, "À relire encore").await;
    assert_eq!(next["thread"]["id"], alone["thread"]["id"]);
    assert_eq!(remarks(&ada, &two).await["posts"]["totalCount"], json!(2), "with the tombstone of the first one");
    // What a moderator hid is not written in.
    let chief = moderator(world, "ici", Some("accompagnement")).await;
    chief.mutate("hideThread", json!({ "threadId": thread, "hidden": true }), "").await.done("hideThread");
    assert_eq!(remarks(&ada, &one).await, Value::Null);
    let input = json!({ "documentId": one, "body": "Texte" });
    assert_eq!(ada.mutate("remarkDocument", input.clone(), "").await.problems("remarkDocument"), ["documentId: REFUSE"]);
    assert_eq!(world.anonymous().mutate("remarkDocument", input, "").await.code(), "UNAUTHENTICATED");
    let input = json!({ "documentId": two, "body": "  " });
    assert_eq!(ada.mutate("remarkDocument", input, "").await.problems("remarkDocument"), ["body: OBLIGATOIRE"]);
    let file = bob.send_file("note.txt", b"Une note").await;
    let input = json!({ "documentId": two, "body": "Avec un fichier", "attachments": [file["id"]] });
    let reply = bob.mutate("remarkDocument", input, "post { attachments { name } }").await.done("remarkDocument");
    assert_eq!(reply["post"]["attachments"], json!([{ "name": "note.txt" }]));
}

async fn remarks_are_seen_by_who_sees_the_document(world: &World) {
    let (inside, outside) = (organisation(world, "Dedans", None).await, organisation(world, "Dehors", None).await);
    let (keeper, home, away) =
        (editor(world, "edite").await, colleague(world, "maison", &inside).await, colleague(world, "dehors", &outside).await);
    let of = |organisation: &str| json!([{ "kind": "ORGANISATION", "organisationId": organisation }]);
    let one = added(world, &keeper, json!({ "title": "Note confidentielle", "audience": of(&inside) })).await;
    let thread = text(&remark(&home, &one, "Une remarque discrète").await["thread"]["id"]);
    let everything = "query($t: ID!, $d: ID!) { thread(id: $t) { id } document(id: $d) { id } threads(first: 100) { totalCount edges { node { id title } } } }";
    let all = json!({ "t": thread, "d": one });
    for who in [&away, &world.anonymous()] {
        let reply = who.run(everything, all.clone()).await;
        assert!(reply.data["thread"].is_null() && reply.data["threads"]["totalCount"] == json!(0), "{}", reply.text);
        assert!(!reply.text.contains("confidentielle"));
    }
    for who in [&home, &keeper, world.administrator()] {
        assert_eq!(remarks(who, &one).await["id"], json!(thread));
    }
    // The thread follows the document: who sees it no more sees no more of its remarks, who sees it from now on sees them all.
    let change = |more: Value| {
        let mut input = more;
        input["documentId"] = json!(one);
        input
    };
    let input = change(json!({ "audience": of(&outside), "title": "Note publique" }));
    keeper.mutate("updateDocument", input, "").await.done("updateDocument");
    assert_eq!(remarks(&away, &one).await["title"], "Remarques : Note publique");
    assert!(read(&home, "query($t: ID!) { thread(id: $t) { id } }", json!({ "t": thread })).await["thread"].is_null());
    assert_eq!(world.count("select count(*) from forums where remarks").await, 2);
    assert_eq!(world.count("select cast(sum(thread_count) as bigint) from forums where remarks").await, 1);
    let told: Vec<_> = world.events().await.into_iter().map(|entry| entry.event).collect();
    assert!(told.iter().any(|event| matches!(event, Event::ThreadMoved { thread: moved, .. } if moved.to_string() == thread)));
    // Two documents of one audience share a forum, which no list of forums shows.
    let two = added(world, &keeper, json!({ "audience": of(&outside) })).await;
    let (first, second) = (remarks(&away, &one).await, remark(&away, &two, "Une autre").await);
    assert_ne!(first["id"], second["thread"]["id"]);
    assert_eq!(world.count("select count(*) from forums where remarks").await, 2);
    let lists = read(&away, "{ spaces { forums { name } } }", json!({})).await;
    assert!(!lists.to_string().contains("Remarques sur les documents"), "{lists}");
}

async fn remarks_close_with_their_document(world: &World) {
    let (keeper, ada) = (editor(world, "edite").await, world.member("ada").await);
    let one = added(world, &keeper, json!({})).await;
    let first = remark(&ada, &one, "À relire").await;
    let archive = async |archived: bool| {
        world.advance(TimeDelta::minutes(1));
        let input = json!({ "documentId": one, "archived": archived });
        keeper.mutate("archiveDocument", input, "").await.done("archiveDocument");
        remarks(&ada, &one).await["locked"].clone()
    };
    assert_eq!(archive(true).await, json!(true), "they are still read");
    let input = json!({ "documentId": one, "body": "Encore" });
    assert_eq!(ada.mutate("remarkDocument", input.clone(), "").await.problems("remarkDocument"), ["documentId: REFUSE"]);
    let may = read(&ada, "query($d: ID!) { document(id: $d) { viewerMayRemark } }", json!({ "d": one })).await;
    assert_eq!(may["document"]["viewerMayRemark"], json!(false));
    let answer = json!({ "postId": first["id"], "body": "Encore" });
    assert_eq!(ada.mutate("answerPost", answer, "").await.problems("answerPost"), ["postId: REFUSE"]);
    assert_eq!(archive(false).await, json!(false));
    remark(&ada, &one, "Encore").await;
    // What a moderator locked stays locked.
    let chief = moderator(world, "ici", Some("accompagnement")).await;
    chief.mutate("lockThread", json!({ "threadId": first["thread"]["id"], "locked": true }), "").await.done("lockThread");
    archive(true).await;
    assert_eq!(archive(false).await, json!(true));
    assert_eq!(ada.mutate("remarkDocument", input.clone(), "").await.problems("remarkDocument"), ["documentId: REFUSE"]);
    chief.mutate("remarkDocument", input, "").await.done("remarkDocument");
}

async fn remarks_stay_with_their_document(world: &World) {
    let (keeper, ada) = (editor(world, "edite").await, world.member("ada").await);
    let one = added(world, &keeper, json!({})).await;
    let first = remark(&ada, &one, "À relire").await;
    let (thread, forum) = (first["thread"]["id"].clone(), first["thread"]["forum"]["id"].clone());
    let chief = moderator(world, "partout", None).await;
    let (questions, discussions) =
        (world.forum("plateforme", "questions").await, world.forum("accompagnement", "conception").await);
    let edit = json!({ "threadId": thread, "title": "Un autre titre" });
    assert_eq!(ada.mutate("editThread", edit, "").await.problems("editThread"), ["title: REFUSE"]);
    let edit = json!({ "threadId": thread, "kind": "QUESTION" });
    assert_eq!(ada.mutate("editThread", edit, "").await.problems("editThread"), ["kind: REFUSE"]);
    let away = json!({ "threadId": thread, "forumId": discussions, "kind": "DISCUSSION" });
    assert_eq!(chief.mutate("moveThread", away, "").await.problems("moveThread"), ["threadId: REFUSE"]);
    let (other, _) = ada.open_thread(&questions, "QUESTION", "Une question", "Texte").await;
    let into = json!({ "threadId": other, "forumId": forum, "kind": "DISCUSSION" });
    assert_eq!(chief.mutate("moveThread", into, "").await.problems("moveThread"), ["forumId: INCONNU"]);
    let open = json!({ "forumId": forum, "kind": "DISCUSSION", "title": "Un fil de plus", "body": "Texte" });
    for who in [&ada, &chief, world.administrator()] {
        assert_eq!(who.mutate("openThread", open.clone(), "").await.code(), "FORBIDDEN");
    }
    let change = json!({ "forumId": forum, "audience": [{ "kind": "MEMBRES" }] });
    assert_eq!(world.administrator().mutate("updateForum", change, "").await.problems("updateForum"), ["forumId: REFUSE"]);
}

async fn two_first_remarks_at_once_make_one_thread(world: &World) {
    let (keeper, ada, bob) = (editor(world, "edite").await, world.member("ada").await, world.member("bob").await);
    for round in 0..5 {
        let (one, two) = (added(world, &keeper, json!({})).await, added(world, &keeper, json!({})).await);
        let rows: Vec<_> = [(&ada, &one), (&bob, &one), (&keeper, &two)].map(|(who, id)| remark(who, id, "À relire")).into();
        let posts = join_all(rows).await;
        assert_eq!(posts[0]["thread"]["id"], posts[1]["thread"]["id"]);
        assert_eq!(world.count("select count(*) from threads where document_id is not null").await, 2 * (round + 1));
    }
    assert_eq!(world.count("select count(*) from forums where remarks").await, 1);
    assert_eq!(world.count("select cast(sum(thread_count) as bigint) from forums where remarks").await, 10);
}

async fn documents_of_threads_cost_the_same_whatever_their_number(world: &World) {
    let (keeper, ada) = (editor(world, "edite").await, world.member("ada").await);
    let forum = world.forum("plateforme", "questions").await;
    let more = async |many: usize| {
        for _ in 0..many {
            let one = added(world, &keeper, json!({ "link": "https://exemple.fr/1", "tags": ["mesure"] })).await;
            let body = format!("{}/documents/{one}/latest", world.url);
            ada.open_thread(&forum, "QUESTION", "Une question", &body).await;
            remark(&ada, &one, "À relire").await;
        }
    };
    let queries = [
        format!("{{ threads(forum: \"{forum}\", first: 20) {{ edges {{ node {{ documents {{ id }} links {{ document {{ id }} }} remarksOn {{ id }}
            systemEvents(first: 2) {{ totalCount }} openingPost {{ document {{ id }} }} }} }} }} }}"),
        "{ documents(tag: \"mesure\", first: 20) { edges { node { threads(first: 2) { totalCount edges { node { id } } } threadCounts { count }
            remarks { id postCount } sourcePost { id } writtenBy { id } latest { attachments { id } } } } } }"
            .to_owned(),
    ];
    let viewer = MemberId(uuid_of(&ada.id().await));
    more(2).await;
    let mut before = Vec::new();
    for query in &queries {
        before.push(cost(world, Some(viewer), query, json!({})).await.0);
    }
    more(6).await;
    for (query, before) in queries.iter().zip(before) {
        let after = cost(world, Some(viewer), query, json!({})).await.0;
        assert!(after <= before + 2, "{query}: {before}, {after}");
    }
}
