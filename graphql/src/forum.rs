//! Spaces, forums, threads and posts: objects and reads. What writes is in `forum/mutations.rs`.

mod mutations;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use services::caller::Caller;
use services::forum::{self, PostFilter, ThreadFilter as Filter};
use services::id::{ForumId, PostId, SpaceId, ThreadId};
use services::page::{Key, Paging};
use services::{Error, Result};

use crate::accounts::Member;
use crate::audience::AudienceGrant;
use crate::context::{ContextExt, Request};
use crate::ids;
use crate::loaders::{ForumsOf, KindsOf, MentionedIn, OpeningOf, RepliesTo, ReplyCount};
use crate::paging::{connection, paging, size, total};
use crate::scalars::DateTime;

pub(crate) use mutations::ForumMutation;

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

pub(crate) struct Space(pub(crate) forum::Space);

/// Un des trois espaces de la communauté : plateforme, éditorial, accompagnement.
#[Object]
impl Space {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Nom court pour les adresses : plateforme, editorial, accompagnement.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Nom.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Ce à quoi il sert.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Ses forums que vous voyez, dans leur ordre.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn forums(&self, ctx: &Context<'_>) -> Result<Vec<Forum>> {
        let forums = ctx.request().loads().load_one(ForumsOf(self.0.id)).await?.unwrap_or_default();
        Ok(forums.into_iter().map(Forum).collect())
    }
}

pub(crate) struct Forum(pub(crate) forum::Forum);

/// Un forum d'un espace.
#[Object]
impl Forum {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Nom court pour les adresses, unique dans son espace ; il ne change pas.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Nom.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Ce à quoi il sert.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Son espace.
    async fn space(&self, ctx: &Context<'_>) -> Result<Space> {
        ctx.request().loads().load_one(self.0.space_id).await?.map(Space).ok_or(Error::NotFound)
    }

    /// Les natures de fils qu'il accueille.
    async fn kinds(&self, ctx: &Context<'_>) -> Result<Vec<ThreadKind>> {
        let kinds = ctx.request().loads().load_one(KindsOf(self.0.id)).await?.unwrap_or_default();
        Ok(kinds.into_iter().map(Into::into).collect())
    }

    /// Nombre de fils, sans ceux qui sont masqués.
    async fn thread_count(&self) -> i64 {
        self.0.thread_count
    }

    /// Vous pouvez y ouvrir un fil.
    async fn viewer_may_open(&self, ctx: &Context<'_>) -> bool {
        let caller = ctx.request().caller();
        writes(&caller) && (caller.sees(self.0.opening_audience_id) || caller.moderates(self.0.space_id))
    }

    /// Les fils épinglés, le dernier épinglé d'abord ; 20 au plus.
    #[graphql(complexity = "1 + 20 * child_complexity")]
    async fn pinned_threads(&self, ctx: &Context<'_>) -> Result<Vec<Thread>> {
        let pinned = forum::pinned_threads(&mut *ctx.request().cx().await?, self.0.id).await?;
        Ok(pinned.into_iter().map(|thread| Thread(Arc::new(thread))).collect())
    }

    /// Ses fils.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement cette nature.")] kind: Option<ThreadKind>,
        #[graphql(desc = "Seulement ceux-là.")] filter: Option<ThreadFilter>,
        #[graphql(desc = "L'ordre.", default_with = "ThreadOrder::Activite")] order_by: ThreadOrder,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ThreadConnection> {
        let of = Filter { forum: Some(self.0.id), space: Some(self.0.space_id), kind: kind.map(Into::into), ..Filter::default() };
        list(ctx, of, filter, order_by, paging(first, after, last, before)).await
    }

    /// Qui le voit ; pour les administrateurs, null sinon.
    async fn audience(&self, ctx: &Context<'_>) -> Result<Option<Vec<AudienceGrant>>> {
        grants(ctx.request(), self.0.audience_id).await
    }

    /// Qui peut y ouvrir un fil ; pour les administrateurs, null sinon.
    async fn opening_audience(&self, ctx: &Context<'_>) -> Result<Option<Vec<AudienceGrant>>> {
        grants(ctx.request(), self.0.opening_audience_id).await
    }
}

