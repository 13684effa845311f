//! Each reason: who is told for it, and who is not.

use harness::{Client, World};
use serde_json::{Value, json};

use super::{inbox, read_all, reasons};
use crate::catalogue::{collection, manager, new_training, published, through};
use crate::following::{follow, followed};
use crate::reports::take;
use crate::steps::{colleague, moderator, new_forum, organisation, text};

const NOTHING: [&str; 0] = [];

pub(super) async fn what_is_said_to_somebody_is_told_them(world: &World) {
    let (ada, ben, cleo) = (world.member("ada").await, world.member("ben").await, world.member("cleo").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Bonjour @cleo et @ada").await;
    assert_eq!(reasons(world, &ada).await, NOTHING, "nobody is told of their own acts");
    assert_eq!(reasons(world, &cleo).await, ["MENTION"]);
    let answer = ben.answer(&root, "Une réponse").await;
    let told = inbox(world, &ada).await;
    assert_eq!(
        (&told[0]["reason"], &told[0]["thread"]["id"], &told[0]["post"]["id"]),
        (&json!("REPONSE"), &json!(thread), &json!(answer))
    );
    // Who neither opened it nor is spoken to is told nothing; who edits tells nobody.
    cleo.answer(&answer, "À mon tour").await;
    assert_eq!(reasons(world, &ben).await, ["REPONSE"]);
    ben.mutate("editPost", json!({ "postId": answer, "body": "Une réponse à @cleo" }), "").await.done("editPost");
    assert_eq!(inbox(world, &cleo).await.len(), 1);
    // Silence silences both, of a thread or of its forum.
    read_all(world, &cleo).await;
    read_all(world, &ben).await;
    follow(&cleo, &thread, Some("MUET")).await;
    follow(&ben, &forum, Some("MUET")).await;
    ada.answer(&answer, "Pour @cleo").await;
    for silent in [&cleo, &ben] {
        assert!(inbox(world, silent).await.iter().all(|one| one["readAt"].is_string()));
    }
    // Somebody suspended reads on, and is told.
    let dora = world.member("dora").await;
    let input = json!({ "memberId": dora.id().await, "reason": "Pour l'exemple" });
    world.administrator().mutate("suspendMember", input, "").await.done("suspendMember");
    ada.answer(&root, "Et @dora ?").await;
    assert_eq!(reasons(world, &dora).await, ["MENTION"]);
    // A post that is away by the time it would be told is not.
    let eve = world.member("eve").await;
    let away = ada.answer(&root, "Et @eve ?").await;
    ada.mutate("deletePost", json!({ "postId": away }), "").await.done("deletePost");
    assert_eq!(reasons(world, &eve).await, NOTHING);
}

pub(super) async fn who_follows_a_forum_is_told_as_they_chose(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let ada = world.member("ada").await;
    let mut people: Vec<(&str, Client)> = Vec::new();
    for level in ["TOUT", "PREMIERS_MESSAGES", "MENTIONS", "MUET"] {
        let who = world.member(&level.to_lowercase().replace('_', "-")).await;
        follow(&who, &forum, Some(level)).await;
        people.push((level, who));
    }
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    for (level, who) in &people {
        let expected: &[&str] = if ["TOUT", "PREMIERS_MESSAGES"].contains(level) { &["NOUVEAU_FIL"] } else { &[] };
        assert_eq!(reasons(world, who).await, expected, "{level}");
        read_all(world, who).await;
    }
    ada.answer(&root, "Une réponse").await;
    for (level, who) in &people {
        let unread = inbox(world, who).await.into_iter().filter(|one| one["readAt"].is_null());
        let unread: Vec<_> = unread.map(|one| text(&one["reason"])).collect();
        let expected: &[&str] = if *level == "TOUT" { &["NOUVEAU_MESSAGE"] } else { &[] };
        assert_eq!(unread, expected, "{level}");
        read_all(world, who).await;
    }
    // A level of the thread's own goes before its forum's.
    for (_, who) in &people {
        follow(who, &thread, Some("TOUT")).await;
    }
    follow(&people[0].1, &thread, Some("MENTIONS")).await;
    ada.answer(&root, "Une autre réponse").await;
    for (level, who) in &people {
        let unread = inbox(world, who).await.iter().filter(|one| one["readAt"].is_null()).count();
        assert_eq!(unread, usize::from(*level != "TOUT"), "{level}");
    }
    // A thread that one opened is followed entirely; a muted one not even then.
    let ben = world.member("ben").await;
    ben.answer(&root, "Pour suivre").await;
    let second = ben.answer(&root, "Encore").await;
    people[3].1.answer(&second, "Une réponse à une réponse").await;
    assert_eq!(inbox(world, &ada).await.len(), 1);
    read_all(world, &ada).await;
    follow(&ada, &thread, Some("MUET")).await;
    ben.answer(&root, "Une réponse à @ada").await;
    assert!(inbox(world, &ada).await.iter().all(|one| one["readAt"].is_string()));
}

pub(super) async fn of_several_reasons_the_strongest_tells(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    follow(&ada, &forum, Some("TOUT")).await;
    let (_, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    // An answer to her, in her thread, in a forum she follows, that mentions her.
    ben.answer(&root, "Voici, @ada").await;
    let told = inbox(world, &ada).await;
    assert_eq!((told.len(), &told[0]["reason"], &told[0]["count"]), (1, &json!("MENTION"), &json!(1)));
    // The database knows of the same order as the code.
    let query =
        "select count(*) from notification_reasons a join notification_reasons b on a.strength = b.strength and a.code <> b.code";
    assert_eq!(world.count(query).await, 0);
    let rows: Vec<(String,)> = harness::rows(
        world.app.config.database_url.as_deref(),
        world.folder(),
        "select code from notification_reasons order by strength",
    )
    .await;
    let asked = r#"{ __type(name: "NotificationReason") { enumValues { name } } }"#;
    let named = ada.run(asked, json!({})).await.data["__type"].clone();
    let named: Vec<_> = named["enumValues"].as_array().expect("values").iter().map(|value| text(&value["name"])).collect();
    assert_eq!(rows.into_iter().map(|row| row.0).collect::<Vec<_>>(), named);
}

pub(super) async fn an_accepted_answer_is_told(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let (ada, ben, cleo) = (world.member("ada").await, world.member("ben").await, world.member("cleo").await);
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    follow(&cleo, &thread, Some("TOUT")).await;
    let answer = ben.answer(&root, "Une réponse").await;
    read_all(world, &cleo).await;
    ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    assert_eq!(reasons(world, &ben).await, ["REPONSE_ACCEPTEE"]);
    assert_eq!(reasons(world, &cleo).await, ["REPONSE_ACCEPTEE", "NOUVEAU_MESSAGE"]);
    assert_eq!(reasons(world, &ada).await, ["REPONSE"], "she accepted it herself");
    let told = inbox(world, &ben).await;
    assert_eq!(told[0]["sentence"], "Une réponse est acceptée dans «\u{a0}Une question\u{a0}».");
}

pub(super) async fn a_training_is_told_to_who_follows_it_or_a_thread_about_it(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, "UN", json!({ "opening": "TOUS_PUBLICS" })).await;
    let management = collection(world, "management").await;
    let forum = world.forum("plateforme", "questions").await;
    world.deliver().await;
    let mut people = Vec::new();
    for (handle, target, level) in [
        ("suit", training.as_str(), "TOUT"),
        ("debut", training.as_str(), "PREMIERS_MESSAGES"),
        ("collection", management.as_str(), "TOUT"),
        ("forum", forum.as_str(), "PREMIERS_MESSAGES"),
        ("sourde", management.as_str(), "TOUT"),
    ] {
        let who = world.member(handle).await;
        follow(&who, target, Some(level)).await;
        people.push(who);
    }
    follow(&people[4], &training, Some("MUET")).await;
    follow(&people[3], &training, Some("TOUT")).await;
    let ada = world.member("ada").await;
    let body = json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question", "body": "Texte", "trainings": [training] });
    let opened = ada.mutate("openThread", body, "thread { id openingPost { id } }").await.done("openThread")["thread"].clone();
    for who in &people[..4] {
        let told = inbox(world, who).await;
        assert_eq!((told.len(), &told[0]["reason"], &told[0]["count"]), (1, &json!("NOUVEAU_FIL"), &json!(1)), "{told:?}");
        assert_eq!(told[0]["thread"]["id"], opened["id"]);
        read_all(world, who).await;
    }
    assert_eq!(reasons(world, &people[4]).await, NOTHING);
    // Posts of threads about it, for who follows it entirely.
    let ben = world.member("ben").await;
    ben.answer(&text(&opened["openingPost"]["id"]), "Une réponse").await;
    for (who, told) in [(0, 1), (1, 0), (2, 1), (3, 1), (4, 0)] {
        let unread = inbox(world, &people[who]).await.iter().filter(|one| one["readAt"].is_null()).count();
        assert_eq!(unread, told, "{who}");
        read_all(world, &people[who]).await;
    }
    // The state and the date; also to who opened a thread about it.
    read_all(world, &ada).await;
    through(&maker, &training, &["ARCHIVEE"]).await;
    for who in people[..4].iter().chain([&ada]) {
        let told = inbox(world, who).await;
        assert_eq!(
            (&told[0]["reason"], &told[0]["training"]["id"], &told[0]["thread"]),
            (&json!("FORMATION"), &json!(training), &Value::Null)
        );
        assert_eq!(told[0]["sentence"], "La formation «\u{a0}Formation UN\u{a0}» a changé d'état ou de date prévue.");
    }
    for who in [&people[4], &maker, &ben] {
        assert!(!reasons(world, who).await.contains(&"FORMATION".to_owned()));
    }
    // What is being made is nobody's business, but for the day that is planned: then those who see it are told.
    let draft = new_training(world, &maker, &inside, "DEUX", json!({})).await;
    let head = manager(world, "directrice", &inside).await;
    follow(&head, &draft, Some("PREMIERS_MESSAGES")).await;
    follow(&people[0], &management, Some("TOUT")).await;
    read_all(world, &people[0]).await;
    let plan = json!({ "trainingId": draft, "date": "2027-06-01" });
    maker.mutate("planTraining", plan, "").await.done("planTraining");
    assert_eq!(reasons(world, &head).await, ["FORMATION"]);
    assert!(inbox(world, &people[0]).await.iter().all(|one| one["readAt"].is_string()), "out of sight");
}

/// A report in that forum; its id.
async fn report(who: &Client, forum: &str, title: &str) -> String {
    let input = json!({ "forumId": forum, "kind": "SIGNALEMENT", "title": title, "body": "Texte" });
    text(&who.mutate("openThread", input, "thread { report { id } }").await.done("openThread")["thread"]["report"]["id"])
}

pub(super) async fn a_fix_is_told_once_to_who_follows_the_report_or_a_duplicate(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let chief = moderator(world, "ici", None).await;
    let forum = world.forum("plateforme", "signalements").await;
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let restricted = new_forum(world, "plateforme", "Entre nous", audience).await;
    let kinds = json!({ "forumId": restricted, "kinds": ["SIGNALEMENT"] });
    world.administrator().mutate("updateForum", kinds, "").await.done("updateForum");
    let (ada, ben, cleo) = (colleague(world, "ada", &inside).await, world.member("ben").await, world.member("cleo").await);
    let (fan, mute, quiet) = (world.member("suiveuse").await, world.member("muette").await, world.member("discrete").await);
    // The original where not everybody sees it, two duplicates where they do.
    let original = report(&ada, &restricted, "Le bouton ne répond pas").await;
    let (one, other) = (report(&ben, &forum, "Un bouton muet").await, report(&cleo, &forum, "Rien au clic").await);
    let thread = |report: &str| format!("thr_{}", &report[4..]);
    for duplicate in [&one, &other] {
        follow(&fan, &thread(duplicate), Some("TOUT")).await;
        follow(&mute, &thread(duplicate), Some("MUET")).await;
        let same = json!({ "reportId": duplicate, "state": "DOUBLON", "duplicateOfId": original });
        chief.mutate("transitionReport", same, "").await.done("transitionReport");
    }
    follow(&ada, &thread(&one), Some("TOUT")).await;
    follow(&quiet, &forum, Some("TOUT")).await;
    follow(&cleo, &thread(&other), Some("MENTIONS")).await;
    let fixed = json!({ "reportId": original, "state": "CORRIGE", "release": "4.5" });
    chief.mutate("transitionReport", fixed, "").await.done("transitionReport");
    let place = async |who: &Client| {
        let told = inbox(world, who).await;
        let told: Vec<_> = told.iter().filter(|one| one["reason"] == "SIGNALEMENT_CORRIGE").collect();
        told.iter().map(|one| (text(&one["thread"]["id"]), one["count"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(place(&ada).await, [(thread(&original), json!(1))], "of the report itself, and once");
    assert_eq!(place(&ben).await, [(thread(&one), json!(1))], "of the duplicate he reported");
    assert_eq!(place(&fan).await.len(), 1, "two duplicates, once");
    for nobody in [&mute, &cleo, &chief, &quiet] {
        assert!(place(nobody).await.is_empty());
    }
    // It came back and is fixed again: that is another thing, in the same entry.
    refix(&chief, &original).await;
    assert_eq!(place(&ben).await, [(thread(&one), json!(2))]);
    // Of two duplicates the first is hidden, and it is fixed once more.
    let first = if place(&fan).await[0].0 == thread(&one) { &one } else { &other };
    let second = if first == &one { &other } else { &one };
    chief.mutate("hideThread", json!({ "threadId": thread(first), "hidden": true }), "").await.done("hideThread");
    assert!(place(&fan).await.is_empty());
    refix(&chief, &original).await;
    assert_eq!(place(&fan).await, [(thread(second), json!(1))]);
    // It is found to be the same only after the fix: who has heard of that hears what became of the duplicate.
    let (dora, late) = (world.member("dora").await, world.member("tardif").await);
    let third = report(&dora, &forum, "Bouton sans effet").await;
    follow(&late, &thread(&third), Some("TOUT")).await;
    follow(&fan, &thread(&third), Some("TOUT")).await;
    take(&chief, &third, "DOUBLON", json!({ "duplicateOfId": original })).await;
    for who in [&dora, &late] {
        assert_eq!(reasons(world, who).await, ["SIGNALEMENT_CORRIGE"]);
        assert_eq!(place(who).await, [(thread(&third), json!(1))]);
    }
    assert_eq!(place(&fan).await, [(thread(second), json!(1))]);
    // Nor twice when the duplicate is named again.
    take(&chief, &third, "CONFIRME", json!({})).await;
    take(&chief, &third, "DOUBLON", json!({ "duplicateOfId": original })).await;
    assert_eq!(place(&late).await, [(thread(&third), json!(1))]);
    // Nor anybody while it is open again.
    take(&chief, &original, "CONFIRME", json!({})).await;
    let fourth = report(&quiet, &forum, "Clic perdu").await;
    take(&chief, &fourth, "DOUBLON", json!({ "duplicateOfId": original })).await;
    assert_eq!(reasons(world, &quiet).await[0], "SIGNALEMENT");
}

/// A report came back, and is fixed again.
async fn refix(chief: &Client, report: &str) {
    take(chief, report, "CONFIRME", json!({})).await;
    take(chief, report, "CORRIGE", json!({ "release": "4.5" })).await;
}

pub(super) async fn a_duplicate_brings_its_followers_along(world: &World) {
    let chief = moderator(world, "ici", None).await;
    let forum = world.forum("plateforme", "signalements").await;
    let (ada, ben, cleo) = (world.member("ada").await, world.member("ben").await, world.member("cleo").await);
    let (fan, heard, quiet) = (world.member("suiveuse").await, world.member("entendue").await, world.member("discrete").await);
    let original = report(&ada, &forum, "Le bouton ne répond pas").await;
    let (one, chained) = (report(&ben, &forum, "Un bouton muet").await, report(&cleo, &forum, "Rien au clic").await);
    let thread = |report: &str| format!("thr_{}", &report[4..]);
    follow(&fan, &thread(&chained), Some("TOUT")).await;
    follow(&heard, &thread(&chained), Some("MENTIONS")).await;
    // Who said what they want of the original is left alone.
    follow(&quiet, &thread(&one), Some("TOUT")).await;
    follow(&quiet, &thread(&original), Some("MUET")).await;
    take(&chief, &chained, "DOUBLON", json!({ "duplicateOfId": one })).await;
    take(&chief, &one, "DOUBLON", json!({ "duplicateOfId": original })).await;
    for (who, expected) in [(&ben, &["SIGNALEMENT"][..]), (&cleo, &["SIGNALEMENT", "SIGNALEMENT"]), (&ada, &[]), (&heard, &[])] {
        assert_eq!(reasons(world, who).await, expected, "what became of the duplicates themselves");
    }
    let told = inbox(world, &ben).await;
    assert_eq!(told[0]["sentence"], "Le signalement «\u{a0}Un bouton muet\u{a0}» a changé d'état.");
    let everybody = [&ada, &ben, &cleo, &fan, &heard, &quiet];
    for who in everybody {
        read_all(world, who).await;
    }
    // What happens to the original is theirs now.
    let unread = async |who: &Client| {
        let told = inbox(world, who).await;
        let unread: Vec<_> = told.iter().filter(|one| one["readAt"].is_null()).collect();
        unread.iter().map(|one| (text(&one["reason"]), text(&one["thread"]["id"]), one["count"].clone())).collect::<Vec<_>>()
    };
    let once = |reason: &str| vec![(reason.to_owned(), thread(&original), json!(1))];
    take(&chief, &original, "PRIS_EN_CHARGE", json!({})).await;
    for (who, expected) in everybody.into_iter().zip([true, true, true, true, false, false]) {
        assert_eq!(unread(who).await, if expected { once("SIGNALEMENT") } else { vec![] });
        read_all(world, who).await;
    }
    take(&chief, &original, "CORRIGE", json!({ "release": "4.5" })).await;
    for (who, expected) in everybody.into_iter().zip([true, true, true, true, false, false]) {
        let told = if expected { once("SIGNALEMENT_CORRIGE") } else { unread(who).await };
        assert_eq!(unread(who).await, told);
    }
    assert_eq!(unread(&heard).await, []);
    // She silenced the original, and follows a duplicate: the fix is told of that.
    assert_eq!(unread(&quiet).await, [("SIGNALEMENT_CORRIGE".to_owned(), thread(&one), json!(1))]);
    // Nobody who reported the original follows it by a level of their own, and who reported a duplicate does.
    assert_eq!(followed(&ada).await, []);
    assert_eq!(followed(&ben).await, [("TOUT".to_owned(), thread(&original))]);
}

pub(super) async fn moderation_of_ones_own_is_always_told(world: &World) {
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let forum = world.forum("plateforme", "questions").await;
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    follow(&ada, &forum, Some("MUET")).await;
    let (thread, root) = ben.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let post = ada.answer(&root, "Une réponse").await;
    follow(&ada, &thread, Some("MUET")).await;
    read_all(world, &ben).await;
    let hide = json!({ "postId": post, "hidden": true, "reason": "Parce que" });
    chief.mutate("hidePost", hide, "").await.done("hidePost");
    let told = inbox(world, &ada).await;
    assert_eq!((told.len(), &told[0]["reason"], &told[0]["post"]["id"]), (1, &json!("MODERATION"), &json!(post)));
    assert_eq!(told[0]["actors"], json!([]), "not by whom");
    assert_eq!(told[0]["sentence"], "La modération est intervenue dans «\u{a0}Une question\u{a0}».");
    assert!(inbox(world, &ben).await.iter().all(|one| one["readAt"].is_string()), "it is not his post");
    // What one does oneself is no moderation.
    let own = ben.answer(&root, "À retirer").await;
    ben.mutate("deletePost", json!({ "postId": own }), "").await.done("deletePost");
    chief.mutate("lockThread", json!({ "threadId": thread, "locked": true }), "").await.done("lockThread");
    assert_eq!(reasons(world, &ben).await[0], "MODERATION");
    read_all(world, &ben).await;
    let other = world.forum("accompagnement", "conception").await;
    world.administrator().mutate("moveThread", json!({ "threadId": thread, "forumId": other }), "").await.done("moveThread");
    world.administrator().mutate("hideThread", json!({ "threadId": thread, "hidden": true }), "").await.done("hideThread");
    let told = inbox(world, &ben).await;
    assert_eq!((&told[0]["reason"], &told[0]["count"], &told[0]["thread"]), (&json!("MODERATION"), &json!(2), &Value::Null));
    assert_eq!(told[0]["sentence"], "La modération est intervenue dans un de vos fils.");
}
