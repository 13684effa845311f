//! What a person may no longer see is neither listed, counted nor pushed.

use harness::{Client, Socket, World};
use serde_json::{Value, json};

use super::{inbox, reasons};
use crate::following::follow;
use crate::steps::{colleague, new_forum, organisation, text};

pub(super) async fn what_is_out_of_sight_is_neither_listed_nor_counted(world: &World) {
    let admin = world.administrator();
    let inside = organisation(world, "Dedans", None).await;
    let (ada, ben) = (colleague(world, "ada", &inside).await, colleague(world, "ben", &inside).await);
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let restricted = new_forum(world, "plateforme", "Entre nous", audience).await;
    let public = world.forum("plateforme", "questions").await;
    let mut opened = Vec::new();
    for (forum, title) in [(&public, "Un fil qui sera masqué"), (&public, "Un fil qui part"), (&restricted, "Un fil entre nous")]
    {
        opened.push(ada.open_thread(forum, "QUESTION", title, "Texte").await);
    }
    for (_, root) in &opened {
        ben.answer(root, "Réponse").await;
    }
    let (_, lone) = ada.open_thread(&public, "QUESTION", "Un fil de plus", "Texte").await;
    let away = ben.answer(&lone, "Une réponse qui sera retirée").await;
    assert_eq!(reasons(world, &ada).await, ["REPONSE"; 4]);
    ben.mutate("deletePost", json!({ "postId": away }), "").await.done("deletePost");
    assert_eq!(inbox(world, &ada).await.len(), 3, "a post that is away");
    let hide = |hidden: bool| json!({ "threadId": opened[0].0, "hidden": hidden });
    admin.mutate("hideThread", hide(true), "").await.done("hideThread");
    assert_eq!(reasons(world, &ada).await, ["MODERATION", "REPONSE", "REPONSE"], "a thread that is hidden");
    admin.mutate("hideThread", hide(false), "").await.done("hideThread");
    assert_eq!(inbox(world, &ada).await.len(), 4, "and shown again");
    // Moved where she does not see it, and her home is no more.
    let elsewhere = organisation(world, "Dehors", None).await;
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": elsewhere }]);
    let out = new_forum(world, "plateforme", "Entre eux", audience).await;
    admin.mutate("moveThread", json!({ "threadId": opened[1].0, "forumId": out }), "").await.done("moveThread");
    assert_eq!(inbox(world, &ada).await.len(), 3, "nor of the move, which she does not see");
    // What happens between the event and the reading counts: she is told while she still belongs, or not at all.
    ben.answer(&opened[2].1, "Une autre réponse").await;
    ada.mutate("leaveOrganisation", json!({}), "").await.done("leaveOrganisation");
    let left = inbox(world, &ada).await;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|one| one["thread"]["id"] == json!(opened[0].0)), "{left:?}");
    let hidden = world.count("select count(*) from notifications where reason = 'REPONSE'").await;
    assert_eq!(hidden, 4, "they are kept, and come back with the sight of them");
    let one = json!({ "notificationId": format!("not_{:032x}", 7) });
    assert_eq!(ada.mutate("markNotificationRead", one, "").await.code(), "NOT_FOUND");
}

