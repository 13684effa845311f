//! One file per command.

pub mod demo;
pub mod migrate;
pub mod serve;
pub mod token;

use services::clock::Clock;
use services::{App, Error, Result};

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

/// Sends the log to standard error; `default` unless the operator set a filter.
fn log(settings: &Settings, default: &str) {
    let filter = if settings.log == "info" { default } else { &settings.log };
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
}

fn bar_style(template: &str) -> Result<indicatif::ProgressStyle> {
    indicatif::ProgressStyle::with_template(template).map_err(|error| Error::internal(error.to_string()))
}
