//! Organisations, their units, and who belongs to them.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::catalogue::Below;
use services::db::Cx;
use services::id::{AffiliationId, OrganisationId};
use services::organisations::{self, Affiliations, CreateOrganisation};
use services::page::{Key, NameKey, Page, Paging, TimeKey};
use services::roles::Holders;
use services::{Error, Result};

use crate::accounts::Member;
use crate::catalogue::{self, TrainingConnection, TrainingFilterInput, TrainingOrder};
use crate::context::{ContextExt, Request};
use crate::ids;
use crate::lists::{self, Asked, Counted, List};
use crate::loaders::rows;
use crate::paging::{connection, paging, size};
use crate::payload::payload;
use crate::roles::{self, RoleGrantConnection};
use crate::scalars::DateTime;

/// La nature d'une organisation.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::organisations::OrganisationKind")]
pub(crate) enum OrganisationKind {
    /// Ministère partenaire de la DGAFP.
    Ministere,
    /// Direction interministérielle.
    DirectionInterministerielle,
    /// École de service public, IRA compris.
    EcoleDeServicePublic,
    /// Plateforme régionale d'appui à la gestion des ressources humaines.
    Pfrh,
    /// Opérateur de formation.
    OperateurDeFormation,
}

/// Où en est un rattachement.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::organisations::AffiliationState")]
pub(crate) enum AffiliationState {
    /// Pas encore tranché.
    Demandee,
    /// Rattachement en cours.
    Approuvee,
    /// Refusé.
    Refusee,
    /// Retiré par le membre avant d'être tranché.
    Retiree,
    /// Rattachement qui a pris fin.
    Terminee,
}

pub(crate) struct Organisation(pub(crate) Arc<organisations::Organisation>);

connection! { "Des organisations, par nom." OrganisationConnection, OrganisationEdge, Organisation }

/// Une organisation, ou une unité d'une organisation.
#[Object]
impl Organisation {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Nom court pour les adresses ; il ne change pas.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Une des cinq natures d'organisations ; une unité a celle de l'organisation au-dessus.
    async fn kind(&self) -> OrganisationKind {
        self.0.kind.into()
    }

    /// Nom complet.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Nom d'usage ou sigle.
    async fn short_name(&self) -> &str {
        &self.0.short_name
    }

    /// Quand elle a été créée ici.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// L'organisation au-dessus ; null pour une organisation de premier niveau.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        match self.0.parent_id {
            Some(id) => Ok(ctx.request().organisation(id).await?.map(Organisation)),
            None => Ok(None),
        }
    }

    /// Ses unités, par nom.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn units(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<OrganisationConnection> {
        list(ctx, Some(self.0.id), paging(first, after, last, before)).await
    }

    /// Rôles tenus aujourd'hui dans l'organisation et ses unités, y compris par des membres d'ailleurs, pour les membres
    /// connectés ; avec history, aussi les rôles passés et à venir, pour ceux qui l'administrent. Null pour qui ne peut pas les
    /// voir.
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
        roles::list(ctx, Holders::In(self.0.id), history, paging(first, after, last, before)).await
    }

    /// Formations qu'elle ou une de ses unités produit et que vous voyez, sans celles qui ont été fondues dans une autre.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn trainings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement celles qui remplissent ces conditions.")] filter: Option<TrainingFilterInput>,
        #[graphql(desc = "L'ordre.", default_with = "TrainingOrder::Titre")] order_by: TrainingOrder,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<TrainingConnection> {
        let paging = paging(first, after, last, before);
        catalogue::below(ctx, Below::Organisation(self.0.id), filter, order_by, paging).await
    }

    /// Demandes de rattachement qui attendent une décision, pour ceux qui administrent l'organisation ; null sinon.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn affiliation_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<Option<AffiliationConnection>> {
        affiliations(ctx, Affiliations::WaitingFor(self.0.id), paging(first, after, last, before)).await
    }
}

pub(crate) struct Affiliation(pub(crate) Arc<organisations::Affiliation>);

connection! { "Des rattachements, du plus ancien au plus récent." AffiliationConnection, AffiliationEdge, Affiliation }

/// Le rattachement d'un membre à une organisation : demandé, en cours ou passé.
#[Object]
impl Affiliation {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Le membre qui demande ou a demandé à en être.
    async fn member(&self, ctx: &Context<'_>) -> Result<Member> {
        ctx.request().member(self.0.member_id).await?.map(Member).ok_or(Error::NotFound)
    }

