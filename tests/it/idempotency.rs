//! Acts under a key: done once, however often they are asked for.

use chrono::TimeDelta;
use ciam::Duties;
use harness::{Client, Story, World, stories};
use serde_json::{Value, json};
use services::App;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::steps::{moderator, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_repeat_does_nothing_and_shows_the_same,
        a_key_serves_one_input_of_one_member,
        a_refusal_leaves_the_key_free,
        repeats_at_once_are_one_act,
        a_repeat_after_a_restart_is_a_repeat,
        a_key_is_forgotten_after_a_day,
        a_secret_is_never_shown_again,
        a_link_is_mailed_once,
        a_repeat_shows_what_its_caller_sees_now,
        a_key_is_well_formed,
        every_mutation_takes_a_key,
    ]
}

fn question(forum: &str, key: &str) -> Value {
    json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question posée une fois", "body": "Texte", "idempotencyKey": key })
}

/// The id of the thread that an opening gave.
async fn opened(client: &Client, input: Value) -> String {
    let reply = client.mutate("openThread", input, "thread { id }").await;
    text(&reply.done("openThread")["thread"]["id"])
}

async fn events(world: &World) -> usize {
    world.events().await.len()
}

async fn a_repeat_does_nothing_and_shows_the_same(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let thread = opened(&ada, question(&forum, "k-1")).await;
    let before = events(world).await;
    assert_eq!(opened(&ada, question(&forum, "k-1")).await, thread);
    // What says nothing of the act does not count, nor how the input is written.
    let mut again = question(&forum, "k-1");
    again["clientMutationId"] = json!("autre");
    assert_eq!(opened(&ada, again).await, thread);
    let written = format!(
        "mutation {{ openThread(input: {{ idempotencyKey: \"k-1\", body: \"Texte\", title: \"Une question posée une fois\",
           kind: QUESTION, forumId: \"{forum}\", clientMutationId: null }}) {{ thread {{ id }} problems {{ message }} }} }}"
    );
    assert_eq!(text(&ada.run(&written, json!({})).await.done("openThread")["thread"]["id"]), thread);
    assert_eq!((events(world).await, world.count("select count(*) from threads").await), (before, 1));
    // Acts that say little of what they made are repeated as well.
    let root = text(
        &read(&ada, "query($t: ID!) { thread(id: $t) { openingPost { id } } }", json!({ "t": thread })).await["thread"]["openingPost"]
            ["id"],
    );
    let answer = ada.answer(&root, "Une réponse").await;
    let delete = json!({ "postId": answer, "idempotencyKey": "k-2" });
    for _ in 0..2 {
        let done = ada.mutate("deletePost", delete.clone(), "deletedPostId post { deleted }").await.done("deletePost");
        assert_eq!((&done["deletedPostId"], &done["post"]["deleted"]), (&json!(answer), &json!(true)));
    }
    let without = json!({ "postId": answer });
    assert_eq!(ada.mutate("deletePost", without, "").await.problems("deletePost"), ["postId: REFUSE"], "no key, no repeat");
}

async fn a_key_serves_one_input_of_one_member(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    let own = opened(&ada, question(&forum, "same")).await;
    let theirs = opened(&ben, question(&forum, "same")).await;
    assert_ne!(own, theirs);
    let mut other = question(&forum, "same");
    other["title"] = json!("Une tout autre question");
    let refused = ada.mutate("openThread", other, "thread { id }").await;
    assert_eq!(refused.problems("openThread"), ["idempotencyKey: DEJA_PRIS"]);
    // Another mutation has its own keys.
    let input = json!({ "name": "Ada L.", "idempotencyKey": "same" });
    ada.mutate("updateProfile", input, "").await.done("updateProfile");
    assert_eq!(world.count("select count(*) from threads").await, 2);
}

