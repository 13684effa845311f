//! What the index does: one story per test, and one per question on each engine that is there. The embedded one always is;
//! Meilisearch when `TEST_MEILI_URL` (and `TEST_MEILI_KEY`) names a server, else its tests are listed as ignored, with the reason in
//! their name, or fail when `TEST_REQUIRE` names `meilisearch`.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod conformance;
mod corpus;
mod folder;
mod hostile;
mod replay;
mod server;
mod sight;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use search_index::{Index, Server, Synonyms};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = folder::stories();
    trials.extend(server::stories());
    let (corpus, drawn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    trials.extend(embedded(corpus.path(), drawn.path()));
    trials.extend(meilisearch());
    let told = libtest_mimic::run(&arguments, trials);
    drop((corpus, drawn));
    told.exit_code()
}

/// A story, on a runtime of its own.
pub(crate) fn story<F: Future<Output = ()>>(name: &str, tell: impl FnOnce() -> F + Send + 'static) -> Trial {
    Trial::test(name, move || {
        run(tell());
        Ok(())
    })
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn open(folder: &Path) -> Index {
    Index::open_folder(folder, &Synonyms::brought().unwrap(), 1).await.unwrap()
}

fn embedded(corpus: &Path, drawn: &Path) -> Vec<Trial> {
    engine("tantivy", run(open(corpus)), run(open(drawn)))
}

fn meilisearch() -> Vec<Trial> {
    let Some(url) = setting("TEST_MEILI_URL") else {
        let required = setting("TEST_REQUIRE").unwrap_or_default().split(',').any(|one| one.trim() == "meilisearch");
        let name = "meilisearch::everything (TEST_MEILI_URL is not set)";
        let missing = || Err(Failed::from("required by TEST_REQUIRE: TEST_MEILI_URL is not set"));
        return vec![Trial::test(name, missing).with_ignored_flag(!required)];
    };
    let server = |index: &str| Server {
        url: url.clone(),
        key: setting("TEST_MEILI_KEY"),
        index: index.to_owned(),
        answer_within: Duration::from_secs(10),
        written_within: Duration::from_secs(60),
    };
    let open = |name| Index::open_server(server(name), &Synonyms::brought().unwrap(), 1).unwrap();
    engine("meilisearch", open("ciam_test_corpus"), open("ciam_test_drawn"))
}

/// The stories that every engine tells: on `index`, which holds the corpus, and on `drawn`, which holds what one story draws.
fn engine(name: &'static str, index: Index, drawn: Index) -> Vec<Trial> {
    let shared = Arc::new((index, OnceLock::new()));
    let filled = move || {
        let shared = shared.clone();
        // On a thread of its own: stories are told within a runtime, which cannot wait for another one.
        shared.1.get_or_init(|| std::thread::scope(|scope| scope.spawn(|| run(corpus::fill(&shared.0))).join().unwrap()));
        shared
    };
    let mut trials = Vec::new();
    for case in conformance::cases() {
        let (title, filled) = (format!("{name}::{}", case.name), filled.clone());
        trials.push(Trial::test(title, move || run(conformance::check(&filled().0, name, &case)).map_err(Failed::from)));
    }
    let kept = filled.clone();
    trials.push(story(&format!("{name}::titles_and_tags_are_suggested"), move || async move {
        conformance::suggestions(&kept().0).await;
    }));
    let kept = filled.clone();
    trials.push(story(&format!("{name}::what_is_alike_is_found"), move || async move {
        conformance::likenesses(&kept().0).await;
    }));
    let kept = filled.clone();
    trials.push(story(&format!("{name}::pages_follow_each_other"), move || async move {
        conformance::pages(&kept().0).await;
    }));
    trials.push(story(&format!("{name}::hostile_questions_have_no_effect"), move || async move {
        hostile::check(&filled().0).await;
    }));
    trials.push(story(&format!("{name}::nobody_is_told_of_what_they_may_not_see"), move || async move {
        let seed = rand::random();
        let entries = sight::entries(seed);
        drawn.rebuild().await.unwrap().put(entries.clone()).await.unwrap().finish(1).await.unwrap();
        sight::check(&drawn, &entries, seed, 20).await;
    }));
    trials
}

#[expect(clippy::disallowed_methods, reason = "the settings of the tests are read here")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
