//! Malfunction reports, from the report to the fix, and the questions that wait.

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{Client, Story, World, stories};
use serde_json::{Value, json};
use services::events::Event;

use crate::catalogue::{manager, published};
use crate::steps::{column, moderator, new_forum, nodes, organisation, read, space, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_report_goes_from_the_report_to_the_fix,
        what_is_wrong_with_a_report_is_told_of_its_field,
        a_reporter_adds_details_and_notes,
        duplicates_lead_to_their_root,
        a_thread_that_changes_kind_keeps_its_report_aside,
        a_fix_and_an_accepted_answer_both_solve,
        durations_are_counted_for_the_viewer,
        reports_are_listed_filtered_and_paged,
        a_report_out_of_sight_leaves_no_trace,
        of_two_transitions_at_once_one_is_done,
        two_duplicates_of_each_other_at_once_make_no_circle,
        questions_that_wait_are_told_across_spaces,
    ]
}

async fn report(world: &World, who: &Client, title: &str, fields: Value) -> String {
    let forum = world.forum("plateforme", "signalements").await;
    let input = json!({ "forumId": forum, "kind": "SIGNALEMENT", "title": title, "body": "Texte", "report": fields });
    text(&who.mutate("openThread", input, "thread { report { id } }").await.done("openThread")["thread"]["report"]["id"])
}

pub(crate) async fn take(who: &Client, report: &str, state: &str, more: Value) {
    let mut input = more;
    (input["reportId"], input["state"]) = (json!(report), json!(state));
    who.mutate("transitionReport", input, "report { id }").await.done("transitionReport");
}

async fn field(who: &Client, report: &str, field: &str) -> Value {
    let query = format!("query($r: ID!) {{ report(id: $r) {{ f: {field} }} }}");
    read(who, &query, json!({ "r": report })).await["report"]["f"].clone()
}

async fn a_report_goes_from_the_report_to_the_fix(world: &World) {
    let ada = world.member("ada").await;
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let said = json!({ "component": "H5P", "browser": "Firefox ESR 140", "steps": "1. Ouvrir\n2. Fermer", "expected": "Une image", "observed": "Rien" });
    let id = report(world, &ada, "La vidéo reste noire", said.clone()).await;
    let query = "query($r: ID!) { report(id: $r) { component browser steps expected observed } node(id: $r) { id } }";
    let seen = read(&world.anonymous(), query, json!({ "r": id })).await;
    assert_eq!((&seen["report"], &seen["node"]["id"]), (&said, &json!(id)));
    assert_eq!(
        field(&ada, &id, "possibleTransitions").await,
        json!(["CONFIRME", "PRIS_EN_CHARGE", "CORRIGE", "DOUBLON", "SANS_SUITE"])
    );
    take(&chief, &id, "CONFIRME", json!({ "note": "Vu aussi sous Edge" })).await;
    take(&chief, &id, "PRIS_EN_CHARGE", json!({})).await;
    assert_eq!(field(&ada, &id, "thread { solved }").await["solved"], json!(false));
    world.advance(TimeDelta::hours(2));
    take(&chief, &id, "CORRIGE", json!({ "release": "4.5.2" })).await;
    let query =
        "query($r: ID!) { report(id: $r) { state fixedIn fixedSeconds thread { solved solvedAt acceptedAnswer { id } } fixedAt
        history { totalCount edges { node { from to note fixedIn by { handle } } } } } }";
    let seen = read(&ada, query, json!({ "r": id })).await["report"].clone();
    assert_eq!((&seen["state"], &seen["fixedIn"], &seen["thread"]["solved"]), (&json!("CORRIGE"), &json!("4.5.2"), &json!(true)));
    assert_eq!((&seen["thread"]["solvedAt"], &seen["thread"]["acceptedAnswer"]), (&seen["fixedAt"], &Value::Null));
    assert!((7200..7260).contains(&seen["fixedSeconds"].as_i64().expect("a number")), "{seen}");
    let told: Vec<_> = nodes(&seen["history"])
        .iter()
        .map(|one| (one["from"].clone(), one["to"].clone(), one["note"].clone(), one["fixedIn"].clone()))
        .collect();
    let step = |from: &str, to: &str, note: Value, release: Value| (json!(from), json!(to), note, release);
    assert_eq!(
        told,
        [
            step("NOUVEAU", "CONFIRME", json!("Vu aussi sous Edge"), Value::Null),
            step("CONFIRME", "PRIS_EN_CHARGE", Value::Null, Value::Null),
            step("PRIS_EN_CHARGE", "CORRIGE", Value::Null, json!("4.5.2")),
        ]
    );
    // It came back.
    take(&chief, &id, "CONFIRME", json!({})).await;
    let seen = read(&ada, query, json!({ "r": id })).await["report"].clone();
    assert_eq!((&seen["fixedIn"], &seen["fixedSeconds"], &seen["thread"]["solved"]), (&Value::Null, &Value::Null, &json!(false)));
    let events = world.events().await;
    let changes = events.iter().filter(|entry| matches!(entry.event, Event::ReportStateChanged { .. })).count();
    assert_eq!(changes, 4);
    // What waits for a fix is open; what is closed without one is not.
    let open = "{ threads(filter: OUVERTS, kind: SIGNALEMENT) { totalCount } }";
    for (state, many) in [("SANS_SUITE", 0), ("NOUVEAU", 1)] {
        take(&chief, &id, state, json!({})).await;
        assert_eq!(read(&ada, open, json!({})).await["threads"]["totalCount"], json!(many), "{state}");
    }
}

