//! One file per command.

pub mod demo;
pub mod export;
pub mod import;
pub mod migrate;
pub mod serve;
pub mod token;

use services::caller::{Caller, Credential};
use services::clock::Clock;
use services::{App, Error, Result, accounts};

use crate::data_dir;
use crate::settings::Settings;

/// Opens the product for a command that runs beside a serving process: it only writes rows, whose readers poll.
async fn beside(settings: &Settings) -> Result<App> {
    log(settings, "warn");
    data_dir::prepare(&settings.data_dir)?;
    let clock = Clock::system();
    // Not the serving node: it must not take back that one's jobs.
    let node = clock.id();
    App::open(settings.config(), clock, node).await
}

/// The member with this mail address, as the operator acts for them; the first administrator unless told.
async fn acting(app: &App, settings: &Settings, address: Option<&str>) -> Result<Caller> {
    let address = address.unwrap_or(&settings.admin_address);
    let mut reader = app.db.reader().await?;
    let member = accounts::member_by_mail(&mut reader, address)
        .await?
        .ok_or_else(|| Error::Startup(format!("Aucun membre n'a l'adresse {address} : donnez avec --as celle de qui agit.")))?;
    Caller::member(&mut reader, member.id, Credential::Operator, app.clock.now()).await?.ok_or(Error::NotFound)
}

/// Sends the log to standard error; `default` unless the operator set a filter.
fn log(settings: &Settings, default: &str) {
    let filter = if settings.log == "info" { default } else { &settings.log };
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
}

fn bar_style(template: &str) -> Result<indicatif::ProgressStyle> {
    indicatif::ProgressStyle::with_template(template).map_err(|error| Error::internal(error.to_string()))
}
