//! What writes in the forums.

use async_graphql::{Context, ID, InputObject, Object};
use services::Result;
use services::forum::{self, CreateForum, EditPost, EditThread, OpenThread, UpdateForum};
use services::id::{DocumentId, FileId, PostId, ThreadId, TrainingId};

use super::{Forum, Post, Thread, ThreadKind};
use crate::audience::{AudienceGrantInput, grants};
use crate::context::{ContextExt, Request};
use crate::ids;
use crate::payload::payload;
use crate::reports::ReportInput;

/// Un fil à ouvrir.
#[derive(InputObject)]
pub(crate) struct OpenThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le forum.
    forum_id: ID,
    /// Nature, une de celles que le forum accueille.
    kind: ThreadKind,
    /// Titre, de 5 à 150 caractères.
    title: String,
    /// Premier message, en Markdown, 50 000 caractères au plus. @identifiant y mentionne un membre, @@moderation les modérateurs de
    /// l'espace, @@ et son slug une organisation : la vôtre, une où vous tenez un rôle, une de leurs unités, ou n'importe laquelle si
    /// vous modérez l'espace. Trois groupes au plus ; à moins de modérer, quelques messages par jour seulement s'adressent à des
    /// organisations. Ce à quoi vous ne pouvez pas vous adresser reste du texte.
    body: String,
    /// Fichiers à joindre, que vous venez d'envoyer par POST /files ; 10 au plus.
    attachments: Option<Vec<ID>>,
    /// Les formations dont il parle, 20 au plus, parmi celles que vous voyez. Celles dont il contient une adresse sur Mentor s'y
    /// ajoutent.
    trainings: Option<Vec<ID>>,
    /// Les documents dont il parle, 20 au plus, parmi ceux que vous voyez. Ceux dont il contient l'adresse s'y ajoutent.
    documents: Option<Vec<ID>>,
    /// Ce qu'un SIGNALEMENT dit du dysfonctionnement ; pour cette nature seulement.
    report: Option<ReportInput>,
}

payload! { "Le fil ouvert." OpenThreadPayload { "Le fil." thread: Thread } }

/// Un fil à modifier ; ce qui est absent reste.
#[derive(InputObject)]
pub(crate) struct EditThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
    /// Titre, de 5 à 150 caractères.
    title: Option<String>,
    /// Nature, une de celles que le forum accueille.
    kind: Option<ThreadKind>,
    /// Les formations dont il parle, 20 au plus : de celles que vous voyez, il n'est plus lié qu'à celles-là.
    trainings: Option<Vec<ID>>,
    /// Les documents dont il parle, 20 au plus : de ceux que vous voyez, il n'est plus lié qu'à ceux-là.
    documents: Option<Vec<ID>>,
}

payload! { "Le fil modifié." EditThreadPayload { "Le fil." thread: Thread } }

/// Une réponse à un message.
#[derive(InputObject)]
pub(crate) struct AnswerPostInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le message auquel répondre.
    post_id: ID,
    /// La réponse, en Markdown, 50 000 caractères au plus, avec des mentions comme dans OpenThreadInput.body.
    body: String,
    /// Fichiers à joindre, que vous venez d'envoyer par POST /files ; 10 au plus.
    attachments: Option<Vec<ID>>,
}

payload! { "La réponse écrite." AnswerPostPayload { "Le nouveau message." post: Post } }

/// Une nouvelle version d'un de vos messages.
#[derive(InputObject)]
pub(crate) struct EditPostInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le message.
    post_id: ID,
    /// Le nouveau texte, en Markdown, 50 000 caractères au plus, avec des mentions comme dans OpenThreadInput.body : celles d'avant
    /// n'y sont plus que s'il les reprend, et personne n'est prévenu.
    body: String,
    /// Les fichiers joints désormais, dans cet ordre, 10 au plus : ceux qu'il porte et d'autres que vous venez d'envoyer ; les
    /// mêmes si absent, aucun si la liste est vide.
    attachments: Option<Vec<ID>>,
    /// La version que vous avez lue : si le message a changé depuis, rien n'est fait.
    revision: Option<i64>,
}

payload! { "Le message modifié." EditPostPayload { "Le message." post: Post } }

/// Un message à supprimer.
#[derive(InputObject)]
pub(crate) struct DeletePostInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le message.
    post_id: ID,
}

payload! { "Le message supprimé." DeletePostPayload {
    "Le message, vidé, à sa place ; null s'il ne restait rien à lire dans le fil." post: Post,
    "Son identifiant." deleted_post_id: ID,
} }

