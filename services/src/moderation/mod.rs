//! What moderators do: hide, lock, pin and move in their space; suspend (those who moderate everywhere).

use chrono::{DateTime, Utc};

use crate::caller::{Actor, Caller, Scope};
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::events::{Event, tell};
use crate::forum::{self, Thread, ThreadKind};
use crate::id::{ForumId, MemberId, PostId, ThreadId};
use crate::idempotency::act;
use crate::{App, accounts, links, text};

/// What a thread can be turned into, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Out of sight of all but moderators.
    Hidden,
    /// Takes no more posts, but moderators'.
    Locked,
    /// On top of its forum.
    Pinned,
}

/// How many threads can be pinned in a forum.
pub const PINNED_MOST: usize = 20;

/// Hides, locks or pins a thread, or undoes it. Asking for what is already so changes nothing.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] when too many are pinned.
pub async fn switch_thread(app: &App, caller: &Caller, id: ThreadId, switch: Switch, on: bool) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Moderate, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let (actor, thread) = moderated(tx, actor, id).await?;
            let at = on.then_some(now);
            let event = match switch {
                Switch::Hidden if on && thread.hidden_at.is_none() => {
                    forum::hide_thread(tx, &clock, actor.id, &thread).await?;
                    return Ok(id);
                }
                Switch::Hidden if !on && thread.hidden_at.is_some() => {
                    forum::set_hidden_thread(tx, id, None).await?;
                    forum::add_to_thread_count(tx, thread.forum_id, 1).await?;
                    Event::ThreadHidden { thread: id, hidden: false }
                }
                Switch::Locked if thread.locked_at.is_some() != on => {
                    forum::set_locked(tx, id, at).await?;
                    Event::ThreadLocked { thread: id, locked: on }
                }
                Switch::Pinned if thread.pinned_at.is_some() != on => {
                    // Locked, so that pins at once are counted one after the other.
                    forum::lock_forum(tx, thread.forum_id).await?;
                    let pinned = forum::pinned_threads(tx, &[thread.forum_id]).await?;
                    if on && pinned.values().flatten().count() >= PINNED_MOST {
                        let sentence = format!("Au plus {PINNED_MOST} fils épinglés par forum.");
                        return Err(Error::conflict("threadId", Code::Full, sentence));
                    }
                    forum::set_pinned(tx, id, at).await?;
                    Event::ThreadPinned { thread: id, pinned: on }
                }
                _ => return Ok(id),
            };
            tell(tx, &clock, Some(actor.id), &event).await?;
            Ok(id)
        })
    })
    .await
}

/// Moves a thread to another forum, of a space one moderates too, with another kind when that forum does not take its own.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Invalid`] on `forumId` or `kind`.
pub async fn move_thread(app: &App, caller: &Caller, id: ThreadId, to: ForumId, kind: Option<ThreadKind>) -> Result<ThreadId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Moderate, move |tx, actor| {
        Box::pin(async move {
            let (actor, thread) = moderated(tx, actor, id).await?;
            if thread.document_id.is_some() {
                let sentence = "Ce fil porte les remarques sur un document : il reste auprès de lui.";
                return Err(Error::conflict("threadId", Code::Refused, sentence));
            }
            let forum = forum::forum_row(tx, to).await?.filter(|forum| !forum.remarks && actor.sees(forum.audience_id));
            let forum = forum.ok_or_else(|| Error::invalid("forumId", Code::Unknown, "Forum inconnu."))?;
            if !actor.moderates(forum.space_id) {
                return Err(Error::forbidden("Vous ne modérez pas l'espace de ce forum."));
            }
            if forum.id == thread.forum_id {
                return Err(Error::conflict("forumId", Code::Refused, "Ce fil est déjà dans ce forum."));
            }
            let kind = kind.unwrap_or(thread.kind);
            forum::takes_kind(&forum::kinds_of_forum(tx, to).await?, kind).map_err(|problem| Error::Invalid(vec![problem]))?;
            if kind != thread.kind {
                forum::change_kind(tx, &clock, actor.id, &thread, kind).await?;
                tell(tx, &clock, Some(actor.id), &Event::ThreadChanged { thread: id }).await?;
            }
            forum::relocate(tx, &clock, actor.id, &thread, to).await?;
            Ok(id)
        })
    })
    .await
}

