//! Rows loaded for many fields at once. No permission here: what a loader gives is checked where it is shown.

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
use services::{Error, Result};

use crate::context::WeakRequest;

/// Reads for one request, on its connection. It does not keep the request alive, which holds the loader: a client that hangs
/// up gives its connection back.
pub(crate) struct Store(pub(crate) WeakRequest);

impl Loader<MemberId> for Store {
    type Value = Arc<Member>;
    type Error = Error;
    async fn load(&self, ids: &[MemberId]) -> Result<HashMap<MemberId, Self::Value>> {
        let members = accounts::members_by_id(&mut *self.0.request()?.cx().await?, ids).await?;
        Ok(members.into_iter().map(|(id, member)| (id, Arc::new(member))).collect())
    }
}

impl Loader<OrganisationId> for Store {
    type Value = Arc<Organisation>;
    type Error = Error;
    async fn load(&self, ids: &[OrganisationId]) -> Result<HashMap<OrganisationId, Self::Value>> {
        let found = organisations::by_id(&mut *self.0.request()?.cx().await?, ids).await?;
        Ok(found.into_iter().map(|(id, organisation)| (id, Arc::new(organisation))).collect())
    }
}

/// An organisation and what it stands under.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AncestorsOf(pub(crate) OrganisationId);

impl Loader<AncestorsOf> for Store {
    type Value = Vec<OrganisationId>;
    type Error = Error;
    async fn load(&self, keys: &[AncestorsOf]) -> Result<HashMap<AncestorsOf, Self::Value>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let found = organisations::lines(&mut *self.0.request()?.cx().await?, &ids).await?;
        Ok(found.into_iter().map(|(id, above)| (AncestorsOf(id), above)).collect())
    }
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

/// Who an audience holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct GrantsOf(pub(crate) AudienceId);

impl Loader<GrantsOf> for Store {
    type Value = Vec<Grant>;
    type Error = Error;
    async fn load(&self, keys: &[GrantsOf]) -> Result<HashMap<GrantsOf, Self::Value>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let grants = audience::grants(&mut *self.0.request()?.cx().await?, &ids).await?;
        Ok(grants.into_iter().map(|(id, grants)| (GrantsOf(id), grants)).collect())
    }
}

/// The kinds a forum takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KindsOf(pub(crate) ForumId);

impl Loader<KindsOf> for Store {
    type Value = Vec<ThreadKind>;
    type Error = Error;
    async fn load(&self, ids: &[KindsOf]) -> Result<HashMap<KindsOf, Self::Value>> {
        let ids: Vec<_> = ids.iter().map(|of| of.0).collect();
        let kinds = forum::forum_kinds(&mut *self.0.request()?.cx().await?, &ids).await?;
        Ok(kinds.into_iter().map(|(id, kinds)| (KindsOf(id), kinds)).collect())
    }
}

impl Loader<ThreadId> for Store {
    type Value = Arc<Thread>;
    type Error = Error;
    /// Only those the caller sees.
    async fn load(&self, ids: &[ThreadId]) -> Result<HashMap<ThreadId, Self::Value>> {
        let threads = forum::threads_by_id(&mut *self.0.request()?.cx().await?, &self.0.request()?.caller(), ids).await?;
        Ok(threads.into_iter().map(|(id, thread)| (id, Arc::new(thread))).collect())
    }
}

impl Loader<PostId> for Store {
    type Value = Arc<Post>;
    type Error = Error;
    async fn load(&self, ids: &[PostId]) -> Result<HashMap<PostId, Self::Value>> {
        let posts = forum::posts_by_id(&mut *self.0.request()?.cx().await?, ids).await?;
        Ok(posts.into_iter().map(|(id, post)| (id, Arc::new(post))).collect())
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

/// Files attached to a post, now and before.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AttachedTo(pub(crate) PostId);

impl Loader<AttachedTo> for Store {
    type Value = Vec<Attachment>;
    type Error = Error;
    async fn load(&self, keys: &[AttachedTo]) -> Result<HashMap<AttachedTo, Self::Value>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let found = forum::attachments(&mut *self.0.request()?.cx().await?, &ids).await?;
        let mut by_post: HashMap<_, Self::Value> = keys.iter().map(|key| (*key, Vec::new())).collect();
        for attachment in found {
            by_post.entry(AttachedTo(attachment.post_id)).or_default().push(attachment);
        }
        Ok(by_post)
    }
}

/// Whom a post mentions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MentionedIn(pub(crate) PostId);

impl Loader<MentionedIn> for Store {
    type Value = Vec<MemberId>;
    type Error = Error;
    async fn load(&self, keys: &[MentionedIn]) -> Result<HashMap<MentionedIn, Self::Value>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let mut mentioned = forum::mentioned(&mut *self.0.request()?.cx().await?, &ids).await?;
        Ok(keys.iter().map(|key| (*key, mentioned.remove(&key.0).unwrap_or_default())).collect())
    }
}

impl Loader<FileId> for Store {
    type Value = Arc<File>;
    type Error = Error;
    async fn load(&self, ids: &[FileId]) -> Result<HashMap<FileId, Self::Value>> {
        let found = files::files_by_id(&mut *self.0.request()?.cx().await?, ids).await?;
        Ok(found.into_iter().map(|(id, file)| (id, Arc::new(file))).collect())
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

impl Loader<DocumentId> for Store {
    type Value = Arc<Document>;
    type Error = Error;
    /// Only those the caller sees.
    async fn load(&self, ids: &[DocumentId]) -> Result<HashMap<DocumentId, Self::Value>> {
        let found = library::documents_by_id(&mut *self.0.request()?.cx().await?, &self.0.request()?.caller(), ids).await?;
        Ok(found.into_iter().map(|(id, document)| (id, Arc::new(document))).collect())
    }
}

/// The tags of a document.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TagsOf(pub(crate) DocumentId);

impl Loader<TagsOf> for Store {
    type Value = Vec<String>;
    type Error = Error;
    async fn load(&self, keys: &[TagsOf]) -> Result<HashMap<TagsOf, Self::Value>> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let found = library::tags(&mut *self.0.request()?.cx().await?, &ids).await?;
        Ok(found.into_iter().map(|(id, tags)| (TagsOf(id), tags)).collect())
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
