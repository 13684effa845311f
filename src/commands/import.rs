//! `ciam import trainings FILE`: a table of trainings, checked as a whole, then written.

use std::path::Path;

use indicatif::ProgressBar;
use services::catalogue::{self, Tally};
use services::{Error, Result};

use super::{acting, bar_style, beside};
use crate::settings::{Import, Settings};

/// Imports it and says what came of it; what is wrong with the file goes to standard error, a line each.
///
/// # Errors
/// When the file cannot be read, has faults, or had a line refused; when the member may not write.
pub async fn run(settings: &Settings, what: &Import) -> Result<()> {
    let Import::Trainings { file: path, dry_run, by } = what;
    let file = opened(path).await?;
    let app = beside(settings).await?;
    let caller = acting(&app, settings, by.as_deref()).await?;
    let size = file.metadata().await.map(|about| about.len()).unwrap_or(0);
    let bar = ProgressBar::new(size).with_style(bar_style("{msg} {bar:40} {bytes}/{total_bytes}, encore {eta}")?);
    let tally = catalogue::import_file(&app, &caller, file, *dry_run, |progress| {
        bar.set_message(if progress.writes { "Écriture" } else { "Vérification" });
        bar.set_position(progress.bytes);
    })
    .await;
    bar.finish_and_clear();
    app.db.close().await;
    told(&tally?, *dry_run)
}

async fn opened(path: &Path) -> Result<tokio::fs::File> {
    let refused = |why: String| Error::Startup(format!("Le fichier {} ne peut pas être lu ({why}).", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(|error| refused(error.to_string()))?;
    let about = file.metadata().await.map_err(|error| refused(error.to_string()))?;
    // It is read twice.
    if about.is_file() { Ok(file) } else { Err(refused("ce n'est pas un fichier".into())) }
}

fn told(tally: &Tally, dry_run: bool) -> Result<()> {
    for fault in &tally.faults {
        match fault.column {
            Some(column) => eprintln!("ligne {}, {} : {}", fault.line, column.heading(), fault.message),
            None => eprintln!("ligne {} : {}", fault.line, fault.message),
        }
    }
    let Tally { lines, made, changed, unchanged, refused, fault_count, .. } = tally;
    if *fault_count > Tally::KEPT {
        eprintln!("… et {} autres fautes.", fault_count - Tally::KEPT);
    }
    let (creates, changes) = if tally.written { ("Créées", "modifiées") } else { ("À créer", "à modifier") };
    println!("Lignes : {lines}. {creates} : {made} ; {changes} : {changed} ; inchangées : {unchanged} ; refusées : {refused}.");
    match fault_count {
        0 => Ok(()),
        _ if tally.written => Err(Error::Startup("Des lignes ont été refusées : les autres sont écrites.".into())),
        _ if dry_run => Err(Error::Startup("Ce fichier a des fautes.".into())),
        _ => Err(Error::Startup("Ce fichier a des fautes : rien n'est écrit.".into())),
    }
}
