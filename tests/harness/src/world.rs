//! One running product on fresh stores.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{TimeDelta, Timelike};
use ciam::{Duties, Running};
use services::clock::Clock;
use services::config::{Config, Limits, LinkLimits, SearchServer};
use services::{App, foundation, jobs};
use sqlx::{Connection, Executor};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use crate::client::Client;
use crate::mailbox::{self, Mail};
use crate::servers::{self, Database};

/// What a story can set before the product starts.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Meilisearch rather than a folder.
    pub search_server: Option<SearchServer>,
    /// SMTP rather than files.
    pub smtp_url: Option<String>,
    /// As people reach it; the listener over http when none.
    pub public_url: Option<String>,
    /// Limits on links; wide ones when none.
    pub links: Option<LinkLimits>,
    /// A proxy stands in front.
    pub behind_proxy: bool,
    /// Limits on what a client asks.
    pub limits: Limits,
}

/// A product that runs in this process, with an administrator signed in, and nobody else.
pub struct World {
    /// What use-cases are given.
    pub app: App,
    /// Where it listens: `http://127.0.0.1:…`.
    pub url: String,
    /// Which database it stands on.
    pub database: Database,
    folder: TempDir,
    running: Mutex<Option<Running>>,
    administrator: Client,
    mails: Mutex<Vec<Mail>>,
}

impl World {
    /// On a copy of a migrated template.
    pub async fn start(database: Database) -> Self {
        Self::with(database, Settings::default()).await
    }

    /// The same with settings.
    pub async fn with(database: Database, settings: Settings) -> Self {
        let folder = tempfile::Builder::new().prefix("ciam-world").tempdir().expect("a folder");
        let database_url = fresh_database(database, &folder).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let config = Config {
            data_dir: folder.path().to_owned(),
            database_url,
            redis_url: None,
            search_server: settings.search_server,
            smtp_url: settings.smtp_url,
            mail_from: "CIAM <ne-pas-repondre@ciam.test>".into(),
            public_url: settings.public_url.unwrap_or_else(|| url.clone()),
            admin_address: "administration@ciam.test".into(),
            links_per_hour: settings.links.unwrap_or(LinkLimits { per_address: 1000, per_origin: 100_000 }),
            limits: settings.limits,
        };
        let app = App::open(config, noon(), Uuid::from_u128(1)).await.expect("the product opens");
        let laid = foundation::lay(&app).await.expect("the foundation").expect("an empty database");
        let duties = Duties { jobs: false, behind_proxy: settings.behind_proxy };
        let running = ciam::start(app.clone(), listener, duties).await.expect("the product starts");
        let administrator = Client::new(&url).sign_in(&laid.first_link).await;
        let mails = Mutex::default();
        let world = Self { app, url, database, folder, running: Mutex::new(Some(running)), administrator, mails };
        world.run_jobs().await;
        world
    }

    /// A client that did not sign in.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }

    /// The first administrator.
    pub fn administrator(&self) -> &Client {
        &self.administrator
    }

    /// A new member, who joined by mail with the address `handle@exemple.test`.
    pub async fn member(&self, handle: &str) -> Client {
        let token = self.link(&format!("{handle}@exemple.test")).await;
        self.anonymous().sign_up(&token, handle, &format!("Membre {handle}"), None).await
    }

    /// The token of the link mailed to `address`.
    pub async fn link(&self, address: &str) -> String {
        let asked = self.anonymous();
        let reply = asked
            .run(
                "mutation($a: String!) { requestLink(input: {address: $a}) { problems { message } } }",
                serde_json::json!({ "a": address }),
            )
            .await;
        reply.done("requestLink");
        self.mail_to(address).await.token()
    }

    /// Runs every job that is due.
    pub async fn run_jobs(&self) -> usize {
        jobs::drain(&self.app).await.expect("jobs run")
    }

    /// Tells people everything that happened.
    pub async fn deliver(&self) -> usize {
        // Where entries are numbered afterwards, they are first.
        self.events().await;
        services::inbox::catch_up(&self.app).await.expect("people are told")
    }

    /// Lets everything that happened be found.
    pub async fn index(&self) {
        self.events().await;
        services::search::catch_up(&self.app).await.expect("the index is kept");
    }

    /// Moves the clock.
    pub fn advance(&self, by: TimeDelta) {
        self.app.clock.advance(by);
    }

