//! Joining, signing in and out, sessions, personal access tokens.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::caller::Scope as Row;
use services::db::Cx;
use services::error::Code;
use services::id::{AccessTokenId, MemberId, OrganisationId, SessionId};
use services::page::{Key, Page, Paging, TimeKey};
use services::sessions::{self, SessionKind as Kind, SignUp};
use services::{Error, Result};

use crate::accounts::Member;
use crate::api::Cookies;
use crate::context::{Attempt, ContextExt, Request};
use crate::ids;
use crate::lists::{self, Asked, Counted, List};
use crate::loaders::rows;
use crate::paging::connection;
use crate::payload::payload;
use crate::scalars::DateTime;

/// Ce qu'un jeton d'accès laisse faire. Une session laisse tout faire.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::caller::Scope")]
pub(crate) enum Scope {
    /// Lire ce que vous voyez ; tout jeton l'a.
    #[graphql(name = "LIRE")]
    Read,
    /// Écrire comme tout membre.
    #[graphql(name = "ECRIRE")]
    Write,
    /// Exercer vos droits de modération.
    #[graphql(name = "MODERER")]
    Moderate,
    /// Exercer vos droits d'administration, et gérer vos sessions et jetons.
    #[graphql(name = "ADMINISTRER")]
    Administer,
}

/// Ce à quoi sert une session.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::sessions::SessionKind")]
pub(crate) enum SessionKind {
    /// Un cookie dans un navigateur.
    #[graphql(name = "NAVIGATEUR")]
    Browser,
    /// Un jeton porteur (Authorization: Bearer) dans un client de l'API.
    #[graphql(name = "CLIENT")]
    Client,
}

pub(crate) struct Session(pub(crate) Arc<sessions::Session>);

connection! { "Vos sessions, de la plus ancienne à la plus récente." SessionConnection, SessionEdge, Session }

/// Une de vos sessions ouvertes.
#[Object]
impl Session {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Ce à quoi elle sert.
    async fn kind(&self) -> SessionKind {
        if self.0.kind == Kind::Browser.code() { SessionKind::Browser } else { SessionKind::Client }
    }

    /// Comment le navigateur ou le client s'est présenté.
    async fn label(&self) -> &str {
        &self.0.label
    }

    /// Quand elle a été ouverte, par un lien de connexion.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Dernier usage, à quelques minutes près.
    async fn used_at(&self) -> DateTime {
        self.0.used_at.into()
    }

    /// Quand elle prendra fin d'elle-même, 30 jours après son ouverture.
    async fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }

    /// C'est la session de cette demande.
    async fn current(&self, ctx: &Context<'_>) -> bool {
        matches!(ctx.request().caller().credential(), Some(services::caller::Credential::Session(id)) if *id == self.0.id)
    }
}

pub(crate) struct AccessToken(pub(crate) Arc<sessions::AccessToken>);

connection! { "Vos jetons, du plus ancien au plus récent." AccessTokenConnection, AccessTokenEdge, AccessToken }

/// Un de vos jetons d'accès personnels. Son secret n'est montré qu'à sa création.
#[Object]
impl AccessToken {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Le nom que vous lui avez donné.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Ce qu'il laisse faire.
    async fn scopes(&self) -> Vec<Scope> {
        self.0.scopes().into_iter().map(Into::into).collect()
    }

    /// Quand il a été créé.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Dernier usage, à quelques minutes près ; null s'il n'a pas servi.
    async fn used_at(&self) -> Option<DateTime> {
        self.0.used_at.map(Into::into)
    }

    /// Quand il cessera d'être valable.
    async fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }
}

/// The sessions of the member who asks.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct SessionsOf(MemberId);

impl List for SessionsOf {
    type Item = sessions::Session;
    type Key = TimeKey;

