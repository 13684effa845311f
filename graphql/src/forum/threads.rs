//! Threads and their lists.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputType, Object};
use services::db::Cx;
use services::forum;
use services::id::{ForumId, SpaceId};
use services::page::{Key, Page, Paging, TimeKey};
use services::{Error, Result};

use super::foresee_authors;
use super::posts::{Post, PostConnection, PostsOf};
use super::spaces::Forum;
use crate::accounts::Member;
use crate::catalogue::Training;
use crate::context::ContextExt;
use crate::following::FollowLevel;
use crate::library::Document;
use crate::links::{self, SystemEventConnection, ThreadLink};
use crate::lists::{self, Asked, Counted, List, PageOf};
use crate::loaders::{OpeningOf, grouped};
use crate::paging::{connection, paging, size, total};
use crate::reports::Report;
use crate::scalars::DateTime;
use crate::search::{self, SearchHit};

pub(super) use services::forum::ThreadFilter as Filter;

/// Ce qu'est un fil.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::forum::ThreadKind")]
pub(crate) enum ThreadKind {
    /// Demande une réponse, qui peut être acceptée.
    Question,
    /// Débat d'un sujet.
    Discussion,
    /// Partage ce qui marche.
    BonnePratique,
    /// Signale un dysfonctionnement, qui peut être résolu.
    Signalement,
    /// Annonce une nouvelle.
    Actualite,
}

/// Ce qu'une liste de fils retient.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadFilter {
    /// Sans aucune réponse.
    SansReponse,
    /// Questions et signalements dont une réponse est acceptée ou le dysfonctionnement corrigé.
    Resolus,
    /// Questions et signalements qui attendent une réponse acceptée ou une correction ; ni doublons ni signalements sans suite.
    Ouverts,
    /// Ceux que vous avez ouverts.
    Miens,
    /// Ceux qui sont masqués, pour les modérateurs.
    Masques,
}

/// L'ordre d'une liste de fils, le plus récent d'abord.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadOrder {
    /// Par dernier message.
    Activite,
    /// Par ouverture.
    Date,
}

impl From<ThreadOrder> for forum::ThreadOrder {
    fn from(order: ThreadOrder) -> Self {
        match order {
            ThreadOrder::Activite => Self::Activity,
            ThreadOrder::Date => Self::Date,
        }
    }
}

pub(crate) struct Thread(pub(crate) Arc<forum::Thread>);

connection! { "Des fils." ThreadConnection, ThreadEdge, Thread }

/// Un fil d'un forum : un premier message et des réponses à toute profondeur.
#[Object]
impl Thread {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Ce qu'il est : question, discussion, bonne pratique, signalement ou actualité.
    async fn kind(&self) -> ThreadKind {
        self.0.kind.into()
    }

    /// Titre, en texte simple.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Son forum.
    async fn forum(&self, ctx: &Context<'_>) -> Result<Forum> {
        ctx.request().loads().load_one(self.0.forum_id).await?.map(Forum).ok_or(Error::NotFound)
    }

    /// Qui l'a ouvert.
    async fn author(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(ctx.request().member(self.0.author_id).await?.map(Member))
    }

    /// Quand il a été ouvert.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Date du dernier message arrivé.
    async fn last_activity_at(&self) -> DateTime {
        self.0.last_activity_at.into()
    }

    /// Nombre de messages : le premier, et les réponses ni supprimées ni masquées.
    async fn post_count(&self) -> i64 {
        self.0.post_count
    }

    /// Une réponse est acceptée, ou le dysfonctionnement signalé est corrigé.
    async fn solved(&self) -> bool {
        self.0.solved_at.is_some()
    }

    /// Depuis quand une réponse est acceptée ou le dysfonctionnement corrigé.
    async fn solved_at(&self) -> Option<DateTime> {
        self.0.solved_at.map(Into::into)
    }

    /// La réponse acceptée.
    async fn accepted_answer(&self, ctx: &Context<'_>) -> Result<Option<Post>> {
        let Some(id) = self.0.accepted_post_id else { return Ok(None) };
        let post = ctx.request().loads().load_one(id).await?;
        Ok(post.map(|row| Post { row, thread: Arc::clone(&self.0) }))
    }

