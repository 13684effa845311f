//! `ciam token HANDLE`: a personal access token, for the operator on the machine.

use services::caller::{Caller, Credential, Scope};
use services::{Error, Result, accounts, sessions};

use super::beside;
use crate::settings::Settings;

/// Prints the secret alone on standard output, so that a script can take it.
///
/// # Errors
/// When there is no such member, or the number of days is out of bounds.
pub async fn run(settings: &Settings, handle: &str, days: i64) -> Result<()> {
    let app = beside(settings).await?;
    let mut reader = app.db.reader().await?;
    let member = accounts::member_by_handle(&mut reader, handle)
        .await?
        .ok_or_else(|| Error::Startup(format!("Aucun membre ne porte l'identifiant {handle}.")))?;
    let caller = Caller::member(&mut reader, member.id, Credential::Operator, app.clock.now()).await?.ok_or(Error::NotFound)?;
    drop(reader);
    let scopes = Scope::ALL.to_vec();
    let (_, secret) = sessions::create_access_token(&app, &caller, "Ligne de commande", scopes, days).await?;
    println!("{}", secret.unwrap_or_default());
    app.db.close().await;
    Ok(())
}
