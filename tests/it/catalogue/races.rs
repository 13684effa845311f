//! Two at once.

use futures_util::future::join_all;
use harness::World;
use serde_json::{Value, json};

use super::{complete, field, fields, manager, new_training, published};
use crate::steps::organisation;

pub(super) async fn of_two_transitions_at_once_one_is_done(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    for round in 0..5 {
        let id = new_training(world, &maker, &inside, &format!("COURSE-{round}"), complete()).await;
        let attempt = |state: &'static str| {
            let input = json!({ "trainingId": id, "state": state, "revision": 1 });
            maker.mutate("transitionTraining", input, "training { state }")
        };
        let replies = join_all(["GABARIT", "ELABORATION_TERMINEE", "GABARIT", "ARCHIVEE"].map(attempt)).await;
        let (done, refused): (Vec<_>, Vec<_>) =
            replies.iter().partition(|reply| reply.data["transitionTraining"]["problems"] == json!([]));
        assert_eq!(done.len(), 1, "{replies:?}");
        for reply in refused {
            let problems = reply.problems("transitionTraining");
            assert!(problems == ["revision: REFUSE"] || problems == ["state: REFUSE"], "{problems:?}");
        }
        let state = done[0].data["transitionTraining"]["training"]["state"].clone();
        assert_eq!(field(&maker, &id, "state").await, state);
        assert_eq!(field(&maker, &id, "stateChanges { to }").await.as_array().map(Vec::len), Some(2));
    }
}

pub(super) async fn of_two_trainings_that_claim_one_address_at_once_one_is_made(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    for round in 1..5 {
        let address = format!("https://mentor.gouv.fr/catalog/{round}");
        let mut inputs: Vec<Value> = Vec::new();
        for n in 0..4 {
            let more = json!({ "addresses": [address] });
            inputs.push(json!({ "fields": fields(world, &inside, &format!("R{round}-{n}"), more).await }));
        }
        let replies = join_all(inputs.into_iter().map(|input| maker.mutate("createTraining", input, "training { id }"))).await;
        let (done, refused): (Vec<_>, Vec<_>) =
            replies.iter().partition(|reply| reply.data["createTraining"]["problems"] == json!([]));
        assert_eq!(done.len(), 1, "{replies:?}");
        for reply in refused {
            assert_eq!(reply.problems("createTraining"), ["addresses: DEJA_PRIS"]);
            assert!(reply.text.contains(&address), "the address is named: {}", reply.text);
        }
    }
    assert_eq!(world.count("select count(*) from trainings").await, 4, "nothing of those refused is left");
}

pub(super) async fn two_merges_at_once_make_no_circle(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    for round in 0..4 {
        let one = published(world, &maker, &inside, &format!("A{round}"), json!({})).await;
        let other = published(world, &maker, &inside, &format!("B{round}"), json!({})).await;
        let merge =
            |from: &str, into: &str| maker.mutate("mergeTrainings", json!({ "fromId": from, "intoId": into }), "training { id }");
        let (first, second) = (merge(&one, &other), merge(&other, &one));
        let replies = join_all([first, second]).await;
        let done = replies.iter().filter(|reply| reply.data["mergeTrainings"]["problems"] == json!([])).count();
        assert_eq!(done, 1, "{replies:?}");
    }
    assert_eq!(world.count("select count(*) from trainings where merged_into_id is not null").await, 4);
    let circles =
        "select count(*) from trainings a join trainings b on b.id = a.merged_into_id where b.merged_into_id is not null";
    assert_eq!(world.count(circles).await, 0);
}
