//! How mail leaves: SMTP, or files in the outbox.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport, Message, Tokio1Executor};
use tokio::io::AsyncWriteExt;

use super::messages::Letter;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::id::MailId;

/// How mail leaves. Cheap to clone.
#[derive(Clone)]
pub enum Mailer {
    /// One `.eml` file a mail.
    Files(PathBuf),
    /// A server, over pooled connections.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// How an attempt ended.
pub(super) enum Sent {
    Yes,
    /// The server is away, or asked for patience.
    Later(String),
    /// The server refused for good.
    Never(String),
}

impl Mailer {
    /// The transport that `config` names.
    ///
    /// # Errors
    /// [`Error::Startup`] when the SMTP address, the sender or the outbox is no good.
    pub fn new(config: &Config) -> Result<Self> {
        config
            .mail_from
            .parse::<Mailbox>()
            .map_err(|_| Error::Startup(format!("CIAM_MAIL_FROM n'est pas une adresse d'expéditeur : {}", config.mail_from)))?;
        match &config.smtp_url {
            Some(url) => Ok(Self::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .map_err(|_| Error::Startup("SMTP_URL n'est pas une adresse smtp:// ou smtps:// valable.".into()))?
                    .build(),
            )),
            None => {
                let outbox = config.data_dir.join("outbox");
                std::fs::create_dir_all(&outbox).map_err(|error| {
                    Error::Startup(format!("Le dossier {} ne peut pas être créé : {error}", outbox.display()))
                })?;
                Ok(Self::Files(outbox))
            }
        }
    }

    /// The folder of the outbox, when mails are files.
    #[must_use]
    pub fn outbox(&self) -> Option<&Path> {
        match self {
            Self::Files(outbox) => Some(outbox),
            Self::Smtp(_) => None,
        }
    }

    /// Whether sending the same mail again is harmless.
    pub(super) fn repeats(&self) -> bool {
        matches!(self, Self::Files(_))
    }

    pub(super) async fn send(
        &self,
        config: &Config,
        id: MailId,
        now: DateTime<Utc>,
        recipient: &str,
        letter: &Letter,
    ) -> std::result::Result<Sent, String> {
        let message = compose(config, id, now, recipient, letter)?;
        match self {
            Self::Files(outbox) => Ok(match write(outbox, id, &message.formatted()).await {
                Ok(()) => Sent::Yes,
                Err(error) => Sent::Later(error.to_string()),
            }),
            Self::Smtp(smtp) => Ok(match smtp.send(message).await {
                Ok(_) => Sent::Yes,
                Err(error) if error.is_permanent() => Sent::Never(code(&error)),
                Err(error) => Sent::Later(code(&error)),
            }),
        }
    }
}

/// The server's sentence may repeat the recipient: only its code is kept.
fn code(error: &lettre::transport::smtp::Error) -> String {
    error.status().map_or_else(|| "no answer from the SMTP server".into(), |status| format!("SMTP {status}"))
}

/// Written beside, then renamed: whoever reads the outbox never sees half a mail.
async fn write(outbox: &Path, id: MailId, bytes: &[u8]) -> std::io::Result<()> {
    let beside = outbox.join(format!(".{id}.part"));
    let mut file = tokio::fs::File::create(&beside).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(beside, outbox.join(format!("{id}.eml"))).await
}

fn compose(
    config: &Config,
    id: MailId,
    now: DateTime<Utc>,
    recipient: &str,
    letter: &Letter,
) -> std::result::Result<Message, String> {
    let from: Mailbox = config.mail_from.parse().map_err(|_| "sender")?;
    let to: Mailbox = recipient.parse().map_err(|_| "recipient")?;
    let domain = from.email.domain().to_owned();
    // RFC 3834: no machine answers it.
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
    Message::builder()
        .from(from)
        .to(to)
        .subject(&letter.subject)
        .date(now.into())
        .message_id(Some(format!("<{id}@{domain}>")))
        .raw_header(automatic)
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
        .map_err(|error| error.to_string())
}
