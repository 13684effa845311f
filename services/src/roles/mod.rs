//! Roles: Mentor's functional ones, held for an organisation, and the community's own; who grants, ends and sees them, with
//! dates and history. Source: the designers' guide, 1b (docs/domain.md).

mod rules;
mod store;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::App;
use crate::caller::{Caller, Scope};
use crate::db::Cx;
use crate::error::{Code, Error, Result};
use crate::events::{Event, tell};
use crate::id::{MemberId, OrganisationId, RoleGrantId, SpaceId};
use crate::idempotency::act;
use crate::page::{Page, Paging, Slice, TimeKey};
use crate::{accounts, forum, organisations};

pub(crate) use store::{deciders, insert_grant};

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Functional and technical administration of Mentor, for the whole programme.
    AdministrateurPilote,
    /// The same for one dedicated space.
    AdministrateurEspaceDedie,
    /// Runs the creation and management of trainings and sessions.
    ResponsableFormationCentral,
    /// Manages trainings and sessions.
    ReferentLocal,
    /// Designs and produces training content.
    Concepteur,
    /// Leads and adapts a session.
    Formateur,
    /// Organises the community's webinars.
    Organisateur,
    /// Writes its news and its newsletter.
    Editeur,
    /// Moderates a space, or all.
    Moderateur,
    /// Administers the community.
    Administrateur,
}

impl Role {
    /// Its name in the database and the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AdministrateurPilote => "ADMINISTRATEUR_PILOTE",
            Self::AdministrateurEspaceDedie => "ADMINISTRATEUR_ESPACE_DEDIE",
            Self::ResponsableFormationCentral => "RESPONSABLE_FORMATION_CENTRAL",
            Self::ReferentLocal => "REFERENT_LOCAL",
            Self::Concepteur => "CONCEPTEUR",
            Self::Formateur => "FORMATEUR",
            Self::Organisateur => "ORGANISATEUR",
            Self::Editeur => "EDITEUR",
            Self::Moderateur => "MODERATEUR",
            Self::Administrateur => "ADMINISTRATEUR",
        }
    }

    /// Held for an organisation: Mentor's roles, all but the programme's.
    #[must_use]
    pub fn needs_organisation(self) -> bool {
        matches!(
            self,
            Self::AdministrateurEspaceDedie
                | Self::ResponsableFormationCentral
                | Self::ReferentLocal
                | Self::Concepteur
                | Self::Formateur
        )
    }
}

/// A role held by a member, from a date to a date.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct RoleGrant {
    pub id: RoleGrantId,
    pub member_id: MemberId,
    pub role: Role,
    pub organisation_id: Option<OrganisationId>,
    pub space_id: Option<SpaceId>,
    pub granted_by: Option<MemberId>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_by: Option<MemberId>,
    pub created_at: DateTime<Utc>,
}

impl RoleGrant {
    /// Held at `now`.
    #[must_use]
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.starts_at <= now && self.ended_at.is_none() && self.ends_at.is_none_or(|end| end > now)
    }
}

/// What is needed to grant a role.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct GrantRole {
    pub member: MemberId,
    pub role: Role,
    /// For Mentor's roles held in an organisation.
    pub organisation: Option<OrganisationId>,
    /// For a moderator of one space.
    pub space: Option<SpaceId>,
    /// Now when none.
    pub starts_at: Option<DateTime<Utc>>,
    /// Until further notice when none.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Grants a role: administrators grant any; an administrateur d'espace dédié grants Mentor's roles in that organisation and
