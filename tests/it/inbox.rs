//! The inbox: who is told what, once each, as long as they see it.

mod delivery;
mod groups;
mod reasons;
mod sight;

use harness::{Client, Story, World, stories};
use serde_json::{Value, json};

use crate::following::follow;
use crate::read_marks::mark;
use crate::steps::{nodes, read, text};
use delivery::{
    a_deep_inbox_is_told_in_bounded_turns, a_post_costs_the_same_whoever_follows, a_reader_that_died_goes_on_where_it_was,
    a_training_of_many_threads_is_told_in_turns_that_cost_the_same, an_earlier_database_tells_nobody_of_the_past,
    two_nodes_tell_each_person_once,
};
use groups::{
    a_few_posts_a_day_address_organisations, a_group_is_told_what_is_said_to_it, a_group_is_told_what_it_sees_and_not_silenced,
    a_large_organisation_is_told_in_bounded_turns, an_edit_replaces_groups_and_tells_nobody,
    what_may_not_be_addressed_stays_plain,
};
use reasons::{
    a_duplicate_brings_its_followers_along, a_fix_is_told_once_to_who_follows_the_report_or_a_duplicate,
    a_training_is_told_to_who_follows_it_or_a_thread_about_it, an_accepted_answer_is_told, moderation_of_ones_own_is_always_told,
    of_several_reasons_the_strongest_tells, what_is_said_to_somebody_is_told_them, who_follows_a_forum_is_told_as_they_chose,
};

use sight::{
    an_entry_goes_with_the_last_of_its_posts, what_is_out_of_sight_is_neither_listed_nor_counted,
    what_is_out_of_sight_is_not_pushed,
};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        what_is_said_to_somebody_is_told_them,
        who_follows_a_forum_is_told_as_they_chose,
        of_several_reasons_the_strongest_tells,
        an_accepted_answer_is_told,
        a_training_is_told_to_who_follows_it_or_a_thread_about_it,
        a_fix_is_told_once_to_who_follows_the_report_or_a_duplicate,
        a_duplicate_brings_its_followers_along,
        moderation_of_ones_own_is_always_told,
        a_group_is_told_what_is_said_to_it,
        what_may_not_be_addressed_stays_plain,
        a_group_is_told_what_it_sees_and_not_silenced,
        an_edit_replaces_groups_and_tells_nobody,
        a_few_posts_a_day_address_organisations,
        a_large_organisation_is_told_in_bounded_turns,
        what_happens_to_a_thread_folds_while_it_is_unread,
        what_is_read_is_marked_one_by_one_by_thread_or_all,
        what_is_out_of_sight_is_neither_listed_nor_counted,
        an_entry_goes_with_the_last_of_its_posts,
        what_is_out_of_sight_is_not_pushed,
        the_inbox_is_filtered_and_paged,
        what_was_read_is_kept_ninety_days,
        two_nodes_tell_each_person_once,
        a_reader_that_died_goes_on_where_it_was,
        a_deep_inbox_is_told_in_bounded_turns,
        a_training_of_many_threads_is_told_in_turns_that_cost_the_same,
        an_earlier_database_tells_nobody_of_the_past,
        a_post_costs_the_same_whoever_follows,
    ]
}

const NOTIFICATION: &str =
    "id reason sentence count createdAt toldAt readAt thread { id } post { id } training { id } actors { handle }";

/// Everything somebody was told, once all that happened is, the latest first. What is counted is what is listed.
async fn inbox(world: &World, who: &Client) -> Vec<Value> {
    world.deliver().await;
    let query = format!(
        "{{ viewer {{ unreadNotificationCount notifications(first: 100) {{ totalCount edges {{ node {{ {NOTIFICATION} }} }} }} }} }}"
    );
    let data = read(who, &query, json!({})).await["viewer"].clone();
    let found = nodes(&data["notifications"]);
    assert_eq!(data["notifications"]["totalCount"], json!(found.len()));
    let unread = found.iter().filter(|one| one["readAt"].is_null()).count();
    assert_eq!(data["unreadNotificationCount"], json!(unread));
    found
}

/// The reasons of all that, the latest first.
async fn reasons(world: &World, who: &Client) -> Vec<String> {
    inbox(world, who).await.iter().map(|one| text(&one["reason"])).collect()
}

/// Marks all that somebody was told as read.
async fn read_all(world: &World, who: &Client) {
    if let Some(latest) = inbox(world, who).await.first() {
        let input = json!({ "upTo": latest["toldAt"] });
        who.mutate("markAllNotificationsRead", input, "viewer { id }").await.done("markAllNotificationsRead");
    }
}

