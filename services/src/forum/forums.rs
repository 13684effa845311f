//! Making and changing forums: the community's administrators.

use super::{Forum, ThreadKind, store};
use crate::App;
use crate::audience::{self, Grant};
use crate::caller::{Caller, Scope};
use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{AudienceId, ForumId, SpaceId};
use crate::idempotency::act;
use crate::roles::Role;
use crate::text;

/// What is needed to make a forum.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct CreateForum {
    pub space: SpaceId,
    pub name: String,
    pub description: String,
    pub kinds: Vec<ThreadKind>,
    /// Who sees it.
    pub audience: Vec<Grant>,
    /// Who may open threads in it; among those who see it.
    pub opening: Vec<Grant>,
    pub position: Option<i64>,
}

/// Makes a forum. The moderators of its space see it and may open threads in it, whoever else may.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] on the input.
pub async fn create_forum(app: &App, caller: &Caller, new: CreateForum) -> Result<ForumId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let name = problems.take(forum_name(&new.name)).unwrap_or_default();
    let description = problems.take(forum_description(&new.description)).unwrap_or_default();
    if new.kinds.is_empty() {
        problems.add(Problem::new("kinds", Code::Required, "Choisissez au moins une nature de fil."));
    }
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            may_arrange(&actor)?;
            // Locked, so that of two forums made at once under one name the second is refused in words.
            let Some(space) = store::lock_space(tx, new.space).await? else {
                return Err(Error::invalid("spaceId", Code::Unknown, "Espace inconnu."));
            };
            let slug = text::slug(&name);
            if slug.is_empty() || store::forum_by_slug(tx, space.id, &slug).await?.is_some() {
                return Err(Error::invalid("name", Code::Taken, "Un forum de ce nom existe déjà dans cet espace."));
            }
            let forum = Forum {
                id: ForumId::new(&clock),
                space_id: space.id,
                slug,
                name,
                description,
                position: new.position.unwrap_or(100),
                audience_id: audience::ensure(tx, &clock, &with_moderators(new.audience, space.id)).await?,
                opening_audience_id: openers(tx, &clock, new.opening, space.id).await?,
                thread_count: 0,
                created_at: clock.now(),
                remarks: false,
            };
            store::insert_forum(tx, &forum).await?;
            store::insert_forum_kinds(tx, forum.id, &new.kinds).await?;
            tell(tx, &clock, Some(actor.id), &Event::ForumCreated { forum: forum.id, space: space.id }).await?;
            Ok(forum.id)
        })
    })
    .await
}

/// What changes in a forum; what is none stays.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct UpdateForum {
    pub name: Option<String>,
    pub description: Option<String>,
    pub kinds: Option<Vec<ThreadKind>>,
    pub audience: Option<Vec<Grant>>,
    pub opening: Option<Vec<Grant>>,
    pub position: Option<i64>,
}

/// Changes a forum; its address (slug) stays. Threads of a kind it no longer takes stay as they are.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] on the input.
pub async fn update_forum(app: &App, caller: &Caller, id: ForumId, change: UpdateForum) -> Result<ForumId> {
    caller.signed_in()?;
    let mut problems = Problems::default();
    let name = change.name.and_then(|name| problems.take(forum_name(&name)));
    let description = change.description.and_then(|text| problems.take(forum_description(&text)));
    if change.kinds.as_ref().is_some_and(Vec::is_empty) {
        problems.add(Problem::new("kinds", Code::Required, "Choisissez au moins une nature de fil."));
    }
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            may_arrange(&actor)?;
            let mut forum = store::lock_forum(tx, id).await?.ok_or(Error::NotFound)?;
            if forum.remarks {
                let sentence = "Ce forum recueille les remarques sur des documents : c'est leur audience qui le règle.";
                return Err(Error::conflict("forumId", Code::Refused, sentence));
            }
            forum.name = name.unwrap_or(forum.name);
            forum.description = description.unwrap_or(forum.description);
            forum.position = change.position.unwrap_or(forum.position);
            if let Some(grants) = change.audience {
                forum.audience_id = audience::ensure(tx, &clock, &with_moderators(grants, forum.space_id)).await?;
            }
            if let Some(grants) = change.opening {
                forum.opening_audience_id = openers(tx, &clock, grants, forum.space_id).await?;
            }
            store::set_forum(tx, &forum).await?;
            if let Some(kinds) = change.kinds {
                store::insert_forum_kinds(tx, id, &kinds).await?;
            }
            tell(tx, &clock, Some(actor.id), &Event::ForumChanged { forum: id, space: forum.space_id }).await?;
            Ok(id)
        })
    })
    .await
}

/// The audience of those who open threads; its problems are `openingAudience`'s.
async fn openers(tx: &mut Tx, clock: &Clock, grants: Vec<Grant>, space: SpaceId) -> Result<AudienceId> {
    audience::ensure(tx, clock, &with_moderators(grants, space)).await.map_err(|error| match error {
        Error::Invalid(problems) => Error::Invalid(
            problems.into_iter().map(|problem| Problem::new("openingAudience", problem.code, problem.message)).collect(),
        ),
        other => other,
    })
}

/// A forum's audience holds its space's moderators, written in the data rather than known by the code.
pub(crate) fn with_moderators(mut grants: Vec<Grant>, space: SpaceId) -> Vec<Grant> {
    if !grants.is_empty() {
        grants.push(Grant::CommunityRole(Role::Moderateur, Some(space)));
    }
    grants
}

fn may_arrange(caller: &Caller) -> Result<()> {
    if caller.is_administrator() {
        return Ok(());
    }
    Err(Error::forbidden("Les forums sont créés et réglés par les administrateurs de la communauté."))
}

fn forum_name(name: &str) -> Result<String, Problem> {
    text::line("name", name, 2, 80)
}

fn forum_description(description: &str) -> Result<String, Problem> {
    text::line("description", description, 0, 500)
}
