//! GraphQL over WebSocket: the `graphql-transport-ws` protocol (github.com/enisdenjo/graphql-ws, PROTOCOL.md), our own loop.
//!
//! The client is recognised once, by cookie at the handshake (from a page of ours) or by token in `connection_init`, and
//! again at each operation, so that a session that ended runs nothing more.

use std::collections::HashMap;
use std::future::ready;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::poll_immediate;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use graphql::{Ask, Reply};
use poem::http::HeaderMap;
use poem::web::Data;
use poem::web::websocket::{CloseCode, Message, WebSocket, WebSocketConfig, WebSocketStream};
use poem::{IntoResponse, Request, Response, handler};
use serde_json::value::RawValue;
use services::id::MemberId;
use services::live::{Listener, Topic};
use services::places::Place;
use services::sessions::Origin;
use services::{Caller, Error};
use tokio::time::Instant;

use super::Door;
use super::session::{self, Proof};

const PROTOCOL: &str = "graphql-transport-ws";
/// Time for the peer to take a message.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(serde::Deserialize)]
struct Incoming<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(serde::Deserialize, Default)]
struct Init {
    /// `Bearer …`, as the header would say it.
    #[serde(alias = "Authorization")]
    authorization: Option<String>,
}

#[handler]
pub(super) fn upgrade(door: Data<&Door>, request: &Request, socket: WebSocket) -> Response {
    let headers = request.headers();
    let speaks =
        |value: &poem::http::HeaderValue| value.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim() == PROTOCOL));
    if !headers.get_all("sec-websocket-protocol").iter().any(speaks) {
        let refuse = |mut stream| async move { leave(&mut stream, Close(4406, "Subprotocol not acceptable")).await };
        return socket.on_upgrade(refuse).into_response();
    }
    // A page of another site may open a socket that carries the cookie: then it is nobody's.
    let proof = if session::is_same_origin(&door, headers) { session::proof(&door, headers) } else { Proof::Nothing };
    let (origin, agent) = (session::origin(&door, request), session::agent(headers).to_owned());
    let message = door.api.app.config.limits.socket_message_bytes;
    let connection = Connection { door: door.clone(), proof, origin, agent, member: None, _place: None };
    // The library reserves 128 KiB to read and takes 64 MiB messages unless told otherwise.
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * 1024 * 1024)
        .max_message_size(Some(message))
        .max_frame_size(Some(message));
    socket.config(config).protocols([PROTOCOL]).on_upgrade(move |stream| connection.serve(stream)).into_response()
}

/// What a connection closes with.
struct Close(u16, &'static str);

const GOING_AWAY: Close = Close(1001, "Going away");
const FORBIDDEN: Close = Close(4403, "Forbidden");
/// It may come back, and miss nothing.
const AWAY: Close = Close(1013, "Try again later");

struct Connection {
    door: Door,
    proof: Proof,
    origin: Origin,
    agent: String,
    member: Option<MemberId>,
    /// From `connection_init` on.
    _place: Option<Place<Holder>>,
}

/// Whose connections are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A member, wherever they come from.
    Member(MemberId),
    /// Those who did not sign in, from one network address.
    Origin(Origin),
}

/// An operation that runs.
struct Running {
    replies: BoxStream<'static, Reply>,
    /// It ends when its client has had enough.
    is_subscription: bool,
}

