//! The real binary, started as an operator does: its folder, its words, its end.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use harness::{Database, fact, rows};
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Everything here takes far less; a process that says nothing must not hold the tests up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where a product keeps its data.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) database_url: Option<String>,
}

impl Place {
    pub(crate) async fn new(database: Database) -> Self {
        let database_url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(harness::empty_postgres().await),
        };
        Self::at(database_url)
    }

    pub(crate) fn at(database_url: Option<String>) -> Self {
        Self { folder: tempfile::Builder::new().prefix("ciam-place").tempdir().expect("a folder"), database_url }
    }

    /// On SQLite, in a folder of that one.
    pub(crate) fn within(folder: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("ciam-place").tempdir_in(folder).expect("a folder");
        Self { folder, database_url: None }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ciam(arguments);
        command.arg("--data-dir").arg(self.folder.path());
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url);
        }
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments)).await
    }

    pub(crate) async fn fact(&self, sql: &'static str) -> String {
        fact(self.database_url.as_deref(), self.folder.path(), sql).await
    }

    pub(crate) async fn rows<T>(&self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        rows(self.database_url.as_deref(), self.folder.path(), sql).await
    }

    pub(crate) async fn serve(&self) -> Served {
        serve(self.command(&["serve", "--listen", "127.0.0.1:0"])).await
    }
}

/// The binary, with none of the settings of whoever runs the tests.
pub(crate) fn ciam(arguments: &[&str]) -> Command {
    let mut command = unset(env!("CARGO_BIN_EXE_ciam"));
    command.args(arguments);
    command
}

/// The binary in a terminal of 100 columns; its arguments hold nothing that a shell would read.
pub(crate) fn ciam_in_a_terminal(arguments: &[&str]) -> Command {
    let mut command = unset("script");
    let line = format!("stty cols 100 rows 30; exec {} {}", env!("CARGO_BIN_EXE_ciam"), arguments.join(" "));
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
    command
}

fn unset(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CIAM_") || matches!(name, "DATABASE_URL" | "REDIS_URL" | "SMTP_URL"))
        {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) async fn ended(mut command: Command) -> Ended {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("an end").expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Ended {
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// The one line it gave up with.
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.code, &*self.out), (Some(1), ""), "{self:?}");
        let lines: Vec<_> = self.err.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("ciam : "), "{self:?}");
        lines[0].to_owned()
    }
}

pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    /// All it said before it was ready.
    pub(crate) told: String,
    pub(crate) url: String,
}

pub(crate) async fn serve(mut command: Command) -> Served {
    let mut child = command.spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    // Its log must not fill the pipe.
    let mut log = child.stderr.take().expect("its log");
    let log = tokio::spawn(async move {
        let mut text = String::new();
        drop(log.read_to_string(&mut text).await);
        text
    });
    let mut told = String::new();
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line").expect("text");
        let Some(line) = line else { panic!("it ended: {told} {}", log.await.expect("its log")) };
        told += &format!("{line}\n");
        if line.contains("Ctrl-C") {
            break;
        }
    }
    let url = told.lines().find_map(|line| line.trim().strip_prefix("Adresse")).expect("an address").trim().to_owned();
    Served { child, lines, told, url }
}

impl Served {
    pub(crate) fn first_link(&self) -> Option<String> {
        let (_, after) = self.told.split_once("/connexion?jeton=")?;
        Some(after.split_whitespace().next().expect("a token").to_owned())
    }

    pub(crate) fn interrupt(&self) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = std::process::Command::new("sh").args(["-c", &format!("kill -INT {id}")]).status().expect("a signal");
        assert!(sent.success());
    }

    /// SIGKILL: it does nothing more.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    pub(crate) async fn end(mut self) -> Option<i32> {
        while tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("an end").expect("text").is_some() {}
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("an end").expect("a status").code()
    }

    pub(crate) async fn stop(self) {
        self.interrupt();
        assert_eq!(self.end().await, Some(0));
    }
}

/// Waits for another process to do something, which cannot wake this one: asked every 20 ms.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let asked = async {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        while !done().await {
            again.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asked).await.is_ok(), "never: {what}");
}
