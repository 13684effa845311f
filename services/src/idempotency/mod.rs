//! An act under a key is done once: asked for again within a day, it does nothing and answers with the same objects.
//!
//! The key, a hash of the input and the ids of the result are written in the act's own transaction, so that they are there if
//! and only if it was done. A refusal leaves nothing. A secret is never among the ids: it is shown once.

mod store;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::App;
use crate::caller::{Actor, Caller, Scope};
use crate::db::Tx;
use crate::error::{Code, Error, Problem, Result};

pub(crate) use store::sweep;

/// How long a key is remembered.
pub const REMEMBERED: TimeDelta = TimeDelta::hours(24);
/// The longest key, in characters.
pub const KEY_MOST: usize = 100;

/// What an act is recognised by when it is asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    mutation: String,
    key: String,
    input_hash: Vec<u8>,
}

impl Once {
    /// The act of that name, under `key`, with that input (in one form for one input).
    ///
    /// # Errors
    /// A problem of `idempotencyKey` when it is not 1 to [`KEY_MOST`] visible ASCII characters.
    pub fn new(mutation: &str, key: &str, input: &[u8]) -> Result<Self, Problem> {
        if key.is_empty() || key.len() > KEY_MOST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let sentence = format!("Une clé compte de 1 à {KEY_MOST} caractères ASCII visibles, par exemple un UUID.");
            return Err(Problem::new("idempotencyKey", Code::Malformed, sentence));
        }
        Ok(Self { mutation: mutation.into(), key: key.into(), input_hash: Sha256::digest(input).to_vec() })
    }
}

/// An act of a member, in one transaction: what they hold is read there, and under a key it is done once.
///
/// A repeat is answered before rights are looked at: it does nothing, and what it shows is resolved for this caller.
///
/// # Errors
/// As [`Caller::act`]; what `work` answers; [`Error::Conflict`] on `idempotencyKey` when it served for other input.
pub(crate) async fn act<T, F>(app: &App, caller: &Caller, scope: Scope, work: F) -> Result<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx, Actor) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    acted(app, caller, Some(scope), work).await
}

/// The same for what nobody else notices.
///
/// # Errors
/// As [`Caller::act_privately`]; what `work` answers; [`Error::Conflict`] on `idempotencyKey` when it served for other input.
pub(crate) async fn act_privately<T, F>(app: &App, caller: &Caller, work: F) -> Result<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx, Actor) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    acted(app, caller, None, work).await
}

async fn acted<T, F>(app: &App, caller: &Caller, scope: Option<Scope>, work: F) -> Result<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx, Actor) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    let owner = caller.signed_in()?.to_string();
    let (caller, clock) = (caller.clone(), app.clock.clone());
    let once = caller.once().cloned();
    done_once(app, owner, once, move |tx| {
        Box::pin(async move {
            let actor = match scope {
                Some(scope) => caller.act(tx, clock.now(), scope).await?,
                None => caller.act_privately(tx, clock.now()).await?,
            };
            work(tx, actor).await
        })
    })
    .await
}

/// The same for an act whose rights `work` looks at itself.
///
/// # Errors
/// What `work` answers; [`Error::Conflict`] on `idempotencyKey` when it served for other input.
pub(crate) async fn done_once<T, F>(app: &App, owner: String, once: Option<Once>, work: F) -> Result<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    let Some(once) = once else { return app.db.write(work).await };
    let now = app.clock.now();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                if let Some(done) = claim(tx, &owner, &once, now).await? {
                    return Ok(done);
                }
                let done = work(tx).await?;
                let ids = serde_json::to_value(&done).map_err(|error| Error::internal(format!("a result: {error}")))?;
                store::record(tx, &owner, &once, ids).await?;
                Ok(done)
            })
        })
        .await
}

/// Takes the key for this transaction; another one with the same key waits for its end. What was done under it, if it was.
async fn claim<T: DeserializeOwned>(tx: &mut Tx, owner: &str, once: &Once, now: DateTime<Utc>) -> Result<Option<T>> {
    if store::claim(tx, owner, once, now, now - REMEMBERED).await? {
        return Ok(None);
    }
    let (input_hash, ids) = store::done(tx, owner, once).await?;
    if input_hash != once.input_hash {
        let sentence = "Cette clé a déjà servi pour une autre demande : prenez-en une nouvelle.";
        return Err(Error::conflict("idempotencyKey", Code::Taken, sentence));
    }
    serde_json::from_value(ids).map(Some).map_err(|error| Error::internal(format!("a recorded result: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        assert!(Once::new("m", "5f0e…", b"").is_err());
        for wrong in ["", " ", "a b", "a\0", &"a".repeat(KEY_MOST + 1)] {
            assert_eq!(Once::new("m", wrong, b"").unwrap_err().field, "idempotencyKey", "{wrong:?}");
        }
        assert!(Once::new("m", "0197d0f2-8f3e-7c1a-9b2e-1f4f2f6c9a01", b"").is_ok());
        assert_ne!(Once::new("m", "k", b"a"), Once::new("m", "k", b"b"));
    }
}
