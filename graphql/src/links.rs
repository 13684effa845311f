//! Threads linked both ways with trainings and documents: what a thread says of them, they of their threads.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, Enum, ID, InputObject, Object};
use services::db::Cx;
use services::error::Code;
use services::forum;
use services::id::{AnyId, DocumentId, ThreadId, TrainingId};
use services::links::{self as service, End, Origin, Target};
use services::page::{Key, Page, Paging, TimeKey};
use services::{Error, Result};

use crate::accounts::Member;
use crate::catalogue::{Training, TrainingState};
use crate::context::ContextExt;
use crate::forum::{Thread, ThreadConnection};
use crate::ids;
use crate::library::Document;
use crate::lists::{self, Asked, Counted, List};
use crate::loaders::{Store, grouped, rows_of};
use crate::paging::connection;
use crate::payload::payload;
use crate::scalars::{Date, DateTime};

/// Comment un fil a été lié à une formation ou à un document.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkOrigin {
    /// Quelqu'un l'a choisi.
    Choix,
    /// Un message contient une adresse de la formation sur Mentor, ou l'adresse du document.
    Adresse,
}

impl From<Origin> for LinkOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Choix => Self::Choix,
            Origin::Adresse => Self::Adresse,
        }
    }
}

/// Comment un lien a pris fin.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkEnd {
    /// Quelqu'un l'a retiré ; une adresse dans un message ne le rétablit pas.
    Retrait,
    /// Plus aucun message ne contient d'adresse de la formation ou du document.
    Disparition,
    /// La formation a été fondue dans une autre, liée depuis.
    Fusion,
}

impl From<End> for LinkEnd {
    fn from(end: End) -> Self {
        match end {
            End::Retrait => Self::Retrait,
            End::Disparition => Self::Disparition,
            End::Fusion => Self::Fusion,
        }
    }
}

pub(crate) struct ThreadLink(service::ThreadLink);

/// Un lien entre un fil et une formation ou un document, d'un moment à un autre.
#[Object]
impl ThreadLink {
    /// La formation ; null si c'est un document.
    async fn training(&self, ctx: &Context<'_>) -> Result<Option<Training>> {
        training(ctx, self.0.training_id).await
    }

    /// Le document ; null si c'est une formation.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<Document>> {
        document(ctx, self.0.document_id).await
    }

    /// Comment il est venu.
    async fn origin(&self) -> LinkOrigin {
        self.0.origin.into()
    }

    /// Depuis quand.
    async fn linked_at(&self) -> DateTime {
        self.0.linked_at.into()
    }

    /// Qui l'a choisi, ou a écrit l'adresse ou la déclaration qui l'a fait naître.
    async fn linked_by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.linked_by).await
    }

    /// Jusqu'à quand ; null s'il tient toujours.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(Into::into)
    }

    /// Qui l'a retiré, ou a fondu la formation.
    async fn ended_by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.ended_by).await
    }

    /// Comment il a pris fin ; null s'il tient toujours.
    async fn end(&self) -> Option<LinkEnd> {
        self.0.ended_how.map(Into::into)
    }
}

pub(crate) struct SystemEvent(Arc<service::SystemEvent>);

connection! { "Ce qui est arrivé aux formations et aux documents d'un fil, du plus ancien au plus récent." SystemEventConnection, SystemEventEdge, SystemEvent }

/// Ce qui est arrivé à une formation ou à un document pendant que le fil lui était lié : son état ou sa date prévue a changé, il a
/// une nouvelle version. À placer parmi les messages par sa date.
#[Object]
impl SystemEvent {
    /// La formation ; null si c'est un document.
    async fn training(&self, ctx: &Context<'_>) -> Result<Option<Training>> {
        training(ctx, self.0.training_id).await
    }