    /// Verrouillé : n'accepte plus de message.
    async fn locked(&self) -> bool {
        self.0.locked_at.is_some()
    }

    /// Épinglé en tête de son forum.
    async fn pinned(&self) -> bool {
        self.0.pinned_at.is_some()
    }

    /// Masqué : seuls les modérateurs le voient.
    async fn hidden(&self) -> bool {
        self.0.hidden_at.is_some()
    }

    /// Les formations auxquelles il est lié et que vous voyez, la première liée d'abord, 50 au plus. Une formation fondue dans une
    /// autre y est remplacée par elle.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn trainings(&self, ctx: &Context<'_>) -> Result<Vec<Training>> {
        links::trainings(ctx, self.0.id).await
    }

    /// Les documents de la bibliothèque auxquels il est lié et que vous voyez, archivés compris, le premier lié d'abord, 50 au plus.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn documents(&self, ctx: &Context<'_>) -> Result<Vec<Document>> {
        links::documents(ctx, self.0.id).await
    }

    /// Ses liens aux formations et aux documents que vous voyez, ceux qui ont pris fin compris, le plus récent d'abord, 50 au plus.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn links(&self, ctx: &Context<'_>) -> Result<Vec<ThreadLink>> {
        links::links(ctx, self.0.id).await
    }

    /// Ce qui est arrivé à ses formations et à ses documents depuis qu'il leur est lié, de ceux que vous voyez : changements d'état et
    /// de date prévue, nouvelles versions, à placer parmi les messages par leur date.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn system_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<SystemEventConnection> {
        links::events(ctx, self.0.id, paging(first, after, last, before)).await
    }

    /// Ce qui lui ressemble, de ce que vous voyez : fils, formations et documents, le plus proche d'abord.
    #[graphql(complexity = "20 + size(first, None) * child_complexity")]
    async fn related(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 5 par défaut, 20 au plus.")] first: Option<i32>,
    ) -> Result<Vec<SearchHit>> {
        search::related(ctx, self.0.id, first).await
    }

    /// Le document sur lequel sont les remarques qu'il porte ; null pour tout autre fil.
    async fn remarks_on(&self, ctx: &Context<'_>) -> Result<Option<Document>> {
        match self.0.document_id {
            Some(id) => ctx.request().document(id).await,
            None => Ok(None),
        }
    }

    /// Le dysfonctionnement signalé ; null si ce n'est pas un signalement.
    async fn report(&self, ctx: &Context<'_>) -> Result<Option<Report>> {
        match self.0.kind {
            forum::ThreadKind::Signalement => ctx.request().report(services::reports::of_thread(self.0.id)).await,
            _ => Ok(None),
        }
    }

    /// Vous pouvez y répondre.
    async fn viewer_may_answer(&self, ctx: &Context<'_>) -> bool {
        let caller = ctx.request().caller();
        forum::writes(&caller) && (self.0.locked_at.is_none() || caller.moderates(self.0.space_id))
    }

    /// Vous pouvez accepter une réponse ou rouvrir le fil.
    async fn viewer_may_accept(&self, ctx: &Context<'_>) -> bool {
        let caller = ctx.request().caller();
        forum::writes(&caller)
            && self.0.kind.can_be_solved()
            && (caller.id() == Some(self.0.author_id) || caller.moderates(self.0.space_id))
    }

    /// Vous pouvez le masquer, le verrouiller, l'épingler et le déplacer.
    async fn viewer_may_moderate(&self, ctx: &Context<'_>) -> bool {
        let caller = ctx.request().caller();
        caller.suspended().is_none() && caller.moderates(self.0.space_id)
    }

    /// De quoi vous êtes prévenu : ce que vous avez choisi pour ce fil ; tout si vous l'avez ouvert ; sinon ce que vous avez choisi
    /// pour son forum. Les formations que vous suivez s'y ajoutent. Null si vous n'êtes pas connecté.
    async fn viewer_follow_level(&self, ctx: &Context<'_>) -> Result<Option<FollowLevel>> {
        ctx.request().thread_level(&self.0).await
    }

    /// Nombre de messages que vous n'avez pas lus, 100 au plus : ceux des autres, ni supprimés ni masqués, arrivés après le dernier que
    /// vous avez lu et depuis 90 jours. Null si vous n'êtes pas connecté.
    async fn unread_count(&self, ctx: &Context<'_>) -> Result<Option<i64>> {
        ctx.request().unread_posts(self.0.id).await
    }

    /// Le premier message.
    async fn opening_post(&self, ctx: &Context<'_>) -> Result<Post> {
        let row = ctx.request().loads().load_one(OpeningOf(self.0.id)).await?.ok_or(Error::NotFound)?;
        Ok(Post { row, thread: Arc::clone(&self.0) })
    }

    /// Tous ses messages, à plat, dans l'ordre de lecture (chaque réponse sous le message auquel elle répond) ; depth et parent
    /// disent l'arbre. Un message supprimé ou masqué garde sa place.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn posts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<PostConnection> {
        let posts = PostsOf(self.0.id);
        let page = lists::page(ctx, &posts, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        foresee_authors(ctx, page.items.iter().map(|post| post.author_id)).await?;
        let node = |row| Post { row, thread: Arc::clone(&self.0) };
        // A post keeps its place for ever, so that as many were given as there are.
        Ok(PostConnection::new(page, |post| posts.key(post).encode(), node, Some(self.0.next_ordinal)))
    }
}

