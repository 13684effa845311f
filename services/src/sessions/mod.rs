//! Joining and signing in by one-time link, sessions, personal access tokens.
//!
//! Secrets are 256 random bits. Only their SHA-256 is stored: of that many bits nothing can be guessed, so no slow hash is
//! needed. They are found by their id and compared in constant time. No answer tells whether an address is known.

mod limits;
mod secret;
mod store;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::caller::{Caller, Credential, Scope};
use crate::clock::Clock;
use crate::db::{Cx, Tx, alone, duplicate, violates};
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::events::{Event, tell};
use crate::id::{AccessTokenId, MemberId, OrganisationId, SessionId, SignInLinkId};
use crate::idempotency::{Once, act, done_once};
use crate::mail::{self, Message};
use crate::page::{Page, Paging, Slice, TimeKey};
use crate::{App, accounts, organisations, text};

pub use limits::{Limits, Origin};
use secret::Secret;

/// How long a mailed link is good for.
const LINK: TimeDelta = TimeDelta::minutes(30);
/// How long the first administrator's link is good for.
const FIRST_LINK: TimeDelta = TimeDelta::hours(24);
const SESSION: TimeDelta = TimeDelta::days(30);
/// A session's last use is written down no more often than that.
const TOUCH: TimeDelta = TimeDelta::minutes(5);
/// The longest life of a personal access token, in days.
pub const TOKEN_DAYS_MOST: i64 = 366;
/// Tokens a member may hold at once.
pub const TOKENS_MOST: i64 = 50;

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A cookie in a browser.
    Browser,
    /// A bearer token in an API client.
    Client,
}

impl SessionKind {
    /// Its name in the database and the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Browser => "NAVIGATEUR",
            Self::Client => "CLIENT",
        }
    }
}

/// A session of a member.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct Session {
    pub id: SessionId,
    pub member_id: MemberId,
    pub kind: String,
    pub label: String,
    pub created_at: DateTime<Utc>,
    pub used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A personal access token; its secret is shown once, when it is made.
#[derive(Clone, Debug, sqlx::FromRow)]
#[expect(missing_docs, reason = "columns, named for what they hold")]
pub struct AccessToken {
    pub id: AccessTokenId,
    pub member_id: MemberId,
    pub name: String,
    /// Names separated by spaces.
    pub scopes: String,
    pub created_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
}

impl AccessToken {
    /// What it lets pass.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        scopes(&self.scopes)
    }
}

/// An open session.
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// Whose.
    pub member: MemberId,
    /// The cookie's value, or the bearer token, shown this once: none to who asks again under the same key.
    pub secret: Option<String>,
}

/// A link as its bearer may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whom it was mailed to.
    pub address: String,
    /// Whether it is to join (no member has that address) rather than to sign in.
    pub joins: bool,
}

/// What is needed to join.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named for what they hold")]
pub struct SignUp {
    pub handle: String,
    pub name: String,
    /// The home organisation wished for.
    pub organisation: Option<OrganisationId>,
}

/// A link that can be mailed.
pub(crate) struct ReadyLink {
    pub(crate) secret: String,
    pub(crate) joins: bool,
    pub(crate) minutes: i64,
}

/// Mails a one-time link to `address`: to sign in if somebody has it, to join otherwise. The answer is the same.
///
/// # Errors
/// [`Error::Invalid`] on `address`; [`Error::Limited`] when this origin asks too often.
pub async fn request_link(app: &App, once: Option<Once>, origin: Origin, address: &str) -> Result<()> {
    let (address, key) = text::address("address", address).map_err(|problem| Error::Invalid(vec![problem]))?;
    app.limits.request_link(origin).await?;
    let (clock, most) = (app.clock.clone(), i64::from(app.config.links_per_hour.per_address));
    // Nobody yet, so that the address stands for who asks.
    let owner = Sha256::digest(&key).iter().map(|byte| format!("{byte:02x}")).collect();
    done_once(app, owner, once, move |tx| {
        Box::pin(async move {
            let now = clock.now();
            // Requests at once for one address are counted one after the other.
            alone(tx, &format!("links of {key}")).await?;
            // Beyond the limit nothing is sent, and nothing tells so. But who has no good link left gets one: others who
            // ask for them must not be able to keep a member out.
            let (asked, good) = store::count_links(tx, &key, now - TimeDelta::hours(1), now).await?;
            if asked >= most && good > 0 {
                return Ok(());
            }
            let member = accounts::member_by_address(tx, &key).await?;
            // A known member is written to as they wrote their address.
            let recipient = member.as_ref().map_or(&address, |member| &member.address).clone();
            let link = SignInLinkId::new(&clock);
            store::insert_link(tx, link, &recipient, &key, member.map(|member| member.id), now, now + LINK).await?;
            mail::post(tx, &clock, Message::SignInLink { link }, &recipient).await
        })
    })
    .await
}

