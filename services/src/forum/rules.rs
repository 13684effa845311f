//! Who may read, open, answer, edit, delete and accept; what a sound title is.

use super::{Forum, MOST_POSTS, Post, Thread, ThreadKind};
use crate::caller::{Caller, Scope};
use crate::error::{Code, Error, Problem, Result};
use crate::id::OrganisationId;
use crate::text;

/// Groups that a post addresses at most.
const MOST_GROUPS: usize = 3;

pub(super) fn sees_thread(caller: &Caller, thread: &Thread) -> bool {
    caller.sees(thread.audience_id) && (thread.hidden_at.is_none() || caller.moderates(thread.space_id))
}

/// Whether this caller writes at all, with what they came with.
#[must_use]
pub fn writes(caller: &Caller) -> bool {
    caller.passes(Scope::Write) && caller.suspended().is_none()
}

/// Whether an edit of this post would be taken from this caller.
#[must_use]
pub fn may_edit(caller: &Caller, thread: &Thread, post: &Post) -> bool {
    writes(caller) && can_be_edited(caller, thread, post, None).is_ok()
}

/// Whether this caller may delete this post.
#[must_use]
pub fn may_delete(caller: &Caller, thread: &Thread, post: &Post) -> bool {
    writes(caller) && can_be_deleted(caller, thread, post).is_ok()
}

/// Whether an answer to this post would be taken from this caller.
#[must_use]
pub fn may_answer(caller: &Caller, thread: &Thread, post: &Post) -> bool {
    writes(caller) && can_be_answered(caller, thread, post).is_ok()
}

pub(crate) fn title(title: &str) -> Result<String, Problem> {
    text::line("title", title, 5, 150)
}

pub(super) fn body(body: &str) -> Result<String, Problem> {
    text::body("body", body)
}

/// Whether this caller may open a thread in a forum they see.
#[must_use]
pub fn may_open(caller: &Caller, forum: &Forum) -> bool {
    writes(caller) && must_open(caller, forum).is_ok()
}

pub(super) fn must_open(caller: &Caller, forum: &Forum) -> Result<()> {
    if forum.remarks {
        return Err(Error::forbidden("Une remarque sur un document s'écrit depuis le document."));
    }
    if caller.sees(forum.opening_audience_id) || caller.moderates(forum.space_id) {
        return Ok(());
    }
    Err(Error::forbidden("Seules certaines personnes ouvrent un fil dans ce forum ; vous pouvez y répondre."))
}

/// Whether a forum that takes `kinds` takes this one.
pub(crate) fn takes_kind(kinds: &[ThreadKind], kind: ThreadKind) -> Result<(), Problem> {
    if kinds.contains(&kind) {
        return Ok(());
    }
    let taken: Vec<_> = kinds.iter().map(|kind| kind.words()).collect();
    Err(Problem::new("kind", Code::Refused, format!("Ce forum accueille : {}.", taken.join(", "))))
}

/// Whether a thread takes another title.
pub(super) fn takes_title(thread: &Thread) -> Result<()> {
    if thread.document_id.is_none() {
        return Ok(());
    }
    Err(Error::conflict("title", Code::Refused, "Ce fil porte le titre du document sur lequel sont ces remarques."))
}

/// Whether the thread takes one more answer, to `parent`, from `caller`.
pub(super) fn can_be_answered(caller: &Caller, thread: &Thread, parent: &Post) -> Result<()> {
    if thread.locked_at.is_some() && !caller.moderates(thread.space_id) {
        return Err(locked());
    }
    if parent.deleted_at.is_some() || parent.hidden_at.is_some() && !caller.moderates(thread.space_id) {
        return Err(Error::conflict("postId", Code::Refused, "Ce message a été retiré : répondez à un autre."));
    }
    has_room(thread)
}

/// Whether the thread of a document's remarks takes one more, from `caller`.
pub(super) fn takes_remark(caller: &Caller, thread: &Thread) -> Result<()> {
    if thread.locked_at.is_some() && !caller.moderates(thread.space_id) {
        return Err(Error::conflict("documentId", Code::Refused, "Les remarques sur ce document sont fermées."));
    }
    has_room(thread)
}

