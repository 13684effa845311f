//! Search: one ranked list over threads, trainings and documents, what somebody may be typing, and what is like something.

mod synonyms;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Union};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use services::error::Code;
use services::id::{AnyId, CollectionId, DocumentId, ForumId, MemberId, OrganisationId, PostId, SpaceId, ThreadId, TrainingId};
use services::search::{self, Facet, FacetCounts, Filters, Hit, Kind, Query, Sort};
use services::text::{self, BODY_MOST};
use services::{Error, Result};

pub(crate) use self::synonyms::{SynonymGroup, SynonymsMutation, SynonymsQuery};
use crate::catalogue::Training;
use crate::context::{ContextExt, Request};
use crate::forum::{Post, Thread, ThreadKind};
use crate::ids;
use crate::library::Document;
use crate::loaders::{OpeningOf, Store};
use crate::node::{Node, node};
use crate::paging::{PageInfo, size};
use crate::scalars::DateTime;

/// How many things like another one are told unless asked.
const ALIKE: i32 = 5;

/// Ce qui se cherche.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchKind {
    /// Un fil, par ses messages.
    Fil,
    /// Une formation.
    Formation,
    /// Un document de la bibliothèque.
    Document,
}

impl From<SearchKind> for Kind {
    fn from(kind: SearchKind) -> Self {
        match kind {
            SearchKind::Fil => Self::Thread,
            SearchKind::Formation => Self::Training,
            SearchKind::Document => Self::Document,
        }
    }
}

/// L'ordre de ce qui est trouvé.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchOrder {
    /// Ce qui répond le mieux d'abord.
    Pertinence,
    /// Le plus récent d'abord.
    Date,
}

/// Par quoi ce qui est trouvé est compté.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchFacetKind {
    /// Fil, formation ou document.
    Nature,
    /// L'espace d'un fil.
    Espace,
    /// Le forum d'un fil.
    Forum,
    /// L'état d'une formation, d'un signalement ou d'un document.
    Etat,
    /// La collection d'une formation.
    Collection,
    /// L'organisation qui produit une formation ou à qui est un document.
    Organisation,
    /// L'année de l'écriture ou de la dernière modification, en temps universel.
    Annee,
}

impl From<Facet> for SearchFacetKind {
    fn from(facet: Facet) -> Self {
        match facet {
            Facet::Kind => Self::Nature,
            Facet::Space => Self::Espace,
            Facet::Forum => Self::Forum,
            Facet::State => Self::Etat,
            Facet::Collection => Self::Collection,
            Facet::Organisation => Self::Organisation,
            Facet::Year => Self::Annee,
        }
    }
}

/// Ce qu'une recherche retient : ce qui remplit toutes les conditions données. D'une liste, une des valeurs suffit ; une liste vide ne
/// retient pas moins, et une liste a 100 valeurs au plus.
#[derive(InputObject, Default)]
pub(crate) struct SearchFilter {
    /// De ces natures.
    kinds: Option<Vec<SearchKind>>,
    /// Les fils de ces espaces.
    space_ids: Option<Vec<ID>>,
    /// Les fils de ces forums.
    forum_ids: Option<Vec<ID>>,
    /// Les fils de ces natures.
    thread_kinds: Option<Vec<ThreadKind>>,
    /// Dans ces états, par leur code : d'une formation, d'un signalement ou d'un document.
    states: Option<Vec<String>>,
    /// Les formations de ces collections.
    collection_ids: Option<Vec<ID>>,
    /// De ces organisations.
    organisation_ids: Option<Vec<ID>>,
    /// De ces années, en temps universel.
    years: Option<Vec<i32>>,
    /// Les messages écrits par ce membre, et les documents qui sont à lui.
    author_id: Option<ID>,
    /// Vrai : ce que vous avez écrit, ou qui est à vous.
    mine: Option<bool>,
    /// Écrit ou modifié à cet instant ou après.
    since: Option<DateTime>,
    /// Écrit ou modifié avant cet instant.
    until: Option<DateTime>,
    /// Vrai : les questions et les signalements résolus ; faux : ceux qui ne le sont pas.
    solved: Option<bool>,
}

