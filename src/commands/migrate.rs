//! `ciam migrate`: brings the database to this version and lays the foundation, without serving.

use services::{Result, foundation};

use super::beside;
use crate::settings::Settings;

/// Runs it.
///
/// # Errors
/// As opening does.
pub async fn run(settings: &Settings) -> Result<()> {
    let app = beside(settings).await?;
    if let Some(laid) = foundation::lay(&app).await? {
        let url = &app.config.public_url;
        println!("Première connexion (un seul usage, 24 heures) : {url}/connexion?jeton={}", laid.first_link);
    }
    println!("La base est à jour.");
    app.db.close().await;
    Ok(())
}
