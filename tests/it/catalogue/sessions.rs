//! Sessions of a training: their states, who sees and changes them.

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{Client, World};
use serde_json::{Value, json};

use super::{manager, new_training, published, through};
use crate::steps::{column, grant, organisation, read, text};

fn dates() -> Value {
    json!({ "startsAt": "2027-03-01T08:00:00Z", "endsAt": "2027-03-02T16:00:00Z" })
}

/// A new session of a training, with what is added to its dates; its id.
async fn new_session(who: &Client, training: &str, more: Value) -> String {
    let mut fields = dates();
    for (key, value) in more.as_object().expect("fields") {
        fields[key] = value.clone();
    }
    let input = json!({ "trainingId": training, "fields": fields });
    let reply = who.mutate("createTrainingSession", input, "session { id }").await;
    text(&reply.done("createTrainingSession")["session"]["id"])
}

async fn transition(who: &Client, session: &str, state: &str) -> harness::Reply {
    who.mutate("transitionTrainingSession", json!({ "sessionId": session, "state": state }), "session { state }").await
}

async fn sees(who: &Client, training: &str, session: &str) -> bool {
    let query = "query($t: ID!, $s: ID!) { trainingSession(id: $s) { id } node(id: $s) { id }
        training(id: $t) { sessions { totalCount edges { node { id } } } } }";
    let data = read(who, query, json!({ "t": training, "s": session })).await;
    let listed = data["training"].to_string().contains(session);
    assert_eq!((data["trainingSession"].is_object(), data["node"].is_object()), (listed, listed), "found as it is listed");
    if data["training"].is_object() {
        let sessions = &data["training"]["sessions"];
        assert_eq!(sessions["totalCount"], json!(column(sessions, "id").len()));
    }
    listed
}

pub(super) async fn a_session_goes_through_its_states(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, "SESSIONS", json!({ "opening": "TOUS_PUBLICS" })).await;
    let more = json!({ "seats": 12, "timeZone": "Indian/Reunion", "registrationOpensAt": "2027-01-10T00:00:00Z",
        "registrationClosesAt": "2027-02-20T00:00:00Z" });
    let session = new_session(&maker, &training, more).await;
    let shown =
        "query($s: ID!) { trainingSession(id: $s) { state startsAt endsAt registrationOpensAt registrationClosesAt timeZone
        seats remote place revision training { id } formateurs { id } } }";
    let seen = read(&maker, shown, json!({ "s": session })).await["trainingSession"].clone();
    let expected = json!({ "state": "EN_PREPARATION", "startsAt": "2027-03-01T08:00:00.000000Z", "endsAt": "2027-03-02T16:00:00.000000Z",
        "registrationOpensAt": "2027-01-10T00:00:00.000000Z", "registrationClosesAt": "2027-02-20T00:00:00.000000Z",
        "timeZone": "Indian/Reunion", "seats": 12, "remote": false, "place": null, "revision": 1, "training": { "id": training },
        "formateurs": [] });
    assert_eq!(seen, expected);
    let refused = transition(&maker, &session, "INSCRIPTIONS_OUVERTES").await;
    assert_eq!(refused.problems("transitionTrainingSession"), ["place: OBLIGATOIRE"]);
    let place = json!({ "sessionId": session, "fields": { "place": "Saint-Denis", "clear": ["PLACES"] }, "revision": 1 });
    let done = maker.mutate("updateTrainingSession", place.clone(), "session { place seats revision }").await;
    let expected = json!({ "place": "Saint-Denis", "seats": null, "revision": 2 });
    assert_eq!(done.done("updateTrainingSession")["session"], expected);
    assert_eq!(maker.mutate("updateTrainingSession", place, "").await.problems("updateTrainingSession"), ["revision: REFUSE"]);
    let wrong = transition(&maker, &session, "TERMINEE").await;
    assert_eq!(wrong.problems("transitionTrainingSession"), ["state: REFUSE"]);
    let sentence = "De l'état « en préparation » on ne passe pas à « terminée », mais à « inscriptions ouvertes » ou « en cours » ou « reportée » ou « annulée ».";
    assert_eq!(wrong.data["transitionTrainingSession"]["problems"][0]["message"], sentence);
    for state in ["INSCRIPTIONS_OUVERTES", "REPORTEE", "INSCRIPTIONS_OUVERTES", "EN_COURS", "TERMINEE", "ARCHIVEE"] {
        let done = transition(&maker, &session, state).await.done("transitionTrainingSession");
        assert_eq!(done["session"]["state"], state);
        if state == "INSCRIPTIONS_OUVERTES" {
            // Where it is held is announced: it stays so.
            let clear = json!({ "sessionId": session, "fields": { "clear": ["LIEU"] } });
            let refused = maker.mutate("updateTrainingSession", clear, "").await;
            assert_eq!(refused.problems("updateTrainingSession"), ["place: OBLIGATOIRE"]);
        }
    }
    let late = json!({ "sessionId": session, "fields": { "seats": 5 } });
    assert_eq!(maker.mutate("updateTrainingSession", late, "").await.problems("updateTrainingSession"), ["sessionId: REFUSE"]);
    assert_eq!(world.count("select count(*) from events where kind = 'TrainingSessionStateChanged'").await, 6);
    // Nobody registers for what is not made yet, and an archived training has no new session.
    let draft = new_training(world, &maker, &inside, "BROUILLON", json!({})).await;
    let early = new_session(&maker, &draft, json!({ "remote": true })).await;
    assert_eq!(
        transition(&maker, &early, "INSCRIPTIONS_OUVERTES").await.problems("transitionTrainingSession"),
        ["state: REFUSE"]
    );
    through(&maker, &draft, &["ARCHIVEE"]).await;
    let input = json!({ "trainingId": draft, "fields": dates() });
    assert_eq!(maker.mutate("createTrainingSession", input, "").await.problems("createTrainingSession"), ["trainingId: REFUSE"]);
}

