use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::{Once, REMEMBERED};
use crate::db::{Cx, exec, one};
use crate::error::Result;

/// True when the key is this transaction's; false when it was used since `since`. Waits for another transaction that took it.
pub(super) async fn claim(cx: &mut Cx, owner: &str, once: &Once, now: DateTime<Utc>, since: DateTime<Utc>) -> Result<bool> {
    Ok(exec!(
        cx,
        "insert into idempotency_keys (owner, mutation, key, input_hash, created_at) values ($1, $2, $3, $4, $5)
         on conflict (owner, mutation, key)
         do update set input_hash = excluded.input_hash, result = null, created_at = excluded.created_at
         where idempotency_keys.created_at < $6",
        owner,
        &once.mutation,
        &once.key,
        &once.input_hash,
        now,
        since
    )? > 0)
}

pub(super) async fn record(cx: &mut Cx, owner: &str, once: &Once, ids: Value) -> Result<()> {
    // A JSON column holds an object.
    exec!(
        cx,
        "update idempotency_keys set result = $4 where owner = $1 and mutation = $2 and key = $3",
        owner,
        &once.mutation,
        &once.key,
        Json(json!({ "ids": ids }))
    )?;
    Ok(())
}

/// The hash of the input and the ids of the result.
pub(super) async fn done(cx: &mut Cx, owner: &str, once: &Once) -> Result<(Vec<u8>, Value)> {
    let (input_hash, Json(mut result)) = one!(
        cx,
        (Vec<u8>, Json<Value>),
        "select input_hash, result from idempotency_keys where owner = $1 and mutation = $2 and key = $3",
        owner,
        &once.mutation,
        &once.key
    )?;
    Ok((input_hash, result["ids"].take()))
}

/// Forgets keys past their day; at most [`crate::jobs::SWEPT_AT_ONCE`] of them. How many.
pub(crate) async fn sweep(cx: &mut Cx, now: DateTime<Utc>) -> Result<u64> {
    Ok(exec!(
        cx,
        "delete from idempotency_keys where (owner, mutation, key) in
           (select owner, mutation, key from idempotency_keys where created_at < $1 limit 500)",
        now - REMEMBERED
    )?)
}
