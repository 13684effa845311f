//! The library: its categories, documents and versions. What writes is in `library/mutations.rs`.

mod mutations;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use services::db::Cx;
use services::id::{AnyId, DocumentId};
use services::library::{self, DocumentFilter as Filter};
use services::page::{Key, Page, Paging};
use services::{Error, Result};

use crate::accounts::Member;
use crate::audience::AudienceGrant;
use crate::context::{ContextExt, Request};
use crate::files::File;
use crate::forum::{Post, Thread, ThreadConnection};
use crate::ids;
use crate::links::{self, LinkedThreadCount, LinkedThreadKind};
use crate::lists::{self, Asked, List};
use crate::loaders::{AncestorsOf, AttachedToVersions, FoundUseful, GrantsOf, LatestOf, RemarksOn, SpaceNamed, TagsOf};
use crate::organisations::Organisation;
use crate::paging::{connection, paging, size, total};
use crate::scalars::DateTime;

pub(crate) use mutations::LibraryMutation;

pub(crate) struct DocumentCategory(pub(crate) library::DocumentCategory);

/// Une des neuf catégories de la bibliothèque.
#[Object]
impl DocumentCategory {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Nom court pour les adresses ; il ne change pas.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Nom de la catégorie, à afficher.
    async fn name(&self) -> &str {
        &self.0.name
    }
}

/// Ce que d'autres peuvent faire d'un document.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "services::library::Licence")]
pub(crate) enum Licence {
    /// Licence Ouverte 2.0 (Etalab) : tout réemploi, avec la mention de la source.
    Ouverte,
    /// Creative Commons : attribution.
    CcBy,
    /// Creative Commons : attribution, partage dans les mêmes conditions.
    CcBySa,
    /// Creative Commons : attribution, pas de modification.
    CcByNd,
    /// Creative Commons : attribution, pas d'utilisation commerciale.
    CcByNc,
    /// Creative Commons : attribution, pas d'utilisation commerciale, partage dans les mêmes conditions.
    CcByNcSa,
    /// Creative Commons : attribution, pas d'utilisation commerciale, pas de modification.
    CcByNcNd,
    /// Dans le domaine public.
    DomainePublic,
    /// Rien sans l'accord du propriétaire.
    TousDroitsReserves,
}

/// Où en est un document.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentState {
    /// Il a un fichier ou une adresse.
    Disponible,
    /// Son fichier ou son adresse reste à donner.
    AdresseAConfirmer,
    /// Il n'est plus dans les listes ; ses adresses restent bonnes.
    Archive,
}

/// Ce qu'une liste de documents retient.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentFilter {
    /// Ceux dont le fichier ou l'adresse reste à donner.
    AConfirmer,
    /// Ceux dont la date de relecture est passée.
    ARelire,
    /// Ceux dont vous êtes propriétaire.
    Miens,
    /// Ceux qui sont archivés, plutôt que les autres.
    Archives,
}

/// L'ordre d'une liste de documents.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentOrder {
    /// Par titre.
    Titre,
    /// Par dernière modification, la plus récente d'abord.
    Date,
}

/// The versions of a document.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct VersionsOf(DocumentId);

impl List for VersionsOf {
    type Item = library::Version;
    type Key = i64;

    fn key(&self, version: &library::Version) -> i64 {
        version.number
    }

    async fn pages(cx: &mut Cx, _: &Asked, of: &[Self], paging: &Paging) -> Result<HashMap<Self, Page<library::Version>>> {
        let documents: Vec<_> = of.iter().map(|of| of.0).collect();
        Ok(lists::by(library::versions(cx, &documents, paging).await?, VersionsOf))
    }
}

pub(crate) struct Document(pub(crate) Arc<library::Document>);

connection! { "Des documents." DocumentConnection, DocumentEdge, Document }

impl Document {
    async fn may_edit(&self, request: &Request) -> Result<bool> {
        let (loads, document) = (request.loads(), &self.0);
        let space = loads.load_one(SpaceNamed(library::SPACE)).await?.ok_or(Error::NotFound)?;
        let above = match document.organisation_id {
            Some(organisation) => loads.load_one(AncestorsOf(organisation)).await?.unwrap_or_default(),
            None => Arc::default(),
        };
        Ok(library::may_edit(&request.caller(), document, space.id, &above))
    }
}