/// The next reply of one of them, or that it has ended; never when none runs. They are few.
async fn next_reply(running: &mut HashMap<String, Running>) -> (String, Option<Reply>) {
    std::future::poll_fn(|cx| {
        let mut all = running.iter_mut();
        let said = all.find_map(|(id, operation)| match operation.replies.poll_next_unpin(cx) {
            Poll::Ready(reply) => Some((id.clone(), reply)),
            Poll::Pending => None,
        });
        said.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

impl Connection {
    async fn serve(mut self, mut stream: WebSocketStream) {
        match self.talk(&mut stream).await {
            Err(close) => leave(&mut stream, close).await,
            Ok(()) => drop(tokio::time::timeout(PATIENCE, stream.close()).await),
        }
    }

    async fn talk(&mut self, stream: &mut WebSocketStream) -> Result<(), Close> {
        let mut stopped = self.door.stopped.clone();
        let patience = self.door.api.app.config.limits.socket_init_time;
        let begun = tokio::select! {
            begun = tokio::time::timeout(patience, self.begin(stream)) => begun,
            _ = stopped.wait_for(|stop| *stop) => return Err(GOING_AWAY),
        };
        match begun.map_err(|_| Close(4408, "Connection initialisation timeout"))?? {
            Some(listener) => self.operate(stream, listener).await,
            None => Ok(()),
        }
    }

    /// Waits for `connection_init`; pings may come before it. With an ear for what happens to who is there; none when the peer left
    /// instead.
    async fn begin(&mut self, stream: &mut WebSocketStream) -> Result<Option<Listener>, Close> {
        while let Some(incoming) = text(stream).await? {
            let message = parse(&incoming)?;
            match message.kind {
                "connection_init" => return self.init(message.payload).await.map(Some),
                "ping" => send(stream, r#"{"type":"pong"}"#.into()).await?,
                "pong" => {}
                "subscribe" => return Err(Close(4401, "Unauthorized")),
                _ => return Err(Close(4400, "connection_init comes first")),
            }
        }
        Ok(None)
    }

    /// Recognises who is there; a token that is not good closes the connection.
    async fn init(&mut self, payload: Option<&RawValue>) -> Result<Listener, Close> {
        let init: Init = match payload {
            None => Init::default(),
            Some(payload) => serde_json::from_str(payload.get()).map_err(|_| Close(4400, "Malformed connection_init"))?,
        };
        if let Some(authorization) = init.authorization {
            let mut headers = HeaderMap::new();
            let value = authorization.parse().map_err(|_| Close(4400, "Malformed authorization"))?;
            headers.insert("authorization", value);
            self.proof = session::proof(&self.door, &headers);
        }
        let live = &self.door.api.app.live;
        let head = live.head();
        let member = self.recognise().await.map_err(unrecognised)?.id();
        let limits = &self.door.api.app.config.limits;
        let (holder, most) = match member {
            Some(member) => (Holder::Member(member), limits.sockets_per_member),
            None => (Holder::Origin(self.origin), limits.sockets_per_origin),
        };
        // Instead of the acknowledgement: clients count their tries anew from there, and would come back for ever.
        let place = self.door.sockets.take(holder, most).ok_or(Close(4430, "Too many connections"))?;
        let listener = live.listen(member.map(|member| Topic::About(member.0)).into_iter().collect());
        // Whom to listen for was known too late for what was told meanwhile: the session may have ended.
        if live.head() != head && self.recognise().await.map_err(unrecognised)?.id() != member {
            return Err(FORBIDDEN);
        }
        (self.member, self._place) = (member, Some(place));
        Ok(listener)
    }

    /// Who is there now.
    async fn recognise(&self) -> Result<Caller, Error> {
        let client = session::client(&self.door, &self.proof, self.origin, &self.agent, false).boxed().await?;
        Ok(client.caller)
    }

    /// Something happened to the member who is there: a session that ended, or a suspension, closes the connection. A suspended
    /// member may come back and read. A read that fails closes it too: nobody knows what they may do, and the sign comes once.
    async fn look_again(&self) -> Result<(), Close> {
        match self.recognise().await {
            Ok(caller) if caller.id() == self.member && caller.suspended().is_none() => Ok(()),
            Ok(_) | Err(Error::Unauthenticated) => Err(FORBIDDEN),
            Err(_) => Err(AWAY),
        }
    }

    async fn operate(&self, stream: &mut WebSocketStream, listener: Listener) -> Result<(), Close> {
        let mut running: HashMap<String, Running> = HashMap::new();
        let mut stopped = self.door.stopped.clone();
        let mut stops = Box::pin(async move { stopped.wait_for(|stop| *stop).await.is_ok() });
        let (mut asked, mut stopping) = (false, false);
        let limits = &self.door.api.app.config.limits;
        // Set again when something is heard, not at each turn of the loop: most of those are what is told.
        let mut silence = Box::pin(tokio::time::sleep(limits.socket_silence));
        let mut said = Some(r#"{"type":"connection_ack"}"#.to_owned());
        loop {
            if let Some(said) = said.take() {
                let mut sending = pin!(send(stream, said));
                // A peer who does not read puts off neither the end of their session nor a stop.
                loop {
                    tokio::select! {
                        biased;
                        sent = &mut sending => break sent?,
                        () = listener.heard() => self.look_again().await?,
                        _ = &mut stops, if !stopping => {
                            stopping = true;
                            running.retain(|_, operation| !operation.is_subscription);
                            if running.is_empty() {
                                return Err(GOING_AWAY);
                            }
                        }
                    }
                }
            }
            if stopping && running.is_empty() {
                return Err(GOING_AWAY);
            }
            said = tokio::select! {
                () = &mut silence => {
                    // Not a code that tells clients to stay away: a machine that slept comes back.
                    if asked {
                        return Err(Close(4499, "No sign of life"));
                    }
                    asked = true;
                    silence.as_mut().reset(Instant::now() + limits.socket_silence);
                    Some(r#"{"type":"ping"}"#.to_owned())
                }
                incoming = text(stream) => {
                    asked = false;
                    silence.as_mut().reset(Instant::now() + limits.socket_silence);
                    let Some(incoming) = incoming? else { return Ok(()) };
                    let message = parse(&incoming)?;
                    match (message.kind, message.id) {
                        ("subscribe", Some(id)) => {
                            if running.contains_key(&id) {
                                return Err(Close(4409, "Subscriber for this id already exists"));
                            }
                            let payload = message.payload.ok_or(Close(4400, "subscribe without payload"))?;
                            let ask = serde_json::from_str(payload.get()).map_err(|_| Close(4400, "Malformed subscribe"))?;
                            if stopping {
                                Some(refusal(&id, "Le service s'arrête : reconnectez-vous."))
                            } else if running.len() >= limits.socket_operations {
                                let most = limits.socket_operations;
                                Some(refusal(&id, &format!("Au plus {most} opérations à la fois sur une connexion.")))
                            } else {
                                running.insert(id, self.run(ask));
                                None
                            }
                        }
                        ("complete", Some(id)) => {
                            // What writes goes on to its end; only the reply is dropped.
                            running.remove(&id);
                            None
                        }
                        ("ping", _) => Some(r#"{"type":"pong"}"#.to_owned()),
                        ("pong", _) => None,
                        ("connection_init", _) => return Err(Close(4429, "Too many initialisation requests")),
                        _ => return Err(Close(4400, "Unknown message type")),
                    }
                }
                (id, reply) = next_reply(&mut running) => {
                    let said = match &reply {
                        Some(Reply::Next(payload)) => message("next", &id, Some(payload)),
                        Some(Reply::Error(payload)) => message("error", &id, Some(payload)),
                        Some(Reply::Away) => return Err(AWAY),
                        None => message("complete", &id, None),
                    };
                    if !matches!(reply, Some(Reply::Next(_))) {
                        running.remove(&id);
                    }
                    Some(said)
                }
                () = listener.heard() => {
                    self.look_again().await?;
                    None
                }
                // What runs is finished first. A subscription is not: its client goes on from its cursor, elsewhere.
                _ = &mut stops, if !stopping => {
                    stopping = true;
                    running.retain(|_, operation| !operation.is_subscription);
                    None
                }
            };
        }
    }

    /// Begins an operation. Its caller is recognised again: a session that ended runs nothing more.
    fn run(&self, ask: Ask) -> Running {
        let (door, proof, origin, agent) = (self.door.clone(), self.proof.clone(), self.origin, self.agent.clone());
        let is_subscription = self.door.api.is_subscription(&ask);
        let replies = async move {
            let client = match session::client(&door, &proof, origin, &agent, false).await {
                Ok(client) => client,
                Err(error) => {
                    let errors = serde_json::json!([{ "message": error.sentence(), "extensions": { "code": error.code() } }]);
                    return stream::once(ready(Reply::Error(errors.to_string().into()))).boxed();
                }
            };
            match is_subscription {
                true => door.api.subscribe(ask, client),
                false => stream::once(async move { door.api.execute(ask, client, false).await.reply(false) }).boxed(),
            }
        };
        // Twice in a box: what begins an operation takes much room, and is over when the operation goes on.
        Running { replies: replies.boxed().flatten_stream().boxed(), is_subscription }
    }
}

/// Why a connection does not begin.
fn unrecognised(error: Error) -> Close {
    match error {
        Error::Unauthenticated => FORBIDDEN,
        Error::Unavailable(_) => AWAY,
        _ => Close(4500, "Internal server error"),
    }
}

/// A message of the protocol; the payload is JSON.
fn message(kind: &str, id: &str, payload: Option<&str>) -> String {
    let id = serde_json::Value::from(id);
    match payload {
        Some(payload) => format!(r#"{{"type":"{kind}","id":{id},"payload":{payload}}}"#),
        None => format!(r#"{{"type":"{kind}","id":{id}}}"#),
    }
}

/// Says why, and closes.
async fn leave(stream: &mut WebSocketStream, Close(code, reason): Close) {
    let close = Message::Close(Some((CloseCode::from(code), reason.into())));
    let closed = async {
        drop(stream.send(close).await);
        drop(stream.close().await);
    };
    drop(tokio::time::timeout(PATIENCE, closed).await);
}

fn parse(text: &str) -> Result<Incoming<'_>, Close> {
    let message: Option<Incoming> = serde_json::from_str(text).ok().filter(|_| is_object(text));
    let message = message.filter(|message| message.payload.is_none_or(|payload| is_object(payload.get())));
    message.ok_or(Close(4400, "Malformed message"))
}

/// Whether what is JSON is an object: a list of values would be read as one too.
fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

/// An operation that is not begun.
fn refusal(id: &str, sentence: &str) -> String {
    let errors = serde_json::json!([{ "message": sentence, "extensions": { "code": "LIMITED" } }]);
    message("error", id, Some(&errors.to_string()))
}

/// The next text message; none at the end.
async fn text(stream: &mut WebSocketStream) -> Result<Option<String>, Close> {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Text(text)) => return Ok(Some(text)),
            Ok(Message::Binary(_)) => return Err(Close(4400, "Text messages only")),
            Ok(Message::Close(_)) => return Ok(None),
            Ok(_) => {}
            Err(error) => return broken(&error.to_string()).map_or(Ok(None), Err),
        }
    }
    Ok(None)
}

/// The code for what is no message (RFC 6455, 7.4.1), by the words of the library, which hands its errors on as text; none when the
/// line is cut. Without a code clients come back and send the same again.
fn broken(error: &str) -> Option<Close> {
    match error {
        error if error.starts_with("Space limit exceeded") => Some(Close(1009, "Message too big")),
        error if error.starts_with("UTF-8 encoding error") => Some(Close(1007, "Invalid UTF-8")),
        error if error.contains("without closing handshake") => None,
        error if error.starts_with("WebSocket protocol error") => Some(Close(1002, "Protocol error")),
        _ => None,
    }
}

async fn send(stream: &mut WebSocketStream, text: String) -> Result<(), Close> {
    let mut sending = pin!(stream.send(Message::Text(text)));
    let sent = match poll_immediate(&mut sending).await {
        Some(sent) => Ok(sent),
        // Only who does not take it at once is given a time, in a box: each connection that waits would keep its room.
        None => tokio::time::timeout(PATIENCE, sending).boxed().await,
    };
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Close(1001, "Gone")),
        // It may come back, and miss nothing.
        Err(_) => Err(Close(1013, "Too slow: go on from your cursor")),
    }
}
