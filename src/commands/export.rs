//! `ciam export trainings`: the trainings that a member sees, on standard output.

use std::io::Write;

use services::catalogue::{self, ExportFormat};
use services::{Error, Result};

use super::{acting, beside};
use crate::settings::{Export, Format, Settings};

/// Writes them as they are read.
///
/// # Errors
/// When there is no such member, or nobody reads the output any more.
pub async fn run(settings: &Settings, what: &Export) -> Result<()> {
    let Export::Trainings { format, by } = what;
    let format = match format {
        Format::Csv => ExportFormat::Csv,
        Format::Jsonld => ExportFormat::JsonLd,
    };
    let app = beside(settings).await?;
    let caller = acting(&app, settings, by.as_deref()).await?;
    let cut = |error: std::io::Error| Error::Startup(format!("L'export n'a pas pu être écrit ({error})."));
    let (mut export, mut output) = (catalogue::Export::new(&app, &caller, format), std::io::stdout());
    while let Some(part) = export.next().await? {
        output.write_all(part.as_bytes()).map_err(cut)?;
    }
    output.flush().map_err(cut)?;
    app.db.close().await;
    Ok(())
}
