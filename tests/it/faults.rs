//! What happens when a server behind fails for real.

use harness::{Database, World, tell, trial};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    let name = "faults::requests_go_on_when_postgres_cut_every_connection [postgres]";
    vec![trial(name.into(), Database::Postgres.missing(), || tell(cut_connections()))]
}

/// The server ends every connection of the product, as a restart or a failover does. What comes next is served by fresh ones:
/// reads, writes, and the numbering of events.
async fn cut_connections() {
    let world = World::start(Database::Postgres).await;
    let forum = world.forum("plateforme", "questions").await;
    let administrator = world.administrator();
    let (_, opening) = administrator.open_thread(&forum, "QUESTION", "Avant la coupure", "Bonjour").await;
    for round in 0..3 {
        // Several held connections, so that more than one is dead.
        let asked = (0..6).map(|_| administrator.run("{ viewer { handle } }", json!({})));
        futures_util::future::join_all(asked).await;
        let cut = world
            .count("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
            .await;
        assert!(cut >= 3, "{cut} connections cut");
        let reply = administrator.run("{ viewer { handle } spaces { slug } }", json!({})).await;
        assert_eq!(reply.data["viewer"]["handle"], json!("administration"), "{}", reply.text);
        administrator.answer(&opening, &format!("Après la coupure {round}")).await;
    }
    let added = world.events().await.iter().filter(|one| matches!(one.event, services::events::Event::PostAdded { .. })).count();
    assert_eq!(added, 3);
    world.finish().await;
}
