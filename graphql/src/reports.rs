//! Malfunction reports. What writes them is in `reports/mutations.rs`.

mod mutations;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use services::db::Cx;
use services::id::ReportId;
use services::page::{Key, Page, Paging, TimeKey};
use services::reports::{self as service, ReportFields, ReportFilter};
use services::{Error, Result};

use crate::accounts::{Member, MemberConnection};
use crate::context::{ContextExt, Request};
use crate::forum::Thread;
use crate::ids;
use crate::lists::{self, Asked, Counted, List};
use crate::loaders::rows;
use crate::paging::{connection, paging, size, total};
use crate::scalars::DateTime;

pub(crate) use mutations::ReportsMutation;

/// Où en est un signalement.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::reports::ReportState")]
pub(crate) enum ReportState {
    /// Personne ne l'a encore regardé.
    Nouveau,
    /// Quelqu'un a constaté la même chose.
    Confirme,
    /// La correction est en cours.
    PrisEnCharge,
    /// Corrigé, dans une version nommée ; le fil est résolu.
    Corrige,
    /// Dit la même chose qu'un autre.
    Doublon,
    /// Rien ne sera fait.
    SansSuite,
}

/// L'ordre d'une liste de signalements, le plus récent d'abord.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportOrder {
    /// Par date de signalement.
    Date,
    /// Par dernier changement.
    Changement,
}

impl From<ReportOrder> for service::ReportOrder {
    fn from(order: ReportOrder) -> Self {
        match order {
            ReportOrder::Date => Self::Date,
            ReportOrder::Changement => Self::Change,
        }
    }
}

/// Les signalements qu'une liste retient : ceux qui remplissent toutes les conditions données.
#[derive(InputObject)]
pub(crate) struct ReportFilterInput {
    /// Dans cet état.
    state: Option<ReportState>,
    /// De ce composant, majuscules ou non.
    component: Option<String>,
    /// Dont le fil est lié à cette formation, si vous la voyez.
    training_id: Option<ID>,
    /// De cet espace.
    space_id: Option<ID>,
    /// Vrai : ceux que vous avez faits.
    mine: Option<bool>,
}

/// Ce qu'un signalement dit du dysfonctionnement ; ce qui est absent reste, un texte vide efface.
#[derive(InputObject)]
pub(crate) struct ReportInput {
    /// La partie de la plateforme, 80 caractères au plus.
    component: Option<String>,
    /// Le navigateur et sa version, 120 caractères au plus.
    browser: Option<String>,
    /// Les étapes pour le reproduire, 5 000 caractères au plus.
    steps: Option<String>,
    /// Ce qui était attendu, 5 000 caractères au plus.
    expected: Option<String>,
    /// Ce qui a été observé, 5 000 caractères au plus.
    observed: Option<String>,
}

impl ReportInput {
    pub(crate) fn fields(&self) -> ReportFields {
        ReportFields {
            component: self.component.clone(),
            browser: self.browser.clone(),
            steps: self.steps.clone(),
            expected: self.expected.clone(),
            observed: self.observed.clone(),
        }
    }
}

pub(crate) struct Report(pub(crate) Arc<service::Report>);

connection! { "Des signalements." ReportConnection, ReportEdge, Report }

/// Un signalement de dysfonctionnement, à côté de son fil.
#[Object]
impl Report {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Le fil où l'on en parle.
    async fn thread(&self, ctx: &Context<'_>) -> Result<Thread> {
        ctx.request().thread(self.0.thread()).await?.map(Thread).ok_or(Error::NotFound)
    }

    /// Où il en est.
    async fn state(&self) -> ReportState {
        self.0.state.into()
    }

    /// La partie de la plateforme.
    async fn component(&self) -> Option<&str> {
        self.0.component.as_deref()
    }

    /// Le navigateur et sa version.
    async fn browser(&self) -> Option<&str> {
        self.0.browser.as_deref()
    }