    /// The oldest mail to `address` that was not taken yet; it has to be there.
    pub async fn mail_to(&self, address: &str) -> Mail {
        self.run_jobs().await;
        let mut mails = self.mails.lock().await;
        mailbox::collect(&self.outbox(), &mut mails);
        let found = mails.iter().position(|mail| mail.to == address);
        let Some(found) = found else { panic!("no mail to {address}; there are {mails:?}") };
        mails.remove(found)
    }

    /// Every mail that was not taken yet.
    pub async fn take_mails(&self) -> Vec<Mail> {
        self.mails_left().await;
        std::mem::take(&mut *self.mails.lock().await)
    }

    /// How many mails wait to be taken.
    pub async fn mails_left(&self) -> usize {
        self.run_jobs().await;
        let mut mails = self.mails.lock().await;
        mailbox::collect(&self.outbox(), &mut mails);
        mails.len()
    }

    /// The folder of the product's data.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn outbox(&self) -> PathBuf {
        self.folder.path().join("outbox")
    }

    /// The id of a forum by the slugs of its space and its own.
    pub async fn forum(&self, space: &str, slug: &str) -> String {
        let asked = self.administrator.clone();
        let reply =
            asked.run("query($s: String!) { space(slug: $s) { forums { id slug } } }", serde_json::json!({ "s": space })).await;
        let forums = reply.data["space"]["forums"].as_array().expect("forums").clone();
        let forum = forums.iter().find(|forum| forum["slug"] == slug).unwrap_or_else(|| panic!("no forum {slug}"));
        forum["id"].as_str().expect("an id").to_owned()
    }

    /// Events numbered 1, 2, 3 … without a hole; waits for PostgreSQL's sequencer to have numbered them all.
    pub async fn events(&self) -> Vec<services::events::Recorded> {
        let mut reader = self.app.db.reader().await.expect("a reader");
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            // Counted before the log is read: the other way round, what is numbered in between would be left out.
            let waiting = self.count("select count(*) from events where seq is null").await;
            if waiting == 0 {
                let events = services::events::after(&mut reader, 0, 100_000).await.expect("events");
                assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "a hole in the log");
                return events;
            }
            assert!(std::time::Instant::now() < until, "{waiting} events without a number");
            tokio::task::yield_now().await;
        }
    }

    /// One number out of the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        match &self.app.config.database_url {
            Some(url) => {
                let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a number")
            }
            None => {
                let file = self.folder.path().join("ciam.sqlite");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).read_only(true);
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a connection");
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a number")
            }
        }
    }

    /// Changes rows beside the product: what a dead worker or a stolen disk left.
    pub async fn change(&self, sql: &str) {
        self.execute(sql).await;
    }

    /// An id as this database writes it in SQL.
    pub fn uuid(&self, id: Uuid) -> String {
        match self.database {
            Database::Sqlite => format!("x'{}'", id.simple()),
            Database::Postgres => format!("'{id}'"),
        }
    }

    /// The same; how many rows it touched.
    pub async fn execute(&self, sql: &str) -> u64 {
        let sql = sqlx::AssertSqlSafe(sql);
        match &self.app.config.database_url {
            Some(url) => {
                let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
                connection.execute(sql).await.expect("changed").rows_affected()
            }
            None => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.folder.path().join("ciam.sqlite"));
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a connection");
                connection.execute(sql).await.expect("changed").rows_affected()
            }
        }
    }

    /// Whether the database holds `text` anywhere.
    pub async fn stores(&self, text: &str) -> bool {
        let Some(url) = &self.app.config.database_url else {
            let files = ["ciam.sqlite", "ciam.sqlite-wal"].map(|name| std::fs::read(self.folder.path().join(name)));
            return files.into_iter().flatten().any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()));
        };
        let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
        let tables: Vec<String> =
            sqlx::query_scalar("select table_name::text from information_schema.tables where table_schema = 'public'")
                .fetch_all(&mut connection)
                .await
                .expect("tables");
        for table in tables {
            let sql = format!("select count(*) from {table} as t where position($1 in t::text) > 0");
            let found: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(text).fetch_one(&mut connection).await.expect("a number");
            if found > 0 {
                return true;
            }
        }
        false
    }

    /// A second node of the same product, on the same database: PostgreSQL.
    pub async fn another_node(&self) -> Node {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { data_dir: folder.path().to_owned(), public_url: url.clone(), ..(*self.app.config).clone() };
        let app = App::open(config, self.app.clock.clone(), Uuid::from_u128(2)).await.expect("the product opens");
        let running = ciam::start(app, listener, Duties { jobs: false, behind_proxy: false }).await.expect("the product starts");
        Node { url, running, _folder: folder }
    }

    /// Stops the product as Ctrl-C does.
    pub async fn stop(&self) {
        if let Some(running) = self.running.lock().await.take() {
            running.stop().await;
        }
    }

    /// The end of a story: nothing may be left to do or unread.
    pub async fn finish(self) {
        let left = jobs::drain(&self.app).await.unwrap_or(0);
        assert_eq!(left, 0, "jobs were left over");
        let mails = self.mails_left().await;
        assert_eq!(mails, 0, "mails were left unread: {:?}", self.mails.lock().await);
        self.stop().await;
    }
}

