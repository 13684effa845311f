//! Rows loaded for many fields at once. No permission here: what a loader gives is checked where it is shown.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use services::accounts::{self, Member};
use services::audience::{self, Grant};
use services::forum::{self, Forum, Post, Space, Thread, ThreadKind};
use services::id::{AudienceId, ForumId, MemberId, OrganisationId, PostId, SpaceId, ThreadId};
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

impl Loader<SpaceId> for Store {
    type Value = Space;
    type Error = Error;
    async fn load(&self, ids: &[SpaceId]) -> Result<HashMap<SpaceId, Self::Value>> {
        // There are three: all are read at once.
        let spaces = forum::spaces(&mut *self.0.request()?.cx().await?).await?;
        Ok(spaces.into_iter().filter(|space| ids.contains(&space.id)).map(|space| (space.id, space)).collect())
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

/// The values of each group of keys.
pub(crate) fn grouped<K, G: Hash + Eq, V>(keys: &[K], group: impl Fn(&K) -> G, value: impl Fn(&K) -> V) -> HashMap<G, Vec<V>> {
    let mut groups: HashMap<G, Vec<V>> = HashMap::new();
    for key in keys {
        groups.entry(group(key)).or_default().push(value(key));
    }
    groups
}
