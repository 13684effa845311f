//! Every mail has a row in the ledger, unique by (stream, occasion, recipient), written in the transaction that causes it.
//!
//! The row holds ids; what the mail says, secrets included, is made when it is sent, so no secret is ever stored.

mod messages;
mod store;
mod transport;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::App;
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{AffiliationId, MailId, SignInLinkId};
use crate::jobs::{self, Job, Verdict};

pub use transport::Mailer;
use transport::Sent;

/// How long a mail that the server puts off is tried again.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// A whole dialogue with the server, well below the lease of its job: nobody else takes the mail for abandoned meanwhile.
const DIALOGUE: Duration = Duration::from_secs(120);

/// What a mail is about; `data` in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "camelCase")]
pub enum Message {
    /// A one-time link, to join or to sign in.
    SignInLink {
        /// Which.
        link: SignInLinkId,
    },
    /// Somebody wishes to be of an organisation: to those who decide.
    AffiliationRequested {
        /// Which wish.
        affiliation: AffiliationId,
    },
    /// The wish was decided: to the member.
    AffiliationDecided {
        /// Which wish.
        affiliation: AffiliationId,
    },
}

impl Message {
    /// The stream it belongs to, and what makes it unique there.
    fn occasion(self) -> (&'static str, Uuid) {
        match self {
            Self::SignInLink { link } => ("sign-in", link.0),
            Self::AffiliationRequested { affiliation } => ("affiliation-requested", affiliation.0),
            Self::AffiliationDecided { affiliation } => ("affiliation-decided", affiliation.0),
        }
    }
}

/// Enters a mail in the ledger and has it sent. The same one twice is one.
///
/// # Errors
/// When the database fails.
pub async fn post(tx: &mut Tx, clock: &Clock, message: Message, recipient: &str) -> Result<()> {
    let (stream, occasion) = message.occasion();
    let (id, now) = (MailId::new(clock), clock.now());
    if store::insert_mail(tx, id, stream, occasion, recipient, message, now).await? {
        jobs::enqueue(tx, clock, Job::SendMail { mail: id }, now).await?;
    }
    Ok(())
}

/// Sends one mail of the ledger, once.
///
/// Before it leaves, its row says `sending`. A row found so by a later run is of a worker that died on the way: a file is
/// written again under the same name; over SMTP nobody knows whether it left, so it is left as `uncertain`, to be seen.
pub(crate) async fn send(app: &App, id: MailId) -> Result<Verdict> {
    let taken = {
        let app = app.clone();
        app.db.clone().write(move |tx| Box::pin(async move { take(&app, tx, id).await })).await?
    };
    let Some((recipient, posted, letter)) = taken else { return Ok(Verdict::Done) };
    let sending = app.mailer.send(&app.config, id, app.clock.now(), &recipient, &letter);
    let sent = match tokio::time::timeout(DIALOGUE, sending).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(cause)) => Sent::Never(cause),
        Err(_elapsed) => Sent::Later("the SMTP server takes too long".into()),
    };
    let (state, verdict) = match sent {
        Sent::Yes => ("sent", Verdict::Done),
        // A day of trying is enough for what people wait for.
        Sent::Later(cause) if posted + PATIENCE < app.clock.now() => ("failed", Verdict::Fail(cause)),
        Sent::Later(cause) => ("pending", Verdict::Retry(cause)),
        Sent::Never(cause) => ("failed", Verdict::Fail(cause)),
    };
    let (now, error) = (
        app.clock.now(),
        match &verdict {
            Verdict::Retry(cause) | Verdict::Fail(cause) => Some(cause.clone()),
            _ => None,
        },
    );
    app.db.write(move |tx| Box::pin(async move { store::settle(tx, id, state, error.as_deref(), now).await })).await?;
    Ok(verdict)
}

/// Marks the row as `sending` and writes the letter; none when there is nothing to send (any more).
async fn take(app: &App, tx: &mut Tx, id: MailId) -> Result<Option<(String, DateTime<Utc>, messages::Letter)>> {
    let now = app.clock.now();
    let Some(mail) = store::mail(tx, id).await? else { return Ok(None) };
    match mail.state.as_str() {
        "pending" => {}
        "sending" if app.mailer.repeats() => {}
        "sending" => {
            store::settle(tx, id, "uncertain", Some("the sender died on the way"), now).await?;
            return Ok(None);
        }
        _ => return Ok(None),
    }
    let Some(letter) = messages::write(app, tx, mail.data.0, &mail.recipient).await? else {
        store::settle(tx, id, "failed", Some("nothing left to say"), now).await?;
        return Ok(None);
    };
    store::settle(tx, id, "sending", None, now).await?;
    Ok(Some((mail.recipient, mail.created_at, letter)))
}
