//! The audits of the GraphQL-over-HTTP specification (the `graphql-http` package) against a running product: every MUST and
//! every SHOULD.

use std::path::Path;

use harness::{Database, World, trial};
use libtest_mimic::Trial;
use tokio::process::Command;

#[derive(serde::Deserialize)]
struct Audit {
    id: String,
    name: String,
    status: String,
    reason: Option<String>,
}

pub(crate) fn trials() -> Vec<Trial> {
    let missing = harness::servers::npm_missing("graphql-http", &folder(), "graphql-http");
    vec![trial("audits::every_must_and_every_should_is_met".into(), missing, || {
        harness::tell(every_must_and_every_should_is_met());
    })]
}

/// Where what comes from npm is installed.
pub(crate) fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audits")
}

async fn every_must_and_every_should_is_met() {
    let world = World::start(Database::Sqlite).await;
    let mut command = Command::new("node");
    command.arg("run.mjs").arg(format!("{}/graphql", world.url)).current_dir(folder()).kill_on_drop(true);
    let output = command.output().await.expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let audits: Vec<Audit> = text.lines().map(|line| serde_json::from_str(line).expect("an audit")).collect();
    let demanded: Vec<_> =
        audits.iter().filter(|audit| audit.name.starts_with("MUST") || audit.name.starts_with("SHOULD")).collect();
    assert!(demanded.len() >= 36, "audits are missing: {text}");
    let unmet: Vec<_> = demanded
        .iter()
        .filter(|audit| audit.status != "ok")
        .map(|audit| format!("{} {}: {}", audit.id, audit.name, audit.reason.as_deref().unwrap_or(&audit.status)))
        .collect();
    assert!(unmet.is_empty(), "{} of {}:\n{}", unmet.len(), demanded.len(), unmet.join("\n"));
    world.finish().await;
}
