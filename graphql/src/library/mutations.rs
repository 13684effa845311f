//! What writes in the library.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use services::Result;
use services::error::Error;
use services::id::DocumentId;
use services::library::{self, AddVersion, CreateDocument, Owner, PublishPost, Source, UpdateDocument};

use super::{Document, Licence};
use crate::audience::{AudienceGrantInput, grants};
use crate::context::{ContextExt, Request};
use crate::forum::Post;
use crate::ids;
use crate::payload::payload;
use crate::scalars::DateTime;

/// Un document à ajouter.
#[derive(InputObject)]
pub(crate) struct CreateDocumentInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// La catégorie.
    category_id: ID,
    /// Titre, de 3 à 200 caractères.
    title: String,
    /// Ce qu'on y trouve, 1 000 caractères au plus.
    summary: Option<String>,
    /// Étiquettes, 10 au plus.
    tags: Option<Vec<String>>,
    /// Langue (BCP 47) ; fr si absente.
    language: Option<String>,
    /// Le membre propriétaire ; vous si aucun propriétaire n'est donné.
    owner_member_id: Option<ID>,
    /// L'organisation propriétaire, plutôt qu'un membre.
    owner_organisation_id: Option<ID>,
    /// Qui le voit, en plus du propriétaire et de celles et ceux qui tiennent la bibliothèque.
    audience: Vec<AudienceGrantInput>,
    /// Ce que d'autres peuvent en faire.
    licence: Option<Licence>,
    /// À relire avant cette date.
    review_by: Option<DateTime>,
    /// Il existe dans une version accessible (RGAA).
    accessible: Option<bool>,
    /// Un fichier que vous venez d'envoyer par POST /files ; ou bien link, ou aucun des deux tant que l'adresse est à confirmer.
    file_id: Option<ID>,
    /// L'adresse où il se trouve, en http ou https.
    link: Option<String>,
    /// Ce qu'il faut savoir de cette version, 500 caractères au plus.
    note: Option<String>,
}

payload! { "Le document ajouté." CreateDocumentPayload { "Le document." document: Document } }

/// Un document à modifier ; ce qui est absent reste.
#[derive(InputObject)]
pub(crate) struct UpdateDocumentInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le document.
    document_id: ID,
    /// La catégorie.
    category_id: Option<ID>,
    /// Titre, de 3 à 200 caractères.
    title: Option<String>,
    /// Ce qu'on y trouve, 1 000 caractères au plus.
    summary: Option<String>,
    /// Étiquettes, 10 au plus.
    tags: Option<Vec<String>>,
    /// Langue (BCP 47).
    language: Option<String>,
    /// Le membre à qui le donner ; réservé à celles et ceux qui tiennent la bibliothèque.
    owner_member_id: Option<ID>,
    /// L'organisation à qui le donner ; réservé à celles et ceux qui tiennent la bibliothèque.
    owner_organisation_id: Option<ID>,
    /// Qui le voit, en plus du propriétaire et de celles et ceux qui tiennent la bibliothèque.
    audience: Option<Vec<AudienceGrantInput>>,
    /// Ce que d'autres peuvent en faire ; null si on ne le sait pas.
    licence: MaybeUndefined<Licence>,
    /// À relire avant cette date ; null si rien n'est prévu.
    review_by: MaybeUndefined<DateTime>,
    /// Il existe dans une version accessible (RGAA).
    accessible: Option<bool>,
}

payload! { "Le document modifié." UpdateDocumentPayload { "Le document." document: Document } }

/// Une version à ajouter à un document.
#[derive(InputObject)]
pub(crate) struct AddDocumentVersionInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le document.
    document_id: ID,
    /// Un fichier que vous venez d'envoyer par POST /files ; ou bien link.
    file_id: Option<ID>,
    /// L'adresse où elle se trouve, en http ou https.
    link: Option<String>,
    /// Ce qui change, 500 caractères au plus.
    note: Option<String>,
}

payload! { "Le document et sa nouvelle version." AddDocumentVersionPayload { "Le document." document: Document } }

/// Un document à archiver ou à sortir des archives.
#[derive(InputObject)]
pub(crate) struct ArchiveDocumentInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le document.
    document_id: ID,
    /// Vrai pour archiver, faux pour sortir des archives.
    archived: bool,
}

payload! { "Le document archivé ou sorti des archives." ArchiveDocumentPayload { "Le document." document: Document } }

/// Un document que vous trouvez utile, ou non.
#[derive(InputObject)]
pub(crate) struct VoteDocumentInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le document.
    document_id: ID,
    /// Vrai pour dire qu'il vous est utile, faux pour vous en dédire.
    useful: bool,
}

