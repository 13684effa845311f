//! The command line: one file per command.

pub mod demo;
pub mod doctor;
pub mod export;
pub mod import;
pub mod migrate;
pub mod reindex;
pub mod serve;
pub mod token;

use std::process::ExitCode;

use clap::Parser;
use services::caller::{Caller, Credential};
use services::clock::Clock;
use services::{App, Error, Result, accounts};

use crate::data_dir;
use crate::settings::{Cli, Command, Settings};

/// Does what the command line asks.
#[tokio::main]
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&cli.settings).await,
        Command::Migrate => migrate::run(&cli.settings).await,
        Command::Demo { posts } => demo::run(&cli.settings, posts).await,
        Command::Token { handle, days } => token::run(&cli.settings, &handle, days).await,
        Command::Export(what) => export::run(&cli.settings, &what).await,
        Command::Import(what) => import::run(&cli.settings, &what).await,
        Command::Reindex => reindex::run(&cli.settings).await,
        Command::Doctor { dry_run } => doctor::run(&cli.settings, dry_run).await,
        Command::Schema => {
            print!("{}", graphql::sdl());
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line that says what to do; the cause of a fault of ours is for whoever reads the terminal too.
            match error.cause() {
                Some(cause) => eprintln!("ciam : {} ({cause})", error.sentence()),
                None => eprintln!("ciam : {}", error.sentence()),
            }
            ExitCode::FAILURE
        }
    }
}

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
