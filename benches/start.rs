//! The real binary, from nothing to its first answer, and what it holds in memory once it rests.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::data::Store;
use crate::load::{Connection, post};
use crate::report::Report;
use crate::served::{PAGE, Served};
use crate::{Sizes, machine};

pub(crate) fn measure(store: &Store, sizes: &Sizes, report: &mut Report) {
    let (database, place) = (store.database, store.demo(sizes.posts));
    // A page to ask for, and somebody who may.
    let request = {
        let served = Served::start(&place, None);
        let variables = json!({ "id": served.told.threads[0].to_string() });
        post("/graphql", &served.told.tokens[0], &json!({ "query": PAGE, "variables": variables }))
    };
    let (mut times, mut idle, mut used) = (Vec::new(), 0_f64, 0_f64);
    for _ in 0..sizes.rounds.max(3) {
        let address = SocketAddr::from(([127, 0, 0, 1], harness::servers::free_port()));
        let mut ciam = Command::new(env!("CARGO_BIN_EXE_ciam"));
        ciam.args(["serve", "--log", "warn", "--listen", &address.to_string(), "--data-dir"]).arg(&place.folder);
        if let Some(url) = &place.database_url {
            ciam.args(["--database-url", url]);
        }
        let began = Instant::now();
        let mut process = ciam.stdout(Stdio::null()).spawn().expect("ciam runs");
        let mut connection = loop {
            assert!(began.elapsed() < Duration::from_secs(30), "ciam does not answer");
            match Connection::open(address) {
                Ok(connection) => break connection,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        connection.ask(&request).expect("a page");
        times.push(began.elapsed().as_secs_f64());
        std::thread::sleep(Duration::from_secs(2));
        idle = idle.max(machine::memory(process.id()));
        for _ in 0..1000 {
            connection.ask(&request).expect("a page");
        }
        used = used.max(machine::memory(process.id()));
        drop(connection);
        // As a service manager stops it.
        let stopped = Command::new("kill").arg(process.id().to_string()).status();
        assert!(stopped.is_ok_and(|status| status.success()), "kill");
        process.wait().expect("an end");
    }
    times.sort_by(f64::total_cmp);
    println!("\n### Start on {database}\n");
    println!(
        "First page after {:.3} s (the slowest of {}: {:.3} s); {idle:.1} MB at rest, {used:.1} MB after 1,000 pages.",
        times[times.len() / 2],
        times.len(),
        times[times.len() - 1]
    );
    report.at_most(&format!("start to the first page, {database}"), times[times.len() / 2], 1.0, " s");
    report.at_most(&format!("memory at rest, {database}"), idle, 60.0, " MB");
}