async fn a_refusal_leaves_the_key_free(world: &World) {
    let ada = world.member("ada").await;
    let (forum, news) = (world.forum("plateforme", "questions").await, world.forum("plateforme", "actualites").await);
    let mut short = question(&forum, "k");
    short["title"] = json!("a");
    assert_eq!(ada.mutate("openThread", short, "").await.problems("openThread"), ["title: TROP_COURT"]);
    assert_eq!(ada.mutate("openThread", question(&news, "k"), "").await.code(), "FORBIDDEN");
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 0);
    opened(&ada, question(&forum, "k")).await;
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 1);
}

async fn repeats_at_once_are_one_act(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (_, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let input = json!({ "postId": root, "body": "Une seule fois", "idempotencyKey": "k" });
    let asked = (0..20).map(|_| ada.mutate("answerPost", input.clone(), "post { id }"));
    let mut posts: Vec<_> =
        futures_util::future::join_all(asked).await.iter().map(|reply| text(&reply.done("answerPost")["post"]["id"])).collect();
    posts.dedup();
    assert_eq!((posts.len(), world.count("select count(*) from posts").await), (1, 2));
    assert_eq!(world.count("select count(*) from threads where post_count = 2 and next_ordinal = 2").await, 1);
}

/// Another process on the same data, with nothing in its memory.
async fn a_repeat_after_a_restart_is_a_repeat(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let thread = opened(&ada, question(&forum, "k")).await;
    world.stop().await;
    let app = App::open((*world.app.config).clone(), world.app.clock.clone(), Uuid::from_u128(2)).await.expect("it opens again");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let running = ciam::start(app, listener, Duties { jobs: false, behind_proxy: false }).await.expect("it starts again");
    let again = Client::new(&url).with_bearer(ada.bearer.as_deref().expect("a token"));
    assert_eq!(opened(&again, question(&forum, "k")).await, thread);
    assert_eq!(world.count("select count(*) from threads").await, 1);
    running.stop().await;
}

async fn a_key_is_forgotten_after_a_day(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let thread = opened(&ada, question(&forum, "k")).await;
    world.advance(TimeDelta::hours(23));
    assert_eq!(opened(&ada, question(&forum, "k")).await, thread);
    // Past its day it serves again, swept or not.
    world.advance(TimeDelta::hours(2));
    let next = opened(&ada, question(&forum, "k")).await;
    assert_ne!(next, thread);
    assert_eq!(opened(&ada, question(&forum, "k")).await, next);
    world.advance(TimeDelta::hours(49));
    world.run_jobs().await;
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 0);
}

async fn a_secret_is_never_shown_again(world: &World) {
    let ada = world.member("ada").await;
    let input = json!({ "name": "essai", "scopes": ["LIRE"], "expiresInDays": 7, "idempotencyKey": "k" });
    let first = ada.mutate("createAccessToken", input.clone(), "token { id } secret").await.done("createAccessToken");
    let again = ada.mutate("createAccessToken", input, "token { id } secret").await.done("createAccessToken");
    assert_eq!((&again["token"]["id"], &again["secret"]), (&first["token"]["id"], &Value::Null));
    let secret = text(&first["secret"]);
    assert!(ada.with_bearer(&secret).id().await.starts_with("mem_"));
    assert!(!world.stores(secret.split_at(37).1).await);

    let link = world.link("ben@exemple.test").await;
    let input = json!({ "token": link, "handle": "ben", "name": "Ben", "kind": "CLIENT", "idempotencyKey": "k" });
    let first = world.anonymous().mutate("signUp", input.clone(), "member { handle } bearer").await.done("signUp");
    let again = world.anonymous().mutate("signUp", input, "member { handle } bearer").await.done("signUp");
    assert!(first["bearer"].is_string());
    assert_eq!(again, json!({ "problems": [], "member": { "handle": "ben" }, "bearer": null }));
    assert_eq!(world.count("select count(*) from members where handle = 'ben'").await, 1);

    let link = world.link("ben@exemple.test").await;
    let input = json!({ "token": link, "kind": "NAVIGATEUR", "idempotencyKey": "k" });
    world.anonymous().mutate("signIn", input.clone(), "member { handle }").await.done("signIn");
    // Who asks again is nobody still, and gets no cookie.
    let again = world.anonymous().mutate("signIn", input, "member { handle address }").await.done("signIn");
    assert_eq!(again["member"], json!({ "handle": "ben", "address": null }));
    let other = json!({ "token": link, "kind": "NAVIGATEUR", "idempotencyKey": "autre" });
    assert_eq!(world.anonymous().mutate("signIn", other, "").await.problems("signIn"), ["token: EXPIRE"]);
}

