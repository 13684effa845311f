//! Connections: how many there are, how long a client may keep one waiting, and their end.
//!
//! The framework's own server bounds neither: it gives hyper no clock, so that half a head of a request is waited for without
//! end, and a client that does not read its answer as well. HTTP/1.1 only: what speaks HTTP/2 to browsers stands in front.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response};
use services::config::Limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Sleep;

/// How long running requests may take to finish when the product stops.
pub const GRACE: Duration = Duration::from_secs(20);
/// Bytes of a head, with its address.
const HEAD: usize = 256 * 1024;
/// Before the next try when no connection can be taken: the process has no file left to open.
const FULL: Duration = Duration::from_millis(100);

/// Serves `endpoint` until `stopped`; running requests are finished first.
pub async fn serve<E>(listener: TcpListener, endpoint: E, limits: Limits, mut stopped: watch::Receiver<bool>)
where
    E: Endpoint<Output = Response> + 'static,
{
    let endpoint = Arc::new(endpoint);
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut open = JoinSet::new();
    let told = stopped.clone();
    let mut stop = std::pin::pin!(async move { drop(stopped.wait_for(|stop| *stop).await) });
    loop {
        tokio::select! {
            Some(stream) = accept(&listener, &places, limits.idle_time) => {
                open.spawn(talk(stream, Arc::clone(&endpoint), limits.idle_time, told.clone()));
            }
            Some(_) = open.join_next() => {}
            () = &mut stop => break,
        }
    }
    drop(listener);
    drop(tokio::time::timeout(GRACE, async { while open.join_next().await.is_some() {} }).await);
}

/// The next connection, once there is a place for it: beyond, clients wait in the queue of the machine.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>, patience: Duration) -> Option<Connection> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some(Connection { stream, stalled: None, patience, _place: place }),
        Err(_) => {
            tokio::time::sleep(FULL).await;
            None
        }
    }
}

async fn talk<E>(stream: Connection, endpoint: Arc<E>, idle: Duration, mut stopped: watch::Receiver<bool>)
where
    E: Endpoint<Output = Response> + 'static,
{
    let (Ok(local), Ok(peer)) = (stream.stream.local_addr(), stream.stream.peer_addr()) else { return };
    // A small answer is not kept back to be sent with a next one.
    drop(stream.stream.set_nodelay(true));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let endpoint = Arc::clone(&endpoint);
        let request = (request, LocalAddr(local.into()), RemoteAddr(peer.into()), Scheme::HTTP);
        async move { Ok::<hyper::Response<_>, Infallible>(endpoint.get_response(request.into()).await.into()) }
    });
    // The time to the end of the next head counts from the last answer: who says nothing and who says it slowly cost the same.
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    tokio::select! {
        _ = &mut connection => return,
        _ = stopped.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}

/// A connection that holds its place, after an upgrade too, and ends when its client does not read what it is sent.
struct Connection {
    stream: TcpStream,
    stalled: Option<Pin<Box<Sleep>>>,
    patience: Duration,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn bound<T>(&mut self, cx: &mut Context<'_>, written: Poll<std::io::Result<T>>) -> Poll<std::io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(std::io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bound(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
