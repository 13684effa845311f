//! A training is announced by the first day that is planned for it: who sees it from then on, and what of it.

use chrono::TimeDelta;
use harness::{Client, World};
use serde_json::json;

use super::import::{import, table};
use super::{field, manager, new_training, sees, through};
use crate::steps::{colleague, organisation, read};

/// Everything in which a training that is open to all leaves a trace.
async fn traces(who: &Client) -> String {
    let query = "{ trainings(first: 100) { edges { node { title } } } publicationCalendar { edges { node { training { title } } } }
        calendarChanges(since: \"2020-01-01T00:00:00Z\") { edges { node { to training { title } } } } calendarMonths { planned } }";
    let mut seen = read(who, query, json!({})).await.to_string();
    for path in ["/calendrier.ics", "/calendrier.atom", "/calendrier.json", "/formations.csv", "/formations.jsonld"] {
        let (status, text) = who.take(path).await;
        assert_eq!(status, 200, "{path}");
        seen.push_str(&String::from_utf8(text).expect("UTF-8").replace("\r\n ", ""));
    }
    seen
}

async fn plan(who: &Client, training: &str, date: Option<&str>, reason: Option<&str>) {
    let input = json!({ "trainingId": training, "date": date, "reason": reason });
    who.mutate("planTraining", input, "").await.done("planTraining");
}

async fn open(who: &Client, training: &str, opening: &str) {
    let input = json!({ "trainingId": training, "fields": { "opening": opening } });
    who.mutate("updateTraining", input, "").await.done("updateTraining");
}

pub(super) async fn the_first_planned_day_announces_a_training_to_whom_it_is_open(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let target = organisation(world, "Cible", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let viewers = [colleague(world, "visee", &target).await, world.member("ada").await, world.anonymous()];
    for (short_name, opening, expected) in [
        ("TOUS", json!({ "opening": "TOUS_PUBLICS" }), [true, true, true]),
        ("INTER", json!({ "opening": "INTERMINISTERIEL" }), [true, true, false]),
        ("CIBLE", json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [target] }), [true, false, false]),
        ("RIEN", json!({ "opening": "NON_VISIBLE" }), [false, false, false]),
    ] {
        let id = new_training(world, &maker, &inside, short_name, opening).await;
        let seen = async |expected: [bool; 3], when: &str| {
            for (who, expected) in viewers.iter().zip(expected) {
                assert_eq!(sees(who, &id, short_name).await, expected, "{short_name}, {when}: {:?}", who.bearer);
            }
        };
        seen([false; 3], "a draft").await;
        plan(&maker, &id, Some("2031-05-01"), None).await;
        seen(expected, "announced").await;
        let announced = field(&maker, &id, "announcedAt").await;
        assert!(announced.is_string());
        // What was told stays known, whatever becomes of it, and since then.
        world.advance(TimeDelta::minutes(1));
        plan(&maker, &id, None, Some("Abandonnée")).await;
        seen(expected, "its plan taken back").await;
        for state in ["GABARIT", "ARCHIVEE", "BROUILLON"] {
            through(&maker, &id, &[state]).await;
            seen(expected, state).await;
        }
        plan(&maker, &id, Some("2032-05-01"), None).await;
        assert_eq!(field(&maker, &id, "announcedAt").await, announced);
    }
}