impl SearchFilter {
    fn filters(&self, request: &Request) -> Result<Filters> {
        let mut authors: Vec<_> =
            ids::optional::<MemberId>("authorId", self.author_id.as_ref())?.iter().map(ToString::to_string).collect();
        if self.mine == Some(true) {
            let own = request.caller().signed_in()?.to_string();
            // Both conditions must hold: what is somebody else's is not one's own.
            authors = if authors.iter().all(|author| *author == own) { vec![own] } else { vec![String::new()] };
        }
        Ok(Filters {
            kinds: listed("kinds", &self.kinds)?.iter().map(|kind| (*kind).into()).collect(),
            spaces: told::<SpaceId>("spaceIds", &self.space_ids)?,
            forums: told::<ForumId>("forumIds", &self.forum_ids)?,
            thread_kinds: listed("threadKinds", &self.thread_kinds)?.iter().map(|kind| code_of(*kind)).collect(),
            states: listed("states", &self.states)?.to_vec(),
            collections: told::<CollectionId>("collectionIds", &self.collection_ids)?,
            organisations: told::<OrganisationId>("organisationIds", &self.organisation_ids)?,
            years: listed("years", &self.years)?.to_vec(),
            authors,
            from: self.since.map(|at| at.0.timestamp()),
            until: self.until.map(|at| at.0.timestamp()),
            solved: self.solved,
        })
    }
}

fn code_of(kind: ThreadKind) -> String {
    services::forum::ThreadKind::from(kind).code().to_owned()
}

/// How many values of a list a filter takes.
const MOST_LISTED: usize = 100;

/// The values of a list; too many would cost as many looks in the index.
fn listed<'v, T>(field: &'static str, given: &'v Option<Vec<T>>) -> Result<&'v [T]> {
    let values = given.as_deref().unwrap_or_default();
    match values.len() {
        0..=MOST_LISTED => Ok(values),
        _ => Err(Error::invalid(field, Code::TooLong, format!("Au plus {MOST_LISTED} valeurs."))),
    }
}

/// Ids as the index knows them, each of the kind that the field takes.
fn told<Id: std::str::FromStr + ToString>(field: &'static str, given: &Option<Vec<ID>>) -> Result<Vec<String>> {
    listed(field, given)?.iter().map(|id| ids::argument::<Id>(field, id).map(|id| id.to_string())).collect()
}

/// Une partie d'un texte, en caractères.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct HighlightRange {
    /// Nombre de caractères (valeurs scalaires Unicode) qui la précèdent.
    start: usize,
    /// Nombre de ses caractères.
    length: usize,
}

pub(crate) struct HighlightedText(search::Highlighted);

/// Un texte, et ce qui en a été trouvé.
#[Object]
impl HighlightedText {
    /// Le texte, simple.
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// Ce qui en a été trouvé, dans l'ordre, sans recouvrement.
    async fn ranges(&self) -> Vec<HighlightRange> {
        self.0.ranges.iter().map(|range| HighlightRange { start: range.start, length: range.length }).collect()
    }

    /// Le même en HTML sûr : ce qui a été trouvé entre <mark> et </mark>, aucun autre élément.
    async fn html(&self) -> String {
        self.0.markup()
    }
}

/// Un fil trouvé, par le message qui répond le mieux.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct ThreadHit {
    /// Le fil.
    thread: Thread,
    /// Le message qui répond le mieux.
    post: Post,
    /// La place de ce message dans l'ordre d'arrivée du fil, à partir de 1.
    place: i64,
    /// Le titre du fil.
    title: HighlightedText,
    /// La partie du message qui répond le mieux.
    excerpt: HighlightedText,
}

/// Une formation trouvée.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct TrainingHit {
    /// La formation.
    training: Training,
    /// Son titre.
    title: HighlightedText,
    /// La partie de ce qu'elle dit qui répond le mieux.
    excerpt: HighlightedText,
}

/// Un document trouvé.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct DocumentHit {
    /// Le document.
    document: Document,
    /// Son titre.
    title: HighlightedText,
    /// La partie de son résumé qui répond le mieux.
    excerpt: HighlightedText,
}

/// Ce qui est trouvé.
#[derive(Union)]
pub(crate) enum SearchHit {
    Thread(ThreadHit),
    Training(TrainingHit),
    Document(DocumentHit),
}