async fn grants(request: &Request, id: services::id::AudienceId) -> Result<Option<Vec<AudienceGrant>>> {
    if !request.caller().is_administrator() {
        return Ok(None);
    }
    let grants = services::audience::grants(&mut *request.cx().await?, id).await?;
    Ok(Some(grants.into_iter().map(AudienceGrant).collect()))
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

    /// Nature.
    async fn kind(&self) -> ThreadKind {
        self.0.kind.into()
    }

    /// Titre.
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

    /// Ouverture.
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
        writes(&caller) && (self.0.locked_at.is_none() || caller.moderates(self.0.space_id))
    }

    /// Vous pouvez accepter une réponse ou rouvrir le fil.
    async fn viewer_may_accept(&self, ctx: &Context<'_>) -> bool {
        let caller = ctx.request().caller();
        writes(&caller)
            && self.0.kind.can_be_solved()
            && (caller.id() == Some(self.0.author_id) || caller.moderates(self.0.space_id))
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
        let filter = PostFilter { thread: self.0.id };
        let page = forum::posts_of(&mut *request.cx().await?, &filter, &paging(first, after, last, before)).await?;
        let total = total(ctx, async { forum::count_posts(&mut *request.cx().await?, &filter).await }).await?;
        foresee_authors(ctx, page.items.iter().map(|post| post.author_id)).await?;
        let cursor = |post: &forum::Post| post.path.encode();
        let node = |post| Post { row: Arc::new(post), thread: Arc::clone(&self.0) };
        Ok(PostConnection::new(page, cursor, node, total))
    }
}

pub(crate) struct Post {
    pub(crate) row: Arc<forum::Post>,
    pub(crate) thread: Arc<forum::Thread>,
}

connection! { "Des messages." PostConnection, PostEdge, Post }

impl Post {
    /// Whether this caller reads what it says: everyone what is there, its author what is hidden, moderators all of it.
    fn is_readable(&self, caller: &Caller) -> bool {
        self.row.is_visible()
            || caller.moderates(self.thread.space_id)
            || self.row.deleted_at.is_none() && caller.id() == Some(self.row.author_id)
    }
}

/// Un message d'un fil.
#[Object]
impl Post {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// Son fil.
    async fn thread(&self) -> Thread {
        Thread(Arc::clone(&self.thread))
    }

