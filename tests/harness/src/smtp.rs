//! An SMTP server (RFC 5321) that keeps what it is given, and fails as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::Mail;

/// A running server; it ends with its last handle.
#[derive(Clone)]
pub struct SmtpServer {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    mails: Vec<Mail>,
    /// What it answers to the end of the next messages, rather than taking them.
    refusals: Vec<&'static str>,
    /// To whom it says nothing any more once a mail for them was announced.
    silent_for: Option<&'static str>,
}

impl SmtpServer {
    /// On a free port.
    pub async fn start() -> Self {
        Self::at(([127, 0, 0, 1], 0).into()).await
    }

    /// On that address.
    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::downgrade(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(state) = shared.upgrade() else { return };
                tokio::spawn(async move { drop(converse(stream, state).await) });
            }
        });
        Self { address, state }
    }

    /// As a setting.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Answers the next message with that line: `450 4.7.1 …` to put it off, `550 5.1.1 …` to refuse it.
    pub fn refuse_next(&self, line: &'static str) {
        self.state.lock().expect("state").refusals.push(line);
    }

    /// Falls silent as soon as somebody names this recipient.
    pub fn be_silent_for(&self, recipient: &'static str) {
        self.state.lock().expect("state").silent_for = Some(recipient);
    }

    /// Takes the mails that arrived.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.state.lock().expect("state").mails)
    }
}

async fn converse(stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    write.write_all(b"220 essai ESMTP\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.split_whitespace().next().unwrap_or("").to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => "250-essai\r\n250 8BITMIME\r\n".to_owned(),
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let raw = data(&mut lines).await?;
                let mut state = state.lock().expect("state");
                match state.refusals.pop() {
                    Some(refusal) => format!("{refusal}\r\n"),
                    None => {
                        state.mails.push(Mail::parse(&raw));
                        "250 taken\r\n".into()
                    }
                }
            }
            "RCPT" if state.lock().expect("state").silent_for.is_some_and(|recipient| line.contains(recipient)) => {
                // Until the other side hangs up.
                return tokio::io::copy(&mut lines, &mut tokio::io::sink()).await.map(drop);
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok\r\n".into(),
        };
        write.write_all(answer.as_bytes()).await?;
    }
}

/// The lines up to a lone dot; a doubled dot at the start of a line is one.
async fn data(lines: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
    let (mut raw, mut line) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).await? == 0 || line == b".\r\n" {
            return Ok(raw);
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
