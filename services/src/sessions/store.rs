use chrono::{DateTime, Utc};

use super::secret::Secret;
use super::{AccessToken, Session};
use crate::db::{Cx, each, exec, in_list, keyset, lock, one, opt};
use crate::error::Result;
use crate::id::{AccessTokenId, MemberId, SessionId, SignInLinkId};
use crate::page::{Slice, TimeKey};

#[derive(sqlx::FromRow)]
pub(super) struct LinkRow {
    pub(super) address: String,
    pub(super) address_key: String,
    pub(super) secret_hash: Option<Vec<u8>>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) used_at: Option<DateTime<Utc>>,
}

impl LinkRow {
    pub(super) fn is_good(&self, secret: &Secret, now: DateTime<Utc>) -> bool {
        secret.matches(self.secret_hash.as_deref()) && self.used_at.is_none() && self.expires_at > now
    }
}

/// What proves a session or a token.
#[derive(sqlx::FromRow)]
pub(super) struct Proof {
    pub(super) member_id: MemberId,
    secret_hash: Vec<u8>,
    pub(super) scopes: String,
    pub(super) used_at: Option<DateTime<Utc>>,
    pub(super) expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

impl Proof {
    pub(super) fn is_good(&self, secret: &Secret, now: DateTime<Utc>) -> bool {
        secret.matches(Some(&self.secret_hash)) && self.is_open(now)
    }

    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }
}

pub(super) async fn insert_link(
    cx: &mut Cx,
    id: SignInLinkId,
    address: &str,
    address_key: &str,
    member: Option<MemberId>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    exec!(
        cx,
        "insert into sign_in_links (id, address, address_key, member_id, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)",
        id,
        address,
        address_key,
        member,
        now,
        expires_at
    )?;
    Ok(())
}

