//! Files attached to posts: seen with the post, replaced by an edit, kept for those who moderate.

use chrono::TimeDelta;
use harness::{Client, Story, World, stories};
use serde_json::{Value, json};

use crate::files::pdf;
use crate::steps::{colleague, moderator, new_forum, organisation, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        whoever_sees_a_post_reads_its_files,
        only_ones_own_fresh_files_are_attached,
        an_edit_replaces_files_and_keeps_the_former_ones,
        a_post_that_is_taken_away_takes_its_files_along,
        a_file_is_attached_once_however_many_ask,
    ]
}

async fn sent(client: &Client, name: &str) -> String {
    text(&client.send_file(name, &pdf(name)).await["id"])
}

async fn status(client: &Client, file: &str) -> u16 {
    client.take(&format!("/files/{file}")).await.0
}

/// The names of what a post has, as this client sees it.
async fn names(client: &Client, post: &str) -> Vec<String> {
    let query = "query($p: ID!) { post(id: $p) { attachments { name } } }";
    let data = read(client, query, json!({ "p": post })).await;
    data["post"]["attachments"].as_array().expect("a list").iter().map(|file| text(&file["name"])).collect()
}

/// Opens a thread with these files; its id and its opening post's.
async fn opened(client: &Client, forum: &str, files: &[&str]) -> (String, String) {
    let input =
        json!({ "forumId": forum, "kind": "QUESTION", "title": "Un fil et ses fichiers", "body": "Voyez", "attachments": files });
    let thread =
        client.mutate("openThread", input, "thread { id openingPost { id } }").await.done("openThread")["thread"].clone();
    (text(&thread["id"]), text(&thread["openingPost"]["id"]))
}

async fn whoever_sees_a_post_reads_its_files(world: &World) {
    let (inside, outside) = (organisation(world, "Dedans", None).await, organisation(world, "Dehors", None).await);
    let (ada, outsider) = (colleague(world, "ada", &inside).await, colleague(world, "dehors", &outside).await);
    let near = colleague(world, "proche", &inside).await;
    let content = pdf("un.pdf");
    let file = sent(&ada, "un.pdf").await;
    let (_, post) = opened(&ada, &world.forum("plateforme", "questions").await, &[&file]).await;
    let query = "query($p: ID!) { post(id: $p) { attachments { id name mediaType size sha256 url uploader { handle } } } }";
    let seen = read(&world.anonymous(), query, json!({ "p": post })).await["post"]["attachments"][0].clone();
    assert_eq!(seen["url"], json!(format!("{}/files/{file}", world.url)));
    assert_eq!(
        (&seen["name"], &seen["size"], &seen["uploader"]["handle"]),
        (&json!("un.pdf"), &json!(content.len()), &json!("ada"))
    );
    assert_eq!(world.anonymous().take(&format!("/files/{file}")).await, (200, content));
    let reply = outsider
        .mutate(
            "answerPost",
            json!({ "postId": post, "body": "Et ceci", "attachments": [sent(&outsider, "deux.pdf").await] }),
            "post { attachments { name } }",
        )
        .await;
    assert_eq!(reply.done("answerPost")["post"]["attachments"], json!([{ "name": "deux.pdf" }]));

    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let forum = new_forum(world, "plateforme", "Entre nous", audience).await;
    let secret = sent(&ada, "secret.pdf").await;
    assert_eq!(status(&near, &secret).await, 404, "until it is attached it is its sender's");
    opened(&ada, &forum, &[&secret]).await;
    for (client, expected) in
        [(&ada, 200), (&near, 200), (world.administrator(), 200), (&outsider, 404), (&world.anonymous(), 404)]
    {
        assert_eq!(status(client, &secret).await, expected);
        let node = client.run("query($f: ID!) { node(id: $f) { ... on File { name } } }", json!({ "f": secret })).await;
        assert_eq!(node.data["node"].is_null(), expected == 404, "{}", node.text);
    }
    world.advance(TimeDelta::days(3));
    world.run_jobs().await;
    assert_eq!((status(&near, &secret).await, status(&outsider, &file).await), (200, 200), "what is used is not swept");
    // Who leaves the organisation reads it no more, its sender neither.
    ada.mutate("leaveOrganisation", json!({}), "").await.done("leaveOrganisation");
    assert_eq!(status(&ada, &secret).await, 404);
}

