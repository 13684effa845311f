//! Files that members send: received by parts, recognised by what they hold, kept once for equal contents, given to whoever
//! sees what refers to them. How HTTP brings and takes them is the door's.
//!
//! A content is on the disk before its row: written under a temporary name, synced, renamed, its folder synced. A file that
//! nothing refers to is forgotten after a day, and its content with the last file that has it.

mod disk;
mod kinds;
mod rules;
mod store;

use std::collections::{HashMap, HashSet};
use std::io::Seek;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::Digest;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use crate::caller::{Actor, Caller, Scope};
use crate::clock::Clock;
use crate::db::{Cx, Tx};
use crate::error::{Code, Error, Result};
use crate::id::{FileId, MemberId};
use crate::idempotency::act;
use crate::jobs::SWEPT_AT_ONCE;
use crate::places::Place;
use crate::{App, accounts, catalogue, forum, library};

pub use disk::{Disk, hex};
pub use kinds::Kinds;

/// How long a file is kept that nothing refers to.
pub const UNUSED: TimeDelta = TimeDelta::hours(24);
/// A content without a row may be one whose row is being written.
const BEING_WRITTEN: TimeDelta = TimeDelta::hours(1);

/// A file, and whose.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct File {
    pub id: FileId,
    pub sha256: Vec<u8>,
    pub name: String,
    /// With its charset, for text.
    pub media_type: String,
    /// Bytes.
    pub size: i64,
    pub uploader_id: MemberId,
    pub created_at: DateTime<Utc>,
    /// None once something refers to it.
    pub unused_since: Option<DateTime<Utc>>,
}

impl File {
    /// Its path on the public address.
    #[must_use]
    pub fn path(&self) -> String {
        path(self.id)
    }

    /// Whether a browser may show it rather than keep it.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        kinds::of_media_type(&self.media_type).is_some_and(|kind| kind.shown)
    }
}

/// The path of a file on the public address.
#[must_use]
pub fn path(id: FileId) -> String {
    format!("/files/{id}")
}

/// A content on its way in. Dropped before its end it leaves nothing.
pub struct Upload {
    app: App,
    caller: Caller,
    name: String,
    file: tokio::fs::File,
    path: TempPath,
    hash: sha2::Sha256,
    text: kinds::TextCheck,
    size: u64,
    /// What the member had sent in a day when it began.
    sent: u64,
    member: MemberId,
    _place: Place<MemberId>,
}

/// Begins to receive a file; `size` when it is known beforehand, so that one that is too large is refused at once.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Forbidden`]; [`Error::Invalid`] on `name` or `file`; [`Error::Conflict`] when the
/// member sent as much as a day takes; [`Error::Limited`] when they send too many at once.
pub async fn begin_upload(cx: &mut Cx, app: &App, caller: &Caller, name: &str, size: Option<u64>) -> Result<Upload> {
    let member = caller.may(Scope::Write)?;
    let limits = &app.config.limits;
    let name = rules::name(name).map_err(|problem| Error::Invalid(vec![problem]))?;
    rules::has_size(size.unwrap_or(0), limits)?;
    let sent = sent(cx, member, app.clock.now()).await?;
    rules::has_room(sent, size.unwrap_or(0), limits)?;
    let place = app.files.admit(member, limits.file_uploads).ok_or(Error::Limited(limits.body_time))?;
    let (file, path) = app.files.begin().await?;
    Ok(Upload {
        app: app.clone(),
        caller: caller.clone(),
        name,
        file,
        path,
        hash: sha2::Sha256::new(),
        text: kinds::TextCheck::default(),
        size: 0,
        sent,
        member,
        _place: place,
    })
}

impl Upload {
    /// Takes the next part.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `file` when it becomes too large; [`Error::Unavailable`] when the disk is full.
    pub async fn write(&mut self, part: &[u8]) -> Result<()> {
        self.size = self.size.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        rules::has_size(self.size, &self.app.config.limits)?;
        rules::has_room(self.sent, self.size, &self.app.config.limits)?;
        self.hash.update(part);
        self.text.look(part);
        self.file.write_all(part).await.map_err(|error| disk::failed(&error))
    }

