//! Files as GraphQL tells of them; their bytes go over HTTP (`docs/files.md`).

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use services::Result;
use services::files;
use services::id::FileId;

use crate::accounts::Member;
use crate::context::{ContextExt, Request};
use crate::scalars::DateTime;

pub(crate) struct File(pub(crate) Arc<files::File>);

/// Un fichier. On l'envoie par POST /files?name=…, son contenu pour corps ; on le prend par GET à son adresse.
#[Object]
impl File {
    /// Identifiant global.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Son nom, avec sa terminaison.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Son type, reconnu à son contenu, par exemple application/pdf ; un texte dit aussi son codage.
    async fn media_type(&self) -> &str {
        &self.0.media_type
    }

    /// Sa taille en octets.
    async fn size(&self) -> i64 {
        self.0.size
    }

    /// Empreinte SHA-256 de son contenu, en hexadécimal.
    async fn sha256(&self) -> String {
        files::hex(&self.0.sha256)
    }

    /// L'adresse où le prendre ; qui n'a pas à le lire n'y trouve rien.
    async fn url(&self, ctx: &Context<'_>) -> String {
        format!("{}{}", ctx.request().app.config.public_url, self.0.path())
    }

    /// Quand il a été envoyé.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Qui l'a envoyé.
    async fn uploader(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(ctx.request().member(self.0.uploader_id).await?.map(Member))
    }
}

impl Request {
    /// A file that this caller may read.
    pub(crate) async fn file(&self, id: FileId) -> Result<Option<File>> {
        let caller = self.caller();
        Ok(files::file(&mut *self.cx().await?, &caller, id).await?.map(|file| File(Arc::new(file))))
    }
}
