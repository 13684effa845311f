//! Spaces hold forums, forums hold threads, threads hold posts; a post answers a post, at any depth.
//!
//! [`threads`] and [`posts`] are the use-cases that write; what reads is here. Hiding, locking, pinning and moving are
//! [`crate::moderation`]'s.

mod attachments;
mod forums;
mod mentions;
mod path;
mod posts;
mod reads;
mod remarks;
mod rules;
mod store;
mod threads;

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::id::{AudienceId, DocumentId, ForumId, MemberId, PostId, SpaceId, ThreadId};
use crate::page::PathKey;

pub use attachments::{Attachment, MOST_ATTACHMENTS, attachments};
pub(crate) use attachments::{present as present_attachments, shows_file};
pub(crate) use forums::with_moderators;
pub use forums::{CreateForum, UpdateForum, create_forum, update_forum};
pub(crate) use mentions::Mentions;
pub use mentions::{groups_mentioned, mentioned, preview};
pub use path::MOST_POSTS;
pub use posts::{EditPost, accept_answer, answer_post, delete_post, edit_post, reopen_thread};
pub(crate) use posts::{NewPost, add_answer, forget_accepted, hide_if_empty, hide_thread, locked, put_edit};
pub use reads::{
    ThreadFilter, ThreadOrder, count_revisions, count_threads, count_threads_of_forums, count_unanswered, forum_kinds,
    forums_by_id, forums_of, openings, pinned_threads, posts as posts_of, posts_by_id, replies, reply_counts, revisions,
    sees_hidden, spaces, threads as thread_list, threads_by_id, threads_of_forums, unanswered_threads,
};
pub(crate) use remarks::{About, close as close_remarks, follow as follow_remarks, put_remark, relocate};
pub use remarks::{Remark, threads_about};
pub use rules::{may_answer, may_delete, may_edit, may_open, writes};
pub(crate) use rules::{takes_kind, title as sound_title};
pub(crate) use store::{
    accept, add_to_post_count, add_to_thread_count, forum_by_slug, forum_kinds as kinds_of_forum, forum_row, insert_forum,
    insert_forum_kinds, insert_space, lock_forum, lock_thread, set_hidden_post, set_hidden_thread, set_locked, set_pinned,
    space_row, thread_columns, thread_row,
};
pub use threads::{EditThread, OpenThread, edit_thread, open_thread};
pub(crate) use threads::{NewThread, add_thread, change_kind};

/// One of the three spaces of the community.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Space {
    pub id: SpaceId,
    pub slug: String,
    pub name: String,
    pub description: String,
    pub position: i64,
    pub created_at: DateTime<Utc>,
}

/// A forum of a space.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Forum {
    pub id: ForumId,
    pub space_id: SpaceId,
    pub slug: String,
    pub name: String,
    pub description: String,
    pub position: i64,
    /// Who sees it.
    pub audience_id: AudienceId,
    /// Who may open threads in it.
    pub opening_audience_id: AudienceId,
    /// Threads that are not hidden.
    pub thread_count: i64,
    pub created_at: DateTime<Utc>,
    /// It holds the remarks on the documents of its audience, and nothing else.
    pub remarks: bool,
}

/// What a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ThreadKind {
    /// Asks for an answer, which can be accepted.
    Question,
    /// Talks something over.
    Discussion,
    /// Shares what works.
    BonnePratique,
    /// Reports a malfunction, which can be solved.
    Signalement,
    /// Tells news.
    Actualite,
}

impl ThreadKind {
    /// Its name in the database and the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Question => "QUESTION",
            Self::Discussion => "DISCUSSION",
            Self::BonnePratique => "BONNE_PRATIQUE",
            Self::Signalement => "SIGNALEMENT",
            Self::Actualite => "ACTUALITE",
        }
    }

    /// As people read it, in the plural.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Question => "questions",
            Self::Discussion => "discussions",
            Self::BonnePratique => "bonnes pratiques",
            Self::Signalement => "signalements",
            Self::Actualite => "actualités",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Question, Self::Discussion, Self::BonnePratique, Self::Signalement, Self::Actualite]
            .into_iter()
            .find(|kind| kind.code() == code)
    }

    /// Whether an answer can be accepted.
    #[must_use]
    pub fn can_be_solved(self) -> bool {
        matches!(self, Self::Question | Self::Signalement)
    }
}

/// A thread, with what its forum says of who sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Thread {
    pub id: ThreadId,
    pub forum_id: ForumId,
    pub space_id: SpaceId,
    pub audience_id: AudienceId,
    pub kind: ThreadKind,
    pub title: String,
    pub author_id: MemberId,
    pub created_at: DateTime<Utc>,
    pub last_activity_at: DateTime<Utc>,
    /// The opening post, and the answers neither deleted nor hidden.
    pub post_count: i64,
    pub next_ordinal: i64,
    pub accepted_post_id: Option<PostId>,
    pub solved_at: Option<DateTime<Utc>>,
    pub locked_at: Option<DateTime<Utc>>,
    pub pinned_at: Option<DateTime<Utc>>,
    pub hidden_at: Option<DateTime<Utc>>,
    /// It holds the remarks on this document.
    pub document_id: Option<DocumentId>,
}

/// A post of a thread.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Post {
    pub id: PostId,
    pub thread_id: ThreadId,
    /// None for the opening post.
    pub parent_id: Option<PostId>,
    /// Order of arrival, from 0.
    pub ordinal: i64,
    /// Place in the reading order.
    pub path: PathKey,
    /// Answers above it, down from the opening post (0).
    pub depth: i64,
    pub author_id: MemberId,
    /// Markdown, as written.
    pub body: String,
    /// Safe HTML.
    pub html: String,
    /// Plain text, short.
    pub excerpt: String,
    /// 1 when written, one more each time it is edited.
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub hidden_at: Option<DateTime<Utc>>,
    pub hidden_reason: Option<String>,
}

impl Post {
    /// The post everything else answers.
    #[must_use]
    pub fn is_opening(&self) -> bool {
        self.parent_id.is_none()
    }

    /// Counted, and shown to whoever sees the thread.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.deleted_at.is_none() && self.hidden_at.is_none()
    }
}

/// A former version of a post.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Revision {
    pub post_id: PostId,
    pub revision: i64,
    pub body: String,
    pub html: String,
    pub editor_id: MemberId,
    pub written_at: DateTime<Utc>,
}

/// The thread, when it is there and this caller sees it; what cannot be seen is not found.
pub(crate) fn seen(thread: Option<Thread>, caller: &crate::Caller) -> Result<Thread> {
    thread.filter(|thread| rules::sees_thread(caller, thread)).ok_or(Error::NotFound)
}
