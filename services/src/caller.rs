//! Who asks: a person with what they hold, through a session or a token with what it lets pass.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use crate::audience::{self, Grant};
use crate::db::{Cx, Tx, all};
use crate::error::{Error, Result};
use crate::id::{AccessTokenId, AudienceId, MemberId, OrganisationId, SessionId, SpaceId};
use crate::idempotency::Once;
use crate::roles::Role;

/// What a token lets pass. A session lets everything pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Read as the member; every token has it.
    Read,
    /// Write as any member.
    Write,
    /// Use the member's rights to moderate.
    Moderate,
    /// Use the member's rights to administer.
    Administer,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Moderate, Self::Administer];

    /// Its name in the database.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Read => "LIRE",
            Self::Write => "ECRIRE",
            Self::Moderate => "MODERER",
            Self::Administer => "ADMINISTRER",
        }
    }
}

/// By what a caller was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A session, in a browser or an API client.
    Session(SessionId),
    /// A personal access token, with its scopes.
    Token(AccessTokenId, Vec<Scope>),
    /// The operator, on the machine itself.
    Operator,
    /// A task that the member left to be done, with what their request was let pass.
    Task(Vec<Scope>),
}

/// A role held now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldRole {
    /// Which.
    pub role: Role,
    /// Where, for Mentor's roles.
    pub organisation: Option<OrganisationId>,
    /// Where, for a moderator of one space.
    pub space: Option<SpaceId>,
}

/// Who asks, resolved once for a request.
#[derive(Clone, Debug)]
pub struct Caller {
    member: Option<(MemberId, Credential)>,
    suspended: Option<Suspension>,
    roles: Vec<HeldRole>,
    audiences: Vec<AudienceId>,
    once: Option<Once>,
    holds_until: Option<DateTime<Utc>>,
    named: Arc<AtomicBool>,
}

/// All that decides what somebody is shown, but who they are: to callers of one sight the same is said by everything that does not
/// ask for their name ([`Caller::was_named`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sight {
    signed_in: bool,
    suspended: bool,
    scopes: Vec<Scope>,
    roles: Vec<HeldRole>,
    audiences: Vec<AudienceId>,
}

/// Why somebody may read and not write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// None: until further notice.
    pub until: Option<DateTime<Utc>>,
    /// What the member is told.
    pub reason: String,
}

#[derive(sqlx::FromRow)]
struct Held {
    suspended_at: Option<DateTime<Utc>>,
    suspended_until: Option<DateTime<Utc>>,
    suspension_reason: Option<String>,
    home: Option<OrganisationId>,
    role: Option<Role>,
    organisation_id: Option<OrganisationId>,
    space_id: Option<SpaceId>,
    ends_at: Option<DateTime<Utc>>,
}