async fn what_happens_to_a_thread_folds_while_it_is_unread(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let ada = world.member("ada").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let mut people = Vec::new();
    for n in 0..4 {
        people.push(world.member(&format!("membre{n}")).await);
    }
    let first = people[0].answer(&root, "un").await;
    let told = inbox(world, &ada).await;
    assert_eq!((told.len(), &told[0]["count"], &told[0]["post"]["id"]), (1, &json!(1), &json!(first)));
    assert_eq!(told[0]["sentence"], "Membre membre0 a répondu à votre message dans «\u{a0}Une question\u{a0}».");
    people[1].answer(&root, "deux").await;
    people[0].answer(&root, "trois").await;
    let last = people[2].answer(&root, "quatre").await;
    let folded = inbox(world, &ada).await;
    assert_eq!((folded.len(), &folded[0]["id"], &folded[0]["count"]), (1, &told[0]["id"], &json!(4)));
    assert_eq!(folded[0]["actors"], json!([{ "handle": "membre2" }, { "handle": "membre0" }, { "handle": "membre1" }]));
    assert_eq!(folded[0]["post"]["id"], json!(last));
    assert_eq!(
        folded[0]["sentence"],
        "Membre membre2, Membre membre0 et d'autres ont répondu à votre message dans «\u{a0}Une question\u{a0}»."
    );
    // A weaker reason counts, and changes neither what is told nor where it leads.
    people[3].answer(&last, "cinq").await;
    let same = inbox(world, &ada).await;
    assert_eq!((&same[0]["reason"], &same[0]["count"], &same[0]["post"]["id"]), (&json!("REPONSE"), &json!(5), &json!(last)));
    assert_eq!(same[0]["actors"], folded[0]["actors"]);
    // A stronger one takes its place, with those who gave it.
    let mention = people[3].answer(&last, "six, @ada").await;
    let stronger = inbox(world, &ada).await;
    assert_eq!((stronger.len(), &stronger[0]["reason"], &stronger[0]["count"]), (1, &json!("MENTION"), &json!(6)));
    assert_eq!((&stronger[0]["post"]["id"], &stronger[0]["actors"]), (&json!(mention), &json!([{ "handle": "membre3" }])));
    // What was read is not opened again.
    read_all(world, &ada).await;
    people[0].answer(&root, "sept").await;
    let after = inbox(world, &ada).await;
    assert_eq!((after.len(), &after[0]["count"], &after[1]["count"]), (2, &json!(1), &json!(6)));
    assert_ne!(after[0]["id"], after[1]["id"]);
    assert!(after[0]["readAt"].is_null() && after[1]["readAt"].is_string());
    assert_eq!(after[0]["thread"]["id"], json!(thread));
}

async fn what_is_read_is_marked_one_by_one_by_thread_or_all(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let (other, elsewhere) = ada.open_thread(&forum, "QUESTION", "Une autre question", "Texte").await;
    let answer = ben.answer(&root, "un").await;
    ben.answer(&elsewhere, "deux").await;
    let accepted = json!({ "postId": answer });
    world.administrator().mutate("acceptAnswer", accepted, "").await.done("acceptAnswer");
    let told = inbox(world, &ada).await;
    assert_eq!(told.len(), 3);
    let unread = async || inbox(world, &ada).await.iter().filter(|one| one["readAt"].is_null()).count();
    // One.
    let one = json!({ "notificationId": told[0]["id"] });
    let done = ada.mutate("markNotificationRead", one.clone(), "notification { id readAt }").await.done("markNotificationRead");
    assert!(done["notification"]["readAt"].is_string());
    assert_eq!(ben.mutate("markNotificationRead", one.clone(), "").await.code(), "NOT_FOUND");
    ada.mutate("markNotificationRead", one, "").await.done("markNotificationRead");
    assert_eq!(unread().await, 2);
    // A thread.
    let input = json!({ "threadId": thread });
    ada.mutate("markThreadNotificationsRead", input, "thread { id }").await.done("markThreadNotificationsRead");
    assert_eq!(unread().await, 1);
    // By reading: what comes after the last post read stays.
    let (before, later) = (ben.answer(&elsewhere, "trois").await, ben.answer(&elsewhere, "quatre").await);
    assert_eq!(unread().await, 1);
    mark(&ada, &other, &before).await;
    assert_eq!(unread().await, 1, "the last post is not read");
    mark(&ada, &other, &later).await;
    assert_eq!(unread().await, 0);
    // Who has read a post by the time it is told is not told of it.
    let quick = ben.answer(&elsewhere, "cinq").await;
    mark(&ada, &other, &quick).await;
    assert_eq!(unread().await, 0);
    // All, up to what was shown.
    ben.answer(&elsewhere, "six").await;
    let shown = inbox(world, &ada).await[0]["toldAt"].clone();
    world.advance(chrono::TimeDelta::seconds(1));
    ben.answer(&root, "sept").await;
    world.deliver().await;
    let input = json!({ "upTo": shown });
    ada.mutate("markAllNotificationsRead", input, "viewer { unreadNotificationCount }").await.done("markAllNotificationsRead");
    let left = inbox(world, &ada).await;
    assert_eq!((left[0]["readAt"].is_null(), &left[0]["thread"]["id"]), (true, &json!(thread)));
    assert_eq!(unread().await, 1);
    let anonymous = world.anonymous().mutate("markAllNotificationsRead", json!({ "upTo": shown }), "").await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
}