async fn state(who: &Client, session: &str) -> Value {
    let shown = read(who, "query($s: ID!) { trainingSession(id: $s) { state } }", json!({ "s": session })).await;
    shown["trainingSession"]["state"].clone()
}

/// Dates of a session that begins in some hours and ends two hours later.
fn in_hours(world: &World, hours: i64) -> Value {
    let at = |hours| (world.app.clock.now() + TimeDelta::hours(hours)).to_rfc3339();
    json!({ "startsAt": at(hours), "endsAt": at(hours + 2), "remote": true })
}

pub(super) async fn dates_take_a_session_on(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, "SESSIONS", json!({ "opening": "TOUS_PUBLICS" })).await;
    let session = new_session(&maker, &training, in_hours(world, 3)).await;
    new_session(&maker, &training, in_hours(world, 3)).await;
    transition(&maker, &session, "INSCRIPTIONS_OUVERTES").await.done("transitionTrainingSession");
    let mut seen = Vec::new();
    for (hours, minutes) in [(2, 59), (0, 1), (1, 59), (0, 1), (30 * 24 - 1, 59), (0, 1), (24, 0)] {
        world.advance(TimeDelta::minutes(60 * hours + minutes));
        world.run_jobs().await;
        // Nobody's session lasts as long.
        seen.push(text(&state(&world.anonymous(), &session).await));
    }
    assert_eq!(seen, ["INSCRIPTIONS_OUVERTES", "EN_COURS", "EN_COURS", "TERMINEE", "TERMINEE", "ARCHIVEE", "ARCHIVEE"]);
    let in_preparation = "select count(*) from training_sessions where state = 'EN_PREPARATION'";
    assert_eq!(world.count(in_preparation).await, 1, "nobody opened the other one");
    let moved = "select count(*) from events where kind = 'TrainingSessionStateChanged' and actor_id is null";
    assert_eq!(world.count(moved).await, 3, "each is told once, as nobody's act");
    assert_eq!(world.count("select count(*) from jobs where kind = 'MoveSession'").await, 0);
}