    /// Le message auquel il répond ; null pour le premier.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Post>> {
        let Some(id) = self.row.parent_id else { return Ok(None) };
        let row = ctx.request().loads().load_one(id).await?;
        Ok(row.map(|row| Post { row, thread: Arc::clone(&self.thread) }))
    }

    /// Profondeur dans l'arbre : 0 pour le premier message, 1 pour une réponse à celui-ci…
    async fn depth(&self) -> i64 {
        self.row.depth
    }

    /// Rang d'arrivée dans le fil, depuis 0.
    async fn ordinal(&self) -> i64 {
        self.row.ordinal
    }

    /// Qui l'a écrit ; null s'il est supprimé, ou masqué et que vous ne pouvez pas le lire.
    async fn author(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        if !self.is_readable(&ctx.request().caller()) {
            return Ok(None);
        }
        Ok(ctx.request().member(self.row.author_id).await?.map(Member))
    }

    /// Ce qui est écrit, en Markdown ; null si vous ne pouvez pas le lire.
    async fn body(&self, ctx: &Context<'_>) -> Option<&str> {
        self.is_readable(&ctx.request().caller()).then_some(self.row.body.as_str())
    }

    /// La même chose en HTML sûr, prêt à afficher : les titres commencent au niveau 3 ; null si vous ne pouvez pas le lire.
    async fn html(&self, ctx: &Context<'_>) -> Option<&str> {
        self.is_readable(&ctx.request().caller()).then_some(self.row.html.as_str())
    }

    /// Le début en texte simple, 280 caractères au plus ; null si vous ne pouvez pas le lire.
    async fn excerpt(&self, ctx: &Context<'_>) -> Option<&str> {
        self.is_readable(&ctx.request().caller()).then_some(self.row.excerpt.as_str())
    }

    /// Les membres mentionnés par @identifiant ; vide si vous ne pouvez pas le lire.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn mentions(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        if !self.is_readable(&ctx.request().caller()) {
            return Ok(Vec::new());
        }
        let loads = ctx.request().loads();
        let ids = loads.load_one(MentionedIn(self.row.id)).await?.unwrap_or_default();
        let mut members = loads.load_many(ids.iter().copied()).await?;
        Ok(ids.iter().filter_map(|id| members.remove(id)).map(Member).collect())
    }

    /// Arrivée.
    async fn created_at(&self) -> DateTime {
        self.row.created_at.into()
    }

    /// Dernière modification ; null s'il n'a pas été modifié.
    async fn edited_at(&self) -> Option<DateTime> {
        self.row.edited_at.map(Into::into)
    }

    /// Numéro de version : 1 à l'écriture, un de plus à chaque modification.
    async fn revision(&self) -> i64 {
        self.row.revision
    }

    /// Supprimé : il garde sa place pour que ses réponses gardent la leur.
    async fn deleted(&self) -> bool {
        self.row.deleted_at.is_some()
    }

    /// Masqué par un modérateur.
    async fn hidden(&self) -> bool {
        self.row.hidden_at.is_some()
    }

    /// Pourquoi il est masqué ; pour son auteur et les modérateurs, null sinon.
    async fn hidden_reason(&self, ctx: &Context<'_>) -> Option<&str> {
        self.is_readable(&ctx.request().caller()).then_some(self.row.hidden_reason.as_deref()).flatten()
    }

    /// C'est la réponse acceptée.
    async fn accepted(&self) -> bool {
        self.thread.accepted_post_id == Some(self.row.id)
    }

    /// Ses réponses directes, dans l'ordre d'arrivée.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn replies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<PostConnection> {
        let loads = ctx.request().loads();
        let key = RepliesTo(self.row.id, paging(first, after, last, before));
        let page = loads.load_one(key).await?.ok_or(Error::NotFound)?;
        let count = async { Ok(loads.load_one(ReplyCount(self.row.id)).await?.unwrap_or(0)) };
        let total = total(ctx, count).await?;
        foresee_authors(ctx, page.items.iter().map(|post| post.author_id)).await?;
        let cursor = |post: &forum::Post| post.ordinal.encode();
        let node = |post| Post { row: Arc::new(post), thread: Arc::clone(&self.thread) };
        Ok(PostConnection::new(page, cursor, node, total))
    }

    /// Ses versions antérieures, de la plus ancienne à la plus récente, pour les modérateurs de l'espace ; null sinon.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn revisions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<Option<RevisionConnection>> {
        let request = ctx.request();
        let (caller, paging) = (request.caller(), paging(first, after, last, before));
        let found = forum::revisions(&mut *request.cx().await?, &caller, &self.thread, self.row.id, &paging).await;
        let page = match found {
            Err(Error::Forbidden(_)) => return Ok(None),
            page => page?,
        };
        let count = async { forum::count_revisions(&mut *request.cx().await?, self.row.id).await };
        let total = total(ctx, count).await?;
        let cursor = |revision: &forum::Revision| revision.revision.encode();
        Ok(Some(RevisionConnection::new(page, cursor, Revision, total)))
    }
}

pub(crate) struct Revision(forum::Revision);

connection! { "Les versions antérieures d'un message." RevisionConnection, RevisionEdge, Revision }

/// Une version antérieure d'un message.
#[Object]
impl Revision {
    /// Numéro de version.
    async fn revision(&self) -> i64 {
        self.0.revision
    }

    /// Markdown.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// HTML sûr.
    async fn html(&self) -> &str {
        &self.0.html
    }

    /// Qui l'a écrite.
    async fn editor(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(ctx.request().member(self.0.editor_id).await?.map(Member))
    }

    /// Quand elle a été écrite.
    async fn written_at(&self) -> DateTime {
        self.0.written_at.into()
    }
}

/// Un texte mis en forme comme le serait un message.
#[derive(SimpleObject)]
pub(crate) struct Preview {
    /// HTML sûr.
    html: String,
    /// Le début en texte simple.
    excerpt: String,
}

