//! GraphQL over WebSocket: the `graphql-transport-ws` protocol (github.com/enisdenjo/graphql-ws, PROTOCOL.md), our own loop.
//!
//! The client is recognised once, by cookie at the handshake (from a page of ours) or by token in `connection_init`, and
//! again at each operation, so that a session that ended runs nothing more.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use graphql::Ask;
use poem::http::{HeaderMap, StatusCode};
use poem::web::Data;
use poem::web::websocket::{CloseCode, Message, WebSocket, WebSocketConfig, WebSocketStream};
use poem::{IntoResponse, Request, Response, handler};
use serde_json::value::RawValue;
use services::Error;
use services::sessions::Origin;

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
        return super::sentence_only(StatusCode::BAD_REQUEST, "Demandez le sous-protocole graphql-transport-ws.");
    }
    // A page of another site may open a socket that carries the cookie: then it is nobody's.
    let proof = if session::is_same_origin(&door, headers) { session::proof(&door, headers) } else { Proof::Nothing };
    let (origin, agent) = (session::origin(&door, request), session::agent(headers).to_owned());
    let message = door.api.app.config.limits.socket_message_bytes;
    let connection = Connection { door: door.clone(), proof, origin, agent };
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

struct Connection {
    door: Door,
    proof: Proof,
    origin: Origin,
    agent: String,
}