    /// L'organisation dont il s'agit.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Organisation> {
        ctx.request().organisation(self.0.organisation_id).await?.map(Organisation).ok_or(Error::NotFound)
    }

    /// Où il en est.
    async fn state(&self) -> AffiliationState {
        self.0.state.into()
    }

    /// Date de la demande.
    async fn requested_at(&self) -> DateTime {
        self.0.requested_at.into()
    }

    /// Date de la décision.
    async fn decided_at(&self) -> Option<DateTime> {
        self.0.decided_at.map(Into::into)
    }

    /// Qui a tranché.
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.decided_by).await
    }

    /// Motif de la décision.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Fin du rattachement, ou retrait de la demande.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(Into::into)
    }
}

/// The units of an organisation, or the organisations of the top.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct UnitsOf(Option<OrganisationId>);

impl List for UnitsOf {
    type Item = organisations::Organisation;
    type Key = NameKey;

    fn key(&self, organisation: &organisations::Organisation) -> NameKey {
        (organisation.name.clone(), organisation.id.0)
    }

    async fn pages(
        cx: &mut Cx,
        _: &Asked,
        of: &[Self],
        paging: &Paging,
    ) -> Result<HashMap<Self, Page<organisations::Organisation>>> {
        let parents: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(organisations::organisations(cx, &parents, paging).await?, UnitsOf))
    }
}

impl Counted for UnitsOf {
    async fn counts(cx: &mut Cx, _: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let parents: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(organisations::count_organisations(cx, &parents).await?, UnitsOf))
    }
}

async fn list(ctx: &Context<'_>, parent: Option<OrganisationId>, paging: Paging) -> Result<OrganisationConnection> {
    let units = UnitsOf(parent);
    let page = lists::page(ctx, &units, &paging).await?.ok_or(Error::NotFound)?;
    let total = lists::total(ctx, &units).await?;
    Ok(OrganisationConnection::new(page, |organisation| units.key(organisation).encode(), Organisation, total))
}

impl List for Affiliations {
    type Item = organisations::Affiliation;
    type Key = TimeKey;

    fn key(&self, affiliation: &organisations::Affiliation) -> TimeKey {
        (affiliation.requested_at, affiliation.id.0)
    }

    async fn pages(
        cx: &mut Cx,
        asked: &Asked,
        of: &[Self],
        paging: &Paging,
    ) -> Result<HashMap<Self, Page<organisations::Affiliation>>> {
        organisations::affiliations(cx, &asked.caller, of, paging).await
    }
}

impl Counted for Affiliations {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        organisations::count_affiliations(cx, &asked.caller, of).await
    }
}

/// Affiliations when they are this caller's to see; none otherwise.
pub(crate) async fn affiliations(
    ctx: &Context<'_>,
    which: Affiliations,
    paging: Paging,
) -> Result<Option<AffiliationConnection>> {
    let Some(page) = lists::page(ctx, &which, &paging).await? else { return Ok(None) };
    let total = lists::total(ctx, &which).await?;
    Ok(Some(AffiliationConnection::new(page, |affiliation| which.key(affiliation).encode(), Affiliation, total)))
}

rows! {
    AffiliationId => organisations::Affiliation, |cx, ids, asked| organisations::affiliations_by_id(cx, &asked.caller, ids);
}

async fn affiliation(request: &Request, id: Option<AffiliationId>) -> Result<Option<Affiliation>> {
    let Some(id) = id else { return Ok(None) };
    Ok(request.loads().load_one(id).await?.map(Affiliation))
}

#[derive(Default)]
pub(crate) struct OrganisationsQuery;

#[Object]
impl OrganisationsQuery {
    /// Les organisations de premier niveau, par nom. Ouvert à tous : on en choisit une en rejoignant la communauté.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn organisations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<OrganisationConnection> {
        list(ctx, None, paging(first, after, last, before)).await
    }

    /// L'organisation de ce nom court ; null si elle n'existe pas.
    async fn organisation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Nom court, comme dans Organisation.slug.")] slug: String,
    ) -> Result<Option<Organisation>> {
        let found = organisations::organisation_by_slug(&mut *ctx.request().cx().await?, &slug).await?;
        Ok(found.map(|organisation| Organisation(Arc::new(organisation))))
    }
}

/// Une organisation ou une unité à créer.
#[derive(InputObject)]
pub(crate) struct CreateOrganisationInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Nature, pour une organisation ; une unité a celle de l'organisation au-dessus.
    kind: Option<OrganisationKind>,
    /// Nom complet, de 2 à 150 caractères.
    name: String,
    /// Nom d'usage ou sigle, de 2 à 40 caractères.
    short_name: String,
    /// L'organisation au-dessus, pour une unité.
    parent_id: Option<ID>,
}

payload! { "L'organisation créée." CreateOrganisationPayload { "L'organisation." organisation: Organisation } }