    /// Les étapes pour le reproduire, en texte simple.
    async fn steps(&self) -> Option<&str> {
        self.0.steps.as_deref()
    }

    /// Ce qui était attendu, en texte simple.
    async fn expected(&self) -> Option<&str> {
        self.0.expected.as_deref()
    }

    /// Ce qui a été observé, en texte simple.
    async fn observed(&self) -> Option<&str> {
        self.0.observed.as_deref()
    }

    /// La version où il est corrigé.
    async fn fixed_in(&self) -> Option<&str> {
        self.0.fixed_in.as_deref()
    }

    /// Quand il a été corrigé.
    async fn fixed_at(&self) -> Option<DateTime> {
        self.0.fixed_at.map(Into::into)
    }

    /// Du signalement à la correction, en secondes.
    async fn fixed_seconds(&self) -> Option<i64> {
        self.0.fixed_seconds
    }

    /// Le signalement dont c'est un doublon, jamais un doublon lui-même ; null sinon, ou si vous ne le voyez pas.
    async fn duplicate_of(&self, ctx: &Context<'_>) -> Result<Option<Report>> {
        match self.0.duplicate_of_id {
            Some(id) => ctx.request().report(id).await,
            None => Ok(None),
        }
    }

    /// Ses doublons que vous voyez, le premier signalé d'abord.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn duplicates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ReportConnection> {
        let of = DuplicatesOf(self.0.id);
        let page = lists::page(ctx, &of, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        let total = lists::total(ctx, &of).await?;
        Ok(ReportConnection::new(page, |report| of.key(report).encode(), Report, total))
    }

    /// Qui l'a signalé, lui ou un de ses doublons que vous voyez : chacun une fois, le premier d'abord.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn reporters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<MemberConnection> {
        let of = ReportersOf(self.0.id);
        let page = lists::page(ctx, &of, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        let total = lists::total(ctx, &of).await?;
        let member = |one: Arc<service::Reporter>| Member(Arc::new(one.member.clone()));
        Ok(MemberConnection::new(page, |one| of.key(one).encode(), member, total))
    }

    /// Ce qui lui est arrivé, notes comprises, du plus ancien au plus récent.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ReportChangeConnection> {
        let of = ChangesOf(self.0.id);
        let page = lists::page(ctx, &of, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        let total = lists::total(ctx, &of).await?;
        Ok(ReportChangeConnection::new(page, |change| of.key(change).encode(), ReportChange, total))
    }

    /// Les états qui peuvent suivre le sien.
    async fn possible_transitions(&self) -> Vec<ReportState> {
        service::possible_transitions(self.0.state).iter().map(|state| (*state).into()).collect()
    }

    /// Version, à rendre avec une modification pour n'écraser celle de personne.
    async fn revision(&self) -> i64 {
        self.0.revision
    }

    /// Quand il a été fait.
    async fn reported_at(&self) -> DateTime {
        self.0.reported_at.into()
    }

    /// Dernier changement.
    async fn changed_at(&self) -> DateTime {
        self.0.changed_at.into()
    }

    /// Vous pouvez le compléter et y ajouter une note.
    async fn viewer_may_update(&self, ctx: &Context<'_>) -> Result<bool> {
        let thread = ctx.request().thread(self.0.thread()).await?;
        Ok(thread.is_some_and(|thread| service::may_detail(&ctx.request().caller(), &thread)))
    }

    /// Vous pouvez changer son état.
    async fn viewer_may_handle(&self, ctx: &Context<'_>) -> Result<bool> {
        let thread = ctx.request().thread(self.0.thread()).await?;
        Ok(thread.is_some_and(|thread| service::may_handle(&ctx.request().caller(), &thread)))
    }
}

pub(crate) struct ReportChange(Arc<service::ReportChange>);

connection! { "Ce qui est arrivé à un signalement." ReportChangeConnection, ReportChangeEdge, ReportChange }

