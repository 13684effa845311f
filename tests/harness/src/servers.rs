//! Real servers: found through the environment, else spawned from installed binaries in a temporary folder. One place, one
//! server of each kind per run, ended by its own handle.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
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

/// Why what `TEST_REQUIRE` calls `what` cannot run here, if so: `folder` holds that package once `npm ci` has run there.
pub fn npm_missing(what: &str, folder: &Path, package: &str) -> Option<Missing> {
    if on_path("node").is_none() {
        return Some(Missing::new(what, "node is not installed"));
    }
    let found = folder.join("node_modules").join(package).is_dir();
    (!found).then(|| Missing::new(what, "npm ci has not run in tests/audits"))
}

/// Why no command can be run in a terminal here, if so.
pub fn terminal_missing() -> Option<Missing> {
    on_path("script").is_none().then(|| Missing::new("terminal", "script of util-linux is not installed"))
}

/// Why no PostgreSQL can be spawned that a test may kill, if so.
pub fn own_postgres_missing() -> Option<Missing> {
    postgres_binaries().is_none().then(|| Missing::new("own-postgres", "no installed PostgreSQL binaries"))
}

/// Why no Redis can be spawned here, if so.
pub fn redis_missing() -> Option<Missing> {
    on_path("redis-server").is_none().then(|| Missing::new("redis", "redis-server is not installed"))
}

/// Why no small disk can be had here, if so.
pub fn small_disk_missing() -> Option<Missing> {
    static MOUNTS: OnceLock<bool> = OnceLock::new();
    let mounts = *MOUNTS.get_or_init(|| SmallDisk::mount("64k").is_some());
    (!mounts).then(|| Missing::new("small-disk", "a file system in memory cannot be mounted: not root"))
}

/// A file system of its own in memory, which can be full; taken away when dropped.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// One of that size, as `mount` takes it (`8m`).
    pub fn new(size: &str) -> Self {
        Self::mount(size).expect("a small disk")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn mount(size: &str) -> Option<Self> {
        let disk = tempfile::Builder::new().prefix("ciam-disk").tempdir().ok()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "ciam-test"]).arg(disk.path());
        let mounted = mount.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Self { folder: disk })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the process that wrote there may be ending still.
        drop(Command::new("umount").arg("-l").arg(self.folder.path()).status());
    }
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

static SPAWNED: Mutex<Option<Spawned>> = Mutex::new(None);

/// Stops what was spawned. Called once, when the tests have run.
pub fn stop() {
    drop(SPAWNED.lock().expect("servers").take());
}

/// A PostgreSQL server of installed binaries; stopped when dropped.
pub struct Spawned {
    binaries: PathBuf,
    user: Option<(u32, u32)>,
    folder: PathBuf,
    /// None when its data stays.
    temporary: Option<TempDir>,
    /// Kept from its first start on.
    port: Option<u16>,
    settings: &'static [&'static str],
    server: Option<Child>,
}

