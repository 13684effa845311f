//! `ciam export trainings`: the trainings that a member sees, on standard output.

use std::io::{ErrorKind, Write};

use services::catalogue::{self, ExportFormat};
use services::{Error, Result};

use super::{acting, beside};
use crate::settings::{Export, Format, Settings};

/// Writes them as they are read.
///
/// # Errors
/// When there is no such member, or the output cannot be written; not when its reader has had enough.
pub async fn run(settings: &Settings, what: &Export) -> Result<()> {
    let Export::Trainings { format, by } = what;
    let format = match format {
        Format::Csv => ExportFormat::Csv,
        Format::Jsonld => ExportFormat::JsonLd,
    };
    let app = beside(settings).await?;
    let caller = acting(&app, settings, by.as_deref()).await?;
    let (mut export, mut output) = (catalogue::Export::new(&app, &caller, format), std::io::stdout());
    let mut written = Ok(());
    while written.is_ok()
        && let Some(part) = export.next().await?
    {
        written = output.write_all(part.as_bytes()).and_then(|()| output.flush());
    }
    app.db.close().await;
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Startup(format!("L'export n'a pas pu être écrit ({error}).")))
        }
        _ => Ok(()),
    }
}
