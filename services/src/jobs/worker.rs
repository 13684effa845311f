//! Claims due jobs, runs them, settles them.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use rand::RngExt;
use serde_json::Value;
use sqlx::types::Json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Job, Verdict};
use crate::App;
use crate::db::{Cx, Work, all, exec, in_time, one, opt};
use crate::error::{Error, Result};
use crate::id::JobId;

/// Jobs run at once by one process.
const AT_ONCE: usize = 8;
/// A worker that has not settled by then is taken for dead.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// First delay of a retry; doubled each time, up to an hour.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(10);
/// More than a day of them, so that a job that gives up after a day does so itself.
const MOST_ATTEMPTS: i64 = 40;
const POLL: Duration = Duration::from_secs(5);
/// A look at what is due takes another connection after that long without an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// When the database is away at the moment of settling: half a minute in all, well within the lease.
const SETTLING: [Duration; 4] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9), Duration::from_secs(20)];

#[derive(sqlx::FromRow)]
struct Claimed {
    id: JobId,
    kind: String,
    payload: Json<Value>,
    attempts: i64,
}

/// A job in hand: its lease, and whether its worker is to stop.
pub(crate) struct Hold {
    id: JobId,
    attempts: i64,
    until: DateTime<Utc>,
    stop: watch::Receiver<bool>,
}

impl Hold {
    /// Whether the process stops: what takes long lets go, and comes back.
    pub(crate) fn must_end(&self) -> bool {
        *self.stop.borrow()
    }

    /// Keeps the job for another while once half of its lease is over: what takes long says again and again that it is alive.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the lease ended before, and another worker has the job.
    pub(crate) async fn keep(&mut self, app: &App) -> Result<()> {
        let now = app.clock.now();
        if self.until - now > LEASE / 2 {
            return Ok(());
        }
        let (id, attempts, node, until) = (self.id, self.attempts, app.node, now + LEASE);
        let kept = app.db.write(move |tx| {
            Box::pin(async move {
                Ok(exec!(
                    tx,
                    "update jobs set leased_until = $4 where id = $1 and leased_by = $2 and attempts = $3",
                    id,
                    node,
                    attempts,
                    until
                )?)
            })
        });
        if kept.await? == 0 {
            return Err(Error::unavailable("another worker has this job"));
        }
        self.until = until;
        Ok(())
    }
}

