//! Audiences as administrators give and read them.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::Result;
use services::audience::Grant;
use services::error::{Code, Error};

use crate::accounts::Member;
use crate::catalogue::Collection;
use crate::context::ContextExt;
use crate::forum::Space;
use crate::ids;
use crate::organisations::Organisation;
use crate::roles::Role;

/// Les façons d'entrer dans une audience.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AudienceKind {
    /// Tout le monde, même sans compte.
    Public,
    /// Tous les membres.
    Membres,
    /// Les membres d'une organisation et de ses unités, et ceux qui y tiennent un rôle.
    Organisation,
    /// Ceux qui tiennent un rôle : de Mentor dans une organisation et ses unités, ou de la communauté.
    Role,
    /// Un membre nommé.
    Membre,
    /// Ceux qui tiennent un rôle de Mentor dans une organisation ou au-dessus d'elle.
    RoleAuDessus,
    /// Les chefs de file d'une collection.
    ChefsDeFile,
    /// L'équipe d'une formation, concepteurs et formateurs ; c'est le service qui le pose.
    Equipe,
}

/// Un accès : une façon d'entrer dans une audience.
#[derive(InputObject)]
pub(crate) struct AudienceGrantInput {
    /// Sa nature ; les autres champs la précisent.
    kind: AudienceKind,
    /// Pour ORGANISATION, pour un ROLE de Mentor et pour ROLE_AU_DESSUS.
    organisation_id: Option<ID>,
    /// Pour ROLE et ROLE_AU_DESSUS.
    role: Option<Role>,
    /// Pour ROLE, si les modérateurs d'un seul espace suffisent.
    space_id: Option<ID>,
    /// Pour MEMBRE.
    member_id: Option<ID>,
    /// Pour CHEFS_DE_FILE.
    collection_id: Option<ID>,
}

impl AudienceGrantInput {
    /// `field` is the input's list it stands in: what is wrong is told of that.
    fn grant(&self, field: &'static str) -> Result<Grant> {
        let missing = |what| Error::invalid(field, Code::Required, format!("Cet accès demande {what}."));
        Ok(match self.kind {
            AudienceKind::Public => Grant::Public,
            AudienceKind::Membres => Grant::Members,
            AudienceKind::Organisation => {
                let id = self.organisation_id.as_ref().ok_or_else(|| missing("organisationId"))?;
                Grant::Organisation(ids::argument(field, id)?)
            }
            AudienceKind::Membre => {
                let id = self.member_id.as_ref().ok_or_else(|| missing("memberId"))?;
                Grant::Member(ids::argument(field, id)?)
            }
            AudienceKind::ChefsDeFile => {
                let id = self.collection_id.as_ref().ok_or_else(|| missing("collectionId"))?;
                Grant::CollectionLeads(ids::argument(field, id)?)
            }
            AudienceKind::RoleAuDessus => {
                let role: services::roles::Role = self.role.ok_or_else(|| missing("role"))?.into();
                let id = self.organisation_id.as_ref().ok_or_else(|| missing("organisationId"))?;
                if !role.needs_organisation() {
                    return Err(Error::invalid(field, Code::Refused, "Ce rôle ne se tient pas dans une organisation."));
                }
                Grant::RoleOver(role, ids::argument(field, id)?)
            }
            AudienceKind::Equipe => {
                return Err(Error::invalid(field, Code::Refused, "L'équipe d'une formation ne se donne pas à la main."));
            }
            AudienceKind::Role => {
                let role: services::roles::Role = self.role.ok_or_else(|| missing("role"))?.into();
                match &self.organisation_id {
                    Some(id) if role.needs_organisation() => Grant::RoleIn(role, ids::argument(field, id)?),
                    None if !role.needs_organisation() => {
                        Grant::CommunityRole(role, ids::optional(field, self.space_id.as_ref())?)
                    }
                    Some(_) => {
                        let sentence = "Ce rôle ne se tient pas dans une organisation.";
                        return Err(Error::invalid(field, Code::Refused, sentence));
                    }
                    None => return Err(missing("organisationId")),
                }
            }
        })
    }
}

/// Those of the input's field of that name.
pub(crate) fn grants(field: &'static str, inputs: &[AudienceGrantInput]) -> Result<Vec<Grant>> {
    inputs.iter().map(|input| input.grant(field)).collect()
}

pub(crate) struct AudienceGrant(pub(crate) Grant);

/// Un accès d'une audience.
#[Object]
impl AudienceGrant {
    /// Sa nature.
    async fn kind(&self) -> AudienceKind {
        match self.0 {
            Grant::Public => AudienceKind::Public,
            Grant::Members => AudienceKind::Membres,
            Grant::Organisation(_) => AudienceKind::Organisation,
            Grant::RoleIn(..) | Grant::CommunityRole(..) => AudienceKind::Role,
            Grant::Member(_) => AudienceKind::Membre,
            Grant::RoleOver(..) => AudienceKind::RoleAuDessus,
            Grant::CollectionLeads(_) => AudienceKind::ChefsDeFile,
            Grant::Team(_) => AudienceKind::Equipe,
        }
    }

    /// L'organisation, s'il en désigne une.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        match self.0 {
            Grant::Organisation(id) | Grant::RoleIn(_, id) | Grant::RoleOver(_, id) => {
                Ok(ctx.request().organisation(id).await?.map(Organisation))
            }
            _ => Ok(None),
        }
    }

    /// Le rôle, s'il en désigne un.
    async fn role(&self) -> Option<Role> {
        match self.0 {
            Grant::RoleIn(role, _) | Grant::RoleOver(role, _) | Grant::CommunityRole(role, _) => Some(role.into()),
            _ => None,
        }
    }

    /// L'espace, s'il en désigne un.
    async fn space(&self, ctx: &Context<'_>) -> Result<Option<Space>> {
        match self.0 {
            Grant::CommunityRole(_, Some(id)) => Ok(ctx.request().loads().load_one(id).await?.map(Space)),
            _ => Ok(None),
        }
    }

    /// Le membre, s'il en désigne un.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        match self.0 {
            Grant::Member(id) => Ok(ctx.request().member(id).await?.map(Member)),
            _ => Ok(None),
        }
    }

    /// La collection, s'il en désigne une.
    async fn collection(&self, ctx: &Context<'_>) -> Result<Option<Collection>> {
        match self.0 {
            Grant::CollectionLeads(id) => Ok(ctx.request().loads().load_one(id).await?.map(Collection)),
            _ => Ok(None),
        }
    }
}
