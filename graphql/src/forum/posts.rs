//! Posts and their former versions.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use services::caller::Caller;
use services::forum::{self, Attachment};
use services::page::Key;
use services::{Error, Result};

use super::foresee_authors;
use super::threads::Thread;
use crate::accounts::Member;
use crate::context::ContextExt;
use crate::files::File;
use crate::loaders::{AttachedTo, MentionedIn, RepliesTo, ReplyCount};
use crate::paging::{connection, paging, size, total};
use crate::scalars::DateTime;

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

    /// Les fichiers joints, dans leur ordre ; vide si vous ne pouvez pas le lire.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn attachments(&self, ctx: &Context<'_>) -> Result<Vec<File>> {
        if !self.is_readable(&ctx.request().caller()) {
            return Ok(Vec::new());
        }
        let attached = ctx.request().loads().load_one(AttachedTo(self.row.id)).await?.unwrap_or_default();
        Ok(attached.into_iter().filter(Attachment::is_present).map(|one| File(Arc::new(one.file))).collect())
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
        let then = attached.into_iter().filter(|one| one.is_of(self.0.revision));
        Ok(then.map(|one| File(Arc::new(one.file))).collect())
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