/// An operation's id with its message: `next` or `error`, and its payload; none when the client completed it.
type Running = Pin<Box<dyn Future<Output = (String, Option<(&'static str, String)>)> + Send>>;

impl Connection {
    async fn serve(mut self, mut stream: WebSocketStream) {
        if let Err(Close(code, reason)) = self.talk(&mut stream).await {
            let close = Message::Close(Some((CloseCode::from(code), reason.into())));
            drop(tokio::time::timeout(PATIENCE, stream.send(close)).await);
        }
        drop(tokio::time::timeout(PATIENCE, stream.close()).await);
    }

    async fn talk(&mut self, stream: &mut WebSocketStream) -> Result<(), Close> {
        let mut stopped = self.door.stopped.clone();
        let patience = self.door.api.app.config.limits.socket_init_time;
        let begun = tokio::select! {
            begun = tokio::time::timeout(patience, self.begin(stream)) => begun,
            _ = stopped.wait_for(|stop| *stop) => return Err(Close(1001, "Going away")),
        };
        if !begun.map_err(|_| Close(4408, "Connection initialisation timeout"))?? {
            return Ok(());
        }
        send(stream, r#"{"type":"connection_ack"}"#.into()).await?;
        self.operate(stream).await
    }

    /// Waits for `connection_init`; pings may come before it. False when the peer left instead.
    async fn begin(&mut self, stream: &mut WebSocketStream) -> Result<bool, Close> {
        while let Some(incoming) = text(stream).await? {
            let message = parse(&incoming)?;
            match message.kind {
                "connection_init" => return self.init(message.payload).await.map(|()| true),
                "ping" => send(stream, r#"{"type":"pong"}"#.into()).await?,
                "pong" => {}
                "subscribe" => return Err(Close(4401, "Unauthorized")),
                _ => return Err(Close(4400, "connection_init comes first")),
            }
        }
        Ok(false)
    }

    /// Recognises who is there; a token that is not good closes the connection.
    async fn init(&mut self, payload: Option<&RawValue>) -> Result<(), Close> {
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
        match session::client(&self.door, &self.proof, self.origin, &self.agent, false).await {
            Ok(_) => Ok(()),
            Err(Error::Unauthenticated) => Err(Close(4403, "Forbidden")),
            Err(_) => Err(Close(4500, "Internal server error")),
        }
    }

    async fn operate(&mut self, stream: &mut WebSocketStream) -> Result<(), Close> {
        let mut running: FuturesUnordered<Running> = FuturesUnordered::new();
        let mut handles: HashMap<String, AbortHandle> = HashMap::new();
        let mut stopped = self.door.stopped.clone();
        let mut stops = Box::pin(async move { stopped.wait_for(|stop| *stop).await.is_ok() });
        let (mut asked, mut stopping) = (false, false);
        let limits = self.door.api.app.config.limits;
        loop {
            if stopping && running.is_empty() {
                return Err(Close(1001, "Going away"));
            }
            tokio::select! {
                incoming = tokio::time::timeout(limits.socket_silence, text(stream)) => match incoming {
                    // Not a code that tells clients to stay away: a machine that slept comes back.
                    Err(_) if asked => return Err(Close(4499, "No sign of life")),
                    Err(_) => {
                        asked = true;
                        send(stream, r#"{"type":"ping"}"#.into()).await?;
                    }
                    Ok(incoming) => {
                        asked = false;
                        let Some(incoming) = incoming? else { return Ok(()) };
                        let message = parse(&incoming)?;
                        match (message.kind, message.id) {
                            ("subscribe", Some(id)) => {
                                if handles.contains_key(&id) {
                                    return Err(Close(4409, "Subscriber for this id already exists"));
                                }
                                let payload = message.payload.ok_or(Close(4400, "subscribe without payload"))?;
                                let ask = serde_json::from_str(payload.get()).map_err(|_| Close(4400, "Malformed subscribe"))?;
                                if stopping || handles.len() >= limits.socket_operations {
                                    let sentence = match stopping {
                                        true => "Le service s'arrête : reconnectez-vous.".into(),
                                        false => format!("Au plus {} opérations à la fois sur une connexion.", limits.socket_operations),
                                    };
                                    send(stream, refusal(&id, &sentence)).await?;
                                    continue;
                                }
                                let (handle, registration) = AbortHandle::new_pair();
                                handles.insert(id.clone(), handle);
                                let work = self.run(ask);
                                running.push(Box::pin(async move { (id, Abortable::new(work, registration).await.ok()) }));
                            }
                            ("complete", Some(id)) => {
                                // What writes goes on to its end; only the reply is dropped.
                                if let Some(handle) = handles.remove(&id) {
                                    handle.abort();
                                }
                            }
                            ("ping", _) => send(stream, r#"{"type":"pong"}"#.into()).await?,
                            ("pong", _) => {}
                            ("connection_init", _) => return Err(Close(4429, "Too many initialisation requests")),
                            _ => return Err(Close(4400, "Unknown message type")),
                        }
                    }
                },
                Some((id, reply)) = running.next() => {
                    let (Some((kind, payload)), true) = (reply, handles.remove(&id).is_some()) else { continue };
                    let id = serde_json::Value::String(id);
                    send(stream, format!(r#"{{"type":"{kind}","id":{id},"payload":{payload}}}"#)).await?;
                    if kind == "next" {
                        send(stream, format!(r#"{{"type":"complete","id":{id}}}"#)).await?;
                    }
                }
                // What runs is finished first.
                _ = &mut stops, if !stopping => stopping = true,
            }
        }
    }

    /// One operation, to its message: `next`, or `error` for a document that was not executed.
    fn run(&self, ask: Ask) -> impl Future<Output = (&'static str, String)> + Send + 'static {
        let (door, proof, origin, agent) = (self.door.clone(), self.proof.clone(), self.origin, self.agent.clone());
        async move {
            let client = match session::client(&door, &proof, origin, &agent, false).await {
                Ok(client) => client,
                Err(error) => {
                    let errors = serde_json::json!([{ "message": error.sentence(), "extensions": { "code": error.code() } }]);
                    return ("error", errors.to_string());
                }
            };
            let outcome = door.api.execute(ask, client, false).await;
            let (kind, payload) = match outcome.executed {
                true => ("next", outcome.to_json()),
                false => ("error", serde_json::to_string(&outcome.response.errors)),
            };
            (kind, payload.unwrap_or_else(|_| "null".into()))
        }
    }
}

fn parse(text: &str) -> Result<Incoming<'_>, Close> {
    serde_json::from_str(text).map_err(|_| Close(4400, "Malformed message"))
}

/// An operation that is not begun.
fn refusal(id: &str, sentence: &str) -> String {
    let errors = serde_json::json!([{ "message": sentence, "extensions": { "code": "LIMITED" } }]);
    serde_json::json!({ "type": "error", "id": id, "payload": errors }).to_string()
}

/// The next text message; none at the end.
async fn text(stream: &mut WebSocketStream) -> Result<Option<String>, Close> {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Text(text)) => return Ok(Some(text)),
            Ok(Message::Binary(_)) => return Err(Close(4400, "Text messages only")),
            Ok(Message::Close(_)) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
    Ok(None)
}

async fn send(stream: &mut WebSocketStream, text: String) -> Result<(), Close> {
    // A peer that is gone, or takes nothing any more, is told nothing more.
    match tokio::time::timeout(PATIENCE, stream.send(Message::Text(text))).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Close(1001, "Gone")),
    }
}
