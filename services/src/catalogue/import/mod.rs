//! Trainings from a table: CSV, as French Excel writes it too (docs/import.md).
//!
//! The whole file is read and checked first; with any fault nothing is written. Then it is read again and written in batches, each
//! in one transaction, so that members' writes do not wait; what changed in between is told of the lines it speaks against. Memory
//! does not grow with the file. Not here: how a file is sent ([`crate::files`]).

mod batch;
mod csv;
mod line;
mod task;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::fs::File;

use self::batch::{Deed, Known, Outcome, decide, told};
use self::csv::{Encoding, Record, Records, Stray};
use self::line::{Header, Line};
use super::{Column, store};
use crate::App;
use crate::caller::{Caller, Scope};
use crate::db::alone;
use crate::error::{Code, Error, Problem, Result};
use crate::id::{TrainingId, TrainingImportId};
use crate::links;

pub(super) use line::{joined, written_modules};
pub use task::{ImportState, TrainingImport, import_faults, import_trainings, imports_by_id};
pub(crate) use task::{forget_imports, run_import};

/// Lines of a file at most; what is remembered of each, to find two that say the same, is all that grows with a file.
const MOST_LINES: i64 = 100_000;
/// Lines of a batch at most: some two thousand rows when all of them are new.
const LINES: usize = 50;
/// Bytes of a batch, about.
const BYTES: usize = 1 << 20;
/// How often a batch is tried again that the database was not there for, for a command.
const TRIES: u32 = 5;

/// Something that is wrong with a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands, from 1, the heading's.
    pub line: i64,
    /// In which column; none for the whole line, or for a column that has no name.
    pub column: Option<Column>,
    /// What is wrong, for people.
    pub message: String,
}

/// What the lines of a file came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines read, the heading not counted.
    pub lines: i64,
    /// Trainings made, or to be made.
    pub made: i64,
    /// Trainings changed, or to be changed.
    pub changed: i64,
    /// Lines that say what is there.
    pub unchanged: i64,
    /// Lines refused.
    pub refused: i64,
    /// Everything that was found wrong.
    pub fault_count: i64,
    /// The first of it, at most [`Tally::KEPT`].
    pub faults: Vec<Fault>,
    /// What is counted was done, and would not only be.
    pub written: bool,
}

impl Tally {
    /// How many faults are kept.
    pub const KEPT: i64 = 1000;

    fn count(&mut self, outcome: Outcome) {
        self.lines += 1;
        *match outcome {
            Outcome::Made => &mut self.made,
            Outcome::Changed => &mut self.changed,
            Outcome::Unchanged => &mut self.unchanged,
        } += 1;
    }

    fn refuse(&mut self, faults: Vec<Fault>) {
        self.lines += 1;
        self.refused += 1;
        faults.into_iter().for_each(|fault| self.fault(fault));
    }

    /// A fault of no line that is read.
    fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.fault_count <= Self::KEPT {
            self.faults.push(fault);
        }
    }

    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.made += other.made;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.refused += other.refused;
        let told = other.faults.len() as i64;
        other.faults.into_iter().for_each(|fault| self.fault(fault));
        self.fault_count += other.fault_count - told;
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The check is over, lines are being written.
    pub writes: bool,
    /// Bytes of the file that are read.
    pub bytes: u64,
}

/// Imports trainings from a file, as `caller`: the whole file is checked, and written when nothing is wrong with it and it is no
/// `dry_run`. Repeated, it writes what is not there yet. `progress` is told after each batch.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Forbidden`] when the caller may not write, also half-way; [`Error::Unavailable`] when the
/// file or the database is not there. What is wrong with the file is in the tally.
pub async fn import_file(app: &App, caller: &Caller, file: File, dry_run: bool, progress: impl Fn(Progress)) -> Result<Tally> {
    caller.may(Scope::Write)?;
    let again = file.try_clone().await.map_err(|error| csv::unread(&error))?;
    let mut check = Check::open(file).await?;
    while check.go_on(app, caller).await? {
        progress(Progress { writes: false, bytes: check.bytes() });
    }
    let checked = check.end();
    if dry_run || checked.fault_count > 0 {
        return Ok(checked);
    }
    let mut tally = Tally { written: true, ..Tally::default() };
    let mut writing = Writing::open(again, (0, 0)).await?;
    while let Some(written) = writing.go_on(app, caller, None, TRIES).await? {
        tally.add(written);
        progress(Progress { writes: true, bytes: writing.table.bytes() });
    }
    Ok(tally)
}