/// Une réponse à accepter.
#[derive(InputObject)]
pub(crate) struct AcceptAnswerInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La réponse.
    post_id: ID,
}

payload! { "Le fil résolu." AcceptAnswerPayload { "Le fil." thread: Thread } }

/// Un fil à rouvrir.
#[derive(InputObject)]
pub(crate) struct ReopenThreadInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le fil.
    thread_id: ID,
}

payload! { "Le fil rouvert." ReopenThreadPayload { "Le fil." thread: Thread } }

/// Un forum à créer.
#[derive(InputObject)]
pub(crate) struct CreateForumInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// L'espace.
    space_id: ID,
    /// Nom, de 2 à 80 caractères.
    name: String,
    /// Ce à quoi il sert, 500 caractères au plus.
    description: String,
    /// Les natures de fils qu'il accueille.
    kinds: Vec<ThreadKind>,
    /// Qui le voit, en plus des modérateurs de l'espace et des administrateurs.
    audience: Vec<AudienceGrantInput>,
    /// Parmi eux, qui peut y ouvrir un fil.
    opening_audience: Vec<AudienceGrantInput>,
    /// Place dans l'espace, du plus petit au plus grand.
    position: Option<i64>,
}

payload! { "Le forum créé." CreateForumPayload { "Le forum." forum: Forum } }

/// Un forum à modifier ; ce qui est absent reste.
#[derive(InputObject)]
pub(crate) struct UpdateForumInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le forum.
    forum_id: ID,
    /// Nom, de 2 à 80 caractères.
    name: Option<String>,
    /// Ce à quoi il sert, 500 caractères au plus.
    description: Option<String>,
    /// Les natures de fils qu'il accueille.
    kinds: Option<Vec<ThreadKind>>,
    /// Qui le voit, en plus des modérateurs de l'espace et des administrateurs.
    audience: Option<Vec<AudienceGrantInput>>,
    /// Parmi eux, qui peut y ouvrir un fil.
    opening_audience: Option<Vec<AudienceGrantInput>>,
    /// Place dans l'espace, du plus petit au plus grand.
    position: Option<i64>,
}

payload! { "Le forum modifié." UpdateForumPayload { "Le forum." forum: Forum } }

fn trainings(ids: &[ID]) -> Result<Vec<TrainingId>> {
    ids.iter().map(|id| ids::argument("trainings", id)).collect()
}

fn documents(ids: &[ID]) -> Result<Vec<DocumentId>> {
    ids.iter().map(|id| ids::argument("documents", id)).collect()
}

#[derive(Default)]
pub(crate) struct ForumMutation;