payload! { "Le document et son nombre de voix." VoteDocumentPayload { "Le document." document: Document } }

/// Un message dont faire un document.
#[derive(InputObject)]
pub(crate) struct PublishPostInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le message : une réponse acceptée, ou le premier message d'une bonne pratique.
    post_id: ID,
    /// La catégorie.
    category_id: ID,
    /// Titre, de 3 à 200 caractères.
    title: String,
    /// Ce qu'on y trouve, 1 000 caractères au plus.
    summary: Option<String>,
    /// Étiquettes, 10 au plus.
    tags: Option<Vec<String>>,
    /// Langue (BCP 47) ; fr si absente.
    language: Option<String>,
    /// Qui le voit, en plus de l'auteur du message et de celles et ceux qui tiennent la bibliothèque ; qui voit le message si absent.
    /// Au-delà, seuls l'auteur du message et les modérateurs de son espace en décident.
    audience: Option<Vec<AudienceGrantInput>>,
    /// Ce que d'autres peuvent en faire.
    licence: Option<Licence>,
}

payload! { "Le document tiré du message." PublishPostPayload { "Le document." document: Document } }

/// Une remarque à faire sur un document.
#[derive(InputObject)]
pub(crate) struct RemarkDocumentInput {
    /// Rendu tel quel.
    client_mutation_id: Option<String>,
    /// Clé d'idempotence, choisie par le client (un UUID) : redemandée sous 24 heures avec la même entrée, la mutation ne fait
    /// rien de plus et rend les mêmes objets.
    idempotency_key: Option<String>,
    /// Le document.
    document_id: ID,
    /// La remarque, en Markdown, 50 000 caractères au plus, avec des mentions comme dans OpenThreadInput.body.
    body: String,
    /// Fichiers à joindre, que vous venez d'envoyer par POST /files ; 10 au plus.
    attachments: Option<Vec<ID>>,
}

payload! { "La remarque faite." RemarkDocumentPayload { "La remarque, dans le fil des remarques sur le document." post: Post } }

#[derive(Default)]
pub(crate) struct LibraryMutation;