/// Gives a link its secret, at the moment it is mailed; a second sending replaces the first one's.
pub(crate) async fn ready_link(tx: &mut Tx, clock: &Clock, id: SignInLinkId) -> Result<Option<ReadyLink>> {
    let now = clock.now();
    let Some(link) = store::lock_link(tx, id).await?.filter(|link| link.used_at.is_none() && link.expires_at > now) else {
        return Ok(None);
    };
    let secret = Secret::new();
    store::set_link_secret(tx, id, &secret.hash()).await?;
    let joins = accounts::member_by_address(tx, &link.address_key).await?.is_none();
    Ok(Some(ReadyLink { secret: secret.with(id), joins, minutes: (link.expires_at - now).num_minutes() + 1 }))
}

/// A link for a member, its secret returned rather than mailed: the first administrator's.
pub(crate) async fn own_link(tx: &mut Tx, clock: &Clock, member: MemberId, address: &str) -> Result<String> {
    let (id, now, secret) = (SignInLinkId::new(clock), clock.now(), Secret::new());
    let key = address.to_ascii_lowercase();
    store::insert_link(tx, id, address, &key, Some(member), now, now + FIRST_LINK).await?;
    store::set_link_secret(tx, id, &secret.hash()).await?;
    Ok(secret.with(id))
}

/// What a link is for, without using it.
///
/// # Errors
/// [`Error::Invalid`] on `token` when it is unknown, used or past.
pub async fn link(cx: &mut Cx, token: &str, now: DateTime<Utc>) -> Result<Link> {
    let (id, secret) = secret::parse::<SignInLinkId>(token).ok_or_else(link_spent)?;
    let link = store::link(cx, id).await?.filter(|link| link.is_good(&secret, now)).ok_or_else(link_spent)?;
    let joins = accounts::member_by_address(cx, &link.address_key).await?.is_none();
    Ok(Link { address: link.address, joins })
}

/// Uses a link to open a session.
///
/// # Errors
/// [`Error::Invalid`] on `token`: unknown, used, past, or one to join with.
pub async fn sign_in(app: &App, once: Option<Once>, token: &str, kind: SessionKind, label: &str) -> Result<SignedIn> {
    let (id, secret) = secret::parse::<SignInLinkId>(token).ok_or_else(link_spent)?;
    let (clock, label, new) = (app.clock.clone(), session_label(label), NewSession::new(&app.clock));
    let (session, hash) = (new.id, new.secret.hash());
    let opened = done_once(app, id.to_string(), once, move |tx| {
        Box::pin(async move {
            let link = spend(tx, &clock, id, &secret).await?;
            let member = accounts::member_by_address(tx, &link.address_key).await?.ok_or_else(|| {
                Error::invalid(
                    "token",
                    Code::Unknown,
                    "Cette adresse n'a pas encore de compte : rejoignez d'abord la communauté.",
                )
            })?;
            open(tx, &clock, member.id, (session, &hash), kind, &label).await
        })
    })
    .await?;
    Ok(new.opened(opened))
}

