//! The first story: a member joins, asks in a space, a peer answers below an answer, the author edits and accepts.

use harness::{Story, World, stories};
use serde_json::json;

pub(crate) fn stories() -> Vec<Story> {
    stories![a_member_joins_asks_and_is_answered, requests_give_their_connections_back]
}

async fn a_member_joins_asks_and_is_answered(world: &World) {
    let camille = world.member("camille").await;
    let bruno = world.member("bruno").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, opening) =
        camille.open_thread(&forum, "QUESTION", "Comment dupliquer une session ?", "Bonjour, **comment** faire ?").await;
    let first = bruno.answer(&opening, "Depuis le menu, @camille.").await;
    let second = camille.answer(&first, "Merci ! Et les inscrits ?").await;
    let third = bruno.answer(&second, "Ils ne suivent pas.").await;
    let edited = json!({ "postId": opening, "body": "Bonjour, comment dupliquer une session ?" });
    camille.mutate("editPost", edited, "post { id }").await.done("editPost");
    camille.mutate("acceptAnswer", json!({ "postId": third }), "thread { solved }").await.done("acceptAnswer");

    let query = "query($id: ID!) { thread(id: $id) { title solved postCount author { handle }
        acceptedAnswer { id } posts(first: 10) { totalCount pageInfo { hasNextPage } edges { node {
            id depth body editedAt accepted parent { id } author { handle } mentions { handle } } } } } }";
    let reply = world.anonymous().run(query, json!({ "id": thread })).await;
    let seen = &reply.data["thread"];
    assert_eq!((&seen["solved"], &seen["postCount"]), (&json!(true), &json!(4)), "{}", reply.text);
    assert_eq!(seen["acceptedAnswer"]["id"], json!(third));
    let posts: Vec<_> = seen["posts"]["edges"].as_array().expect("posts").iter().map(|edge| &edge["node"]).collect();
    let shape: Vec<_> = posts.iter().map(|post| (post["id"].as_str().unwrap(), post["depth"].as_i64().unwrap())).collect();
    assert_eq!(shape, [(&*opening, 0), (&*first, 1), (&*second, 2), (&*third, 3)]);
    assert_eq!(posts[3]["parent"]["id"], json!(second));
    assert_eq!(posts[1]["mentions"], json!([{ "handle": "camille" }]));
    assert_eq!(posts[0]["body"], json!("Bonjour, comment dupliquer une session ?"));
    assert!(posts[0]["editedAt"].is_string() && posts[3]["accepted"] == json!(true));
    assert!(!world.events().await.is_empty());
}

/// More requests than there are connections, each through the loaders, some by clients that hang up.
async fn requests_give_their_connections_back(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = world.administrator().open_thread(&forum, "QUESTION", "Une question", "Bonjour").await;
    let query =
        "query($id: ID!) { thread(id: $id) { forum { space { name } } openingPost { author { organisation { name } } } } }";
    let variables = json!({ "id": thread });
    for _ in 0..20 {
        let client = world.anonymous();
        let asked = tokio::time::timeout(std::time::Duration::from_micros(800), client.run(query, variables.clone()));
        drop(asked.await);
        let reply = client.run(query, variables.clone()).await;
        assert_eq!(reply.data["thread"]["forum"]["space"]["name"], json!("Espace plateforme"), "{}", reply.text);
    }
}
