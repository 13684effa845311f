//! Roles and who holds them.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::db::Cx;
use services::id::RoleGrantId;
use services::page::{Key, Page, Paging, TimeKey};
use services::roles::{self, GrantRole, Holders};
use services::{Error, Result};

use crate::accounts::Member;
use crate::context::{ContextExt, Request};
use crate::forum::Space;
use crate::ids;
use crate::lists::{self, Asked, Counted, List};
use crate::loaders::{grouped, rows};
use crate::organisations::Organisation;
use crate::paging::connection;
use crate::payload::payload;
use crate::scalars::DateTime;

/// Un rôle : ceux de Mentor, tenus pour une organisation, et ceux de la communauté.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::roles::Role")]
pub(crate) enum Role {
    /// Mentor : agent de la DGAFP, administration fonctionnelle et technique de la plateforme. Administre aussi la communauté.
    AdministrateurPilote,
    /// Mentor : la même chose pour un espace dédié. Administre son organisation et ses unités.
    AdministrateurEspaceDedie,
    /// Mentor : met en œuvre et pilote la création et la gestion des formations et des sessions d'un espace dédié.
    ResponsableFormationCentral,
    /// Mentor : gère les formations et les sessions d'un espace dédié.
    ReferentLocal,
    /// Mentor : conçoit et produit, seul ou en équipe, le contenu des formations.
    Concepteur,
    /// Mentor : anime et adapte une session de formation.
    Formateur,
    /// Communauté : organise les webinaires.
    Organisateur,
    /// Communauté : écrit les actualités et la lettre.
    Editeur,
    /// Communauté : modère un espace, ou tous.
    Moderateur,
    /// Communauté : l'administre.
    Administrateur,
}

pub(crate) struct RoleGrant(pub(crate) Arc<roles::RoleGrant>);

connection! { "Des rôles, par date de début." RoleGrantConnection, RoleGrantEdge, RoleGrant }

/// Un rôle tenu par un membre, d'une date à une autre.
#[Object]
impl RoleGrant {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Qui le tient.
    async fn member(&self, ctx: &Context<'_>) -> Result<Member> {
        ctx.request().member(self.0.member_id).await?.map(Member).ok_or(Error::NotFound)
    }

    /// Le rôle.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Pour quelle organisation ; null pour un rôle de la communauté ou du programme.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        match self.0.organisation_id {
            Some(id) => Ok(ctx.request().organisation(id).await?.map(Organisation)),
            None => Ok(None),
        }
    }

    /// Pour quel espace, si un modérateur n'en modère qu'un.
    async fn space(&self, ctx: &Context<'_>) -> Result<Option<Space>> {
        match self.0.space_id {
            Some(id) => Ok(ctx.request().loads().load_one(id).await?.map(Space)),
            None => Ok(None),
        }
    }

    /// À partir de quand il est tenu.
    async fn starts_at(&self) -> DateTime {
        self.0.starts_at.into()
    }

    /// Fin prévue ; null jusqu'à nouvel ordre.
    async fn ends_at(&self) -> Option<DateTime> {
        self.0.ends_at.map(Into::into)
    }

    /// Fin décidée avant terme.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(Into::into)
    }

    /// Tenu aujourd'hui.
    async fn active(&self, ctx: &Context<'_>) -> bool {
        self.0.is_active(ctx.request().app.clock.now())
    }

    /// Qui l'a donné ; null s'il date de la fondation.
    async fn granted_by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.granted_by).await
    }

    /// Qui y a mis fin.
    async fn ended_by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.ended_by).await
    }
}

/// Roles of a member or an organisation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RolesOf {
    of: Holders,
    history: bool,
}

impl List for RolesOf {
    type Item = roles::RoleGrant;
    type Key = TimeKey;