/// Uses a link to join, and opens a session.
///
/// # Errors
/// [`Error::Invalid`] on `token`, `handle`, `name` or `organisationId`.
pub async fn sign_up(
    app: &App,
    once: Option<Once>,
    token: &str,
    new: SignUp,
    kind: SessionKind,
    label: &str,
) -> Result<SignedIn> {
    let (id, secret) = secret::parse::<SignInLinkId>(token).ok_or_else(link_spent)?;
    let mut problems = Problems::default();
    let handle = problems.take(text::handle("handle", &new.handle));
    let name = problems.take(accounts::member_name(&new.name));
    problems.refuse()?;
    let (Some(handle), Some(name)) = (handle, name) else { return Err(Error::internal("sign-up without a name")) };
    let (own, label, entry) = (app.clone(), session_label(label), NewSession::new(&app.clock));
    let (session, hash) = (entry.id, entry.secret.hash());
    let opened = done_once(app, id.to_string(), once, move |tx| {
        Box::pin(async move {
            let clock = &own.clock;
            let link = spend(tx, clock, id, &secret).await?;
            let member = MemberId::new(clock);
            let address = (link.address.as_str(), link.address_key.as_str());
            accounts::insert_member(tx, member, address, &handle, &name, clock.now()).await.map_err(|error| {
                if violates(&error, "members.address_key") {
                    link_spent()
                } else {
                    duplicate("members.handle", accounts::handle_taken)(error)
                }
            })?;
            tell(tx, clock, Some(member), &Event::MemberJoined { member }).await?;
            if let Some(organisation) = new.organisation {
                organisations::wish(&own, tx, member, organisation).await?;
            }
            open(tx, clock, member, (session, &hash), kind, &label).await
        })
    })
    .await?;
    Ok(entry.opened(opened))
}

/// Who comes with this cookie or bearer token: the caller, and whether their last use is to be written down.
///
/// # Errors
/// [`Error::Unauthenticated`] when the secret is not, or no longer, good.
pub async fn authenticate(cx: &mut Cx, now: DateTime<Utc>, secret: &str) -> Result<(Caller, bool)> {
    if let Some((id, secret)) = secret::parse::<SessionId>(secret) {
        let row = store::session_proof(cx, id).await?.filter(|row| row.is_good(&secret, now)).ok_or(Error::Unauthenticated)?;
        let caller = Caller::member(cx, row.member_id, Credential::Session(id), now).await?;
        return Ok((caller.ok_or(Error::Unauthenticated)?, row.used_at.is_none_or(|used| used + TOUCH < now)));
    }
    if let Some((id, secret)) = secret::parse::<AccessTokenId>(secret) {
        let row = store::token_proof(cx, id).await?.filter(|row| row.is_good(&secret, now)).ok_or(Error::Unauthenticated)?;
        let credential = Credential::Token(id, scopes(&row.scopes));
        let caller = Caller::member(cx, row.member_id, credential, now).await?;
        return Ok((caller.ok_or(Error::Unauthenticated)?, row.used_at.is_none_or(|used| used + TOUCH < now)));
    }
    Err(Error::Unauthenticated)
}

/// The caller as they are now, some time after they were recognised.
///
/// # Errors
/// [`Error::Unauthenticated`] when the session or token has ended since.
pub async fn recognise_again(cx: &mut Cx, caller: &Caller, now: DateTime<Utc>) -> Result<Caller> {
    let (Some(member), Some(credential)) = (caller.id(), caller.credential()) else { return Caller::anonymous(cx).await };
    let proof = match credential {
        Credential::Session(id) => store::session_proof(cx, *id).await?,
        Credential::Token(id, _) => store::token_proof(cx, *id).await?,
        // Proved by the machine, and by the row of the task.
        Credential::Operator | Credential::Task(_) => return Ok(caller.clone()),
    };
    let proof = proof.filter(|proof| proof.is_open(now)).ok_or(Error::Unauthenticated)?;
    let caller = Caller::member(cx, member, credential.clone(), now).await?.ok_or(Error::Unauthenticated)?;
    Ok(caller.until(proof.expires_at))
}

/// Writes down that a session or token was used.
///
/// # Errors
/// When the database fails.
pub async fn touch(app: &App, credential: Credential) -> Result<()> {
    let now = app.clock.now();
    app.db
        .write(move |tx| {
            Box::pin(async move {
                match credential {
                    Credential::Session(id) => store::touch_session(tx, id, now).await,
                    Credential::Token(id, _) => store::touch_token(tx, id, now).await,
                    Credential::Operator | Credential::Task(_) => Ok(()),
                }
            })
        })
        .await
}