pub(crate) struct SearchFacetValue {
    value: String,
    count: u64,
}

/// Une valeur d'une facette, et combien de résultats l'ont.
#[Object]
impl SearchFacetValue {
    /// La valeur, à donner au filtre : un identifiant, un code ou une année.
    async fn value(&self) -> &str {
        &self.value
    }

    /// Nombre de résultats qui l'ont.
    async fn count(&self) -> u64 {
        self.count
    }

    /// L'espace, le forum, la collection ou l'organisation dont c'est l'identifiant ; null pour un code ou une année.
    async fn node(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        node(ctx.request(), &ID(self.value.clone())).await
    }
}

/// Les valeurs d'une facette.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct SearchFacet {
    /// Par quoi les résultats sont comptés.
    facet: SearchFacetKind,
    /// Ses valeurs, la plus fréquente d'abord, 100 au plus. Le filtre sur une facette ne réduit pas ses propres nombres : ils disent ce
    /// que donnerait une autre valeur.
    values: Vec<SearchFacetValue>,
}

impl From<FacetCounts> for SearchFacet {
    fn from(counts: FacetCounts) -> Self {
        let values = counts.values.into_iter().map(|(value, count)| SearchFacetValue { value: named(value), count });
        Self { facet: counts.facet.into(), values: values.collect() }
    }
}

/// A value as a filter of the API takes it.
fn named(value: String) -> String {
    match Kind::ALL.into_iter().find(|kind| kind.code() == value) {
        Some(Kind::Thread) => "FIL".to_owned(),
        Some(Kind::Training) => "FORMATION".to_owned(),
        Some(Kind::Document) | None => value,
    }
}

/// Un élément d'une page et son curseur.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct SearchEdge {
    /// L'élément.
    node: SearchHit,
    /// Sa place dans la liste, à donner à after.
    cursor: String,
}

/// Ce qui est trouvé, chaque fil une fois.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct SearchConnection {
    /// Les éléments de la page, dans l'ordre de la liste, chacun avec son curseur.
    edges: Vec<SearchEdge>,
    /// Où se situe cette page dans la liste.
    page_info: PageInfo,
    /// Nombre d'éléments de toute la liste.
    total_count: u64,
    /// Combien de résultats il y a de chaque sorte.
    facets: Vec<SearchFacet>,
    /// Les mots qui n'ont pas été cherchés : ceux au-delà du dixième, et ceux sans lesquels seulement quelque chose a été trouvé.
    left_out: Vec<String>,
}

/// Ce que vous êtes peut-être en train d'écrire.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct Suggestions {
    /// Des titres, le meilleur d'abord.
    hits: Vec<SuggestedTitle>,
    /// Des étiquettes de documents.
    tags: Vec<String>,
}

/// Un titre que vous êtes peut-être en train d'écrire.
#[derive(SimpleObject)]
#[graphql(serial)]
pub(crate) struct SuggestedTitle {
    /// Le titre, avec ce que vous avez écrit.
    title: HighlightedText,
    /// Le fil, la formation ou le document qui le porte.
    node: Node,
}

