//! Read marks: what counts as unread, up to where, and what never does.

use chrono::TimeDelta;
use harness::{Client, Story, World, stories};
use serde_json::{Value, json};

use crate::steps::{colleague, column, moderator, new_forum, organisation, read};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_mark_follows_the_order_of_arrival_and_never_goes_back,
        ones_own_posts_and_those_away_are_not_unread,
        what_was_there_before_counts_as_read,
        a_forum_counts_its_threads_with_unread_posts,
        counts_stop_at_a_hundred,
        what_cannot_be_marked_is_refused_in_words,
    ]
}

async fn unread(who: &Client, thread: &str) -> Value {
    let query = "query($t: ID!) { thread(id: $t) { unreadCount } }";
    read(who, query, json!({ "t": thread })).await["thread"]["unreadCount"].clone()
}

async fn unread_below(who: &Client, forum: &str) -> Value {
    let query = "query($f: ID!) { forum(id: $f) { unreadCount } }";
    read(who, query, json!({ "f": forum })).await["forum"]["unreadCount"].clone()
}

/// Marks a thread as read up to a post; how much is unread then.
pub(crate) async fn mark(who: &Client, thread: &str, post: &str) -> Value {
    let reply = who.mutate("markThreadRead", json!({ "threadId": thread, "upTo": post }), "thread { unreadCount }").await;
    reply.done("markThreadRead")["thread"]["unreadCount"].clone()
}

async fn mark_forum(who: &Client, forum: &str) -> Value {
    let reply = who.mutate("markForumRead", json!({ "forumId": forum }), "forum { unreadCount }").await;
    reply.done("markForumRead")["forum"]["unreadCount"].clone()
}

async fn a_mark_follows_the_order_of_arrival_and_never_goes_back(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    // In the reading order the third one comes before the second one.
    let first = ada.answer(&root, "un").await;
    let second = ada.answer(&root, "deux").await;
    let third = ada.answer(&first, "trois").await;
    assert_eq!(unread(&ben, &thread).await, 4);
    assert_eq!(unread(&world.anonymous(), &thread).await, Value::Null);
    assert_eq!(mark(&ben, &thread, &root).await, 3);
    assert_eq!(mark(&ben, &thread, &second).await, 1);
    assert_eq!(mark(&ben, &thread, &first).await, 1, "never back");
    assert_eq!(mark(&ben, &thread, &third).await, 0);
    ada.answer(&root, "quatre").await;
    assert_eq!(unread(&ben, &thread).await, 1);
    assert_eq!(world.count("select count(*) from thread_reads").await, 1);
    let before = world.events().await.len();
    mark(&ben, &thread, &third).await;
    assert_eq!(world.events().await.len(), before, "it is nobody else's business");
}

async fn ones_own_posts_and_those_away_are_not_unread(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    assert_eq!((unread(&ada, &thread).await, unread(&ben, &thread).await), (json!(0), json!(1)));
    mark(&ben, &thread, &root).await;
    let own = ben.answer(&root, "la mienne").await;
    assert_eq!((unread(&ada, &thread).await, unread(&ben, &thread).await), (json!(1), json!(0)));
    let away = ada.answer(&own, "à retirer").await;
    let hidden = ada.answer(&own, "à masquer").await;
    assert_eq!(unread(&ben, &thread).await, 2);
    ada.mutate("deletePost", json!({ "postId": away }), "").await.done("deletePost");
    let hide = |hidden: bool, post: &str| json!({ "postId": post, "hidden": hidden, "reason": "Parce que" });
    chief.mutate("hidePost", hide(true, &hidden), "").await.done("hidePost");
    assert_eq!((unread(&ben, &thread).await, unread_below(&ben, &forum).await), (json!(0), json!(0)));
    chief.mutate("hidePost", hide(false, &hidden), "").await.done("hidePost");
    assert_eq!(unread(&ben, &thread).await, 1);
}

