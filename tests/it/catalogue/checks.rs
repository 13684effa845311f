//! The check of an import, which may take longer than the lease of its job, or than its worker lives.

use chrono::TimeDelta;
use harness::{Client, World};
use serde_json::{Value, json};
use services::{App, jobs};
use tokio::sync::watch;
use uuid::Uuid;

use super::import::{ask, follow, line, table};
use super::manager;
use crate::binary::until;
use crate::steps::organisation;

/// Enough for a check to be met on its way.
const LINES: i64 = 12_000;

/// An import that is asked for: each of its lines names nothing that is there.
async fn asked(world: &World) -> (Client, Value) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let file = maker.send_file("fautes.csv", &table("", (0..LINES).map(|n| line(&format!("F-{n}"), "Nulle part")))).await;
    let import = ask(&maker, &file, false).await;
    (maker, import)
}

async fn checked(world: &World) -> i64 {
    world.count("select max(lines) from training_imports").await
}

/// It ended, and each line is counted once.
async fn is_done_once(world: &World, maker: &Client, import: &Value) {
    let ended = follow(maker, import).await;
    assert_eq!(
        (&ended["state"], &ended["linesRead"], &ended["linesRefused"], &ended["faultCount"]),
        (&json!("REFUSEE"), &json!(LINES), &json!(LINES), &json!(LINES))
    );
    assert_eq!(world.count("select count(*) from training_import_faults").await, 1000);
    assert_eq!(world.count("select count(distinct line) from training_import_faults").await, 1000);
}

pub(super) async fn a_check_that_outlasts_its_lease_is_done_once(world: &World) {
    let (maker, import) = asked(world).await;
    let app = world.app.clone();
    let worker = tokio::spawn(async move { jobs::drain(&app).await.expect("jobs run") });
    let other = App { node: Uuid::from_u128(2), ..world.app.clone() };
    // Nine minutes in all, of a lease of five.
    for round in 1..=3 {
        until("the check goes on", async || checked(world).await >= 2000 * round).await;
        assert_eq!(jobs::drain(&other).await.expect("jobs run"), 0, "another worker has it, in round {round}");
        world.advance(TimeDelta::minutes(3));
    }
    until("the check goes on", async || checked(world).await >= 8000).await;
    assert_eq!(jobs::drain(&other).await.expect("jobs run"), 0);
    assert_eq!(worker.await.expect("an end"), 1);
    is_done_once(world, &maker, &import).await;
}

pub(super) async fn a_check_holds_up_no_stop_and_is_begun_anew(world: &World) {
    let (maker, import) = asked(world).await;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(jobs::work(world.app.clone(), stopped));
    until("the check has begun", async || checked(world).await > 0).await;
    stop.send_replace(true);
    worker.await.expect("an end");
    assert_eq!(follow(&maker, &import).await["state"], json!("VERIFICATION"), "it did not wait for the end of the file");
    assert_eq!(world.count("select count(*) from jobs where kind = 'ImportTrainings' and leased_by is null").await, 1);
    assert_eq!(world.run_jobs().await, 1);
    is_done_once(world, &maker, &import).await;
}

pub(super) async fn a_check_that_is_killed_is_begun_anew(world: &World) {
    let (maker, import) = asked(world).await;
    let app = world.app.clone();
    let worker = tokio::spawn(async move { jobs::drain(&app).await });
    until("the check has begun", async || checked(world).await > 0).await;
    worker.abort();
    assert!(worker.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(world.run_jobs().await, 0, "its worker may be alive");
    world.advance(TimeDelta::minutes(6));
    assert_eq!(world.run_jobs().await, 1);
    is_done_once(world, &maker, &import).await;
}
