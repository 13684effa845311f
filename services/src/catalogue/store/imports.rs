use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::trainings::columns;
use super::{details_by_id, trainings_by_id};
use crate::catalogue::{Details, Fault, ImportState, Tally, Training, TrainingImport};
use crate::db::{Cx, all, each, exec, in_list, lists, numbered, opt};
use crate::error::Result;
use crate::id::{TrainingId, TrainingImportId};
use crate::page::Slice;

/// The trainings that have these keys of short names, each with its key.
pub(crate) async fn ids_by_short_name(cx: &mut Cx, keys: &[String]) -> Result<Vec<(String, TrainingId)>> {
    let head = "select short_name_key, id from trainings where short_name_key in (";
    Ok(in_list!(cx, (String, TrainingId), head, keys, ")")?)
}

/// The trainings that have these addresses, as they are stored, each with its address.
pub(crate) async fn ids_by_address(cx: &mut Cx, addresses: &[String]) -> Result<Vec<(String, TrainingId)>> {
    let head = "select address, training_id from training_addresses where address in (";
    Ok(in_list!(cx, (String, TrainingId), head, addresses, ")")?)
}

/// These trainings with all that hangs on them; with `keep` they stay as they are until the transaction ends.
pub(crate) async fn trainings_whole(
    cx: &mut Cx,
    ids: &[TrainingId],
    keep: bool,
) -> Result<HashMap<TrainingId, (Training, Details)>> {
    let trainings = match (keep, &*cx) {
        // In one order, so that two writes wait for one another.
        (true, Cx::Postgres(_)) => in_list!(
            cx,
            Training,
            concat!("select ", columns!(), " from trainings t where t.id in ("),
            ids,
            ") order by t.id for no key update"
        )?,
        _ => trainings_by_id(cx, ids).await?,
    };
    let mut details = details_by_id(cx, ids).await?;
    let whole = |training: Training| {
        let details = details.remove(&training.id).unwrap_or_default();
        (training.id, (training, details))
    };
    Ok(trainings.into_iter().map(whole).collect())
}

pub(crate) async fn insert_import(cx: &mut Cx, new: &TrainingImport) -> sqlx::Result<()> {
    exec!(
        cx,
        "insert into training_imports (id, member_id, running_member_id, scopes, file_id, file_name, dry_run, state, next_byte,
                                       next_line, lines, made, changed, unchanged, refused, fault_count, created_at)
         values ($1, $2, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, 0, 0, 0, $8)",
        new.id,
        new.member_id,
        &new.scopes,
        new.file_id,
        &new.file_name,
        new.dry_run,
        new.state,
        new.created_at
    )?;
    Ok(())
}

pub(crate) async fn import(cx: &mut Cx, id: TrainingImportId) -> Result<Option<TrainingImport>> {
    Ok(imports_by_id(cx, &[id]).await?.pop())
}