async fn the_inbox_is_filtered_and_paged(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let (questions, design) = (world.forum("plateforme", "questions").await, world.forum("accompagnement", "conception").await);
    follow(&ada, &design, Some("PREMIERS_MESSAGES")).await;
    for n in 0..3 {
        ben.open_thread(&design, "QUESTION", &format!("Question {n}"), "Texte").await;
    }
    for n in 0..4 {
        ben.open_thread(&questions, "QUESTION", &format!("Question {n}"), "Pour @ada").await;
    }
    let all = inbox(world, &ada).await;
    assert_eq!(all.len(), 7);
    let first = json!({ "notificationId": all[0]["id"] });
    ada.mutate("markNotificationRead", first, "").await.done("markNotificationRead");
    let space = crate::steps::space(world, "accompagnement").await;
    let listed = async |filter: String| {
        let query = format!("{{ viewer {{ notifications({filter}) {{ totalCount edges {{ node {{ id }} }} }} }} }}");
        let data = read(&ada, &query, json!({})).await["viewer"]["notifications"].clone();
        assert_eq!(data["totalCount"], json!(nodes(&data).len()));
        nodes(&data).len()
    };
    assert_eq!(listed("reason: MENTION".into()).await, 4);
    assert_eq!(listed("reason: MENTION, unread: true".into()).await, 3);
    assert_eq!(listed("unread: false".into()).await, 1);
    assert_eq!(listed(format!("space: \"{space}\"")).await, 3);
    assert_eq!(listed(format!("space: \"{space}\", reason: MENTION")).await, 0);
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = "query($a: String) { viewer { notifications(first: 3, after: $a) { pageInfo { hasNextPage endCursor } edges { node { id } } } } }";
        let page = read(&ada, query, json!({ "a": after })).await["viewer"]["notifications"].clone();
        seen.extend(nodes(&page).iter().map(|one| one["id"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(seen, all.iter().map(|one| one["id"].clone()).collect::<Vec<_>>());
    // Nobody else's.
    let query = "{ member(handle: \"ada\") { unreadNotificationCount notifications { totalCount } } }";
    for other in [&ben, world.administrator(), &world.anonymous()] {
        let seen = read(other, query, json!({})).await["member"].clone();
        assert_eq!(seen, json!({ "unreadNotificationCount": null, "notifications": null }));
    }
    let query = "query($i: ID!) { node(id: $i) { ... on Notification { reason } } }";
    assert_eq!(read(&ada, query, json!({ "i": all[0]["id"] })).await["node"]["reason"], "MENTION");
    assert_eq!(read(&ben, query, json!({ "i": all[0]["id"] })).await["node"], Value::Null);
}

async fn what_was_read_is_kept_ninety_days(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    for n in 0..2 {
        ben.open_thread(&forum, "QUESTION", &format!("Question {n}"), "Pour @ada").await;
    }
    let first = json!({ "notificationId": inbox(world, &ada).await[0]["id"] });
    ada.mutate("markNotificationRead", first, "").await.done("markNotificationRead");
    for (days, left) in [(89, 2), (2, 1), (250, 1), (30, 0)] {
        world.advance(chrono::TimeDelta::days(days));
        world.run_jobs().await;
        assert_eq!(world.count("select count(*) from notifications").await, left, "after {days} days more");
    }
}
