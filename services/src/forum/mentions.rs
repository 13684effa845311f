//! Whom a body mentions: members by their handles, and groups, as far as its writer may address them (docs/notifications.md).
//!
//! A body is rendered before its write, which holds only SQL: what its writer may address is looked at here for what is shown, and
//! again inside the write for what is told.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{rules, store};
use crate::caller::Actor;
use crate::db::{Cx, Tx};
use crate::error::{Code, Error, Result};
use crate::id::{ForumId, MemberId, PostId, SpaceId};
use crate::page::gathered;
use crate::text::{self, Group, MODERATORS, Mentioned, Names, Rendered};
use crate::{App, Caller, accounts, links, organisations};

/// Where a body is to stand, whose moderators address whom they want.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Within {
    Forum(ForumId),
    ThreadOf(PostId),
    Space(SpaceId),
}

/// Whom a body mentions, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mentions {
    pub(crate) members: Vec<MemberId>,
    pub(crate) groups: Vec<Group>,
}

impl Mentions {
    /// By the names it writes, of those that are known.
    pub(crate) fn of(names: &Names, known: &Mentioned) -> Self {
        let mut members: Vec<_> = names.handles.iter().filter_map(|handle| known.members.get(handle).copied()).collect();
        let mut groups: Vec<_> = names.groups.iter().filter_map(|name| known.groups.get(name).copied()).collect();
        members.sort_unstable();
        groups.sort_unstable();
        Self { members, groups }
    }
}

/// Renders a body as a post of the caller's would be, in that space, for whoever holds a connection already.
///
/// # Errors
/// [`Error::Invalid`] on `body`.
pub async fn preview(cx: &mut Cx, caller: &Caller, space: Option<SpaceId>, body: &str) -> Result<Rendered> {
    let body = rules::body(body).map_err(|problem| Error::Invalid(vec![problem]))?;
    let names = text::names(&body).map_err(|problem| Error::Invalid(vec![problem]))?;
    let known = known(cx, caller, space.map(Within::Space), &names).await?;
    Ok(text::render(&body, &known))
}

/// Renders a body of the caller's and finds whom it mentions; before the write.
///
/// # Errors
/// [`Error::Invalid`] on `body`, nested beyond reason or with too many groups; when the database fails.
pub(super) async fn render(app: &App, caller: &Caller, within: Within, body: &str) -> Result<(Rendered, Mentions)> {
    let names = text::names(body).map_err(|problem| Error::Invalid(vec![problem]))?;
    let known = if names == Names::default() {
        Mentioned::default()
    } else {
        known(&mut *app.db.reader().await?, caller, Some(within), &names).await?
    };
    let mut rendered = text::render(body, &known);
    rendered.links = links::from_here(&app.config.public_url, rendered.links);
    Ok((rendered, Mentions::of(&names, &known)))
}

/// The members of these names, and the groups of these names that the caller may address there.
async fn known(cx: &mut Cx, caller: &Caller, within: Option<Within>, names: &Names) -> Result<Mentioned> {
    let members = accounts::ids_by_handle(cx, &names.handles).await?;
    let mut groups = HashMap::new();
    if !names.groups.is_empty()
        && let Some(member) = caller.id()
    {
        let (moderators, slugs): (Vec<_>, Vec<_>) = names.groups.iter().cloned().partition(|name| name == MODERATORS);
        groups.extend(moderators.into_iter().map(|name| (name, Group::Moderators)));
        if !slugs.is_empty() {
            groups.extend(organisations_addressed(cx, caller, member, within, &slugs).await?);
        }
        rules::takes_groups(groups.len()).map_err(|problem| Error::Invalid(vec![problem]))?;
    }
    Ok(Mentioned { members, groups })
}

async fn organisations_addressed(
    cx: &mut Cx,
    caller: &Caller,
    member: MemberId,
    within: Option<Within>,
    slugs: &[String],
) -> Result<HashMap<String, Group>> {
    let found = organisations::ids_by_slug(cx, slugs).await?;
    let lines = organisations::lines(cx, &found.values().copied().collect::<Vec<_>>()).await?;
    let home = accounts::homes(cx, &[member]).await?.remove(&member);
    let space = match within {
        None => None,
        Some(Within::Space(space)) => Some(space),
        Some(Within::Forum(forum)) => store::forum_row(cx, forum).await?.map(|forum| forum.space_id),
        Some(Within::ThreadOf(post)) => store::space_of_post(cx, post).await?,
    };
    let moderates = space.map_or_else(|| caller.moderates_everywhere(), |space| caller.moderates(space));
    let may = |line: &Vec<_>| moderates || rules::may_address(caller, home, line);
    let addressed = found.into_iter().filter(|(_, id)| lines.get(id).is_some_and(may));
    Ok(addressed.map(|(slug, id)| (slug, Group::Organisation(id))).collect())
}

/// Whether `actor` may write a post, or edit it so, that mentions these: by what they hold now, and so many times a day. Who
/// moderates the space may always.
///
/// # Errors
/// [`Error::Conflict`] on `body`.
pub(super) async fn must_address(
    tx: &mut Tx,
    actor: &Actor,
    space: SpaceId,
    (post, now): (PostId, DateTime<Utc>),
    mentioned: &Mentions,
    most_a_day: u32,
) -> Result<()> {
    let organisations: Vec<_> = mentioned.groups.iter().filter_map(|group| group.organisation()).collect();
    if organisations.is_empty() || actor.moderates(space) {
        return Ok(());
    }
    // Locked, so that of two posts at once which are too many together one is refused.
    let member = accounts::lock_member(tx, actor.id).await?.ok_or(Error::Unauthenticated)?;
    let lines = organisations::lines(tx, &organisations).await?;
    if !lines.values().all(|line| rules::may_address(actor, member.organisation_id, line)) {
        let sentence = "Vous ne pouvez plus vous adresser à une de ces organisations : relisez votre message.";
        return Err(Error::conflict("body", Code::Refused, sentence));
    }
    // A post counts once, whatever is edited in it.
    if store::ever_addressed(tx, post).await? {
        return Ok(());
    }
    rules::may_address_today(store::count_addressing(tx, actor.id, now - TimeDelta::days(1)).await?, most_a_day)
}

/// Whom each of these posts mentions by handle.
///
/// # Errors
/// When the database fails.
pub async fn mentioned(cx: &mut Cx, posts: &[PostId]) -> Result<HashMap<PostId, Vec<MemberId>>> {
    Ok(gathered(store::mentioned(cx, posts).await?))
}

/// The groups that each of these posts addresses.
///
/// # Errors
/// When the database fails.
pub async fn groups_mentioned(cx: &mut Cx, posts: &[PostId]) -> Result<HashMap<PostId, Vec<Group>>> {
    let group = |organisation: Option<_>| organisation.map_or(Group::Moderators, Group::Organisation);
    let found = store::groups_mentioned(cx, posts).await?.into_iter();
    Ok(gathered(found.map(|(post, organisation)| (post, group(organisation)))))
}