    /// Le document ; null si c'est une formation.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<Document>> {
        document(ctx, self.0.document_id).await
    }

    /// Quand.
    async fn at(&self) -> DateTime {
        self.0.changed_at.into()
    }

    /// Ce qui a changé.
    async fn kind(&self) -> SystemEventKind {
        match self.0.kind {
            service::SystemEventKind::Etat => SystemEventKind::Etat,
            service::SystemEventKind::Date => SystemEventKind::DatePrevue,
            service::SystemEventKind::Version => SystemEventKind::NouvelleVersion,
        }
    }

    /// L'état d'avant, quand l'état a changé.
    async fn from_state(&self) -> Option<TrainingState> {
        self.state(self.0.from_value.as_deref())
    }

    /// L'état d'après, quand l'état a changé.
    async fn to_state(&self) -> Option<TrainingState> {
        self.state(self.0.to_value.as_deref())
    }

    /// Le jour prévu avant, quand la date a changé ; null s'il n'y en avait pas.
    async fn from_date(&self) -> Option<Date> {
        self.date(self.0.from_value.as_deref())
    }

    /// Le jour prévu après, quand la date a changé ; null s'il n'y en a plus.
    async fn to_date(&self) -> Option<Date> {
        self.date(self.0.to_value.as_deref())
    }

    /// Le numéro de la nouvelle version du document ; null pour une formation.
    async fn version(&self) -> Option<i64> {
        let is_version = self.0.kind == service::SystemEventKind::Version;
        self.0.to_value.as_deref().filter(|_| is_version).and_then(|number| number.parse().ok())
    }
}

/// Ce qui a changé d'une formation ou d'un document.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SystemEventKind {
    /// L'état de la formation.
    Etat,
    /// Le jour prévu pour la publication de la formation.
    DatePrevue,
    /// Le document a une nouvelle version.
    NouvelleVersion,
}

impl SystemEvent {
    fn state(&self, value: Option<&str>) -> Option<TrainingState> {
        let of_state = self.0.kind == service::SystemEventKind::Etat;
        value.filter(|_| of_state).and_then(services::catalogue::TrainingState::from_code).map(Into::into)
    }

    fn date(&self, value: Option<&str>) -> Option<Date> {
        value.filter(|_| self.0.kind == service::SystemEventKind::Date).and_then(Date::read)
    }
}

/// Les fils liés à une formation ou à un document, par nature.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkedThreadKind {
    /// Tous.
    Tous,
    /// Les questions qui attendent une réponse acceptée.
    QuestionsOuvertes,
    /// Les questions résolues.
    QuestionsResolues,
    /// Les bonnes pratiques.
    BonnesPratiques,
    /// Les signalements.
    Signalements,
}

impl From<LinkedThreadKind> for service::ThreadsOf {
    fn from(kind: LinkedThreadKind) -> Self {
        match kind {
            LinkedThreadKind::Tous => Self::All,
            LinkedThreadKind::QuestionsOuvertes => Self::OpenQuestions,
            LinkedThreadKind::QuestionsResolues => Self::SolvedQuestions,
            LinkedThreadKind::BonnesPratiques => Self::GoodPractices,
            LinkedThreadKind::Signalements => Self::Reports,
        }
    }
}

impl From<service::ThreadsOf> for LinkedThreadKind {
    fn from(kind: service::ThreadsOf) -> Self {
        match kind {
            service::ThreadsOf::All => Self::Tous,
            service::ThreadsOf::OpenQuestions => Self::QuestionsOuvertes,
            service::ThreadsOf::SolvedQuestions => Self::QuestionsResolues,
            service::ThreadsOf::GoodPractices => Self::BonnesPratiques,
            service::ThreadsOf::Reports => Self::Signalements,
        }
    }
}

/// Les fils d'une nature liés à une formation ou à un document, parmi ceux que vous voyez.
#[derive(async_graphql::SimpleObject)]
pub(crate) struct LinkedThreadCount {
    /// La nature.
    kind: LinkedThreadKind,
    /// Combien ils sont.
    count: i64,
    /// Date du dernier message arrivé dans l'un d'eux ; null s'il n'y en a pas.
    last_activity_at: Option<DateTime>,
}