/// A table on its way in.
struct Table {
    records: Records,
    header: Header,
    encoding: Encoding,
    lines: i64,
    /// What keeps it from being read further.
    stopped: Option<Fault>,
}

/// Lines read together, each with its values, or with the faults of one that is no line of this table.
struct Batch {
    lines: Vec<Result<Line, Vec<Fault>>>,
    /// Nothing is read after them.
    stopped: Option<Fault>,
    /// Where it began, and where the next one begins: a byte and its line.
    from: (u64, u64),
    to: (u64, u64),
}

fn place(line: u64) -> i64 {
    i64::try_from(line).unwrap_or(i64::MAX)
}

impl Table {
    async fn open(file: File) -> Result<Result<Self, Vec<Fault>>> {
        let whole = |stray: Stray| vec![Fault { line: place(stray.line), column: None, message: stray.message }];
        let mut records = match Records::open(file).await? {
            Ok(records) => records,
            Err(stray) => return Ok(Err(whole(stray))),
        };
        let mut first = records.next().await?;
        if matches!(&first, Ok(Some(record)) if record.tells_separator()) {
            first = records.next().await?;
        }
        let record = match first {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Err(whole(Stray { line: 1, cell: None, message: "Ce fichier est vide.".into() }))),
            Err(stray) => return Ok(Err(whole(stray))),
        };
        let mut encoding = Encoding::default();
        let header = match Header::read(place(record.line), &encoding.decode(&record)) {
            Ok(header) => header,
            Err(faults) => return Ok(Err(faults)),
        };
        Ok(Ok(Self { records, header, encoding, lines: 0, stopped: None }))
    }

    fn bytes(&self) -> u64 {
        self.records.place().0
    }

    /// The next lines, if there are any.
    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.stopped.is_some() {
            return Ok(None);
        }
        let from = self.records.place();
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < LINES && bytes < BYTES {
            match self.records.next().await? {
                Ok(None) => break,
                Ok(Some(record)) if self.lines == MOST_LINES => {
                    let message = format!("Ce fichier a plus de {MOST_LINES} lignes : partagez-le en plusieurs.");
                    self.stopped = Some(Fault { line: place(record.line), column: None, message });
                    break;
                }
                Ok(Some(record)) => {
                    self.lines += 1;
                    bytes += record.size();
                    records.push(record);
                }
                Err(stray) => {
                    let message = format!("{} La suite du fichier n'a pas été lue.", stray.message);
                    let column = stray.cell.and_then(|cell| self.header.column(cell));
                    self.stopped = Some(Fault { line: place(stray.line), column, message });
                    break;
                }
            }
        }
        if records.is_empty() && self.stopped.is_none() {
            return Ok(None);
        }
        let lines = self.read(records).await?;
        Ok(Some(Batch { lines, stopped: self.stopped.clone(), from, to: self.records.place() }))
    }

    /// Reads the cells of records, and renders their texts, aside: other requests do not wait for it.
    async fn read(&mut self, records: Vec<Record>) -> Result<Vec<Result<Line, Vec<Fault>>>> {
        let (header, mut encoding) = (self.header.clone(), self.encoding);
        let read = move || {
            let line = |record: &Record| Line::read(&header, place(record.line), encoding.decode(record));
            (records.iter().map(line).collect(), encoding)
        };
        let (lines, encoding) = tokio::task::spawn_blocking(read).await.map_err(|error| Error::internal(error.to_string()))?;
        self.encoding = encoding;
        Ok(lines)
    }
}

impl Batch {
    /// The lines; what is wrong with those that are none.
    fn sorted(self) -> (Vec<Line>, Vec<Vec<Fault>>) {
        let (mut lines, mut wrong) = (Vec::new(), Vec::new());
        for line in self.lines {
            match line {
                Ok(line) => lines.push(line),
                Err(faults) => wrong.push(faults),
            }
        }
        (lines, wrong)
    }
}

