//! The door: command line and HTTP. `start` is all that tests need to run the product in their own process.

pub mod accept;
pub mod commands;
pub mod data_dir;
pub mod http;
pub mod settings;

use std::net::SocketAddr;
use std::time::Duration;

use graphql::Api;
use poem::{EndpointExt, Server};
use services::{App, Error, Result, events, jobs};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long running requests may take to finish when the product stops.
const GRACE: Duration = Duration::from_secs(20);

/// What one process does.
#[derive(Clone, Copy, Debug)]
pub struct Duties {
    /// Runs jobs in the background. Tests run them by hand.
    pub jobs: bool,
    /// Takes the client's address from the last `X-Forwarded-For`: a proxy stands in front.
    pub behind_proxy: bool,
}

/// A running product.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    working: JoinHandle<()>,
    sequencing: JoinHandle<()>,
    app: App,
}

/// Serves `app` on `listener`.
///
/// # Errors
/// [`Error::Startup`] when the listener is no good.
pub async fn start(app: App, listener: TcpListener, duties: Duties) -> Result<Running> {
    let fault = |error: std::io::Error| Error::Startup(format!("Impossible d'écouter : {error}"));
    let address = listener.local_addr().map_err(fault)?;
    let acceptor = accept::Prompt::new(listener).map_err(fault)?;
    let (stop, stopped) = watch::channel(false);
    jobs::give_back(&app).await?;
    let sequencing = tokio::spawn(events::sequence(app.db.clone()));
    let working = match duties.jobs {
        true => tokio::spawn(jobs::work(app.clone(), stopped.clone())),
        false => tokio::spawn(std::future::ready(())),
    };
    let door = http::Door { api: Api::new(app.clone()), address, behind_proxy: duties.behind_proxy, stopped: stopped.clone() };
    let mut signal = stopped;
    let serving =
        tokio::spawn(Server::new_with_acceptor(acceptor).idle_timeout(Duration::from_secs(75)).run_with_graceful_shutdown(
            http::routes(door).boxed(),
            async move { drop(signal.wait_for(|stop| *stop).await) },
            Some(GRACE),
        ));
    Ok(Running { address, stop, serving, working, sequencing, app })
}

impl Running {
    /// Stops cleanly: running requests and jobs are finished, the last writes are on disk.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        drop(self.serving.await);
        drop(self.working.await);
        self.sequencing.abort();
        self.app.db.close().await;
    }
}