pub(super) async fn what_people_did_to_a_session_stands_before_its_dates(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, "SESSIONS", json!({})).await;
    let later = new_session(&maker, &training, in_hours(world, 3)).await;
    let (cancelled, early) =
        (new_session(&maker, &training, in_hours(world, 3)).await, new_session(&maker, &training, in_hours(world, 3)).await);
    for session in [&later, &cancelled, &early] {
        transition(&maker, session, "INSCRIPTIONS_OUVERTES").await.done("transitionTrainingSession");
    }
    let dates = json!({ "sessionId": later, "fields": in_hours(world, 6) });
    maker.mutate("updateTrainingSession", dates, "").await.done("updateTrainingSession");
    transition(&maker, &cancelled, "ANNULEE").await.done("transitionTrainingSession");
    for state in ["EN_COURS", "TERMINEE"] {
        transition(&maker, &early, state).await.done("transitionTrainingSession");
    }
    let states = async || (state(&maker, &later).await, state(&maker, &cancelled).await, state(&maker, &early).await);
    world.advance(TimeDelta::hours(4));
    world.run_jobs().await;
    assert_eq!(states().await, (json!("INSCRIPTIONS_OUVERTES"), json!("ANNULEE"), json!("TERMINEE")));
    // What is withdrawn is not held.
    let draft = published(world, &maker, &inside, "RETIREE", json!({})).await;
    let withdrawn = new_session(&maker, &draft, in_hours(world, 1)).await;
    transition(&maker, &withdrawn, "INSCRIPTIONS_OUVERTES").await.done("transitionTrainingSession");
    through(&maker, &draft, &["ARCHIVEE"]).await;
    world.advance(TimeDelta::hours(2));
    world.run_jobs().await;
    assert_eq!(states().await, (json!("EN_COURS"), json!("ANNULEE"), json!("TERMINEE")));
    assert_eq!(state(&maker, &withdrawn).await, "INSCRIPTIONS_OUVERTES");
}

pub(super) async fn a_session_is_checked(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = new_training(world, &maker, &inside, "SESSIONS", json!({})).await;
    let attempt = async |fields: Value| {
        let input = json!({ "trainingId": training, "fields": fields });
        maker.mutate("createTrainingSession", input, "").await.problems("createTrainingSession")
    };
    assert_eq!(attempt(json!({})).await, ["startsAt: OBLIGATOIRE", "endsAt: OBLIGATOIRE"]);
    let with = |more: Value| {
        let mut fields = dates();
        for (key, value) in more.as_object().expect("fields") {
            fields[key] = value.clone();
        }
        fields
    };
    for (more, expected) in [
        (json!({ "endsAt": "2027-03-01T08:00:00Z" }), vec!["endsAt: MALFORME"]),
        (json!({ "endsAt": "2037-03-01T08:00:00Z" }), vec!["endsAt: MALFORME"]),
        (json!({ "timeZone": "Paris" }), vec!["timeZone: MALFORME"]),
        (json!({ "seats": 0, "place": "x" }), vec!["place: TROP_COURT", "seats: MALFORME"]),
        (
            json!({ "registrationOpensAt": "2027-02-01T00:00:00Z", "registrationClosesAt": "2027-01-01T00:00:00Z" }),
            vec!["registrationClosesAt: MALFORME"],
        ),
        (json!({ "registrationClosesAt": "2027-04-01T00:00:00Z" }), vec!["registrationClosesAt: MALFORME"]),
        (json!({ "formateurIds": [format!("mem_{:032x}", 7)] }), vec!["formateurIds: INCONNU"]),
    ] {
        assert_eq!(attempt(with(more.clone())).await, expected, "{more}");
    }
    assert_eq!(world.count("select count(*) from training_sessions").await, 0);
}

pub(super) async fn a_formateur_changes_the_sessions_they_lead(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, "SESSIONS", json!({})).await;
    let ada = world.member("ada").await;
    let role = grant(world, &ada, "FORMATEUR", json!({ "organisationId": inside })).await;
    let led = new_session(&maker, &training, json!({ "remote": true, "formateurIds": [ada.id().await] })).await;
    let other = new_session(&maker, &training, json!({ "remote": true })).await;
    assert!(sees(&ada, &training, &led).await && sees(&ada, &training, &other).await, "she is of the training's team");
    let seats = |session: &str| json!({ "sessionId": session, "fields": { "seats": 8 } });
    ada.mutate("updateTrainingSession", seats(&led), "").await.done("updateTrainingSession");
    assert_eq!(ada.mutate("updateTrainingSession", seats(&other), "").await.code(), "FORBIDDEN");
    let team = json!({ "sessionId": led, "fields": { "formateurIds": [] } });
    assert_eq!(ada.mutate("updateTrainingSession", team.clone(), "").await.code(), "FORBIDDEN");
    let title = json!({ "trainingId": training, "fields": { "title": "À ma façon" } });
    assert_eq!(ada.mutate("updateTraining", title, "").await.code(), "FORBIDDEN");
    let input = json!({ "trainingId": training, "fields": dates() });
    assert_eq!(ada.mutate("createTrainingSession", input, "").await.code(), "FORBIDDEN");
    assert_eq!(transition(&ada, &led, "INSCRIPTIONS_OUVERTES").await.code(), "FORBIDDEN", "who manages it opens it");
    for state in ["EN_COURS", "TERMINEE"] {
        transition(&ada, &led, state).await.done("transitionTrainingSession");
    }
    let next = new_session(&maker, &training, json!({ "remote": true, "formateurIds": [ada.id().await] })).await;
    world.administrator().mutate("endRole", json!({ "roleGrantId": role }), "").await.done("endRole");
    assert_eq!(ada.mutate("updateTrainingSession", seats(&next), "").await.code(), "FORBIDDEN", "her role has ended");
    let team = json!({ "sessionId": next, "fields": { "formateurIds": [] } });
    maker.mutate("updateTrainingSession", team, "").await.done("updateTrainingSession");
    transition(&maker, &led, "ARCHIVEE").await.done("transitionTrainingSession");
    assert!(!sees(&ada, &training, &led).await, "what she led is archived: she is no longer of its team");
}

