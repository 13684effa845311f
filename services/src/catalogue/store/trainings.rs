use crate::Caller;
use crate::catalogue::{StateChange, Training};
use crate::db::{Cx, all, exec, in_list, lock, opt};
use crate::error::Result;
use crate::id::{AudienceId, FileId, TrainingId};

/// The columns of a training, for `concat!`.
macro_rules! columns {
    () => {
        "t.id, t.title, t.short_name, t.collection_id, t.organisation_id, t.state, t.opening, t.audience_id, t.catch_phrase,
         t.certifying, t.licence, t.modality, t.presence_minutes, t.remote_minutes, t.contact, t.thumbnail_url,
         t.thumbnail_id, t.sirh_id,
         t.planned_on, t.calendar_on, t.announced_at, t.published_at, t.framed_at, t.framed_by, t.framing_note, t.merged_into_id, t.revision,
         t.created_at, t.updated_at"
    };
}
pub(super) use columns;

/// How short names are compared.
pub(crate) fn short_name_key(short_name: &str) -> String {
    short_name.to_lowercase()
}

pub(crate) async fn insert_training(cx: &mut Cx, new: &Training) -> sqlx::Result<()> {
    exec!(
        cx,
        "insert into trainings (id, title, short_name, short_name_key, collection_id, organisation_id, state, opening, audience_id,
                                certifying, licence, revision, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)",
        new.id,
        &new.title,
        &new.short_name,
        short_name_key(&new.short_name),
        new.collection_id,
        new.organisation_id,
        new.state,
        new.opening,
        new.audience_id,
        new.certifying,
        &new.licence,
        new.revision,
        new.created_at
    )?;
    set_training(cx, new).await
}

pub(crate) async fn set_training(cx: &mut Cx, training: &Training) -> sqlx::Result<()> {
    exec!(
        cx,
        "update trainings set title = $2, short_name = $3, short_name_key = $4, collection_id = $5, organisation_id = $6,
                state = $7, opening = $8, audience_id = $9, catch_phrase = $10, certifying = $11, licence = $12, modality = $13,
                presence_minutes = $14, remote_minutes = $15, contact = $16, thumbnail_url = $17, sirh_id = $18, planned_on = $19,
                calendar_on = $20, published_at = $21, framed_at = $22, framed_by = $23, framing_note = $24, merged_into_id = $25,
                revision = $26, updated_at = $27, thumbnail_id = $28, announced_at = $29
         where id = $1",
        training.id,
        &training.title,
        &training.short_name,
        short_name_key(&training.short_name),
        training.collection_id,
        training.organisation_id,
        training.state,
        training.opening,
        training.audience_id,
        &training.catch_phrase,
        training.certifying,
        &training.licence,
        training.modality,
        training.presence_minutes,
        training.remote_minutes,
        &training.contact,
        &training.thumbnail_url,
        &training.sirh_id,
        &training.planned_on,
        &training.calendar_on,
        training.published_at,
        training.framed_at,
        training.framed_by,
        &training.framing_note,
        training.merged_into_id,
        training.revision,
        training.updated_at,
        training.thumbnail_id,
        training.announced_at
    )?;
    Ok(())
}

/// Kept as it is until the transaction ends.
pub(crate) async fn lock_training(cx: &mut Cx, id: TrainingId) -> Result<Option<Training>> {
    Ok(lock!(cx, Training, concat!("select ", columns!(), " from trainings t where t.id = $1"), id)?)
}

pub(crate) async fn trainings_by_id(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<Training>> {
    Ok(in_list!(cx, Training, concat!("select ", columns!(), " from trainings t where t.id in ("), ids, ")")?)
}

pub(crate) async fn training_by_short_name(cx: &mut Cx, short_name: &str) -> Result<Option<Training>> {
    Ok(opt!(
        cx,
        Training,
        concat!("select ", columns!(), " from trainings t where t.short_name_key = $1"),
        short_name_key(short_name)
    )?)
}

pub(crate) async fn training_by_address(cx: &mut Cx, address: &str) -> Result<Option<Training>> {
    Ok(opt!(
        cx,
        Training,
        concat!(
            "select ",
            columns!(),
            " from training_addresses a join trainings t on t.id = a.training_id where a.address = $1"
        ),
        address
    )?)
}

/// Sessions follow their training: one in preparation is only for those who work on it.
pub(crate) async fn set_session_audiences(cx: &mut Cx, id: TrainingId, viewers: AudienceId, workers: AudienceId) -> Result<()> {
    exec!(
        cx,
        "update training_sessions set audience_id = case when state = 'EN_PREPARATION' then $3 else $2 end where training_id = $1",
        id,
        viewers,
        workers
    )?;
    Ok(())
}

/// What hangs on `from` goes to `into`: its addresses, its sessions, and what was merged into it before.
pub(crate) async fn merge(cx: &mut Cx, from: TrainingId, into: TrainingId) -> Result<()> {
    exec!(
        cx,
        "update training_addresses set training_id = $2,
                position = position + (select coalesce(max(position) + 1, 0) from training_addresses where training_id = $2)
         where training_id = $1",
        from,
        into
    )?;
    exec!(cx, "update training_sessions set training_id = $2 where training_id = $1", from, into)?;
    exec!(cx, "update trainings set merged_into_id = $2 where merged_into_id = $1", from, into)?;
    Ok(())
}

pub(crate) async fn insert_state_change(cx: &mut Cx, change: &StateChange) -> Result<()> {
    exec!(
        cx,
        "insert into training_state_changes (id, training_id, from_state, to_state, changed_at, changed_by)
         values ($1, $2, $3, $4, $5, $6)",
        change.id,
        change.training_id,
        change.from_state,
        change.to_state,
        change.changed_at,
        change.changed_by
    )?;
    Ok(())
}

/// The last 50 of each, the latest first.
pub(crate) async fn state_changes(cx: &mut Cx, ids: &[TrainingId]) -> Result<Vec<StateChange>> {
    Ok(in_list!(
        cx,
        StateChange,
        "select id, training_id, from_state, to_state, changed_at, changed_by
         from (select c.*, row_number() over (partition by training_id order by changed_at desc, id desc) as place
               from training_state_changes c where training_id in (",
        ids,
        ")) as placed where place <= 50 order by training_id, place"
    )?)
}

/// Whether a training that this caller sees has this file for its thumbnail.
pub(crate) async fn shows_file(cx: &mut Cx, caller: &Caller, file: FileId) -> Result<bool> {
    let rows = all!(cx, (AudienceId,), "select audience_id from trainings where thumbnail_id = $1", file)?;
    Ok(rows.iter().any(|row| caller.sees(row.0)))
}