/// Reads what the page of a thread asks for before its selection fans out: every row that arrives while fields wait wakes
/// them all, and so the thread's author comes with those of its posts. What cannot be read is told by the field that asks.
pub(super) async fn foresee_page(ctx: &Context<'_>, thread: &forum::Thread) -> Result<()> {
    let (request, selected) = (ctx.request(), ctx.look_ahead());
    let posts = selected.field("posts");
    let [asked] = &posts.selection_fields()[..] else { return Ok(()) };
    let Ok(arguments) = asked.arguments() else { return Ok(()) };
    let mut paging = Paging::default();
    for (name, value) in arguments {
        match (name.as_str(), value) {
            ("first", value) => paging.first = i32::parse(Some(value)).ok(),
            ("last", value) => paging.last = i32::parse(Some(value)).ok(),
            ("after", value) => paging.after = String::parse(Some(value)).ok(),
            ("before", value) => paging.before = String::parse(Some(value)).ok(),
            _ => {}
        }
    }
    let Ok(mut pages) = forum::posts_of(&mut *request.cx().await?, &[thread.id], &paging).await else { return Ok(()) };
    let Some(page) = pages.remove(&thread.id) else { return Ok(()) };
    let (own, theirs) = (selected.field("author"), posts.field("edges").field("node").field("author"));
    let mut authors = HashSet::new();
    if own.exists() {
        authors.insert(thread.author_id);
    }
    if theirs.exists() {
        authors.extend(page.items.iter().map(|post| post.author_id));
    }
    if !authors.is_empty() {
        let organisations = own.field("organisation").exists() || theirs.field("organisation").exists();
        request.foresee_members_now(authors, organisations).await?;
    }
    request.loads().feed_one(PageOf(PostsOf(thread.id), paging), page.map(Arc::new)).await;
    Ok(())
}

/// The threads of a forum.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ThreadsOf {
    forum: ForumId,
    filter: Filter,
    order: forum::ThreadOrder,
}

impl List for ThreadsOf {
    type Item = forum::Thread;
    type Key = TimeKey;

    fn key(&self, thread: &forum::Thread) -> TimeKey {
        key(self.order, thread)
    }