/// Un changement d'état d'un signalement, ou une note seule : l'état est alors le même avant et après.
#[Object]
impl ReportChange {
    /// L'état d'avant.
    async fn from(&self) -> ReportState {
        self.0.from_state.into()
    }

    /// L'état d'après.
    async fn to(&self) -> ReportState {
        self.0.to_state.into()
    }

    /// La note, en texte simple.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// La version où c'est corrigé.
    async fn fixed_in(&self) -> Option<&str> {
        self.0.fixed_in.as_deref()
    }

    /// Le signalement dont c'est devenu un doublon ; null sinon, ou si vous ne le voyez pas.
    async fn duplicate_of(&self, ctx: &Context<'_>) -> Result<Option<Report>> {
        match self.0.duplicate_of_id {
            Some(id) => ctx.request().report(id).await,
            None => Ok(None),
        }
    }

    /// Quand.
    async fn at(&self) -> DateTime {
        self.0.changed_at.into()
    }

    /// Qui.
    async fn by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(ctx.request().member(self.0.changed_by).await?.map(Member))
    }
}

/// Les signalements d'un état.
#[derive(SimpleObject)]
pub(crate) struct ReportStateCount {
    /// L'état.
    state: ReportState,
    /// Combien ils sont.
    count: i64,
}

/// Ce que disent les signalements d'une période, parmi ceux que vous voyez.
#[derive(SimpleObject)]
pub(crate) struct ReportStatistics {
    /// Combien ils sont.
    count: i64,
    /// Combien ils sont dans chaque état, tous les états compris.
    by_state: Vec<ReportStateCount>,
    /// Durée médiane du signalement à la correction, en secondes ; null si rien n'est corrigé.
    median_seconds: Option<i64>,
    /// Durée sous laquelle neuf corrections sur dix sont faites, en secondes ; null si rien n'est corrigé.
    ninetieth_seconds: Option<i64>,
}

impl Request {
    /// A report, when this caller sees it.
    pub(crate) async fn report(&self, id: ReportId) -> Result<Option<Report>> {
        Ok(self.loads().load_one(id).await?.map(Report))
    }
}

rows! {
    ReportId => service::Report, |cx, ids, asked| service::reports_by_id(cx, &asked.caller, ids);
}

/// Who reported a report or a duplicate of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ReportersOf(ReportId);

impl List for ReportersOf {
    type Item = service::Reporter;
    type Key = TimeKey;

    fn key(&self, one: &service::Reporter) -> TimeKey {
        (one.reported_at, one.member.id.0)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<Self::Item>>> {
        let ids: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(service::reporters_of(cx, &asked.caller, &ids, paging).await?, ReportersOf))
    }
}

impl Counted for ReportersOf {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let ids: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(service::count_reporters(cx, &asked.caller, &ids).await?, ReportersOf))
    }
}

/// The duplicates of a report.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct DuplicatesOf(ReportId);

impl List for DuplicatesOf {
    type Item = service::Report;
    type Key = TimeKey;

    fn key(&self, report: &service::Report) -> TimeKey {
        (report.reported_at, report.id.0)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<service::Report>>> {
        let ids: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(service::duplicates_of(cx, &asked.caller, &ids, paging).await?, DuplicatesOf))
    }
}

impl Counted for DuplicatesOf {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let ids: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(service::count_duplicates(cx, &asked.caller, &ids).await?, DuplicatesOf))
    }
}

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ChangesOf(ReportId);

impl List for ChangesOf {
    type Item = service::ReportChange;
    type Key = TimeKey;

    fn key(&self, change: &service::ReportChange) -> TimeKey {
        (change.changed_at, change.id.0)
    }

    async fn pages(cx: &mut Cx, _: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<Self::Item>>> {
        let ids: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(service::changes_of(cx, &ids, paging).await?, ChangesOf))
    }
}

impl Counted for ChangesOf {
    async fn counts(cx: &mut Cx, _: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let ids: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(service::count_changes(cx, &ids).await?, ChangesOf))
    }
}

