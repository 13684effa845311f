//! Sessions of a training: their states, who sees and changes them.

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