/// Runs jobs until `stop` turns true; those under way are finished first.
pub async fn work(app: App, mut stop: watch::Receiver<bool>) {
    let mut wakes = app.db.wakes(Work::Jobs);
    let mut under_way = JoinSet::new();
    while !*stop.borrow() {
        if let Err(error) = take_up(&app, &stop, &mut under_way).await {
            tracing::warn!(%error, "jobs cannot be read");
        }
        let pause = if under_way.len() < AT_ONCE { pause(&app).await } else { POLL };
        let pause = pause.mul_f64(rand::rng().random_range(0.8..1.2));
        tokio::select! {
            Some(_) = under_way.join_next() => {}
            () = wakes.next() => {}
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}

/// Runs every job that is due now, and those they cause, until none is left. How many ran; for tests and commands.
///
/// # Errors
/// When the database fails; those under way are finished first.
pub async fn drain(app: &App) -> Result<usize> {
    let (mut under_way, mut ran) = (JoinSet::new(), 0);
    let (_goes_on, stop) = watch::channel(false);
    loop {
        match take_up(app, &stop, &mut under_way).await {
            Ok(taken) => ran += taken,
            Err(error) => {
                while under_way.join_next().await.is_some() {}
                return Err(error);
            }
        }
        if under_way.join_next().await.is_none() {
            return Ok(ran);
        }
    }
}

/// Gives back what this node held when it died.
///
/// # Errors
/// When the database fails.
pub async fn give_back(app: &App) -> Result<()> {
    let node = app.node;
    app.db
        .write(move |tx| {
            Box::pin(async move {
                exec!(tx, "update jobs set leased_by = null, leased_until = null where leased_by = $1", node)?;
                Ok(())
            })
        })
        .await
}

/// Starts as many due jobs as there is room for beside those under way, a task each. How many.
async fn take_up(app: &App, stop: &watch::Receiver<bool>, under_way: &mut JoinSet<()>) -> Result<usize> {
    // Those that ended together make room together.
    while under_way.try_join_next().is_some() {}
    let (now, room) = (app.clock.now(), AT_ONCE - under_way.len());
    // An empty poll only reads.
    let due = async { due(&mut *app.db.reader().await?, now).await };
    if room == 0 || in_time(PATIENCE, due).await?.is_none() {
        return Ok(0);
    }
    let node = app.node;
    let claimed = app.db.write(move |tx| Box::pin(async move { Ok(claim(tx, node, now, room).await?) })).await?;
    let taken = claimed.len();
    for job in claimed {
        let (app, stop) = (app.clone(), stop.clone());
        under_way.spawn(async move { run(&app, job, (now + LEASE, stop)).await });
    }
    Ok(taken)
}

/// How long nothing will be due, unless something wakes us.
async fn pause(app: &App) -> Duration {
    let now = app.clock.now();
    let next = async {
        let mut reader = app.db.reader().await?;
        let next = one!(
            &mut reader,
            (Option<DateTime<Utc>>,),
            "select min(run_at) from jobs where dead_at is null and (leased_until is null or leased_until < $1)",
            now
        )?;
        Ok::<_, Error>(next.0)
    };
    let Ok(Some(next)) = in_time(PATIENCE, next).await else { return POLL };
    (next - now).to_std().unwrap_or(POLL).clamp(Duration::from_millis(50), POLL)
}

async fn due(cx: &mut Cx, now: DateTime<Utc>) -> Result<Option<(JobId,)>> {
    Ok(opt!(
        cx,
        (JobId,),
        "select id from jobs where dead_at is null and run_at <= $1 and (leased_until is null or leased_until < $1) limit 1",
        now
    )?)
}

async fn claim(cx: &mut Cx, node: Uuid, now: DateTime<Utc>, most: usize) -> sqlx::Result<Vec<Claimed>> {
    let (until, most) = (now + LEASE, i64::try_from(most).unwrap_or(1));
    if matches!(cx, Cx::Postgres(_)) {
        all!(
            cx,
            Claimed,
            "update jobs set leased_by = $1, leased_until = $2, attempts = attempts + 1
             where id in (select id from jobs
                          where dead_at is null and run_at <= $3 and (leased_until is null or leased_until < $3)
                          order by run_at, id limit $4 for update skip locked)
             returning id, kind, payload, attempts",
            node,
            until,
            now,
            most
        )
    } else {
        all!(
            cx,
            Claimed,
            "update jobs set leased_by = $1, leased_until = $2, attempts = attempts + 1
             where id in (select id from jobs
                          where dead_at is null and run_at <= $3 and (leased_until is null or leased_until < $3)
                          order by run_at, id limit $4)
             returning id, kind, payload, attempts",
            node,
            until,
            now,
            most
        )
    }
}

async fn run(app: &App, claimed: Claimed, (until, stop): (DateTime<Utc>, watch::Receiver<bool>)) {
    let Claimed { id, kind, payload: Json(mut payload), attempts } = claimed;
    let mut hold = Hold { id, attempts, until, stop };
    if let Value::Object(payload) = &mut payload {
        payload.insert("kind".into(), Value::String(kind.clone()));
    }
    let verdict = match serde_json::from_value::<Job>(payload) {
        // A job of a newer version, run by an older node during a deploy: the newer one will take it.
        Err(error) => Verdict::Retry(format!("unknown job: {error}")),
        Ok(job) => verdict(job.run(app, &mut hold)).await,
    };
    match &verdict {
        Verdict::Done | Verdict::Again(_) => tracing::debug!(%id, kind, "job done"),
        Verdict::Retry(reason) => tracing::warn!(%id, kind, attempts, reason, "job to be tried again"),
        Verdict::Fail(reason) => tracing::error!(%id, kind, attempts, reason, "job dead"),
    }
    for wait in SETTLING.map(Some).into_iter().chain([None]) {
        match (settle(app, id, attempts, verdict.clone()).await, wait) {
            (Ok(()), _) => return,
            // What it did is done: it should not come again because the database was away for a moment.
            (Err(Error::Unavailable(_)), Some(wait)) => tokio::time::sleep(wait).await,
            (Err(error), _) => {
                tracing::warn!(%id, %error, "a job is not settled; its lease will end");
                return;
            }
        }
    }
}

/// How `job` ends, whichever way: one that panics must be settled too.
async fn verdict(job: impl Future<Output = Result<Verdict>>) -> Verdict {
    match AssertUnwindSafe(job).catch_unwind().await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(error)) => Verdict::Retry(error.to_string()),
        Err(_panic) => Verdict::Retry("the job panicked".into()),
    }
}

