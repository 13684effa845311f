//! Following: how much a member wants to be told of a forum, a thread, a training or a collection (docs/notifications.md). Whom it
//! tells of what is [`crate::inbox`]'s.

mod rules;
mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::caller::{Actor, Caller};
use crate::db::{Cx, Tx};
use crate::error::{Error, Result};
use crate::id::{CollectionId, ForumId, MemberId, ThreadId, TrainingId};
use crate::idempotency::act_privately;
use crate::page::{Page, Paging, Slice, TimeKey};
use crate::{App, accounts, catalogue, forum};

pub use rules::{forum_level, thread_level, training_level};
pub(crate) use store::{brought_along, followers, levels_among, set_level, training_merged};

/// How many things a member follows at most, at a level of their own.
pub const MOST_FOLLOWED: i64 = 5_000;

/// How much one wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Of everything.
    Tout,
    /// Of new threads, and of what changes in the state or the date of a training.
    PremiersMessages,
    /// Of what is said to oneself.
    Mentions,
    /// Of nothing.
    Muet,
}

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Target {
    Forum(ForumId),
    Thread(ThreadId),
    Training(TrainingId),
    Collection(CollectionId),
}

impl Target {
    /// Its id, whatever it is.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Forum(id) => id.0,
            Self::Thread(id) => id.0,
            Self::Training(id) => id.0,
            Self::Collection(id) => id.0,
        }
    }
}

/// What somebody follows at a level of their own.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct Follow {
    pub target: Target,
    pub level: Level,
    pub followed_at: DateTime<Utc>,
}

/// Follows something at a level, or at the default one again when none is given.
///
/// # Errors
/// [`Error::NotFound`] for what is out of sight; [`Error::Invalid`] on `level`; [`Error::Conflict`] when too much is followed.
pub async fn follow(app: &App, caller: &Caller, target: Target, level: Option<Level>) -> Result<()> {
    let clock = app.clock.clone();
    act_privately(app, caller, move |tx, actor| {
        Box::pin(async move {
            must_see(tx, &actor, target).await?;
            let Some(level) = level else { return store::forget_level(tx, actor.id, target).await };
            rules::takes_level(target, level).map_err(|problem| Error::Invalid(vec![problem]))?;
            // Locked, so that of two at once which are too much together one is refused.
            accounts::lock_member(tx, actor.id).await?;
            if store::levels_of(tx, actor.id, &[target]).await?.is_empty() {
                rules::has_room(store::count_all(tx, actor.id).await?)?;
            }
            store::set_level(tx, actor.id, target, level, clock.now()).await
        })
    })
    .await
}

async fn must_see(tx: &mut Tx, actor: &Actor, target: Target) -> Result<()> {
    let sees = match target {
        Target::Forum(id) => forum::forum_row(tx, id).await?.is_some_and(|forum| actor.sees(forum.audience_id)),
        Target::Thread(id) => forum::threads_by_id(tx, actor, &[id]).await?.contains_key(&id),
        Target::Training(id) => catalogue::trainings_by_id(tx, actor, &[id]).await?.contains_key(&id),
        Target::Collection(id) => catalogue::collections_by_id(tx, &[id]).await?.contains_key(&id),
    };
    if sees { Ok(()) } else { Err(Error::NotFound) }
}

/// The caller's own level of each of these, where there is one.
///
/// # Errors
/// When the database fails.
pub async fn own_levels(cx: &mut Cx, caller: &Caller, targets: &[Target]) -> Result<HashMap<Target, Level>> {
    match caller.id() {
        None => Ok(HashMap::new()),
        Some(member) => store::levels_of(cx, member, targets).await,
    }
}

/// What the caller follows at a level of their own and sees, the last set first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] on the paging.
pub async fn follows(cx: &mut Cx, caller: &Caller, paging: &Paging) -> Result<Page<Follow>> {
    let member: MemberId = caller.signed_in()?;
    let slice = Slice::<TimeKey>::new(paging)?;
    Ok(slice.page(store::follows(cx, caller, member, &slice).await?))
}

/// How much that is.
///
/// # Errors
/// As [`follows`].
pub async fn count_follows(cx: &mut Cx, caller: &Caller) -> Result<i64> {
    store::count_follows(cx, caller, caller.signed_in()?).await
}
