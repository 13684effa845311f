//! What hangs on a training.

use std::sync::Arc;

use async_graphql::{Context, Enum, Object, SimpleObject};
use services::{Result, catalogue};

use super::trainings::TrainingState;
use crate::accounts::Member;
use crate::context::ContextExt;
use crate::scalars::DateTime;

/// Un long texte d'une formation.
#[derive(SimpleObject)]
pub(crate) struct TrainingText {
    /// Tel qu'il est écrit, en Markdown.
    pub(super) markdown: String,
    /// En HTML sûr.
    pub(super) html: String,
}

pub(crate) struct TrainingDesigner(pub(super) catalogue::Designer);

/// Un concepteur d'une formation : un membre, ou une personne ou un prestataire sans compte.
#[Object]
impl TrainingDesigner {
    /// Le membre ; null pour qui n'a pas de compte.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.member_id).await
    }

    /// Nom de qui n'a pas de compte ; null pour un membre.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }
}

/// Les trois formes d'adresses de Mentor.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::MentorShape")]
pub(crate) enum MentorShape {
    /// https://mentor.gouv.fr/local/catalog/pages/training.php?trainingid=588
    Fiche,
    /// https://mentor.gouv.fr/catalog/52
    Catalogue,
    /// https://mentor.gouv.fr/course/view.php?id=41, un cours quelconque de la plateforme.
    Cours,
}

/// Une adresse de Mentor : une forme et un numéro, propre à cette forme.
#[derive(SimpleObject)]
pub(crate) struct MentorAddress {
    /// Sa forme.
    pub(super) shape: MentorShape,
    /// Son numéro dans cette forme.
    pub(super) number: i64,
    /// L'adresse entière.
    pub(super) url: String,
}

/// Un module d'une formation.
#[derive(SimpleObject)]
pub(crate) struct TrainingModule {
    /// Son titre.
    pub(super) title: String,
    /// Les compétences qu'il vise.
    pub(super) competences: Vec<String>,
}

pub(crate) struct TrainingFraming(pub(super) Arc<catalogue::Training>);

/// Le cadrage validé d'une formation.
#[Object]
impl TrainingFraming {
    /// Quand il a été validé.
    async fn at(&self) -> Option<DateTime> {
        self.0.framed_at.map(Into::into)
    }

    /// Le chef de file qui l'a validé.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.framed_by).await
    }

    /// Ce qu'il en a noté.
    async fn note(&self) -> Option<&str> {
        self.0.framing_note.as_deref()
    }
}

pub(crate) struct TrainingStateChange(pub(super) catalogue::StateChange);

/// Un changement d'état d'une formation.
#[Object]
impl TrainingStateChange {
    /// L'état d'avant ; null à la création.
    async fn from(&self) -> Option<TrainingState> {
        self.0.from_state.map(Into::into)
    }

    /// L'état d'après.
    async fn to(&self) -> TrainingState {
        self.0.to_state.into()
    }

    /// Quand il a changé.
    async fn at(&self) -> DateTime {
        self.0.changed_at.into()
    }

    /// Qui l'a changé.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.changed_by).await
    }
}