#[derive(Default)]
pub(crate) struct ReportsQuery;

#[Object]
impl ReportsQuery {
    /// Les signalements que vous voyez.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement ceux qui remplissent ces conditions.")] filter: Option<ReportFilterInput>,
        #[graphql(desc = "L'ordre.", default_with = "ReportOrder::Date")] order_by: ReportOrder,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ReportConnection> {
        let (request, filter, order) = (ctx.request(), wanted(ctx, filter)?, order_by.into());
        let caller = request.caller();
        let paging = paging(first, after, last, before);
        let page = service::reports(&mut *request.cx().await?, &caller, &filter, order, &paging).await?;
        let total = total(ctx, async { service::count_reports(&mut *request.cx().await?, &caller, &filter).await }).await?;
        let cursor = |report: &service::Report| match order {
            service::ReportOrder::Date => (report.reported_at, report.id.0).encode(),
            service::ReportOrder::Change => (report.changed_at, report.id.0).encode(),
        };
        Ok(ReportConnection::new(page, cursor, |report| Report(Arc::new(report)), total))
    }

    /// Un signalement ; null s'il n'existe pas ou si vous ne voyez pas son fil.
    async fn report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'un signalement.")] id: ID,
    ) -> Result<Option<Report>> {
        ctx.request().report(ids::argument("id", &id)?).await
    }

    /// Combien de signalements dans chaque état, et en combien de temps ils sont corrigés, parmi ceux que vous voyez.
    #[graphql(complexity = "10 + child_complexity")]
    async fn report_statistics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Signalés à partir de cet instant.")] from: Option<DateTime>,
        #[graphql(desc = "Signalés avant cet instant.")] to: Option<DateTime>,
        #[graphql(desc = "Seulement ce composant, majuscules ou non.")] component: Option<String>,
        #[graphql(desc = "Seulement ceux dont le fil est lié à cette formation, si vous la voyez.")] training_id: Option<ID>,
    ) -> Result<ReportStatistics> {
        use services::reports::ReportState as State;
        let request = ctx.request();
        let filter = ReportFilter {
            component: component.map(plain),
            training: ids::optional("trainingId", training_id.as_ref())?,
            from: from.map(|from| from.0),
            to: to.map(|to| to.0),
            ..ReportFilter::default()
        };
        let counts = service::report_statistics(&mut *request.cx().await?, &request.caller(), &filter).await?;
        let of = |state: State| counts.iter().find(|count| count.state == state);
        let states = [State::Nouveau, State::Confirme, State::PrisEnCharge, State::Corrige, State::Doublon, State::SansSuite];
        let fixed = of(State::Corrige);
        Ok(ReportStatistics {
            count: counts.iter().map(|count| count.many).sum(),
            by_state: states
                .map(|state| ReportStateCount { state: state.into(), count: of(state).map_or(0, |count| count.many) })
                .into(),
            median_seconds: fixed.and_then(|fixed| fixed.median),
            ninetieth_seconds: fixed.and_then(|fixed| fixed.ninetieth),
        })
    }
}

/// PostgreSQL has no text with a null character: nothing is called so.
fn plain(text: String) -> String {
    text.replace('\0', "\u{fffd}").trim().to_owned()
}

fn wanted(ctx: &Context<'_>, filter: Option<ReportFilterInput>) -> Result<ReportFilter> {
    let Some(filter) = filter else { return Ok(ReportFilter::default()) };
    Ok(ReportFilter {
        state: filter.state.map(Into::into),
        component: filter.component.map(plain),
        training: ids::optional("trainingId", filter.training_id.as_ref())?,
        space: ids::optional("spaceId", filter.space_id.as_ref())?,
        author: match filter.mine {
            Some(true) => Some(ctx.request().caller().signed_in()?),
            Some(false) | None => None,
        },
        ..ReportFilter::default()
    })
}