async fn a_link_is_mailed_once(world: &World) {
    let anonymous = world.anonymous();
    let ask = |address: &str, key: &str| {
        anonymous.mutate("requestLink", json!({ "address": address, "idempotencyKey": key }), "message")
    };
    for _ in 0..3 {
        ask("camille@exemple.test", "k").await.done("requestLink");
    }
    ask("camille@exemple.test", "autre").await.done("requestLink");
    ask("bruno@exemple.test", "k").await.done("requestLink");
    let mut to: Vec<_> = world.take_mails().await.into_iter().map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["bruno@exemple.test", "camille@exemple.test", "camille@exemple.test"]);
    assert_eq!(world.count("select count(*) from idempotency_keys where owner like '%camille%'").await, 0);
}

async fn a_repeat_shows_what_its_caller_sees_now(world: &World) {
    let (ada, modo) = (world.member("ada").await, moderator(world, "modo", Some("plateforme")).await);
    let forum = world.forum("plateforme", "questions").await;
    let thread = opened(&ada, question(&forum, "k")).await;
    modo.mutate("hideThread", json!({ "threadId": thread, "hidden": true }), "").await.done("hideThread");
    let again = ada.mutate("openThread", question(&forum, "k"), "thread { id title }").await.done("openThread");
    assert_eq!(again["thread"], Value::Null);
    // Suspended meanwhile, one is told all the same that it was done.
    let input = json!({ "name": "Ada L.", "idempotencyKey": "k" });
    ada.mutate("updateProfile", input.clone(), "").await.done("updateProfile");
    let suspend = json!({ "memberId": ada.id().await, "reason": "Propos déplacés" });
    world.administrator().mutate("suspendMember", suspend, "").await.done("suspendMember");
    assert_eq!(ada.mutate("updateProfile", input, "member { name }").await.done("updateProfile")["member"]["name"], "Ada L.");
    let other = json!({ "name": "Ada M.", "idempotencyKey": "k2" });
    assert_eq!(ada.mutate("updateProfile", other, "").await.code(), "FORBIDDEN");
}

async fn a_key_is_well_formed(world: &World) {
    let ada = world.member("ada").await;
    let long = "a".repeat(101);
    for key in ["", " ", "é", "a b", "a\u{0}b", &*long] {
        let reply = ada.mutate("updateProfile", json!({ "name": "Ada L.", "idempotencyKey": key }), "").await;
        assert_eq!(reply.problems("updateProfile"), ["idempotencyKey: MALFORME"], "{key:?}");
    }
    let reply = world.anonymous().mutate("updateProfile", json!({ "name": "Personne", "idempotencyKey": "k" }), "").await;
    assert_eq!(reply.code(), "UNAUTHENTICATED");
}

async fn every_mutation_takes_a_key(world: &World) {
    let query = "{ __schema { mutationType { fields { name args { name type { ofType { name inputFields { name } } } } } } } }";
    let data = read(&world.anonymous(), query, json!({})).await;
    let mutations = data["__schema"]["mutationType"]["fields"].as_array().expect("mutations").clone();
    assert!(mutations.len() > 25);
    for mutation in mutations {
        let fields = mutation["args"][0]["type"]["ofType"]["inputFields"].to_string();
        assert!(fields.contains("\"idempotencyKey\"") && fields.contains("\"clientMutationId\""), "{mutation}");
    }
}
