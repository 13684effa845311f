//! Reads the log and tells people, some hundreds a turn.
//!
//! What a turn tells and how far it came are one transaction, which a second node that read from the same place does not get into:
//! each entry reaches each person once, whatever is killed when.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::RngExt;
use tokio::sync::watch;

use super::gathering::{Told, told};
use super::store::{self, Place, Position};
use crate::db::{Cx, Work, in_time};
use crate::error::Result;
use crate::{App, events};

/// Entries that a turn reads at most.
const ENTRIES: i64 = 200;
/// People whom a turn tells at most: some thousandths of a second of the writer.
const PEOPLE: usize = 250;
const POLL: Duration = Duration::from_secs(5);
/// A turn takes another connection after that long without an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between turns: what happens meanwhile is told together, so that a turn is not a second transaction for each post.
const GATHER: Duration = Duration::from_millis(50);

/// Tells people what happens until `stop` turns true.
pub async fn deliver(app: App, mut stop: watch::Receiver<bool>) {
    let mut wakes = app.db.wakes(Work::Events);
    while !*stop.borrow() {
        match turn(&app).await {
            Ok(true) => {
                drop(tokio::time::timeout(GATHER, stop.wait_for(|stop| *stop)).await);
                continue;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "nobody is told what happened"),
        }
        let pause = POLL.mul_f64(rand::rng().random_range(0.8..1.2));
        tokio::select! {
            () = wakes.next() => {}
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Tells everything that is in the log; in how many turns. For tests and commands.
///
/// # Errors
/// When the database fails.
pub async fn catch_up(app: &App) -> Result<usize> {
    let mut turns = 0;
    while turn(app).await? {
        turns += 1;
    }
    Ok(turns)
}

/// Reads on in the log and tells some people. False when there is nothing to read, which is found out without writing.
///
/// # Errors
/// When the database fails, or an entry is of a kind that this binary does not know.
pub async fn turn(app: &App) -> Result<bool> {
    let next = async { read(&mut *app.db.reader().await?, app.clock.now()).await };
    let Some(turn) = in_time(PATIENCE, next).await? else { return Ok(false) };
    let clock = app.clock.clone();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                // Another node was faster: what it told is not told again.
                if !store::advance(tx, &turn.from, &turn.to).await? {
                    return Ok(true);
                }
                for told in &turn.told {
                    store::tell(tx, &clock, turn.to.turn, told).await?;
                    // Whoever follows the inbox itself.
                    tx.leaves(Work::Events);
                }
                Ok(true)
            })
        })
        .await
}

struct Turn {
    from: Position,
    to: Position,
    told: Vec<Told>,
}

/// What comes next in the log and whom it reaches, as things are now.
async fn read(cx: &mut Cx, now: DateTime<Utc>) -> Result<Option<Turn>> {
    let from = store::position(cx).await?;
    let entries = events::after(cx, from.seq, ENTRIES).await?;
    if entries.is_empty() {
        return Ok(None);
    }
    let (mut to, mut all, mut room) = (from.clone(), Vec::new(), PEOPLE);
    to.turn += 1;
    for entry in &entries {
        if from.since.is_none_or(|since| entry.at >= since) {
            let (found, next) = told(cx, now, entry, to.place, room).await?;
            room -= found.people.len().min(room);
            if !found.people.is_empty() {
                all.push(found);
            }
            if let Some(next) = next {
                to.place = next;
                break;
            }
        }
        (to.seq, to.place) = (entry.seq, Place::default());
        if room == 0 {
            break;
        }
    }
    Ok(Some(Turn { from, to, told: all }))
}