/// Une organisation à renommer ; ce qui est absent reste.
#[derive(InputObject)]
pub(crate) struct UpdateOrganisationInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// L'organisation.
    organisation_id: ID,
    /// Nom complet, de 2 à 150 caractères.
    name: Option<String>,
    /// Nom d'usage ou sigle, de 2 à 40 caractères.
    short_name: Option<String>,
}

payload! { "L'organisation modifiée." UpdateOrganisationPayload { "L'organisation." organisation: Organisation } }

/// Le rattachement souhaité.
#[derive(InputObject)]
pub(crate) struct RequestAffiliationInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// L'organisation.
    organisation_id: ID,
}

payload! { "Le rattachement demandé." RequestAffiliationPayload { "La demande." affiliation: Affiliation } }

/// La décision sur une demande de rattachement.
#[derive(InputObject)]
pub(crate) struct DecideAffiliationInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La demande.
    affiliation_id: ID,
    /// Vrai pour accepter, faux pour refuser.
    approve: bool,
    /// Motif, lu par le membre.
    reason: Option<String>,
}

payload! { "La demande tranchée." DecideAffiliationPayload { "La demande." affiliation: Affiliation } }

/// Le départ de votre organisation.
#[derive(InputObject)]
pub(crate) struct LeaveOrganisationInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
}

payload! { "Vous, sans organisation." LeaveOrganisationPayload { "Vous." member: Member } }

#[derive(Default)]
pub(crate) struct OrganisationsMutation;

#[Object]
impl OrganisationsMutation {
    /// Crée une organisation (administrateurs de la communauté) ou une unité (aussi ceux de l'organisation au-dessus).
    async fn create_organisation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: CreateOrganisationInput,
    ) -> Result<Option<CreateOrganisationPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let parent = ids::optional("parentId", input.parent_id.as_ref())?;
                let (kind, name) = (input.kind.map(Into::into), input.name.clone());
                let new = CreateOrganisation { kind, name, short_name: input.short_name.clone(), parent };
                organisations::create_organisation(&request.app, &caller?, new).await
            })
            .await?;
        let organisation = found(request, attempt.done).await?;
        Ok(Some(CreateOrganisationPayload::new(input.client_mutation_id, attempt.problems, organisation)))
    }

    /// Renomme une organisation ; réservé à ceux qui l'administrent.
    async fn update_organisation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateOrganisationInput,
    ) -> Result<Option<UpdateOrganisationPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("organisationId", &input.organisation_id)?;
                let (name, short) = (input.name.clone(), input.short_name.clone());
                organisations::update_organisation(&request.app, &caller?, id, name, short).await
            })
            .await?;
        let organisation = found(request, attempt.done).await?;
        Ok(Some(UpdateOrganisationPayload::new(input.client_mutation_id, attempt.problems, organisation)))
    }

    /// Demande votre rattachement à une organisation ; ceux qui l'administrent sont prévenus par courriel. Une demande non
    /// tranchée est remplacée.
    async fn request_affiliation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: RequestAffiliationInput,
    ) -> Result<Option<RequestAffiliationPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("organisationId", &input.organisation_id)?;
                organisations::request_affiliation(&request.app, &caller?, id).await
            })
            .await?;
        let affiliation = affiliation(request, attempt.done).await?;
        Ok(Some(RequestAffiliationPayload::new(input.client_mutation_id, attempt.problems, affiliation)))
    }

    /// Accepte ou refuse une demande de rattachement ; réservé à ceux qui administrent l'organisation ou la communauté. Le
    /// membre est prévenu par courriel.
    async fn decide_affiliation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: DecideAffiliationInput,
    ) -> Result<Option<DecideAffiliationPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("affiliationId", &input.affiliation_id)?;
                organisations::decide_affiliation(&request.app, &caller?, id, input.approve, input.reason.clone()).await
            })
            .await?;
        let affiliation = affiliation(request, attempt.done).await?;
        Ok(Some(DecideAffiliationPayload::new(input.client_mutation_id, attempt.problems, affiliation)))
    }

    /// Quitte votre organisation de rattachement, ou retire votre demande si elle n'est pas tranchée.
    async fn leave_organisation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: LeaveOrganisationInput,
    ) -> Result<Option<LeaveOrganisationPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request.attempt(async { organisations::leave_organisation(&request.app, &caller?).await }).await?;
        let member = match attempt.done {
            Some(id) => {
                request.look_again().await?;
                request.member(id).await?.map(Member)
            }
            None => None,
        };
        Ok(Some(LeaveOrganisationPayload::new(input.client_mutation_id, attempt.problems, member)))
    }
}

async fn found(request: &Request, id: Option<OrganisationId>) -> Result<Option<Organisation>> {
    match id {
        Some(id) => Ok(request.organisation(id).await?.map(Organisation)),
        None => Ok(None),
    }
}
