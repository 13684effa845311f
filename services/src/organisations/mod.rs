//! Organisations: a tree (ministry, directorate, bureau) of five kinds, and who belongs where.
//!
//! A member has one home organisation, approved by its administrators or the community's; the history is kept.

mod rules;
mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::caller::{Caller, Scope};
use crate::db::{Cx, Tx, duplicate};
use crate::error::{Code, Error, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{AffiliationId, MemberId, OrganisationId};
use crate::idempotency::act;
use crate::mail::{self, Message};
use crate::page::{NameKey, Page, Paging, Slice, TimeKey};
use crate::{App, accounts, roles, text};

pub(crate) use store::{ancestors, ids_by_slug, insert_home, insert_organisation, named};
pub use store::{lines, organisations_by_id};

/// The five kinds (docs/domain.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum OrganisationKind {
    Ministere,
    DirectionInterministerielle,
    EcoleDeServicePublic,
    Pfrh,
    OperateurDeFormation,
}

/// An organisation, or a unit of one.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Organisation {
    pub id: OrganisationId,
    pub slug: String,
    pub kind: OrganisationKind,
    pub name: String,
    pub short_name: String,
    pub parent_id: Option<OrganisationId>,
    pub created_at: DateTime<Utc>,
}

/// What became of a wish to be of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AffiliationState {
    /// Not decided yet.
    Demandee,
    /// The member's home.
    Approuvee,
    /// Refused.
    Refusee,
    /// Withdrawn by the member.
    Retiree,
    /// Was the home, and is no more.
    Terminee,
}

/// A member's home organisation: wished, approved, past.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Affiliation {
    pub id: AffiliationId,
    pub member_id: MemberId,
    pub organisation_id: OrganisationId,
    pub state: AffiliationState,
    pub requested_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<MemberId>,
    pub reason: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// What a mail about an affiliation says.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct AffiliationWords {
    pub(crate) member: String,
    pub(crate) handle: String,
    pub(crate) organisation: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
}

pub(crate) use store::affiliation_words;

/// What is needed to make an organisation or a unit.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct CreateOrganisation {
    /// For an organisation; a unit is of its parent's kind.
    pub kind: Option<OrganisationKind>,
    pub name: String,
    pub short_name: String,
    pub parent: Option<OrganisationId>,
}

/// Makes an organisation (the community's administrators) or a unit (also the administrators of the organisation above).
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] on the input; the tree is at most 8 deep.
pub async fn create_organisation(app: &App, caller: &Caller, new: CreateOrganisation) -> Result<OrganisationId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            let above = match new.parent {
                Some(parent) => store::ancestors(tx, parent).await?,
                None => Vec::new(),
            };
            rules::may_create(&actor, &above)?;
            let parent = match new.parent {
                Some(parent) => Some(
                    store::organisation(tx, parent)
                        .await?
                        .ok_or_else(|| Error::invalid("parentId", Code::Unknown, "Organisation inconnue."))?,
                ),
                None => None,
            };
            let mut organisation = rules::new_organisation(&new, parent.as_ref(), above.len())?;
            organisation.id = OrganisationId::new(&clock);
            organisation.created_at = clock.now();
            store::insert_organisation(tx, &organisation).await.map_err(duplicate("organisations.slug", rules::name_taken))?;
            let event = Event::OrganisationCreated { organisation: organisation.id, parent: organisation.parent_id };
            tell(tx, &clock, Some(actor.id), &event).await?;
            Ok(organisation.id)
        })
    })
    .await
}

/// Renames an organisation; its address (slug) stays. Those who may create units in it may.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] on the input.
pub async fn update_organisation(
    app: &App,
    caller: &Caller,
    id: OrganisationId,
    name: Option<String>,
    short_name: Option<String>,
) -> Result<OrganisationId> {
    let mut problems = Problems::default();
    let name = name.and_then(|name| problems.take(rules::name(&name)));
    let short_name = short_name.and_then(|name| problems.take(rules::short_name(&name)));
    problems.refuse()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            let organisation = store::lock_organisation(tx, id).await?.ok_or(Error::NotFound)?;
            rules::may_decide(&actor, &store::ancestors(tx, id).await?)?;
            let (name, short) = (name.unwrap_or(organisation.name), short_name.unwrap_or(organisation.short_name));
            store::rename(tx, id, &name, &short).await?;
            tell(tx, &clock, Some(actor.id), &Event::OrganisationChanged { organisation: id }).await?;
            Ok(id)
        })
    })
    .await
}

/// Wishes to be of `organisation`; a wish not yet decided is replaced. Those who decide are told by mail.
///
/// # Errors
/// [`Error::Invalid`] when it does not exist; [`Error::Conflict`] when it is the home already.
pub async fn request_affiliation(app: &App, caller: &Caller, organisation: OrganisationId) -> Result<AffiliationId> {
    let own = app.clone();
    act(app, caller, Scope::Write, move |tx, actor| Box::pin(async move { wish(&own, tx, actor.id, organisation).await })).await
}

