//! Contents on the disk: `files/ab/cdef…`, by their SHA-256 in hexadecimal; `files/tmp` for what is on its way in or out.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tempfile::TempPath;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::MemberId;
use crate::places::{Place, Places};

/// The SHA-256 of a content.
pub(crate) type Sha256 = [u8; 32];

/// Where contents are kept, and who sends some just now. Cheap to clone.
#[derive(Clone)]
pub struct Disk {
    folder: Arc<Path>,
    /// Whose temporary files are this process's.
    node: Uuid,
    sending: Places<MemberId>,
}

impl Disk {
    /// Contents below `data`, which is made when missing.
    pub(crate) fn open(data: &Path, node: Uuid) -> Result<Self> {
        let folder = data.join("files");
        make(&folder.join("tmp")).map_err(|error| {
            let sentence = format!("Le dossier {} ne peut pas être écrit ({error}). Corrigez ses droits.", folder.display());
            Error::Startup(sentence)
        })?;
        Ok(Self { folder: folder.into(), node, sending: Places::default() })
    }

    /// A place for one more content of a member; none when `most` are on their way already.
    pub(super) fn admit(&self, member: MemberId, most: usize) -> Option<Place<MemberId>> {
        self.sending.take(member, most)
    }

    fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    fn mine(&self) -> String {
        format!("{}-", self.node.simple())
    }

    fn path(&self, sha256: &Sha256) -> PathBuf {
        let hex = hex(sha256);
        let (start, rest) = hex.split_at(2);
        self.folder.join(start).join(rest)
    }

    /// An empty file that is gone when it is dropped.
    pub(super) async fn begin(&self) -> Result<(tokio::fs::File, TempPath)> {
        let (folder, prefix) = (self.temporary(), self.mine());
        let made = blocking(move || tempfile::Builder::new().prefix(&prefix).tempfile_in(folder)).await?;
        let (file, path) = made.into_parts();
        Ok((tokio::fs::File::from_std(file), path))
    }

    /// Puts a content, written and synced, where it belongs, for good. One that stands there already is the same.
    pub(super) async fn place(&self, from: TempPath, sha256: Sha256) -> Result<()> {
        let to = self.path(&sha256);
        let root = Arc::clone(&self.folder);
        blocking(move || {
            let folder = to.parent().unwrap_or(&root);
            if !folder.is_dir() {
                make(folder)?;
                sync(&root)?;
            }
            from.persist(&to)?;
            sync(folder)
        })
        .await
    }

    /// The content, opened.
    pub(super) async fn content(&self, sha256: &Sha256) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(self.path(sha256)).await
    }

    /// Whether it is there.
    pub(crate) async fn holds(&self, sha256: &Sha256) -> bool {
        tokio::fs::try_exists(self.path(sha256)).await.unwrap_or(false)
    }

    /// Removes what this node was receiving when it died.
    pub(super) async fn forget_begun(&self) -> Result<()> {
        let (folder, prefix) = (self.temporary(), self.mine());
        blocking(move || {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(&prefix) {
                    gone(fs::remove_file(entry.path()))?;
                }
            }
            Ok(())
        })
        .await
    }

    /// The folders of contents, by the first two digits.
    pub(super) async fn folders(&self) -> Result<Vec<String>> {
        let folder = Arc::clone(&self.folder);
        blocking(move || {
            let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().filter(|name| name.len() == 2).collect())
        })
        .await
    }

    /// Contents of such a folder that were last written before `until`.
    pub(super) async fn contents(&self, start: String, until: DateTime<Utc>) -> Result<Vec<Sha256>> {
        let folder = self.folder.join(&start);
        blocking(move || {
            let mut found = Vec::new();
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let Some(sha256) = unhex(&format!("{start}{}", entry.file_name().to_string_lossy())) else { continue };
                if DateTime::<Utc>::from(entry.metadata()?.modified()?) < until {
                    found.push(sha256);
                }
            }
            Ok(found)
        })
        .await
    }

    /// Takes a content out of its place; it can be put back.
    pub(super) async fn take_away(&self, sha256: Sha256) -> Result<()> {
        let (from, to) = (self.path(&sha256), self.away(&sha256));
        blocking(move || gone(fs::rename(from, to))).await
    }

    /// Contents that were taken out of their place.
    pub(super) async fn taken_away(&self) -> Result<Vec<Sha256>> {
        let folder = self.temporary();
        blocking(move || {
            let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            let names = names.collect::<io::Result<Vec<_>>>()?;
            Ok(names.iter().filter_map(|name| unhex(name.strip_prefix(AWAY)?)).collect())
        })
        .await
    }

    /// Puts one back, or removes it for good.
    pub(super) async fn settle(&self, sha256: Sha256, put_back: bool) -> Result<()> {
        let (away, home) = (self.away(&sha256), self.path(&sha256));
        blocking(move || match put_back {
            true => gone(fs::rename(away, home)),
            false => gone(fs::remove_file(away)),
        })
        .await
    }

    fn away(&self, sha256: &Sha256) -> PathBuf {
        self.temporary().join(format!("{AWAY}{}", hex(sha256)))
    }
}

/// How names of contents that were taken out of their place begin.
const AWAY: &str = "sortant-";

/// Done, also when another node was faster.
fn gone(outcome: io::Result<()>) -> io::Result<()> {
    outcome.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// For the service's user alone, as the data folder is.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// A name in a folder is there after a crash once the folder itself is on the disk.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems keep it by themselves, and open no folder.
#[cfg(not(unix))]
fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Runs what waits for the disk aside.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal(error.to_string()))?;
    done.map_err(|error| failed(&error))
}

/// A full disk, or one that is away. The text of the error may hold a path, its kind does not.
pub(super) fn failed(error: &io::Error) -> Error {
    Error::unavailable(format!("the folder of files: {}", error.kind()))
}

/// As file names and the API say it.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Sha256> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, place) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16).ok()?;
    }
    Some(bytes)
}