/// Ends the session one came with, or another one of one's own.
///
/// # Errors
/// [`Error::NotFound`] when it is not one's own or has ended.
pub async fn revoke_session(app: &App, caller: &Caller, id: Option<SessionId>) -> Result<SessionId> {
    let member = caller.signed_in()?;
    let id = match (id, caller.credential()) {
        (Some(id), _) => id,
        (None, Some(Credential::Session(id))) => *id,
        _ => return Err(Error::conflict("sessionId", Code::Refused, "Aucune session n'est ouverte par ce jeton.")),
    };
    if !caller.passes(Scope::Administer) {
        return Err(Error::forbidden("Ce jeton n'a pas la portée ADMINISTRER."));
    }
    let clock = app.clock.clone();
    done_once(app, member.to_string(), caller.once().cloned(), move |tx| {
        Box::pin(async move {
            // A suspended member may sign out too: no `act` here, the row is their own.
            if !store::revoke_session(tx, id, member, clock.now()).await? {
                return Err(Error::NotFound);
            }
            tell(tx, &clock, Some(member), &Event::SessionRevoked { session: id, member }).await?;
            Ok(id)
        })
    })
    .await
}

/// Makes a personal access token; from a session only, so that a token cannot beget others. Its secret is shown this once: none
/// to who asks again under the same key.
///
/// # Errors
/// [`Error::Forbidden`] from a token; [`Error::Invalid`] on `name`, `scopes` or `expiresInDays`.
pub async fn create_access_token(
    app: &App,
    caller: &Caller,
    name: &str,
    scopes: Vec<Scope>,
    days: i64,
) -> Result<(AccessTokenId, Option<String>)> {
    if let Some(Credential::Token(..)) = caller.credential() {
        return Err(Error::forbidden("Un jeton ne peut pas en créer d'autres : ouvrez une session."));
    }
    let mut problems = Problems::default();
    let name = problems.take(text::line("name", name, 1, 80)).unwrap_or_default();
    if scopes.is_empty() {
        problems.add(Problem::new("scopes", Code::Required, "Choisissez au moins une portée."));
    }
    if !(1..=TOKEN_DAYS_MOST).contains(&days) {
        problems.add(Problem::new("expiresInDays", Code::Malformed, format!("De 1 à {TOKEN_DAYS_MOST} jours.")));
    }
    problems.refuse()?;
    let (clock, new, secret) = (app.clock.clone(), AccessTokenId::new(&app.clock), Secret::new());
    let hash = secret.hash();
    let made = act(app, caller, Scope::Write, move |tx, actor| {
        Box::pin(async move {
            let now = clock.now();
            accounts::lock_member(tx, actor.id).await?;
            if store::count_tokens(tx, actor.id, now).await? >= TOKENS_MOST {
                return Err(Error::conflict("name", Code::Full, format!("Au plus {TOKENS_MOST} jetons : révoquez-en un.")));
            }
            let expires_at = now + TimeDelta::days(days);
            store::insert_token(tx, new, actor.id, &hash, &name, &scope_names(&scopes), now, expires_at).await?;
            tell(tx, &clock, Some(actor.id), &Event::AccessTokenCreated { token: new, member: actor.id }).await?;
            Ok(new)
        })
    })
    .await?;
    Ok((made, (made == new).then(|| secret.with(made))))
}

/// Revokes one of one's own tokens.
///
/// # Errors
/// [`Error::NotFound`] when it is not one's own or is revoked.
pub async fn revoke_access_token(app: &App, caller: &Caller, id: AccessTokenId) -> Result<AccessTokenId> {
    let member = caller.signed_in()?;
    if !caller.passes(Scope::Administer) && !matches!(caller.credential(), Some(Credential::Token(own, _)) if *own == id) {
        return Err(Error::forbidden("Ce jeton n'a pas la portée ADMINISTRER."));
    }
    let clock = app.clock.clone();
    done_once(app, member.to_string(), caller.once().cloned(), move |tx| {
        Box::pin(async move {
            if !store::revoke_token(tx, id, member, clock.now()).await? {
                return Err(Error::NotFound);
            }
            tell(tx, &clock, Some(member), &Event::AccessTokenRevoked { token: id, member }).await?;
            Ok(id)
        })
    })
    .await
}

/// One's own open sessions, oldest first.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn sessions(cx: &mut Cx, member: MemberId, paging: &Paging, now: DateTime<Utc>) -> Result<Page<Session>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    Ok(slice.page(store::sessions(cx, member, now, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_sessions(cx: &mut Cx, member: MemberId, now: DateTime<Utc>) -> Result<i64> {
    store::count_sessions(cx, member, now).await
}