/// Un document de la bibliothèque : un fichier ou une adresse, et ses versions.
#[Object]
impl Document {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Titre, en texte simple.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Ce qu'on y trouve, en texte simple ; peut être vide.
    async fn summary(&self) -> &str {
        &self.0.summary
    }

    /// Sa catégorie.
    async fn category(&self, ctx: &Context<'_>) -> Result<DocumentCategory> {
        ctx.request().loads().load_one(self.0.category_id).await?.map(DocumentCategory).ok_or(Error::NotFound)
    }

    /// Ses étiquettes, en minuscules, triées.
    async fn tags(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        Ok(Arc::unwrap_or_clone(ctx.request().loads().load_one(TagsOf(self.0.id)).await?.unwrap_or_default()))
    }

    /// Sa langue (BCP 47), par exemple fr.
    async fn language(&self) -> &str {
        &self.0.language
    }

    /// Son propriétaire, si c'est un membre.
    async fn owner_member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.member_id).await
    }

    /// Son propriétaire, si c'est une organisation ; sans propriétaire il est au programme Mentor.
    async fn owner_organisation(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        match self.0.organisation_id {
            Some(id) => Ok(ctx.request().organisation(id).await?.map(Organisation)),
            None => Ok(None),
        }
    }

    /// Qui le voit ; pour qui peut le modifier, null sinon.
    async fn audience(&self, ctx: &Context<'_>) -> Result<Option<Vec<AudienceGrant>>> {
        let request = ctx.request();
        if !self.may_edit(request).await? {
            return Ok(None);
        }
        let grants = request.loads().load_one(GrantsOf(self.0.audience_id)).await?.unwrap_or_default();
        Ok(Some(grants.iter().copied().map(AudienceGrant).collect()))
    }

    /// Ce que d'autres peuvent en faire ; null si on ne le sait pas.
    async fn licence(&self) -> Option<Licence> {
        self.0.licence.map(Into::into)
    }

    /// À relire avant cette date ; null si rien n'est prévu.
    async fn review_by(&self) -> Option<DateTime> {
        self.0.review_by.map(Into::into)
    }

    /// Sa date de relecture est passée.
    async fn review_due(&self, ctx: &Context<'_>) -> bool {
        self.0.is_review_due(ctx.request().app.clock.now())
    }

    /// Il existe dans une version accessible (RGAA).
    async fn accessible(&self) -> bool {
        self.0.accessible
    }

    /// Où il en est.
    async fn state(&self) -> DocumentState {
        if self.0.archived_at.is_some() {
            DocumentState::Archive
        } else if self.0.latest == 0 {
            DocumentState::AdresseAConfirmer
        } else {
            DocumentState::Disponible
        }
    }

    /// L'adresse de sa dernière version, qui ne change pas quand une nouvelle arrive ; null tant qu'il n'en a pas.
    async fn url(&self, ctx: &Context<'_>) -> Option<String> {
        self.0.path().map(|path| format!("{}{path}", ctx.request().app.config.public_url))
    }

    /// Sa dernière version ; null tant qu'il n'en a pas.
    async fn latest(&self, ctx: &Context<'_>) -> Result<Option<DocumentVersion>> {
        Ok(ctx.request().loads().load_one(LatestOf(self.0.id)).await?.map(DocumentVersion))
    }

    /// Ses versions, de la première à la dernière.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn versions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Les n premières, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n dernières.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<DocumentVersionConnection> {
        let versions = VersionsOf(self.0.id);
        let page = lists::page(ctx, &versions, &paging(first, after, last, before)).await?.ok_or(Error::NotFound)?;
        // Numbered without a hole.
        let total = Some(self.0.latest);
        Ok(DocumentVersionConnection::new(page, |version| versions.key(version).encode(), DocumentVersion, total))
    }

    /// Le message dont il est tiré, si vous voyez son fil ; null s'il ne l'est d'aucun.
    async fn source_post(&self, ctx: &Context<'_>) -> Result<Option<Post>> {
        match self.0.post_id {
            Some(id) => ctx.request().post(id).await,
            None => Ok(None),
        }
    }

    /// Qui a écrit le message dont il est tiré, que vous voyiez ou non ce message ; qui en a fait un document est l'auteur de sa
    /// première version.
    async fn written_by(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        let Some(id) = self.0.post_id else { return Ok(None) };
        let post = ctx.request().loads().load_one(id).await?;
        ctx.request().maybe_member(post.map(|post| post.author_id)).await
    }

    /// Le fil des remarques faites sur lui ; null tant qu'il n'y en a pas, ou s'il est masqué.
    async fn remarks(&self, ctx: &Context<'_>) -> Result<Option<Thread>> {
        let threads = ctx.request().loads().load_one(RemarksOn(self.0.id)).await?.unwrap_or_default();
        Ok(threads.first().cloned().map(|thread| Thread(Arc::new(thread))))
    }

    /// Vous pouvez lui faire une remarque.
    async fn viewer_may_remark(&self, ctx: &Context<'_>) -> bool {
        library::may_remark(&ctx.request().caller(), &self.0)
    }

    /// Les fils qui lui sont liés et que vous voyez, le dernier message d'abord.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    async fn threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement ceux-là.", default_with = "LinkedThreadKind::Tous")] kind: LinkedThreadKind,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<ThreadConnection> {
        links::threads(ctx, self.0.id.into(), kind, paging(first, after, last, before)).await
    }

    /// Combien de fils de chaque nature lui sont liés, parmi ceux que vous voyez, et de quand date leur dernier message.
    #[graphql(complexity = "1 + 5 * child_complexity")]
    async fn thread_counts(&self, ctx: &Context<'_>) -> Result<Vec<LinkedThreadCount>> {
        links::counts(ctx, self.0.id.into()).await
    }

    /// Combien de membres l'ont trouvé utile.
    async fn useful_count(&self) -> i64 {
        self.0.useful_count
    }

    /// Vous l'avez trouvé utile.
    async fn viewer_found_useful(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.request().loads().load_one(FoundUseful(self.0.id)).await?.unwrap_or(false))
    }

    /// Combien de fois il a été téléchargé ou suivi, à l'une de ses adresses ; rien n'est gardé de qui l'a fait.
    async fn download_count(&self) -> i64 {
        self.0.download_count
    }

    /// Quand il a été ajouté.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Dernière modification, ou dernière version.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// Vous pouvez le modifier, lui donner une version, l'archiver.
    async fn viewer_may_edit(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may_edit(ctx.request()).await
    }
}

