use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::Message;
use crate::db::{Cx, exec, lock};
use crate::error::Result;
use crate::id::MailId;

#[derive(sqlx::FromRow)]
pub(super) struct Mail {
    pub(super) recipient: String,
    pub(super) data: Json<Message>,
    pub(super) state: String,
    pub(super) created_at: DateTime<Utc>,
}

/// False when that mail is in the ledger already.
pub(super) async fn insert_mail(
    cx: &mut Cx,
    id: MailId,
    stream: &str,
    occasion: Uuid,
    recipient: &str,
    message: Message,
    now: DateTime<Utc>,
) -> Result<bool> {
    Ok(exec!(
        cx,
        "insert into mails (id, stream, occasion, recipient, data, state, created_at)
         values ($1, $2, $3, $4, $5, 'pending', $6) on conflict (stream, occasion, recipient) do nothing",
        id,
        stream,
        occasion,
        recipient,
        Json(message),
        now
    )? > 0)
}

pub(super) async fn mail(cx: &mut Cx, id: MailId) -> Result<Option<Mail>> {
    Ok(lock!(cx, Mail, "select recipient, data, state, created_at from mails where id = $1", id)?)
}

pub(super) async fn settle(cx: &mut Cx, id: MailId, state: &str, error: Option<&str>, now: DateTime<Utc>) -> Result<()> {
    exec!(cx, "update mails set state = $2, last_error = $3, settled_at = $4 where id = $1", id, state, error, now)?;
    Ok(())
}
