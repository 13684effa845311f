//! The publication calendar: what is planned, what is published, what moved.

use chrono::{DateTime, TimeDelta, Utc};
use harness::{Client, World};
use serde_json::{Value, json};

use super::{collection, complete, field, manager, new_training, published, through};
use crate::steps::{column, nodes, organisation, read, text};

async fn plan(who: &Client, training: &str, date: Option<&str>, reason: Option<&str>) -> harness::Reply {
    who.mutate("planTraining", json!({ "trainingId": training, "date": date, "reason": reason }), "training { plannedOn }").await
}

/// A day that many days from now.
fn day(world: &World, days: i64) -> String {
    (world.app.clock.now() + TimeDelta::days(days)).date_naive().to_string()
}

pub(super) async fn a_planned_date_keeps_its_history(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let open = json!({ "opening": "TOUS_PUBLICS" });
    let id = new_training(world, &maker, &inside, "PREVUE", open).await;
    let (first, second) = (day(world, 40), day(world, 70));
    assert_eq!(plan(&maker, &id, Some(&first), None).await.done("planTraining")["training"]["plannedOn"], json!(first));
    let refused = plan(&maker, &id, Some(&second), Some("  ")).await;
    assert_eq!(refused.problems("planTraining"), ["reason: OBLIGATOIRE"], "why it slips is told");
    plan(&maker, &id, Some(&second), Some("La recette\nprend du retard")).await.done("planTraining");
    plan(&maker, &id, Some(&second), None).await.done("planTraining");
    assert_eq!(plan(&maker, &id, Some(&day(world, -2)), Some("Hier")).await.problems("planTraining"), ["date: MALFORME"]);
    assert_eq!(plan(&maker, &id, Some("9999-01-01"), Some("Tard")).await.problems("planTraining"), ["date: MALFORME"]);
    assert_eq!(plan(&maker, &id, Some("2026-02-30"), None).await.code(), "BAD_INPUT");
    world.advance(TimeDelta::minutes(1));
    plan(&maker, &id, None, Some("Projet suspendu")).await.done("planTraining");
    let shown = "calendarChanges { kind from to reason by { handle } training { id } }";
    let history = field(&maker, &id, shown).await;
    let change = |from: Value, to: Value, reason: Value| json!({ "kind": "PLANIFICATION", "from": from, "to": to, "reason": reason, "by": { "handle": "gerante" }, "training": { "id": id } });
    let expected = json!([
        change(json!(second), Value::Null, json!("Projet suspendu")),
        change(json!(first), json!(second), json!("La recette prend du retard")),
        change(Value::Null, json!(first), Value::Null),
    ]);
    assert_eq!(history, expected, "the latest first");
    let moments = field(&maker, &id, "calendarChanges { at }").await;
    let moment = |n: usize| moments[n]["at"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok()).expect("a moment");
    assert!(moment(0) - moment(1) >= TimeDelta::minutes(1) && moment(1) > moment(2), "{moments}");
    assert!((world.app.clock.now() - moment(0)).num_minutes() < 5);
    assert_eq!(world.count("select count(*) from events where kind = 'TrainingPlanned'").await, 3);
    // What is published is no longer planned.
    let out = published(world, &maker, &inside, "PUBLIEE", json!({})).await;
    assert_eq!(plan(&maker, &out, Some(&first), None).await.problems("planTraining"), ["trainingId: REFUSE"]);
    let ada = world.member("ada").await;
    let unseen = new_training(world, &maker, &inside, "CACHEE", json!({ "opening": "TOUS_PUBLICS" })).await;
    for (training, code) in [(&id, "FORBIDDEN"), (&unseen, "NOT_FOUND")] {
        assert_eq!(plan(&ada, training, Some(&first), None).await.code(), code);
    }
}

