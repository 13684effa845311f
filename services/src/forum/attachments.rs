//! Files attached to posts: from one revision of a post to another, so that a former version keeps its own.

use std::collections::HashMap;

use super::Post;
use crate::Caller;
use crate::caller::Actor;
use crate::db::{Cx, Tx, all, exec, in_list, opt};
use crate::error::{Code, Problem, Result};
use crate::files::{self, File};
use crate::id::{AudienceId, FileId, MemberId, PostId, SpaceId};
use crate::page::gathered;

/// How many files a post takes.
pub const MOST_ATTACHMENTS: usize = 10;

/// A file, and to which revisions of a post it is attached.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Attachment {
    /// The post.
    pub post_id: PostId,
    from_revision: i64,
    until_revision: Option<i64>,
    /// The file.
    #[sqlx(flatten)]
    pub file: File,
}

impl Attachment {
    /// Whether the post has it now.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.until_revision.is_none()
    }

    /// Whether that revision of the post had it.
    #[must_use]
    pub fn is_of(&self, revision: i64) -> bool {
        self.from_revision <= revision && self.until_revision.is_none_or(|until| revision < until)
    }
}

/// A sound list of files to attach, each once.
pub(super) fn wanted(ids: Vec<FileId>) -> Result<Vec<FileId>, Problem> {
    let mut wanted = Vec::with_capacity(ids.len().min(MOST_ATTACHMENTS));
    for id in ids {
        if !wanted.contains(&id) {
            wanted.push(id);
        }
        if wanted.len() > MOST_ATTACHMENTS {
            let sentence = format!("Un message porte au plus {MOST_ATTACHMENTS} fichiers.");
            return Err(Problem::new("attachments", Code::TooLong, sentence));
        }
    }
    Ok(wanted)
}

/// Attaches files to a post that has none yet.
pub(super) async fn attach(tx: &mut Tx, actor: &Actor, post: PostId, wanted: &[FileId]) -> Result<()> {
    files::hold(tx, actor, "attachments", wanted).await?;
    insert(tx, post, 1, wanted).await
}

/// Gives a post these files from `revision` on, rather than those it has.
pub(super) async fn replace(tx: &mut Tx, actor: &Actor, post: PostId, revision: i64, wanted: &[FileId]) -> Result<()> {
    let ever: Vec<_> = all!(tx, (FileId,), "select distinct file_id from post_attachments where post_id = $1", post)?;
    let new: Vec<_> = wanted.iter().copied().filter(|id| !ever.contains(&(*id,))).collect();
    files::hold(tx, actor, "attachments", &new).await?;
    exec!(tx, "update post_attachments set until_revision = $2 where post_id = $1 and until_revision is null", post, revision)?;
    insert(tx, post, revision, wanted).await
}

async fn insert(tx: &mut Tx, post: PostId, revision: i64, wanted: &[FileId]) -> Result<()> {
    for (position, file) in (0_i64..).zip(wanted) {
        exec!(
            tx,
            "insert into post_attachments (post_id, file_id, position, from_revision) values ($1, $2, $3, $4)",
            post,
            *file,
            position,
            revision
        )?;
    }
    Ok(())
}

/// The files a post has now, in their order.
pub(crate) async fn present(tx: &mut Tx, post: PostId) -> Result<Vec<FileId>> {
    let rows = all!(
        tx,
        (FileId,),
        "select file_id from post_attachments where post_id = $1 and until_revision is null order by position",
        post
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Files attached to these posts, now and before, in their order; of posts that the caller reads, which is theirs to check.
///
/// # Errors
/// When the database fails.
pub async fn attachments(cx: &mut Cx, posts: &[PostId]) -> Result<HashMap<PostId, Vec<Attachment>>> {
    let rows = in_list!(
        cx,
        Attachment,
        "select a.post_id, a.from_revision, a.until_revision, f.id, f.sha256, f.name, f.media_type, f.size, f.uploader_id,
                f.created_at, f.unused_since
         from post_attachments a join files f on f.id = a.file_id
         where a.post_id in (",
        posts,
        ") order by a.post_id, a.from_revision, a.position"
    )?;
    Ok(gathered(rows.into_iter().map(|attachment| (attachment.post_id, attachment))))
}

#[derive(sqlx::FromRow)]
struct Place {
    until_revision: Option<i64>,
    author_id: MemberId,
    is_deleted: bool,
    is_hidden: bool,
    is_withdrawn: bool,
    audience_id: AudienceId,
    space_id: SpaceId,
}

/// Whether a post shows this file to this caller; those who moderate it see the files of its former versions too.
///
/// # Errors
/// When the database fails.
pub(crate) async fn shows_file(cx: &mut Cx, caller: &Caller, file: FileId) -> Result<bool> {
    // A file is attached to one post at most; the latest row says whether it still is.
    let place = opt!(
        cx,
        Place,
        "select a.until_revision, p.author_id, p.deleted_at is not null as is_deleted, p.hidden_at is not null as is_hidden,
                t.hidden_at is not null as is_withdrawn, f.audience_id, f.space_id
         from post_attachments a join posts p on p.id = a.post_id join threads t on t.id = p.thread_id
              join forums f on f.id = t.forum_id
         where a.file_id = $1 order by a.from_revision desc limit 1",
        file
    )?;
    let Some(place) = place.filter(|place| caller.sees(place.audience_id)) else { return Ok(false) };
    let own = caller.id() == Some(place.author_id);
    let read = !place.is_withdrawn && place.until_revision.is_none() && !place.is_deleted && (!place.is_hidden || own);
    Ok(read || caller.moderates(place.space_id))
}

/// Whether an edit changes neither what a post says nor what it has.
pub(super) async fn is_unchanged(tx: &mut Tx, post: &Post, body: &str, wanted: Option<&[FileId]>) -> Result<bool> {
    if post.body != body {
        return Ok(false);
    }
    match wanted {
        None => Ok(true),
        Some(wanted) => Ok(present(tx, post.id).await? == wanted),
    }
}