#[Object]
impl LibraryMutation {
    /// Ajoute un document à la bibliothèque ; réservé aux éditeurs, aux modérateurs de l'espace accompagnement et aux
    /// administrateurs.
    async fn create_document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: CreateDocumentInput,
    ) -> Result<Option<CreateDocumentPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let new = CreateDocument {
                    category: ids::argument("categoryId", &input.category_id)?,
                    title: input.title.clone(),
                    summary: input.summary.clone().unwrap_or_default(),
                    tags: input.tags.clone().unwrap_or_default(),
                    language: input.language.clone(),
                    owner: owner(input.owner_member_id.as_ref(), input.owner_organisation_id.as_ref())?,
                    audience: grants("audience", &input.audience)?,
                    licence: input.licence.map(Into::into),
                    review_by: input.review_by.map(|at| at.0),
                    accessible: input.accessible.unwrap_or(false),
                    source: source(input.file_id.as_ref(), input.link.clone())?,
                    note: input.note.clone().unwrap_or_default(),
                };
                library::create_document(&request.app, &caller?, new).await
            })
            .await?;
        let document = found(request, attempt.done).await?;
        Ok(Some(CreateDocumentPayload::new(input.client_mutation_id, attempt.problems, document)))
    }

    /// Modifie ce qui est dit d'un document et qui le voit : son propriétaire et celles et ceux qui tiennent la bibliothèque.
    async fn update_document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: UpdateDocumentInput,
    ) -> Result<Option<UpdateDocumentPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let change = UpdateDocument {
                    category: ids::optional("categoryId", input.category_id.as_ref())?,
                    title: input.title.clone(),
                    summary: input.summary.clone(),
                    tags: input.tags.clone(),
                    language: input.language.clone(),
                    owner: owner(input.owner_member_id.as_ref(), input.owner_organisation_id.as_ref())?,
                    audience: input.audience.as_deref().map(|given| grants("audience", given)).transpose()?,
                    licence: nullable(&input.licence, |licence| (*licence).into()),
                    review_by: nullable(&input.review_by, |at| at.0),
                    accessible: input.accessible,
                };
                library::update_document(&request.app, &caller?, ids::argument("documentId", &input.document_id)?, change).await
            })
            .await?;
        let document = found(request, attempt.done).await?;
        Ok(Some(UpdateDocumentPayload::new(input.client_mutation_id, attempt.problems, document)))
    }

    /// Ajoute une version, qui devient la dernière ; les autres restent à leurs adresses.
    async fn add_document_version(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: AddDocumentVersionInput,
    ) -> Result<Option<AddDocumentVersionPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("documentId", &input.document_id)?;
                let source = source(input.file_id.as_ref(), input.link.clone())?;
                let new = AddVersion { source, note: input.note.clone().unwrap_or_default() };
                library::add_document_version(&request.app, &caller?, id, new).await
            })
            .await?;
        let document = found(request, attempt.done).await?;
        Ok(Some(AddDocumentVersionPayload::new(input.client_mutation_id, attempt.problems, document)))
    }

    /// Archive un document, que les listes ne montrent plus, ou le sort des archives.
    async fn archive_document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: ArchiveDocumentInput,
    ) -> Result<Option<ArchiveDocumentPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("documentId", &input.document_id)?;
                library::archive_document(&request.app, &caller?, id, input.archived).await
            })
            .await?;
        let document = found(request, attempt.done).await?;
        Ok(Some(ArchiveDocumentPayload::new(input.client_mutation_id, attempt.problems, document)))
    }

    /// Fait d'un message un document de la bibliothèque, avec ses pièces jointes : une réponse acceptée ou une bonne pratique. Son
    /// auteur en est le propriétaire, et le fil lui est lié. Réservé à celles et ceux qui tiennent la bibliothèque.
    async fn publish_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: PublishPostInput,
    ) -> Result<Option<PublishPostPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let new = PublishPost {
                    post: ids::argument("postId", &input.post_id)?,
                    category: ids::argument("categoryId", &input.category_id)?,
                    title: input.title.clone(),
                    summary: input.summary.clone().unwrap_or_default(),
                    tags: input.tags.clone().unwrap_or_default(),
                    language: input.language.clone(),
                    audience: input.audience.as_deref().map(|given| grants("audience", given)).transpose()?,
                    licence: input.licence.map(Into::into),
                };
                library::publish_post(&request.app, &caller?, new).await
            })
            .await?;
        let document = found(request, attempt.done).await?;
        Ok(Some(PublishPostPayload::new(input.client_mutation_id, attempt.problems, document)))
    }

    /// Fait une remarque sur un document que vous voyez ; la première ouvre le fil qui les porte toutes.
    async fn remark_document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: RemarkDocumentInput,
    ) -> Result<Option<RemarkDocumentPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("documentId", &input.document_id)?;
                let files = input.attachments.as_deref().unwrap_or_default();
                let files = files.iter().map(|id| ids::argument("attachments", id)).collect::<Result<Vec<_>>>()?;
                library::remark_document(&request.app, &caller?, id, &input.body, files).await
            })
            .await?;
        let post = match attempt.done {
            Some(id) => request.post(id).await?,
            None => None,
        };
        Ok(Some(RemarkDocumentPayload::new(input.client_mutation_id, attempt.problems, post)))
    }

    /// Dit qu'un document vous est utile, une fois par membre, ou vous en dédit.
    async fn vote_document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "La demande.")] input: VoteDocumentInput,
    ) -> Result<Option<VoteDocumentPayload>> {
        let request = ctx.request();
        let caller = ctx.acting(&input.idempotency_key);
        let attempt = request
            .attempt(async {
                let id = ids::argument("documentId", &input.document_id)?;
                library::vote_document(&request.app, &caller?, id, input.useful).await
            })
            .await?;
        let document = found(request, attempt.done).await?;
        Ok(Some(VoteDocumentPayload::new(input.client_mutation_id, attempt.problems, document)))
    }
}

fn owner(member: Option<&ID>, organisation: Option<&ID>) -> Result<Option<Owner>> {
    let (member, organisation) = (ids::optional("ownerMemberId", member)?, ids::optional("ownerOrganisationId", organisation)?);
    Owner::of(member, organisation).map_err(|problem| Error::Invalid(vec![problem]))
}

fn source(file: Option<&ID>, link: Option<String>) -> Result<Option<Source>> {
    Source::of(ids::optional("fileId", file)?, link).map_err(|problem| Error::Invalid(vec![problem]))
}

/// Absent leaves it, null takes it away.
fn nullable<T, U>(given: &MaybeUndefined<T>, convert: impl Fn(&T) -> U) -> Option<Option<U>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(convert(value))),
    }
}

async fn found(request: &Request, id: Option<DocumentId>) -> Result<Option<Document>> {
    let Some(id) = id else { return Ok(None) };
    // A new audience is held by its maker from now on.
    request.look_again().await?;
    request.document(id).await
}