async fn what_is_wrong_with_a_report_is_told_of_its_field(world: &World) {
    let ada = world.member("ada").await;
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let elsewhere = moderator(world, "ailleurs", Some("editorial")).await;
    let id = report(world, &ada, "La vidéo reste noire", json!({})).await;
    let forum = world.forum("plateforme", "questions").await;
    let open = json!({ "forumId": forum, "kind": "QUESTION", "title": "Une question", "body": "Texte", "report": { "component": "H5P" } });
    assert_eq!(ada.mutate("openThread", open, "").await.problems("openThread"), ["report: REFUSE"]);
    let wrong = json!({ "component": "x".repeat(81), "browser": "\u{202e}", "steps": "é".repeat(5001) });
    let wrong = json!({ "reportId": id, "fields": wrong });
    assert_eq!(
        ada.mutate("updateReport", wrong, "").await.problems("updateReport"),
        ["component: TROP_LONG", "browser: MALFORME", "steps: TROP_LONG"]
    );
    let refused = async |who: &Client, state: &str, more: Value| {
        let mut input = more;
        (input["reportId"], input["state"]) = (json!(id), json!(state));
        who.mutate("transitionReport", input, "report { id }").await
    };
    for (state, more, expected) in [
        ("CORRIGE", json!({}), "release: OBLIGATOIRE"),
        ("CORRIGE", json!({ "release": "x".repeat(41) }), "release: TROP_LONG"),
        ("CONFIRME", json!({ "release": "4.5" }), "release: REFUSE"),
        ("DOUBLON", json!({}), "duplicateOfId: OBLIGATOIRE"),
        ("DOUBLON", json!({ "duplicateOfId": id }), "duplicateOfId: REFUSE"),
        ("DOUBLON", json!({ "duplicateOfId": format!("rep_{:032x}", 3) }), "duplicateOfId: INCONNU"),
        ("NOUVEAU", json!({}), "state: REFUSE"),
        ("CONFIRME", json!({ "revision": 9 }), "revision: REFUSE"),
        ("CONFIRME", json!({ "note": "x".repeat(1001) }), "note: TROP_LONG"),
    ] {
        let reply = refused(&chief, state, more).await;
        // A problem of one field at least: an unlucky release leaves a second one.
        assert!(reply.problems("transitionReport").contains(&expected.to_owned()), "{state}: {}", reply.text);
    }
    assert_eq!(refused(&ada, "CONFIRME", json!({})).await.code(), "FORBIDDEN");
    assert_eq!(refused(&elsewhere, "CONFIRME", json!({})).await.code(), "FORBIDDEN");
    assert_eq!(refused(&world.anonymous(), "CONFIRME", json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(field(&ada, &id, "history { totalCount }").await["totalCount"], json!(0), "nothing half-done");
}

async fn a_reporter_adds_details_and_notes(world: &World) {
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let id = report(world, &ada, "La vidéo reste noire", json!({ "component": "H5P", "browser": "Edge" })).await;
    let change = |fields: Value| json!({ "reportId": id, "fields": fields, "revision": 1 });
    let reply = ada
        .mutate(
            "updateReport",
            change(json!({ "steps": "Ouvrir", "browser": "" })),
            "report { component browser steps revision }",
        )
        .await;
    let expected = json!({ "component": "H5P", "browser": null, "steps": "Ouvrir", "revision": 2 });
    assert_eq!(reply.done("updateReport")["report"], expected);
    assert_eq!(
        ada.mutate("updateReport", change(json!({ "steps": "Fermer" })), "").await.problems("updateReport"),
        ["revision: REFUSE"]
    );
    let note = |text: &str| json!({ "reportId": id, "note": text });
    ada.mutate("noteReport", note("Sur deux postes"), "").await.done("noteReport");
    assert_eq!(ada.mutate("noteReport", note(" "), "").await.problems("noteReport"), ["note: OBLIGATOIRE"]);
    for name in ["noteReport", "updateReport"] {
        let input =
            if name == "noteReport" { note("À moi") } else { json!({ "reportId": id, "fields": { "steps": "À moi" } }) };
        assert_eq!(bob.mutate(name, input, "").await.code(), "FORBIDDEN");
    }
    let thread = field(&ada, &id, "thread { id }").await["id"].clone();
    chief.mutate("lockThread", json!({ "threadId": thread, "locked": true }), "").await.done("lockThread");
    assert_eq!(ada.mutate("noteReport", note("Encore"), "").await.code(), "FORBIDDEN");
    chief.mutate("noteReport", note("Vu"), "").await.done("noteReport");
    let notes = field(&bob, &id, "history { edges { node { from to note } } }").await;
    let same = |note: &str| json!({ "from": "NOUVEAU", "to": "NOUVEAU", "note": note });
    assert_eq!(nodes(&notes), [same("Sur deux postes"), same("Vu")]);
    assert_eq!(
        [field(&ada, &id, "viewerMayUpdate").await, field(&chief, &id, "viewerMayHandle").await],
        [json!(false), json!(true)]
    );
}

async fn duplicates_lead_to_their_root(world: &World) {
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let mut people = Vec::new();
    let mut ids = Vec::new();
    for n in 0..4 {
        people.push(world.member(&format!("membre{n}")).await);
        world.advance(TimeDelta::minutes(1));
        ids.push(report(world, &people[n], &format!("La vidéo reste noire {n}"), json!({})).await);
    }
    let duplicate = |of: usize| json!({ "duplicateOfId": ids[of] });
    take(&chief, &ids[3], "DOUBLON", duplicate(2)).await;
    take(&chief, &ids[2], "DOUBLON", duplicate(1)).await;
    // Named after what is a duplicate itself, it goes to the root; and what hung on a root that becomes one follows.
    take(&chief, &ids[1], "DOUBLON", duplicate(0)).await;
    for id in &ids[1..] {
        assert_eq!(field(&people[0], id, "duplicateOf { id }").await["id"], json!(ids[0]));
    }
    // Of those that followed it is told, each time.
    let changed = world.events().await.into_iter().filter_map(|entry| match entry.event {
        Event::ReportChanged { report } => Some(report.to_string()),
        _ => None,
    });
    let mut changed: Vec<_> = changed.collect();
    changed.sort();
    assert_eq!(changed, [ids[2].clone(), ids[3].clone(), ids[3].clone()]);
    let back = json!({ "reportId": ids[0], "state": "DOUBLON", "duplicateOfId": ids[3] });
    assert_eq!(chief.mutate("transitionReport", back, "").await.problems("transitionReport"), ["duplicateOfId: REFUSE"]);
    let query = "duplicates { totalCount edges { node { id } } }";
    let list = field(&people[0], &ids[0], query).await;
    assert_eq!((&list["totalCount"], column(&list, "id")), (&json!(3), ids[1..].iter().map(|id| json!(id)).collect()));
    let reporters = async |id: &str, page: &str| {
        let query =
            format!("reporters{page} {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {{ handle }} }} }}");
        let list = field(&people[0], id, &query).await;
        let handles: Vec<_> = column(&list, "handle").iter().map(text).collect();
        (handles, list["totalCount"].clone(), list["pageInfo"].clone())
    };
    // One who reported it twice is named once, where they came first.
    world.advance(TimeDelta::minutes(1));
    let again = report(world, &people[1], "La vidéo reste noire, toujours", json!({})).await;
    take(&chief, &again, "DOUBLON", duplicate(3)).await;
    let (handles, total, _) = reporters(&ids[0], "").await;
    assert_eq!((handles, total), (vec!["membre0".into(), "membre1".into(), "membre2".into(), "membre3".into()], json!(4)));
    let (handles, total, place) = reporters(&ids[0], "(first: 2)").await;
    assert_eq!((handles, total, &place["hasNextPage"]), (vec!["membre0".into(), "membre1".into()], json!(4), &json!(true)));
    let after = format!("(first: 2, after: {})", place["endCursor"]);
    assert_eq!(reporters(&ids[0], &after).await.0, ["membre2", "membre3"]);
    assert_eq!(reporters(&ids[0], "(last: 1)").await.0, ["membre3"]);
    let (handles, total, _) = reporters(&ids[2], "").await;
    assert_eq!((handles, total), (vec!["membre2".into()], json!(1)));
    take(&chief, &again, "NOUVEAU", json!({})).await;
    take(&chief, &ids[2], "NOUVEAU", json!({})).await;
    assert_eq!(field(&people[0], &ids[2], "duplicateOf { id }").await, Value::Null);
    assert_eq!(field(&people[0], &ids[0], query).await["totalCount"], json!(2));
    assert_eq!(
        world
            .count(
                "select count(*) from reports a join reports b on b.id = a.duplicate_of_id where b.duplicate_of_id is not null"
            )
            .await,
        0
    );
}

async fn a_thread_that_changes_kind_keeps_its_report_aside(world: &World) {
    let chief = moderator(world, "partout", None).await;
    let ada = world.member("ada").await;
    let id = report(world, &ada, "La vidéo reste noire", json!({ "component": "H5P" })).await;
    let thread = format!("thr_{}", &id[4..]);
    take(&chief, &id, "CORRIGE", json!({ "release": "4.5" })).await;
    let questions = world.forum("plateforme", "questions").await;
    let moved = json!({ "threadId": thread, "forumId": questions, "kind": "QUESTION" });
    chief.mutate("moveThread", moved, "").await.done("moveThread");
    let query = "query($t: ID!, $r: ID!) { thread(id: $t) { solved report { id } } report(id: $r) { id } reports { totalCount } reportStatistics { count } }";
    let ids = json!({ "t": thread, "r": id });
    let seen = read(&ada, query, ids.clone()).await;
    let gone = json!({ "thread": { "solved": false, "report": null }, "report": null, "reports": { "totalCount": 0 }, "reportStatistics": { "count": 0 } });
    assert_eq!(seen, gone);
    let input = json!({ "reportId": id, "state": "CONFIRME" });
    assert_eq!(chief.mutate("transitionReport", input, "").await.code(), "NOT_FOUND");
    let back = json!({ "threadId": thread, "forumId": world.forum("plateforme", "signalements").await, "kind": "SIGNALEMENT" });
    chief.mutate("moveThread", back, "").await.done("moveThread");
    let seen = read(&ada, query, ids).await;
    assert_eq!((&seen["thread"]["solved"], &seen["report"]["id"]), (&json!(true), &json!(id)));
    assert_eq!(field(&ada, &id, "component").await, "H5P");
    // One that was never a report becomes one.
    let (question, _) = ada.open_thread(&questions, "QUESTION", "Une question", "Texte").await;
    let moved =
        json!({ "threadId": question, "forumId": world.forum("plateforme", "signalements").await, "kind": "SIGNALEMENT" });
    let reply = chief.mutate("moveThread", moved, "thread { report { state } }").await;
    assert_eq!(reply.done("moveThread")["thread"]["report"]["state"], "NOUVEAU");
}

async fn a_fix_and_an_accepted_answer_both_solve(world: &World) {
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let ada = world.member("ada").await;
    let id = report(world, &ada, "La vidéo reste noire", json!({})).await;
    let opening = field(&ada, &id, "thread { id openingPost { id } }").await;
    let answer = chief.answer(&text(&opening["openingPost"]["id"]), "C'est corrigé").await;
    take(&chief, &id, "CORRIGE", json!({ "release": "4.5" })).await;
    let reopen = json!({ "threadId": opening["id"] });
    let refused = ada.mutate("reopenThread", reopen.clone(), "").await;
    assert_eq!(refused.problems("reopenThread"), ["threadId: REFUSE"]);
    assert!(refused.text.contains("corrigé"), "{}", refused.text);
    ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    let solved = async || field(&ada, &id, "thread { solved acceptedAnswer { id } }").await;
    ada.mutate("reopenThread", reopen.clone(), "").await.done("reopenThread");
    assert_eq!(solved().await, json!({ "solved": true, "acceptedAnswer": null }), "the fix still stands");
    ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    chief.mutate("deletePost", json!({ "postId": answer }), "").await.done("deletePost");
    assert_eq!(solved().await, json!({ "solved": true, "acceptedAnswer": null }));
    let other = chief.answer(&text(&opening["openingPost"]["id"]), "C'est corrigé").await;
    ada.mutate("acceptAnswer", json!({ "postId": other }), "").await.done("acceptAnswer");
    take(&chief, &id, "CONFIRME", json!({})).await;
    assert_eq!(solved().await["solved"], json!(true), "the answer still stands");
    ada.mutate("reopenThread", reopen, "").await.done("reopenThread");
    assert_eq!(solved().await["solved"], json!(false));
}

async fn durations_are_counted_for_the_viewer(world: &World) {
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let secret =
        published(world, &maker, &inside, "SECRET", json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [inside] })).await;
    let ada = world.member("ada").await;
    let start = world.app.clock.now();
    let mut ids = Vec::new();
    for n in 0..10 {
        let component = if n < 5 { "H5P" } else { "Via" };
        ids.push(report(world, &ada, &format!("Signalement {n}"), json!({ "component": component })).await);
    }
    let thread = field(&ada, &ids[0], "thread { id }").await["id"].clone();
    let chiefly = world.administrator();
    chiefly.mutate("linkThread", json!({ "threadId": thread, "targetId": secret }), "").await.done("linkThread");
    for id in &ids {
        world.advance(TimeDelta::hours(1));
        take(&chief, id, "CORRIGE", json!({ "release": "4.5" })).await;
    }
    report(world, &ada, "Un de plus", json!({})).await;
    let query = "query($f: DateTime, $t: DateTime, $c: String, $g: ID) { reportStatistics(from: $f, to: $t, component: $c, trainingId: $g) {
        count medianSeconds ninetiethSeconds byState { state count } } }";
    let of = async |who: &Client, variables: Value| read(who, query, variables).await["reportStatistics"].clone();
    let hours = |value: &Value| value.as_i64().map(|seconds| (seconds + 900) / 3600);
    let all = of(&ada, json!({})).await;
    assert_eq!((&all["count"], hours(&all["medianSeconds"]), hours(&all["ninetiethSeconds"])), (&json!(11), Some(5), Some(9)));
    let state = |name: &str| {
        all["byState"].as_array().expect("states").iter().find(|one| one["state"] == name).expect("a state")["count"].clone()
    };
    assert_eq!((state("CORRIGE"), state("NOUVEAU"), state("DOUBLON")), (json!(10), json!(1), json!(0)));
    let via = of(&world.anonymous(), json!({ "c": "VIA" })).await;
    assert_eq!((&via["count"], hours(&via["medianSeconds"]), hours(&via["ninetiethSeconds"])), (&json!(5), Some(8), Some(10)));
    let early = of(&ada, json!({ "t": start.to_rfc3339() })).await;
    assert_eq!((&early["count"], &early["medianSeconds"]), (&json!(0), &Value::Null));
    // By a training that one does not see there is nothing, as by one that nobody has.
    assert_eq!(of(chiefly, json!({ "g": secret })).await["count"], json!(1));
    assert_eq!(of(&ada, json!({ "g": secret })).await, of(&ada, json!({ "g": format!("tra_{:032x}", 5) })).await);
    let listed = "query($g: ID) { reports(filter: { trainingId: $g }) { totalCount edges { node { id } } } }";
    let list = async |who: &Client, training: Value| read(who, listed, json!({ "g": training })).await["reports"].clone();
    assert_eq!(column(&list(chiefly, json!(secret)).await, "id"), [json!(ids[0])]);
    assert_eq!(list(&ada, json!(secret)).await, list(&ada, json!(format!("tra_{:032x}", 5))).await);
    let reply = ada.run(query, json!({ "f": start.to_rfc3339(), "t": start.to_rfc3339() })).await;
    assert_eq!(reply.code(), "INVALID");
}

