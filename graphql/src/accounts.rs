//! Members, their profile and the directory.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use services::Result;
use services::accounts::{self, Member as Row};
use services::id::{MemberId, OrganisationId};
use services::organisations::Affiliations;
use services::page::Key;
use services::roles::Holders;

use crate::context::{ContextExt, Request};
use crate::following::FollowConnection;
use crate::inbox::{NotificationConnection, NotificationReason};
use crate::organisations::{AffiliationConnection, Organisation};
use crate::paging::{connection, paging, size, total};
use crate::payload::payload;
use crate::roles::RoleGrantConnection;
use crate::scalars::DateTime;
use crate::sessions::{AccessTokenConnection, SessionConnection};
use crate::{following, ids, inbox, organisations, roles, sessions};

pub(crate) struct Member(pub(crate) Arc<Row>);

connection! { "Des membres." MemberConnection, MemberEdge, Member }

/// La suspension d'un membre, qui peut alors lire et ne peut pas écrire.
#[derive(SimpleObject)]
pub(crate) struct Suspension {
    /// Depuis quand le membre est suspendu.
    since: DateTime,
    /// Fin ; null jusqu'à nouvel ordre.
    until: Option<DateTime>,
    /// Motif, lu par le membre.
    reason: String,
}

/// Un membre de la communauté.
#[Object]
impl Member {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Identifiant public, celui des mentions : @handle. Il peut changer ; id ne change pas.
    async fn handle(&self) -> &str {
        &self.0.handle
    }

    /// Nom affiché.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Organisation de rattachement, une fois approuvée.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        match self.0.organisation_id {
            Some(id) => Ok(ctx.request().organisation(id).await?.map(Organisation)),
            None => Ok(None),
        }
    }

    /// Date d'arrivée dans la communauté.
    async fn joined_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Adresse de courriel ; visible de vous seul et des administrateurs, null sinon.
    async fn address(&self, ctx: &Context<'_>) -> Option<&str> {
        let caller = ctx.request().caller();
        (caller.id() == Some(self.0.id) || caller.is_administrator()).then_some(self.0.address.as_str())
    }

    /// Suspension en cours ; visible du membre et des modérateurs de toute la communauté, null sinon.
    async fn suspension(&self, ctx: &Context<'_>) -> Option<Suspension> {
        let (caller, now) = (ctx.request().caller(), ctx.request().app.clock.now());
        let since = self.0.suspended_at.filter(|_| self.0.suspended_until.is_none_or(|until| until > now))?;
        (caller.id() == Some(self.0.id) || caller.moderates_everywhere()).then(|| Suspension {
            since: since.into(),
            until: self.0.suspended_until.map(Into::into),
            reason: self.0.suspension_reason.clone().unwrap_or_default(),
        })
    }

    /// Rôles tenus aujourd'hui, pour les membres connectés ; avec history, aussi les rôles passés et à venir, pour le membre et
    /// ceux qui l'administrent. Null pour qui ne peut pas les voir.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = false, desc = "Avec les rôles passés et à venir.")] history: bool,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<Option<RoleGrantConnection>> {
        roles::list(ctx, Holders::One(self.0.id), history, paging(first, after, last, before)).await
    }

    /// Demandes de rattachement et rattachements, du plus ancien au plus récent ; pour le membre et les administrateurs, null
    /// sinon.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn affiliations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<Option<AffiliationConnection>> {
        organisations::affiliations(ctx, Affiliations::Of(self.0.id), paging(first, after, last, before)).await
    }

    /// Vos sessions ouvertes ; null pour un autre membre.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<Option<SessionConnection>> {
        sessions::of_member(ctx, self.0.id, paging(first, after, last, before)).await
    }

    /// Ce que vous suivez à un niveau que vous avez choisi et que vous voyez, le dernier réglage d'abord ; null pour un autre membre.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn follows(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<Option<FollowConnection>> {
        if ctx.request().caller().id() != Some(self.0.id) {
            return Ok(None);
        }
        following::list(ctx, paging(first, after, last, before)).await.map(Some)
    }

    /// Ce dont vous êtes prévenu et que vous voyez toujours, le plus récent d'abord ; null pour un autre membre.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement celles de ce motif.")] reason: Option<NotificationReason>,
        #[graphql(desc = "Seulement celles des fils de cet espace.")] space: Option<ID>,
        #[graphql(desc = "true : celles qui ne sont pas lues ; false : celles qui le sont.")] unread: Option<bool>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<Option<NotificationConnection>> {
        if ctx.request().caller().id() != Some(self.0.id) {
            return Ok(None);
        }
        let filter = inbox::filter(reason, space.as_ref(), unread)?;
        inbox::list(ctx, filter, paging(first, after, last, before)).await.map(Some)
    }

    /// Nombre de notifications que vous n'avez pas lues, 1 000 au plus ; null pour un autre membre.
    async fn unread_notification_count(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        if ctx.request().caller().id() != Some(self.0.id) {
            return Ok(None);
        }
        inbox::count_unread(ctx.request()).await.map(Some)
    }

    /// Vos jetons d'accès personnels en cours ; null pour un autre membre.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn access_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<Option<AccessTokenConnection>> {
        sessions::tokens_of_member(ctx, self.0.id, paging(first, after, last, before)).await
    }
}