rows_of! {
    "What a thread is linked to, in the order of the links, as far as the caller sees it." TrainingsOf(ThreadId) => TrainingId,
        |cx, ids, asked| service::trainings_of(cx, &asked.caller, ids);
    "The documents, in the same way." DocumentsOf(ThreadId) => DocumentId,
        |cx, ids, asked| service::documents_of(cx, &asked.caller, ids);
    "The links of a thread, those that ended too." LinksOf(ThreadId) => service::ThreadLink,
        |cx, ids, asked| service::links_of(cx, &asked.caller, ids);
}

/// How many threads a target is linked to, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct CountsOf(Target);

impl Loader<CountsOf> for Store {
    type Value = service::LinkedThreads;
    type Error = Error;
    async fn load(&self, keys: &[CountsOf]) -> Result<HashMap<CountsOf, Self::Value>> {
        let request = self.0.request()?;
        let targets: Vec<_> = keys.iter().map(|key| key.0).collect();
        let found = service::threads_counted(&mut *request.cx().await?, &request.caller(), &targets).await?;
        Ok(lists::by(found, CountsOf))
    }
}

/// The threads linked to a target.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ThreadsOf(Target, service::ThreadsOf);

impl List for ThreadsOf {
    type Item = forum::Thread;
    type Key = TimeKey;

    fn key(&self, thread: &forum::Thread) -> TimeKey {
        (thread.last_activity_at, thread.id.0)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<forum::Thread>>> {
        let mut found = HashMap::new();
        for (kind, targets) in grouped(of, |of| of.1, |of| of.0) {
            let pages = service::threads_of(cx, &asked.caller, &targets, kind, paging).await?;
            found.extend(lists::by(pages, |target| Self(target, kind)));
        }
        Ok(found)
    }
}

/// What happened to what a thread is linked to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct EventsOf(ThreadId);

impl List for EventsOf {
    type Item = service::SystemEvent;
    type Key = TimeKey;

    fn key(&self, event: &service::SystemEvent) -> TimeKey {
        (event.changed_at, event.id)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<Self::Item>>> {
        let threads: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(service::system_events(cx, &asked.caller, &threads, paging).await?, EventsOf))
    }
}

impl Counted for EventsOf {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let threads: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(service::count_system_events(cx, &asked.caller, &threads).await?, EventsOf))
    }
}

async fn training(ctx: &Context<'_>, id: Option<TrainingId>) -> Result<Option<Training>> {
    match id {
        Some(id) => Ok(ctx.request().training(id).await?.map(Training)),
        None => Ok(None),
    }
}

async fn document(ctx: &Context<'_>, id: Option<DocumentId>) -> Result<Option<Document>> {
    match id {
        Some(id) => ctx.request().document(id).await,
        None => Ok(None),
    }
}

/// The trainings of a thread.
pub(crate) async fn trainings(ctx: &Context<'_>, thread: ThreadId) -> Result<Vec<Training>> {
    let loads = ctx.request().loads();
    let ids = loads.load_one(TrainingsOf(thread)).await?.unwrap_or_default();
    let found = loads.load_many(ids.iter().copied()).await?;
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).map(Training).collect())
}

/// The documents of a thread.
pub(crate) async fn documents(ctx: &Context<'_>, thread: ThreadId) -> Result<Vec<Document>> {
    let loads = ctx.request().loads();
    let ids = loads.load_one(DocumentsOf(thread)).await?.unwrap_or_default();
    let found = loads.load_many(ids.iter().copied()).await?;
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).map(Document).collect())
}

/// The links of a thread, those that ended too.
pub(crate) async fn links(ctx: &Context<'_>, thread: ThreadId) -> Result<Vec<ThreadLink>> {
    let links = ctx.request().loads().load_one(LinksOf(thread)).await?.unwrap_or_default();
    Ok(links.iter().cloned().map(ThreadLink).collect())
}