#[Object]
impl ForumMutation {
    /// Ouvre un fil dans un forum.
    async fn open_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: OpenThreadInput,
    ) -> Result<Option<OpenThreadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let forum = ids::argument("forumId", &input.forum_id)?;
                let (title, body) = (input.title.clone(), input.body.clone());
                let new = OpenThread {
                    forum,
                    kind: input.kind.into(),
                    title,
                    body,
                    attachments: files(input.attachments.as_deref())?.unwrap_or_default(),
                    trainings: trainings(input.trainings.as_deref().unwrap_or_default())?,
                    documents: documents(input.documents.as_deref().unwrap_or_default())?,
                    report: input.report.as_ref().map(ReportInput::fields),
                };
                forum::open_thread(&request.app, &caller?, new).await
            })
            .await?;
        let thread = thread(request, attempt.done).await?;
        Ok(Some(OpenThreadPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }

    /// Change le titre, la nature ou les formations d'un fil ; son auteur tant qu'il n'est pas verrouillé, et les modérateurs.
    async fn edit_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: EditThreadInput,
    ) -> Result<Option<EditThreadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("threadId", &input.thread_id)?;
                let edit = EditThread {
                    title: input.title.clone(),
                    kind: input.kind.map(Into::into),
                    trainings: input.trainings.as_deref().map(trainings).transpose()?,
                    documents: input.documents.as_deref().map(documents).transpose()?,
                };
                forum::edit_thread(&request.app, &caller?, id, edit).await
            })
            .await?;
        let thread = thread(request, attempt.done).await?;
        Ok(Some(EditThreadPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }

    /// Répond à un message.
    async fn answer_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: AnswerPostInput,
    ) -> Result<Option<AnswerPostPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("postId", &input.post_id)?;
                let attachments = files(input.attachments.as_deref())?.unwrap_or_default();
                forum::answer_post(&request.app, &caller?, id, &input.body, attachments).await
            })
            .await?;
        let post = post(request, attempt.done).await?;
        Ok(Some(AnswerPostPayload::new(input.client_mutation_id, attempt.problems, post)))
    }

    /// Modifie un de vos messages ; la version antérieure est gardée pour les modérateurs.
    async fn edit_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: EditPostInput,
    ) -> Result<Option<EditPostPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("postId", &input.post_id)?;
                let attachments = files(input.attachments.as_deref())?;
                let edit = EditPost { body: input.body.clone(), attachments, expected: input.revision };
                forum::edit_post(&request.app, &caller?, id, edit).await
            })
            .await?;
        let post = post(request, attempt.done).await?;
        Ok(Some(EditPostPayload::new(input.client_mutation_id, attempt.problems, post)))
    }

    /// Supprime un message : le vôtre, ou tout message de l'espace que vous modérez.
    async fn delete_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: DeletePostInput,
    ) -> Result<Option<DeletePostPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("postId", &input.post_id)?;
                forum::delete_post(&request.app, &caller?, id).await
            })
            .await?;
        let post = post(request, attempt.done).await?;
        let id = attempt.done.map(|id| ID(id.to_string()));
        Ok(Some(DeletePostPayload::new(input.client_mutation_id, attempt.problems, post, id)))
    }

    /// Accepte une réponse à votre question ou signalement ; une autre acceptée avant est remplacée.
    async fn accept_answer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: AcceptAnswerInput,
    ) -> Result<Option<AcceptAnswerPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("postId", &input.post_id)?;
                forum::accept_answer(&request.app, &caller?, id).await
            })
            .await?;
        let thread = thread(request, attempt.done).await?;
        Ok(Some(AcceptAnswerPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }

    /// Rouvre un fil résolu.
    async fn reopen_thread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: ReopenThreadInput,
    ) -> Result<Option<ReopenThreadPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("threadId", &input.thread_id)?;
                forum::reopen_thread(&request.app, &caller?, id).await
            })
            .await?;
        let thread = thread(request, attempt.done).await?;
        Ok(Some(ReopenThreadPayload::new(input.client_mutation_id, attempt.problems, thread)))
    }

    /// Crée un forum ; réservé aux administrateurs de la communauté.
    async fn create_forum(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: CreateForumInput,
    ) -> Result<Option<CreateForumPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let new = CreateForum {
                    space: ids::argument("spaceId", &input.space_id)?,
                    name: input.name.clone(),
                    description: input.description.clone(),
                    kinds: input.kinds.iter().map(|kind| (*kind).into()).collect(),
                    audience: grants("audience", &input.audience)?,
                    opening: grants("openingAudience", &input.opening_audience)?,
                    position: input.position,
                };
                forum::create_forum(&request.app, &caller?, new).await
            })
            .await?;
        let forum = forum_found(request, attempt.done).await?;
        Ok(Some(CreateForumPayload::new(input.client_mutation_id, attempt.problems, forum)))
    }

    /// Modifie un forum ; réservé aux administrateurs de la communauté.
    async fn update_forum(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateForumInput,
    ) -> Result<Option<UpdateForumPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let change = UpdateForum {
                    name: input.name.clone(),
                    description: input.description.clone(),
                    kinds: input.kinds.as_ref().map(|kinds| kinds.iter().map(|kind| (*kind).into()).collect()),
                    audience: input.audience.as_deref().map(|given| grants("audience", given)).transpose()?,
                    opening: input.opening_audience.as_deref().map(|given| grants("openingAudience", given)).transpose()?,
                    position: input.position,
                };
                forum::update_forum(&request.app, &caller?, ids::argument("forumId", &input.forum_id)?, change).await
            })
            .await?;
        let forum = forum_found(request, attempt.done).await?;
        Ok(Some(UpdateForumPayload::new(input.client_mutation_id, attempt.problems, forum)))
    }
}

fn files(ids: Option<&[ID]>) -> Result<Option<Vec<FileId>>> {
    ids.map(|ids| ids.iter().map(|id| ids::argument("attachments", id)).collect()).transpose()
}

async fn thread(request: &Request, id: Option<ThreadId>) -> Result<Option<Thread>> {
    match id {
        Some(id) => Ok(request.thread(id).await?.map(Thread)),
        None => Ok(None),
    }
}

async fn post(request: &Request, id: Option<PostId>) -> Result<Option<Post>> {
    match id {
        Some(id) => request.post(id).await,
        None => Ok(None),
    }
}

async fn forum_found(request: &Request, id: Option<services::id::ForumId>) -> Result<Option<Forum>> {
    let Some(id) = id else { return Ok(None) };
    // A new audience is held by its maker from now on.
    request.look_again().await?;
    request.forum(id).await
}
