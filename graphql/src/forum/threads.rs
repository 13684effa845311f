//! Threads and their lists.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputType, Object};
use services::forum::{self, PostFilter};
use services::page::{Key, Paging};
use services::{Error, Result};

use super::foresee_authors;
use super::posts::{Post, PostConnection};
use super::spaces::Forum;
use crate::accounts::Member;
use crate::context::{ContextExt, Foreseen};
use crate::loaders::OpeningOf;
use crate::paging::{connection, paging, size, total};
use crate::scalars::DateTime;

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
    /// Questions et signalements dont une réponse est acceptée.
    Resolus,
    /// Questions et signalements qui attendent une réponse acceptée.
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

    /// Une réponse est acceptée.
    async fn solved(&self) -> bool {
        self.0.solved_at.is_some()
    }

    /// Depuis quand une réponse est acceptée.
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
        let request = ctx.request();
        let (filter, paging) = (PostFilter { thread: self.0.id }, paging(first, after, last, before));
        let (page, total) = match request.foreseen(self.0.id, &paging) {
            Some(foreseen) => (foreseen.page, foreseen.total),
            None => {
                let page = forum::posts_of(&mut *request.cx().await?, &filter, &paging).await?;
                let total = total(ctx, async { forum::count_posts(&mut *request.cx().await?, &filter).await }).await?;
                foresee_authors(ctx, page.items.iter().map(|post| post.author_id)).await?;
                (page, total)
            }
        };
        let cursor = |post: &forum::Post| post.path.encode();
        let node = |post| Post { row: Arc::new(post), thread: Arc::clone(&self.0) };
        Ok(PostConnection::new(page, cursor, node, total))
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
    let filter = PostFilter { thread: thread.id };
    let Ok(page) = forum::posts_of(&mut *request.cx().await?, &filter, &paging).await else { return Ok(()) };
    let total = match posts.field("totalCount").exists() {
        true => Some(forum::count_posts(&mut *request.cx().await?, &filter).await?),
        false => None,
    };
    let (own, theirs) = (selected.field("author"), posts.field("edges").field("node").field("author"));
    let mut authors = Vec::new();
    if own.exists() {
        authors.push(thread.author_id);
    }
    if theirs.exists() {
        authors.extend(page.items.iter().map(|post| post.author_id));
    }
    if !authors.is_empty() {
        let organisations = own.field("organisation").exists() || theirs.field("organisation").exists();
        request.foresee_members(authors, organisations).await?;
    }
    request.foresee(Foreseen { thread: thread.id, paging, page, total });
    Ok(())
}

/// Threads of a part of the community, as this caller sees them.
pub(super) async fn list(
    ctx: &Context<'_>,
    mut of: Filter,
    filter: Option<ThreadFilter>,
    order: ThreadOrder,
    paging: Paging,
) -> Result<ThreadConnection> {
    let request = ctx.request();
    let caller = request.caller();
    match filter {
        Some(ThreadFilter::SansReponse) => of.unanswered = Some(true),
        Some(ThreadFilter::Resolus) => of.solved = Some(true),
        Some(ThreadFilter::Ouverts) => of.solved = Some(false),
        Some(ThreadFilter::Miens) => of.author = Some(caller.signed_in()?),
        Some(ThreadFilter::Masques) => of.hidden = true,
        None => {}
    }
    let order = match order {
        ThreadOrder::Activite => forum::ThreadOrder::Activity,
        ThreadOrder::Date => forum::ThreadOrder::Date,
    };
    let page = forum::thread_list(&mut *request.cx().await?, &caller, &of, order, &paging).await?;
    let total = total(ctx, async { forum::count_threads(&mut *request.cx().await?, &caller, &of).await }).await?;
    foresee_authors(ctx, page.items.iter().map(|thread| thread.author_id)).await?;
    let cursor = |thread: &forum::Thread| {
        let at = match order {
            forum::ThreadOrder::Activity => thread.last_activity_at,
            forum::ThreadOrder::Date => thread.created_at,
        };
        (at, thread.id.0).encode()
    };
    Ok(ThreadConnection::new(page, cursor, |thread| Thread(Arc::new(thread)), total))
}