    /// Recognises what was received, and keeps it.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `file` when it is not what its name says, or of a kind that is not taken; [`Error::Conflict`] as
    /// for [`begin_upload`]; [`Error::Unavailable`] when the disk or the database is away.
    pub async fn finish(mut self) -> Result<File> {
        if self.size == 0 {
            return Err(Error::invalid("file", Code::Required, "Ce fichier est vide."));
        }
        self.file.flush().await.map_err(|error| disk::failed(&error))?;
        let mut file = self.file.into_std().await;
        let format = disk::blocking(move || {
            file.sync_all()?;
            file.rewind()?;
            kinds::format(file)
        })
        .await?;
        let taken = self.app.config.limits.file_kinds;
        let (kind, name) = kinds::recognise(&self.name, format, &self.text, taken)
            .map_err(|sentence| Error::invalid("file", Code::Refused, sentence))?;
        let media_type = kinds::media_type(kind, &self.text);
        let (clock, sha256): (_, disk::Sha256) = (self.app.clock.clone(), self.hash.finalize().into());
        let file = File {
            id: FileId::new(&clock),
            sha256: sha256.to_vec(),
            name,
            media_type,
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            uploader_id: self.member,
            created_at: clock.now(),
            unused_since: Some(clock.now()),
        };
        self.app.files.place(self.path, sha256).await?;
        let (row, size, limits) = (file.clone(), self.size, self.app.config.limits);
        let kept = act(&self.app, &self.caller, Scope::Write, move |tx, actor| {
            Box::pin(async move {
                // Locked, so that of two files at once which are too much together one is refused.
                accounts::lock_member(tx, actor.id).await?;
                rules::has_room(sent(tx, actor.id, row.created_at).await?, size, &limits)?;
                store::insert_file(tx, &row).await?;
                Ok(row.id)
            })
        })
        .await;
        match kept {
            // A sweep of the same content may have passed just before the row was there.
            Ok(_) if self.app.files.holds(&sha256).await => Ok(file),
            Ok(_) => Err(Error::unavailable("a content was swept while it was received")),
            Err(Error::Unavailable(cause)) => Err(Error::Unavailable(cause)),
            Err(refused) => {
                if store::known(&mut *self.app.db.reader().await?, &[sha256]).await?.is_empty() {
                    self.app.files.take_away(sha256).await?;
                    settle(&self.app, sha256).await?;
                }
                Err(refused)
            }
        }
    }
}

/// Bytes that a member sent in a day.
async fn sent(cx: &mut Cx, member: MemberId, now: DateTime<Utc>) -> Result<u64> {
    Ok(u64::try_from(store::sent(cx, member, now - TimeDelta::days(1)).await?).unwrap_or(0))
}

/// A file that this caller may read: what one just sent, and what something in their sight refers to. To whoever may not,
/// it is not there.
///
/// # Errors
/// When the database fails.
pub async fn file(cx: &mut Cx, caller: &Caller, id: FileId) -> Result<Option<File>> {
    let Some(file) = store::files_by_id(cx, &[id]).await?.pop() else { return Ok(None) };
    Ok(may_read(cx, caller, &file).await?.then_some(file))
}

async fn may_read(cx: &mut Cx, caller: &Caller, file: &File) -> Result<bool> {
    if file.unused_since.is_some() {
        return Ok(caller.id() == Some(file.uploader_id));
    }
    Ok(forum::shows_file(cx, caller, file.id).await?
        || library::shows_file(cx, caller, file.id).await?
        || catalogue::shows_file(cx, caller, file.id).await?)
}

/// These files; of what the caller sees, which is theirs to check.
///
/// # Errors
/// When the database fails.
pub async fn files_by_id(cx: &mut Cx, ids: &[FileId]) -> Result<HashMap<FileId, File>> {
    Ok(store::files_by_id(cx, ids).await?.into_iter().map(|file| (file.id, file)).collect())
}

/// The content of a file, opened.
///
/// # Errors
/// [`Error::Internal`] when it is not where it should be.
pub async fn content(app: &App, file: &File) -> Result<tokio::fs::File> {
    let sha256 = file.sha256[..].try_into().map_err(|_| Error::internal("a SHA-256 of another length"))?;
    app.files.content(&sha256).await.map_err(|error| Error::internal(format!("the content of {}: {}", file.id, error.kind())))
}

/// Keeps files that `actor` sent for what now refers to them; what is wrong is told of `field`.
///
/// # Errors
/// [`Error::Invalid`] when one is not theirs, or serves already: whoever sees what refers to a file reads it, and that must
/// not change behind their back.
pub(crate) async fn hold(tx: &mut Tx, actor: &Actor, field: &'static str, ids: &[FileId]) -> Result<()> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    for id in sorted {
        let file = store::lock_file(tx, id).await?.filter(|file| file.uploader_id == actor.id);
        let Some(file) = file else {
            return Err(Error::invalid(field, Code::Unknown, "Fichier inconnu : envoyez-le d'abord."));
        };
        if file.unused_since.is_none() {
            let sentence = format!("« {} » sert déjà ailleurs : envoyez-le à nouveau.", file.name);
            return Err(Error::invalid(field, Code::Taken, sentence));
        }
        store::hold(tx, id).await?;
    }
    Ok(())
}

