//! `ciam demo`: a lively community, the same each time; with `--posts`, a large one of the same shape.

use indicatif::ProgressBar;
use services::{Result, demo, events, search};

use super::{bar_style, beside};
use crate::settings::Settings;

/// Fills the database and says with what.
///
/// # Errors
/// When a community is there already.
pub async fn run(settings: &Settings, posts: usize) -> Result<()> {
    let app = beside(settings).await?;
    let bar = ProgressBar::new(posts as u64).with_style(bar_style("{bar:40} {pos}/{len} messages, encore {eta}")?);
    let filled = demo::fill(&app, posts, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    // So that all of it is found from the first start on, and nothing is left to be read again: on PostgreSQL events are numbered after
    // they are written.
    let sequencing = tokio::spawn(events::sequence(app.db.clone()));
    events::numbered(&mut *app.db.reader().await?).await?;
    sequencing.abort();
    search::rebuild(&app, |progress| bar.set_position(progress.done)).await?;
    bar.finish_and_clear();
    let (members, threads, posts) = (filled.members, filled.threads, filled.posts);
    println!("{members} membres, {threads} fils, {posts} messages, {} formations.", filled.trainings);
    if let Some(link) = filled.first_link {
        let url = &app.config.public_url;
        println!("Première connexion de l'administration (un seul usage, 24 heures) : {url}/connexion?jeton={link}");
    }
    println!("Un jeton pour essayer : ciam token claire.fontaine");
    app.db.close().await;
    Ok(())
}