async fn what_was_there_before_counts_as_read(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let ben = world.member("ben").await;
    assert_eq!((unread(&ben, &thread).await, unread_below(&ben, &forum).await), (json!(0), json!(0)), "before he joined");
    ada.answer(&root, "un").await;
    assert_eq!((unread(&ben, &thread).await, unread_below(&ben, &forum).await), (json!(1), json!(1)));
    assert_eq!(mark_forum(&ben, &forum).await, 0);
    assert_eq!(unread(&ben, &thread).await, 0, "by the mark of its forum");
    let other = world.forum("accompagnement", "conception").await;
    ada.open_thread(&other, "QUESTION", "Une question ailleurs", "Texte").await;
    assert_eq!(unread_below(&ben, &other).await, 1, "a forum's mark is its own");
    world.advance(TimeDelta::minutes(1));
    ada.answer(&root, "deux").await;
    assert_eq!((unread(&ben, &thread).await, unread_below(&ben, &forum).await), (json!(1), json!(1)));
    world.advance(TimeDelta::days(91));
    let (ada, ben) = (world.member("ada2").await, sign_in_again(world, "ben").await);
    assert_eq!((unread(&ben, &thread).await, unread_below(&ben, &forum).await), (json!(0), json!(0)), "long ago");
    ada.answer(&root, "trois").await;
    assert_eq!((unread(&ben, &thread).await, unread_below(&ben, &forum).await), (json!(1), json!(1)));
}

/// A session for a member whose former one is past.
pub(crate) async fn sign_in_again(world: &World, handle: &str) -> Client {
    let link = world.link(&format!("{handle}@exemple.test")).await;
    world.anonymous().sign_in(&link).await
}

async fn a_forum_counts_its_threads_with_unread_posts(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    let mut threads = Vec::new();
    for n in 0..3 {
        threads.push(ada.open_thread(&forum, "QUESTION", &format!("Question {n}"), "Texte").await);
    }
    assert_eq!(unread_below(&ben, &forum).await, 3);
    assert_eq!(unread_below(&ada, &forum).await, 0);
    assert_eq!(unread_below(&world.anonymous(), &forum).await, Value::Null);
    mark(&ben, &threads[0].0, &threads[0].1).await;
    assert_eq!(unread_below(&ben, &forum).await, 2);
    let hide = json!({ "threadId": threads[1].0, "hidden": true });
    world.administrator().mutate("hideThread", hide, "").await.done("hideThread");
    assert_eq!(unread_below(&ben, &forum).await, 1);
    // In lists, of each its own.
    let query = "query($f: ID!) { forum(id: $f) { threads(orderBy: DATE) { edges { node { unreadCount } } } } }";
    let seen = read(&ben, query, json!({ "f": forum })).await["forum"]["threads"].clone();
    assert_eq!(column(&seen, "unreadCount"), [json!(1), json!(0)]);
}

async fn counts_stop_at_a_hundred(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une longue question", "Texte").await;
    for n in 0..105 {
        ada.answer(&root, &format!("Réponse {n}")).await;
    }
    assert_eq!(unread(&ben, &thread).await, 100);
    assert_eq!(mark(&ben, &thread, &root).await, 100);
}

async fn what_cannot_be_marked_is_refused_in_words(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let (ada, ben) = (colleague(world, "ada", &inside).await, world.member("ben").await);
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let restricted = new_forum(world, "plateforme", "Entre nous", audience).await;
    let public = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&public, "QUESTION", "Une question", "Texte").await;
    let (secret, within) = ada.open_thread(&restricted, "QUESTION", "Une question entre nous", "Texte").await;
    let asked = |thread: &str, post: &str| json!({ "threadId": thread, "upTo": post });
    for post in [&within, &format!("pos_{:032x}", 7)] {
        let reply = ben.mutate("markThreadRead", asked(&thread, post), "").await;
        assert_eq!(reply.problems("markThreadRead"), ["upTo: INCONNU"]);
    }
    assert_eq!(ben.mutate("markThreadRead", asked(&secret, &within), "").await.code(), "NOT_FOUND");
    assert_eq!(ben.mutate("markForumRead", json!({ "forumId": restricted }), "").await.code(), "NOT_FOUND");
    assert_eq!(world.anonymous().mutate("markThreadRead", asked(&thread, &root), "").await.code(), "UNAUTHENTICATED");
    // Somebody suspended still reads.
    let input = json!({ "memberId": ben.id().await, "reason": "Pour l'exemple" });
    world.administrator().mutate("suspendMember", input, "").await.done("suspendMember");
    assert_eq!(mark(&ben, &thread, &root).await, 0);
    assert_eq!(mark_forum(&ben, &public).await, 0);
    // A thread brought elsewhere keeps its mark.
    let to = world.forum("plateforme", "bonnes-pratiques").await;
    let input = json!({ "threadId": thread, "forumId": to, "kind": "DISCUSSION" });
    world.administrator().mutate("moveThread", input, "").await.done("moveThread");
    assert_eq!((unread(&ben, &thread).await, unread_below(&ben, &to).await), (json!(0), json!(0)));
}