/// its units.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] when the role and where it is held do not go together; [`Error::Conflict`] when
/// it is held already.
pub async fn grant_role(app: &App, caller: &Caller, new: GrantRole) -> Result<RoleGrantId> {
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let ancestors = match new.organisation {
                Some(organisation) => organisations::ancestors(tx, organisation).await?,
                None => Vec::new(),
            };
            rules::may_grant(&actor, new.role, &ancestors)?;
            rules::new_grant(&new, now)?;
            if new.organisation.is_some() && ancestors.is_empty() {
                return Err(Error::invalid("organisationId", Code::Unknown, "Organisation inconnue."));
            }
            if accounts::lock_member(tx, new.member).await?.is_none() {
                return Err(Error::invalid("memberId", Code::Unknown, "Membre inconnu."));
            }
            if let Some(space) = new.space
                && forum::space_row(tx, space).await?.is_none()
            {
                return Err(Error::invalid("spaceId", Code::Unknown, "Espace inconnu."));
            }
            if store::held(tx, &new, new.starts_at.unwrap_or(now)).await? {
                return Err(Error::conflict("role", Code::Taken, "Ce membre tient déjà ce rôle."));
            }
            let grant = RoleGrant {
                id: RoleGrantId::new(&clock),
                member_id: new.member,
                role: new.role,
                organisation_id: new.organisation,
                space_id: new.space,
                granted_by: Some(actor.id),
                starts_at: new.starts_at.unwrap_or(now),
                ends_at: new.ends_at,
                ended_at: None,
                ended_by: None,
                created_at: now,
            };
            store::insert_grant(tx, &grant).await?;
            tell(tx, &clock, Some(actor.id), &Event::RoleGranted { grant: grant.id, member: new.member }).await?;
            Ok(grant.id)
        })
    })
    .await
}

/// Ends a role now; its history stays. Whoever may grant it may end it, and its holder may lay it down.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when it is not theirs to see; [`Error::Conflict`] when it is ended already, or when
/// the community would be left without administrator.
pub async fn end_role(app: &App, caller: &Caller, id: RoleGrantId) -> Result<RoleGrantId> {
    caller.signed_in()?;
    let clock = app.clock.clone();
    act(app, caller, Scope::Administer, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            let role = store::grant(tx, id).await?.ok_or(Error::NotFound)?.role;
            // Before all else and in one order: of two administrators who end each other at once, one waits, and then
            // acts on what is left.
            let administrators = match role {
                Role::Administrateur | Role::AdministrateurPilote => store::lock_administrators(tx, now).await?,
                _ => Vec::new(),
            };
            let actor = actor.caller.act(tx, now, Scope::Administer).await?;
            let grant = store::lock_grant(tx, id).await?.ok_or(Error::NotFound)?;
            let ancestors = match grant.organisation_id {
                Some(organisation) => organisations::ancestors(tx, organisation).await?,
                None => Vec::new(),
            };
            if grant.member_id != actor.id
                && let Err(refusal) = rules::may_grant(&actor, grant.role, &ancestors)
            {
                // A past or future role is unknown to whoever does not see it.
                let histories = histories_seen(tx, &actor, &[Holders::One(grant.member_id)]).await?;
                let seen = grant.is_active(now) || !histories.is_empty();
                return Err(if seen { refusal } else { Error::NotFound });
            }
            if grant.ended_at.is_some() || grant.ends_at.is_some_and(|end| end <= now) {
                return Err(Error::conflict("roleGrantId", Code::Refused, "Ce rôle a déjà pris fin."));
            }
            if matches!(role, Role::Administrateur | Role::AdministrateurPilote)
                && administrators.iter().all(|(other,)| *other == id)
            {
                return Err(Error::conflict(
                    "roleGrantId",
                    Code::Refused,
                    "La communauté n'aurait plus d'administrateur : donnez d'abord ce rôle à quelqu'un d'autre.",
                ));
            }
            store::end_grant(tx, id, actor.id, now).await?;
            tell(tx, &clock, Some(actor.id), &Event::RoleEnded { grant: id, member: grant.member_id }).await?;
            Ok(id)
        })
    })
    .await
}

