//! A wire between clients and the product, below HTTP: bytes pass as they are, until a test cuts it or so many have passed,
//! wherever in a message that is.

use std::pin::pin;

use tokio::io::AsyncReadExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Connections at once; further ones wait.
const AT_ONCE: usize = 100;

/// A wire to one product. Dropped, it is cut for good.
pub struct Wire {
    /// Where clients connect: `http://127.0.0.1:…`.
    pub url: String,
    whole: watch::Sender<bool>,
    frozen: watch::Sender<()>,
    passing: JoinHandle<()>,
}

impl Wire {
    /// To the product at `url`, as long as it is not cut.
    pub async fn to(url: &str) -> Self {
        Self::frail(url, || [u64::MAX; 2]).await
    }

    /// The same, where each connection ends by itself: `lengths` says after how many bytes to the product, or from it.
    pub async fn frail(url: &str, lengths: impl FnMut() -> [u64; 2] + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = format!("http://{}", listener.local_addr().expect("an address"));
        let ((whole, is_whole), (frozen, freezes)) = (watch::channel(true), watch::channel(()));
        let product = url.strip_prefix("http://").expect("an address over http").to_owned();
        let passing = tokio::spawn(pass_on(listener, product, (is_whole, freezes), lengths));
        Self { url: own, whole, frozen, passing }
    }

    /// Cuts every connection; none passes until it is mended.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Nothing passes any more on the connections there are, and neither side is told: as behind a switch without power. New ones
    /// pass.
    pub fn freeze(&self) {
        self.frozen.send_replace(());
    }

    /// Lets new connections pass.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.passing.abort();
    }
}

async fn pass_on(
    listener: TcpListener,
    product: String,
    (whole, frozen): (watch::Receiver<bool>, watch::Receiver<()>),
    mut lengths: impl FnMut() -> [u64; 2] + Send + 'static,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Ok((near, _)) = listener.accept(), if open.len() < AT_ONCE => {
                open.spawn(connection(near, product.clone(), (whole.clone(), frozen.clone()), lengths()));
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn connection(
    near: TcpStream,
    product: String,
    (mut whole, mut frozen): (watch::Receiver<bool>, watch::Receiver<()>),
    [there, back]: [u64; 2],
) {
    // What came before it does not freeze it.
    frozen.mark_unchanged();
    let both = async {
        let Ok(far) = TcpStream::connect(product).await else { return };
        drop((near.set_nodelay(true), far.set_nodelay(true)));
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::select! {
            () = bytes(near_in, far_out, there) => {}
            () = bytes(far_in, near_out, back) => {}
        }
    };
    // It holds both ends for as long as this goes on.
    let mut both = pin!(both);
    let passing = async {
        tokio::select! {
            biased;
            Ok(()) = frozen.changed() => std::future::pending().await,
            () = &mut both => {}
        }
    };
    tokio::select! {
        biased;
        _ = whole.wait_for(|whole| !whole) => {}
        () = passing => {}
    }
}

/// Until one side ends, or that many have passed.
async fn bytes(from: OwnedReadHalf, mut to: OwnedWriteHalf, most: u64) {
    drop(tokio::io::copy(&mut from.take(most), &mut to).await);
}