pub(super) async fn the_calendar_lists_what_is_published_and_planned_for_all(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let langues = collection(world, "langues").await;
    let out = published(world, &maker, &inside, "DEHORS", json!({ "opening": "TOUS_PUBLICS" })).await;
    let ready = async |short_name: &str, opening: &str, days: i64, state: bool| {
        let mut more = complete();
        (more["opening"], more["collectionId"]) = (json!(opening), json!(langues));
        let id = new_training(world, &maker, &inside, short_name, more).await;
        plan(&maker, &id, Some(&day(world, days)), None).await.done("planTraining");
        if state {
            through(&maker, &id, &["ELABORATION_TERMINEE"]).await;
        }
        id
    };
    let later = ready("PLUS-TARD", "TOUS_PUBLICS", 400, true).await;
    let soon = ready("BIENTOT", "TOUS_PUBLICS", 40, true).await;
    let draft = ready("BROUILLON", "TOUS_PUBLICS", 41, false).await;
    ready("ENTRE-NOUS", "INTERMINISTERIEL", 42, true).await;
    let archived = ready("ARCHIVEE", "TOUS_PUBLICS", 43, true).await;
    through(&maker, &archived, &["ARCHIVEE"]).await;

    let everyone = world.anonymous();
    let list = async |who: &Client, arguments: &str| {
        let query = format!(
            "{{ publicationCalendar{arguments} {{ totalCount edges {{ node {{ date month published training {{ id }} }} }} }} }}"
        );
        let calendar = read(who, &query, json!({})).await["publicationCalendar"].clone();
        let entries = nodes(&calendar);
        assert_eq!(calendar["totalCount"], json!(entries.len()), "{arguments}");
        entries
    };
    let ids = |entries: &[Value]| entries.iter().map(|entry| text(&entry["training"]["id"])).collect::<Vec<_>>();
    let all = list(&everyone, "").await;
    assert_eq!(ids(&all), [out.clone(), soon.clone(), draft.clone(), later.clone()]);
    assert_eq!((&all[0]["published"], &all[1]["published"]), (&json!(true), &json!(false)));
    assert_eq!((&all[1]["date"], &all[1]["month"]), (&json!(day(world, 40)), &json!(day(world, 40)[..7])));
    assert_eq!(list(&maker, "").await, all, "who works on them sees no more of it");
    // Out of sight again.
    maker
        .mutate("updateTraining", json!({ "trainingId": draft, "fields": { "opening": "NON_VISIBLE" } }), "")
        .await
        .done("updateTraining");
    assert_eq!(ids(&list(&everyone, "").await), [out.clone(), soon.clone(), later.clone()]);
    let (this, next) = (day(world, 0)[..7].to_owned(), day(world, 40)[..7].to_owned());
    assert_eq!(ids(&list(&everyone, &format!("(to: \"{this}\")")).await), [&*out]);
    assert_eq!(ids(&list(&everyone, &format!("(from: \"{next}\", to: \"{next}\")")).await), [&*soon]);
    assert_eq!(ids(&list(&everyone, &format!("(collectionId: \"{langues}\")")).await), [soon.clone(), later.clone()]);
    assert_eq!(list(&everyone, "(from: \"0001-01\", to: \"9999-12\")").await.len(), 3);
    let months = "{ calendarMonths { month published planned collection { slug } } }";
    let months = read(&everyone, months, json!({})).await["calendarMonths"].clone();
    let line = |month: &str, published: i64, planned: i64, slug: &str| json!({ "month": month, "published": published, "planned": planned, "collection": { "slug": slug } });
    let expected =
        json!([line(&this, 1, 0, "management"), line(&next, 0, 1, "langues"), line(&day(world, 400)[..7], 0, 1, "langues"),]);
    assert_eq!(months, expected);
    // Page by page, from either end.
    for (size, cursor, next) in [("first", "after", "endCursor"), ("last", "before", "startCursor")] {
        let (mut found, mut from) = (Vec::new(), Value::Null);
        for _ in 0..3 {
            let query = format!(
                "query($c: String) {{ publicationCalendar({size}: 1, {cursor}: $c) {{ pageInfo {{ {next} }} edges {{ node {{ training {{ id }} }} }} }} }}"
            );
            let page = read(&everyone, &query, json!({ "c": from })).await["publicationCalendar"].clone();
            from = page["pageInfo"][next].clone();
            found.extend(ids(&nodes(&page)));
        }
        if size == "last" {
            found.reverse();
        }
        assert_eq!(found, [out.clone(), soon.clone(), later.clone()], "{size}");
    }
    for wrong in [
        "(from: \"2026-13\")",
        "(to: \"2026\")",
        "(from: \"2026-1\")",
        "(from: \"2026-05\", to: \"2026-04\")",
        "(to: \"\\u0000\")",
    ] {
        let refused = everyone.run(&format!("{{ publicationCalendar{wrong} {{ totalCount }} }}"), json!({})).await;
        assert_eq!(refused.code(), "INVALID", "{wrong}");
    }
    // Published earlier than planned: it moves, and the calendar shows the day of its publication from then on.
    through(&maker, &soon, &["PUBLIEE"]).await;
    assert_eq!(list(&everyone, &format!("(to: \"{this}\")")).await.len(), 2);
    assert_eq!(field(&everyone, &soon, "plannedOn").await, json!(day(world, 40)));
}

