//! What an operator can set. The command line and the environment fill it (`src/settings.rs`), tests build it.

use std::path::PathBuf;
use std::time::Duration;

use crate::files::Kinds;

/// Settings of one process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where files live: the SQLite database, what members send, the outbox.
    pub data_dir: PathBuf,
    /// PostgreSQL, `postgres://…`; SQLite in the data folder when none.
    pub database_url: Option<String>,
    /// Redis, `redis://` or `rediss://`, for what several nodes tell each other and count together; the process alone when none.
    pub redis_url: Option<String>,
    /// The Meilisearch server that holds the search index; a folder of the data folder when none.
    pub search_server: Option<SearchServer>,
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
    /// What one client may ask of the process.
    pub limits: Limits,
}

/// A Meilisearch server, and what is ours on it.
#[derive(Clone, Debug)]
pub struct SearchServer {
    /// `http://…` or `https://…`.
    pub url: String,
    /// A key that may do everything with the two indexes of that name; none where the server asks for none.
    pub key: Option<String>,
    /// The name of the index; another one of this name and `_next` is made beside it.
    pub index: String,
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

/// What one client may ask of the process, so that none can stop the others. None of them is zero.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Levels of fields.
    pub depth: usize,
    /// Fields, with lists counted by their size.
    pub complexity: usize,
    /// Levels of braces while parsing.
    pub braces: usize,
    /// Directives on one field.
    pub directives: usize,
    /// Root fields of one operation.
    pub roots: usize,
    /// Aliases in one document.
    pub aliases: usize,
    /// Operations and fragments in one document.
    pub definitions: usize,
    /// Selections of a document once every fragment is spread out.
    pub selections: usize,
    /// Bytes of a document.
    pub document_bytes: usize,
    /// Time to answer.
    pub answer_time: Duration,
    /// Connections at once, those of WebSockets too; further ones wait for a place.
    pub connections: usize,
    /// Time between the end of an answer and that of the next request's head, and time for which a client may not take what it
    /// is sent.
    pub idle_time: Duration,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Time to send a body.
    pub body_time: Duration,
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Bytes of files that a member may send in a day.
    pub file_day_bytes: u64,
    /// Files that a member may send at once.
    pub file_uploads: usize,
    /// Bytes a second that a file has to bring at least, counted over each [`Limits::body_time`].
    pub file_pace: u64,
    /// Which kinds of files are taken.
    pub file_kinds: Kinds,
    /// Posts of a day in which a member may address organisations.
    pub group_day_posts: u32,
    /// Time to say `connection_init` on a WebSocket.
    pub socket_init_time: Duration,
    /// Silence of a WebSocket after which the server asks, and as long again after which it gives up.
    pub socket_silence: Duration,
    /// WebSockets at once of one member.
    pub sockets_per_member: usize,
    /// WebSockets at once from one network address, of those who did not sign in.
    pub sockets_per_origin: usize,
    /// Operations at once on one WebSocket.
    pub socket_operations: usize,
    /// Bytes of one message of a WebSocket.
    pub socket_message_bytes: usize,
}

impl Default for Limits {
    /// The standard introspection query (13 levels) passes.
    fn default() -> Self {
        Self {
            depth: 18,
            complexity: 20_000,
            braces: 32,
            directives: 8,
            roots: 20,
            aliases: 100,
            definitions: 100,
            selections: 20_000,
            document_bytes: 64 * 1024,
            answer_time: Duration::from_secs(15),
            connections: 10_000,
            idle_time: Duration::from_secs(75),
            body_bytes: 1024 * 1024,
            body_time: Duration::from_secs(10),
            file_bytes: 1 << 30,
            file_day_bytes: 2 << 30,
            file_uploads: 3,
            file_pace: 1024,
            file_kinds: Kinds::default(),
            group_day_posts: 5,
            socket_init_time: Duration::from_secs(5),
            socket_silence: Duration::from_secs(45),
            sockets_per_member: 20,
            sockets_per_origin: 100,
            socket_operations: 16,
            socket_message_bytes: 1024 * 1024,
        }
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
