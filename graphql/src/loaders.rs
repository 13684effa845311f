//! Rows loaded for many fields at once. No permission here: what a loader gives is checked where it is shown, or left out by the
//! use-case that reads it for a caller.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use services::accounts::{self, Member};
use services::audience::{self, Grant};
use services::files::{self, File};
use services::forum::{self, Attachment, Forum, Post, Space, Thread, ThreadKind};
use services::id::{
    AudienceId, DocumentCategoryId, DocumentId, FileId, ForumId, MemberId, OrganisationId, PostId, SpaceId, ThreadId,
};
use services::library::{self, Document, DocumentCategory, Version};
use services::organisations::{self, Organisation};
use services::text::Group;
use services::{Error, Result};

use crate::context::WeakRequest;

/// Reads for one request, on its connection. It does not keep the request alive, which holds the loader: a client that hangs
/// up gives its connection back.
pub(crate) struct Store(pub(crate) WeakRequest);

/// `rows! { Id => Row, |cx, ids, asked| read; }`: rows by their ids. `read` answers a map of those that are there and, where it
/// is given the caller, theirs to see.
macro_rules! rows {
    ($($id:ty => $row:ty, |$cx:ident, $ids:ident, $asked:ident| $read:expr;)*) => {
        $(
            impl ::async_graphql::dataloader::Loader<$id> for $crate::loaders::Store {
                type Value = ::std::sync::Arc<$row>;
                type Error = services::Error;
                async fn load(&self, $ids: &[$id]) -> services::Result<::std::collections::HashMap<$id, Self::Value>> {
                    let request = self.0.request()?;
                    let $asked = request.asked();
                    let $cx = &mut *request.cx().await?;
                    Ok($read.await?.into_iter().map(|(id, row)| (id, ::std::sync::Arc::new(row))).collect())
                }
            }
        )*
    };
}
pub(crate) use rows;

/// `rows_of! { "What it holds" Key(Id) => Row, |cx, ids, asked| read; }`: the rows that hang on each of some ids.
macro_rules! rows_of {
    ($($doc:literal $key:ident($id:ty) => $row:ty, |$cx:ident, $ids:ident, $asked:ident| $read:expr;)*) => {
        $(
            #[doc = $doc]
            #[derive(Clone, Copy, PartialEq, Eq, Hash)]
            pub(crate) struct $key(pub(crate) $id);

            impl ::async_graphql::dataloader::Loader<$key> for $crate::loaders::Store {
                type Value = ::std::sync::Arc<Vec<$row>>;
                type Error = services::Error;
                async fn load(&self, keys: &[$key]) -> services::Result<::std::collections::HashMap<$key, Self::Value>> {
                    let request = self.0.request()?;
                    let $asked = request.asked();
                    let $ids = &keys.iter().map(|key| key.0).collect::<Vec<_>>()[..];
                    let mut found = { let $cx = &mut *request.cx().await?; $read.await? };
                    Ok(keys.iter().map(|key| (*key, ::std::sync::Arc::new(found.remove(&key.0).unwrap_or_default()))).collect())
                }
            }
        )*
    };
}
pub(crate) use rows_of;

rows! {
    MemberId => Member, |cx, ids, _asked| accounts::members_by_id(cx, ids);
    OrganisationId => Organisation, |cx, ids, _asked| organisations::by_id(cx, ids);
    ThreadId => Thread, |cx, ids, asked| forum::threads_by_id(cx, &asked.caller, ids);
    PostId => Post, |cx, ids, _asked| forum::posts_by_id(cx, ids);
    FileId => File, |cx, ids, _asked| files::files_by_id(cx, ids);
    DocumentId => Document, |cx, ids, asked| library::documents_by_id(cx, &asked.caller, ids);
}

rows_of! {
    "An organisation and what it stands under." AncestorsOf(OrganisationId) => OrganisationId,
        |cx, ids, _asked| organisations::lines(cx, ids);
    "Who an audience holds." GrantsOf(AudienceId) => Grant, |cx, ids, _asked| audience::grants(cx, ids);
    "The kinds a forum takes." KindsOf(ForumId) => ThreadKind, |cx, ids, _asked| forum::forum_kinds(cx, ids);
    "The pinned threads of a forum." PinnedIn(ForumId) => Thread, |cx, ids, _asked| forum::pinned_threads(cx, ids);
    "Files attached to a post, now and before." AttachedTo(PostId) => Attachment, |cx, ids, _asked| forum::attachments(cx, ids);
    "Whom a post mentions." MentionedIn(PostId) => MemberId, |cx, ids, _asked| forum::mentioned(cx, ids);
    "The groups a post addresses." AddressedBy(PostId) => Group, |cx, ids, _asked| forum::groups_mentioned(cx, ids);
    "The document that a post became." MadeOf(PostId) => Document, |cx, ids, asked| library::documents_of_posts(cx, &asked.caller, ids);
    "The thread of the remarks on a document." RemarksOn(DocumentId) => Thread,
        |cx, ids, asked| forum::threads_about(cx, &asked.caller, ids);
    "The files that came with the versions of a document." AttachedToVersions(DocumentId) => (i64, FileId),
        |cx, ids, _asked| library::attachments(cx, ids);
    "The tags of a document." TagsOf(DocumentId) => String, |cx, ids, _asked| library::tags(cx, ids);
}

