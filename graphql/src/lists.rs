//! Lists that stand below the rows of other lists (the answers to each post, the threads of each forum), read for all of those
//! rows at once: a statement a list would make a page as dear as it is long.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use services::db::Cx;
use services::page::{Key, Page, Paging, Slice};
use services::{Caller, Error, Result};

use crate::context::ContextExt;
use crate::loaders::{Store, grouped};

/// A list below a row: what it is a list of, and what it was asked to hold. Its pages are loaded together with those of others
/// of its type.
pub(crate) trait List: Clone + Eq + Hash + Send + Sync + 'static {
    /// What it holds.
    type Item: Send + Sync + 'static;
    /// What it is sorted by.
    type Key: Key;

    /// The key of one of its items.
    fn key(&self, item: &Self::Item) -> Self::Key;

    /// The same page of each of these lists; those that are not for this caller are left out.
    fn pages(
        cx: &mut Cx,
        asked: &Asked,
        of: &[Self],
        paging: &Paging,
    ) -> impl Future<Output = Result<HashMap<Self, Page<Self::Item>>>> + Send;
}

/// A list of which one may ask how long it is.
pub(crate) trait Counted: List {
    /// How many each of these lists holds; those that are not for this caller are left out.
    fn counts(cx: &mut Cx, asked: &Asked, of: &[Self]) -> impl Future<Output = Result<HashMap<Self, i64>>> + Send;
}

/// By whom lists are asked for, and when.
pub(crate) struct Asked {
    pub(crate) caller: Arc<Caller>,
    pub(crate) now: DateTime<Utc>,
}

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PageOf<L>(pub(crate) L, pub(crate) Paging);

/// How many a list holds.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CountOf<L>(L);

impl<L: List> Loader<PageOf<L>> for Store {
    type Value = Page<Arc<L::Item>>;
    type Error = Error;
    async fn load(&self, keys: &[PageOf<L>]) -> Result<HashMap<PageOf<L>, Self::Value>> {
        let request = self.0.request()?;
        let asked = request.asked();
        let mut found = HashMap::with_capacity(keys.len());
        for (paging, of) in grouped(keys, |key| key.1.clone(), |key| key.0.clone()) {
            let pages = L::pages(&mut *request.cx().await?, &asked, &of, &paging).await?;
            found.extend(pages.into_iter().map(|(of, page)| (PageOf(of, paging.clone()), page.map(Arc::new))));
        }
        Ok(found)
    }
}

impl<L: Counted> Loader<CountOf<L>> for Store {
    type Value = i64;
    type Error = Error;
    async fn load(&self, keys: &[CountOf<L>]) -> Result<HashMap<CountOf<L>, i64>> {
        let request = self.0.request()?;
        let asked = request.asked();
        let of: Vec<_> = keys.iter().map(|key| key.0.clone()).collect();
        let counts = L::counts(&mut *request.cx().await?, &asked, &of).await?;
        Ok(counts.into_iter().map(|(of, many)| (CountOf(of), many)).collect())
    }
}

/// A page of `of`; none when it is not for this caller.
pub(crate) async fn page<L: List>(ctx: &Context<'_>, of: &L, paging: &Paging) -> Result<Option<Page<Arc<L::Item>>>> {
    // What is wrong with the paging is wrong with this field alone, not with all that are loaded beside it.
    Slice::<L::Key>::new(paging)?;
    ctx.request().loads().load_one(PageOf(of.clone(), paging.clone())).await
}

/// How many `of` holds, when the client asked for it.
pub(crate) async fn total<L: Counted>(ctx: &Context<'_>, of: &L) -> Result<Option<i64>> {
    if !ctx.selects("totalCount") {
        return Ok(None);
    }
    ctx.request().loads().load_one(CountOf(of.clone())).await
}

/// The same values by other keys.
pub(crate) fn by<K, L: Eq + Hash, V>(found: HashMap<K, V>, key: impl Fn(K) -> L) -> HashMap<L, V> {
    found.into_iter().map(|(of, value)| (key(of), value)).collect()
}
