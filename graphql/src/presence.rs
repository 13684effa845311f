//! Who is typing.

use async_graphql::{Context, ID, InputObject, Object};
use services::Result;
use services::presence as service;

use crate::context::ContextExt;
use crate::forum::Thread;
use crate::ids;
use crate::payload::payload;

/// Un fil dans lequel vous écrivez.
#[derive(InputObject)]
pub(crate) struct SayTypingInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
}

payload! { "Le fil dans lequel vous écrivez." SayTypingPayload { "Le fil." thread: Thread } }

#[derive(Default)]
pub(crate) struct PresenceMutation;

#[Object]
impl PresenceMutation {
    /// Dit à ceux qui regardent un fil (presence) que vous y écrivez, pour 6 secondes ; à redire tant que cela dure. Rien n'en est
    /// gardé.
    async fn say_typing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: SayTypingInput,
    ) -> Result<Option<SayTypingPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async { service::say_typing(&request.app, &caller?, ids::argument("threadId", &input.thread_id)?).await })
            .await?;
        let thread = match attempt.done {
            Some(id) => request.thread(id).await?.map(Thread),
            None => None,
        };
        Ok(Some(SayTypingPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }
}