/// A clock that stands at the next noon, when it is the same day in Paris and all of what comes back each day is a day away: no
/// story depends on the hour at which it is told.
fn noon() -> Clock {
    let clock = Clock::system();
    let past = i64::from(clock.now().num_seconds_from_midnight());
    clock.advance(TimeDelta::seconds((36 * 3600 - past) % (24 * 3600)));
    clock
}

/// A second node.
pub struct Node {
    /// Where it listens.
    pub url: String,
    running: Running,
    _folder: TempDir,
}

impl Node {
    /// Stops it as Ctrl-C does.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// A copy of a migrated template.
async fn fresh_database(database: Database, folder: &TempDir) -> Option<String> {
    match database {
        Database::Sqlite => {
            static TEMPLATE: OnceCell<Arc<TempDir>> = OnceCell::const_new();
            let template = TEMPLATE
                .get_or_init(|| async {
                    let folder = tempfile::tempdir().expect("a folder");
                    migrated(services::db::Source::Sqlite(folder.path().join("ciam.sqlite"))).await;
                    // Its last connection writes the log back into the file and takes it away, in a thread that nobody waits for.
                    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
                    while folder.path().join("ciam.sqlite-wal").exists() {
                        assert!(std::time::Instant::now() < until, "the template is still open");
                        tokio::task::yield_now().await;
                    }
                    Arc::new(folder)
                })
                .await;
            std::fs::copy(template.path().join("ciam.sqlite"), folder.path().join("ciam.sqlite")).expect("a copy");
            None
        }
        Database::Postgres => {
            static TEMPLATE: Mutex<bool> = Mutex::const_new(false);
            let server = servers::postgres();
            let template = format!("ciam_template_{}", std::process::id());
            let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.expect("a connection");
            // One copy at a time: PostgreSQL copies a template that nobody is connected to.
            let mut made = TEMPLATE.lock().await;
            if !*made {
                create(&mut connection, &template, "template0").await;
                migrated(services::db::Source::Postgres(format!("{server}/{template}"))).await;
                *made = true;
            }
            let name = format!("ciam_{}", Clock::system().id().simple());
            create(&mut connection, &name, &template).await;
            Some(format!("{server}/{name}"))
        }
    }
}

/// The address of a fresh PostgreSQL database without a table.
pub async fn empty_postgres() -> String {
    let server = servers::postgres();
    let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.expect("a connection");
    let name = format!("ciam_{}", Clock::system().id().simple());
    create(&mut connection, &name, "template0").await;
    format!("{server}/{name}")
}

/// One text out of a product's database, which may be served by another process.
pub async fn fact(database_url: Option<&str>, folder: &std::path::Path, sql: &'static str) -> String {
    match database_url {
        Some(url) => {
            let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a text")
        }
        None => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("ciam.sqlite"));
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a connection");
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a text")
        }
    }
}

/// Rows out of a product's database, which may be served by another process.
pub async fn rows<T>(database_url: Option<&str>, folder: &std::path::Path, sql: &'static str) -> Vec<T>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    match database_url {
        Some(url) => {
            let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
            sqlx::query_as(sql).fetch_all(&mut connection).await.expect("rows")
        }
        None => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("ciam.sqlite"));
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a connection");
            sqlx::query_as(sql).fetch_all(&mut connection).await.expect("rows")
        }
    }
}

async fn create(connection: &mut sqlx::PgConnection, name: &str, template: &str) {
    let sql = format!("create database {name} template {template} encoding 'UTF8' locale 'C.UTF-8'");
    // A connection that was just closed may not have left the template yet.
    for _ in 0..200 {
        match connection.execute(sqlx::AssertSqlSafe(sql.clone())).await {
            Ok(_) => return,
            Err(error) if error.as_database_error().is_some_and(|e| e.code().as_deref() == Some("55006")) => {
                tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            }
            Err(error) => panic!("{sql}: {error}"),
        }
    }
    panic!("the template is still in use");
}

async fn migrated(source: services::db::Source) {
    services::db::Db::open(source, &services::nodes::Nodes::default()).await.expect("migrations").close().await;
}