/// What earlier lines of a file said, by a hash under a key of its own: short names, addresses, trainings.
#[derive(Default)]
struct Said {
    by: RandomState,
    lines: HashMap<u64, u32>,
}

impl Said {
    /// The line that said it before this one.
    fn before(&mut self, what: &impl std::hash::Hash, line: i64) -> Option<u32> {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let first = *self.lines.entry(self.by.hash_one(what)).or_insert(line);
        (first != line).then_some(first)
    }

    /// What a line says that an earlier one said already.
    fn twice(&mut self, line: &Line, known: Option<TrainingId>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let name = line.short_name().map(store::short_name_key);
        if let Some(first) = name.and_then(|name| self.before(&("shortName", name), line.number)) {
            problems.push(Problem::new("shortName", Code::Taken, format!("La ligne {first} porte déjà ce nom abrégé.")));
        }
        for address in line.addresses() {
            if let Some(first) = self.before(&("addresses", address), line.number) {
                let sentence = format!("La ligne {first} porte déjà l'adresse {address}.");
                problems.push(Problem::new("addresses", Code::Taken, sentence));
            }
        }
        if let Some(first) = known.and_then(|id| self.before(&("training", id), line.number))
            && problems.is_empty()
        {
            let sentence = format!("La ligne {first} est déjà celle de cette formation.");
            problems.push(Problem::new("shortName", Code::Taken, sentence));
        }
        problems
    }
}

/// The check of a whole file, batch after batch. Nothing is written.
struct Check {
    /// None when it cannot be read at all.
    table: Option<Table>,
    said: Said,
    tally: Tally,
}

impl Check {
    async fn open(file: File) -> Result<Self> {
        let mut tally = Tally::default();
        let table = match Table::open(file).await? {
            Ok(table) => Some(table),
            Err(faults) => {
                faults.into_iter().for_each(|fault| tally.fault(fault));
                None
            }
        };
        Ok(Self { table, said: Said::default(), tally })
    }

    fn bytes(&self) -> u64 {
        self.table.as_ref().map_or(0, Table::bytes)
    }

    /// Checks the next batch, if there is one.
    async fn go_on(&mut self, app: &App, caller: &Caller) -> Result<bool> {
        let Some(table) = &mut self.table else { return Ok(false) };
        let Some(batch) = table.next().await? else { return Ok(false) };
        let stopped = batch.stopped.clone();
        let (lines, mut wrong) = batch.sorted();
        if !lines.is_empty() {
            let known = Known::read(&mut *app.db.reader().await?, &lines, false).await?;
            for line in &lines {
                let decided = decide(caller, &app.clock, line, &known);
                let twice = self.said.twice(line, decided.as_ref().ok().and_then(Deed::known));
                match decided {
                    Ok(deed) if twice.is_empty() => self.tally.count(deed.outcome()),
                    Ok(_) => wrong.push(line::faults(line.number, twice)),
                    Err(mut problems) => {
                        problems.extend(twice);
                        wrong.push(line::faults(line.number, problems));
                    }
                }
            }
        }
        wrong.sort_by_key(|faults| faults.first().map(|fault| fault.line));
        wrong.into_iter().for_each(|faults| self.tally.refuse(faults));
        stopped.into_iter().for_each(|fault| self.tally.fault(fault));
        Ok(true)
    }

    fn end(self) -> Tally {
        self.tally
    }
}

/// The writing of a file that was checked, batch after batch.
struct Writing {
    table: Table,
}

impl Writing {
    /// From a place in the file: a byte and its line; the first line below the heading when it is 0.
    async fn open(mut file: File, from: (u64, u64)) -> Result<Self> {
        csv::rewind(&mut file).await?;
        let mut table = Table::open(file).await?.map_err(|_| Error::unavailable("a file to import changed"))?;
        if from.0 > 0 {
            table.records.go(from).await?;
        }
        Ok(Self { table })
    }