pub(crate) async fn imports_by_id(cx: &mut Cx, ids: &[TrainingImportId]) -> Result<Vec<TrainingImport>> {
    Ok(in_list!(
        cx,
        TrainingImport,
        "select id, member_id, scopes, file_id, file_name, dry_run, state, next_byte, next_line, lines, made, changed, unchanged,
                refused, fault_count, created_at, ended_at
         from training_imports where id in (",
        ids,
        ")"
    )?)
}

/// How far the check is.
pub(crate) async fn set_checked(cx: &mut Cx, id: TrainingImportId, lines: i64) -> Result<()> {
    exec!(
        cx,
        "update training_imports set state = 'VERIFICATION', lines = $2
         where id = $1 and state in ('EN_ATTENTE', 'VERIFICATION')",
        id,
        lines
    )?;
    Ok(())
}

/// From the check to the writing, which begins at the first line; false when somebody else did it already.
pub(crate) async fn begin_writing(cx: &mut Cx, id: TrainingImportId) -> Result<bool> {
    let begun = exec!(
        cx,
        "update training_imports set state = 'ECRITURE', lines = 0, made = 0, changed = 0, unchanged = 0, refused = 0
         where id = $1 and state in ('EN_ATTENTE', 'VERIFICATION')",
        id
    )?;
    Ok(begun > 0)
}

/// Adds what a batch came to, and where the next one begins; false when the import does not stand at `from` any more.
pub(crate) async fn advance(
    cx: &mut Cx,
    id: TrainingImportId,
    from: i64,
    (next_byte, next_line): (i64, i64),
    tally: &Tally,
) -> Result<bool> {
    let moved = exec!(
        cx,
        "update training_imports set next_byte = $3, next_line = $4, lines = lines + $5, made = made + $6,
                changed = changed + $7, unchanged = unchanged + $8, refused = refused + $9
         where id = $1 and state = 'ECRITURE' and next_byte = $2",
        id,
        from,
        next_byte,
        next_line,
        tally.lines,
        tally.made,
        tally.changed,
        tally.unchanged,
        tally.refused
    )?;
    if moved > 0 {
        add_faults(cx, id, tally).await?;
    }
    Ok(moved > 0)
}

/// Ends an import that runs; false when it has ended already.
pub(crate) async fn end_import(cx: &mut Cx, id: TrainingImportId, state: ImportState, at: DateTime<Utc>) -> Result<bool> {
    let ended = exec!(
        cx,
        "update training_imports set state = $2, ended_at = $3, running_member_id = null, file_id = null
         where id = $1 and ended_at is null",
        id,
        state,
        at
    )?;
    Ok(ended > 0)
}

/// What a check found, of an import that ends with it.
pub(crate) async fn set_tally(cx: &mut Cx, id: TrainingImportId, tally: &Tally) -> Result<()> {
    exec!(
        cx,
        "update training_imports set lines = $2, made = $3, changed = $4, unchanged = $5, refused = $6 where id = $1",
        id,
        tally.lines,
        tally.made,
        tally.changed,
        tally.unchanged,
        tally.refused
    )?;
    add_faults(cx, id, tally).await
}

/// Counts faults and keeps the first ones.
pub(crate) async fn add_faults(cx: &mut Cx, id: TrainingImportId, tally: &Tally) -> Result<()> {
    if tally.fault_count == 0 {
        return Ok(());
    }
    let row = opt!(
        cx,
        (i64,),
        "update training_imports set fault_count = fault_count + $2 where id = $1 returning fault_count",
        id,
        tally.fault_count
    )?;
    let before = row.map_or(0, |row| row.0 - tally.fault_count);
    let left = usize::try_from(Tally::KEPT).unwrap_or(0).saturating_sub(usize::try_from(before).unwrap_or(0));
    let kept: Vec<_> = (before..).zip(&tally.faults).take(left).collect();
    for some in kept.chunks(100) {
        each!(cx, |c: DB| {
            let mut query =
                sqlx::QueryBuilder::<DB>::new("insert into training_import_faults (import_id, position, line, field, message) ");
            query.push_values(some, |mut row, (position, fault)| {
                row.push_bind(id).push_bind(*position).push_bind(fault.line);
                row.push_bind(fault.column.map(crate::catalogue::Column::code)).push_bind(fault.message.clone());
            });
            query.build().execute(&mut *c).await.map(|done| done.rows_affected())
        })?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(crate) struct FaultRow {
    pub(crate) position: i64,
    line: i64,
    field: Option<String>,
    message: String,
}

impl FaultRow {
    pub(crate) fn fault(self) -> Fault {
        let column = self.field.as_deref().and_then(crate::catalogue::Column::from_code);
        Fault { line: self.line, column, message: self.message }
    }
}

/// The faults of each of these imports that are kept, in the order of their lines.
pub(crate) async fn import_faults(cx: &mut Cx, ids: &[TrainingImportId], slice: &Slice<i64>) -> Result<Vec<Vec<FaultRow>>> {
    Ok(lists!(cx, FaultRow, ids, |query, id| {
        query.push("select position, line, field, message from training_import_faults where import_id = ").push_bind(*id);
        numbered!(query, slice, "position");
    }))
}

/// Forgets imports that ended before `until` with their faults; at most `most` of them. How many.
pub(crate) async fn forget_imports(cx: &mut Cx, until: DateTime<Utc>, most: usize) -> Result<usize> {
    let old = all!(
        cx,
        (TrainingImportId,),
        "select id from training_imports where ended_at < $1 order by ended_at limit $2",
        until,
        i64::try_from(most).unwrap_or(0)
    )?;
    let old: Vec<_> = old.into_iter().map(|row| row.0).collect();
    in_list!(cx, (i64,), "delete from training_import_faults where import_id in (", &old, ") returning position")?;
    in_list!(cx, (TrainingImportId,), "delete from training_imports where id in (", &old, ") returning id")?;
    Ok(old.len())
}
