//! What is drawn from: each mutation that changes what a client of a thread, a forum or the calendar shows.

use harness::Client;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::stage::{Stage, any, dates, day_after, report_of};

/// Who does what.
pub(super) type Draw<'s> = (&'s Client, &'static str, Value);

/// What threads go through: `ThreadChanged`, `PostAdded`, `PostChanged`; in a forum also `ThreadArrived` and `ThreadLeft`.
pub(super) fn of_threads<'s>(stage: &'s Stage<'_>, rng: &mut StdRng) -> Vec<Draw<'s>> {
    let (ada, grace) = (&stage.ada, &stage.grace);
    let (thread, post, answer) = (stage.thread(rng), stage.post(rng), stage.answer(rng));
    let (report, [original, other]) = (report_of(&thread), &stage.originals);
    let forum = any(rng, &[&stage.here, &stage.there]).as_str();
    let (flag, seldom, n) = (rng.random_bool(0.5), rng.random_bool(0.4), rng.random_range(0..1000));
    let kind = any(rng, &["QUESTION", "QUESTION", "SIGNALEMENT", "SIGNALEMENT", "DISCUSSION", "BONNE_PRATIQUE"]);
    let state = any(rng, &["CONFIRME", "PRIS_EN_CHARGE", "SANS_SUITE"]);
    vec![
        (ada, "answerPost", json!({ "postId": post, "body": format!("Réponse {n}") })),
        (ada, "editPost", json!({ "postId": post, "body": format!("Texte {n}") })),
        (grace, "editPost", json!({ "postId": post, "body": format!("Texte {n}") })),
        (grace, "deletePost", json!({ "postId": post })),
        (grace, "hidePost", json!({ "postId": post, "hidden": flag, "reason": "Motif" })),
        (ada, "acceptAnswer", json!({ "postId": answer })),
        (grace, "acceptAnswer", json!({ "postId": answer })),
        (ada, "reopenThread", json!({ "threadId": thread })),
        (ada, "editThread", json!({ "threadId": thread, "title": format!("Titre {n}") })),
        (grace, "editThread", json!({ "threadId": thread, "kind": kind })),
        (grace, "hideThread", json!({ "threadId": thread, "hidden": seldom })),
        (grace, "lockThread", json!({ "threadId": thread, "locked": seldom })),
        (grace, "pinThread", json!({ "threadId": thread, "pinned": flag })),
        (grace, "moveThread", json!({ "threadId": thread, "forumId": forum })),
        (ada, "updateReport", json!({ "reportId": report, "fields": { "component": format!("Module {n}") } })),
        (ada, "noteReport", json!({ "reportId": report, "note": format!("Note {n}") })),
        (grace, "transitionReport", json!({ "reportId": report, "state": state })),
        (grace, "transitionReport", json!({ "reportId": report, "state": "CORRIGE", "release": "4.5.2" })),
        (grace, "transitionReport", json!({ "reportId": report, "state": "DOUBLON", "duplicateOfId": original })),
        // What is a duplicate of the one becomes a duplicate of the other.
        (grace, "transitionReport", json!({ "reportId": original, "state": "DOUBLON", "duplicateOfId": other })),
        (grace, "transitionReport", json!({ "reportId": original, "state": "CONFIRME" })),
    ]
}

/// What links them with trainings and documents, or no more: `ThreadChanged`.
pub(super) fn of_links<'s>(stage: &'s Stage<'_>, rng: &mut StdRng) -> Vec<Draw<'s>> {
    let (ada, grace, document) = (&stage.ada, &stage.grace, &stage.document);
    let (thread, post, training, n) = (stage.thread(rng), stage.post(rng), stage.training(rng), rng.random_range(0..1000));
    vec![
        (grace, "answerPost", json!({ "postId": post, "body": address(rng) })),
        (grace, "editPost", json!({ "postId": post, "body": address(rng) })),
        (grace, "editThread", json!({ "threadId": thread, "trainings": [stage.marked, training] })),
        (ada, "linkThread", json!({ "threadId": thread, "targetId": training })),
        (grace, "linkThread", json!({ "threadId": thread, "targetId": document })),
        (ada, "unlinkThread", json!({ "threadId": thread, "targetId": training })),
        (grace, "unlinkThread", json!({ "threadId": thread, "targetId": document })),
        (&stage.edith, "publishPost", json!({ "postId": post, "categoryId": stage.category, "title": format!("Document {n}") })),
    ]
}

/// Threads that are new in a forum.
pub(super) fn of_openings<'s>(stage: &'s Stage<'_>, rng: &mut StdRng) -> Vec<Draw<'s>> {
    let forum = any(rng, &[&stage.here, &stage.there]).as_str();
    let opened = |kind: &str| json!({ "forumId": forum, "kind": kind, "title": "Un fil", "body": "Texte" });
    vec![
        (&stage.ada, "openThread", opened("QUESTION")),
        (&stage.ada, "openThread", opened("SIGNALEMENT")),
        (&stage.ada, "openThread", opened("DISCUSSION")),
    ]
}

