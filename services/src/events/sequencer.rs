//! Numbers committed events on PostgreSQL.

use std::time::Duration;

use crate::db::{Cx, Db, Wakes, Work, exec, in_time, one};
use crate::error::Result;

/// The advisory lock of whoever numbers; the digits of "ciam" as bytes.
const LOCK: i64 = 0x6369_616d;
const POLL: Duration = Duration::from_secs(1);
/// The lock is given up to another node after that long without an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers events for as long as the process lives, when this node holds the lock. Nothing to do on SQLite.
pub async fn sequence(db: Db) {
    if !db.is_postgres() {
        return;
    }
    let mut wakes = db.wakes(Work::Events);
    loop {
        if let Err(error) = hold(&db, &mut wakes).await {
            tracing::warn!(%error, "the sequencer lost its connection");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits for the lock on a connection of its own, and numbers for as long as that has it.
async fn hold(db: &Db, wakes: &mut Wakes) -> Result<()> {
    let mut cx = db.own_connection().await?;
    while !in_time(PATIENCE, lock(&mut cx)).await? {
        tokio::time::sleep(POLL).await;
    }
    loop {
        if in_time(PATIENCE, number(&mut cx)).await? > 0 {
            db.wake_readers_of_the_log();
        }
        drop(tokio::time::timeout(POLL, wakes.next()).await);
    }
}

/// False when another node has it.
async fn lock(cx: &mut Cx) -> Result<bool> {
    Ok(one!(cx, (bool,), "select pg_try_advisory_lock($1)", LOCK)?.0)
}

/// Numbers what is committed and has no number yet, in the order of its time.
async fn number(cx: &mut Cx) -> Result<u64> {
    Ok(exec!(
        cx,
        "update events set seq = numbered.seq
         from (select id, (select coalesce(max(seq), 0) from events) + row_number() over (order by at, id) as seq
               from (select id, at from events where seq is null order by at, id limit 1000) as unnumbered) as numbered
         where events.id = numbered.id"
    )?)
}