async fn reports_are_listed_filtered_and_paged(world: &World) {
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let mut ids = Vec::new();
    for n in 0..5 {
        world.advance(TimeDelta::minutes(1));
        let who = if n % 2 == 0 { &ada } else { &bob };
        ids.push(
            report(world, who, &format!("Signalement {n}"), json!({ "component": if n < 3 { "H5P" } else { "Via" } })).await,
        );
    }
    world.advance(TimeDelta::minutes(1));
    take(&chief, &ids[1], "CONFIRME", json!({})).await;
    let list = async |who: &Client, arguments: &str| {
        let query =
            format!("{{ reports{arguments} {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ node {{ id }} }} }} }}");
        read(who, &query, json!({})).await["reports"].clone()
    };
    let of = |own: &[usize]| own.iter().map(|n| json!(ids[*n])).collect::<Vec<_>>();
    for (who, arguments, expected) in [
        (&ada, String::new(), of(&[4, 3, 2, 1, 0])),
        (&ada, "(orderBy: CHANGEMENT)".into(), of(&[1, 4, 3, 2, 0])),
        (&ada, "(filter: { state: CONFIRME })".into(), of(&[1])),
        (&ada, "(filter: { component: \"h5p\" })".into(), of(&[2, 1, 0])),
        (&ada, "(filter: { component: \"h5p\", mine: true })".into(), of(&[2, 0])),
        (&ada, format!("(filter: {{ spaceId: \"{}\" }})", space(world, "editorial").await), of(&[])),
        (&ada, "(filter: { component: \"rien\\u0000\" })".into(), of(&[])),
    ] {
        let found = list(who, &arguments).await;
        assert_eq!((column(&found, "id"), &found["totalCount"]), (expected.clone(), &json!(expected.len())), "{arguments}");
    }
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let page = list(&ada, &format!("(first: 2{after})")).await;
        seen.extend(column(&page, "id"));
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen, of(&[4, 3, 2, 1, 0]));
    assert_eq!(
        world.anonymous().run("{ reports(filter: { mine: true }) { totalCount } }", json!({})).await.code(),
        "UNAUTHENTICATED"
    );
}