    fn key(&self, grant: &roles::RoleGrant) -> TimeKey {
        (grant.starts_at, grant.id.0)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<roles::RoleGrant>>> {
        let mut found = HashMap::new();
        for (history, holders) in grouped(of, |of| of.history, |of| of.of) {
            let pages = roles::role_grants(cx, &asked.caller, &holders, history, paging, asked.now).await?;
            found.extend(lists::by(pages, |of| Self { of, history }));
        }
        Ok(found)
    }
}

impl Counted for RolesOf {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let mut found = HashMap::new();
        for (history, holders) in grouped(of, |of| of.history, |of| of.of) {
            let counts = roles::count_role_grants(cx, &asked.caller, &holders, history, asked.now).await?;
            found.extend(lists::by(counts, |of| Self { of, history }));
        }
        Ok(found)
    }
}

/// Roles when they are this caller's to see; none otherwise.
pub(crate) async fn list(ctx: &Context<'_>, of: Holders, history: bool, paging: Paging) -> Result<Option<RoleGrantConnection>> {
    let roles = RolesOf { of, history };
    let Some(page) = lists::page(ctx, &roles, &paging).await? else { return Ok(None) };
    let total = lists::total(ctx, &roles).await?;
    Ok(Some(RoleGrantConnection::new(page, |grant| roles.key(grant).encode(), RoleGrant, total)))
}

rows! {
    RoleGrantId => roles::RoleGrant, |cx, ids, asked| roles::role_grants_by_id(cx, &asked.caller, ids, asked.now);
}

/// Un rôle à donner.
#[derive(InputObject)]
pub(crate) struct GrantRoleInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le membre à qui donner le rôle.
    member_id: ID,
    /// Le rôle à donner.
    role: Role,
    /// Pour quelle organisation, pour les rôles de Mentor sauf l'administrateur pilote.
    organisation_id: Option<ID>,
    /// Pour quel espace, si le modérateur n'en modère qu'un.
    space_id: Option<ID>,
    /// Début ; maintenant si absent.
    starts_at: Option<DateTime>,
    /// Fin prévue ; jusqu'à nouvel ordre si absente.
    ends_at: Option<DateTime>,
}

payload! { "Le rôle donné." GrantRolePayload { "Le rôle, avec ses dates." role_grant: RoleGrant } }

/// Un rôle auquel mettre fin.
#[derive(InputObject)]
pub(crate) struct EndRoleInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le rôle tenu.
    role_grant_id: ID,
}

payload! { "Le rôle qui a pris fin." EndRolePayload { "Le rôle, avec ses dates." role_grant: RoleGrant } }

#[derive(Default)]
pub(crate) struct RolesMutation;

#[Object]
impl RolesMutation {
    /// Donne un rôle : tout rôle pour les administrateurs de la communauté ; ceux de Mentor, dans leur organisation et ses
    /// unités, pour les administrateurs d'espace dédié.
    async fn grant_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: GrantRoleInput,
    ) -> Result<Option<GrantRolePayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let new = GrantRole {
                    member: ids::argument("memberId", &input.member_id)?,
                    role: input.role.into(),
                    organisation: ids::optional("organisationId", input.organisation_id.as_ref())?,
                    space: ids::optional("spaceId", input.space_id.as_ref())?,
                    starts_at: input.starts_at.map(|at| at.0),
                    ends_at: input.ends_at.map(|at| at.0),
                };
                roles::grant_role(&request.app, &caller?, new).await
            })
            .await?;
        let grant = found(request, attempt.done).await?;
        Ok(Some(GrantRolePayload::new(input.client_mutation_id, attempt.problems, grant)))
    }

    /// Met fin à un rôle maintenant ; son histoire reste. Qui peut le donner peut y mettre fin, et qui le tient peut s'en
    /// défaire.
    async fn end_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: EndRoleInput,
    ) -> Result<Option<EndRolePayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("roleGrantId", &input.role_grant_id)?;
                roles::end_role(&request.app, &caller?, id).await
            })
            .await?;
        let grant = found(request, attempt.done).await?;
        Ok(Some(EndRolePayload::new(input.client_mutation_id, attempt.problems, grant)))
    }
}

async fn found(request: &Request, id: Option<RoleGrantId>) -> Result<Option<RoleGrant>> {
    let Some(id) = id else { return Ok(None) };
    request.look_again().await?;
    Ok(request.loads().load_one(id).await?.map(RoleGrant))
}
