//! Answers a second through the whole mutation, each durable when it is acknowledged, beside the bare database doing the same
//! statements one transaction each, and the disk's own rate.

use std::time::Duration;

use serde_json::json;
use services::clock::Clock;

use crate::bare::Bare;
use crate::data::Store;
use crate::load::{Connection, Measured, load, post};
use crate::report::Report;
use crate::served::Served;
use crate::{Sizes, machine};

/// What everybody answers.
pub(crate) const BODY: &str = "Bonjour, même constat chez nous depuis la dernière mise à jour : la date de fin n'est pas reprise \
    quand on duplique la session. En attendant, nous la saisissons à la main après la copie, et nous vérifions la liste des \
    inscrits avant l'envoi des convocations.";
pub(crate) const ANSWER: &str = "mutation Repondre($i: AnswerPostInput!) {
  answerPost(input: $i) { problems { field message } post { id } }
}";
/// Clients, with the aim on SQLite.
const STEPS: [(usize, Option<f64>); 3] = [(1, Some(0.9)), (16, None), (64, Some(1.5))];

pub(crate) fn measure(store: &Store, sizes: &Sizes, report: &mut Report) {
    let (database, demo) = (store.database, store.demo(sizes.posts));
    let place = store.copy(&demo);
    println!("\n### Answers on {database}, durable\n");
    println!(
        "| clients | GraphQL posts/s | p50 ms | p99 ms | CPU µs a post | bare posts/s | p50 ms | p99 ms | ratio | rounds | disk fsync/s |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let served = Served::start(&place, None);
    let told = &served.told;
    let bare = Bare::open(&place);
    let clock = Clock::system();
    for (clients, aim) in STEPS {
        let (mut product, mut by_hand, mut ratios, mut disk) = (Measured::default(), Measured::default(), Vec::new(), Vec::new());
        // Each client is a member who answers in a thread of their own, as far as there are so many.
        let requests: Vec<_> = (0..clients)
            .map(|client| {
                let (token, opening) = (&told.tokens[client % told.tokens.len()], told.openings[client % told.openings.len()]);
                let variables = json!({ "i": { "postId": opening.to_string(), "body": BODY } });
                post("/graphql", token, &json!({ "query": ANSWER, "variables": variables }))
            })
            .collect();
        for round in 0..=sizes.rounds {
            disk.push(machine::fsyncs(store.disk(), Duration::from_millis(300)));
            let one = load(
                told.product,
                clients,
                sizes.round,
                served.process(),
                &requests,
                "{\"data\":{\"answerPost\":{\"problems\":[],",
            );
            let other = Measured::of(clients, sizes.round, None, |client| {
                let member = told.members[client % told.members.len()];
                bare.client(&clock, member, told.openings[client % told.openings.len()])
            });
            // The first one warms up.
            if round > 0 {
                ratios.push(one.rate() / other.rate());
                product.add(one);
                by_hand.add(other);
            }
        }
        ratios.sort_by(f64::total_cmp);
        disk.sort_by(f64::total_cmp);
        let ratio = product.rate() / by_hand.rate();
        println!(
            "| {clients} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} | {ratio:.2} | {:.2} to {:.2} | {:.0} |",
            product.rate(),
            product.at(500),
            product.at(990),
            product.cpu_each(),
            by_hand.rate(),
            by_hand.at(500),
            by_hand.at(990),
            ratios[0],
            ratios[ratios.len() - 1],
            disk[disk.len() / 2],
        );
        if let (Some(aim), harness::Database::Sqlite) = (aim, database) {
            report.at_least(&format!("answers of the bare database's, {clients} clients, {database}"), ratio, aim);
        }
    }
    what_was_said(&served);
}

/// One answer in full, to see that the mutation says what it should.
fn what_was_said(served: &Served) {
    let variables = json!({ "i": { "postId": served.told.openings[0].to_string(), "body": BODY } });
    let request = post("/graphql", &served.told.tokens[0], &json!({ "query": ANSWER, "variables": variables }));
    let mut connection = Connection::open(served.told.product).expect("a connection");
    let answer: serde_json::Value = serde_json::from_slice(connection.ask(&request).expect("an answer")).expect("JSON");
    assert!(answer["data"]["answerPost"]["post"]["id"].as_str().is_some_and(|id| id.starts_with("pos_")), "{answer}");
}
