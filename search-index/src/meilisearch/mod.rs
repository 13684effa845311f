//! The engine on a server: an index of Meilisearch. It is not asked for anything before it is needed, so that a server that is away
//! keeps nobody from starting.

mod asking;
mod http;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use meilisearch_sdk::indexes::Index;
use meilisearch_sdk::search::{MatchingStrategies, SearchQuery, SearchResults, Selectors};
use serde_json::{Map, Value, json};

use self::http::Http;
pub use self::server::Server;
use self::server::{Connection, POSITION, document, entry, failed};
use crate::answers::{FacetCounts, Found};
use crate::documents::{Change, Entry, Stored};
use crate::error::{Error, Result};
use crate::query::{Facet, Filters, Query, Sight, Sort};
use crate::settings::{self, Synonyms};
use crate::similar::Likeness;
use crate::typed::Asked;

const TITLES: [&str; 3] = ["exact", "title", "tags"];

/// An index on a server.
#[derive(Debug)]
pub(crate) struct Engine {
    connection: Connection,
    synonyms: RwLock<Synonyms>,
    /// Of what it makes.
    edition: u64,
    /// The index is there, and set as it should be.
    ready: AtomicBool,
    /// Who holds it compares settings and changes them: what one was told to set is not yet there for another one to see.
    setting: tokio::sync::Mutex<()>,
}

impl Engine {
    pub(crate) fn new(server: Server, synonyms: Synonyms, edition: u64) -> Result<Self> {
        Ok(Self {
            connection: Connection::new(server)?,
            synonyms: RwLock::new(synonyms),
            edition,
            ready: AtomicBool::new(false),
            setting: tokio::sync::Mutex::default(),
        })
    }