/// Enters a wish; the member's row is locked, so that two at once leave one.
pub(crate) async fn wish(app: &App, tx: &mut Tx, member: MemberId, organisation: OrganisationId) -> Result<AffiliationId> {
    let now = app.clock.now();
    let row = accounts::lock_member(tx, member).await?.ok_or(Error::Unauthenticated)?;
    if store::organisation(tx, organisation).await?.is_none() {
        return Err(Error::invalid("organisationId", Code::Unknown, "Organisation inconnue."));
    }
    if row.organisation_id == Some(organisation) {
        return Err(Error::conflict("organisationId", Code::Taken, "Vous êtes déjà de cette organisation."));
    }
    if let Some((affiliation, organisation)) = store::withdraw_request(tx, member, now).await? {
        tell(tx, &app.clock, Some(member), &Event::AffiliationEnded { affiliation, member, organisation }).await?;
    }
    let id = AffiliationId::new(&app.clock);
    store::insert_request(tx, id, member, organisation, now).await?;
    tell(tx, &app.clock, Some(member), &Event::AffiliationRequested { affiliation: id, member, organisation }).await?;
    for address in roles::deciders(tx, organisation, now).await? {
        mail::post(tx, &app.clock, Message::AffiliationRequested { affiliation: id }, &address).await?;
    }
    Ok(id)
}

/// Approves or refuses a wish: an administrator of that organisation (or above it), or of the community. An approved one
/// becomes the home, and the former home ends. The member is told by mail.
///
/// # Errors
/// [`Error::NotFound`] when it is not theirs to see; [`Error::Conflict`] when it is decided already.
pub async fn decide_affiliation(
    app: &App,
    caller: &Caller,
    id: AffiliationId,
    approve: bool,
    reason: Option<String>,
) -> Result<AffiliationId> {
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let reason = reason.map(|reason| text::line("reason", &reason, 1, 500)).transpose().map_err(|p| Error::Invalid(vec![p]))?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let wish = store::affiliation(tx, id).await?.ok_or(Error::NotFound)?;
            rules::may_decide(&actor, &store::ancestors(tx, wish.organisation_id).await?).map_err(|_| Error::NotFound)?;
            // The member first, as when they change their wish meanwhile: then one waits and sees what the other did.
            let member = accounts::lock_member(tx, wish.member_id).await?.ok_or(Error::NotFound)?;
            let wish = store::lock_affiliation(tx, id).await?.ok_or(Error::NotFound)?;
            if wish.state != AffiliationState::Demandee {
                return Err(Error::conflict("affiliationId", Code::Refused, "Cette demande est déjà tranchée."));
            }
            let state = if approve { AffiliationState::Approuvee } else { AffiliationState::Refusee };
            if approve {
                if let Some((affiliation, organisation)) = store::end_home(tx, member.id, now).await? {
                    let event = Event::AffiliationEnded { affiliation, member: member.id, organisation };
                    tell(tx, &clock, Some(actor.id), &event).await?;
                }
                accounts::set_home(tx, member.id, Some(wish.organisation_id)).await?;
            }
            store::decide(tx, id, state, actor.id, reason.as_deref(), now).await?;
            let (member_id, organisation) = (member.id, wish.organisation_id);
            let event = Event::AffiliationDecided { affiliation: id, member: member_id, organisation, approved: approve };
            tell(tx, &clock, Some(actor.id), &event).await?;
            mail::post(tx, &clock, Message::AffiliationDecided { affiliation: id }, &member.address).await?;
            Ok(id)
        })
    })
    .await
}

/// Leaves the home organisation, or withdraws the wish for one when there is none.
///
/// # Errors
/// [`Error::Conflict`] when there is neither.
pub async fn leave_organisation(app: &App, caller: &Caller) -> Result<MemberId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            accounts::lock_member(tx, actor.id).await?;
            let ended = match store::end_home(tx, actor.id, now).await? {
                Some(ended) => Some(ended),
                None => store::withdraw_request(tx, actor.id, now).await?,
            };
            let Some((affiliation, organisation)) = ended else {
                return Err(Error::conflict("organisationId", Code::Refused, "Vous n'êtes d'aucune organisation."));
            };
            accounts::set_home(tx, actor.id, None).await?;
            tell(tx, &clock, Some(actor.id), &Event::AffiliationEnded { affiliation, member: actor.id, organisation }).await?;
            Ok(actor.id)
        })
    })
    .await
}

