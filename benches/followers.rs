//! Answers in a thread that nobody follows and in one that 20,000 members do, who are told meanwhile: what it costs the writer, and
//! the memory of who tells.

use serde_json::json;
use services::id::ThreadId;

use crate::data::{Place, Store};
use crate::load::{Measured, load, post};
use crate::posts::{ANSWER, BODY};
use crate::report::Report;
use crate::served::Served;
use crate::{Sizes, machine};

const CLIENTS: usize = 4;

pub(crate) fn measure(store: &Store, sizes: &Sizes, report: &mut Report) {
    let (database, place) = (store.database, store.copy(&store.demo(sizes.posts)));
    let served = Served::start(&place, None);
    let told = &served.told;
    let (quiet, loud) = (0, 1);
    follow(&place, told.threads[loud], sizes.followers);
    println!("\n### Answers in a thread with {} followers, on {database}, {CLIENTS} clients\n", sizes.followers);
    println!("| followers | posts/s | p50 ms | p99 ms | CPU µs a post | memory MB |\n| --- | --- | --- | --- | --- | --- |");
    let mut rates = Vec::new();
    // Those without first: the others leave people to be told behind.
    for (thread, followers) in [(quiet, 0), (loud, sizes.followers)] {
        let variables = json!({ "i": { "postId": told.openings[thread].to_string(), "body": BODY } });
        let requests: Vec<_> = (0..CLIENTS)
            .map(|client| {
                post("/graphql", &told.tokens[client % told.tokens.len()], &json!({ "query": ANSWER, "variables": variables }))
            })
            .collect();
        let (mut sum, mut most) = (Measured::default(), 0_f64);
        for round in 0..=sizes.rounds {
            let begins = "{\"data\":{\"answerPost\":{\"problems\":[],";
            let one = load(told.product, CLIENTS, sizes.round, served.process(), &requests, begins);
            most = most.max(machine::memory(served.process()));
            // The first one warms up.
            if round > 0 {
                sum.add(one);
            }
        }
        println!(
            "| {followers} | {:.0} | {:.2} | {:.2} | {:.0} | {most:.0} |",
            sum.rate(),
            sum.at(500),
            sum.at(990),
            sum.cpu_each()
        );
        rates.push(sum.rate());
    }
    report.at_least(
        &format!("answers with {} followers, of those without, {database}", sizes.followers),
        rates[1] / rates[0],
        0.9,
    );
}

/// Members who follow everything in a thread, written beside the product.
fn follow(place: &Place, thread: ThreadId, many: usize) {
    let (series, id, thread) = match place.database_url {
        None => {
            let series = format!("with recursive s (i) as (select 1 union all select i + 1 from s where i < {many})");
            (series, "randomblob(16)", format!("x'{}'", thread.0.simple()))
        }
        Some(_) => {
            (format!("with s (i) as (select * from generate_series(1, {many}))"), "gen_random_uuid()", format!("'{}'", thread.0))
        }
    };
    place.execute(&[
        format!(
            "insert into members (id, address, address_key, handle, name, created_at)
             {series} select {id}, 'suiveur' || i || '@exemple.test', 'suiveur' || i || '@exemple.test', 'suiveur' || i,
                             'Suiveur', (select min(created_at) from spaces) from s"
        ),
        format!(
            "insert into follows (member_id, target_id, thread_id, level, followed_at)
             select id, {thread}, {thread}, 'TOUT', created_at from members where handle like 'suiveur%'"
        ),
    ]);
}