pub(super) async fn calendar_changes_tell_what_moved(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let mut open = complete();
    open["opening"] = json!("TOUS_PUBLICS");
    let id = new_training(world, &maker, &inside, "MOUVANTE", open.clone()).await;
    let mut between = complete();
    between["opening"] = json!("INTERMINISTERIEL");
    let other = new_training(world, &maker, &inside, "ENTRE-NOUS", between).await;
    plan(&maker, &other, Some(&day(world, 10)), None).await.done("planTraining");
    let moved = async |who: &Client, since: chrono::DateTime<chrono::Utc>| {
        let query =
            "query($s: DateTime!) { calendarChanges(since: $s) { totalCount edges { node { kind from to training { id } } } } }";
        let changes = read(who, query, json!({ "s": since.to_rfc3339() })).await["calendarChanges"].clone();
        assert_eq!(changes["totalCount"], json!(nodes(&changes).len()));
        changes
    };
    let start = world.app.clock.now() - TimeDelta::hours(1);
    let everyone = world.anonymous();
    assert_eq!(nodes(&moved(&everyone, start).await).len(), 0, "a draft leaves no trace");
    plan(&maker, &id, Some(&day(world, 10)), None).await.done("planTraining");
    for who in [&everyone, &maker] {
        assert_eq!(column(&moved(who, start).await, "kind"), ["PLANIFICATION"]);
    }
    through(&maker, &id, &["ELABORATION_TERMINEE"]).await;
    world.advance(TimeDelta::minutes(5));
    let later = world.app.clock.now();
    world.advance(TimeDelta::minutes(5));
    plan(&maker, &id, Some(&day(world, 20)), Some("Un retard")).await.done("planTraining");
    through(&maker, &id, &["PUBLIEE", "ARCHIVEE", "ELABORATION_TERMINEE"]).await;
    let kinds = ["PLANIFICATION", "PLANIFICATION", "PUBLICATION", "RETRAIT", "PLANIFICATION"];
    assert_eq!(column(&moved(&everyone, start).await, "kind"), kinds);
    let recent = nodes(&moved(&everyone, later).await);
    let (planned, today) = (json!(day(world, 20)), json!(day(world, 0)));
    let days: Vec<_> = recent.iter().map(|change| (change["from"].clone(), change["to"].clone())).collect();
    let expected = [
        (json!(day(world, 10)), planned.clone()),
        (planned.clone(), today.clone()),
        (today, Value::Null),
        (Value::Null, planned),
    ];
    assert_eq!(days, expected, "only what came after that moment");
    assert!(recent.iter().all(|change| change["training"]["id"] == json!(id)));
    // Planned for the very day of its publication, it leaves what is published all the same.
    let same = new_training(world, &maker, &inside, "LE-JOUR-MEME", open).await;
    plan(&maker, &same, Some(&day(world, 0)), None).await.done("planTraining");
    through(&maker, &same, &["ELABORATION_TERMINEE", "PUBLIEE", "ELABORATION_TERMINEE"]).await;
    let all = nodes(&moved(&everyone, later).await);
    let own: Vec<_> =
        all.iter().filter(|change| change["training"]["id"] == json!(same)).map(|change| change["kind"].clone()).collect();
    assert_eq!(own, [json!("PLANIFICATION"), json!("PUBLICATION"), json!("RETRAIT")]);
    // What moved before it was opened to all is told from then on, as whoever gave a reason was told.
    assert!(all.iter().all(|change| change["training"]["id"] != json!(other)));
    let opened = json!({ "trainingId": other, "fields": { "opening": "TOUS_PUBLICS" } });
    maker.mutate("updateTraining", opened, "").await.done("updateTraining");
    let first = nodes(&moved(&everyone, start).await).into_iter().find(|change| change["training"]["id"] == json!(other));
    assert_eq!(first.expect("it is told")["to"], json!(day(world, 10)));
}