    /// Writes the next batch, if there is one; what it came to. Of an `import` that is kept, its row goes on in the same
    /// transaction. It is tried again, so many times in all, when the database was not there for it.
    async fn go_on(&mut self, app: &App, caller: &Caller, import: Option<TrainingImportId>, tries: u32) -> Result<Option<Tally>> {
        let Some(batch) = self.table.next().await? else { return Ok(None) };
        let (from, to, stopped) = (batch.from, batch.to, batch.stopped.clone());
        let (lines, wrong) = batch.sorted();
        // Of a file that was sound when it was checked there are none.
        let mut aside = Tally::default();
        wrong.into_iter().for_each(|faults| aside.refuse(faults));
        stopped.into_iter().for_each(|fault| aside.fault(fault));
        let lines = Arc::new(lines);
        let step = import.map(|id| Step { id, from: place(from.0), to: (place(to.0), place(to.1)) });
        let whole = Part { lines: Arc::clone(&lines), range: (0, lines.len()), aside: aside.clone(), step };
        match whole.written(app, caller, tries).await {
            // One that was refused by the database itself takes the others with it: each alone then.
            Err(refusal @ (Error::Invalid(_) | Error::Conflict(_))) if lines.len() > 1 => {
                tracing::info!(%refusal, "a batch of an import is written line by line");
                let mut tally = aside;
                for n in 0..lines.len() {
                    let one = Part { lines: Arc::clone(&lines), range: (n, n + 1), aside: Tally::default(), step: None };
                    match one.written(app, caller, tries).await {
                        Ok(written) => tally.add(written),
                        Err(refusal @ (Error::Invalid(_) | Error::Conflict(_))) => {
                            tally.refuse(line::faults(lines[n].number, told(refusal)));
                        }
                        Err(error) => return Err(error),
                    }
                }
                let end = Part { lines, range: (0, 0), aside: tally, step };
                end.written(app, caller, tries).await.map(Some)
            }
            Err(refusal @ (Error::Invalid(_) | Error::Conflict(_))) => {
                let mut tally = aside;
                lines.iter().for_each(|line| tally.refuse(line::faults(line.number, told(refusal.clone()))));
                let end = Part { lines, range: (0, 0), aside: tally, step };
                end.written(app, caller, tries).await.map(Some)
            }
            written => written.map(Some),
        }
    }
}

/// The row of an import goes on from a byte to another one, with its line.
#[derive(Clone, Copy)]
struct Step {
    id: TrainingImportId,
    from: i64,
    to: (i64, i64),
}

/// Lines that are written in one transaction, with what is counted beside them.
#[derive(Clone)]
struct Part {
    lines: Arc<Vec<Line>>,
    range: (usize, usize),
    aside: Tally,
    step: Option<Step>,
}

impl Part {
    async fn written(&self, app: &App, caller: &Caller, tries: u32) -> Result<Tally> {
        let mut tried = 1;
        loop {
            match self.clone().write(app, caller.clone()).await {
                Err(Error::Unavailable(cause)) if tried < tries => {
                    tracing::warn!(%cause, tried, "a batch of an import is tried again");
                    tokio::time::sleep(Duration::from_millis(100 << tried)).await;
                    tried += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn write(self, app: &App, caller: Caller) -> Result<Tally> {
        let clock = app.clock.clone();
        app.db
            .write(move |tx| {
                Box::pin(async move {
                    let Self { lines, range, aside: mut tally, step } = self;
                    // What they hold is read again for each batch: a role may have ended meanwhile.
                    let actor = caller.act(tx, clock.now(), Scope::Write).await?;
                    if let Some(lines) = lines.get(range.0..range.1).filter(|lines| !lines.is_empty()) {
                        // Two imports at once would wait for one another's rows; and so would who links a training meanwhile.
                        alone(tx, "imports").await?;
                        if lines.iter().any(Line::tells_addresses) {
                            links::before_addresses_change(tx).await?;
                        }
                        let known = Known::read(tx, lines, true).await?;
                        for line in lines {
                            match decide(&actor, &clock, line, &known) {
                                Err(problems) => tally.refuse(line::faults(line.number, problems)),
                                Ok(deed) => {
                                    tally.count(deed.outcome());
                                    deed.write(tx, &clock, actor.id).await?;
                                }
                            }
                        }
                    }
                    if let Some(Step { id, from, to }) = step
                        && !store::advance(tx, id, from, to, &tally).await?
                    {
                        return Err(Error::unavailable("another worker goes on with this import"));
                    }
                    Ok(tally)
                })
            })
            .await
    }
}