/// Those of these grants that this caller may see: active ones for everyone signed in; past and future ones for their holder,
/// whoever may grant them, and administrators.
///
/// # Errors
/// When the database fails.
pub async fn role_grants_by_id(
    cx: &mut Cx,
    caller: &Caller,
    ids: &[RoleGrantId],
    now: DateTime<Utc>,
) -> Result<HashMap<RoleGrantId, RoleGrant>> {
    if caller.id().is_none() {
        return Ok(HashMap::new());
    }
    let mut grants = store::grants(cx, ids).await?;
    let past: Vec<_> = grants.iter().filter(|grant| !grant.is_active(now)).map(|grant| Holders::One(grant.member_id)).collect();
    if !past.is_empty() {
        let histories = histories_seen(cx, caller, &past).await?;
        let places: Vec<_> = grants.iter().filter_map(|grant| grant.organisation_id).collect();
        let lines = organisations::lines(cx, &places).await?;
        grants.retain(|grant| {
            let line = grant.organisation_id.and_then(|place| lines.get(&place)).map_or(&[][..], Vec::as_slice);
            grant.is_active(now)
                || histories.contains(&Holders::One(grant.member_id))
                || rules::may_grant(caller, grant.role, line).is_ok()
        });
    }
    Ok(grants.into_iter().map(|grant| (grant.id, grant)).collect())
}

/// Whose roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holders {
    /// Those of a member.
    One(MemberId),
    /// Those held in an organisation and its units, by whoever.
    In(OrganisationId),
}

/// The roles of each of these holders: those held now, for everyone signed in; with the past and future ones when `history` is
/// asked by the member or by those who administer the member or the organisation. What is not the caller's to see is left out.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn role_grants(
    cx: &mut Cx,
    caller: &Caller,
    of: &[Holders],
    history: bool,
    paging: &Paging,
    now: DateTime<Utc>,
) -> Result<HashMap<Holders, Page<RoleGrant>>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    let seen = holders_seen(cx, caller, of, history).await?;
    let lists = store::grants_of(cx, &seen, (!history).then_some(now), &slice).await?;
    Ok(slice.pages(&seen, lists))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_role_grants(
    cx: &mut Cx,
    caller: &Caller,
    of: &[Holders],
    history: bool,
    now: DateTime<Utc>,
) -> Result<HashMap<Holders, i64>> {
    let seen = holders_seen(cx, caller, of, history).await?;
    let counts = store::count_grants_of(cx, &seen, (!history).then_some(now)).await?;
    Ok(seen.into_iter().zip(counts).collect())
}

async fn holders_seen(cx: &mut Cx, caller: &Caller, of: &[Holders], history: bool) -> Result<Vec<Holders>> {
    Ok(match (caller.id(), history) {
        (None, _) => Vec::new(),
        (Some(_), false) => of.to_vec(),
        (Some(_), true) => histories_seen(cx, caller, of).await?.into_iter().collect(),
    })
}

/// Those whose past and future roles the caller sees.
async fn histories_seen(cx: &mut Cx, caller: &Caller, of: &[Holders]) -> Result<HashSet<Holders>> {
    if caller.is_administrator() {
        return Ok(of.iter().copied().collect());
    }
    let others: Vec<_> = of
        .iter()
        .filter_map(|holders| match holders {
            Holders::One(member) if caller.id() != Some(*member) => Some(*member),
            _ => None,
        })
        .collect();
    let homes = accounts::homes(cx, &others).await?;
    let place = |holders: &Holders| match holders {
        Holders::One(member) => homes.get(member).copied(),
        Holders::In(organisation) => Some(*organisation),
    };
    let lines = organisations::lines(cx, &of.iter().filter_map(place).collect::<Vec<_>>()).await?;
    let sees = |holders: &&Holders| match holders {
        Holders::One(member) if caller.id() == Some(*member) => true,
        holders => place(holders).and_then(|place| lines.get(&place)).is_some_and(|line| caller.administers(line)),
    };
    Ok(of.iter().filter(sees).copied().collect())
}