/// The organisation with this slug.
///
/// # Errors
/// When the database fails.
pub async fn organisation_by_slug(cx: &mut Cx, slug: &str) -> Result<Option<Organisation>> {
    // Only what could be one is looked for: PostgreSQL refuses a text with a null byte.
    if !slug.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        return Ok(None);
    }
    store::organisation_by_slug(cx, slug).await
}

/// Organisations by name: the units of each of these, or those of the top. Public, since one chooses among them when joining.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn organisations(
    cx: &mut Cx,
    parents: &[Option<OrganisationId>],
    paging: &Paging,
) -> Result<HashMap<Option<OrganisationId>, Page<Organisation>>> {
    let slice = Slice::<NameKey>::new(paging)?;
    let lists = store::organisations(cx, parents, &slice).await?;
    Ok(slice.pages(parents, lists))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_organisations(
    cx: &mut Cx,
    parents: &[Option<OrganisationId>],
) -> Result<HashMap<Option<OrganisationId>, i64>> {
    Ok(parents.iter().copied().zip(store::count_organisations(cx, parents).await?).collect())
}

/// Every organisation with its depth in the tree, units below what they are of, by name; at most 1,000 of them. For a page
/// where one is chosen.
///
/// # Errors
/// When the database fails.
pub async fn tree(cx: &mut Cx) -> Result<Vec<(usize, Organisation)>> {
    let mut below: HashMap<Option<OrganisationId>, Vec<Organisation>> = HashMap::new();
    for organisation in store::all_by_name(cx).await? {
        below.entry(organisation.parent_id).or_default().push(organisation);
    }
    let mut tree = Vec::new();
    let mut waiting: Vec<_> = below.remove(&None).unwrap_or_default().into_iter().rev().map(|top| (0, top)).collect();
    while let Some((depth, organisation)) = waiting.pop() {
        let units = below.remove(&Some(organisation.id)).unwrap_or_default();
        waiting.extend(units.into_iter().rev().map(|unit| (depth + 1, unit)));
        tree.push((depth, organisation));
    }
    Ok(tree)
}

/// Affiliations this caller may see, oldest first: one's own, or the wishes waiting for an organisation one administers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Affiliations {
    /// The history of a member.
    Of(MemberId),
    /// What waits for a decision in an organisation and its units.
    WaitingFor(OrganisationId),
}

/// A page of each of these lists; those that are not this caller's to see are left out.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn affiliations(
    cx: &mut Cx,
    caller: &Caller,
    which: &[Affiliations],
    paging: &Paging,
) -> Result<HashMap<Affiliations, Page<Affiliation>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let seen = affiliations_seen(cx, caller, which).await?;
    let lists = store::affiliations(cx, &seen, &slice).await?;
    Ok(slice.pages(&seen, lists))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_affiliations(cx: &mut Cx, caller: &Caller, which: &[Affiliations]) -> Result<HashMap<Affiliations, i64>> {
    let seen = affiliations_seen(cx, caller, which).await?;
    let counts = store::count_affiliations(cx, &seen).await?;
    Ok(seen.into_iter().zip(counts).collect())
}

async fn affiliations_seen(cx: &mut Cx, caller: &Caller, which: &[Affiliations]) -> Result<Vec<Affiliations>> {
    let places: Vec<_> = which
        .iter()
        .filter_map(|which| match which {
            Affiliations::Of(_) => None,
            Affiliations::WaitingFor(organisation) => Some(*organisation),
        })
        .collect();
    let lines = store::lines(cx, &places).await?;
    let sees = |which: &&Affiliations| match which {
        Affiliations::Of(member) => caller.id() == Some(*member) || caller.is_administrator(),
        Affiliations::WaitingFor(organisation) => lines.get(organisation).is_some_and(|line| caller.administers(line)),
    };
    Ok(which.iter().filter(sees).copied().collect())
}

/// Those of these affiliations that this caller may see.
///
/// # Errors
/// When the database fails.
pub async fn affiliations_by_id(
    cx: &mut Cx,
    caller: &Caller,
    ids: &[AffiliationId],
) -> Result<HashMap<AffiliationId, Affiliation>> {
    let found = store::affiliations_by_id(cx, ids).await?;
    let places: Vec<_> = found.iter().map(|affiliation| affiliation.organisation_id).collect();
    let lines = store::lines(cx, &places).await?;
    let sees = |affiliation: &Affiliation| {
        caller.id() == Some(affiliation.member_id)
            || lines.get(&affiliation.organisation_id).is_some_and(|line| caller.administers(line))
    };
    Ok(found.into_iter().filter(sees).map(|affiliation| (affiliation.id, affiliation)).collect())
}

/// These organisations by id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(cx: &mut Cx, ids: &[OrganisationId]) -> Result<HashMap<OrganisationId, Organisation>> {
    Ok(organisations_by_id(cx, ids).await?.into_iter().map(|organisation| (organisation.id, organisation)).collect())
}
