//! Communities to measure on: `ciam demo` of a size, filled once and kept in the target folder; measures that write take a
//! copy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness::Database;
use harness::servers::Spawned;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::served::Served;

/// Where a product keeps its data.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) database_url: Option<String>,
    /// A copy, which goes away again.
    copied: bool,
}

/// One of the two databases, with what is kept in it.
pub(crate) struct Store {
    pub(crate) database: Database,
    root: PathBuf,
    server: Option<Spawned>,
}

impl Store {
    /// None, with the reason told, when PostgreSQL is not installed.
    pub(crate) fn open(database: Database) -> Option<Self> {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
        std::fs::create_dir_all(&root).expect("a folder");
        let server = match database {
            Database::Sqlite => None,
            Database::Postgres => {
                let server = harness::servers::durable_postgres(&root.join("postgres"));
                if server.is_none() {
                    println!("PostgreSQL is left out: it is not installed.");
                    return None;
                }
                server
            }
        };
        Some(Self { database, root, server })
    }

    /// Where SQLite's files, or the server's, are.
    pub(crate) fn disk(&self) -> &Path {
        &self.root
    }

    /// The demo of that many posts, filled the first time.
    pub(crate) fn demo(&self, posts: usize) -> Place {
        let folder = self.root.join(format!("{}-{posts}", self.database));
        let place = Place { database_url: self.url(&format!("demo_{posts}")), folder, copied: false };
        let filled = place.folder.join("filled");
        if !filled.exists() {
            println!("Filling {} with {posts} posts; kept for the next time.", self.database);
            drop(std::fs::remove_dir_all(&place.folder));
            if self.server.is_some() {
                self.maintain(&[
                    format!("drop database if exists demo_{posts}"),
                    format!("create database demo_{posts} template template0 encoding 'UTF8' locale 'C.UTF-8'"),
                ]);
            }
            let mut ciam = Command::new(env!("CARGO_BIN_EXE_ciam"));
            ciam.args(["demo", "--posts", &posts.to_string(), "--data-dir"]).arg(&place.folder);
            if let Some(url) = &place.database_url {
                ciam.args(["--database-url", url]);
            }
            assert!(ciam.status().expect("ciam runs").success(), "ciam demo");
            place.settle();
            std::fs::write(filled, "").expect("a file");
        }
        place
    }

    /// A copy of `place`, to write in.
    pub(crate) fn copy(&self, place: &Place) -> Place {
        let folder = self.root.join("copy");
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).expect("a folder");
        if let Some(url) = &place.database_url {
            let name = url.rsplit('/').next().expect("a name");
            self.maintain(&[
                "drop database if exists copy".into(),
                format!("create database copy template {name}"),
                "checkpoint".into(),
            ]);
        } else {
            std::fs::copy(place.folder.join("ciam.sqlite"), folder.join("ciam.sqlite")).expect("a copy");
            // What was not yet moved into the file is in its log; there is none after a clean end.
            drop(std::fs::copy(place.folder.join("ciam.sqlite-wal"), folder.join("ciam.sqlite-wal")));
        }
        // The index too: to make it anew would take what is measured away.
        copy_all(&place.folder.join("search"), &folder.join("search"));
        Place { folder, database_url: self.url("copy"), copied: true }
    }

    /// A new folder and database with nothing but the tables.
    pub(crate) fn empty(&self) -> Place {
        let folder = self.root.join("copy");
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).expect("a folder");
        if self.server.is_some() {
            self.maintain(&[
                "drop database if exists copy with (force)".into(),
                "create database copy template template0 encoding 'UTF8' locale 'C.UTF-8'".into(),
            ]);
        }
        Place { folder, database_url: self.url("copy"), copied: true }
    }

    fn url(&self, name: &str) -> Option<String> {
        self.server.as_ref().map(|server| format!("{}/{name}", server.url()))
    }

    fn maintain(&self, statements: &[String]) {
        let url = self.url("postgres").expect("a server");
        now(async {
            let mut connection = PgConnection::connect(&url).await.expect("a connection");
            for sql in statements {
                connection.execute(AssertSqlSafe(sql.clone())).await.expect("done");
            }
        });
    }
}

impl Place {
    /// Changes its rows, beside the product.
    pub(crate) fn execute(&self, statements: &[String]) {
        now(async {
            for sql in statements {
                let sql = AssertSqlSafe(sql.clone());
                match &self.database_url {
                    Some(url) => {
                        let mut connection = PgConnection::connect(url).await.expect("a connection");
                        connection.execute(sql).await.expect("done");
                    }
                    None => {
                        let options = SqliteConnectOptions::new()
                            .filename(self.folder.join("ciam.sqlite"))
                            .busy_timeout(Duration::from_secs(10));
                        let mut connection = SqliteConnection::connect_with(&options).await.expect("a connection");
                        connection.execute(sql).await.expect("done");
                    }
                }
            }
        });
    }

    /// Waits until PostgreSQL's sequencer has numbered what the demo told, and its tables are tidy: neither is to be measured.
    fn settle(&self) {
        let Some(url) = &self.database_url else { return };
        let _served = Served::start(self, None);
        now(async {
            let mut connection = PgConnection::connect(url).await.expect("a connection");
            let left = "select count(*) from events where seq is null";
            while sqlx::query_scalar::<_, i64>(left).fetch_one(&mut connection).await.expect("a number") > 0 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            connection.execute("vacuum analyze").await.expect("tidied");
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.copied {
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let copy = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            copy_all(&entry.path(), &copy);
        } else {
            std::fs::copy(entry.path(), copy).expect("a copy");
        }
    }
}

/// Runs a future to its end.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
