//! `ciam serve`: the API, the pages and the jobs, until Ctrl-C or SIGTERM.

use services::clock::Clock;
use services::{App, Error, Result, foundation};
use tokio::net::TcpListener;

use super::log;
use crate::settings::Settings;
use crate::{Duties, data_dir, start};

/// Runs until it is told to stop.
///
/// # Errors
/// [`Error::Startup`] with a sentence for the operator.
pub async fn run(settings: &Settings) -> Result<()> {
    log(settings, "info,sqlx=warn");
    data_dir::prepare(&settings.data_dir)?;
    let _held = data_dir::hold(&settings.data_dir)?;
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
        let what = match error.kind() {
            std::io::ErrorKind::AddrInUse => "Arrêtez ce qui l'occupe, ou donnez un autre port avec --listen.",
            std::io::ErrorKind::PermissionDenied => {
                "Les ports au-dessous de 1024 sont réservés : donnez-en un autre avec --listen."
            }
            _ => "Donnez avec --listen une adresse de cette machine.",
        };
        Error::Startup(format!("L'adresse {} ne peut pas être ouverte ({error}). {what}", settings.listen))
    })?;
    // With port 0 the machine chooses one: links name it.
    let listen = listener.local_addr().unwrap_or(settings.listen);
    let settings = &Settings { listen, ..settings.clone() };
    let clock = Clock::system();
    let node = data_dir::node(&settings.data_dir, &clock)?;
    let app = App::open(settings.config(), clock, node).await?;
    let laid = foundation::lay(&app).await?;
    let (url, outbox) = (app.config.public_url.clone(), app.mailer.outbox().is_some());
    let mut told = format!("ciam {}\n\n  Adresse       {url}\n  Explorateur   {url}/explorer\n", env!("CARGO_PKG_VERSION"));
    if outbox && settings.listen.ip().is_loopback() {
        told += &format!("  Courriels     {url}/outbox\n");
    }
    if let Some(laid) = laid {
        told += &format!(
            "\nPremière connexion de l'administration (un seul usage, 24 heures) :\n  {url}/connexion?jeton={}\n",
            laid.first_link
        );
    }
    let running = start(app, listener, Duties { jobs: true, behind_proxy: settings.behind_proxy }).await?;
    let stop = stop_signal().map_err(|error| Error::Startup(format!("Les signaux ne peuvent pas être reçus : {error}")))?;
    println!("{told}\nCtrl-C pour arrêter.");
    stop.await;
    println!("Arrêt : les demandes et les tâches en cours se terminent.");
    running.stop().await;
    Ok(())
}

/// Ctrl-C, or SIGTERM as service managers and containers send it; heard from this call on.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
