use crate::Caller;
use crate::catalogue::Session;
use crate::db::{Count, Cx, exec, in_list, keyset, lists, lock, opt};
use crate::error::Result;
use crate::id::{MemberId, TrainingId, TrainingSessionId};
use crate::page::{Slice, TimeKey};

/// The columns of a session, for `concat!`.
macro_rules! columns {
    () => {
        "s.id, s.training_id, s.audience_id, s.state, s.starts_at, s.ends_at, s.registration_opens_at, s.registration_closes_at,
         s.time_zone, s.seats, s.remote, s.place, s.revision, s.created_at, s.updated_at"
    };
}

pub(crate) async fn insert_session(cx: &mut Cx, new: &Session) -> Result<()> {
    exec!(
        cx,
        "insert into training_sessions (id, training_id, audience_id, state, starts_at, ends_at, registration_opens_at,
                registration_closes_at, time_zone, seats, remote, place, revision, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        new.id,
        new.training_id,
        new.audience_id,
        new.state,
        new.starts_at,
        new.ends_at,
        new.registration_opens_at,
        new.registration_closes_at,
        &new.time_zone,
        new.seats,
        new.remote,
        &new.place,
        new.revision,
        new.created_at,
        new.updated_at
    )?;
    Ok(())
}

pub(crate) async fn set_session(cx: &mut Cx, session: &Session) -> Result<()> {
    exec!(
        cx,
        "update training_sessions set audience_id = $2, state = $3, starts_at = $4, ends_at = $5, registration_opens_at = $6,
                registration_closes_at = $7, time_zone = $8, seats = $9, remote = $10, place = $11, revision = $12, updated_at = $13
         where id = $1",
        session.id,
        session.audience_id,
        session.state,
        session.starts_at,
        session.ends_at,
        session.registration_opens_at,
        session.registration_closes_at,
        &session.time_zone,
        session.seats,
        session.remote,
        &session.place,
        session.revision,
        session.updated_at
    )?;
    Ok(())
}

pub(crate) async fn set_formateurs(cx: &mut Cx, id: TrainingSessionId, formateurs: &[MemberId]) -> Result<()> {
    exec!(cx, "delete from training_session_formateurs where session_id = $1", id)?;
    for (position, member) in (0_i64..).zip(formateurs) {
        exec!(
            cx,
            "insert into training_session_formateurs (session_id, position, member_id) values ($1, $2, $3)",
            id,
            position,
            *member
        )?;
    }
    Ok(())
}

pub(crate) async fn session(cx: &mut Cx, id: TrainingSessionId) -> Result<Option<Session>> {
    Ok(opt!(cx, Session, concat!("select ", columns!(), " from training_sessions s where s.id = $1"), id)?)
}

pub(crate) async fn lock_session(cx: &mut Cx, id: TrainingSessionId) -> Result<Option<Session>> {
    Ok(lock!(cx, Session, concat!("select ", columns!(), " from training_sessions s where s.id = $1"), id)?)
}

pub(crate) async fn sessions_by_id(cx: &mut Cx, ids: &[TrainingSessionId]) -> Result<Vec<Session>> {
    Ok(in_list!(cx, Session, concat!("select ", columns!(), " from training_sessions s where s.id in ("), ids, ")")?)
}

pub(crate) async fn formateurs(cx: &mut Cx, ids: &[TrainingSessionId]) -> Result<Vec<(TrainingSessionId, MemberId)>> {
    Ok(in_list!(
        cx,
        (TrainingSessionId, MemberId),
        "select session_id, member_id from training_session_formateurs where session_id in (",
        ids,
        ") order by session_id, position"
    )?)
}

/// The sessions of each of these trainings that the caller sees, by their start.
pub(crate) async fn sessions(
    cx: &mut Cx,
    caller: &Caller,
    trainings: &[TrainingId],
    slice: &Slice<TimeKey>,
) -> Result<Vec<Vec<Session>>> {
    Ok(lists!(cx, Session, trainings, seen by caller, |query, training| {
        query.push(concat!("select ", columns!(), " from training_sessions s where s.training_id = ")).push_bind(*training);
        query.push(" and s.audience_id in (select id from seen)");
        keyset!(query, slice, "s.starts_at", "s.id", false);
    }))
}

pub(crate) async fn count_sessions(cx: &mut Cx, caller: &Caller, trainings: &[TrainingId]) -> Result<Vec<i64>> {
    let lists = lists!(cx, Count, trainings, seen by caller, |query, training| {
        query.push("select count(*) as many from training_sessions s where s.training_id = ").push_bind(*training);
        query.push(" and s.audience_id in (select id from seen)");
    });
    Ok(Count::each(lists).collect())
}