pub(super) async fn an_announced_draft_is_told_everywhere_and_others_nowhere(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let everyone = world.anonymous();
    let draft = new_training(world, &maker, &inside, "ANNONCEE", json!({ "opening": "TOUS_PUBLICS" })).await;
    new_training(world, &maker, &inside, "JAMAIS", json!({ "opening": "TOUS_PUBLICS" })).await;
    let session = json!({ "startsAt": "2031-03-01T08:00:00Z", "endsAt": "2031-03-02T16:00:00Z" });
    let session = json!({ "trainingId": draft, "fields": session });
    maker.mutate("createTrainingSession", session, "").await.done("createTrainingSession");
    assert!(!traces(&everyone).await.contains("Formation "), "drafts leave no trace");
    plan(&maker, &draft, Some("2031-05-01"), None).await;
    let told = traces(&everyone).await;
    // In the lists of trainings, of the calendar, of what moved; in three feeds; in two exports.
    assert!(told.matches("Formation ANNONCEE").count() >= 8, "{told}");
    assert!(told.contains("\"planned\":1") && !told.contains("JAMAIS"), "{told}");
    let seen = read(
        &everyone,
        "query($t: ID!) { training(id: $t) { state plannedOn stateChanges { to } framing { note } sessions { totalCount }
            calendarChanges { kind to } viewerMayEdit } }",
        json!({ "t": draft }),
    )
    .await;
    let expected = json!({ "state": "BROUILLON", "plannedOn": "2031-05-01", "stateChanges": null, "framing": null,
        "sessions": { "totalCount": 0 }, "calendarChanges": [{ "kind": "PLANIFICATION", "to": "2031-05-01" }], "viewerMayEdit": false });
    assert_eq!(seen["training"], expected, "how it is made stays with those who make it");
    world.advance(TimeDelta::minutes(1));
    plan(&maker, &draft, None, Some("Abandonnée")).await;
    let calendar = "{ publicationCalendar { totalCount } calendarMonths { planned }
        calendarChanges(since: \"2020-01-01T00:00:00Z\") { edges { node { from to reason } } } }";
    let expected = json!({ "publicationCalendar": { "totalCount": 0 }, "calendarMonths": [], "calendarChanges": { "edges": [
        { "node": { "from": null, "to": "2031-05-01", "reason": null } },
        { "node": { "from": "2031-05-01", "to": null, "reason": "Abandonnée" } } ] } });
    assert_eq!(read(&everyone, calendar, json!({})).await, expected);
    // Out of sight, nothing of it was ever told.
    open(&maker, &draft, "NON_VISIBLE").await;
    assert!(!traces(&everyone).await.contains("Formation "));
    assert!(!sees(&everyone, &draft, "ANNONCEE").await);
}

pub(super) async fn a_line_with_a_planned_day_announces_its_training(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let line = |name: &str, day: &str| format!("{};Tous publics;{day}", super::import::line(name, "Dedans"));
    let content = table(";Ouverture;Date prévue", [line("PREVUE", "25/11/2031"), line("JAMAIS", "")]);
    assert_eq!(import(world, &maker, &content, false).await.made, 2);
    let told = traces(&world.anonymous()).await;
    assert!(told.contains("Formation PREVUE") && !told.contains("JAMAIS"), "{told}");
}

/// The rows of a database from before, as the migration finds them.
pub(super) async fn what_was_planned_before_is_announced_by_the_migration(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let target = organisation(world, "Cible", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let (aimed, ada) = (colleague(world, "visee", &target).await, world.member("ada").await);
    let mut ids = Vec::new();
    for (name, opening) in [
        ("TOUS", json!({ "opening": "TOUS_PUBLICS" })),
        ("INTER", json!({ "opening": "INTERMINISTERIEL" })),
        ("CIBLE", json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [target] })),
        ("RIEN", json!({ "opening": "NON_VISIBLE" })),
        ("JAMAIS", json!({ "opening": "TOUS_PUBLICS" })),
    ] {
        let id = new_training(world, &maker, &inside, name, opening).await;
        if name != "JAMAIS" {
            plan(&maker, &id, Some("2031-05-01"), None).await;
            plan(&maker, &id, None, Some("Abandonnée")).await;
        }
        ids.push((id, name));
    }
    let sight = async |expected: [[bool; 5]; 4]| {
        for (who, expected) in [&maker, &aimed, &ada, &world.anonymous()].into_iter().zip(expected) {
            for ((id, name), expected) in ids.iter().zip(expected) {
                assert_eq!(sees(who, id, name).await, expected, "{name}: {:?}", who.bearer);
            }
        }
    };
    let announced =
        [[true; 5], [true, true, true, false, false], [true, true, false, false, false], [true, false, false, false, false]];
    sight(announced).await;
    // As they were.
    world.change("update trainings set announced_at = null, audience_id = (select audience_id from trainings where short_name = 'JAMAIS')").await;
    sight([[true; 5], [false; 5], [false; 5], [false; 5]]).await;
    let migration = include_str!("../../../migrations/0010_announcements.sql");
    let (_, rows) = migration.split_once(";\n").expect("a column, then its rows");
    world.change(rows).await;
    sight(announced).await;
    let moved = "select count(*) from trainings t join (select training_id, min(changed_at) as earliest from calendar_changes
        group by training_id) c on c.training_id = t.id where t.announced_at = c.earliest";
    assert_eq!(world.count(moved).await, 4);
    // The next change of a restricted one finds the audience that equals share.
    let title = json!({ "trainingId": ids[2].0, "fields": { "title": "Un autre titre" } });
    maker.mutate("updateTraining", title, "").await.done("updateTraining");
    sight(announced).await;
    let own = "select count(*) from trainings t join audiences a on a.id = t.audience_id where a.grants_key like 'announced %'";
    assert_eq!(world.count(own).await, 0);
}
