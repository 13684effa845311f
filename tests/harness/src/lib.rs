//! What the tests stand on: one running product on fresh stores, its clients and its mailbox.
//!
//! A story is a function over a [`World`]; [`trials`] makes of it one test per database. A server that is not on the machine
//! makes its tests ignored, with the reason in their name; with `TEST_REQUIRE=postgres,chromium,…` it makes them fail.

mod client;
mod mailbox;
mod meilisearch;
pub mod servers;
pub mod smtp;
mod socket;
mod wire;
mod world;

pub use client::{Client, Reply};
pub use mailbox::Mail;
pub use meilisearch::Meilisearch;
pub use servers::Database;
pub use socket::Socket;
pub use wire::Wire;
pub use world::{Settings, World, empty_postgres, fact, rows};

use futures_util::future::LocalBoxFuture;
use libtest_mimic::{Failed, Trial};

/// A story, told on each database.
pub struct Story {
    /// A sentence.
    pub name: &'static str,
    /// Where it is told.
    pub file: &'static str,
    /// What happens.
    pub run: for<'w> fn(&'w World) -> LocalBoxFuture<'w, ()>,
}

/// `stories![a, b]`: a list of `async fn a(world: &World)`.
#[macro_export]
macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        vec![$($crate::Story { name: stringify!($name), file: module_path!(), run: |world| Box::pin($name(world)) }),*]
    };
}

/// One test per story and database.
pub fn trials(stories: Vec<Story>) -> Vec<Trial> {
    client::provide_tls();
    let mut trials = Vec::new();
    for story in stories {
        let file = story.file.rsplit("::").next().unwrap_or("");
        for database in [Database::Sqlite, Database::Postgres] {
            let run = story.run;
            trials.push(trial(format!("{file}::{} [{database}]", story.name), database.missing(), move || {
                tell(async move {
                    let world = World::start(database).await;
                    run(&world).await;
                    world.finish().await;
                });
            }));
        }
    }
    trials
}

/// One test that needs `missing` not to be missing.
pub fn trial(name: String, missing: Option<servers::Missing>, run: impl FnOnce() + Send + 'static) -> Trial {
    match missing {
        None => Trial::test(name, move || {
            run();
            Ok(())
        }),
        Some(missing) if missing.required => {
            Trial::test(name, move || Err(Failed::from(format!("required by TEST_REQUIRE: {}", missing.reason))))
        }
        Some(missing) => Trial::test(format!("{name} ({})", missing.reason), || Ok(())).with_ignored_flag(true),
    }
}

/// Runs a future to its end on a runtime of its own.
pub fn tell(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime").block_on(story);
}
