//! Imports of trainings from a file, followed to their end.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::catalogue::{self, Fault, Tally};
use services::db::Cx;
use services::id::TrainingImportId;
use services::page::{Key, Page, Paging};
use services::{Error, Result};

use crate::context::{ContextExt, Request};
use crate::ids;
use crate::lists::{self, Asked, List};
use crate::loaders::rows;
use crate::paging::{connection, paging, size};
use crate::payload::payload;
use crate::scalars::DateTime;

rows! {
    TrainingImportId => catalogue::TrainingImport, |cx, ids, asked| catalogue::imports_by_id(cx, &asked.caller, ids);
}

/// The faults of an import.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FaultsOf(TrainingImportId);

impl List for FaultsOf {
    type Item = (i64, Fault);
    type Key = i64;

    fn key(&self, fault: &(i64, Fault)) -> i64 {
        fault.0
    }

    async fn pages(cx: &mut Cx, _asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<(i64, Fault)>>> {
        let imports: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(catalogue::import_faults(cx, &imports, paging).await?, FaultsOf))
    }
}

/// Où en est un import.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::catalogue::ImportState")]
pub(crate) enum TrainingImportState {
    /// Pas encore commencé.
    EnAttente,
    /// Tout le fichier est vérifié, rien n'est écrit.
    Verification,
    /// Les lignes sont écrites.
    Ecriture,
    /// Fini ; pour un essai, vérifié sans faute.
    Terminee,
    /// Le fichier a des fautes : rien n'est écrit.
    Refusee,
    /// Abandonné en cours de route ; la dernière faute dit pourquoi.
    Interrompue,
}

pub(crate) struct TrainingImportFault(Arc<(i64, Fault)>);

/// Ce qui ne va pas dans une ligne d'un fichier importé.
#[Object]
impl TrainingImportFault {
    /// La ligne du fichier où elle commence, à partir de 1, celle de l'en-tête.
    async fn line(&self) -> i64 {
        self.0.1.line
    }

    /// La colonne, par son code ; null pour toute la ligne.
    async fn field(&self) -> Option<&str> {
        self.0.1.column.map(catalogue::Column::code)
    }

    /// Une phrase à montrer à la personne.
    async fn message(&self) -> &str {
        &self.0.1.message
    }
}

connection! { "Des fautes d'un import." TrainingImportFaultConnection, TrainingImportFaultEdge, TrainingImportFault }

pub(crate) struct TrainingImport(pub(crate) Arc<catalogue::TrainingImport>);

/// Un import de formations. Les nombres sont ceux de la vérification, puis, dès qu'elle est finie, ceux de l'écriture. Gardé 30
/// jours après sa fin.
#[Object]
impl TrainingImport {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Nom du fichier.
    async fn file_name(&self) -> &str {
        &self.0.file_name
    }

    /// C'est un essai : rien n'est écrit.
    async fn dry_run(&self) -> bool {
        self.0.dry_run
    }

    /// Où il en est.
    async fn state(&self) -> TrainingImportState {
        self.0.state.into()
    }

    /// Lignes lues, sans l'en-tête.
    async fn lines_read(&self) -> i64 {
        self.0.lines
    }

    /// Formations créées, ou à créer.
    async fn lines_made(&self) -> i64 {
        self.0.made
    }

    /// Formations modifiées, ou à modifier.
    async fn lines_changed(&self) -> i64 {
        self.0.changed
    }

    /// Lignes qui ne changent rien.
    async fn lines_unchanged(&self) -> i64 {
        self.0.unchanged
    }

    /// Lignes refusées.
    async fn lines_refused(&self) -> i64 {
        self.0.refused
    }

    /// Toutes les fautes trouvées.
    async fn fault_count(&self) -> i64 {
        self.0.fault_count
    }

    /// Les mille premières fautes, par ligne.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn faults(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premières, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n dernières.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<TrainingImportFaultConnection> {
        let of = FaultsOf(self.0.id);
        let page = lists::page(ctx, &of, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        let kept = self.0.fault_count.min(Tally::KEPT);
        Ok(TrainingImportFaultConnection::new(page, |fault| of.key(fault).encode(), TrainingImportFault, Some(kept)))
    }

    /// Quand il a été demandé.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Quand il s'est fini ; null tant qu'il dure.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(Into::into)
    }
}

/// Un fichier de formations à importer.
#[derive(InputObject)]
pub(crate) struct ImportTrainingsInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fichier, un CSV que vous avez envoyé et qui ne sert à rien d'autre.
    file_id: ID,
    /// Vérifier seulement.
    #[graphql(default)]
    dry_run: bool,
}

payload! { "L'import demandé." ImportTrainingsPayload { "L'import, à suivre par node." training_import: TrainingImport } }

impl Request {
    /// An import of the caller's own.
    pub(crate) async fn training_import(&self, id: TrainingImportId) -> Result<Option<TrainingImport>> {
        Ok(self.loads().load_one(id).await?.map(TrainingImport))
    }
}

#[derive(Default)]
pub(crate) struct TrainingImportsMutation;

#[Object]
impl TrainingImportsMutation {
    /// Importe les formations d'un fichier CSV : tout le fichier est vérifié, puis écrit s'il n'a aucune faute. Réservé à ceux qui
    /// gèrent les formations d'une organisation, chaque ligne selon la sienne ; un import à la fois. Une date
    /// prévue annonce la formation, comme avec planTraining.
    async fn import_trainings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: ImportTrainingsInput,
    ) -> Result<Option<ImportTrainingsPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let file = ids::argument("fileId", &input.file_id)?;
                catalogue::import_trainings(&request.app, &caller?, file, input.dry_run).await
            })
            .await?;
        let import = match attempt.done {
            Some(id) => request.training_import(id).await?,
            None => None,
        };
        Ok(Some(ImportTrainingsPayload::new(input.client_mutation_id, attempt.problems, import)))
    }
}
