//! The server is killed (SIGKILL) at random moments while several writers write through the API, again and again: what was
//! acknowledged is there, what was not is whole or absent.
//!
//! `TEST_KILLS` says how many times, `TEST_SEED` repeats the draws of a run that failed.

use std::time::Duration;

use harness::servers::{Spawned, own_postgres_missing, setting};
use harness::{Database, trial};
use libtest_mimic::Trial;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::binary::Place;
use crate::writers::{Writers, nothing_is_half_written, started};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for database in [Database::Sqlite, Database::Postgres] {
        let name = format!("kills::a_killed_server_loses_nothing_it_acknowledged [{database}]");
        trials.push(trial(name, database.missing(), move || harness::tell(killed_server(database))));
        let name = format!("kills::a_first_start_that_is_killed_is_begun_again [{database}]");
        trials.push(trial(name, database.missing(), move || harness::tell(killed_first_start(database))));
    }
    let name = "kills::a_killed_postgres_loses_nothing_that_was_acknowledged [postgres]";
    trials.push(trial(name.into(), own_postgres_missing(), || harness::tell(killed_postgres())));
    trials
}

fn kills() -> u32 {
    setting("TEST_KILLS").map_or(5, |kills| kills.parse().expect("TEST_KILLS is a number"))
}

/// Where random draws come from; said when the test fails.
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new() -> Self {
        Self(setting("TEST_SEED").map_or_else(|| rand::rng().random(), |seed| seed.parse().expect("TEST_SEED is a number")))
    }

    pub(crate) fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.0)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("TEST_SEED={}", self.0);
        }
    }
}

/// Lets a random time go by, so that a kill falls anywhere in a request, a commit or a start: nothing is waited for.
async fn a_moment(rng: &mut StdRng, most: Duration) {
    tokio::time::sleep(most.mul_f64(rng.random())).await;
}

/// Starts it, and kills it before it is ready or soon after.
async fn kill_at_the_start(place: &Place, rng: &mut StdRng) {
    let mut child = place.command(&["serve", "--listen", "127.0.0.1:0"]).spawn().expect("the binary runs");
    a_moment(rng, Duration::from_millis(400)).await;
    child.kill().await.expect("killed");
}

async fn killed_server(database: Database) {
    let seed = Seed::new();
    let mut rng = seed.rng();
    let place = Place::new(database).await;
    let mut served = started(&place).await;
    let mut writers = Writers::start(&place, &served.url, seed.0).await;
    for _ in 0..kills() {
        writers.acknowledged(rng.random_range(1..80)).await;
        a_moment(&mut rng, Duration::from_millis(20)).await;
        served.kill().await;
        if rng.random_bool(0.2) {
            kill_at_the_start(&place, &mut rng).await;
        }
        served = started(&place).await;
        nothing_is_half_written(&place).await;
        writers.go_on(&served.url);
    }
    writers.acknowledged(20).await;
    let written = writers.stop().await;
    written.mails_have_left(&place).await;
    written.is_there(&place).await;
    served.stop().await;
    written.is_there(&place).await;
    // Nor does the search index miss any of it, which was killed with it.
    place.run(&["doctor", "--dry-run"]).await.done();
}

/// Migrations and the first rows: a start that died on the way is begun again by the next.
async fn killed_first_start(database: Database) {
    let seed = Seed::new();
    let mut rng = seed.rng();
    for _ in 0..kills().div_ceil(5) {
        let place = Place::new(database).await;
        for _ in 0..3 {
            kill_at_the_start(&place, &mut rng).await;
        }
        let served = started(&place).await;
        let mut writers = Writers::start(&place, &served.url, seed.0).await;
        writers.acknowledged(5).await;
        writers.stop().await.is_there(&place).await;
        served.stop().await;
    }
}

/// The server behind is killed instead: the product goes on without a restart.
async fn killed_postgres() {
    let seed = Seed::new();
    let mut rng = seed.rng();
    // As it is installed: what it acknowledged is on its disk.
    let mut postgres = Spawned::fresh(&["fsync=on"]);
    let place = Place::at(Some(format!("{}/postgres", postgres.url())));
    let served = started(&place).await;
    let mut writers = Writers::start(&place, &served.url, seed.0).await;
    for _ in 0..kills() {
        writers.acknowledged(rng.random_range(1..80)).await;
        a_moment(&mut rng, Duration::from_millis(20)).await;
        postgres.kill();
        postgres.start();
        nothing_is_half_written(&place).await;
        writers.go_on(&served.url);
    }
    writers.acknowledged(20).await;
    let written = writers.stop().await;
    written.is_there(&place).await;
    served.stop().await;
    place.run(&["doctor", "--dry-run"]).await.done();
}