async fn only_ones_own_fresh_files_are_attached(world: &World) {
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let forum = world.forum("plateforme", "questions").await;
    let (mine, theirs, used) = (sent(&ada, "a.pdf").await, sent(&bob, "b.pdf").await, sent(&ada, "c.pdf").await);
    let (_, post) = opened(&ada, &forum, &[&used]).await;
    let many: Vec<_> = (0..11).map(|n| format!("fil_{n:032x}")).collect();
    let before = world.count("select count(*) from posts").await;
    let unknown = format!("fil_{:032x}", 7);
    for (files, code) in [
        (json!([theirs]), "INCONNU"),
        (json!([unknown]), "INCONNU"),
        (json!([mine, theirs]), "INCONNU"),
        (json!([used]), "DEJA_PRIS"),
        (json!([post]), "MALFORME"),
        (json!(["rien"]), "MALFORME"),
        (json!(many), "TROP_LONG"),
    ] {
        for (mutation, input) in [
            ("answerPost", json!({ "postId": post, "body": "Réponse", "attachments": files })),
            (
                "openThread",
                json!({ "forumId": forum, "kind": "QUESTION", "title": "Un titre sain", "body": "B", "attachments": files }),
            ),
        ] {
            assert_eq!(ada.mutate(mutation, input, "").await.problems(mutation), [format!("attachments: {code}")], "{files}");
        }
    }
    let told =
        async |file: &str| ada.mutate("answerPost", json!({ "postId": post, "body": "R", "attachments": [file] }), "").await.text;
    assert_eq!(told(&theirs).await, told(&unknown).await, "another's file is not told from none");
    assert_eq!(world.count("select count(*) from posts").await, before, "nothing was written");
    assert_eq!(status(&bob, &theirs).await, 200);
    // Named twice is attached once.
    let input = json!({ "postId": post, "body": "Réponse", "attachments": [mine, mine] });
    let done = ada.mutate("answerPost", input, "post { attachments { id } }").await.done("answerPost");
    assert_eq!(done["post"]["attachments"], json!([{ "id": mine }]));
    world.advance(TimeDelta::hours(25));
    world.run_jobs().await;
    let input = json!({ "postId": post, "body": "Trop tard", "attachments": [theirs] });
    assert_eq!(bob.mutate("answerPost", input, "").await.problems("answerPost"), ["attachments: INCONNU"], "swept meanwhile");
}

async fn an_edit_replaces_files_and_keeps_the_former_ones(world: &World) {
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let watcher = moderator(world, "garde", None).await;
    let (first, second, third) = (sent(&ada, "1.pdf").await, sent(&ada, "2.pdf").await, sent(&ada, "3.pdf").await);
    let (_, post) = opened(&ada, &world.forum("plateforme", "questions").await, &[&first, &second]).await;
    let edit = async |body: &str, files: Value| {
        let mut input = json!({ "postId": post, "body": body });
        if !files.is_null() {
            input["attachments"] = files;
        }
        ada.mutate("editPost", input, "post { revision }").await.done("editPost")["post"]["revision"].clone()
    };
    assert_eq!(edit("Voyez", json!([first, second])).await, json!(1), "nothing changes");
    assert_eq!(edit("Voyez mieux", Value::Null).await, json!(2));
    assert_eq!(names(&bob, &post).await, ["1.pdf", "2.pdf"], "an edit of the text keeps them");
    assert_eq!(edit("Voyez mieux", json!([third, second])).await, json!(3));
    assert_eq!(names(&bob, &post).await, ["3.pdf", "2.pdf"]);
    assert_eq!((status(&bob, &first).await, status(&ada, &first).await, status(&watcher, &first).await), (404, 404, 200));
    assert_eq!(edit("Voyez mieux", json!([first])).await, json!(4), "what it had once it may have again");
    assert_eq!(names(&bob, &post).await, ["1.pdf"]);
    assert_eq!((status(&bob, &first).await, status(&bob, &third).await), (200, 404));
    assert_eq!(edit("Voyez mieux", json!([])).await, json!(5));
    assert_eq!(names(&bob, &post).await, [""; 0]);
    let query = "query($p: ID!) { post(id: $p) { revisions { edges { node { revision attachments { name } } } } } }";
    let revisions = read(&watcher, query, json!({ "p": post })).await["post"]["revisions"]["edges"].clone();
    let then: Vec<_> = revisions.as_array().expect("revisions").iter().map(|edge| edge["node"]["attachments"].clone()).collect();
    let named = |names: &[&str]| json!(names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>());
    assert_eq!(then, [named(&["1.pdf", "2.pdf"]), named(&["1.pdf", "2.pdf"]), named(&["3.pdf", "2.pdf"]), named(&["1.pdf"])]);
    assert!(read(&bob, query, json!({ "p": post })).await["post"]["revisions"].is_null());
}

