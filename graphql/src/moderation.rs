//! What moderators do.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};
use services::Result;
use services::id::{MemberId, ThreadId};
use services::moderation::{self, Switch};

use crate::accounts::Member;
use crate::context::{ContextExt, Request};
use crate::forum::{Post, Thread, ThreadKind};
use crate::ids;
use crate::payload::payload;
use crate::scalars::DateTime;

/// Un fil à masquer ou à montrer.
#[derive(InputObject)]
pub(crate) struct HideThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
    /// Vrai pour masquer, faux pour montrer.
    hidden: bool,
}

payload! { "Le fil masqué ou montré." HideThreadPayload { "Le fil." thread: Thread } }

/// Un fil à verrouiller ou à déverrouiller.
#[derive(InputObject)]
pub(crate) struct LockThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
    /// Vrai pour verrouiller, faux pour déverrouiller.
    locked: bool,
}

payload! { "Le fil verrouillé ou déverrouillé." LockThreadPayload { "Le fil." thread: Thread } }

/// Un fil à épingler ou à détacher.
#[derive(InputObject)]
pub(crate) struct PinThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
    /// Vrai pour épingler, faux pour détacher.
    pinned: bool,
}

payload! { "Le fil épinglé ou détaché." PinThreadPayload { "Le fil." thread: Thread } }

/// Un fil à déplacer.
#[derive(InputObject)]
pub(crate) struct MoveThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
    /// Le forum où le mettre.
    forum_id: ID,
    /// Nouvelle nature, si ce forum n'accueille pas la sienne.
    kind: Option<ThreadKind>,
}

payload! { "Le fil déplacé." MoveThreadPayload { "Le fil." thread: Thread } }

/// Un message à masquer ou à montrer.
#[derive(InputObject)]
pub(crate) struct HidePostInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le message.
    post_id: ID,
    /// Vrai pour masquer, faux pour montrer.
    hidden: bool,
    /// Motif, lu par l'auteur ; obligatoire pour masquer.
    reason: Option<String>,
}

payload! { "Le message masqué ou montré." HidePostPayload { "Le message." post: Post } }

/// Un membre à suspendre.
#[derive(InputObject)]
pub(crate) struct SuspendMemberInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le membre.
    member_id: ID,
    /// Motif, lu par le membre.
    reason: String,
    /// Fin de la suspension ; jusqu'à nouvel ordre si absente.
    until: Option<DateTime>,
}

payload! { "Le membre suspendu." SuspendMemberPayload { "Le membre." member: Member } }

/// Un membre dont lever la suspension.
#[derive(InputObject)]
pub(crate) struct ReinstateMemberInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le membre.
    member_id: ID,
}

payload! { "Le membre rétabli." ReinstateMemberPayload { "Le membre." member: Member } }

#[derive(Default)]
pub(crate) struct ModerationMutation;

#[Object]
impl ModerationMutation {
    /// Masque un fil à tous sauf aux modérateurs, ou le montre.
    async fn hide_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: HideThreadInput,
    ) -> Result<Option<HideThreadPayload>> {
        let (problems, thread) = switch(ctx, &input.idempotency_key, &input.thread_id, Switch::Hidden, input.hidden).await?;
        Ok(Some(HideThreadPayload::new(input.client_mutation_id, problems, thread)))
    }

    /// Verrouille un fil, qui n'accepte plus de message, ou le déverrouille.
    async fn lock_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: LockThreadInput,
    ) -> Result<Option<LockThreadPayload>> {
        let (problems, thread) = switch(ctx, &input.idempotency_key, &input.thread_id, Switch::Locked, input.locked).await?;
        Ok(Some(LockThreadPayload::new(input.client_mutation_id, problems, thread)))
    }

    /// Épingle un fil en tête de son forum, ou le détache.
    async fn pin_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: PinThreadInput,
    ) -> Result<Option<PinThreadPayload>> {
        let (problems, thread) = switch(ctx, &input.idempotency_key, &input.thread_id, Switch::Pinned, input.pinned).await?;
        Ok(Some(PinThreadPayload::new(input.client_mutation_id, problems, thread)))
    }

    /// Déplace un fil vers un autre forum, d'un espace que vous modérez aussi.
    async fn move_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: MoveThreadInput,
    ) -> Result<Option<MoveThreadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("threadId", &input.thread_id)?;
                let forum = ids::argument("forumId", &input.forum_id)?;
                moderation::move_thread(&request.app, &caller?, id, forum, input.kind.map(Into::into)).await
            })
            .await?;
        let thread = thread(request, attempt.done).await?;
        Ok(Some(MoveThreadPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }

    /// Masque un message, avec un motif lu par son auteur, ou le montre.
    async fn hide_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: HidePostInput,
    ) -> Result<Option<HidePostPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("postId", &input.post_id)?;
                moderation::hide_post(&request.app, &caller?, id, input.hidden, input.reason.clone()).await
            })
            .await?;
        let post: Option<Post> = match attempt.done {
            Some(id) => request.post(id).await?,
            None => None,
        };
        Ok(Some(HidePostPayload::new(input.client_mutation_id, attempt.problems, post)))
    }

    /// Suspend un membre, qui peut alors lire et ne peut pas écrire ; réservé aux modérateurs de toute la communauté.
    async fn suspend_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: SuspendMemberInput,
    ) -> Result<Option<SuspendMemberPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("memberId", &input.member_id)?;
                moderation::suspend_member(&request.app, &caller?, id, &input.reason, input.until.map(|at| at.0)).await
            })
            .await?;
        let member = member(request, attempt.done).await?;
        Ok(Some(SuspendMemberPayload::new(input.client_mutation_id, attempt.problems, member)))
    }

    /// Lève une suspension ; réservé aux modérateurs de toute la communauté.
    async fn reinstate_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: ReinstateMemberInput,
    ) -> Result<Option<ReinstateMemberPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("memberId", &input.member_id)?;
                moderation::reinstate_member(&request.app, &caller?, id).await
            })
            .await?;
        let member = member(request, attempt.done).await?;
        Ok(Some(ReinstateMemberPayload::new(input.client_mutation_id, attempt.problems, member)))
    }
}

type Switched = (Vec<services::error::Problem>, Option<Thread>);

async fn switch(ctx: &Context<'_>, key: &Option<String>, id: &ID, switch: Switch, on: bool) -> Result<Switched> {
    let (request, caller) = (ctx.request(), ctx.acting(key));
    let attempt = request
        .attempt(async { moderation::switch_thread(&request.app, &caller?, ids::argument("threadId", id)?, switch, on).await })
        .await?;
    Ok((attempt.problems, thread(request, attempt.done).await?))
}

async fn thread(request: &Request, id: Option<ThreadId>) -> Result<Option<Thread>> {
    match id {
        Some(id) => Ok(request.thread(id).await?.map(Thread)),
        None => Ok(None),
    }
}

async fn member(request: &Request, id: Option<MemberId>) -> Result<Option<Member>> {
    match id {
        Some(id) => Ok(request.member(id).await?.map(|member: Arc<_>| Member(member))),
        None => Ok(None),
    }
}