    fn key(&self, session: &sessions::Session) -> TimeKey {
        (session.created_at, session.id.0)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<sessions::Session>>> {
        let mut found = HashMap::new();
        for of in of.iter().filter(|of| asked.caller.id() == Some(of.0)) {
            found.insert(*of, sessions::sessions(cx, of.0, paging, asked.now).await?);
        }
        Ok(found)
    }
}

impl Counted for SessionsOf {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let mut found = HashMap::new();
        for of in of.iter().filter(|of| asked.caller.id() == Some(of.0)) {
            found.insert(*of, sessions::count_sessions(cx, of.0, asked.now).await?);
        }
        Ok(found)
    }
}

/// The tokens of the member who asks.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TokensOf(MemberId);

impl List for TokensOf {
    type Item = sessions::AccessToken;
    type Key = TimeKey;

    fn key(&self, token: &sessions::AccessToken) -> TimeKey {
        (token.created_at, token.id.0)
    }

    async fn pages(
        cx: &mut Cx,
        asked: &Asked,
        of: &[Self],
        paging: &Paging,
    ) -> Result<HashMap<Self, Page<sessions::AccessToken>>> {
        let mut found = HashMap::new();
        for of in of.iter().filter(|of| asked.caller.id() == Some(of.0)) {
            found.insert(*of, sessions::access_tokens(cx, of.0, paging, asked.now).await?);
        }
        Ok(found)
    }
}

impl Counted for TokensOf {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let mut found = HashMap::new();
        for of in of.iter().filter(|of| asked.caller.id() == Some(of.0)) {
            found.insert(*of, sessions::count_access_tokens(cx, of.0, asked.now).await?);
        }
        Ok(found)
    }
}

/// One's own sessions; none for anyone else.
pub(crate) async fn of_member(ctx: &Context<'_>, member: MemberId, paging: Paging) -> Result<Option<SessionConnection>> {
    let sessions = SessionsOf(member);
    let Some(page) = lists::page(ctx, &sessions, &paging).await? else { return Ok(None) };
    let total = lists::total(ctx, &sessions).await?;
    Ok(Some(SessionConnection::new(page, |session| sessions.key(session).encode(), Session, total)))
}

/// One's own tokens; none for anyone else.
pub(crate) async fn tokens_of_member(
    ctx: &Context<'_>,
    member: MemberId,
    paging: Paging,
) -> Result<Option<AccessTokenConnection>> {
    let tokens = TokensOf(member);
    let Some(page) = lists::page(ctx, &tokens, &paging).await? else { return Ok(None) };
    let total = lists::total(ctx, &tokens).await?;
    Ok(Some(AccessTokenConnection::new(page, |token| tokens.key(token).encode(), AccessToken, total)))
}

rows! {
    SessionId => sessions::Session, |cx, ids, asked| sessions::sessions_by_id(cx, &asked.caller, ids);
    AccessTokenId => sessions::AccessToken, |cx, ids, asked| sessions::access_tokens_by_id(cx, &asked.caller, ids);
}

/// À qui envoyer un lien de connexion.
#[derive(InputObject)]
pub(crate) struct RequestLinkInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Adresse de courriel.
    address: String,
}

payload! { "La demande de lien." RequestLinkPayload { "Une phrase à montrer, la même que l'adresse soit connue ou non." message: String } }

/// Un lien à usage unique, pour se connecter.
#[derive(InputObject)]
pub(crate) struct SignInInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La valeur de jeton= dans le lien reçu par courriel.
    token: String,
    /// NAVIGATEUR pose un cookie ; CLIENT rend un jeton porteur.
    kind: SessionKind,
}

payload! { "Une session ouverte." SignInPayload {
    "Vous." member: Member,
    "Le jeton porteur, montré cette seule fois, pour une session CLIENT ; null pour une session NAVIGATEUR, ou redemandé sous la même clé." bearer: String,
} }

/// Un lien à usage unique, pour rejoindre la communauté.
#[derive(InputObject)]
pub(crate) struct SignUpInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La valeur de jeton= dans le lien reçu par courriel.
    token: String,
    /// Identifiant public : 2 à 30 lettres sans accent ou chiffres, points et tirets à l'intérieur.
    handle: String,
    /// Nom affiché, de 2 à 80 caractères.
    name: String,
    /// Organisation de rattachement souhaitée ; à approuver par ceux qui l'administrent.
    organisation_id: Option<ID>,
    /// NAVIGATEUR pose un cookie ; CLIENT rend un jeton porteur.
    kind: SessionKind,
}

