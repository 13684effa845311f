//! How far the caller has read.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, InputObject, Object};
use services::id::{ForumId, ThreadId};
use services::read_marks as service;
use services::{Error, Result};

use crate::context::{ContextExt, Request};
use crate::forum::{Forum, Thread};
use crate::ids;
use crate::lists;
use crate::loaders::Store;
use crate::payload::payload;

/// How many posts of a thread the caller has not read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct UnreadIn(ThreadId);

impl Loader<UnreadIn> for Store {
    type Value = i64;
    type Error = Error;
    async fn load(&self, keys: &[UnreadIn]) -> Result<HashMap<UnreadIn, i64>> {
        let request = self.0.request()?;
        let (asked, ids) = (request.asked(), keys.iter().map(|key| key.0).collect::<Vec<_>>());
        let found = service::unread_posts(&mut *request.cx().await?, &asked.caller, asked.now, &ids).await?;
        Ok(lists::by(found, UnreadIn))
    }
}

/// How many threads of a forum hold such posts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct UnreadBelow(ForumId);

impl Loader<UnreadBelow> for Store {
    type Value = i64;
    type Error = Error;
    async fn load(&self, keys: &[UnreadBelow]) -> Result<HashMap<UnreadBelow, i64>> {
        let request = self.0.request()?;
        let (asked, ids) = (request.asked(), keys.iter().map(|key| key.0).collect::<Vec<_>>());
        let found = service::unread_threads(&mut *request.cx().await?, &asked.caller, asked.now, &ids).await?;
        Ok(lists::by(found, UnreadBelow))
    }
}

impl Request {
    /// How many posts of a thread the caller has not read; none for nobody.
    pub(crate) async fn unread_posts(&self, thread: ThreadId) -> Result<Option<i64>> {
        self.loads().load_one(UnreadIn(thread)).await
    }

    /// How many threads of a forum hold such posts; none for nobody.
    pub(crate) async fn unread_threads(&self, forum: ForumId) -> Result<Option<i64>> {
        self.loads().load_one(UnreadBelow(forum)).await
    }
}

/// Un fil lu jusqu'à un message.
#[derive(InputObject)]
pub(crate) struct MarkThreadReadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
    /// Le dernier message lu, dans l'ordre d'arrivée ; ceux qui sont arrivés avant sont lus aussi.
    up_to: ID,
}

payload! { "Le fil lu." MarkThreadReadPayload { "Le fil." thread: Thread } }

/// Un forum tout entier lu.
#[derive(InputObject)]
pub(crate) struct MarkForumReadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le forum.
    forum_id: ID,
}

payload! { "Le forum lu." MarkForumReadPayload { "Le forum." forum: Forum } }

#[derive(Default)]
pub(crate) struct ReadMarksMutation;

#[Object]
impl ReadMarksMutation {
    /// Retient que vous avez lu un fil jusqu'à un message, et les notifications qui en parlent ; ne revient jamais en arrière.
    async fn mark_thread_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: MarkThreadReadInput,
    ) -> Result<Option<MarkThreadReadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let (id, up_to) = (ids::argument("threadId", &input.thread_id)?, ids::argument("upTo", &input.up_to)?);
                service::mark_thread_read(&request.app, &caller?, id, up_to).await
            })
            .await?;
        let thread = match attempt.done {
            Some(id) => request.thread(id).await?.map(Thread),
            None => None,
        };
        Ok(Some(MarkThreadReadPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }

    /// Retient que vous avez lu tout ce qu'un forum contient à cet instant.
    async fn mark_forum_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: MarkForumReadInput,
    ) -> Result<Option<MarkForumReadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async { service::mark_forum_read(&request.app, &caller?, ids::argument("forumId", &input.forum_id)?).await })
            .await?;
        let forum = match attempt.done {
            Some(id) => request.forum(id).await?,
            None => None,
        };
        Ok(Some(MarkForumReadPayload::new(input.client_mutation_id, attempt.problems, forum)))
    }
}
