//! What the index has wrong is found and mended: by the service's own hand, and by `ciam doctor` beside it.

use harness::{Database, World};
use libtest_mimic::Trial;
use serde_json::json;
use services::search::{self, Checked};

use super::{as_member, known, questions, row, threads};
use crate::binary::Place;

pub(super) fn trials() -> Vec<Trial> {
    let doctor = |database: Database| {
        harness::trial(format!("search::a_doctor_mends_beside_the_service [{database}]"), database.missing(), move || {
            harness::tell(beside(database));
        })
    };
    vec![doctor(Database::Sqlite), doctor(Database::Postgres)]
}

/// Rows that change without a word to the log: the index cannot know.
pub(super) async fn what_the_index_has_wrong_is_found_and_mended(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let ada = world.member("ada").await;
    let (_, root) = ada.open_thread(&forum, "QUESTION", "Zirconium", "Texte").await;
    let (stale, orphan, missing) =
        (ada.answer(&root, "Cadmium").await, ada.answer(&root, "Hafnium").await, ada.answer(&root, "Tungstène").await);
    ada.mutate("deletePost", json!({ "postId": missing }), "").await.done("deletePost");
    let sound = search::check(&world.app, true, |_| ()).await.expect("compared");
    assert_eq!((sound.wrong(), sound.entries > 3), (0, true), "what is only behind is not wrong");
    for sql in [
        format!("update posts set body = 'Vanadium' where id = {}", row(world, &stale)),
        format!("update posts set deleted_at = created_at where id = {}", row(world, &orphan)),
        format!("update posts set deleted_at = null, body = 'Tungstène' where id = {}", row(world, &missing)),
    ] {
        world.change(&sql).await;
    }
    let wrong = Checked { entries: sound.entries, missing: 1, stale: 1, orphaned: 1 };
    assert_eq!(search::check(&world.app, false, |_| ()).await.expect("compared"), wrong);
    assert_eq!(threads(&ada, "vanadium").await, Vec::<String>::new(), "only looked at");
    let mut told = Vec::new();
    let seen = std::sync::Mutex::new(&mut told);
    let mended =
        search::check(&world.app, true, |progress| seen.lock().expect("a list").push((progress.done, progress.all))).await;
    assert_eq!(mended.expect("mended"), wrong);
    assert!(told.len() > 1 && told.last().is_some_and(|(done, all)| done == all), "{told:?}");
    assert_eq!(search::check(&world.app, true, |_| ()).await.expect("compared"), sound);
    for (word, found) in [("cadmium", 0), ("vanadium", 1), ("hafnium", 0), ("tungstene", 1)] {
        assert_eq!(threads(&ada, word).await.len(), found, "{word}");
    }
    // What has no row at all, as after a copy of the database that is older than the folder.
    world.change(&format!("delete from posts where id = {}", row(world, &missing))).await;
    let orphaned = search::check(&world.app, true, |_| ()).await.expect("mended");
    assert_eq!((orphaned.orphaned, orphaned.wrong()), (1, 1));
    assert_eq!(threads(&ada, "tungstene").await, Vec::<String>::new());
}

async fn beside(database: Database) {
    let place = Place::new(database).await;
    place.run(&["demo"]).await.done();
    let served = place.serve().await;
    let who = as_member(&place, &served, "claire.fontaine").await;
    let before = known(&who).await;
    let said = place.run(&["doctor"]).await.done();
    assert!(said.contains("manquantes : 0 ; périmées : 0 ; de trop : 0. L'index de recherche dit ce que dit la base."), "{said}");
    // By hand, without a word to the log.
    let of = "update trainings set title = 'Zirconium'
              where short_name_key = (select max(short_name_key) from trainings where merged_into_id is null) returning short_name";
    assert!(!place.fact(of).await.is_empty());
    let refused = place.run(&["doctor", "--dry-run"]).await.refused();
    assert!(refused.contains("manquantes : 0 ; périmées : 1 ; de trop : 0"), "{refused}");
    assert_eq!(known(&who).await, before);
    // The service gives up its writer for a moment, and gets it back.
    let said = place.run(&["doctor"]).await.done();
    assert!(said.contains("périmées : 1") && said.contains("Réparées : 1."), "{said}");
    let asked = "{ search(query: \"zirconium\", afterWrite: true, filter: { kinds: [FORMATION] }) { totalCount } }";
    assert_eq!(who.run(asked, json!({})).await.data["search"]["totalCount"], json!(1));
    who.open_thread(&questions(&who).await, "QUESTION", "Rubidium", "Texte").await;
    let asked = "{ search(query: \"rubidium\", afterWrite: true) { totalCount } }";
    assert_eq!(who.run(asked, json!({})).await.data["search"]["totalCount"], json!(1));
    assert!(place.run(&["doctor"]).await.done().contains("dit ce que dit la base"));
    served.stop().await;
}