impl Request {
    /// The member, where there is one.
    pub(crate) async fn maybe_member(&self, id: Option<MemberId>) -> Result<Option<Member>> {
        match id {
            Some(id) => Ok(self.member(id).await?.map(Member)),
            None => Ok(None),
        }
    }
}

#[derive(Default)]
pub(crate) struct AccountsQuery;

#[Object]
impl AccountsQuery {
    /// Vous : le membre qui fait la demande ; null si vous n'êtes pas connecté.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(ctx.request().caller().id()).await
    }

    /// Le membre qui porte cet identifiant public ; null s'il n'existe pas.
    async fn member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant public, avec ou sans @.")] handle: String,
    ) -> Result<Option<Member>> {
        let found = accounts::member_by_handle(&mut *ctx.request().cx().await?, &handle).await?;
        Ok(found.map(|member| Member(Arc::new(member))))
    }

    /// L'annuaire, par nom, pour les membres connectés.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement les membres de cette organisation et de ses unités.")] organisation: Option<ID>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<MemberConnection> {
        let request = ctx.request();
        let organisation = ids::optional::<OrganisationId>("organisation", organisation.as_ref())?;
        let caller = request.caller();
        let paging = paging(first, after, last, before);
        let page = accounts::members(&mut *request.cx().await?, &caller, organisation, &paging).await?;
        let total = total(ctx, async { accounts::count_members(&mut *request.cx().await?, organisation).await }).await?;
        let homes: std::collections::HashSet<_> = page.items.iter().filter_map(|member| member.organisation_id).collect();
        request.loads().load_many(homes).await?;
        let cursor = |member: &Row| (member.name.clone(), member.id.0).encode();
        Ok(MemberConnection::new(page, cursor, |member| Member(Arc::new(member)), total))
    }
}

/// Un nouveau nom ou identifiant public ; ce qui est absent reste.
#[derive(InputObject)]
pub(crate) struct UpdateProfileInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Nom affiché, de 2 à 80 caractères.
    name: Option<String>,
    /// Identifiant public : 2 à 30 lettres sans accent ou chiffres, points et tirets à l'intérieur.
    handle: Option<String>,
}

payload! { "Votre profil modifié." UpdateProfilePayload { "Vous." member: Member } }

#[derive(Default)]
pub(crate) struct AccountsMutation;

#[Object]
impl AccountsMutation {
    /// Change votre nom ou votre identifiant public.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateProfileInput,
    ) -> Result<Option<UpdateProfilePayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async { accounts::update_profile(&request.app, &caller?, input.name.clone(), input.handle.clone()).await })
            .await?;
        let member = match attempt.done {
            Some(id) => request.member(id).await?.map(Member),
            None => None,
        };
        Ok(Some(UpdateProfilePayload::new(input.client_mutation_id, attempt.problems, member)))
    }
}
