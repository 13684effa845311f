//! The inbox: what members are told of what happened, folded while it is unread (docs/notifications.md).
//!
//! Nobody who writes writes to it: [`delivery`] reads the log and does, so that a post costs the same whether twenty thousand follow
//! its forum or none.

mod delivery;
mod gathering;
mod rules;
mod store;
mod words;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::caller::Caller;
use crate::db::Cx;
use crate::error::{Error, Result};
use crate::id::{MemberId, NotificationId, PostId, SpaceId, ThreadId, TrainingId};
use crate::idempotency::act_privately;
use crate::page::{Page, Paging, Slice, TimeKey};
use crate::{App, forum};

pub use delivery::{catch_up, deliver, turn};
pub(crate) use store::{begin_at, last_told, read_up_to, sweep, told_beyond};
pub use words::sentence;

/// Unread notifications are counted up to that many.
pub const MOST_COUNTED: i64 = 1_000;

/// Why somebody is told something, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// A post where one follows everything.
    NouveauMessage,
    /// A new thread in a forum one follows, or about a training one follows.
    NouveauFil,
    /// A training one follows, or that a thread one follows is about, changed its state or its date.
    Formation,
    /// A report one follows came to another state than fixed.
    Signalement,
    /// Somebody answered a post of one's own.
    Reponse,
    /// Somebody mentioned one.
    Mention,
    /// A report one follows, or a duplicate of which one follows, is fixed.
    SignalementCorrige,
    /// One's answer was accepted, or an answer in a thread one follows.
    ReponseAcceptee,
    /// A moderator did something to one's post or thread.
    Moderation,
}

/// Something a member is told.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Notification {
    pub id: NotificationId,
    pub reason: Reason,
    pub thread_id: Option<ThreadId>,
    pub training_id: Option<TrainingId>,
    /// The last post that the reason tells of.
    pub post_id: Option<PostId>,
    /// Events folded into it.
    pub many: i64,
    actor_id: Option<MemberId>,
    second_actor_id: Option<MemberId>,
    third_actor_id: Option<MemberId>,
    /// The first event.
    pub created_at: DateTime<Utc>,
    /// The last one.
    pub told_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

impl Notification {
    /// Who did it, the latest first, three at most; nobody for what moderators did.
    pub fn actors(&self) -> impl Iterator<Item = MemberId> {
        [self.actor_id, self.second_actor_id, self.third_actor_id].into_iter().flatten()
    }
}

/// Which notifications a list holds; every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct NotificationFilter {
    pub reason: Option<Reason>,
    /// About threads of it.
    pub space: Option<SpaceId>,
    pub unread: Option<bool>,
}

/// The caller's notifications, of what they still see, the last told first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] on the paging.
pub async fn notifications(
    cx: &mut Cx,
    caller: &Caller,
    filter: &NotificationFilter,
    paging: &Paging,
) -> Result<Page<Notification>> {
    let member = caller.signed_in()?;
    let slice = Slice::<TimeKey>::new(paging)?;
    Ok(slice.page(store::notifications(cx, caller, member, filter, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// [`Error::Unauthenticated`].
pub async fn count_notifications(cx: &mut Cx, caller: &Caller, filter: &NotificationFilter) -> Result<i64> {
    store::count(cx, caller, caller.signed_in()?, filter, i64::MAX).await
}

/// How many of them are unread, up to [`MOST_COUNTED`].
///
/// # Errors
/// [`Error::Unauthenticated`].
pub async fn count_unread(cx: &mut Cx, caller: &Caller) -> Result<i64> {
    let unread = NotificationFilter { unread: Some(true), ..NotificationFilter::default() };
    store::count(cx, caller, caller.signed_in()?, &unread, MOST_COUNTED).await
}

/// Those of these that are the caller's, of what they still see.
///
/// # Errors
/// When the database fails.
pub async fn notifications_by_id(
    cx: &mut Cx,
    caller: &Caller,
    ids: &[NotificationId],
) -> Result<HashMap<NotificationId, Notification>> {
    let Some(member) = caller.id() else { return Ok(HashMap::new()) };
    let found = store::notifications_by_id(cx, caller, member, ids).await?;
    Ok(found.into_iter().map(|notification| (notification.id, notification)).collect())
}

/// How many notifications [`told_after`] reads at once.
const TOLD_AT_ONCE: usize = 20;

/// What the caller was told of entries of the log after `position`, in their order, of what they still see, some at a time; then
/// where to go on, and whether there may be more.
///
/// # Errors
/// [`Error::Unauthenticated`].
pub async fn told_after(cx: &mut Cx, caller: &Caller, position: i64) -> Result<(Vec<(i64, Notification)>, i64, bool)> {
    let limit = i64::try_from(TOLD_AT_ONCE).unwrap_or(i64::MAX);
    let told = store::told_after(cx, caller, caller.signed_in()?, position, limit).await?;
    let position = told.last().map_or(position, |(seq, _)| *seq);
    let more = told.len() == TOLD_AT_ONCE;
    Ok((told, position, more))
}

/// The last entry of which everybody was told whom it reaches.
///
/// # Errors
/// When the database fails.
pub async fn told_up_to(cx: &mut Cx) -> Result<i64> {
    Ok(store::position(cx).await?.seq)
}

/// Marks a notification as read.
///
/// # Errors
/// [`Error::NotFound`] when it is another member's, or of what is out of sight.
pub async fn mark_notification_read(app: &App, caller: &Caller, id: NotificationId) -> Result<NotificationId> {
    let clock = app.clock.clone();
    act_privately(app, caller, move |tx, actor| {
        Box::pin(async move {
            if !notifications_by_id(tx, &actor, &[id]).await?.contains_key(&id) {
                return Err(Error::NotFound);
            }
            store::read_one(tx, id, clock.now()).await?;
            Ok(id)
        })
    })
    .await
}

/// Marks everything told of a thread as read.
///
/// # Errors
/// [`Error::NotFound`] for a thread out of sight.
pub async fn mark_thread_notifications_read(app: &App, caller: &Caller, id: ThreadId) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act_privately(app, caller, move |tx, actor| {
        Box::pin(async move {
            forum::seen(forum::thread_row(tx, id).await?, &actor)?;
            read_up_to(tx, actor.id, id, i64::MAX, clock.now()).await?;
            Ok(id)
        })
    })
    .await
}

/// Marks everything told by then as read.
///
/// # Errors
/// [`Error::Unauthenticated`].
pub async fn mark_all_notifications_read(app: &App, caller: &Caller, up_to: DateTime<Utc>) -> Result<MemberId> {
    let clock = app.clock.clone();
    act_privately(app, caller, move |tx, actor| {
        Box::pin(async move {
            store::read_all(tx, actor.id, up_to, clock.now()).await?;
            Ok(actor.id)
        })
    })
    .await
}
