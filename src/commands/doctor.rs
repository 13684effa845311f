//! `ciam doctor`: the search index compared with the database, entry by entry, and mended.

use indicatif::ProgressBar;
use services::{Error, Result, events, search};

use super::{bar_style, beside};
use crate::settings::Settings;

/// Compares, mends unless `dry_run`, and says what was wrong.
///
/// # Errors
/// When the database or the index fails; when something is wrong and stays so.
pub async fn run(settings: &Settings, dry_run: bool) -> Result<()> {
    let app = beside(settings).await?;
    // On PostgreSQL the index waits for numbers, which no node may be there to give.
    let sequencing = tokio::spawn(events::sequence(app.db.clone()));
    let bar = ProgressBar::new(0).with_style(bar_style("Vérification {bar:40} {pos}/{len}, encore {eta}")?);
    let checked = search::check(&app, !dry_run, |progress| {
        bar.set_length(progress.all);
        bar.set_position(progress.done);
    })
    .await;
    bar.finish_and_clear();
    sequencing.abort();
    app.db.close().await;
    let checked = checked?;
    let told = format!(
        "Entrées comparées : {} ; manquantes : {} ; périmées : {} ; de trop : {}",
        checked.entries, checked.missing, checked.stale, checked.orphaned
    );
    match checked.wrong() {
        0 => println!("{told}. L'index de recherche dit ce que dit la base."),
        _ if dry_run => return Err(Error::Startup(format!("{told}. Pour réparer : ciam doctor, sans --dry-run."))),
        wrong => println!("{told}. Réparées : {wrong}."),
    }
    Ok(())
}
