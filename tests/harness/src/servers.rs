//! Real servers: found through the environment, else spawned from installed binaries in a temporary folder. One place, one
//! server of each kind per run, ended by its own handle.

use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What the environment says of the tests.
#[expect(clippy::disallowed_methods, reason = "the settings of the tests are read here")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// On which database a story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// Why something real is not there, and whether it has to be.
pub struct Missing {
    /// In words.
    pub reason: String,
    /// `TEST_REQUIRE` names it.
    pub required: bool,
}

impl Missing {
    fn new(what: &str, reason: &str) -> Self {
        let required = setting("TEST_REQUIRE").unwrap_or_default().split(',').any(|one| one.trim() == what);
        Self { reason: reason.into(), required }
    }
}

impl Database {
    /// Why it cannot be used here, if so.
    pub fn missing(self) -> Option<Missing> {
        match self {
            Self::Sqlite => None,
            Self::Postgres if setting("TEST_POSTGRES_URL").is_some() || postgres_binaries().is_some() => None,
            Self::Postgres => Some(Missing::new("postgres", "neither TEST_POSTGRES_URL nor installed PostgreSQL binaries")),
        }
    }
}

/// Why a browser cannot be used here, if so.
pub fn chromium_missing() -> Option<Missing> {
    let found = on_path("chromedriver").is_some() && on_path("chromium").is_some();
    (!found).then(|| Missing::new("chromium", "neither chromium nor chromedriver is installed"))
}

/// Why the audits of GraphQL over HTTP cannot run here, if so: `folder` holds them once `npm ci` has run there.
pub fn graphql_http_missing(folder: &Path) -> Option<Missing> {
    if on_path("node").is_none() {
        return Some(Missing::new("graphql-http", "node is not installed"));
    }
    let found = folder.join("node_modules/graphql-http").is_dir();
    (!found).then(|| Missing::new("graphql-http", "npm ci has not run in tests/audits"))
}

/// A file of that name in one of the folders of `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// The address of a database server, without the name of a database, and its maintenance database's.
pub fn postgres() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| match setting("TEST_POSTGRES_URL") {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => spawn_postgres(),
    })
}

static SPAWNED: Mutex<Option<Server>> = Mutex::new(None);

/// A spawned PostgreSQL server, ended when dropped.
pub struct Server {
    /// Its address, without the name of a database.
    pub url: String,
    binaries: PathBuf,
    user: Option<(u32, u32)>,
    data: PathBuf,
    process: Child,
    /// None when its data stays.
    temporary: Option<TempDir>,
}

/// Stops what was spawned. Called once, when the tests have run.
pub fn stop() {
    drop(SPAWNED.lock().expect("servers").take());
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody misses the last writes of a test.
        let how = if self.temporary.is_some() { "immediate" } else { "fast" };
        let stopped = command(&self.binaries, "pg_ctl", self.user).args(["stop", "-m", how, "-D"]).arg(&self.data).status();
        if !stopped.is_ok_and(|status| status.success()) {
            drop(self.process.kill());
        }
        drop(self.process.wait());
    }
}

/// PostgreSQL refuses root: then it runs as another user of the machine.
fn command(binaries: &Path, name: &str, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(binaries.join(name));
    command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn spawn_postgres() -> String {
    let folder = tempfile::Builder::new().prefix("ciam-postgres").tempdir().expect("a folder");
    let mut server = launch(&postgres_binaries().expect("PostgreSQL is installed"), folder.path(), &["fsync=off"]);
    server.temporary = Some(folder);
    let url = server.url.clone();
    *SPAWNED.lock().expect("servers") = Some(server);
    url
}

/// A server of one's own, as durable as in production, whose data stays in `folder`; none when PostgreSQL is not installed.
pub fn durable_postgres(folder: &Path) -> Option<Server> {
    let binaries = postgres_binaries()?;
    std::fs::create_dir_all(folder).expect("a folder");
    Some(launch(&binaries, folder, &["fsync=on", "synchronous_commit=on", "full_page_writes=on"]))
}

fn launch(binaries: &Path, folder: &Path, settings: &[&str]) -> Server {
    let user = other_user();
    if let Some((uid, gid)) = user {
        std::os::unix::fs::chown(folder, Some(uid), Some(gid)).expect("the folder's owner");
    }
    let data = folder.join("data");
    if !data.join("PG_VERSION").is_file() {
        let status = command(binaries, "initdb", user)
            .args(["--auth=trust", "--username=ciam", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .status()
            .expect("initdb runs");
        assert!(status.success(), "initdb: {status}");
    }
    let port = free_port();
    let mut server = command(binaries, "postgres", user);
    server.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300", "-c"]);
    server.arg(format!("unix_socket_directories={}", folder.display()));
    for setting in settings {
        server.args(["-c", setting]);
    }
    let process = server.arg("-D").arg(&data).spawn().expect("postgres runs");
    let url = format!("postgres://ciam@127.0.0.1:{port}");
    let server = Server { url, binaries: binaries.to_owned(), user, data, process, temporary: None };
    // It listens a while before it takes anyone in.
    let mut ready = command(binaries, "pg_isready", user);
    ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
    let until = Instant::now() + Duration::from_secs(30);
    while !ready.status().expect("pg_isready runs").success() {
        assert!(Instant::now() < until, "PostgreSQL does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

/// The newest installed version's folder.
fn postgres_binaries() -> Option<PathBuf> {
    let version = |folder: &PathBuf| folder.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> =
        installed.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).collect();
    folders.sort_by_key(version);
    folders.pop().or_else(|| on_path("initdb")?.canonicalize().ok()?.parent().map(Path::to_owned))
}

/// Another user than root, when this is root.
fn other_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the machine's users");
    ["postgres", "nobody"].into_iter().find_map(|name| {
        let mut fields = users.lines().find(|line| line.starts_with(&format!("{name}:")))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}
