//! The page of a thread: the product beside the same page written by hand and a constant answer, on one core, the clients on
//! another; and the same page at ten times the data.

use serde_json::{Value, json};

use crate::data::Store;
use crate::load::{Connection, Measured, load, post};
use crate::report::Report;
use crate::served::{PAGE, Served};
use crate::{Sizes, machine};

const CLIENTS: usize = 16;

pub(crate) fn measure(store: &Store, sizes: &Sizes, report: &mut Report) {
    let database = store.database;
    let place = store.demo(sizes.posts);
    let apart = machine::two_cores();
    let served = Served::start(&place, apart.then_some("0"));
    if apart {
        machine::move_to("1");
    }
    let requests = Requests::new(&served);
    let length = requests.check(&served);
    let told = &served.told;
    let servers = [
        ("GraphQL", told.product, &requests.product),
        ("by hand", told.by_hand, &requests.by_hand),
        ("constant", told.by_hand, &requests.constant),
    ];
    let mut sums: [Measured; 3] = Default::default();
    let mut ratios = Vec::new();
    for round in 0..=sizes.rounds {
        let one = servers.each_ref().map(|(_, address, requests)| {
            load(*address, CLIENTS, sizes.round, served.process(), requests, "{\"data\":{\"thread\":{")
        });
        // The first one warms up.
        if round > 0 {
            ratios.push(one[0].rate() / one[1].rate());
            sums.iter_mut().zip(one).for_each(|(sum, one)| sum.add(one));
        }
    }
    println!("\n### The page of a thread on {database}: {length} bytes, {CLIENTS} clients, {} threads\n", told.threads.len());
    println!(
        "| server | requests/s | p50 ms | p99 ms | CPU µs a request | of the one by hand |\n| --- | --- | --- | --- | --- | --- |"
    );
    for ((name, ..), sum) in servers.iter().zip(&sums) {
        let (rate, p50, p99, cpu) = (sum.rate(), sum.at(500), sum.at(990), sum.cpu_each());
        println!("| {name} | {rate:.0} | {p50:.2} | {p99:.2} | {cpu:.0} | {:.2} |", rate / sums[1].rate());
    }
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
    println!("\nThe ratio of single rounds went from {low:.2} to {high:.2}.");
    report.at_least(&format!("page, of the one by hand, {database}"), sums[0].rate() / sums[1].rate(), 0.65);
    grown(store, sizes, &served, report);
    if apart {
        machine::move_to("0-1");
    }
}

/// The page alone, by one client, on a tenth of the data and on all of it, in many short turns: what else runs on the machine
/// meets both.
fn grown(store: &Store, sizes: &Sizes, large: &Served, report: &mut Report) {
    let place = store.demo(sizes.posts / 10);
    let small = Served::start(&place, machine::two_cores().then_some("0"));
    let both = [&small, large].map(|served| (served, Requests::new(served)));
    let mut sums: [Measured; 2] = Default::default();
    for turn in 0..=8 * sizes.rounds {
        for ((served, requests), sum) in both.iter().zip(&mut sums) {
            let one =
                load(served.told.product, 1, sizes.round / 8, served.process(), &requests.product, "{\"data\":{\"thread\":{");
            if turn > 0 {
                sum.add(one);
            }
        }
    }
    let (database, posts) = (store.database, sizes.posts);
    println!("\nOne client: p50 {:.3} ms on {} posts, {:.3} ms on {posts};", sums[0].at(500), posts / 10, sums[1].at(500));
    println!("CPU {:.0} and {:.0} µs a request.", sums[0].cpu_each(), sums[1].cpu_each());
    report.at_most(&format!("page at ten times the data, p50, {database}"), sums[1].at(500) / sums[0].at(500), 1.1, "");
}

/// The same pages of each server.
struct Requests {
    product: Vec<Vec<u8>>,
    by_hand: Vec<Vec<u8>>,
    constant: Vec<Vec<u8>>,
}

impl Requests {
    fn new(served: &Served) -> Self {
        let told = &served.told;
        let tokens = told.tokens.iter().cycle();
        let each = |path: &str, body: fn(String) -> Value| {
            let threads = told.threads.iter().zip(tokens.clone());
            threads.map(|(thread, token)| post(path, token, &body(thread.to_string()))).collect()
        };
        Self {
            product: each("/graphql", |id| json!({ "query": PAGE, "variables": { "id": id } })),
            by_hand: each("/page", |id| json!({ "id": id })),
            constant: each("/constant", |id| json!({ "id": id })),
        }
    }

    /// Both answer the same bytes. Gives the length of an answer on average.
    fn check(&self, served: &Served) -> usize {
        let mut product = Connection::open(served.told.product).expect("a connection");
        let mut by_hand = Connection::open(served.told.by_hand).expect("a connection");
        let mut length = 0;
        for (one, other) in self.product.iter().zip(&self.by_hand) {
            let (one, other) = (product.ask(one).expect("a page"), by_hand.ask(other).expect("a page"));
            let text = String::from_utf8_lossy;
            assert!(one == other, "not the same page:\n{}\n{}", text(one), text(other));
            length += one.len();
        }
        length / self.product.len()
    }
}
