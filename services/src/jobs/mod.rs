//! What must be done at a time or against the world, written in the transaction that causes it.
//!
//! A payload carries ids; whoever runs it reads the rows again and may find nothing left to do. A job is leased, not
//! locked, so that no transaction stays open while it runs.

mod worker;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;

use crate::clock::Clock;
use crate::db::{Tx, Work, exec};
use crate::error::{Error, Result};
use crate::id::{JobId, MailId, MemberId, ThreadId, TrainingId, TrainingImportId, TrainingSessionId};
use crate::{App, catalogue, files, idempotency, inbox, links, mail, sessions};

pub(crate) use worker::Hold;
pub use worker::{drain, give_back, work};

/// Every kind of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Job {
    /// Does an import of trainings, for some seconds at a time.
    ImportTrainings {
        /// Its row.
        import: TrainingImportId,
    },
    /// Goes on linking a training with threads, when they are more than its write took.
    LinkTraining {
        /// Of which training, merged or not.
        training: TrainingId,
        /// Who changed it.
        by: MemberId,
        /// The last thread that was looked at.
        after: ThreadId,
    },
    /// Takes a session of a training where its dates say.
    MoveSession {
        /// Which one.
        session: TrainingSessionId,
    },
    /// Sends one mail of the ledger.
    SendMail {
        /// Its row.
        mail: MailId,
    },
    /// Forgets links, sessions, idempotency keys, notifications and files that are of no use any more; comes back every day.
    Sweep,
}

/// How a run of a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing left to do.
    Done,
    /// Not now: again later, further apart each time, for a day or so.
    Retry(String),
    /// Never: kept as dead, for an operator to see.
    Fail(String),
    /// Done for this time; again after this long.
    Again(Duration),
}

impl Job {
    async fn run(self, app: &App, hold: &mut Hold) -> Result<Verdict> {
        match self {
            Self::ImportTrainings { import } => catalogue::run_import(app, import, hold).await,
            Self::LinkTraining { training, by, after } => links::link_training(app, training, by, after).await,
            Self::MoveSession { session } => catalogue::move_session(app, session).await,
            Self::SendMail { mail } => mail::send(app, mail).await,
            Self::Sweep => sweep(app).await,
        }
    }
}

/// How many rows of a kind one sweep deletes, so that the writer is never held for long.
pub(crate) const SWEPT_AT_ONCE: u64 = 500;

async fn sweep(app: &App) -> Result<Verdict> {
    let now = app.clock.now();
    app.limits.forget_old();
    let swept = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                let swept = sessions::sweep(tx, now).await?.max(idempotency::sweep(tx, now).await?);
                Ok(swept.max(inbox::sweep(tx, now).await?))
            })
        })
        .await?
        .max(files::sweep(app).await?);
    // Few at a time, since each has many faults.
    let more = catalogue::forget_imports(app).await?;
    // As many as it takes at a time: there may be more.
    Ok(Verdict::Again(if more || swept >= SWEPT_AT_ONCE { Duration::ZERO } else { Duration::from_secs(24 * 3600) }))
}

/// Puts `job` into the queue, to be run at `run_at` or soon after.
///
/// # Errors
/// When the database fails.
pub async fn enqueue(tx: &mut Tx, clock: &Clock, job: Job, run_at: DateTime<Utc>) -> Result<()> {
    let Ok(Value::Object(mut payload)) = serde_json::to_value(job) else {
        return Err(Error::internal("a job is not an object"));
    };
    let Some(Value::String(kind)) = payload.remove("kind") else {
        return Err(Error::internal("a job without a kind"));
    };
    exec!(
        tx,
        "insert into jobs (id, kind, payload, run_at, created_at) values ($1, $2, $3, $4, $5)",
        JobId::new(clock),
        kind,
        Json(Value::Object(payload)),
        run_at,
        clock.now()
    )?;
    tx.leaves(Work::Jobs);
    Ok(())
}