pub(super) async fn an_entry_goes_with_the_last_of_its_posts(world: &World) {
    let chief = world.administrator();
    let forum = world.forum("plateforme", "questions").await;
    let (ada, ben, cleo) = (world.member("ada").await, world.member("ben").await, world.member("cleo").await);
    let (fan, dora) = (world.member("suiveuse").await, world.member("dora").await);
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    follow(&fan, &thread, Some("TOUT")).await;
    // Two answers to her, that also mention somebody; and one to somebody else.
    let (first, second) = (ben.answer(&root, "Un, @cleo").await, ben.answer(&root, "Deux, @cleo").await);
    let third = ben.answer(&first, "Trois").await;
    for (who, many) in [(&ada, 3), (&fan, 3), (&cleo, 2)] {
        assert_eq!(inbox(world, who).await[0]["count"], json!(many));
    }
    let hide = async |post: &str, hidden: bool| {
        let input = json!({ "postId": post, "hidden": hidden, "reason": "Parce que" });
        chief.mutate("hidePost", input, "").await.done("hidePost");
    };
    let entries = async || {
        let mut entries = Vec::new();
        for who in [&ada, &cleo, &fan] {
            entries.push(inbox(world, who).await.len());
        }
        entries
    };
    // What is left of it tells: the strongest reason, the last post of that, and who wrote that.
    let told = async |who: &Client| {
        let entry = inbox(world, who).await.first().cloned()?;
        Some((text(&entry["reason"]), text(&entry["post"]["id"]), entry["count"].as_i64().expect("a number")))
    };
    let is = |reason: &str, post: &str, many: i64| Some((reason.to_owned(), post.to_owned(), many));
    assert_eq!(told(&ada).await, is("REPONSE", &second, 3));
    hide(&second, true).await;
    assert_eq!(told(&ada).await, is("REPONSE", &first, 2));
    assert_eq!(told(&cleo).await, is("MENTION", &first, 1));
    assert_eq!(told(&fan).await, is("NOUVEAU_MESSAGE", &third, 3));
    hide(&first, true).await;
    assert_eq!(told(&ada).await, is("NOUVEAU_MESSAGE", &third, 1), "her thread: she is told of everything");
    assert_eq!(inbox(world, &ada).await[0]["actors"], json!([{ "handle": "ben" }]));
    assert_eq!(told(&cleo).await, None, "what is left was not told her");
    hide(&third, true).await;
    assert_eq!(entries().await, [0, 0, 0]);
    // What comes then is told, and so is what comes back.
    let later = dora.answer(&root, "Plus tard").await;
    assert_eq!(told(&ada).await, is("REPONSE", &later, 4), "of which three are away");
    assert_eq!(inbox(world, &ada).await[0]["actors"][0], json!({ "handle": "dora" }));
    assert_eq!(entries().await, [1, 0, 1]);
    let weaker = ben.answer(&later, "Encore").await;
    hide(&later, true).await;
    assert_eq!(told(&ada).await, is("NOUVEAU_MESSAGE", &weaker, 1), "a weaker reason than what is away");
    hide(&first, false).await;
    assert_eq!(told(&ada).await, is("REPONSE", &first, 2));
    assert_eq!(entries().await, [1, 1, 1], "and they come back");
    // What came before the entry is none of it.
    let mark = json!({ "upTo": inbox(world, &fan).await[0]["toldAt"] });
    fan.mutate("markAllNotificationsRead", mark, "").await.done("markAllNotificationsRead");
    let (fourth, fifth) = (ben.answer(&root, "Quatre").await, ben.answer(&root, "Cinq").await);
    assert_eq!(inbox(world, &fan).await.len(), 2);
    hide(&fourth, true).await;
    hide(&fifth, true).await;
    assert_eq!(inbox(world, &fan).await.len(), 1);
}

pub(super) async fn what_is_out_of_sight_is_not_pushed(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let (ada, ben) = (colleague(world, "ada", &inside).await, colleague(world, "ben", &inside).await);
    let restricted =
        new_forum(world, "plateforme", "Entre nous", json!([{ "kind": "ORGANISATION", "organisationId": inside }])).await;
    let public = world.forum("plateforme", "questions").await;
    let (_, between_us) = ada.open_thread(&restricted, "QUESTION", "Un fil entre nous", "Texte").await;
    let (_, hidden) = ada.open_thread(&public, "QUESTION", "Un fil pour tous", "Texte").await;
    let (thread, last) = ada.open_thread(&public, "QUESTION", "Un dernier fil", "Texte").await;
    world.deliver().await;
    let mut socket = Socket::open(&world.url, ada.bearer.as_deref()).await;
    let query = "subscription { notificationReceived { __typename ... on NotificationReceived { unreadCount
        notification { thread { id } } } } }";
    socket.subscribe("s", query, json!({})).await;
    assert_eq!(socket.data().await["notificationReceived"]["__typename"], "StreamStart");
    // Told of a forum that is out of sight by then, and of a post that is away.
    ada.mutate("leaveOrganisation", json!({}), "").await.done("leaveOrganisation");
    ben.answer(&between_us, "Entre nous").await;
    let away = ben.answer(&hidden, "Une réponse retirée").await;
    world.deliver().await;
    ben.mutate("deletePost", json!({ "postId": away }), "").await.done("deletePost");
    ben.answer(&last, "Une réponse").await;
    world.deliver().await;
    let mut told = Vec::new();
    while told.last().is_none_or(|one: &Value| one["notification"]["thread"]["id"] != json!(thread)) {
        told.push(socket.data().await["notificationReceived"].clone());
    }
    assert!(told.iter().all(|one| one["notification"]["thread"].is_object()), "nothing of what she does not see: {told:?}");
    assert_eq!(told.last().expect("one at least")["unreadCount"], json!(1));
}