payload! { "Un nouveau membre, et sa session." SignUpPayload {
    "Vous." member: Member,
    "Le jeton porteur, montré cette seule fois, pour une session CLIENT ; null pour une session NAVIGATEUR, ou redemandé sous la même clé." bearer: String,
} }

/// La fin de la session de cette demande.
#[derive(InputObject)]
pub(crate) struct SignOutInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
}

payload! { "La session fermée." SignOutPayload { "Vrai si une session était ouverte." signed_out: bool } }

/// Une session à fermer.
#[derive(InputObject)]
pub(crate) struct RevokeSessionInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La session, une des vôtres.
    session_id: ID,
}

payload! { "La session fermée." RevokeSessionPayload { "Son identifiant." session_id: ID } }

/// Un jeton d'accès à créer.
#[derive(InputObject)]
pub(crate) struct CreateAccessTokenInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Un nom pour le reconnaître, de 1 à 80 caractères.
    name: String,
    /// Ce qu'il laisse faire.
    scopes: Vec<Scope>,
    /// Durée de vie, de 1 à 366 jours.
    expires_in_days: i64,
}

payload! { "Un jeton d'accès créé." CreateAccessTokenPayload {
    "Le jeton." token: AccessToken,
    "Son secret, montré cette seule fois (Authorization: Bearer <secret>) ; null s'il est redemandé sous la même clé." secret: String,
} }

/// Un jeton d'accès à révoquer.
#[derive(InputObject)]
pub(crate) struct RevokeAccessTokenInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le jeton, un des vôtres.
    token_id: ID,
}

payload! { "Le jeton révoqué." RevokeAccessTokenPayload { "Son identifiant." token_id: ID } }

#[derive(Default)]
pub(crate) struct SessionsMutation;