async fn settle(app: &App, id: JobId, attempts: i64, verdict: Verdict) -> Result<()> {
    let (now, node) = (app.clock.now(), app.node);
    app.db
        .write(move |tx| {
            Box::pin(async move {
                // Only while the lease is still this run's.
                match verdict {
                    Verdict::Done => {
                        exec!(tx, "delete from jobs where id = $1 and leased_by = $2 and attempts = $3", id, node, attempts)?
                    }
                    Verdict::Retry(reason) if attempts < MOST_ATTEMPTS => exec!(
                        tx,
                        "update jobs set leased_by = null, leased_until = null, run_at = $4, last_error = $5
                         where id = $1 and leased_by = $2 and attempts = $3",
                        id,
                        node,
                        attempts,
                        now + delay(attempts),
                        reason
                    )?,
                    Verdict::Retry(reason) | Verdict::Fail(reason) => exec!(
                        tx,
                        "update jobs set leased_by = null, leased_until = null, dead_at = $4, last_error = $5
                         where id = $1 and leased_by = $2 and attempts = $3",
                        id,
                        node,
                        attempts,
                        now,
                        reason
                    )?,
                    Verdict::Again(after) => exec!(
                        tx,
                        "update jobs set leased_by = null, leased_until = null, attempts = 0, run_at = $4, last_error = null
                         where id = $1 and leased_by = $2 and attempts = $3",
                        id,
                        node,
                        attempts,
                        now + TimeDelta::from_std(after).unwrap_or(LEASE)
                    )?,
                };
                Ok(())
            })
        })
        .await
}

/// 10 s, 20 s, 40 s … an hour, each up to a quarter more or less, so that what failed together does not come back together.
fn delay(attempts: i64) -> TimeDelta {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(9);
    let seconds = (FIRST_RETRY.num_seconds() << doublings).min(3600);
    let jitter = rand::rng().random_range(75..=125);
    TimeDelta::milliseconds(seconds * 10 * jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_move_apart_up_to_an_hour() {
        for (attempt, seconds) in [(1, 10), (2, 20), (5, 160), (12, 3600), (29, 3600)] {
            let delay = delay(attempt).num_milliseconds();
            assert!((seconds * 750..=seconds * 1250).contains(&delay), "{attempt}: {delay} ms");
        }
    }

    #[tokio::test]
    async fn a_job_that_panics_is_to_be_tried_again() {
        assert_eq!(verdict(async { panic!("as a mistake of ours would") }).await, Verdict::Retry("the job panicked".into()));
        let away = verdict(async { Err(Error::unavailable("the database is away")) }).await;
        assert!(matches!(&away, Verdict::Retry(reason) if reason.contains("away")), "{away:?}");
        assert_eq!(verdict(async { Ok(Verdict::Done) }).await, Verdict::Done);
    }
}
