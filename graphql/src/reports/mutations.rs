//! What writes malfunction reports.

use async_graphql::{Context, ID, InputObject, Object};
use services::Result;
use services::id::ReportId;
use services::reports::{self as service, Transition};

use super::{Report, ReportInput, ReportState};
use crate::context::{ContextExt, Request};
use crate::ids;
use crate::payload::payload;

/// Un signalement à compléter.
#[derive(InputObject)]
pub(crate) struct UpdateReportInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le signalement.
    report_id: ID,
    /// Ce qui change.
    fields: ReportInput,
    /// La version que vous avez lue : si le signalement a changé depuis, rien n'est fait.
    revision: Option<i64>,
}

payload! { "Le signalement complété." UpdateReportPayload { "Le signalement." report: Report } }

/// Une note à ajouter à un signalement.
#[derive(InputObject)]
pub(crate) struct NoteReportInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le signalement.
    report_id: ID,
    /// La note, 1 000 caractères au plus ; qui voit le fil la lit.
    note: String,
}

payload! { "Le signalement noté." NoteReportPayload { "Le signalement." report: Report } }

/// Un signalement à mener à un autre état.
#[derive(InputObject)]
pub(crate) struct TransitionReportInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le signalement.
    report_id: ID,
    /// Le nouvel état.
    state: ReportState,
    /// Pour CORRIGE : la version où il l'est, 40 caractères au plus.
    release: Option<String>,
    /// Pour DOUBLON : le signalement dont c'en est un ; s'il est un doublon lui-même, ce sera de son original.
    duplicate_of_id: Option<ID>,
    /// Une note, 1 000 caractères au plus ; qui voit le fil la lit.
    note: Option<String>,
    /// La version que vous avez lue : si le signalement a changé depuis, rien n'est fait.
    revision: Option<i64>,
}

payload! { "Le signalement dans son nouvel état." TransitionReportPayload { "Le signalement." report: Report } }

#[derive(Default)]
pub(crate) struct ReportsMutation;

#[Object]
impl ReportsMutation {
    /// Complète un signalement ; son auteur, tant que le fil est ouvert, et les modérateurs de l'espace.
    async fn update_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateReportInput,
    ) -> Result<Option<UpdateReportPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("reportId", &input.report_id)?;
                service::update_report(&request.app, &caller?, id, input.fields.fields(), input.revision).await
            })
            .await?;
        let report = report(request, attempt.done).await?;
        Ok(Some(UpdateReportPayload::new(input.client_mutation_id, attempt.problems, report)))
    }

    /// Ajoute une note à un signalement ; son auteur, tant que le fil est ouvert, et les modérateurs de l'espace.
    async fn note_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: NoteReportInput,
    ) -> Result<Option<NoteReportPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("reportId", &input.report_id)?;
                service::note_report(&request.app, &caller?, id, &input.note).await
            })
            .await?;
        let report = report(request, attempt.done).await?;
        Ok(Some(NoteReportPayload::new(input.client_mutation_id, attempt.problems, report)))
    }

    /// Change l'état d'un signalement ; réservé aux modérateurs de l'espace. Un signalement corrigé résout son fil ; qui suit un doublon
    /// suit désormais aussi l'original, à moins d'en avoir décidé autrement.
    async fn transition_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: TransitionReportInput,
    ) -> Result<Option<TransitionReportPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("reportId", &input.report_id)?;
                let asked = Transition {
                    to: input.state.into(),
                    release: input.release.clone(),
                    duplicate_of: ids::optional("duplicateOfId", input.duplicate_of_id.as_ref())?,
                    note: input.note.clone(),
                };
                service::transition_report(&request.app, &caller?, id, asked, input.revision).await
            })
            .await?;
        let report = report(request, attempt.done).await?;
        Ok(Some(TransitionReportPayload::new(input.client_mutation_id, attempt.problems, report)))
    }
}

async fn report(request: &Request, id: Option<ReportId>) -> Result<Option<Report>> {
    match id {
        Some(id) => request.report(id).await,
        None => Ok(None),
    }
}