/// What the thread of the remarks on a document goes through with it.
pub(super) fn of_documents<'s>(stage: &'s Stage<'_>, rng: &mut StdRng) -> Vec<Draw<'s>> {
    let (document, flag, n) = (&stage.remarked, rng.random_bool(0.3), rng.random_range(0..1000));
    let audiences = [json!({ "kind": "PUBLIC" }), json!({ "kind": "MEMBRES" }), json!({ "kind": "ROLE", "role": "EDITEUR" })];
    let audience = any(rng, &audiences);
    vec![
        (&stage.ada, "remarkDocument", json!({ "documentId": document, "body": format!("Remarque {n}") })),
        (&stage.edith, "updateDocument", json!({ "documentId": document, "title": format!("Document {n}") })),
        (&stage.edith, "updateDocument", json!({ "documentId": document, "audience": [audience] })),
        (&stage.edith, "archiveDocument", json!({ "documentId": document, "archived": flag })),
    ]
}

/// What trainings go through: `TrainingChanged` in the threads they are linked with, `CalendarEntrySet` and `CalendarEntryRemoved`.
pub(super) fn of_trainings<'s>(stage: &'s Stage<'_>, rng: &mut StdRng) -> Vec<Draw<'s>> {
    let (mona, chef) = (&stage.mona, &stage.chef);
    let (training, other, session) = (stage.training(rng), stage.training(rng), stage.session(rng));
    let n = rng.random_range(0..1000);
    let day = day_after(stage.world, 10 + n);
    let opening = any(rng, &["TOUS_PUBLICS", "TOUS_PUBLICS", "INTERMINISTERIEL", "NON_VISIBLE"]);
    let state = any(rng, &["BROUILLON", "ELABORATION_TERMINEE", "PUBLIEE", "PUBLIEE", "ARCHIVEE"]);
    let session_state = any(rng, &["INSCRIPTIONS_OUVERTES", "REPORTEE", "ANNULEE"]);
    let mut fields = stage.fields.clone();
    fields["shortName"] = json!(format!("F-{n}"));
    let update = |fields: Value| json!({ "trainingId": training, "fields": fields });
    vec![
        (mona, "createTraining", json!({ "fields": fields })),
        (mona, "updateTraining", update(json!({ "title": format!("Formation {n}") }))),
        (mona, "updateTraining", update(json!({ "opening": opening }))),
        (mona, "updateTraining", update(json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [stage.inside] }))),
        (mona, "updateTraining", update(json!({ "addresses": [address(rng)] }))),
        (mona, "transitionTraining", json!({ "trainingId": training, "state": state })),
        (mona, "transitionTraining", json!({ "trainingId": training, "state": state })),
        (chef, "recordFraming", json!({ "trainingId": training, "note": format!("Note {n}") })),
        (mona, "planTraining", json!({ "trainingId": training, "date": day, "reason": "Motif" })),
        (mona, "planTraining", json!({ "trainingId": training, "date": null, "reason": "Motif" })),
        (mona, "mergeTrainings", json!({ "fromId": training, "intoId": other })),
        (mona, "createTrainingSession", json!({ "trainingId": training, "fields": dates() })),
        (mona, "updateTrainingSession", json!({ "sessionId": session, "fields": { "seats": n } })),
        (mona, "transitionTrainingSession", json!({ "sessionId": session, "state": session_state })),
    ]
}

/// One of a few addresses that posts hold and trainings declare.
fn address(rng: &mut StdRng) -> String {
    format!("https://mentor.gouv.fr/catalog/{}", rng.random_range(50..53))
}

/// Every other mutation, by the reason why it is not drawn.
pub(super) const NOT_DRAWN: [(&str, &[&str]); 5] = [
    (
        "What it changes is on none of these screens",
        &[
            "addDocumentVersion",
            "createAccessToken",
            "createCollection",
            "createDocument",
            "createForum",
            "createOrganisation",
            "createSynonyms",
            "removeSynonyms",
            "requestAffiliation",
            "requestLink",
            "revokeAccessToken",
            "revokeSession",
            "signIn",
            "signOut",
            "signUp",
            "updateOrganisation",
            "updateProfile",
            "updateSynonyms",
            "voteDocument",
        ],
    ),
    (
        "It is somebody's own",
        &[
            "follow",
            "markAllNotificationsRead",
            "markForumRead",
            "markNotificationRead",
            "markThreadNotificationsRead",
            "markThreadRead",
            "sayTyping",
        ],
    ),
    (
        "It changes who may see, which other stories of these streams look at",
        &[
            "decideAffiliation",
            "endRole",
            "grantRole",
            "leaveOrganisation",
            "reinstateMember",
            "suspendMember",
            "updateCollection",
        ],
    ),
    ("It is the mark", &["updateForum"]),
    ("Its job writes what createTraining, updateTraining and planTraining write", &["importTrainings"]),
];
