//! An import that a member asked for: a row that is followed, a job that does it. The writing of one that is killed goes on where its
//! last batch ended, which that batch's own transaction tells. Its check is begun anew, in one run that keeps its lease: it
//! holds what every line above said, which rows could keep only at the price of a write for each of them, and tells nothing
//! before its end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::fs::File;

use super::{Check, Fault, Tally, Writing};
use crate::App;
use crate::caller::{Caller, Credential, Scope};
use crate::catalogue::{rules, store};
use crate::db::{Cx, duplicate};
use crate::error::{Code, Error, Problem, Result};
use crate::id::{FileId, MemberId, TrainingImportId};
use crate::idempotency::act;
use crate::jobs::{self, Hold, Job, Verdict};
use crate::page::{Page, Paging, Slice};
use crate::{files, sessions};

/// How long a run of the job writes at most, well within its lease.
const TURN: Duration = Duration::from_secs(5);
/// Lines after which the row is told how far the check is.
const TOLD: i64 = 1000;
/// An import that did not come to its end by then is given up.
const PATIENCE: TimeDelta = TimeDelta::days(1);
/// How long an import is kept after its end.
const KEPT: TimeDelta = TimeDelta::days(30);
/// Imports forgotten at a time: each has up to a thousand faults.
const FORGOTTEN: usize = 20;

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ImportState {
    /// Not begun.
    EnAttente,
    /// The whole file is being checked.
    Verification,
    /// It is being written.
    Ecriture,
    /// Done; of a dry run, checked.
    Terminee,
    /// Faults were found: nothing is written.
    Refusee,
    /// Given up half-way; the faults say why.
    Interrompue,
}

/// An import that a member asked for.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct TrainingImport {
    pub id: TrainingImportId,
    pub member_id: MemberId,
    /// What its request was let pass.
    pub(in crate::catalogue) scopes: String,
    /// None once it has ended.
    pub(in crate::catalogue) file_id: Option<FileId>,
    pub file_name: String,
    pub dry_run: bool,
    pub state: ImportState,
    pub(in crate::catalogue) next_byte: i64,
    pub(in crate::catalogue) next_line: i64,
    pub lines: i64,
    pub made: i64,
    pub changed: i64,
    pub unchanged: i64,
    pub refused: i64,
    pub fault_count: i64,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Has a file that the caller sent imported, by a job: who manages the trainings of an organisation; each line by the rule of
/// [`crate::catalogue::create_training`]. With `dry_run` it is only checked. A member has one import at a time.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] on `fileId` when it is not theirs, serves already, or is no text, and while another
/// import of theirs runs.
pub async fn import_trainings(app: &App, caller: &Caller, file: FileId, dry_run: bool) -> Result<TrainingImportId> {
    let (clock, scopes) = (app.clock.clone(), sessions::scope_names(&caller.scopes()));
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            rules::must_import(&actor)?;
            files::hold(tx, &actor, "fileId", &[file]).await?;
            let kept = files::files_by_id(tx, &[file]).await?.remove(&file).ok_or(Error::NotFound)?;
            if !kept.media_type.starts_with("text/") {
                return Err(Error::invalid("fileId", Code::Refused, "Ce fichier n'est pas un texte : envoyez un CSV."));
            }
            let import = TrainingImport {
                id: TrainingImportId::new(&clock),
                member_id: actor.id,
                scopes,
                file_id: Some(file),
                file_name: kept.name,
                dry_run,
                state: ImportState::EnAttente,
                next_byte: 0,
                next_line: 0,
                lines: 0,
                made: 0,
                changed: 0,
                unchanged: 0,
                refused: 0,
                fault_count: 0,
                created_at: clock.now(),
                ended_at: None,
            };
            let runs = || Problem::new("fileId", Code::Refused, "Un autre de vos imports est en cours : attendez sa fin.");
            let running = duplicate("training_imports.running_member_id", runs);
            store::insert_import(tx, &import).await.map_err(running)?;
            jobs::enqueue(tx, &clock, Job::ImportTrainings { import: import.id }, import.created_at).await?;
            Ok(import.id)
        })
    })
    .await
}

/// Checks it, or writes it for a turn.
pub(crate) async fn run_import(app: &App, id: TrainingImportId, hold: &mut Hold) -> Result<Verdict> {
    let now = app.clock.now();
    let mut reader = app.db.reader().await?;
    let Some(import) = store::import(&mut reader, id).await?.filter(|import| import.ended_at.is_none()) else {
        return Ok(Verdict::Done);
    };
    if now - import.created_at > PATIENCE {
        return give_up(app, &import, "Cet import n'a pas pu se terminer en un jour.".into()).await;
    }
    let credential = Credential::Task(sessions::scopes(&import.scopes));
    let caller = Caller::member(&mut reader, import.member_id, credential, now).await?.ok_or(Error::NotFound)?;
    let file = import.file_id.ok_or_else(|| Error::internal("an import that runs without its file"))?;
    let file = files::files_by_id(&mut reader, &[file]).await?.remove(&file).ok_or_else(|| Error::internal("a lost file"))?;
    drop(reader);
    let content = files::content(app, &file).await?;
    let outcome = match import.state {
        ImportState::Ecriture => write(app, &caller, &import, content, hold).await,
        _ => check(app, &caller, &import, content, hold).await,
    };
    match outcome {
        // Suspended meanwhile, or without the role any more.
        Err(refusal @ (Error::Forbidden(_) | Error::Unauthenticated)) => {
            give_up(app, &import, refusal.sentence().into_owned()).await
        }
        outcome => outcome,
    }
}