    async fn pages(cx: &mut Cx, asked: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<forum::Thread>>> {
        let mut found = HashMap::new();
        for ((filter, order), forums) in grouped(of, |of| (of.filter.clone(), of.order), |of| of.forum) {
            let pages = forum::threads_of_forums(cx, &asked.caller, &forums, &filter, order, paging).await?;
            found.extend(lists::by(pages, |forum| Self { forum, filter: filter.clone(), order }));
        }
        Ok(found)
    }
}

impl Counted for ThreadsOf {
    async fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let mut found = HashMap::new();
        for ((filter, order), forums) in grouped(of, |of| (of.filter.clone(), of.order), |of| of.forum) {
            let counts = forum::count_threads_of_forums(cx, &asked.caller, &forums, &filter).await?;
            found.extend(lists::by(counts, |forum| Self { forum, filter: filter.clone(), order }));
        }
        Ok(found)
    }
}

/// Threads of a forum, as this caller sees them.
pub(super) async fn list_of(
    ctx: &Context<'_>,
    of: &forum::Forum,
    only: Filter,
    filter: Option<ThreadFilter>,
    order: ThreadOrder,
    paging: Paging,
) -> Result<ThreadConnection> {
    let filter = narrowed(ctx, only, filter)?;
    forum::sees_hidden(&ctx.request().caller(), &Filter { space: Some(of.space_id), ..filter.clone() })?;
    let threads = ThreadsOf { forum: of.id, filter, order: order.into() };
    let page = lists::page(ctx, &threads, &paging).await?.ok_or(Error::NotFound)?;
    let total = lists::total(ctx, &threads).await?;
    foresee_authors(ctx, page.items.iter().map(|thread| thread.author_id)).await?;
    Ok(ThreadConnection::new(page, |thread| threads.key(thread).encode(), Thread, total))
}

/// Threads of all that this caller sees, or of a part.
pub(super) async fn list(
    ctx: &Context<'_>,
    only: Filter,
    filter: Option<ThreadFilter>,
    order: ThreadOrder,
    paging: Paging,
) -> Result<ThreadConnection> {
    let request = ctx.request();
    let caller = request.caller();
    let (of, order) = (narrowed(ctx, only, filter)?, order.into());
    let page = forum::thread_list(&mut *request.cx().await?, &caller, &of, order, &paging).await?;
    let total = total(ctx, async { forum::count_threads(&mut *request.cx().await?, &caller, &of).await }).await?;
    foresee_authors(ctx, page.items.iter().map(|thread| thread.author_id)).await?;
    Ok(ThreadConnection::new(page, |thread| key(order, thread).encode(), |thread| Thread(Arc::new(thread)), total))
}

/// Questions without any answer, the one that waits longest first.
pub(super) async fn unanswered(ctx: &Context<'_>, spaces: Vec<SpaceId>, paging: Paging) -> Result<ThreadConnection> {
    let request = ctx.request();
    let caller = request.caller();
    let page = forum::unanswered_threads(&mut *request.cx().await?, &caller, &spaces, &paging).await?;
    let total = total(ctx, async { forum::count_unanswered(&mut *request.cx().await?, &caller, &spaces).await }).await?;
    foresee_authors(ctx, page.items.iter().map(|thread| thread.author_id)).await?;
    let cursor = |thread: &forum::Thread| (thread.created_at, thread.id.0).encode();
    Ok(ThreadConnection::new(page, cursor, |thread| Thread(Arc::new(thread)), total))
}

fn narrowed(ctx: &Context<'_>, mut of: Filter, filter: Option<ThreadFilter>) -> Result<Filter> {
    match filter {
        Some(ThreadFilter::SansReponse) => of.unanswered = Some(true),
        Some(ThreadFilter::Resolus) => of.solved = Some(true),
        Some(ThreadFilter::Ouverts) => of.solved = Some(false),
        Some(ThreadFilter::Miens) => of.author = Some(ctx.request().caller().signed_in()?),
        Some(ThreadFilter::Masques) => of.hidden = true,
        None => {}
    }
    Ok(of)
}

fn key(order: forum::ThreadOrder, thread: &forum::Thread) -> TimeKey {
    let at = match order {
        forum::ThreadOrder::Activity => thread.last_activity_at,
        forum::ThreadOrder::Date => thread.created_at,
    };
    (at, thread.id.0)
}
