//! The forums: what reads them from the root. Objects are in `forum/{spaces,threads,posts}.rs`, what writes in
//! `forum/mutations.rs`.

mod mutations;
mod posts;
mod spaces;
mod threads;

use async_graphql::{Context, ID, Object, SimpleObject};
use services::Result;
use services::error::{Code, Error};
use services::forum;
use services::id::{ForumId, PostId, SpaceId, ThreadId};

use crate::context::{ContextExt, Request};
use crate::ids;
use crate::paging::{paging, size};
use threads::{Filter, foresee_page, list, unanswered};

pub(crate) use mutations::ForumMutation;
pub(crate) use posts::Post;
pub(crate) use spaces::{Forum, Space};
pub(crate) use threads::{Thread, ThreadConnection, ThreadFilter, ThreadKind, ThreadOrder};

/// Un texte mis en forme comme le serait un message.
#[derive(SimpleObject)]
pub(crate) struct Preview {
    /// HTML sûr.
    html: String,
    /// Le début en texte simple.
    excerpt: String,
}

/// Authors (and their organisations) of a page whose nodes ask for them.
async fn foresee_authors(ctx: &Context<'_>, authors: impl IntoIterator<Item = services::id::MemberId>) -> Result<()> {
    let author = ctx.look_ahead().field("edges").field("node").field("author");
    if author.exists() {
        ctx.request().foresee_members(authors, author.field("organisation").exists()).await?;
    }
    Ok(())
}

impl Request {
    /// A thread, when this caller sees it.
    pub(crate) async fn thread(&self, id: ThreadId) -> Result<Option<std::sync::Arc<forum::Thread>>> {
        self.loads().load_one(id).await
    }

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
        #[graphql(desc = "Seulement les fils dans cet état : sans réponse, résolus, ouverts, miens, masqués.")] filter: Option<
            ThreadFilter,
        >,
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
        let Some(thread) = ctx.request().thread(ids::argument::<ThreadId>("id", &id)?).await? else { return Ok(None) };
        foresee_page(ctx, &thread).await?;
        Ok(Some(Thread(thread)))
    }

    /// Les questions sans aucune réponse que vous voyez, tous espaces confondus, celle qui attend depuis le plus longtemps
    /// d'abord ; sans celles qui sont verrouillées.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn unanswered_threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement ces espaces, 10 au plus ; tous si absent.")] spaces: Option<Vec<ID>>,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ThreadConnection> {
        let spaces = spaces.unwrap_or_default();
        if spaces.len() > 10 {
            return Err(Error::invalid("spaces", Code::TooLong, "Au plus 10 espaces."));
        }
        let spaces = spaces.iter().map(|id| ids::argument("spaces", id)).collect::<Result<Vec<SpaceId>>>()?;
        unanswered(ctx, spaces, paging(first, after, last, before)).await
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
        #[graphql(desc = "L'espace où il sera écrit : qui le modère s'y adresse à toute organisation.")] space: Option<ID>,
    ) -> Result<Preview> {
        let (request, space) = (ctx.request(), ids::optional::<SpaceId>("space", space.as_ref())?);
        // On the request's own connection: waiting for a second one while holding the first could starve them all.
        let rendered = forum::preview(&mut *request.cx().await?, &request.caller(), space, &body).await?;
        Ok(Preview { html: rendered.html, excerpt: rendered.excerpt })
    }
}