/// What happened to what a thread is linked to.
pub(crate) async fn events(ctx: &Context<'_>, thread: ThreadId, paging: Paging) -> Result<SystemEventConnection> {
    let of = EventsOf(thread);
    let page = lists::page(ctx, &of, &paging).await?.ok_or(Error::NotFound)?;
    let total = lists::total(ctx, &of).await?;
    Ok(SystemEventConnection::new(page, |event| of.key(event).encode(), SystemEvent, total))
}

/// The threads of a target.
pub(crate) async fn threads(
    ctx: &Context<'_>,
    target: Target,
    kind: LinkedThreadKind,
    paging: Paging,
) -> Result<ThreadConnection> {
    let of = ThreadsOf(target, kind.into());
    let page = lists::page(ctx, &of, &paging).await?.ok_or(Error::NotFound)?;
    let counted = async {
        let counts = ctx.request().loads().load_one(CountsOf(target)).await?;
        Ok(counts.map_or(0, |counts| counts.of(of.1).0))
    };
    let total = crate::paging::total(ctx, counted).await?;
    Ok(ThreadConnection::new(page, |thread| of.key(thread).encode(), Thread, total))
}

/// How many there are of each kind, and the last word.
pub(crate) async fn counts(ctx: &Context<'_>, target: Target) -> Result<Vec<LinkedThreadCount>> {
    let counts = ctx.request().loads().load_one(CountsOf(target)).await?;
    let count = |kind: service::ThreadsOf| {
        let (count, last) = counts.as_ref().map_or((0, None), |counts| counts.of(kind));
        LinkedThreadCount { kind: kind.into(), count, last_activity_at: last.map(Into::into) }
    };
    Ok(service::ThreadsOf::EACH.map(count).into())
}

/// Un fil à lier à une formation ou à un document.
#[derive(InputObject)]
pub(crate) struct LinkThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
    /// La formation ou le document ; pour une formation fondue dans une autre, c'est cette autre.
    target_id: ID,
}

payload! { "Le fil lié." LinkThreadPayload { "Le fil." thread: Thread } }

/// Un fil à séparer d'une formation ou d'un document.
#[derive(InputObject)]
pub(crate) struct UnlinkThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
    /// La formation ou le document ; pour une formation fondue dans une autre, c'est cette autre.
    target_id: ID,
}

payload! { "Le fil séparé." UnlinkThreadPayload { "Le fil." thread: Thread } }

fn target(id: &ID) -> Result<Target> {
    match ids::argument("targetId", id)? {
        AnyId::Training(id) => Ok(id.into()),
        AnyId::Document(id) => Ok(id.into()),
        _ => Err(Error::invalid("targetId", Code::Malformed, "Un fil se lie à une formation ou à un document.")),
    }
}

#[derive(Default)]
pub(crate) struct LinksMutation;

#[Object]
impl LinksMutation {
    /// Lie un fil à une formation ou à un document ; l'auteur du fil tant qu'il n'est pas verrouillé, les modérateurs de l'espace, ceux
    /// qui gèrent la formation ou peuvent modifier le document. 20 formations et 20 documents choisis au plus par fil.
    async fn link_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: LinkThreadInput,
    ) -> Result<Option<LinkThreadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let thread = ids::argument("threadId", &input.thread_id)?;
                service::link(&request.app, &caller?, thread, target(&input.target_id)?).await
            })
            .await?;
        let thread = match attempt.done {
            Some(id) => request.thread(id).await?.map(Thread),
            None => None,
        };
        Ok(Some(LinkThreadPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }

    /// Sépare un fil d'une formation ou d'un document, pour qui peut les lier. Une adresse dans un message ne rétablit pas le lien.
    async fn unlink_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UnlinkThreadInput,
    ) -> Result<Option<UnlinkThreadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let thread = ids::argument("threadId", &input.thread_id)?;
                service::unlink(&request.app, &caller?, thread, target(&input.target_id)?).await
            })
            .await?;
        let thread = match attempt.done {
            Some(id) => request.thread(id).await?.map(Thread),
            None => None,
        };
        Ok(Some(UnlinkThreadPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }
}
