//! Collections, as they are laid down and as administrators change them.

use harness::World;
use serde_json::json;

use super::{collection, manager, new_training, sees};
use crate::steps::{organisation, read, text};

pub(super) async fn fourteen_collections_are_laid_down(world: &World) {
    let data =
        read(&world.anonymous(), "{ collections { slug name colour description position chefs { name } } }", json!({})).await;
    let collections = data["collections"].as_array().expect("collections");
    assert_eq!(collections.len(), 14);
    assert_eq!((&collections[0]["name"], &collections[0]["slug"]), (&json!("Achat public"), &json!("achat-public")));
    for collection in collections {
        let colour = text(&collection["colour"]);
        assert!(colour.len() == 7 && colour.starts_with('#'), "{collection}");
        assert!(!text(&collection["description"]).is_empty(), "{collection}");
    }
    assert_eq!(world.count("select count(*) from events where kind = 'CollectionCreated'").await, 14);
    // Started again, nothing more is laid.
    services::foundation::lay(&world.app).await.expect("laid");
    assert_eq!(world.count("select count(*) from collections").await, 14);
}

pub(super) async fn an_administrator_makes_and_changes_a_collection(world: &World) {
    let (admin, ada) = (world.administrator(), world.member("ada").await);
    let chefs = json!([{ "memberId": ada.id().await }, { "name": "Jean Dupuis", "address": "jean@exemple.test" }]);
    let input = json!({ "name": "Culture et patrimoine", "colour": "#0A76F6", "description": "Nos musées", "chefs": chefs, "position": 5 });
    let shown = "collection { id slug colour chefs { member { handle } name address } }";
    let made = admin.mutate("createCollection", input.clone(), shown).await.done("createCollection")["collection"].clone();
    assert_eq!((&made["slug"], &made["colour"]), (&json!("culture-et-patrimoine"), &json!("#0a76f6")));
    assert_eq!(made["chefs"][0]["member"]["handle"], "ada");
    assert_eq!(made["chefs"][1]["address"], "jean@exemple.test");
    let public = read(&world.anonymous(), "{ collections { name chefs { name address } } }", json!({})).await;
    assert_eq!(public["collections"][0]["name"], "Culture et patrimoine", "first by its position");
    assert!(public.to_string().contains("Jean Dupuis") && !public.to_string().contains("jean@exemple.test"), "{public}");

    let again = admin.mutate("createCollection", input, "").await;
    assert_eq!(again.problems("createCollection"), ["name: DEJA_PRIS"]);
    let wrong = json!({ "name": "x", "colour": "rouge", "description": "", "chefs": [{ "name": "Sans adresse" }] });
    let wrong = admin.mutate("createCollection", wrong, "").await;
    assert_eq!(wrong.problems("createCollection"), ["name: TROP_COURT", "colour: MALFORME", "chefs: MALFORME"]);
    let nobody = format!("mem_{:032x}", 7);
    let unknown = json!({ "name": "Une autre", "colour": "#000000", "description": "", "chefs": [{ "memberId": nobody }] });
    assert_eq!(admin.mutate("createCollection", unknown, "").await.problems("createCollection"), ["chefs: INCONNU"]);

    let change = json!({ "collectionId": made["id"], "name": "Culture", "chefs": [] });
    let changed = admin.mutate("updateCollection", change.clone(), shown).await.done("updateCollection")["collection"].clone();
    assert_eq!((&changed["slug"], &changed["chefs"]), (&json!("culture-et-patrimoine"), &json!([])), "its address stays");
    admin.mutate("updateCollection", change, "").await.done("updateCollection");
    assert_eq!(world.count("select count(*) from events where kind = 'CollectionChanged'").await, 1, "nothing new, nothing told");
    let refused = ada.mutate("updateCollection", json!({ "collectionId": made["id"], "name": "À moi" }), "").await;
    assert_eq!(refused.code(), "FORBIDDEN");
}

pub(super) async fn a_new_chef_de_file_sees_what_is_being_made(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let draft = new_training(world, &maker, &inside, "BROUILLON-1", json!({})).await;
    let ada = world.member("ada").await;
    assert!(!sees(&ada, &draft, "BROUILLON-1").await);
    let management = collection(world, "management").await;
    let name = async |chefs| {
        let input = json!({ "collectionId": management, "chefs": chefs });
        world.administrator().mutate("updateCollection", input, "").await.done("updateCollection");
    };
    name(json!([{ "memberId": ada.id().await }])).await;
    assert!(sees(&ada, &draft, "BROUILLON-1").await, "named now");
    let langues = collection(world, "langues").await;
    let moved = json!({ "trainingId": draft, "fields": { "collectionId": langues } });
    maker.mutate("updateTraining", moved, "").await.done("updateTraining");
    assert!(!sees(&ada, &draft, "BROUILLON-1").await, "it went to another collection");
    let back = json!({ "trainingId": draft, "fields": { "collectionId": management } });
    maker.mutate("updateTraining", back, "").await.done("updateTraining");
    assert!(sees(&ada, &draft, "BROUILLON-1").await);
    name(json!([])).await;
    assert!(!sees(&ada, &draft, "BROUILLON-1").await, "no longer named");
}

pub(super) async fn a_framing_is_validated_by_a_chef_de_file(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let draft = new_training(world, &maker, &inside, "CADRE-1", json!({})).await;
    let chef = world.member("chef").await;
    let chefs = json!({ "collectionId": collection(world, "management").await, "chefs": [{ "memberId": chef.id().await }] });
    world.administrator().mutate("updateCollection", chefs, "").await.done("updateCollection");

    let input = json!({ "trainingId": draft, "note": "Public et\ndurée à préciser" });
    assert_eq!(maker.mutate("recordFraming", input.clone(), "").await.code(), "FORBIDDEN");
    assert_eq!(world.member("ada").await.mutate("recordFraming", input.clone(), "").await.code(), "NOT_FOUND");
    let shown = "training { framing { at note by { handle } } viewerMayFrame viewerMayEdit viewerMayManage }";
    let done = chef.mutate("recordFraming", input, shown).await.done("recordFraming")["training"].clone();
    assert_eq!(done["framing"]["note"], "Public et durée à préciser");
    assert_eq!((&done["framing"]["by"]["handle"], &done["viewerMayFrame"]), (&json!("chef"), &json!(true)));
    assert_eq!((&done["viewerMayEdit"], &done["viewerMayManage"]), (&json!(false), &json!(false)), "framing is not editing");
    let edit = json!({ "trainingId": draft, "fields": { "title": "À ma façon" } });
    assert_eq!(chef.mutate("updateTraining", edit, "").await.code(), "FORBIDDEN");
    assert_eq!(world.count("select count(*) from events where kind = 'TrainingFramed'").await, 1);
}
