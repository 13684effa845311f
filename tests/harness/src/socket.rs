//! A WebSocket client that speaks `graphql-transport-ws`, or whatever a test has it say.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// What no peer sends: the connection ended without a word.
const CUT: u16 = 1006;

/// One connection.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects to the product at `url` with these headers.
    pub async fn connect(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, String> {
        let address = format!("{}/graphql/ws", url.replacen("http", "ws", 1));
        let mut request = address.into_client_request().expect("an address");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        connect_async(request).await.map(|(stream, _)| Self(stream)).map_err(|error| error.to_string())
    }

    /// Connects and says who is there; the acknowledgement has come.
    pub async fn open(url: &str, bearer: Option<&str>) -> Self {
        Self::attempt(url, bearer).await.expect("a socket")
    }

    /// The same, or the code it was closed with instead.
    pub async fn attempt(url: &str, bearer: Option<&str>) -> Result<Self, u16> {
        let connected = Self::connect(url, &[("sec-websocket-protocol", "graphql-transport-ws")]).await;
        let mut socket = connected.map_err(|_| CUT)?;
        let payload = bearer.map_or(json!({}), |token| json!({ "authorization": format!("Bearer {token}") }));
        socket.offer(&json!({ "type": "connection_init", "payload": payload }).to_string()).await?;
        assert_eq!(socket.next().await?, json!({ "type": "connection_ack" }));
        Ok(socket)
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.say(&message.to_string()).await;
    }

    /// Begins an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    /// The data of the next reply, whatever its operation.
    pub async fn data(&mut self) -> Value {
        let message = self.next().await.expect("open");
        assert_eq!((&message["type"], &message["payload"]["errors"]), (&json!("next"), &Value::Null), "{message}");
        message["payload"]["data"].clone()
    }

    /// The code of the error that ends an operation.
    pub async fn refusal(&mut self) -> String {
        let message = self.next().await.expect("open");
        assert_eq!(message["type"], "error", "{message}");
        message["payload"][0]["extensions"]["code"].as_str().expect("a code").to_owned()
    }

    /// Sends a text as it is.
    pub async fn say(&mut self, text: &str) {
        self.offer(text).await.expect("sent");
    }

    /// The same, when the line may be cut.
    pub async fn offer(&mut self, text: &str) -> Result<(), u16> {
        self.0.send(Message::text(text)).await.map_err(|_| CUT)
    }

    /// The next message, or the code it was closed with.
    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(CUT),
            }
        }
    }
}
