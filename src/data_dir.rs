//! The data folder: made when missing, held by one serving process, with the node's id.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use services::clock::Clock;
use services::{Error, Result};
use uuid::Uuid;

/// The folder, held until dropped.
pub struct Held {
    _lock: File,
}

/// Makes the folder when missing and checks that it can be written.
///
/// # Errors
/// [`Error::Startup`] with a sentence for the operator.
pub fn prepare(folder: &Path) -> Result<()> {
    // Of this process alone: another command may prepare the same folder.
    let trial = folder.join(format!(".ciam-essai-{}", std::process::id()));
    make(folder).and_then(|()| File::create(&trial)).and_then(|_| std::fs::remove_file(&trial)).map_err(|error| {
        Error::Startup(format!(
            "Le dossier {} ne peut pas être écrit ({error}). Donnez-en un autre avec --data-dir, ou corrigez ses droits.",
            folder.display()
        ))
    })
}

/// Mails in the outbox hold working links: a new folder is for the service's user alone.
fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Holds the folder: one serving process a folder. Commands beside it only write rows.
///
/// # Errors
/// [`Error::Startup`] when another process serves it.
pub fn hold(folder: &Path) -> Result<Held> {
    let path = folder.join("ciam.lock");
    let fault = |error: std::io::Error| Error::Startup(format!("Le verrou {} ne peut pas être pris : {error}", path.display()));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(Held { _lock: file }),
        Err(TryLockError::WouldBlock) => Err(Error::Startup(format!(
            "Le dossier {} est déjà servi par un autre processus ciam. Arrêtez-le, ou donnez un autre dossier avec --data-dir.",
            folder.display()
        ))),
        Err(TryLockError::Error(error)) => Err(fault(error)),
    }
}

/// The id of this node, the same after a restart; kept in the folder.
///
/// # Errors
/// [`Error::Startup`] when it can be neither read nor written.
pub fn node(folder: &Path, clock: &Clock) -> Result<Uuid> {
    let path = folder.join("node");
    let fault = |error: std::io::Error| Error::Startup(format!("Le fichier {} ne peut pas être écrit : {error}", path.display()));
    let mut text = String::new();
    if let Ok(mut file) = File::open(&path) {
        file.read_to_string(&mut text).map_err(fault)?;
    }
    if let Ok(id) = Uuid::try_parse(text.trim()) {
        return Ok(id);
    }
    let id = clock.id();
    File::create(&path).and_then(|mut file| writeln!(file, "{id}")).map_err(fault)?;
    Ok(id)
}
