//! A small load: so many clients, each with one connection and one request at a time, over plain HTTP/1.1.
//!
//! A thread and a socket a client: it costs the same whatever server answers, some 15 µs of the clients' core a request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::machine;

/// A POST of JSON as it goes over the wire.
pub(crate) fn post(path: &str, bearer: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nHost: ciam\r\nContent-Type: application/json\r\nAuthorization: Bearer {bearer}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A GET as it goes over the wire, with a tag that the client has.
pub(crate) fn get(path: &str, tag: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: ciam\r\nIf-None-Match: {tag}\r\n\r\n").into_bytes()
}

/// A connection that stays open.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, buffer: vec![0; 8 << 20] })
    }

    /// The body of the answer, which has to be a 200, or a 304 without one.
    pub(crate) fn ask(&mut self, request: &[u8]) -> std::io::Result<&[u8]> {
        let fault = |text: String| std::io::Error::other(text);
        self.stream.write_all(request)?;
        let (mut read, mut end) = (0, None);
        loop {
            let more = self.stream.read(&mut self.buffer[read..])?;
            if more == 0 {
                return Err(fault("the connection was closed".into()));
            }
            read += more;
            if end.is_none() {
                end = whole(&self.buffer[..read])?;
            }
            if let Some((head, end)) = end
                && read >= end
            {
                return Ok(&self.buffer[head..end]);
            }
        }
    }

    /// The entity tag of the answer.
    pub(crate) fn tag(&mut self, request: &[u8]) -> std::io::Result<String> {
        self.ask(request)?;
        etag(&self.buffer).ok_or_else(|| std::io::Error::other("an answer without a tag"))
    }
}

/// The entity tag that the head of an answer tells.
fn etag(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("etag")))
        .map(|(_, tag)| tag.into())
}

/// Where the body begins and ends, once the head is there.
fn whole(bytes: &[u8]) -> std::io::Result<Option<(usize, usize)>> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    match length {
        None if text.starts_with("http/1.1 304") => Ok(Some((head + 4, head + 4))),
        Some(length) if text.starts_with("http/1.1 200") => Ok(Some((head + 4, head + 4 + length))),
        _ => Err(std::io::Error::other(format!("not an answer: {}", String::from_utf8_lossy(bytes)))),
    }
}

/// What was measured.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) time: Duration,
    /// What the server's process used meanwhile.
    pub(crate) cpu: Duration,
    /// Of each request, sorted.
    pub(crate) latencies: Vec<Duration>,
}

impl Measured {
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    pub(crate) fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.latencies.len() as f64
    }

    /// In milliseconds; `part` in thousandths.
    pub(crate) fn at(&self, part: usize) -> f64 {
        self.latencies[(self.latencies.len() * part / 1000).min(self.latencies.len() - 1)].as_secs_f64() * 1e3
    }

    /// A further round of the same.
    pub(crate) fn add(&mut self, other: Self) {
        self.time += other.time;
        self.cpu += other.cpu;
        self.latencies.extend(other.latencies);
        self.latencies.sort_unstable();
    }

    /// `work` by so many at once, for `time`; each call is one request, and is told its client and its number.
    pub(crate) fn of<W: FnMut(usize)>(
        clients: usize,
        time: Duration,
        process: Option<u32>,
        client: impl Fn(usize) -> W + Sync,
    ) -> Self {
        let (cpu, began) = (process.map(machine::cpu), Instant::now());
        let latencies = std::thread::scope(|scope| {
            let client = &client;
            let threads: Vec<_> = (0..clients)
                .map(|number| {
                    scope.spawn(move || {
                        let (mut work, mut latencies) = (client(number), Vec::new());
                        let mut asked = 0;
                        while began.elapsed() < time {
                            let since = Instant::now();
                            work(asked);
                            latencies.push(since.elapsed());
                            asked += 1;
                        }
                        latencies
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("a client")).collect::<Vec<_>>()
        });
        let used = process.map(machine::cpu).zip(cpu).map_or(Duration::ZERO, |(after, before)| after - before);
        let mut measured = Self { time: began.elapsed(), cpu: used, latencies };
        measured.latencies.sort_unstable();
        measured
    }
}

/// Clients that ask `requests` in turn, each from another place on. An answer must begin with `begins`.
pub(crate) fn load(
    address: SocketAddr,
    clients: usize,
    time: Duration,
    process: u32,
    requests: &[Vec<u8>],
    begins: &str,
) -> Measured {
    Measured::of(clients, time, Some(process), |client| {
        let mut connection = Connection::open(address).expect("a connection");
        move |asked| {
            let request = &requests[(client + asked * clients) % requests.len()];
            let answer = connection.ask(request).expect("an answer");
            assert!(answer.starts_with(begins.as_bytes()), "{}", String::from_utf8_lossy(answer));
        }
    })
}
