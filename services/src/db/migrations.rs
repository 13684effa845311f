//! Brings the tables to this binary's version.

use sqlx::migrate::{MigrateError, Migrator};

use super::Cx;
use crate::error::{Error, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

pub(super) async fn run(cx: &mut Cx) -> Result<()> {
    let outcome = match cx {
        Cx::Sqlite(held) => MIGRATIONS.run(held.enter()).await,
        Cx::Postgres(held) => MIGRATIONS.run(held.enter()).await,
    };
    outcome.map_err(|error| {
        Error::Startup(match error {
            MigrateError::VersionMissing(version) => format!(
                "La base est plus récente que ce programme (étape {version} inconnue). Installez la version de ciam qui l'a \
                 écrite, ou une plus récente."
            ),
            MigrateError::VersionMismatch(version) => format!(
                "L'étape {version} de la base ne correspond pas à celle de ce programme : il a été construit sur des migrations \
                 modifiées. Installez une version publiée de ciam."
            ),
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => {
                format!("La base ne peut pas être mise à niveau ({cause}). Vérifiez que vous pouvez y écrire.")
            }
            other => format!("La base ne peut pas être mise à niveau ({other})."),
        })
    })
}
