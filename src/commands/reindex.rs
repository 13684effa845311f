//! `ciam reindex`: the search index made anew beside the live one, which goes on answering meanwhile.

use indicatif::ProgressBar;
use services::{Result, search};

use super::{bar_style, beside};
use crate::settings::Settings;

/// Makes it and says how much is found.
///
/// # Errors
/// When the database or the disk fails, or when another process makes it already; the live index stays.
pub async fn run(settings: &Settings) -> Result<()> {
    let app = beside(settings).await?;
    let bar = ProgressBar::new(0).with_style(bar_style("Indexation {bar:40} {pos}/{len}, encore {eta}")?);
    let written = search::rebuild(&app, |progress| {
        bar.set_length(progress.all);
        bar.set_position(progress.done);
    })
    .await;
    bar.finish_and_clear();
    app.db.close().await;
    println!("L'index de recherche est refait : {} entrées.", written?);
    Ok(())
}