/// Those of these sessions, open or not, that are one's own.
///
/// # Errors
/// When the database fails.
pub async fn sessions_by_id(cx: &mut Cx, caller: &Caller, ids: &[SessionId]) -> Result<HashMap<SessionId, Session>> {
    let mut found = store::sessions_by_id(cx, ids).await?;
    found.retain(|session| caller.id() == Some(session.member_id));
    Ok(found.into_iter().map(|session| (session.id, session)).collect())
}

/// One's own good tokens, oldest first.
///
/// # Errors
/// [`Error::Invalid`] on the paging.
pub async fn access_tokens(cx: &mut Cx, member: MemberId, paging: &Paging, now: DateTime<Utc>) -> Result<Page<AccessToken>> {
    let slice = Slice::<TimeKey>::new(paging)?;
    Ok(slice.page(store::tokens(cx, member, now, &slice).await?))
}

/// How many of them.
///
/// # Errors
/// When the database fails.
pub async fn count_access_tokens(cx: &mut Cx, member: MemberId, now: DateTime<Utc>) -> Result<i64> {
    store::count_tokens(cx, member, now).await
}

/// Those of these tokens that are one's own.
///
/// # Errors
/// When the database fails.
pub async fn access_tokens_by_id(
    cx: &mut Cx,
    caller: &Caller,
    ids: &[AccessTokenId],
) -> Result<HashMap<AccessTokenId, AccessToken>> {
    let mut found = store::tokens_by_id(cx, ids).await?;
    found.retain(|token| caller.id() == Some(token.member_id));
    Ok(found.into_iter().map(|token| (token.id, token)).collect())
}

/// Forgets links a day after their time and sessions a month after, at most [`crate::jobs::SWEPT_AT_ONCE`] of each. How many of the
/// more numerous.
pub(crate) async fn sweep(cx: &mut Cx, now: DateTime<Utc>) -> Result<u64> {
    store::sweep(cx, now - TimeDelta::days(1), now - TimeDelta::days(30)).await
}

/// Checks a link and marks it as used; its row is locked, so that of two uses at once one wins.
async fn spend(tx: &mut Tx, clock: &Clock, id: SignInLinkId, secret: &Secret) -> Result<store::LinkRow> {
    let now = clock.now();
    let link = store::lock_link(tx, id).await?.filter(|link| link.is_good(secret, now)).ok_or_else(link_spent)?;
    store::use_link(tx, id, now).await?;
    Ok(link)
}

/// A session that is about to be opened. Its secret stays outside of what is recorded under a key.
struct NewSession {
    id: SessionId,
    secret: Secret,
}

impl NewSession {
    fn new(clock: &Clock) -> Self {
        Self { id: SessionId::new(clock), secret: Secret::new() }
    }

    /// What is shown of the session that was opened: by this request, or by one before it under the same key.
    fn opened(self, (session, member): (SessionId, MemberId)) -> SignedIn {
        SignedIn { session, member, secret: (session == self.id).then(|| self.secret.with(session)) }
    }
}

async fn open(
    tx: &mut Tx,
    clock: &Clock,
    member: MemberId,
    (session, hash): (SessionId, &[u8]),
    kind: SessionKind,
    label: &str,
) -> Result<(SessionId, MemberId)> {
    let now = clock.now();
    store::insert_session(tx, session, member, hash, kind.code(), label, now, now + SESSION).await?;
    tell(tx, clock, Some(member), &Event::SessionOpened { session, member }).await?;
    Ok((session, member))
}

fn link_spent() -> Error {
    Error::invalid(
        "token",
        Code::Expired,
        "Ce lien n'est plus valable : il a servi ou il est trop ancien. Demandez-en un nouveau.",
    )
}

/// What tells one session from another in the list: the client's own words, shortened.
fn session_label(label: &str) -> String {
    let folded: String = label.chars().filter(|c| !c.is_control()).take(120).collect();
    if folded.trim().is_empty() { "Client inconnu".into() } else { folded.trim().to_owned() }
}

/// The scopes of these names.
pub(crate) fn scopes(names: &str) -> Vec<Scope> {
    names.split(' ').filter_map(|name| Scope::ALL.into_iter().find(|scope| scope.code() == name)).collect()
}

/// The names of these scopes, as they are stored.
pub(crate) fn scope_names(scopes: &[Scope]) -> String {
    let names: Vec<_> = Scope::ALL.into_iter().filter(|scope| scopes.contains(scope)).map(Scope::code).collect();
    names.join(" ")
}