pub(crate) struct DocumentVersion(Arc<library::Version>);

connection! { "Les versions d'un document." DocumentVersionConnection, DocumentVersionEdge, DocumentVersion }

/// Une version d'un document : un fichier ou une adresse.
#[Object]
impl DocumentVersion {
    /// Son numéro : 1, 2, 3…
    async fn number(&self) -> i64 {
        self.0.number
    }

    /// Son fichier, avec sa taille et son empreinte ; null si c'est une adresse.
    async fn file(&self, ctx: &Context<'_>) -> Result<Option<File>> {
        match self.0.file_id {
            Some(id) => Ok(ctx.request().loads().load_one(id).await?.map(File)),
            None => Ok(None),
        }
    }

    /// Les fichiers joints au message dont elle est tirée, dans leur ordre.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn attachments(&self, ctx: &Context<'_>) -> Result<Vec<File>> {
        let loads = ctx.request().loads();
        let attached = loads.load_one(AttachedToVersions(self.0.document_id)).await?.unwrap_or_default();
        let ids: Vec<_> = attached.iter().filter(|(number, _)| *number == self.0.number).map(|(_, file)| *file).collect();
        let found = loads.load_many(ids.iter().copied()).await?;
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).map(File).collect())
    }

    /// L'adresse où elle se trouve ; null si c'est un fichier.
    async fn link(&self) -> Option<&str> {
        self.0.link.as_deref()
    }

    /// Ce qui change dans cette version ; peut être vide.
    async fn note(&self) -> &str {
        &self.0.note
    }

    /// Qui l'a ajoutée ; null si elle date de la fondation.
    async fn author(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        ctx.request().maybe_member(self.0.author_id).await
    }

    /// Quand elle a été ajoutée.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// L'adresse de cette version-ci, qui sert le fichier ou mène à l'adresse et compte le téléchargement.
    async fn url(&self, ctx: &Context<'_>) -> String {
        format!("{}{}", ctx.request().app.config.public_url, self.0.path())
    }
}