/// Nothing refers to a file any more: it is its sender's again, for a day.
pub(crate) async fn let_go(tx: &mut Tx, id: FileId, now: DateTime<Utc>) -> Result<()> {
    store::let_go(tx, id, now).await
}

/// Keeps an image that `actor` sent, as [`hold`] does.
///
/// # Errors
/// As [`hold`]; [`Error::Invalid`] when it is no image.
pub(crate) async fn hold_image(tx: &mut Tx, actor: &Actor, field: &'static str, id: FileId) -> Result<()> {
    hold(tx, actor, field, &[id]).await?;
    let is_image = files_by_id(tx, &[id]).await?.remove(&id).is_some_and(|file| file.media_type.starts_with("image/"));
    if is_image {
        return Ok(());
    }
    Err(Error::invalid(field, Code::Refused, "Une vignette est une image : PNG, JPEG, GIF ou WebP."))
}

/// A content that is kept and recognised, of no file yet.
pub(crate) struct Prepared {
    name: String,
    sha256: disk::Sha256,
    media_type: String,
    size: i64,
}

impl Prepared {
    /// By what it is kept.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

/// Keeps a content, checked as any other, whose row is written later.
pub(crate) async fn prepare(app: &App, name: &str, content: &[u8]) -> Result<Prepared> {
    let (mut file, path) = app.files.begin().await?;
    let kept = async {
        file.write_all(content).await?;
        file.sync_all().await
    };
    kept.await.map_err(|error| disk::failed(&error))?;
    let mut text = kinds::TextCheck::default();
    text.look(content);
    let format = kinds::format(std::io::Cursor::new(content)).map_err(|error| disk::failed(&error))?;
    let (kind, name) = kinds::recognise(name, format, &text, Kinds::default()).map_err(Error::internal)?;
    let (sha256, media_type) = (sha2::Sha256::digest(content).into(), kinds::media_type(kind, &text));
    app.files.place(path, sha256).await?;
    Ok(Prepared { name, sha256, media_type, size: i64::try_from(content.len()).unwrap_or(i64::MAX) })
}

/// Writes a file of a prepared content, which something is about to refer to.
pub(crate) async fn put(tx: &mut Tx, clock: &Clock, prepared: &Prepared, uploader: MemberId) -> Result<FileId> {
    let file = File {
        id: FileId::new(clock),
        sha256: prepared.sha256.to_vec(),
        name: prepared.name.clone(),
        media_type: prepared.media_type.clone(),
        size: prepared.size,
        uploader_id: uploader,
        created_at: clock.now(),
        unused_since: None,
    };
    store::insert_file(tx, &file).await?;
    Ok(file.id)
}

/// Rows of their own for files that serve already, on the same contents: what refers to them is read by others. They count as sent
/// when and by whom the first ones were.
pub(crate) async fn put_again(tx: &mut Tx, clock: &Clock, ids: &[FileId]) -> Result<Vec<FileId>> {
    let mut known = files_by_id(tx, ids).await?;
    let mut again = Vec::with_capacity(ids.len());
    for id in ids {
        let file = known.remove(id).ok_or_else(|| Error::internal("a file that is gone"))?;
        let file = File { id: FileId::new(clock), unused_since: None, ..file };
        store::insert_file(tx, &file).await?;
        again.push(file.id);
    }
    Ok(again)
}

/// Removes what this node was receiving when it died.
///
/// # Errors
/// When the folder cannot be read.
pub async fn forget_begun(app: &App) -> Result<()> {
    app.files.forget_begun().await
}

/// Forgets what nothing refers to: files of the database, then contents of the disk without a row. How many files.
pub(crate) async fn sweep(app: &App) -> Result<u64> {
    let now = app.clock.now();
    let swept = app.db.write(move |tx| Box::pin(async move { store::sweep(tx, now - UNUSED).await })).await?;
    if swept >= SWEPT_AT_ONCE {
        return Ok(swept);
    }
    for folder in app.files.folders().await? {
        let found = app.files.contents(folder, now - BEING_WRITTEN).await?;
        for some in found.chunks(500) {
            let known: HashSet<_> = store::known(&mut *app.db.reader().await?, some).await?.into_iter().collect();
            for sha256 in some.iter().filter(|sha256| !known.contains(sha256.as_slice())) {
                app.files.take_away(*sha256).await?;
            }
        }
    }
    for sha256 in app.files.taken_away().await? {
        settle(app, sha256).await?;
    }
    Ok(swept)
}

/// Removes a content that was taken out of its place, or puts it back when a row was written meanwhile.
async fn settle(app: &App, sha256: disk::Sha256) -> Result<()> {
    let known = store::known(&mut *app.db.reader().await?, &[sha256]).await?;
    app.files.settle(sha256, !known.is_empty()).await
}