pub(super) async fn a_session_is_seen_as_its_training_is(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let target = organisation(world, "Cible", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let aimed = crate::steps::colleague(world, "visee", &target).await;
    let (ada, everyone) = (world.member("ada").await, world.anonymous());
    let restricted = json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [target] });
    let training = published(world, &maker, &inside, "SESSIONS", restricted).await;
    let session = new_session(&maker, &training, json!({ "remote": true })).await;
    assert!(sees(&maker, &training, &session).await && !sees(&aimed, &training, &session).await, "in preparation");
    transition(&maker, &session, "INSCRIPTIONS_OUVERTES").await.done("transitionTrainingSession");
    assert!(sees(&aimed, &training, &session).await && !sees(&ada, &training, &session).await, "as its training");
    let open = json!({ "trainingId": training, "fields": { "opening": "TOUS_PUBLICS", "targetIds": [] } });
    maker.mutate("updateTraining", open, "").await.done("updateTraining");
    assert!(sees(&everyone, &training, &session).await, "it follows");
    let close = json!({ "trainingId": training, "fields": { "opening": "NON_VISIBLE" } });
    maker.mutate("updateTraining", close, "").await.done("updateTraining");
    assert!(!sees(&everyone, &training, &session).await && sees(&maker, &training, &session).await);
    // What is written to it is answered as for what does not exist, word for word.
    let unknown = format!("tse_{:032x}", 9);
    for (name, rest) in [
        ("updateTrainingSession", json!({ "fields": { "seats": 3 } })),
        ("transitionTrainingSession", json!({ "state": "ANNULEE" })),
    ] {
        let with = |id: &str| {
            let mut input = rest.clone();
            input["sessionId"] = json!(id);
            input
        };
        for who in [&ada, &aimed, &everyone] {
            let (seen, absent) = (who.mutate(name, with(&session), "").await, who.mutate(name, with(&unknown), "").await);
            assert_eq!((seen.status, seen.text), (absent.status, absent.text), "{name}");
        }
    }
    // A merge takes its sessions along, and they are seen as the other's.
    let other = published(world, &maker, &inside, "AUTRE", json!({ "opening": "TOUS_PUBLICS" })).await;
    let merge = json!({ "fromId": training, "intoId": other });
    maker.mutate("mergeTrainings", merge, "").await.done("mergeTrainings");
    assert!(sees(&everyone, &other, &session).await);
}

pub(super) async fn of_two_session_transitions_at_once_one_is_done(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, "SESSIONS", json!({})).await;
    for _ in 0..5 {
        let session = new_session(&maker, &training, json!({ "remote": true })).await;
        let attempt = |state: &'static str| {
            let input = json!({ "sessionId": session, "state": state, "revision": 1 });
            maker.mutate("transitionTrainingSession", input, "session { revision }")
        };
        let replies = join_all(["INSCRIPTIONS_OUVERTES", "ANNULEE", "REPORTEE", "EN_COURS"].map(attempt)).await;
        let done = replies.iter().filter(|reply| reply.data["transitionTrainingSession"]["problems"] == json!([])).count();
        assert_eq!(done, 1, "{replies:?}");
        let seen = read(&maker, "query($s: ID!) { trainingSession(id: $s) { revision } }", json!({ "s": session })).await;
        assert_eq!(seen["trainingSession"]["revision"], 2);
    }
}