/// How many links that address was given since then, and how many of them are still good at `now`.
pub(super) async fn count_links(cx: &mut Cx, address_key: &str, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<(i64, i64)> {
    Ok(one!(
        cx,
        (i64, i64),
        "select count(*), count(*) filter (where used_at is null and expires_at > $3)
         from sign_in_links where address_key = $1 and created_at > $2",
        address_key,
        since,
        now
    )?)
}

pub(super) async fn link(cx: &mut Cx, id: SignInLinkId) -> Result<Option<LinkRow>> {
    Ok(opt!(cx, LinkRow, "select address, address_key, secret_hash, expires_at, used_at from sign_in_links where id = $1", id)?)
}

pub(super) async fn lock_link(cx: &mut Cx, id: SignInLinkId) -> Result<Option<LinkRow>> {
    Ok(lock!(cx, LinkRow, "select address, address_key, secret_hash, expires_at, used_at from sign_in_links where id = $1", id)?)
}

pub(super) async fn set_link_secret(cx: &mut Cx, id: SignInLinkId, hash: &[u8]) -> Result<()> {
    exec!(cx, "update sign_in_links set secret_hash = $2 where id = $1", id, hash)?;
    Ok(())
}

pub(super) async fn use_link(cx: &mut Cx, id: SignInLinkId, now: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update sign_in_links set used_at = $2 where id = $1", id, now)?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub(super) async fn insert_session(
    cx: &mut Cx,
    id: SessionId,
    member: MemberId,
    hash: &[u8],
    kind: &str,
    label: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    exec!(
        cx,
        "insert into sessions (id, member_id, secret_hash, kind, label, created_at, used_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $6, $7)",
        id,
        member,
        hash,
        kind,
        label,
        now,
        expires_at
    )?;
    Ok(())
}

pub(super) async fn session_proof(cx: &mut Cx, id: SessionId) -> Result<Option<Proof>> {
    Ok(opt!(
        cx,
        Proof,
        "select member_id, secret_hash, '' as scopes, used_at, expires_at, revoked_at from sessions where id = $1",
        id
    )?)
}

pub(super) async fn token_proof(cx: &mut Cx, id: AccessTokenId) -> Result<Option<Proof>> {
    Ok(opt!(
        cx,
        Proof,
        "select member_id, secret_hash, scopes, used_at, expires_at, revoked_at from access_tokens where id = $1",
        id
    )?)
}

pub(super) async fn touch_session(cx: &mut Cx, id: SessionId, now: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update sessions set used_at = $2 where id = $1", id, now)?;
    Ok(())
}

pub(super) async fn touch_token(cx: &mut Cx, id: AccessTokenId, now: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update access_tokens set used_at = $2 where id = $1", id, now)?;
    Ok(())
}

pub(super) async fn revoke_session(cx: &mut Cx, id: SessionId, member: MemberId, now: DateTime<Utc>) -> Result<bool> {
    Ok(exec!(cx, "update sessions set revoked_at = $3 where id = $1 and member_id = $2 and revoked_at is null", id, member, now)?
        > 0)
}

pub(super) async fn sessions_by_id(cx: &mut Cx, ids: &[SessionId]) -> Result<Vec<Session>> {
    Ok(in_list!(
        cx,
        Session,
        "select id, member_id, kind, label, created_at, used_at, expires_at from sessions where id in (",
        ids,
        ")"
    )?)
}

pub(super) async fn sessions(cx: &mut Cx, member: MemberId, now: DateTime<Utc>, slice: &Slice<TimeKey>) -> Result<Vec<Session>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select id, member_id, kind, label, created_at, used_at, expires_at from sessions
             where revoked_at is null and member_id = ",
        );
        query.push_bind(member).push(" and expires_at > ").push_bind(now);
        keyset!(query, slice, "created_at", "id", false);
        query.build_query_as::<Session>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn count_sessions(cx: &mut Cx, member: MemberId, now: DateTime<Utc>) -> Result<i64> {
    Ok(one!(
        cx,
        (i64,),
        "select count(*) from sessions where member_id = $1 and revoked_at is null and expires_at > $2",
        member,
        now
    )?
    .0)
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub(super) async fn insert_token(
    cx: &mut Cx,
    id: AccessTokenId,
    member: MemberId,
    hash: &[u8],
    name: &str,
    scopes: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    exec!(
        cx,
        "insert into access_tokens (id, member_id, secret_hash, name, scopes, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id,
        member,
        hash,
        name,
        scopes,
        now,
        expires_at
    )?;
    Ok(())
}

pub(super) async fn revoke_token(cx: &mut Cx, id: AccessTokenId, member: MemberId, now: DateTime<Utc>) -> Result<bool> {
    Ok(exec!(
        cx,
        "update access_tokens set revoked_at = $3 where id = $1 and member_id = $2 and revoked_at is null",
        id,
        member,
        now
    )? > 0)
}

pub(super) async fn tokens_by_id(cx: &mut Cx, ids: &[AccessTokenId]) -> Result<Vec<AccessToken>> {
    Ok(in_list!(
        cx,
        AccessToken,
        "select id, member_id, name, scopes, created_at, used_at, expires_at from access_tokens where id in (",
        ids,
        ")"
    )?)
}

pub(super) async fn tokens(
    cx: &mut Cx,
    member: MemberId,
    now: DateTime<Utc>,
    slice: &Slice<TimeKey>,
) -> Result<Vec<AccessToken>> {
    Ok(each!(cx, |c: DB| {
        let mut query = sqlx::QueryBuilder::<DB>::new(
            "select id, member_id, name, scopes, created_at, used_at, expires_at from access_tokens
             where revoked_at is null and member_id = ",
        );
        query.push_bind(member).push(" and expires_at > ").push_bind(now);
        keyset!(query, slice, "created_at", "id", false);
        query.build_query_as::<AccessToken>().fetch_all(&mut *c).await
    })?)
}

pub(super) async fn count_tokens(cx: &mut Cx, member: MemberId, now: DateTime<Utc>) -> Result<i64> {
    Ok(one!(
        cx,
        (i64,),
        "select count(*) from access_tokens where member_id = $1 and revoked_at is null and expires_at > $2",
        member,
        now
    )?
    .0)
}

/// At most [`crate::jobs::SWEPT_AT_ONCE`] of each. How many of the more numerous.
pub(super) async fn sweep(cx: &mut Cx, links_before: DateTime<Utc>, sessions_before: DateTime<Utc>) -> Result<u64> {
    let links = exec!(
        cx,
        "delete from sign_in_links where id in (select id from sign_in_links where expires_at < $1 limit 500)",
        links_before
    )?;
    let sessions = exec!(
        cx,
        "delete from sessions where id in (select id from sessions where expires_at < $1 or revoked_at < $1 limit 500)",
        sessions_before
    )?;
    Ok(links.max(sessions))
}
