//! What happens to a training stands in the flow of the threads that are linked with it.

use chrono::TimeDelta;
use harness::{Client, World};
use serde_json::{Value, json};

use super::{change, link, linked, scene, unlink};
use crate::catalogue::{manager, new_training, published, through};
use crate::steps::{nodes, organisation, read};

/// What stands in the flow of a thread, as `who` sees it.
pub(super) async fn flow(who: &Client, thread: &str) -> Vec<Value> {
    let query = "query($t: ID!) { thread(id: $t) { systemEvents { totalCount edges { node { kind fromState toState fromDate toDate training { id } } } } } }";
    let data = read(who, query, json!({ "t": thread })).await["thread"]["systemEvents"].clone();
    let events = nodes(&data);
    assert_eq!(data["totalCount"], json!(events.len()));
    events
}

pub(super) async fn what_happens_to_a_training_stands_in_the_flow_of_its_threads(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let ada = world.member("ada").await;
    let mut more = crate::catalogue::complete();
    more["opening"] = json!("TOUS_PUBLICS");
    let training = new_training(world, &maker, &inside, "UN", more).await;
    through(&maker, &training, &["GABARIT", "ELABORATION_TERMINEE"]).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    world.advance(TimeDelta::minutes(1));
    link(&ada, &thread, &training).await;
    assert!(flow(&ada, &thread).await.is_empty(), "what happened before is not told");
    world.advance(TimeDelta::minutes(1));
    let plan = json!({ "trainingId": training, "date": "2035-01-10" });
    maker.mutate("planTraining", plan, "").await.done("planTraining");
    world.advance(TimeDelta::minutes(1));
    let public = world.anonymous();
    let state = async || {
        let query = "query($t: ID!) { thread(id: $t) { trainings { state } } }";
        read(&public, query, json!({ "t": thread })).await["thread"]["trainings"][0]["state"].clone()
    };
    assert_eq!(state().await, "ELABORATION_TERMINEE");
    through(&maker, &training, &["PUBLIEE"]).await;
    assert_eq!(state().await, "PUBLIEE", "the thread shows it as it is");
    let seen = flow(&public, &thread).await;
    let planned = json!({ "kind": "DATE_PREVUE", "fromState": null, "toState": null, "fromDate": null, "toDate": "2035-01-10", "training": { "id": training } });
    let out = json!({ "kind": "ETAT", "fromState": "ELABORATION_TERMINEE", "toState": "PUBLIEE", "fromDate": null, "toDate": null, "training": { "id": training } });
    assert_eq!(seen, [planned, out]);
    // While it is not linked nothing is told; who does not see the training is told nothing of before either.
    world.advance(TimeDelta::minutes(1));
    unlink(&ada, &thread, &training).await;
    world.advance(TimeDelta::minutes(1));
    through(&maker, &training, &["ELABORATION_TERMINEE"]).await;
    assert_eq!(flow(&public, &thread).await.len(), 2);
    world.advance(TimeDelta::minutes(1));
    link(&ada, &thread, &training).await;
    world.advance(TimeDelta::minutes(1));
    through(&maker, &training, &["BROUILLON"]).await;
    assert_eq!(flow(&public, &thread).await.len(), 3, "a day was told of it: it is seen as a draft too");
    change(&maker, &training, json!({ "opening": "NON_VISIBLE" })).await;
    assert!(flow(&public, &thread).await.is_empty() && linked(&public, &thread).await.is_empty());
    assert_eq!(flow(&maker, &thread).await.len(), 3);
    change(&maker, &training, json!({ "opening": "TOUS_PUBLICS" })).await;
    // From draft to model and back is for those who work on it alone, and not the thread's affair.
    world.advance(TimeDelta::minutes(1));
    through(&maker, &training, &["GABARIT", "ELABORATION_TERMINEE"]).await;
    let states: Vec<_> = flow(&public, &thread).await.iter().map(|event| event["toState"].clone()).collect();
    assert_eq!(states, [Value::Null, json!("PUBLIEE"), json!("BROUILLON"), json!("ELABORATION_TERMINEE")]);
    // Merged away: its last change, then what happens to the other one.
    let other = published(world, &maker, &inside, "DEUX", json!({ "opening": "TOUS_PUBLICS" })).await;
    world.advance(TimeDelta::minutes(1));
    maker.mutate("mergeTrainings", json!({ "fromId": training, "intoId": other }), "").await.done("mergeTrainings");
    world.advance(TimeDelta::minutes(1));
    through(&maker, &other, &["ARCHIVEE"]).await;
    let seen: Vec<_> =
        flow(&public, &thread).await[4..].iter().map(|e| (e["training"]["id"].clone(), e["toState"].clone())).collect();
    assert_eq!(seen, [(json!(training), json!("ARCHIVEE")), (json!(other), json!("ARCHIVEE"))]);
}

pub(super) async fn an_announced_draft_tells_its_threads_from_then_on(world: &World) {
    let (_, maker, _, ada) = scene(world, "UN").await;
    let inside = organisation(world, "Ailleurs", None).await;
    let more = json!({ "opening": "TOUS_PUBLICS", "addresses": ["https://mentor.gouv.fr/catalog/77"] });
    let draft = new_training(world, world.administrator(), &inside, "ANNONCEE", more).await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", "https://mentor.gouv.fr/catalog/77").await;
    let step = async || world.advance(TimeDelta::minutes(1));
    step().await;
    through(world.administrator(), &draft, &["ARCHIVEE", "BROUILLON"]).await;
    assert!(linked(&ada, &thread).await.is_empty() && flow(&ada, &thread).await.is_empty(), "nothing was told of it yet");
    let plan = async |date: Value, reason: Value| {
        step().await;
        let input = json!({ "trainingId": draft, "date": date, "reason": reason });
        world.administrator().mutate("planTraining", input, "").await.done("planTraining");
    };
    plan(json!("2035-01-10"), Value::Null).await;
    assert_eq!(linked(&ada, &thread).await, [json!(draft)]);
    plan(Value::Null, json!("Abandonnée")).await;
    for state in ["GABARIT", "ARCHIVEE", "BROUILLON"] {
        step().await;
        through(world.administrator(), &draft, &[state]).await;
    }
    let seen: Vec<_> =
        flow(&world.anonymous(), &thread).await.iter().map(|e| [e["toDate"].clone(), e["toState"].clone()]).collect();
    let (none, state) = (Value::Null, |state: &str| [Value::Null, json!(state)]);
    let told = [[json!("2035-01-10"), none.clone()], [none.clone(), none], state("ARCHIVEE"), state("BROUILLON")];
    assert_eq!(seen, told, "neither what came before, nor from draft to model");
    assert_eq!(flow(&maker, &thread).await.len(), 4);
}