async fn a_report_out_of_sight_leaves_no_trace(world: &World) {
    let (ada, admin) = (world.member("ada").await, world.administrator());
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let closed = new_forum(world, "plateforme", "Entre nous", json!([{ "kind": "MEMBRE", "memberId": ada.id().await }])).await;
    let kinds = json!({ "forumId": closed, "kinds": ["SIGNALEMENT"] });
    admin.mutate("updateForum", kinds, "").await.done("updateForum");
    let input = json!({ "forumId": closed, "kind": "SIGNALEMENT", "title": "Un secret", "body": "Texte", "report": { "component": "Secret" } });
    let reply = ada.mutate("openThread", input, "thread { report { id } }").await.done("openThread");
    let secret = text(&reply["thread"]["report"]["id"]);
    let bob = world.member("bob").await;
    let root = report(world, &bob, "Au grand jour", json!({})).await;
    take(&chief, &secret, "DOUBLON", json!({ "duplicateOfId": root })).await;
    let query = "query($r: ID!, $s: ID!) { report(id: $s) { id } node(id: $s) { id } reports { totalCount edges { node { id } } }
        by: reports(filter: { component: \"secret\" }) { totalCount } reportStatistics(component: \"secret\") { count byState { count } }
        root: report(id: $r) { duplicates { totalCount edges { node { id } } } reporters { totalCount edges { node { handle } } } } }";
    for who in [&bob, &world.anonymous()] {
        let reply = who.run(query, json!({ "r": root, "s": secret })).await;
        assert!(!reply.text.contains(&secret) && !reply.text.contains("\"ada\""), "{}", reply.text);
        assert_eq!((&reply.data["report"], &reply.data["node"]), (&Value::Null, &Value::Null));
        assert_eq!([&reply.data["reports"]["totalCount"], &reply.data["by"]["totalCount"]], [&json!(1), &json!(0)]);
        assert_eq!(
            [&reply.data["reportStatistics"]["count"], &reply.data["root"]["duplicates"]["totalCount"]],
            [&json!(0), &json!(0)]
        );
        for (name, rest) in [
            ("updateReport", json!({ "fields": { "component": "À moi" } })),
            ("noteReport", json!({ "note": "À moi" })),
            ("transitionReport", json!({ "state": "CONFIRME" })),
        ] {
            let with = |id: &str| {
                let mut input = rest.clone();
                input["reportId"] = json!(id);
                input
            };
            let (seen, absent) =
                (who.mutate(name, with(&secret), "").await, who.mutate(name, with(&format!("rep_{:032x}", 9)), "").await);
            assert_eq!((seen.status, seen.text), (absent.status, absent.text), "{name}");
        }
    }
    // Both see each other's.
    let seen = read(&ada, query, json!({ "r": root, "s": secret })).await;
    assert_eq!((&seen["root"]["duplicates"]["totalCount"], &seen["reportStatistics"]["count"]), (&json!(1), &json!(1)));
    assert_eq!((&seen["root"]["reporters"]["totalCount"], nodes(&seen["root"]["reporters"]).len()), (&json!(2), 2));
    // Hidden, it leaves the lists of all but moderators' own look.
    let thread = format!("thr_{}", &root[4..]);
    chief.mutate("hideThread", json!({ "threadId": thread, "hidden": true }), "").await.done("hideThread");
    assert_eq!(read(&bob, "query($r: ID!) { report(id: $r) { id } }", json!({ "r": root })).await["report"], Value::Null);
    assert_eq!(field(&chief, &root, "id").await, json!(root));
}

async fn of_two_transitions_at_once_one_is_done(world: &World) {
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let ada = world.member("ada").await;
    for round in 0..5 {
        let id = report(world, &ada, &format!("Signalement {round}"), json!({})).await;
        let attempt = |state: &'static str| {
            let input =
                json!({ "reportId": id, "state": state, "revision": 1, "release": (state == "CORRIGE").then_some("4.5") });
            chief.mutate("transitionReport", input, "report { state }")
        };
        let replies = join_all(["CONFIRME", "CORRIGE", "SANS_SUITE", "CORRIGE"].map(attempt)).await;
        let (done, refused): (Vec<_>, Vec<_>) =
            replies.iter().partition(|reply| reply.data["transitionReport"]["problems"] == json!([]));
        assert_eq!(done.len(), 1, "{replies:?}");
        for reply in refused {
            assert_eq!(reply.problems("transitionReport"), ["revision: REFUSE"]);
        }
        let state = done[0].data["transitionReport"]["report"]["state"].clone();
        assert_eq!(field(&ada, &id, "state").await, state);
        assert_eq!(field(&ada, &id, "thread { solved }").await["solved"], json!(state == "CORRIGE"));
        assert_eq!(field(&ada, &id, "history { totalCount }").await["totalCount"], json!(1));
    }
}

