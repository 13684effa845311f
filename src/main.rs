//! The command line.

use std::process::ExitCode;

use ciam::commands;
use ciam::settings::{Cli, Command};
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => commands::serve::run(&cli.settings).await,
        Command::Migrate => commands::migrate::run(&cli.settings).await,
        Command::Demo { posts } => commands::demo::run(&cli.settings, posts).await,
        Command::Token { handle, days } => commands::token::run(&cli.settings, &handle, days).await,
        Command::Export(what) => commands::export::run(&cli.settings, &what).await,
        Command::Import(what) => commands::import::run(&cli.settings, &what).await,
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
