//! Clients that hold what a query said, and put what they are told in its place. Whatever two writers do at once, and wherever a line
//! is cut, they end with what a query says by then.
//!
//! Rounds are short, so that nothing that comes later mends what one event left out: an event holds what it is about as it is when
//! it is delivered. Their end is told by a mark that is about nothing else on the screen.

mod draws;
mod screen;
mod stage;

use std::collections::BTreeSet;
use std::sync::Mutex;

use futures_util::future::{join, join_all};
use harness::{Client, World};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use services::search;

use crate::kills::Seed;
use crate::steps::{read, text};

use draws::{Draw, NOT_DRAWN, of_documents, of_links, of_openings, of_threads, of_trainings};
use screen::{CALENDAR, FORUM, Screen, THREAD};
use stage::Stage;

/// How many things each of the two writers does in each round: a few, so that each is looked at, and at times many, so that lines are
/// cut in the middle of them.
const ROUNDS: [usize; 24] = [1, 1, 2, 1, 1, 1, 12, 1, 1, 2, 1, 1, 2, 1, 1, 1, 12, 1, 1, 2, 1, 1, 1, 1];

type Draws = for<'s> fn(&'s Stage<'_>, &mut StdRng) -> Vec<Draw<'s>>;

pub(super) async fn a_client_of_threads_holds_what_a_query_says(world: &World) {
    let stage = Stage::set(world).await;
    let screens = of_each_thread(world, &stage, [&stage.grace, &stage.linus]).await;
    rounds(&stage, screens, |stage, rng| [of_threads(stage, rng), of_links(stage, rng), of_documents(stage, rng)].concat()).await;
}

pub(super) async fn a_client_of_threads_holds_what_a_query_says_of_trainings(world: &World) {
    let stage = Stage::set(world).await;
    let screens = of_each_thread(world, &stage, [&stage.mona, &stage.linus]).await;
    rounds(&stage, screens, |stage, rng| [of_links(stage, rng), of_trainings(stage, rng)].concat()).await;
}

/// The threads of the stage, as each of these sees them.
async fn of_each_thread<'w>(world: &'w World, stage: &Stage<'_>, looking_on: [&Client; 2]) -> Vec<Screen<'w>> {
    let mut screens = Vec::new();
    for thread in stage.threads() {
        for who in looking_on {
            screens.push(Screen::open(world, who, &THREAD, &thread).await);
        }
    }
    screens
}

pub(super) async fn a_client_of_a_forum_holds_what_a_query_says(world: &World) {
    let stage = Stage::set(world).await;
    let mut screens = Vec::new();
    for (who, forum) in [(&stage.grace, &stage.here), (&stage.linus, &stage.here), (&stage.linus, &stage.there)] {
        screens.push(Screen::open(world, who, &FORUM, forum).await);
    }
    rounds(&stage, screens, |stage, rng| [of_threads(stage, rng), of_links(stage, rng), of_openings(stage, rng)].concat()).await;
}

pub(super) async fn a_client_of_the_calendar_holds_what_a_query_says(world: &World) {
    let stage = Stage::set(world).await;
    let mut screens = Vec::new();
    for who in [&stage.mona, &stage.linus, &world.anonymous()] {
        screens.push(Screen::open(world, who, &CALENDAR, "").await);
    }
    rounds(&stage, screens, of_trainings).await;
}

/// In each round two write at once while all screens look on; at its end each shows what a query says, and the search index, which reads
/// the same log, holds what the rows do.
async fn rounds(stage: &Stage<'_>, mut screens: Vec<Screen<'_>>, draws: Draws) {
    let seed = Seed::new();
    let mut rng = seed.rng();
    stage.world.index().await;
    for (round, length) in ROUNDS.into_iter().enumerate() {
        let (mark, done) = (format!("Repère {round}."), Mutex::default());
        let mut own = || StdRng::seed_from_u64(rng.random());
        let (one, other) = (stage.write(length, draws, own(), &done), stage.write(length, draws, own(), &done));
        let heard: Vec<_> = screens.iter_mut().map(|screen| screen.hear(&mark, own())).collect();
        let written = async {
            join(one, other).await;
            stage.mark(&mark).await;
        };
        join(written, join_all(heard)).await;
        let done = done.into_inner().expect("not poisoned").join("\n");
        for screen in &mut screens {
            let different = screen.differences().await;
            assert!(different.is_empty(), "{screen} shows other than a query in round {round}: {different:#?}, after\n{done}");
        }
        stage.world.index().await;
        let checked = search::check(&stage.world.app, false, |_| ()).await.expect("compared");
        assert_eq!(checked.wrong(), 0, "the index holds other than the rows in round {round}: {checked:?}, after\n{done}");
    }
}

pub(super) async fn every_mutation_is_drawn_or_tells_nothing_here(world: &World) {
    let stage = Stage::set(world).await;
    let mut rng = Seed::new().rng();
    let tables = [of_threads, of_links, of_openings, of_trainings, of_documents].map(|draws| draws(&stage, &mut rng));
    let drawn = tables.iter().flatten().map(|(_, name, _)| (*name).to_owned());
    let named: BTreeSet<_> =
        drawn.chain(NOT_DRAWN.iter().flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned()))).collect();
    let schema = read(&world.anonymous(), "{ __schema { mutationType { fields { name } } } }", json!({})).await;
    let fields = schema["__schema"]["mutationType"]["fields"].as_array().expect("mutations").clone();
    assert_eq!(named, fields.iter().map(|field| text(&field["name"])).collect());
}