#[derive(Default)]
pub(crate) struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Cherche dans les fils, les formations et les documents que vous voyez. Tous les mots sont voulus, sans égard aux accents, aux
    /// majuscules, au pluriel ni à une faute de frappe ; le dernier peut être inachevé. Une expression exacte se met entre guillemets,
    /// et ce qui suit un tiret est exclu. Sans texte, tout ce que retient le filtre, le plus récent d'abord.
    #[graphql(complexity = "20 + size(first, None) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a search")]
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Ce qui est cherché, 1 000 caractères au plus.")] query: String,
        #[graphql(desc = "Ce qui est retenu ; tout par défaut.")] filter: Option<SearchFilter>,
        #[graphql(desc = "L'ordre.", default_with = "SearchOrder::Pertinence")] order_by: SearchOrder,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus ; la liste va jusqu'au millième.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Attend que tout ce qui est écrit jusque-là puisse être trouvé, 5 secondes au plus.", default)]
        after_write: bool,
    ) -> Result<SearchConnection> {
        let request = ctx.request();
        let filters = filter.unwrap_or_default().filters(request)?;
        let mut query = Query { filters, ..Query::new(request.finds_apart().await?, query) };
        query.sort = match order_by {
            SearchOrder::Pertinence => Sort::Relevance,
            SearchOrder::Date => Sort::Date,
        };
        query.first = whole(first.unwrap_or(20));
        query.after = after;
        query.facets = if ctx.selects("facets") { Facet::ALL.to_vec() } else { Vec::new() };
        if after_write {
            request.app.search.knows_all(&request.app).await?;
        }
        let page = request.app.search.search(&query).await?;
        let page_info = PageInfo {
            has_next_page: page.more,
            has_previous_page: query.after.is_some(),
            start_cursor: page.hits.first().map(|hit| hit.cursor.clone()),
            end_cursor: page.hits.last().map(|hit| hit.cursor.clone()),
        };
        let edges = shown(request, page.hits).await?.into_iter().map(|(cursor, node)| SearchEdge { node, cursor }).collect();
        let facets = page.facets.into_iter().map(Into::into).collect();
        Ok(SearchConnection { edges, page_info, total_count: page.total, facets, left_out: page.left_out })
    }

    /// Complète ce que vous êtes en train d'écrire, par des titres et des étiquettes de ce que vous voyez.
    #[graphql(complexity = "20 + size(first, None) * child_complexity")]
    async fn suggest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Ce qui est écrit jusque-là.")] prefix: String,
        #[graphql(desc = "Ce qui est retenu ; tout par défaut.")] filter: Option<SearchFilter>,
        #[graphql(desc = "De chaque sorte, 5 par défaut, 20 au plus.")] first: Option<i32>,
    ) -> Result<Suggestions> {
        let request = ctx.request();
        let (sight, filters) = (request.finds_apart().await?, filter.unwrap_or_default().filters(request)?);
        let found = request.app.search.suggest(&prefix, &sight, &filters, whole(first.unwrap_or(ALIKE))).await?;
        // Together, so that those of one kind are loaded at once.
        let of: Vec<_> = found.titles.iter().map(|title| ID(title.group.clone())).collect();
        let nodes = try_join_all(of.iter().map(|id| node(request, id))).await?;
        let titled = found.titles.into_iter().zip(nodes);
        let hits = titled.filter_map(|(title, node)| Some(SuggestedTitle { title: HighlightedText(title.title), node: node? }));
        Ok(Suggestions { hits: hits.collect(), tags: found.tags })
    }

    /// Les fils qui ressemblent à celui que vous êtes en train d'écrire, pour ne pas demander deux fois la même chose.
    #[graphql(complexity = "20 + size(first, None) * child_complexity")]
    async fn similar_threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Le titre, tel qu'il est jusque-là.")] title: String,
        #[graphql(desc = "Le texte, tel qu'il est jusque-là.", default)] body: String,
        #[graphql(desc = "Seulement ce forum.")] forum_id: Option<ID>,
        #[graphql(desc = "Les n premiers, 5 par défaut, 20 au plus.")] first: Option<i32>,
    ) -> Result<Vec<ThreadHit>> {
        let request = ctx.request();
        let forum = ids::optional::<ForumId>("forumId", forum_id.as_ref())?;
        let forums = forum.iter().map(ToString::to_string).collect();
        let filters = Filters { kinds: vec![Kind::Thread], forums, ..Filters::default() };
        let (sight, first) = (request.finds_apart().await?, whole(first.unwrap_or(ALIKE)));
        // As much as a post may hold.
        let body: String = body.chars().take(BODY_MOST).collect();
        let body = text::plain(&body);
        let hits = request.app.search.similar(&title, &body, &sight, &filters, first).await?;
        let threads = shown(request, hits).await?.into_iter().filter_map(|(_, hit)| match hit {
            SearchHit::Thread(hit) => Some(hit),
            SearchHit::Training(_) | SearchHit::Document(_) => None,
        });
        Ok(threads.collect())
    }
}

