//! What the product does: one module per domain, the same few file names in each (`mod.rs` types and use-cases, `rules.rs`
//! pure decisions, `store.rs` SQL). The map:
//!
//! - [`accounts`]: members; [`sessions`]: joining, signing in, tokens; [`organisations`]: the tree, and who belongs where;
//!   [`roles`]: who may do what;
//! - [`forum`]: spaces, forums, threads, posts; [`moderation`]: hiding, locking, pinning, moving, suspending;
//! - [`catalogue`]: collections, trainings, their sessions, what is planned;
//! - [`feeds`]: what the publication calendar tells readers of feeds;
//! - [`library`]: documents and their versions; [`files`]: what members send, and who may read it;
//! - [`links`]: threads and trainings, linked both ways; [`reports`]: malfunctions, from the report to the fix;
//! - [`search`]: what is found of all this, by whom;
//! - [`following`]: what members want to be told, [`inbox`]: what they are told; [`read_marks`]: how far they have read;
//! - [`audience`] and [`caller`]: who may see what, who asks;
//! - [`events`], [`jobs`], [`mail`]: what happened, what is to be done, what is told by mail; [`live`]: who waits for what
//!   happens, [`presence`]: who looks at what; [`nodes`]: what several processes tell each other; [`idempotency`]: acts done
//!   once;
//! - [`foundation`] and [`demo`]: what an empty database is given, and a community to try it with;
//! - [`db`], [`clock`], [`id`], [`page`], [`error`], [`text`], [`places`], [`config`]: what all of them stand on.

pub mod accounts;
pub mod audience;
pub mod caller;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod error;
pub mod events;
pub mod feeds;
pub mod files;
pub mod following;
pub mod forum;
pub mod foundation;
pub mod id;
pub mod idempotency;
pub mod inbox;
pub mod jobs;
pub mod library;
pub mod links;
pub mod live;
pub mod mail;
pub mod moderation;
pub mod nodes;
pub mod organisations;
pub mod page;
pub mod places;
pub mod presence;
pub mod read_marks;
pub mod reports;
pub mod roles;
pub mod search;
pub mod sessions;
pub mod text;

use std::sync::Arc;

use uuid::Uuid;

pub use caller::Caller;
pub use error::{Error, Result};

/// What every use-case is given. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: db::Db,
    /// Where the contents of files are kept.
    pub files: files::Disk,
    /// How mail leaves.
    pub mailer: mail::Mailer,
    /// Time, ids, randomness.
    pub clock: clock::Clock,
    /// The operator's settings.
    pub config: Arc<config::Config>,
    /// Since when each feed is as it is.
    pub feeds: Arc<feeds::Moments>,
    /// Who counts requests that are limited.
    pub limits: Arc<sessions::Limits>,
    /// Who waits for what happens.
    pub live: Arc<live::Live>,
    /// The other nodes.
    pub nodes: nodes::Nodes,
    /// Who looks at what.
    pub presence: presence::Presence,
    /// What is found.
    pub search: Arc<search::Search>,
    /// This node, the same after a restart: it leases jobs.
    pub node: Uuid,
}

impl App {
    /// The same with a count of its own of what runs on the database, for one request.
    #[must_use]
    pub fn counted(&self) -> Self {
        Self { db: self.db.counted(), ..self.clone() }
    }

    /// Opens the stores that `config` names.
    ///
    /// # Errors
    /// [`Error::Startup`] with a sentence for the operator.
    pub async fn open(config: config::Config, clock: clock::Clock, node: Uuid) -> Result<Self> {
        let source = match &config.database_url {
            Some(url) => db::Source::Postgres(url.clone()),
            None => db::Source::Sqlite(config.data_dir.join("ciam.sqlite")),
        };
        let nodes = config.redis_url.as_deref().map_or_else(|| Ok(nodes::Nodes::default()), nodes::Nodes::over)?;
        let live = Arc::<live::Live>::default();
        Ok(Self {
            db: db::Db::open(source, &nodes).await?,
            files: files::Disk::open(&config.data_dir, node)?,
            mailer: mail::Mailer::new(&config)?,
            search: search::Search::open(&config).await?,
            feeds: Arc::default(),
            limits: Arc::new(sessions::Limits::new(config.links_per_hour, nodes.clone())),
            presence: presence::Presence::new(nodes.clone(), Arc::clone(&live), clock.clone()),
            live,
            nodes,
            clock,
            config: Arc::new(config),
            node,
        })
    }
}