async fn two_duplicates_of_each_other_at_once_make_no_circle(world: &World) {
    let chief = moderator(world, "ici", Some("plateforme")).await;
    let ada = world.member("ada").await;
    for round in 0..5 {
        let one = report(world, &ada, &format!("Signalement {round}"), json!({})).await;
        let other = report(world, &ada, &format!("Signalement {round} bis"), json!({})).await;
        let attempt = |id: &str, of: &str| {
            chief.mutate("transitionReport", json!({ "reportId": id, "state": "DOUBLON", "duplicateOfId": of }), "report { id }")
        };
        let (first, second) = (attempt(&one, &other), attempt(&other, &one));
        let replies = join_all([first, second]).await;
        let done = replies.iter().filter(|reply| reply.data["transitionReport"]["problems"] == json!([])).count();
        assert_eq!(done, 1, "{replies:?}");
    }
    assert_eq!(world.count("select count(*) from reports where duplicate_of_id is not null").await, 5);
    assert_eq!(
        world
            .count(
                "select count(*) from reports a join reports b on b.id = a.duplicate_of_id where b.duplicate_of_id is not null"
            )
            .await,
        0
    );
}

async fn questions_that_wait_are_told_across_spaces(world: &World) {
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let chief = moderator(world, "partout", None).await;
    let questions = world.forum("plateforme", "questions").await;
    let ideas = world.forum("editorial", "idees-et-besoins").await;
    let closed = new_forum(world, "plateforme", "Entre nous", json!([{ "kind": "MEMBRE", "memberId": ada.id().await }])).await;
    let mut threads = Vec::new();
    for (forum, kind) in [
        (&questions, "QUESTION"),
        (&ideas, "QUESTION"),
        (&questions, "QUESTION"),
        (&questions, "QUESTION"),
        (&questions, "QUESTION"),
        (&questions, "DISCUSSION"),
        (&closed, "QUESTION"),
    ] {
        world.advance(TimeDelta::minutes(1));
        threads.push(ada.open_thread(forum, kind, "Une question", "Texte").await);
    }
    let answer = bob.answer(&threads[2].1, "Une réponse").await;
    chief.mutate("lockThread", json!({ "threadId": threads[3].0, "locked": true }), "").await.done("lockThread");
    chief.mutate("hideThread", json!({ "threadId": threads[4].0, "hidden": true }), "").await.done("hideThread");
    let of = |own: &[usize]| own.iter().map(|n| json!(threads[*n].0)).collect::<Vec<_>>();
    let query = "query($s: [ID!], $n: Int, $a: String) { unansweredThreads(spaces: $s, first: $n, after: $a) { totalCount pageInfo { hasNextPage endCursor } edges { node { id } } } }";
    let list = async |who: &Client, variables: Value| read(who, query, variables).await["unansweredThreads"].clone();
    let editorial = space(world, "editorial").await;
    for (who, variables, expected) in [
        (&bob, json!({}), of(&[0, 1])),
        (&world.anonymous(), json!({}), of(&[0, 1])),
        (&ada, json!({}), of(&[0, 1, 6])),
        (&ada, json!({ "s": [editorial] }), of(&[1])),
        (&ada, json!({ "s": [editorial, space(world, "plateforme").await] }), of(&[0, 1, 6])),
        (&ada, json!({ "s": [format!("spa_{:032x}", 4)] }), of(&[])),
    ] {
        let found = list(who, variables).await;
        assert_eq!((column(&found, "id"), &found["totalCount"]), (expected.clone(), &json!(expected.len())));
    }
    let first = list(&bob, json!({ "n": 1 })).await;
    let next = list(&bob, json!({ "n": 1, "a": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(
        (column(&first, "id"), column(&next, "id"), &next["pageInfo"]["hasNextPage"]),
        (of(&[0]), of(&[1]), &json!(false))
    );
    // An answer that is taken away leaves the question waiting again.
    bob.mutate("deletePost", json!({ "postId": answer }), "").await.done("deletePost");
    assert_eq!(column(&list(&bob, json!({})).await, "id"), of(&[0, 1, 2]));
    let many: Vec<_> = (0..11).map(|n| format!("spa_{n:032x}")).collect();
    assert_eq!(ada.run(query, json!({ "s": many })).await.code(), "INVALID");
}
