//! What the index does, on each engine that is there: one story per test.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod conformance;
mod corpus;
mod folder;
mod hostile;
mod sight;

use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use search_index::{Index, Synonyms};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(answers());
    trials.extend(folder::stories());
    libtest_mimic::run(&arguments, trials).exit_code()
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

fn answers() -> Vec<Trial> {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let index = Arc::new(run(async {
        let index = Index::open_folder(folder.path(), &Synonyms::brought().unwrap()).await.unwrap();
        corpus::fill(&index).await;
        index
    }));
    let mut trials = Vec::new();
    let (hostile, kept) = (index.clone(), folder.clone());
    trials.push(story("tantivy::hostile_questions_have_no_effect", move || async move {
        let _kept = kept;
        hostile::check(&hostile).await;
    }));
    trials.push(story("tantivy::nobody_is_told_of_what_they_may_not_see", || async {
        let seed = rand::random();
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open_folder(folder.path(), &Synonyms::brought().unwrap()).await.unwrap();
        let entries = sight::entries(seed);
        index.apply(corpus::puts(entries.clone()), None, 1).await.unwrap();
        sight::check(&index, &entries, seed, 20).await;
    }));
    let ask = move |case: conformance::Case| {
        let (index, folder) = (index.clone(), folder.clone());
        Trial::test(format!("tantivy::{}", case.name), move || {
            let _folder = folder;
            run(conformance::check(&index, "tantivy", &case)).map_err(Failed::from)
        })
    };
    trials.extend(conformance::cases().into_iter().map(ask));
    trials
}
