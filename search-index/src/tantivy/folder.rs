//! The folder of the embedded index: `index-<n>/`, one of which the file `current` names. Another one is made beside it and named in
//! its place by one rename, so that whoever is killed leaves either the old or the new one; what is named nowhere is removed at the
//! next start.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const CURRENT: &str = "current";
const LOCK: &str = "rebuild.lock";
const WISH: &str = "wish.lock";
const PREFIX: &str = "index-";

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// Held while an index is made beside the live one, or what is left of one is removed.
#[derive(Debug)]
pub(super) struct RebuildLock {
    _file: File,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).map_err(|cause| failed(root, &cause))?;
        Ok(Self { root: root.to_owned() })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The name of the live index; none before there is one.
    pub(super) fn current(&self) -> Result<Option<String>> {
        let file = self.root.join(CURRENT);
        match fs::read_to_string(&file) {
            Ok(name) if is_index(name.trim()) => Ok(Some(name.trim().to_owned())),
            Ok(_) => {
                tracing::error!("{} names no index", file.display());
                Ok(None)
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(failed(&file, &cause)),
        }
    }

    /// Names another live index, for good once this returns.
    pub(super) fn name(&self, name: &str) -> Result<()> {
        let draft = self.root.join("current.new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&draft)?;
            file.write_all(name.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, self.root.join(CURRENT))?;
            File::open(&self.root)?.sync_all()
        };
        write().map_err(|cause| failed(&draft, &cause))
    }

    /// Makes an empty folder, and its name.
    pub(super) fn next(&self) -> Result<String> {
        let last = self.names()?.iter().filter_map(|name| name[PREFIX.len()..].parse::<u64>().ok()).max().unwrap_or(0);
        let name = format!("{PREFIX}{}", last + 1);
        let path = self.path(&name);
        fs::create_dir(&path).map_err(|cause| failed(&path, &cause))?;
        Ok(name)
    }

    /// Takes the lock of rebuilds.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when another process, or another task of this one, has it.
    pub(super) fn lock(&self) -> Result<RebuildLock> {
        let file = self.lock_file(LOCK)?;
        match file.try_lock() {
            Ok(()) => Ok(RebuildLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::unavailable("another rebuild of the index is under way")),
            Err(TryLockError::Error(cause)) => Err(failed(&self.root, &cause)),
        }
    }

    /// The same, once whoever has it is ready: where there is no index yet, that is soon.
    pub(super) fn wait_for_lock(&self) -> Result<RebuildLock> {
        let file = self.lock_file(LOCK)?;
        file.lock().map_err(|cause| failed(&self.root, &cause))?;
        Ok(RebuildLock { _file: file })
    }

    /// Lets whoever writes know that somebody else wants to, for as long as what this returns is kept.
    pub(super) fn wish(&self) -> Result<File> {
        let file = self.lock_file(WISH)?;
        file.lock().map_err(|cause| failed(&self.root, &cause))?;
        Ok(file)
    }

    /// Whether another process wants to write.
    pub(super) fn is_wished(&self) -> Result<bool> {
        match self.lock_file(WISH)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(cause)) => Err(failed(&self.root, &cause)),
        }
    }

    fn lock_file(&self, name: &str) -> Result<File> {
        let path = self.root.join(name);
        File::options().create(true).truncate(false).write(true).open(&path).map_err(|cause| failed(&path, &cause))
    }

    /// Removes every index but the live one. Who still reads one that was live goes on reading it.
    pub(super) fn sweep(&self, _lock: &RebuildLock) -> Result<()> {
        let current = self.current()?;
        for name in self.names()?.into_iter().filter(|name| Some(name) != current.as_ref()) {
            let path = self.path(&name);
            fs::remove_dir_all(&path).map_err(|cause| failed(&path, &cause))?;
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.root).map_err(|cause| failed(&self.root, &cause))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter(|name| is_index(name)).collect())
    }
}

fn is_index(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn failed(path: &Path, cause: &std::io::Error) -> Error {
    Error::unavailable(format!("{}: {cause}", path.display()))
}