/// Whether a post takes that many groups.
pub(super) fn takes_groups(groups: usize) -> Result<(), Problem> {
    if groups <= MOST_GROUPS {
        return Ok(());
    }
    Err(Problem::new("body", Code::TooLong, format!("Un message s'adresse à {MOST_GROUPS} groupes au plus.")))
}

/// Whether this caller, at home there, may address the organisation whose ancestors (itself included) these are: their own, one
/// where they hold a role, and the units of these. Not what stands above: an office does not wake its ministry.
pub(super) fn may_address(caller: &Caller, home: Option<OrganisationId>, ancestors: &[OrganisationId]) -> bool {
    home.into_iter().chain(caller.places()).any(|own| ancestors.contains(&own))
}

/// Whether who addressed organisations in that many posts of a day may do so again.
pub(super) fn may_address_today(posts: i64, most: u32) -> Result<()> {
    if posts < i64::from(most) {
        return Ok(());
    }
    let sentence = format!("Au plus {most} de vos messages par jour s'adressent à des organisations : réessayez plus tard.");
    Err(Error::conflict("body", Code::Full, sentence))
}

/// Whether the thread can hold one more post.
pub(super) fn has_room(thread: &Thread) -> Result<()> {
    if thread.next_ordinal >= MOST_POSTS {
        return Err(Error::conflict(
            "postId",
            Code::Full,
            format!("Ce fil a atteint {MOST_POSTS} messages : ouvrez-en un nouveau."),
        ));
    }
    Ok(())
}

pub(super) fn can_be_edited(caller: &Caller, thread: &Thread, post: &Post, expected: Option<i64>) -> Result<()> {
    if caller.id() != Some(post.author_id) {
        return Err(Error::forbidden("On ne modifie que ses propres messages."));
    }
    if post.deleted_at.is_some() {
        return Err(Error::conflict("postId", Code::Refused, "Ce message est supprimé."));
    }
    if thread.locked_at.is_some() && !caller.moderates(thread.space_id) {
        return Err(locked());
    }
    if expected.is_some_and(|expected| expected != post.revision) {
        return Err(Error::conflict("revision", Code::Refused, "Ce message a été modifié entre-temps : relisez-le."));
    }
    Ok(())
}

pub(super) fn can_be_deleted(caller: &Caller, thread: &Thread, post: &Post) -> Result<()> {
    if caller.id() != Some(post.author_id) && !caller.moderates(thread.space_id) {
        return Err(Error::forbidden("On ne supprime que ses propres messages."));
    }
    if post.deleted_at.is_some() {
        return Err(Error::conflict("postId", Code::Refused, "Ce message est déjà supprimé."));
    }
    if thread.locked_at.is_some() && !caller.moderates(thread.space_id) {
        return Err(locked());
    }
    Ok(())
}

/// Whether `caller` says what answers the thread, and whether not.
pub(super) fn may_settle(caller: &Caller, thread: &Thread) -> Result<()> {
    if caller.id() == Some(thread.author_id) || caller.moderates(thread.space_id) {
        return Ok(());
    }
    Err(Error::forbidden("Seuls l'auteur du fil et les modérateurs acceptent une réponse ou rouvrent le fil."))
}

pub(super) fn can_be_accepted(thread: &Thread, post: &Post) -> Result<()> {
    let refused = |sentence| Err(Error::conflict("postId", Code::Refused, sentence));
    if !thread.kind.can_be_solved() {
        return refused("On n'accepte une réponse que dans une question ou un signalement.");
    }
    if post.is_opening() {
        return refused("Le premier message pose la question : acceptez une réponse.");
    }
    if !post.is_visible() {
        return refused("Ce message a été retiré.");
    }
    if thread.accepted_post_id == Some(post.id) {
        return refused("Cette réponse est déjà acceptée.");
    }
    Ok(())
}

fn locked() -> Error {
    Error::conflict("postId", Code::Refused, "Ce fil est verrouillé : il n'accepte plus de message.")
}