/// Hides a post, with a reason its author reads, or shows it again. An accepted answer that is hidden reopens its thread.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Invalid`] on `reason`; [`Error::Conflict`] when it is deleted.
pub async fn hide_post(app: &App, caller: &Caller, id: PostId, hidden: bool, reason: Option<String>) -> Result<PostId> {
    caller.signed_in()?;
    let reason = match (hidden, reason) {
        (true, reason) => {
            Some(text::line("reason", &reason.unwrap_or_default(), 3, 500).map_err(|problem| Error::Invalid(vec![problem]))?)
        }
        (false, _) => None,
    };
    let clock = app.clock.clone();
    act(app, caller, Scope::Moderate, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let (thread, post) = forum::locked(tx, &actor, id).await?;
            may_moderate(&actor, &thread)?;
            if post.deleted_at.is_some() {
                return Err(Error::conflict("postId", Code::Refused, "Ce message est supprimé."));
            }
            if post.hidden_at.is_some() == hidden {
                return Ok(id);
            }
            forum::set_hidden_post(tx, id, hidden.then_some(now), hidden.then_some(actor.id), reason.as_deref()).await?;
            if !post.is_opening() {
                forum::add_to_post_count(tx, thread.id, if hidden { -1 } else { 1 }).await?;
            }
            tell(tx, &clock, Some(actor.id), &Event::PostHidden { thread: thread.id, post: id, hidden }).await?;
            if !hidden {
                links::post_shown(tx, &clock, actor.id, (thread.id, id)).await?;
            } else {
                links::post_away(tx, &clock, actor.id, thread.id).await?;
                forum::forget_accepted(tx, &clock, actor.id, &thread, id).await?;
                let answers = thread.post_count - 1 - i64::from(!post.is_opening());
                forum::hide_if_empty(tx, &clock, actor.id, &thread, answers).await?;
            }
            Ok(id)
        })
    })
    .await
}

/// Suspends a member, who may then read and not write, until a date or until further notice. Administrators cannot be.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] on `memberId`, `reason` or `until`.
pub async fn suspend_member(
    app: &App,
    caller: &Caller,
    id: MemberId,
    reason: &str,
    until: Option<DateTime<Utc>>,
) -> Result<MemberId> {
    caller.signed_in()?;
    let reason = text::line("reason", reason, 3, 500).map_err(|problem| Error::Invalid(vec![problem]))?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Moderate, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let actor = everywhere(&actor)?;
            if until.is_some_and(|until| until <= now) {
                return Err(Error::invalid("until", Code::Malformed, "La fin de la suspension doit être à venir."));
            }
            let Some(member) = accounts::lock_member(tx, id).await? else {
                return Err(Error::invalid("memberId", Code::Unknown, "Membre inconnu."));
            };
            let theirs = Caller::member(tx, id, crate::caller::Credential::Operator, now).await?;
            if id == actor || theirs.is_some_and(|theirs| theirs.is_administrator()) {
                return Err(Error::invalid("memberId", Code::Refused, "On ne suspend ni soi-même ni un administrateur."));
            }
            accounts::set_suspension(tx, member.id, Some(now), until, Some(&reason)).await?;
            tell(tx, &clock, Some(actor), &Event::MemberSuspended { member: id }).await?;
            Ok(id)
        })
    })
    .await
}

/// Ends a suspension.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Conflict`] when there is none.
pub async fn reinstate_member(app: &App, caller: &Caller, id: MemberId) -> Result<MemberId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Moderate, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let actor = everywhere(&actor)?;
            let member = accounts::lock_member(tx, id).await?.ok_or(Error::NotFound)?;
            if member.suspended_at.is_none() || member.suspended_until.is_some_and(|until| until <= now) {
                return Err(Error::conflict("memberId", Code::Refused, "Ce membre n'est pas suspendu."));
            }
            accounts::set_suspension(tx, id, None, None, None).await?;
            tell(tx, &clock, Some(actor), &Event::MemberReinstated { member: id }).await?;
            Ok(id)
        })
    })
    .await
}

async fn moderated(tx: &mut Tx, actor: Actor, id: ThreadId) -> Result<(Actor, Thread)> {
    let thread = forum::seen(forum::lock_thread(tx, id).await?, &actor)?;
    may_moderate(&actor, &thread)?;
    Ok((actor, thread))
}

fn may_moderate(caller: &Caller, thread: &Thread) -> Result<()> {
    if caller.moderates(thread.space_id) {
        return Ok(());
    }
    Err(Error::forbidden("Réservé aux modérateurs de cet espace."))
}

fn everywhere(actor: &Actor) -> Result<MemberId> {
    if actor.moderates_everywhere() {
        return Ok(actor.id);
    }
    Err(Error::forbidden("Réservé aux modérateurs de toute la communauté."))
}