impl Request {
    /// A document, when this caller sees it.
    pub(crate) async fn document(&self, id: DocumentId) -> Result<Option<Document>> {
        Ok(self.loads().load_one(id).await?.map(Document))
    }
}

#[derive(Default)]
pub(crate) struct LibraryQuery;

#[Object]
impl LibraryQuery {
    /// Les neuf catégories de la bibliothèque, dans leur ordre.
    #[graphql(complexity = "1 + 9 * child_complexity")]
    async fn document_categories(&self, ctx: &Context<'_>) -> Result<Vec<DocumentCategory>> {
        let categories = library::categories(&mut *ctx.request().cx().await?).await?;
        Ok(categories.into_iter().map(DocumentCategory).collect())
    }

    /// Les documents que vous voyez, sans ceux qui sont archivés.
    #[graphql(complexity = "2 + size(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Seulement cette catégorie.")] category: Option<ID>,
        #[graphql(desc = "Seulement ceux qui portent cette étiquette.")] tag: Option<String>,
        #[graphql(desc = "Seulement cette langue, par exemple fr.")] language: Option<String>,
        #[graphql(desc = "Seulement ceux de ce membre ou de cette organisation.")] owner: Option<ID>,
        #[graphql(desc = "Seulement ceux dans cet état : à confirmer, à relire, miens, archivés.")] filter: Option<
            DocumentFilter,
        >,
        #[graphql(desc = "L'ordre.", default_with = "DocumentOrder::Titre")] order_by: DocumentOrder,
        #[graphql(desc = "Les n premiers, 20 par défaut, 100 au plus.")] first: Option<i32>,
        #[graphql(desc = "Après ce curseur.")] after: Option<String>,
        #[graphql(desc = "Les n derniers.")] last: Option<i32>,
        #[graphql(desc = "Avant ce curseur.")] before: Option<String>,
    ) -> Result<DocumentConnection> {
        let request = ctx.request();
        let caller = request.caller();
        let tag = tag.map(|tag| tag.trim().to_lowercase());
        let category = ids::optional("category", category.as_ref())?;
        let mut of = Filter { category, tag, language, ..Filter::default() };
        match owner.as_ref().map(|id| ids::argument::<AnyId>("owner", id)).transpose()? {
            None => {}
            Some(AnyId::Member(id)) => of.member = Some(id),
            Some(AnyId::Organisation(id)) => of.organisation = Some(id),
            Some(_) => {
                let sentence = "Un propriétaire est un membre ou une organisation.";
                return Err(Error::invalid("owner", services::error::Code::Malformed, sentence));
            }
        }
        match filter {
            None => {}
            Some(DocumentFilter::AConfirmer) => of.to_confirm = true,
            Some(DocumentFilter::ARelire) => of.review_due = Some(request.app.clock.now()),
            Some(DocumentFilter::Miens) => of.member = Some(caller.signed_in()?),
            Some(DocumentFilter::Archives) => of.archived = true,
        }
        let paging: Paging = paging(first, after, last, before);
        let count = async { library::count_documents(&mut *request.cx().await?, &caller, &of).await };
        let node = |document| Document(Arc::new(document));
        Ok(match order_by {
            DocumentOrder::Titre => {
                let page = library::documents(&mut *request.cx().await?, &caller, &of, &paging).await?;
                let cursor = |document: &library::Document| (document.title.clone(), document.id.0).encode();
                DocumentConnection::new(page, cursor, node, total(ctx, count).await?)
            }
            DocumentOrder::Date => {
                let page = library::latest_documents(&mut *request.cx().await?, &caller, &of, &paging).await?;
                let cursor = |document: &library::Document| (document.updated_at, document.id.0).encode();
                DocumentConnection::new(page, cursor, node, total(ctx, count).await?)
            }
        })
    }

    /// Un document ; null s'il n'existe pas ou si vous ne le voyez pas.
    async fn document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifiant global d'un document.")] id: ID,
    ) -> Result<Option<Document>> {
        ctx.request().document(ids::argument("id", &id)?).await
    }
}
