//! How connections are taken in: what is written to them leaves at once.

use std::io::Result;

use poem::http::uri::Scheme;
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::{TcpListener, TcpStream};

/// Takes connections in without Nagle's algorithm: with it a small answer after another waits for the client's
/// acknowledgement, which many delay by 40 ms. poem's own acceptor leaves it on.
pub struct Prompt(TcpAcceptor);

impl Prompt {
    /// On `listener`.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn new(listener: TcpListener) -> Result<Self> {
        TcpAcceptor::from_tokio(listener).map(Self)
    }
}

impl Acceptor for Prompt {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr()
    }

    async fn accept(&mut self) -> Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        let accepted = self.0.accept().await?;
        // A client that is gone already is the server's to notice.
        drop(accepted.0.set_nodelay(true));
        Ok(accepted)
    }
}