async fn a_post_that_is_taken_away_takes_its_files_along(world: &World) {
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let watcher = moderator(world, "garde", None).await;
    let files = [sent(&ada, "1.pdf").await, sent(&ada, "2.pdf").await, sent(&ada, "3.pdf").await];
    let (thread, post) = opened(&ada, &world.forum("plateforme", "questions").await, &[&files[0]]).await;
    let mut answers = Vec::new();
    for file in &files[1..] {
        let input = json!({ "postId": post, "body": "Réponse", "attachments": [file] });
        answers.push(text(&ada.mutate("answerPost", input, "post { id }").await.done("answerPost")["post"]["id"]));
    }
    ada.mutate("deletePost", json!({ "postId": answers[0] }), "").await.done("deletePost");
    let hide = json!({ "postId": answers[1], "hidden": true, "reason": "Hors sujet" });
    watcher.mutate("hidePost", hide, "").await.done("hidePost");
    for (client, deleted, hidden) in [(&bob, 404, 404), (&ada, 404, 200), (&watcher, 200, 200), (&world.anonymous(), 404, 404)] {
        assert_eq!((status(client, &files[1]).await, status(client, &files[2]).await), (deleted, hidden));
        let seen = (names(client, &answers[0]).await.len(), names(client, &answers[1]).await.len());
        assert_eq!(seen, (usize::from(deleted == 200), usize::from(hidden == 200)), "listed as it is read");
    }
    watcher.mutate("hideThread", json!({ "threadId": thread, "hidden": true }), "").await.done("hideThread");
    assert_eq!(
        (status(&bob, &files[0]).await, status(&ada, &files[0]).await, status(&watcher, &files[0]).await),
        (404, 404, 200)
    );
}

async fn a_file_is_attached_once_however_many_ask(world: &World) {
    let ada = world.member("ada").await;
    let (_, post) = opened(&ada, &world.forum("plateforme", "questions").await, &[]).await;
    let file = sent(&ada, "a.pdf").await;
    let asked = (0..6).map(|n| {
        let input = json!({ "postId": post, "body": format!("Réponse {n}"), "attachments": [file] });
        ada.mutate("answerPost", input, "post { id }")
    });
    let replies = futures_util::future::join_all(asked).await;
    let done = replies.iter().filter(|reply| reply.data["answerPost"]["problems"] == json!([])).count();
    assert_eq!((done, world.count("select count(*) from post_attachments").await), (1, 1));
    // Under a key it is one act.
    let file = sent(&ada, "b.pdf").await;
    let input = json!({ "postId": post, "body": "Une fois", "attachments": [file], "idempotencyKey": "k1" });
    let first = ada.mutate("answerPost", input.clone(), "post { id }").await.done("answerPost");
    assert_eq!(ada.mutate("answerPost", input, "post { id }").await.done("answerPost"), first);
}