#[Object]
impl SessionsMutation {
    /// Envoie un lien à usage unique à cette adresse : pour vous connecter si elle est connue, pour rejoindre la communauté
    /// sinon. La réponse est la même.
    async fn request_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: RequestLinkInput,
    ) -> Result<Option<RequestLinkPayload>> {
        let request = ctx.request();
        let attempt = request
            .attempt(async {
                sessions::request_link(&request.app, ctx.once(&input.idempotency_key)?, request.origin, &input.address).await
            })
            .await?;
        let message = attempt.done.map(|()| {
            "Si cette adresse reçoit du courrier, un lien valable 30 minutes l'y attend. Regardez aussi les indésirables.".into()
        });
        Ok(Some(RequestLinkPayload::new(input.client_mutation_id, attempt.problems, message)))
    }

    /// Ouvre une session avec le lien reçu par courriel.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: SignInInput,
    ) -> Result<Option<SignInPayload>> {
        let request = ctx.request();
        let attempt = request
            .attempt(async {
                takes_cookie(request, input.kind)?;
                let once = ctx.once(&input.idempotency_key)?;
                sessions::sign_in(&request.app, once, &input.token, input.kind.into(), &request.agent).await
            })
            .await?;
        let (member, bearer) = enter(request, attempt.done, input.kind).await?;
        Ok(Some(SignInPayload::new(input.client_mutation_id, attempt.problems, member, bearer)))
    }

    /// Rejoint la communauté avec le lien reçu par courriel, et ouvre une session.
    async fn sign_up(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: SignUpInput,
    ) -> Result<Option<SignUpPayload>> {
        let request = ctx.request();
        let Attempt { done, problems } = request
            .attempt(async {
                takes_cookie(request, input.kind)?;
                let organisation = ids::optional::<OrganisationId>("organisationId", input.organisation_id.as_ref())?;
                let new = SignUp { handle: input.handle.clone(), name: input.name.clone(), organisation };
                let once = ctx.once(&input.idempotency_key)?;
                sessions::sign_up(&request.app, once, &input.token, new, input.kind.into(), &request.agent).await
            })
            .await?;
        let (member, bearer) = enter(request, done, input.kind).await?;
        Ok(Some(SignUpPayload::new(input.client_mutation_id, problems, member, bearer)))
    }

    /// Ferme la session de cette demande. Sans effet si vous n'êtes pas connecté.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: SignOutInput,
    ) -> Result<Option<SignOutPayload>> {
        let request = ctx.request();
        let (caller, acting) = (request.caller(), ctx.acting(&input.idempotency_key));
        request.set_cookies(Cookies::Clear);
        let Some(services::caller::Credential::Session(_)) = caller.credential() else {
            return Ok(Some(SignOutPayload::new(input.client_mutation_id, Vec::new(), Some(false))));
        };
        let attempt = request.attempt(async { sessions::revoke_session(&request.app, &acting?, None).await }).await?;
        let signed_out = attempt.done.is_some();
        Ok(Some(SignOutPayload::new(input.client_mutation_id, attempt.problems, Some(signed_out))))
    }

    /// Ferme une de vos sessions.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: RevokeSessionInput,
    ) -> Result<Option<RevokeSessionPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument::<SessionId>("sessionId", &input.session_id)?;
                sessions::revoke_session(&request.app, &caller?, Some(id)).await
            })
            .await?;
        let id = attempt.done.map(|id| ID(id.to_string()));
        Ok(Some(RevokeSessionPayload::new(input.client_mutation_id, attempt.problems, id)))
    }

    /// Crée un jeton d'accès personnel, depuis une session.
    async fn create_access_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: CreateAccessTokenInput,
    ) -> Result<Option<CreateAccessTokenPayload>> {
        let request = ctx.request();
        let acting = ctx.acting(&input.idempotency_key);
        let Attempt { done, problems } = request
            .attempt(async {
                let scopes: Vec<Row> = input.scopes.iter().map(|scope| (*scope).into()).collect();
                sessions::create_access_token(&request.app, &acting?, &input.name, scopes, input.expires_in_days).await
            })
            .await?;
        let (token, secret) = match done {
            Some((id, secret)) => (request.loads().load_one(id).await?.map(AccessToken), secret),
            None => (None, None),
        };
        Ok(Some(CreateAccessTokenPayload::new(input.client_mutation_id, problems, token, secret)))
    }

    /// Révoque un de vos jetons d'accès.
    async fn revoke_access_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: RevokeAccessTokenInput,
    ) -> Result<Option<RevokeAccessTokenPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument::<AccessTokenId>("tokenId", &input.token_id)?;
                sessions::revoke_access_token(&request.app, &caller?, id).await
            })
            .await?;
        let id = attempt.done.map(|id| ID(id.to_string()));
        Ok(Some(RevokeAccessTokenPayload::new(input.client_mutation_id, attempt.problems, id)))
    }
}

/// A cookie that the transport cannot set would spend the link for nothing.
fn takes_cookie(request: &Request, kind: SessionKind) -> Result<()> {
    if kind == SessionKind::Browser && !request.takes_cookies {
        return Err(Error::invalid(
            "kind",
            Code::Refused,
            "Un cookie se pose par HTTP : demandez-y cette session, ou CLIENT ici.",
        ));
    }
    Ok(())
}

/// After a session was opened: the cookie or the bearer token, and the rest of the request as the member.
async fn enter(
    request: &Request,
    signed_in: Option<sessions::SignedIn>,
    kind: SessionKind,
) -> Result<(Option<Member>, Option<String>)> {
    let Some(signed_in) = signed_in else { return Ok((None, None)) };
    // Asked for again under the same key, it opens nothing: who asks stays who they were.
    if signed_in.secret.is_some() {
        request.become_member(signed_in.member, signed_in.session).await?;
    }
    let member = request.member(signed_in.member).await?.ok_or(Error::NotFound)?;
    let bearer = match (kind, signed_in.secret) {
        (SessionKind::Browser, Some(secret)) => {
            request.set_cookies(Cookies::Set(secret));
            None
        }
        (_, secret) => secret,
    };
    Ok((Some(Member(member)), bearer))
}