fn writes(caller: &Caller) -> bool {
    caller.passes(services::caller::Scope::Write) && caller.suspended().is_none()
}

/// Authors (and their organisations) of a page whose nodes ask for them.
async fn foresee_authors(ctx: &Context<'_>, authors: impl IntoIterator<Item = services::id::MemberId>) -> Result<()> {
    let author = ctx.look_ahead().field("edges").field("node").field("author");
    if author.exists() {
        ctx.request().foresee_members(authors, author.field("organisation").exists()).await?;
    }
    Ok(())
}

async fn list(
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

impl Request {
    /// A post with its thread, when this caller sees it.
    pub(crate) async fn post(&self, id: PostId) -> Result<Option<Post>> {
        let Some(row) = self.loads().load_one(id).await? else { return Ok(None) };
        Ok(self.thread(row.thread_id).await?.map(|thread| Post { row, thread }))
    }

    /// A forum, when this caller sees it.
    pub(crate) async fn forum(&self, id: ForumId) -> Result<Option<Forum>> {
        let found = self.loads().load_one(id).await?;
        Ok(found.filter(|forum| self.caller().sees(forum.audience_id)).map(Forum))
    }
}

#[derive(Default)]
pub(crate) struct ForumQuery;

#[Object]
impl ForumQuery {
    /// Les trois espaces, dans leur ordre.
    #[graphql(complexity = "1 + 3 * child_complexity")]
    async fn spaces(&self, ctx: &Context<'_>) -> Result<Vec<Space>> {
        Ok(forum::spaces(&mut *ctx.request().cx().await?).await?.into_iter().map(Space).collect())
    }

    /// L'espace de ce nom court ; null s'il n'existe pas.
    async fn space(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "plateforme, editorial ou accompagnement.")] slug: String,
    ) -> Result<Option<Space>> {
        let spaces = forum::spaces(&mut *ctx.request().cx().await?).await?;
        Ok(spaces.into_iter().find(|space| space.slug == slug).map(Space))
    }

    /// Un forum ; null s'il n'existe pas ou si vous ne le voyez pas.
    async fn forum(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'un forum.")] id: ID,
    ) -> Result<Option<Forum>> {
        ctx.request().forum(ids::argument("id", &id)?).await
    }

    /// Les fils que vous voyez, de toute la communauté ou d'une partie.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement ce forum.")] forum: Option<ID>,
        #[graphql(desc = "Seulement cet espace.")] space: Option<ID>,
        #[graphql(desc = "Seulement cette nature.")] kind: Option<ThreadKind>,
        #[graphql(desc = "Seulement ceux-là.")] filter: Option<ThreadFilter>,
        #[graphql(desc = "L'ordre.", default_with = "ThreadOrder::Activite")] order_by: ThreadOrder,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ThreadConnection> {
        let of = Filter {
            forum: ids::optional::<ForumId>("forum", forum.as_ref())?,
            space: ids::optional::<SpaceId>("space", space.as_ref())?,
            kind: kind.map(Into::into),
            ..Filter::default()
        };
        list(ctx, of, filter, order_by, paging(first, after, last, before)).await
    }

    /// Un fil ; null s'il n'existe pas ou si vous ne le voyez pas.
    async fn thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'un fil.")] id: ID,
    ) -> Result<Option<Thread>> {
        Ok(ctx.request().thread(ids::argument::<ThreadId>("id", &id)?).await?.map(Thread))
    }

    /// Un message ; null s'il n'existe pas ou si vous ne voyez pas son fil.
    async fn post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'un message.")] id: ID,
    ) -> Result<Option<Post>> {
        ctx.request().post(ids::argument("id", &id)?).await
    }

    /// Met un texte en forme sans rien écrire, pour un aperçu.
    #[graphql(complexity = "50 + child_complexity")]
    async fn preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Markdown, 50 000 caractères au plus.")] body: String,
    ) -> Result<Preview> {
        let request = ctx.request();
        let body = services::text::body("body", &body).map_err(|problem| Error::Invalid(vec![problem]))?;
        let (rendered, _) = forum::render(&request.app, &body).await?;
        Ok(Preview { html: rendered.html, excerpt: rendered.excerpt })
    }
}