impl Spawned {
    /// A fresh one with these settings, for a test that kills it.
    pub fn fresh(settings: &'static [&'static str]) -> Self {
        let folder = tempfile::Builder::new().prefix("ciam-postgres").tempdir().expect("a folder");
        Self::launch(folder.path().to_owned(), Some(folder), settings)
    }

    fn launch(folder: PathBuf, temporary: Option<TempDir>, settings: &'static [&'static str]) -> Self {
        let (binaries, user) = (postgres_binaries().expect("PostgreSQL is installed"), other_user());
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).expect("the folder's owner");
        }
        let mut spawned = Self { binaries, user, folder, temporary, port: None, settings, server: None };
        if !spawned.data().join("PG_VERSION").is_file() {
            let status = spawned
                .command("initdb")
                .args(["--auth=trust", "--username=ciam", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
                .arg(spawned.data())
                .status()
                .expect("initdb runs");
            assert!(status.success(), "initdb: {status}");
        }
        spawned.start();
        spawned
    }

    /// Its address, without the name of a database.
    pub fn url(&self) -> String {
        format!("postgres://ciam@127.0.0.1:{}", self.port.expect("it was started"))
    }

    /// Starts it and waits until it takes people in.
    pub fn start(&mut self) {
        let until = Instant::now() + Duration::from_secs(30);
        let mut port = 0;
        loop {
            // It refuses to start while a process of the one that was killed is still there, or when the port is taken.
            let ended = self.server.as_mut().is_none_or(|server| server.try_wait().expect("its status").is_some());
            if ended {
                port = self.port.unwrap_or_else(free_port);
                self.server = Some(self.spawn(port));
            } else if self.is_ready(port) {
                self.port = Some(port);
                return;
            }
            assert!(Instant::now() < until, "PostgreSQL does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asked through its own folder, where no other server answers; it is there after the port.
    fn is_ready(&self, port: u16) -> bool {
        let mut ready = self.command("pg_isready");
        ready.args(["-q", "-p", &port.to_string(), "-h"]).arg(&self.folder);
        ready.status().expect("pg_isready runs").success()
    }

    /// SIGKILL of its first process: the others end as soon as they notice, and the next start recovers from the log.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("killed");
            server.wait().expect("its end");
        }
    }

    /// SIGSTOP of all its processes: it says nothing any more, and closes nothing.
    pub fn suspend(&self) {
        self.signal("STOP");
    }

    /// It goes on where it stood.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// To its first process, then to those that it started.
    fn signal(&self, signal: &str) {
        let first = self.server.as_ref().expect("it runs").id();
        // One that ends just now is not there to hear it.
        let send = format!("kill -{signal} {first} && {{ kill -{signal} $(cat /proc/{first}/task/{first}/children) || true; }}");
        let sent = Command::new("sh").args(["-c", &send]).status().expect("a signal");
        assert!(sent.success(), "{send}");
    }

    fn spawn(&self, port: u16) -> Child {
        let mut command = self.command("postgres");
        command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        for setting in self.settings {
            command.args(["-c", setting]);
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", self.folder.display()));
        command.arg("-D").arg(self.data()).spawn().expect("postgres runs")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, name: &str) -> Command {
        command(&self.binaries, name, self.user)
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // One that a failed test left suspended would not hear what comes.
        if self.server.is_some() {
            self.resume();
        }
        // Nobody misses the last writes of a test.
        let how = if self.temporary.is_some() { "immediate" } else { "fast" };
        let stopped = self.command("pg_ctl").args(["stop", "-m", how, "-D"]).arg(self.data()).status();
        if let Some(mut server) = self.server.take() {
            if !stopped.is_ok_and(|status| status.success()) {
                drop(server.kill());
            }
            drop(server.wait());
        }
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
    let spawned = Spawned::fresh(&["fsync=off", "max_connections=300"]);
    let url = spawned.url();
    *SPAWNED.lock().expect("servers") = Some(spawned);
    url
}

/// A server of one's own, as durable as in production, whose data stays in `folder`; none when PostgreSQL is not installed.
pub fn durable_postgres(folder: &Path) -> Option<Spawned> {
    postgres_binaries()?;
    std::fs::create_dir_all(folder).expect("a folder");
    let settings = &["fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=300"];
    Some(Spawned::launch(folder.to_owned(), None, settings))
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

/// A Redis server of the installed binary, on a port of its own, which keeps nothing; ended when dropped.
pub struct Redis {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Redis {
    /// One that is not started yet.
    pub fn away() -> Self {
        let folder = tempfile::Builder::new().prefix("ciam-redis").tempdir().expect("a folder");
        Self { folder, port: free_port(), server: None }
    }

    /// One that runs.
    pub fn fresh() -> Self {
        let mut redis = Self::away();
        redis.start();
        redis
    }

    /// Its address, whether it runs or not.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it, empty, and waits until it answers.
    pub fn start(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
        command.arg(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = self.server.insert(command.spawn().expect("redis-server runs"));
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(server.try_wait().expect("its status").is_none(), "redis-server ended: its port was taken");
            assert!(Instant::now() < until, "Redis does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL: what it held is gone.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("killed");
            server.wait().expect("its end");
        }
    }

    /// SIGSTOP: it says nothing any more, and closes nothing.
    pub fn suspend(&self) {
        let process = self.server.as_ref().expect("it runs").id();
        let sent = Command::new("kill").args(["-STOP", &process.to_string()]).status().expect("a signal");
        assert!(sent.success());
    }

    /// What it answers to a command, as it is on the line.
    pub fn ask(&self, command: &str) -> String {
        let mut line = TcpStream::connect(("127.0.0.1", self.port)).expect("Redis");
        line.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).expect("asked");
        let mut answer = String::new();
        line.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