/// What is like a thread, of what this caller sees.
pub(crate) async fn related(ctx: &Context<'_>, thread: ThreadId, first: Option<i32>) -> Result<Vec<SearchHit>> {
    let request = ctx.request();
    let Some(opening) = request.loads().load_one(OpeningOf(thread)).await? else { return Ok(Vec::new()) };
    let like = Like { opening: opening.id, first: whole(first.unwrap_or(ALIKE)) };
    let hits = request.loads().load_one(like).await?.unwrap_or_default();
    Ok(shown(request, hits.to_vec()).await?.into_iter().map(|(_, hit)| hit).collect())
}

/// What is like the thread that a post opens. Loaded together for all threads of a page, so that what they find is too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Like {
    opening: PostId,
    first: usize,
}

impl Loader<Like> for Store {
    type Value = Arc<[Hit]>;
    type Error = Error;
    async fn load(&self, asked: &[Like]) -> Result<HashMap<Like, Self::Value>> {
        let request = self.0.request()?;
        let (sight, filters) = (request.finds_apart().await?, Filters::default());
        let alike = asked.iter().copied().map(|like| request.app.search.related(like.opening, &sight, &filters, like.first));
        // A few at a time: each is a search of its own.
        let found: Vec<Vec<Hit>> = stream::iter(alike).buffered(4).try_collect().await?;
        Ok(asked.iter().copied().zip(found.into_iter().map(Into::into)).collect())
    }
}

impl Request {
    /// What this caller may find.
    async fn finds(&self) -> Result<search::Sight> {
        search::sight(&mut *self.cx().await?, &self.caller()).await
    }

    /// The same, with the connection handed back: who waits for the index keeps nobody from the database.
    async fn finds_apart(&self) -> Result<search::Sight> {
        let sight = self.finds().await?;
        self.release().await;
        Ok(sight)
    }
}

/// How many were asked for; what is no number of them is refused by the search.
fn whole(first: i32) -> usize {
    usize::try_from(first).unwrap_or(0)
}

fn ids_of<Id>(hits: &[Hit], id: fn(&Hit) -> Option<Id>) -> Vec<Id> {
    hits.iter().filter_map(id).collect()
}

/// The hits with what they are of, each with its cursor, as this caller sees it now: what went out of sight since the index was written
/// is left out.
async fn shown(request: &Request, hits: Vec<Hit>) -> Result<Vec<(String, SearchHit)>> {
    let threads = request.loads().load_many(ids_of(&hits, |hit| hit.group.parse::<ThreadId>().ok())).await?;
    let posts = request.loads().load_many(ids_of(&hits, |hit| hit.key.parse::<PostId>().ok())).await?;
    let trainings = request.loads().load_many(ids_of(&hits, |hit| hit.group.parse::<TrainingId>().ok())).await?;
    let documents = request.loads().load_many(ids_of(&hits, |hit| hit.group.parse::<DocumentId>().ok())).await?;
    let caller = request.caller();
    let mut all = Vec::new();
    for hit in hits {
        let (title, excerpt) = (HighlightedText(hit.title), HighlightedText(hit.excerpt));
        let found = match (hit.group.parse(), hit.key.parse()) {
            (Ok(AnyId::Thread(thread)), Ok(AnyId::Post(post))) => {
                threads.get(&thread).zip(posts.get(&post)).and_then(|(thread, post)| {
                    let visible = post.is_visible() || post.deleted_at.is_none() && caller.moderates(thread.space_id);
                    let (row, of) = (Arc::clone(post), Arc::clone(thread));
                    let place = post.ordinal + 1;
                    let hit =
                        ThreadHit { thread: Thread(Arc::clone(thread)), post: Post { row, thread: of }, place, title, excerpt };
                    visible.then_some(SearchHit::Thread(hit))
                })
            }
            (Ok(AnyId::Training(id)), _) => trainings
                .get(&id)
                .map(|training| SearchHit::Training(TrainingHit { training: Training(Arc::clone(training)), title, excerpt })),
            (Ok(AnyId::Document(id)), _) => documents
                .get(&id)
                .map(|document| SearchHit::Document(DocumentHit { document: Document(Arc::clone(document)), title, excerpt })),
            _ => return Err(Error::internal("an entry of the index that is nothing of ours")),
        };
        all.extend(found.map(|found| (hit.cursor, found)));
    }
    Ok(all)
}