    fn settings(&self) -> Result<Map<String, Value>> {
        settings::meilisearch(&self.synonyms.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes and sets the index, the first time and after a failure: it may have been removed. For those who keep it: who searches makes
    /// none.
    async fn ready(&self) -> Result<()> {
        let _setting = self.setting.lock().await;
        if !self.ready.load(Ordering::Acquire) {
            self.connection.ensure(self.connection.name(), &self.settings()?).await?;
            self.ready.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn watched<T>(&self, answer: Result<T>) -> Result<T> {
        if matches!(answer, Err(Error::Unavailable(_))) {
            self.ready.store(false, Ordering::Release);
        }
        answer
    }

    pub(crate) async fn set_synonyms(&self, synonyms: &Synonyms) -> Result<()> {
        let _setting = self.setting.lock().await;
        // Another node may have told the server already.
        self.connection.ensure(self.connection.name(), &settings::meilisearch(synonyms)?).await?;
        *self.synonyms.write().unwrap_or_else(PoisonError::into_inner) = synonyms.clone();
        Ok(())
    }

    pub(crate) async fn search(&self, query: &Query, asked: &Asked, offset: usize) -> Result<Found> {
        self.watched(self.ask(query, asked, offset).await)
    }

    /// One request of several searches: the hits, the counts, and the counts of each facet that is filtered on, without its filter.
    async fn ask(&self, query: &Query, asked: &Asked, offset: usize) -> Result<Found> {
        let index = self.connection.client.index(self.connection.name());
        let text = asking::text(asked);
        let filter = asking::filter(&query.sight, &query.filters, None);
        let by_date = query.sort == Sort::Date || asked.clauses.is_empty();
        let (filtered, plain): (Vec<Facet>, Vec<Facet>) =
            query.facets.iter().partition(|facet| !query.filters.of(**facet).is_empty());
        let plain: Vec<&str> = plain.iter().map(|facet| facet.field()).collect();
        let filtered: Vec<(Facet, [&str; 1], String)> = filtered
            .into_iter()
            .map(|facet| (facet, [facet.field()], asking::filter(&query.sight, &query.filters, Some(facet))))
            .collect();

        let mut searches = self.connection.client.multi_search();
        let mut hits = all_words(&index, &text);
        hits.with_filter(&filter).with_offset(offset).with_limit(query.first);
        if by_date {
            hits.with_sort(&["date:desc"]);
        }
        searches.with_search_query(hits);
        // Asked for pages, a server counts groups exactly, whatever it shows.
        let mut counts = all_words(&index, &text);
        counts.with_filter(&filter).with_page(1).with_hits_per_page(0).with_facets(Selectors::Some(&plain));
        searches.with_search_query(counts);
        for (_, field, filter) in &filtered {
            let mut counts = all_words(&index, &text);
            counts.with_filter(filter).with_page(1).with_hits_per_page(0).with_facets(Selectors::Some(field));
            searches.with_search_query(counts);
        }
        let mut answers = searches.execute::<Map<String, Value>>().await.map_err(failed)?.results.into_iter();
        let missing = || Error::unavailable("the search server answered fewer searches than it was asked");
        let hits = answers.next().ok_or_else(missing)?;
        let counts = answers.next().ok_or_else(missing)?;
        let mut told = distribution(&counts);
        for ((facet, ..), answer) in filtered.iter().zip(answers.by_ref()) {
            told.extend(distribution(&answer).into_iter().filter(|(field, _)| field == facet.field()));
        }
        Ok(Found {
            entries: entries(hits)?,
            total: counts.total_hits.unwrap_or_default() as u64,
            facets: query.facets.iter().map(|facet| FacetCounts::of(*facet, asking::counts(&told, *facet))).collect(),
        })
    }

    pub(crate) async fn suggest(&self, sight: &Sight, filters: &Filters, asked: &Asked, first: usize) -> Result<Found> {
        let index = self.connection.client.index(self.connection.name());
        let (text, filter) = (asking::text(asked), asking::filter(sight, filters, None));
        let mut search = all_words(&index, &text);
        search.with_filter(&filter).with_limit(first).with_attributes_to_search_on(&TITLES);
        let answer = index.execute_query(&search).await.map_err(failed);
        Ok(Found { entries: entries(self.watched(answer)?)?, ..Found::default() })
    }

    pub(crate) async fn similar(&self, likeness: &Likeness, sight: &Sight, filters: &Filters, first: usize) -> Result<Found> {
        let index = self.connection.client.index(self.connection.name());
        let mut filter = asking::filter(sight, filters, None);
        if let Some(group) = &likeness.without {
            filter = format!("{filter} AND NOT {}", asking::one_of("group", [group].into_iter()));
        }
        let text = likeness.words.join(" ") + " ";
        let mut search = all_words(&index, &text);
        search.with_filter(&filter).with_limit(first).with_matching_strategy(MatchingStrategies::FREQUENCY);
        let answer = index.execute_query(&search).await.map_err(failed);
        Ok(Found { entries: entries(self.watched(answer)?)?, ..Found::default() })
    }

    pub(crate) async fn entry(&self, key: &str) -> Result<Option<Entry>> {
        self.ready().await?;
        let document = self.watched(self.connection.document(self.connection.name(), key).await)?;
        document.filter(|_| key != POSITION).map(entry).transpose()
    }

    async fn told(&self) -> Result<Map<String, Value>> {
        self.ready().await?;
        Ok(self.watched(self.connection.document(self.connection.name(), POSITION).await)?.unwrap_or_default())
    }

    pub(crate) async fn position(&self) -> Result<Option<u64>> {
        Ok(self.told().await?.get("position").and_then(Value::as_u64))
    }

    pub(crate) async fn needs_rebuild(&self) -> Result<bool> {
        let told = self.told().await?;
        Ok(edition(&told) < self.edition || edition(&told) == self.edition && !told.contains_key("position"))
    }

    pub(crate) async fn is_newer(&self) -> Result<bool> {
        Ok(edition(&self.told().await?) > self.edition)
    }

    /// Deletions are tasks of their own, before the one that puts entries and the position: killed between them, the position is the
    /// old one, and all is done again.
    pub(crate) async fn apply(&self, changes: Vec<Change>, from: Option<u64>, to: u64) -> Result<bool> {
        if self.position().await? != from {
            return Ok(false);
        }
        self.watched(self.write(changes, to).await)?;
        Ok(true)
    }

    async fn write(&self, changes: Vec<Change>, to: u64) -> Result<()> {
        let name = self.connection.name();
        let mut puts: BTreeMap<String, Entry> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for change in changes {
            match change {
                Change::Put(entry) => {
                    keys.remove(&entry.key);
                    puts.insert(entry.key.clone(), *entry);
                }
                Change::Delete(key) => {
                    puts.remove(&key);
                    keys.insert(key);
                }
            }
        }
        if !keys.is_empty() {
            self.connection.delete(name, &keys.into_iter().collect::<Vec<_>>()).await?;
        }
        self.connection.put(name, puts.values().map(document).collect::<Result<_>>()?).await?;
        // Once all of that is there: a part of it may have failed.
        self.connection.put(name, vec![self.at(to)]).await
    }

    pub(crate) async fn stored(&self, offset: usize, first: usize) -> Result<Vec<Stored>> {
        self.ready().await?;
        self.held("kind EXISTS", offset, first).await
    }

    pub(crate) async fn versions(&self, keys: &[String]) -> Result<BTreeMap<String, u64>> {
        self.ready().await?;
        let held = self.held(&asking::one_of("key", keys.iter()), 0, keys.len()).await?;
        Ok(held.into_iter().map(|stored| (stored.key, stored.version)).collect())
    }

    async fn held(&self, filter: &str, offset: usize, first: usize) -> Result<Vec<Stored>> {
        let page = self.watched(self.connection.documents(&["key", "group", "version"], filter, offset, first).await)?;
        let stored = page.into_iter().map(serde_json::from_value);
        stored.collect::<Result<_, _>>().map_err(|cause| Error::internal(format!("a document of the index: {cause}")))
    }

    /// The document that tells how far the log was read, and by whom.
    fn at(&self, to: u64) -> Value {
        json!({ "key": POSITION, "position": to, "edition": self.edition })
    }

    pub(crate) async fn begin(&self) -> Result<()> {
        self.ready().await?;
        let next = self.connection.next();
        self.connection.remove(&next).await?;
        let _setting = self.setting.lock().await;
        self.connection.ensure(&next, &self.settings()?).await
    }

    pub(crate) async fn put(&self, entries: &[Entry]) -> Result<()> {
        let documents = entries.iter().map(document).collect::<Result<Vec<_>>>()?;
        self.connection.put(&self.connection.next(), documents).await
    }

    pub(crate) async fn swap(&self, to: u64) -> Result<()> {
        let next = self.connection.next();
        // Synonyms may have changed since it was begun.
        let setting = self.setting.lock().await;
        self.connection.ensure(&next, &self.settings()?).await?;
        drop(setting);
        self.connection.put(&next, vec![self.at(to)]).await?;
        self.connection.swap(self.connection.name(), &next).await?;
        if let Err(cause) = self.connection.remove(&next).await {
            tracing::warn!("the former search index is left on the server until the next rebuild: {cause}");
        }
        Ok(())
    }
}

fn all_words<'a>(index: &'a Index<Http>, text: &'a str) -> SearchQuery<'a, Http> {
    let mut search = SearchQuery::new(index);
    search.with_query(text).with_matching_strategy(MatchingStrategies::ALL);
    search
}

fn edition(told: &Map<String, Value>) -> u64 {
    told.get("edition").and_then(Value::as_u64).unwrap_or_default()
}

/// How entries lie, as a text.
#[cfg(test)]
pub(crate) fn layout() -> String {
    let of = json!({ "key": "a", "group": "a", "kind": "THREAD", "version": 1, "title": "H5P", "audience": "a", "date": 1 });
    let entry: Entry = serde_json::from_value(of).unwrap();
    document(&entry).unwrap().to_string()
}

fn entries(answer: SearchResults<Map<String, Value>>) -> Result<Vec<Entry>> {
    answer.hits.into_iter().map(|hit| entry(hit.result)).collect()
}

fn distribution(answer: &SearchResults<Map<String, Value>>) -> BTreeMap<String, BTreeMap<String, u64>> {
    let told = answer.facet_distribution.iter().flatten();
    told.map(|(field, counts)| (field.clone(), counts.iter().map(|(value, hits)| (value.clone(), *hits as u64)).collect()))
        .collect()
}
