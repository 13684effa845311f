//! The door: command line and HTTP. `start` is all that tests need to run the product in their own process.

pub mod commands;
pub mod data_dir;
pub mod http;
pub mod settings;

use std::net::SocketAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use graphql::Api;
use services::places::Places;
use services::{App, Error, Result, events, files, inbox, jobs, live, search};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// What one process does.
#[derive(Clone, Copy, Debug)]
pub struct Duties {
    /// Runs jobs, tells people what happens and keeps the search index, in the background. Tests do it by hand.
    pub jobs: bool,
    /// Takes the client's address from the last `X-Forwarded-For`: a proxy stands in front.
    pub behind_proxy: bool,
}

/// A running product.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    served: mpsc::Receiver<()>,
    working: Vec<JoinHandle<()>>,
    sequencing: JoinHandle<()>,
    following: JoinHandle<()>,
    looking: JoinHandle<()>,
    app: App,
}

/// Serves `app` on `listener`.
///
/// # Errors
/// [`Error::Startup`] when the listener is no good.
pub fn start(app: App, listener: TcpListener, duties: Duties) -> BoxFuture<'static, Result<Running>> {
    // In a box, so that the product is compiled here and not once more in every crate that waits for it.
    start_now(app, listener, duties).boxed()
}

async fn start_now(app: App, listener: TcpListener, duties: Duties) -> Result<Running> {
    let fault = |error: std::io::Error| Error::Startup(format!("Impossible d'écouter : {error}"));
    let address = listener.local_addr().map_err(fault)?;
    let (stop, stopped) = watch::channel(false);
    jobs::give_back(&app).await?;
    files::forget_begun(&app).await?;
    let sequencing = tokio::spawn(events::sequence(app.db.clone()));
    let following = tokio::spawn(live::follow(app.clone()));
    let looking = tokio::spawn(app.presence.clone().keep());
    let working = match duties.jobs {
        true => vec![
            tokio::spawn(jobs::work(app.clone(), stopped.clone())),
            tokio::spawn(inbox::deliver(app.clone(), stopped.clone())),
            tokio::spawn(search::keep(app.clone(), stopped.clone())),
        ],
        false => Vec::new(),
    };
    let (holds, served) = mpsc::channel(1);
    let door = http::Door {
        api: Api::new(app.clone()),
        sockets: Places::default(),
        address,
        behind_proxy: duties.behind_proxy,
        stopped: stopped.clone(),
        served: holds,
    };
    let serving = tokio::spawn(http::server::serve(listener, http::routes(door), app.config.limits, stopped));
    Ok(Running { address, stop, serving, served, working, sequencing, following, looking, app })
}

impl Running {
    /// Stops cleanly: running requests and jobs are finished, the last writes are on disk.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        drop(self.serving.await);
        // The server knows nothing of its WebSockets once they are opened.
        drop(tokio::time::timeout(http::server::GRACE, self.served.recv()).await);
        for duty in self.working {
            drop(duty.await);
        }
        self.sequencing.abort();
        self.following.abort();
        self.looking.abort();
        self.app.db.close().await;
    }
}