impl Caller {
    /// Somebody who did not sign in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn anonymous(cx: &mut Cx) -> Result<Self> {
        Ok(Self { audiences: audience::public(cx).await?, ..Self::nobody() })
    }

    fn nobody() -> Self {
        Self {
            member: None,
            suspended: None,
            roles: Vec::new(),
            audiences: Vec::new(),
            once: None,
            holds_until: None,
            named: Arc::default(),
        }
    }

    /// A member, as they are now; none when there is no such member.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn member(cx: &mut Cx, member: MemberId, credential: Credential, now: DateTime<Utc>) -> Result<Option<Self>> {
        let held = all!(
            cx,
            Held,
            "select m.suspended_at, m.suspended_until, m.suspension_reason, m.organisation_id as home, g.role, g.organisation_id,
                    g.space_id, g.ends_at
             from members m
             left join role_grants g on g.member_id = m.id and g.starts_at <= $2 and g.ended_at is null
                                    and (g.ends_at is null or g.ends_at > $2)
             where m.id = $1",
            member,
            now
        )?;
        let Some(first) = held.first() else { return Ok(None) };
        let suspended = first
            .suspended_at
            .filter(|_| first.suspended_until.is_none_or(|until| until > now))
            .map(|_| Suspension { until: first.suspended_until, reason: first.suspension_reason.clone().unwrap_or_default() });
        let mut roles: Vec<_> = held
            .iter()
            .filter_map(|row| Some(HeldRole { role: row.role?, organisation: row.organisation_id, space: row.space_id }))
            .collect();
        roles.sort_unstable();
        let ends = held.iter().filter_map(|row| row.ends_at).chain(suspended.iter().filter_map(|suspension| suspension.until));
        let holds_until = ends.min();
        let mut caller = Self { member: Some((member, credential)), suspended, roles, holds_until, ..Self::nobody() };
        if !caller.is_administrator() {
            caller.audiences = audience::held(cx, member, first.home, &caller.roles, caller.passes(Scope::Moderate)).await?;
        }
        Ok(Some(caller))
    }

    /// The same person inside a write: what they hold is read again, in the transaction that the rule guards.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for nobody; [`Error::Forbidden`] when suspended or when the token lacks `scope`.
    pub async fn act(&self, tx: &mut Tx, now: DateTime<Utc>, scope: Scope) -> Result<Actor> {
        let actor = self.again(tx, now).await?;
        actor.may(scope)?;
        Ok(actor)
    }

    /// The same for what nobody else notices (what one follows and has read): a suspension does not touch it.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for nobody; [`Error::Forbidden`] when the token lacks the scope to write.
    pub async fn act_privately(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<Actor> {
        let actor = self.again(tx, now).await?;
        actor.must_pass(Scope::Write)?;
        Ok(actor)
    }

    async fn again(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<Actor> {
        let (member, credential) = self.member.clone().ok_or(Error::Unauthenticated)?;
        let caller = Self::member(tx, member, credential, now).await?.ok_or(Error::Unauthenticated)?;
        Ok(Actor { id: member, caller })
    }

    /// The member who asks, when an act of that scope would be taken from them; for what begins long before its write.
    ///
    /// # Errors
    /// As [`Caller::act`].
    pub fn may(&self, scope: Scope) -> Result<MemberId> {
        let member = self.signed_in()?;
        self.must_pass(scope)?;
        if let Some(suspension) = &self.suspended {
            return Err(Error::forbidden(match suspension.until {
                Some(until) => {
                    format!("Votre compte est suspendu jusqu'au {} (UTC) : {}", until.format("%d/%m/%Y %H:%M"), suspension.reason)
                }
                None => format!("Votre compte est suspendu : {}", suspension.reason),
            }));
        }
        Ok(member)
    }

    fn must_pass(&self, scope: Scope) -> Result<()> {
        if self.passes(scope) {
            return Ok(());
        }
        Err(Error::forbidden(format!("Ce jeton n'a pas la portée {}.", scope.code())))
    }

    /// The same person, for an act that is done once under a key.
    #[must_use]
    pub fn under(mut self, once: Option<Once>) -> Self {
        self.once = once;
        self
    }

    /// No longer than until then.
    #[must_use]
    pub(crate) fn until(mut self, end: DateTime<Utc>) -> Self {
        self.holds_until = Some(self.holds_until.map_or(end, |holds| holds.min(end)));
        self
    }

    /// When something of what they hold ends by its date: a role, a suspension, the session.
    #[must_use]
    pub fn holds_until(&self) -> Option<DateTime<Utc>> {
        self.holds_until
    }

    /// What they see by.
    #[must_use]
    pub fn sight(&self) -> Sight {
        Sight {
            signed_in: self.member.is_some(),
            suspended: self.suspended.is_some(),
            scopes: self.scopes(),
            roles: self.roles.clone(),
            audiences: self.audiences.clone(),
        }
    }

    /// The same person, whose name nobody has asked for yet.
    #[must_use]
    pub fn unnamed(&self) -> Self {
        Self { named: Arc::default(), ..self.clone() }
    }

    /// Whether somebody asked who they are, so that the answer may be theirs alone.
    #[must_use]
    pub fn was_named(&self) -> bool {
        self.named.load(Ordering::Relaxed)
    }

    /// Who they are. Every way to know it leads through here.
    fn name(&self) -> Option<&(MemberId, Credential)> {
        if self.member.is_some() {
            self.named.store(true, Ordering::Relaxed);
        }
        self.member.as_ref()
    }

    /// What the act is recognised by when it is asked for again.
    pub(crate) fn once(&self) -> Option<&Once> {
        self.once.as_ref()
    }

    /// The member who asks.
    #[must_use]
    pub fn id(&self) -> Option<MemberId> {
        self.name().map(|(id, _)| *id)
    }

    /// The member who asks, or the refusal.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for nobody.
    pub fn signed_in(&self) -> Result<MemberId> {
        self.id().ok_or(Error::Unauthenticated)
    }

    /// By what the member was recognised.
    #[must_use]
    pub fn credential(&self) -> Option<&Credential> {
        self.name().map(|(_, credential)| credential)
    }

    /// Why this person may not write, if so.
    #[must_use]
    pub fn suspended(&self) -> Option<&Suspension> {
        self.suspended.as_ref().inspect(|_| _ = self.name())
    }

    /// The audiences they hold; none for the community's administrators, who see everything ([`Caller::sees`]).
    #[must_use]
    pub fn audiences(&self) -> &[AudienceId] {
        &self.audiences
    }

    /// Whether they may see what carries `audience`.
    #[must_use]
    pub fn sees(&self, audience: AudienceId) -> bool {
        // They come from the database in order.
        self.is_administrator() || self.audiences.binary_search(&audience).is_ok()
    }

    /// Whether what they came with lets `scope` pass.
    #[must_use]
    pub fn passes(&self, scope: Scope) -> bool {
        match self.member.as_ref().map(|(_, credential)| credential) {
            None => false,
            Some(Credential::Session(_) | Credential::Operator) => true,
            Some(Credential::Token(_, scopes) | Credential::Task(scopes)) => scope == Scope::Read || scopes.contains(&scope),
        }
    }

    /// Everything that what they came with lets pass.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        Scope::ALL.into_iter().filter(|scope| self.passes(*scope)).collect()
    }

    /// The community's administrators; the administrateur pilote is one.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.passes(Scope::Administer)
            && self.roles.iter().any(|held| matches!(held.role, Role::Administrateur | Role::AdministrateurPilote))
    }

    /// Whether they write the community's news and keep its library, with what they came with.
    #[must_use]
    pub fn edits(&self) -> bool {
        self.passes(Scope::Write) && self.roles.iter().any(|held| held.role == Role::Editeur)
    }

    /// Whether they moderate `space`; administrators do.
    #[must_use]
    pub fn moderates(&self, space: SpaceId) -> bool {
        self.moderates_everywhere()
            || self.passes(Scope::Moderate)
                && self.roles.iter().any(|held| held.role == Role::Moderateur && held.space == Some(space))
    }

    /// Whether they moderate everywhere. An administrator does, by a token to moderate too.
    #[must_use]
    pub fn moderates_everywhere(&self) -> bool {
        self.is_administrator()
            || self.passes(Scope::Moderate)
                && self.roles.iter().any(|held| match held.role {
                    Role::Administrateur | Role::AdministrateurPilote => true,
                    role => role == Role::Moderateur && held.space.is_none(),
                })
    }

    /// The spaces that they moderate one by one; none is listed for who moderates everywhere.
    pub fn moderated_spaces(&self) -> impl Iterator<Item = SpaceId> {
        let held = self.roles.iter().filter(|held| held.role == Role::Moderateur && self.passes(Scope::Moderate));
        held.filter_map(|held| held.space)
    }

    /// Whether they administer the organisation whose ancestors (itself included) these are.
    #[must_use]
    pub fn administers(&self, ancestors: &[OrganisationId]) -> bool {
        self.is_administrator()
            || self.passes(Scope::Administer)
                && self.roles.iter().any(|held| {
                    held.role == Role::AdministrateurEspaceDedie && held.organisation.is_some_and(|its| ancestors.contains(&its))
                })
    }

    /// Whether they hold one of these of Mentor's roles in the organisation whose ancestors (itself included) these are, or
    /// above it.
    #[must_use]
    pub fn holds(&self, roles: &[Role], ancestors: &[OrganisationId]) -> bool {
        self.held_in(roles).any(|organisation| ancestors.contains(&organisation))
    }

    /// The organisations in which they hold any of Mentor's roles.
    pub fn places(&self) -> impl Iterator<Item = OrganisationId> {
        self.roles.iter().filter_map(|held| held.organisation)
    }

    /// The organisations in which they hold one of these of Mentor's roles.
    pub fn held_in(&self, roles: &[Role]) -> impl Iterator<Item = OrganisationId> {
        self.roles.iter().filter(|held| roles.contains(&held.role)).filter_map(|held| held.organisation)
    }
}

