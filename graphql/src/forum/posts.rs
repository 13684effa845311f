//! Posts and their former versions.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use services::caller::Caller;
use services::db::Cx;
use services::forum;
use services::id::{PostId, ThreadId};
use services::page::{Key, Page, Paging, PathKey};
use services::text::Group;
use services::{Error, Result};

use super::foresee_authors;
use super::threads::Thread;
use crate::accounts::Member;
use crate::context::ContextExt;
use crate::files::File;
use crate::library::Document;
use crate::lists::{self, Asked, Counted, List};
use crate::loaders::{AddressedBy, AttachedTo, MadeOf, MentionedIn};
use crate::organisations::Organisation;
use crate::paging::{connection, paging, size};
use crate::scalars::DateTime;

/// The posts of a thread, in reading order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PostsOf(pub(super) ThreadId);

impl List for PostsOf {
    type Item = forum::Post;
    type Key = PathKey;

    fn key(&self, post: &forum::Post) -> PathKey {
        post.path.clone()
    }

    async fn pages(cx: &mut Cx, _: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<forum::Post>>> {
        let threads: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(forum::posts_of(cx, &threads, paging).await?, PostsOf))
    }
}

/// The direct answers to a post.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RepliesTo(PostId);

impl List for RepliesTo {
    type Item = forum::Post;
    type Key = i64;

    fn key(&self, post: &forum::Post) -> i64 {
        post.ordinal
    }

    async fn pages(cx: &mut Cx, _: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<forum::Post>>> {
        let posts: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(forum::replies(cx, &posts, paging).await?, RepliesTo))
    }
}

impl Counted for RepliesTo {
    async fn counts(cx: &mut Cx, _: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let posts: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(forum::reply_counts(cx, &posts).await?, RepliesTo))
    }
}

/// The former versions of a post.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RevisionsOf(PostId);

impl List for RevisionsOf {
    type Item = forum::Revision;
    type Key = i64;

    fn key(&self, revision: &forum::Revision) -> i64 {
        revision.revision
    }

    async fn pages(cx: &mut Cx, _: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<forum::Revision>>> {
        let posts: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(forum::revisions(cx, &posts, paging).await?, RevisionsOf))
    }
}

impl Counted for RevisionsOf {
    async fn counts(cx: &mut Cx, _: &Asked, of: &[Self]) -> Result<HashMap<Self, i64>> {
        let posts: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(forum::count_revisions(cx, &posts).await?, RevisionsOf))
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

    async fn groups(&self, ctx: &Context<'_>) -> Result<Arc<Vec<Group>>> {
        if !self.is_readable(&ctx.request().caller()) {
            return Ok(Arc::default());
        }
        Ok(ctx.request().loads().load_one(AddressedBy(self.row.id)).await?.unwrap_or_default())
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

    /// Il s'adresse par @@moderation aux modérateurs de l'espace, qui en sont prévenus ; faux si vous ne pouvez pas le lire.
    async fn mentions_moderators(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.groups(ctx).await?.contains(&Group::Moderators))
    }

    /// Les organisations auxquelles il s'adresse par @@ et leur slug, dont les membres et ceux de leurs unités sont prévenus ; vide si
    /// vous ne pouvez pas le lire.
    #[graphql(complexity = "1 + 3 * child_complexity")]
    async fn mentioned_organisations(&self, ctx: &Context<'_>) -> Result<Vec<Organisation>> {
        let ids: Vec<_> = self.groups(ctx).await?.iter().filter_map(|group| group.organisation()).collect();
        let mut organisations = ctx.request().loads().load_many(ids.iter().copied()).await?;
        Ok(ids.iter().filter_map(|id| organisations.remove(id)).map(Organisation).collect())
    }

    /// Les fichiers joints, dans leur ordre ; vide si vous ne pouvez pas le lire.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn attachments(&self, ctx: &Context<'_>) -> Result<Vec<File>> {
        if !self.is_readable(&ctx.request().caller()) {
            return Ok(Vec::new());
        }
        let attached = ctx.request().loads().load_one(AttachedTo(self.row.id)).await?.unwrap_or_default();
        Ok(attached.iter().filter(|one| one.is_present()).map(|one| File(Arc::new(one.file.clone()))).collect())
    }

    /// Quand il a été écrit.
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

    /// Sa place dans Thread.posts, à donner à after ou à before : un lien direct mène à la page où se trouve le message.
    async fn cursor(&self) -> String {
        self.row.path.encode()
    }

    /// Vous pouvez y répondre.
    async fn viewer_may_answer(&self, ctx: &Context<'_>) -> bool {
        forum::may_answer(&ctx.request().caller(), &self.thread, &self.row)
    }

    /// Vous pouvez le modifier.
    async fn viewer_may_edit(&self, ctx: &Context<'_>) -> bool {
        forum::may_edit(&ctx.request().caller(), &self.thread, &self.row)
    }

    /// Vous pouvez le supprimer.
    async fn viewer_may_delete(&self, ctx: &Context<'_>) -> bool {
        forum::may_delete(&ctx.request().caller(), &self.thread, &self.row)
    }

    /// C'est la réponse acceptée.
    async fn accepted(&self) -> bool {
        self.thread.accepted_post_id == Some(self.row.id)
    }

    /// Le document de la bibliothèque qui en a été tiré, si vous le voyez.
    async fn document(&self, ctx: &Context<'_>) -> Result<Option<Document>> {
        let documents = ctx.request().loads().load_one(MadeOf(self.row.id)).await?.unwrap_or_default();
        Ok(documents.first().cloned().map(|document| Document(Arc::new(document))))
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
        let replies = RepliesTo(self.row.id);
        let page = lists::page(ctx, &replies, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        let total = lists::total(ctx, &replies).await?;
        foresee_authors(ctx, page.items.iter().map(|post| post.author_id)).await?;
        let node = |row| Post { row, thread: Arc::clone(&self.thread) };
        Ok(PostConnection::new(page, |post| replies.key(post).encode(), node, total))
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
        if !ctx.request().caller().moderates(self.thread.space_id) {
            return Ok(None);
        }
        let revisions = RevisionsOf(self.row.id);
        let page = lists::page(ctx, &revisions, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        let total = lists::total(ctx, &revisions).await?;
        Ok(Some(RevisionConnection::new(page, |revision| revisions.key(revision).encode(), Revision, total)))
    }
}

pub(crate) struct Revision(Arc<forum::Revision>);

connection! { "Les versions antérieures d'un message." RevisionConnection, RevisionEdge, Revision }

/// Une version antérieure d'un message.
#[Object]
impl Revision {
    /// Numéro de version.
    async fn revision(&self) -> i64 {
        self.0.revision
    }

    /// Ce qui était écrit alors, en Markdown.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// HTML sûr.
    async fn html(&self) -> &str {
        &self.0.html
    }

    /// Les fichiers qui y étaient joints.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn attachments(&self, ctx: &Context<'_>) -> Result<Vec<File>> {
        let attached = ctx.request().loads().load_one(AttachedTo(self.0.post_id)).await?.unwrap_or_default();
        let then = attached.iter().filter(|one| one.is_of(self.0.revision));
        Ok(then.map(|one| File(Arc::new(one.file.clone()))).collect())
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
