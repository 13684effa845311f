//! What an operator can set. The command line and the environment fill it (`src/settings.rs`), tests build it.

use std::path::PathBuf;

/// Settings of one process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where files live: the SQLite database, the outbox.
    pub data_dir: PathBuf,
    /// PostgreSQL, `postgres://…`; SQLite in the data folder when none.
    pub database_url: Option<String>,
    /// SMTP, `smtp://` or `smtps://`; files in the outbox when none.
    pub smtp_url: Option<String>,
    /// The sender of every mail.
    pub mail_from: String,
    /// The address people reach the service at, without a final slash.
    pub public_url: String,
    /// The first administrator's address.
    pub admin_address: String,
    /// Requests for a sign-in link: so many an hour for one address, and so many an hour from one network address.
    pub links_per_hour: LinkLimits,
}

/// Limits on requests for sign-in links.
#[derive(Clone, Copy, Debug)]
pub struct LinkLimits {
    /// Mails an hour to one address; further requests are answered alike and send nothing.
    pub per_address: u32,
    /// Requests an hour from one network address; further ones are refused.
    pub per_origin: u32,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self { per_address: 5, per_origin: 60 }
    }
}

impl Config {
    /// The host of the public address, with its port when it names one.
    #[must_use]
    pub fn public_host(&self) -> &str {
        let (_, after) = self.public_url.split_once("://").unwrap_or(("", &self.public_url));
        after.split('/').next().unwrap_or(after)
    }

    /// Whether browsers reach the service over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}