/// Which of these members see what carries the audience beside them, with all that they may come with. Only who holds what not every
/// member holds costs two statements each.
///
/// # Errors
/// When the database fails.
pub(crate) async fn who_see(
    cx: &mut Cx,
    now: DateTime<Utc>,
    asked: impl Iterator<Item = (AudienceId, MemberId)>,
) -> Result<HashSet<(AudienceId, MemberId)>> {
    let asked: Vec<_> = asked.collect();
    let audiences: HashSet<_> = asked.iter().map(|(audience, _)| *audience).collect();
    let grants = audience::grants(cx, &Vec::from_iter(audiences)).await?;
    let is_open = |audience: AudienceId| {
        grants.get(&audience).is_some_and(|all| all.contains(&Grant::Public) || all.contains(&Grant::Members))
    };
    let (mut seen, mut callers) = (HashSet::new(), HashMap::new());
    for (audience, member) in asked {
        if !is_open(audience) && !callers.contains_key(&member) {
            let credential = Credential::Task(Scope::ALL.to_vec());
            callers.insert(member, Caller::member(cx, member, credential, now).await?);
        }
        let caller = callers.get(&member).and_then(Option::as_ref);
        if is_open(audience) || caller.is_some_and(|caller| caller.sees(audience)) {
            seen.insert((audience, member));
        }
    }
    Ok(seen)
}

/// A member who acts, read inside the transaction of the act.
pub struct Actor {
    /// Who.
    pub id: MemberId,
    /// With what they hold now.
    pub caller: Caller,
}

impl std::ops::Deref for Actor {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.caller
    }
}
