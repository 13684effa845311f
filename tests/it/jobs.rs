//! Jobs: leased, shared by nodes, given back, and run again when their worker died.

use chrono::TimeDelta;
use harness::smtp::SmtpServer;
use harness::{Settings, Story, World, stories};
use serde_json::json;
use services::{App, jobs};
use tokio::sync::watch;
use uuid::Uuid;

use crate::binary::until;

pub(crate) fn stories() -> Vec<Story> {
    stories![
        nodes_share_jobs_and_run_each_once,
        a_leased_job_waits_for_the_end_of_its_lease,
        a_node_takes_back_its_own_jobs_at_once,
        a_job_of_a_newer_version_waits_for_it,
        a_slow_job_holds_up_no_other,
    ]
}

async fn ask(world: &World, address: &str) {
    world.anonymous().mutate("requestLink", json!({ "address": address }), "message").await.done("requestLink");
}

fn node(world: &World, number: u128) -> App {
    App { node: Uuid::from_u128(number), ..world.app.clone() }
}

async fn nodes_share_jobs_and_run_each_once(world: &World) {
    for n in 0..40 {
        ask(world, &format!("personne{n}@exemple.test")).await;
    }
    let nodes: Vec<_> = (1..=4).map(|number| node(world, number)).collect();
    let ran = futures_util::future::join_all(nodes.iter().map(jobs::drain)).await;
    assert_eq!(ran.into_iter().map(|ran| ran.expect("jobs run")).sum::<usize>(), 40);
    assert_eq!(world.take_mails().await.len(), 40);
    assert_eq!(world.count("select count(*) from mails where state = 'sent'").await, 40);
}

async fn a_leased_job_waits_for_the_end_of_its_lease(world: &World) {
    ask(world, "camille@exemple.test").await;
    // As a worker of another node left it when its machine went dark.
    let lease = (world.app.clock.now() + TimeDelta::minutes(5)).to_rfc3339();
    assert_eq!(lease_to(world, 7, &lease).await, 1);
    assert_eq!(world.run_jobs().await, 0);
    jobs::give_back(&world.app).await.expect("given back");
    assert_eq!(world.run_jobs().await, 0, "another node's are not ours to give back");
    world.advance(TimeDelta::minutes(6));
    assert_eq!(world.run_jobs().await, 1);
    world.mail_to("camille@exemple.test").await;
}

async fn a_node_takes_back_its_own_jobs_at_once(world: &World) {
    ask(world, "camille@exemple.test").await;
    let lease = (world.app.clock.now() + TimeDelta::minutes(5)).to_rfc3339();
    assert_eq!(lease_to(world, 7, &lease).await, 1);
    jobs::give_back(&node(world, 7)).await.expect("given back");
    assert_eq!(world.run_jobs().await, 1);
    world.mail_to("camille@exemple.test").await;
}

/// Leases every job that is due to a node, until then; how many.
async fn lease_to(world: &World, number: u128, until: &str) -> u64 {
    world
        .execute(&format!(
            "update jobs set leased_by = {}, leased_until = '{until}', attempts = attempts + 1 where kind = 'SendMail'",
            world.uuid(Uuid::from_u128(number))
        ))
        .await
}

/// A rolling deployment: the older node leaves it, and nothing else is held up.
async fn a_job_of_a_newer_version_waits_for_it(world: &World) {
    ask(world, "camille@exemple.test").await;
    world.change("update jobs set kind = 'SendPigeon' where kind = 'SendMail'").await;
    assert_eq!(world.run_jobs().await, 1);
    assert_eq!(world.count("select count(*) from jobs where kind = 'SendPigeon' and dead_at is null and attempts = 1").await, 1);
    ask(world, "bruno@exemple.test").await;
    world.mail_to("bruno@exemple.test").await;
    world.change("update jobs set kind = 'SendMail' where kind = 'SendPigeon'").await;
    world.advance(TimeDelta::minutes(1));
    world.mail_to("camille@exemple.test").await;
}

/// More mails than a worker has hands wait behind one to a server that says nothing.
async fn a_slow_job_holds_up_no_other(world: &World) {
    let server = SmtpServer::start().await;
    let settings = Settings { smtp_url: Some(server.url()), ..Settings::default() };
    let world = World::with(world.database, settings).await;
    server.be_silent_for("lente@exemple.test");
    ask(&world, "lente@exemple.test").await;
    for n in 0..30 {
        ask(&world, &format!("personne{n}@exemple.test")).await;
    }
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(jobs::work(world.app.clone(), stopped));
    until("the thirty others leave", async || world.count("select count(*) from mails where state = 'sent'").await == 30).await;
    assert_eq!(world.count("select count(*) from mails where state = 'sending'").await, 1);
    worker.abort();
    drop((stop, server));
    world.finish().await;
}
