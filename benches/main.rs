//! What the product costs, each figure beside its limit and what it is compared with, measured in one run: `cargo bench`, or
//! one part of it: `cargo bench -- page`, `posts`, `start`, `live`, `followers`, `import`, `calendar`, `search`; `sqlite` or `postgres` for one database; `--short` for small sizes,
//! to see that all of it runs. Nothing here asserts on time: it fails when something broke.

#![expect(clippy::expect_used, reason = "a benchmark that panics has broken")]

mod bare;
mod calendar;
mod data;
mod followers;
mod import;
mod live;
mod load;
mod machine;
mod page;
mod posts;
mod report;
mod search;
mod served;
mod start;

use std::time::Duration;

use harness::Database;

/// The product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much is measured.
struct Sizes {
    /// Posts of the demo.
    posts: usize,
    /// Lines of a table that is imported.
    lines: usize,
    /// Subscribers of one thread.
    subscribers: usize,
    /// Followers of another.
    followers: usize,
    /// Posts of the search index.
    found: usize,
    /// How long one round of one measure takes.
    round: Duration,
    /// Rounds that count, after one that warms up.
    rounds: usize,
}

type Measure = fn(&data::Store, &Sizes, &mut report::Report);

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [first, folder, rest @ ..] = &arguments[..]
        && first == served::ARGUMENT
    {
        return served::run(folder, rest.first().cloned());
    }
    if let [first, address, many] = &arguments[..]
        && first == live::ARGUMENT
    {
        return live::run(address, many);
    }
    let given = |word: &str| arguments.iter().any(|argument| argument == word);
    let sizes = match given("--short") {
        true => Sizes {
            posts: 20_000,
            lines: 1000,
            subscribers: 200,
            followers: 1000,
            found: 20_000,
            round: Duration::from_millis(200),
            rounds: 1,
        },
        false => Sizes {
            posts: 200_000,
            lines: 50_000,
            subscribers: 10_000,
            followers: 20_000,
            found: 1_000_000,
            round: Duration::from_secs(3),
            rounds: 4,
        },
    };
    let parts: [(&str, Measure); 8] = [
        ("page", page::measure),
        ("posts", posts::measure),
        ("start", start::measure),
        ("live", live::measure),
        ("followers", followers::measure),
        ("import", import::measure),
        ("calendar", calendar::measure),
        ("search", search::measure),
    ];
    let all = !parts.iter().any(|(name, _)| given(name));
    let mut report = report::Report::default();
    println!("{}", machine::describe());
    for (name, database) in [("sqlite", Database::Sqlite), ("postgres", Database::Postgres)] {
        if !given(name) && (given("sqlite") || given("postgres")) {
            continue;
        }
        let Some(store) = data::Store::open(database) else { continue };
        println!(
            "The disk makes {:.0} writes of 4 KiB durable a second, one by one.",
            machine::fsyncs(store.disk(), Duration::from_secs(1))
        );
        for (name, measure) in parts {
            if all || given(name) {
                measure(&store, &sizes, &mut report);
            }
        }
    }
    report.print();
}