async fn check(app: &App, caller: &Caller, import: &TrainingImport, content: File, hold: &mut Hold) -> Result<Verdict> {
    let id = import.id;
    caller.may(Scope::Write)?;
    let (mut check, mut told) = (Check::open(content).await?, -TOLD);
    while check.go_on(app, caller).await? {
        if hold.must_end() {
            return Ok(Verdict::Again(Duration::ZERO));
        }
        hold.keep(app).await?;
        let lines = check.tally.lines;
        if lines - told >= TOLD {
            app.db.write(move |tx| Box::pin(async move { store::set_checked(tx, id, lines).await })).await?;
            told = lines;
        }
    }
    let tally = check.end();
    match (tally.fault_count > 0, import.dry_run) {
        (true, _) => end(app, import, ImportState::Refusee, Some(tally)).await,
        (false, true) => end(app, import, ImportState::Terminee, Some(tally)).await,
        (false, false) => {
            app.db.write(move |tx| Box::pin(async move { store::begin_writing(tx, id).await })).await?;
            Ok(Verdict::Again(Duration::ZERO))
        }
    }
}

async fn write(app: &App, caller: &Caller, import: &TrainingImport, content: File, hold: &Hold) -> Result<Verdict> {
    let place = |number: i64| u64::try_from(number).unwrap_or(0);
    let begun = Instant::now();
    let mut writing = Writing::open(content, (place(import.next_byte), place(import.next_line))).await?;
    if import.next_byte == 0 {
        // The first batch begins behind the heading, wherever that ends.
        let (id, from) = (import.id, writing.table.records.place());
        let to = (super::place(from.0), super::place(from.1));
        app.db.write(move |tx| Box::pin(async move { store::advance(tx, id, 0, to, &Tally::default()).await })).await?;
    }
    while writing.go_on(app, caller, Some(import.id), 1).await?.is_some() {
        if begun.elapsed() > TURN || hold.must_end() {
            return Ok(Verdict::Again(Duration::ZERO));
        }
    }
    end(app, import, ImportState::Terminee, None).await
}

async fn give_up(app: &App, import: &TrainingImport, message: String) -> Result<Verdict> {
    let mut tally = Tally { lines: import.lines, ..Tally::default() };
    (tally.made, tally.changed, tally.unchanged) = (import.made, import.changed, import.unchanged);
    tally.refused = import.refused;
    tally.fault(Fault { line: import.next_line.max(1), column: None, message });
    end(app, import, ImportState::Interrompue, Some(tally)).await
}

/// Ends it, with what it came to when that is not told yet, and lets go of its file.
async fn end(app: &App, import: &TrainingImport, state: ImportState, tally: Option<Tally>) -> Result<Verdict> {
    let (id, file, now) = (import.id, import.file_id, app.clock.now());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                if store::end_import(tx, id, state, now).await? {
                    if let Some(tally) = tally {
                        store::set_tally(tx, id, &tally).await?;
                    }
                    if let Some(file) = file {
                        files::let_go(tx, file, now).await?;
                    }
                }
                Ok(Verdict::Done)
            })
        })
        .await
}

/// Those of these imports that are the caller's own.
///
/// # Errors
/// When the database fails.
pub async fn imports_by_id(
    cx: &mut Cx,
    caller: &Caller,
    ids: &[TrainingImportId],
) -> Result<HashMap<TrainingImportId, TrainingImport>> {
    let own = store::imports_by_id(cx, ids).await?.into_iter().filter(|import| caller.id() == Some(import.member_id));
    Ok(own.map(|import| (import.id, import)).collect())
}

/// What is wrong with the file of each of these imports, as far as it is kept, by line, each with its place; of the caller's own,
/// which is theirs to check.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn import_faults(
    cx: &mut Cx,
    ids: &[TrainingImportId],
    paging: &Paging,
) -> Result<HashMap<TrainingImportId, Page<(i64, Fault)>>> {
    let slice = Slice::<i64>::new(paging)?;
    let pages = slice.pages(ids, store::import_faults(cx, ids, &slice).await?);
    Ok(pages.into_iter().map(|(id, page)| (id, page.map(|row| (row.position, row.fault())))).collect())
}

/// Forgets imports that ended long ago; whether there may be more of them.
pub(crate) async fn forget_imports(app: &App) -> Result<bool> {
    let until = app.clock.now() - KEPT;
    app.db.write(move |tx| Box::pin(async move { Ok(store::forget_imports(tx, until, FORGOTTEN).await? == FORGOTTEN) })).await
}