impl Loader<SpaceId> for Store {
    type Value = Space;
    type Error = Error;
    async fn load(&self, ids: &[SpaceId]) -> Result<HashMap<SpaceId, Self::Value>> {
        // There are three: all are read at once.
        let spaces = forum::spaces(&mut *self.0.request()?.cx().await?).await?;
        Ok(spaces.into_iter().filter(|space| ids.contains(&space.id)).map(|space| (space.id, space)).collect())
    }
}

/// A space by its slug, which is the code's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SpaceNamed(pub(crate) &'static str);

impl Loader<SpaceNamed> for Store {
    type Value = Space;
    type Error = Error;
    async fn load(&self, names: &[SpaceNamed]) -> Result<HashMap<SpaceNamed, Self::Value>> {
        let spaces = forum::spaces(&mut *self.0.request()?.cx().await?).await?;
        let named = |space: Space| names.iter().find(|name| name.0 == space.slug).map(|name| (*name, space));
        Ok(spaces.into_iter().filter_map(named).collect())
    }
}

impl Loader<ForumId> for Store {
    type Value = Forum;
    type Error = Error;
    async fn load(&self, ids: &[ForumId]) -> Result<HashMap<ForumId, Self::Value>> {
        forum::forums_by_id(&mut *self.0.request()?.cx().await?, ids).await
    }
}

/// The forums of a space that the caller sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ForumsOf(pub(crate) SpaceId);

impl Loader<ForumsOf> for Store {
    type Value = Vec<Forum>;
    type Error = Error;
    async fn load(&self, ids: &[ForumsOf]) -> Result<HashMap<ForumsOf, Self::Value>> {
        let mut by_space = forum::forums_of(&mut *self.0.request()?.cx().await?, &self.0.request()?.caller()).await?;
        Ok(ids.iter().map(|of| (*of, by_space.remove(&of.0).unwrap_or_default())).collect())
    }
}

/// The opening post of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OpeningOf(pub(crate) ThreadId);

impl Loader<OpeningOf> for Store {
    type Value = Arc<Post>;
    type Error = Error;
    async fn load(&self, keys: &[OpeningOf]) -> Result<HashMap<OpeningOf, Self::Value>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let openings = forum::openings(&mut *self.0.request()?.cx().await?, &ids).await?;
        Ok(openings.into_iter().map(|(id, post)| (OpeningOf(id), Arc::new(post))).collect())
    }
}

impl Loader<DocumentCategoryId> for Store {
    type Value = DocumentCategory;
    type Error = Error;
    async fn load(&self, ids: &[DocumentCategoryId]) -> Result<HashMap<DocumentCategoryId, Self::Value>> {
        // There are nine: all are read at once.
        let found = library::categories(&mut *self.0.request()?.cx().await?).await?;
        Ok(found.into_iter().filter(|one| ids.contains(&one.id)).map(|one| (one.id, one)).collect())
    }
}

/// The latest version of a document.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LatestOf(pub(crate) DocumentId);

impl Loader<LatestOf> for Store {
    type Value = Arc<Version>;
    type Error = Error;
    async fn load(&self, keys: &[LatestOf]) -> Result<HashMap<LatestOf, Self::Value>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let found = library::latest_versions(&mut *self.0.request()?.cx().await?, &ids).await?;
        Ok(found.into_iter().map(|(id, version)| (LatestOf(id), Arc::new(version))).collect())
    }
}

/// Whether the caller found a document useful.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FoundUseful(pub(crate) DocumentId);

impl Loader<FoundUseful> for Store {
    type Value = bool;
    type Error = Error;
    async fn load(&self, keys: &[FoundUseful]) -> Result<HashMap<FoundUseful, bool>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let found = library::found_useful(&mut *self.0.request()?.cx().await?, &self.0.request()?.caller(), &ids).await?;
        Ok(keys.iter().map(|key| (*key, found.contains(&key.0))).collect())
    }
}

/// The values of each group of keys.
pub(crate) fn grouped<K, G: Hash + Eq, V>(keys: &[K], group: impl Fn(&K) -> G, value: impl Fn(&K) -> V) -> HashMap<G, Vec<V>> {
    let mut groups: HashMap<G, Vec<V>> = HashMap::new();
    for key in keys {
        groups.entry(group(key)).or_default().push(value(key));
    }
    groups
}
