//! The publication calendar's public feeds, whole and of a collection: iCalendar (what is published and planned), Atom and JSON
//! Feed (what moved). They tell what a visitor without an account sees, whoever asks. Not here: HTTP (docs/feeds.md).

mod atom;
mod ical;
mod json;
mod store;
mod words;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Months, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::Europe::Paris;
use sha2::{Digest, Sha256};

use crate::catalogue::{self, Collection};
use crate::db::Cx;
use crate::error::{Error, Result};
use crate::id::CollectionId;
use crate::page::{Key, Paging, Slice, TimeKey};
use crate::{App, Caller, files};

use store::Scope;

/// Entries of a page of Atom and of JSON Feed.
const PAGE: i32 = 100;
/// Events of a calendar at most; the latest days are kept.
const EVENTS: i64 = 10_000;
/// How long the calendar goes back.
const BACK: Months = Months::new(12);

/// In what a feed is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// RFC 5545.
    Icalendar,
    /// RFC 4287.
    Atom,
    /// jsonfeed.org, 1.1.
    Json,
}

impl Format {
    /// The one whose addresses end so.
    #[must_use]
    pub fn of(ending: &str) -> Option<Self> {
        [Self::Icalendar, Self::Atom, Self::Json].into_iter().find(|format| format.ending() == ending)
    }

    /// How its addresses end.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Icalendar => "ics",
            Self::Atom => "atom",
            Self::Json => "json",
        }
    }

    /// For `Content-Type`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Icalendar => "text/calendar; charset=utf-8",
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Json => "application/feed+json; charset=utf-8",
        }
    }
}

/// Where a feed is found: of the collection with this slug, or the whole one.
#[must_use]
pub fn url(app: &App, format: Format, slug: Option<&str>) -> String {
    let (base, ending) = (&app.config.public_url, format.ending());
    match slug {
        Some(slug) => format!("{base}/calendrier/{slug}.{ending}"),
        None => format!("{base}/calendrier.{ending}"),
    }
}

/// Which feed is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// In what.
    pub format: Format,
    /// Of which collection only.
    pub slug: Option<String>,
    /// The page after this cursor; Atom and JSON Feed only.
    pub after: Option<String>,
}

/// A feed that is there, its text not made yet.
pub struct Feed {
    /// What its text depends on, as a tag.
    pub tag: String,
    /// Since when this process knows it so; pages but the first have none.
    pub modified: Option<DateTime<Utc>>,
    format: Format,
    caller: Caller,
    scope: Scope,
    slice: Slice<TimeKey>,
    head: Head,
    collections: HashMap<CollectionId, Collection>,
}

/// What a feed says of itself.
struct Head {
    title: String,
    /// The service.
    home: String,
    /// Its own address, its first page's.
    first: String,
    /// This page's.
    url: String,
    /// When there was nothing yet.
    began_at: DateTime<Utc>,
}

/// Since when the first page of each feed is as it is, as far as this process knows. What left a feed leaves no moment in the
/// database that could be told, and a moment of what is out of sight must not be: so the moment a tag is first met is kept.
#[derive(Default)]
pub struct Moments(Mutex<HashMap<FirstPage, (String, DateTime<Utc>)>>);

/// The first page of a feed.
type FirstPage = (Format, Option<CollectionId>);

impl Moments {
    /// In whole seconds, as HTTP tells them; another tag has a later one, also within a second.
    fn met(&self, feed: FirstPage, tag: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        let now = now.trunc_subsecs(0);
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match moments.get_mut(&feed) {
            Some((known, at)) => {
                if known != tag {
                    (*known, *at) = (tag.to_owned(), now.max(*at + TimeDelta::seconds(1)));
                }
                *at
            }
            None => {
                moments.insert(feed, (tag.to_owned(), now));
                now
            }
        }
    }
}

/// Finds a feed and what it depends on; none of its text is made.
///
/// # Errors
/// [`Error::NotFound`] when there is no such collection; [`Error::Invalid`] on a cursor that is none.
pub async fn feed(app: &App, cx: &mut Cx, asked: &Asked) -> Result<Feed> {
    let format = asked.format;
    let after = asked.after.clone().filter(|_| format != Format::Icalendar);
    let slice = Slice::<TimeKey>::new(&Paging { first: Some(PAGE), after: after.clone(), ..Paging::default() })?;
    let collections = catalogue::collections(cx).await?;
    let collection = match &asked.slug {
        Some(slug) => Some(collections.iter().find(|one| one.slug == *slug).ok_or(Error::NotFound)?),
        None => None,
    };
    let caller = Caller::anonymous(cx).await?;
    let first = url(app, format, asked.slug.as_deref());
    let head = Head {
        title: words::title(collection),
        home: format!("{}/", app.config.public_url),
        url: after.as_ref().map_or_else(|| first.clone(), |cursor| format!("{first}?after={cursor}")),
        first,
        began_at: collections.iter().map(|one| one.created_at).min().unwrap_or_default(),
    };
    let now = app.clock.now();
    let from = Paris.from_utc_datetime(&now.naive_utc()).date_naive() - BACK;
    let scope = Scope { collection: collection.map(|one| one.id), from: from.to_string() };
    let mut digest = Sha256::new();
    digest.update(format!("{} {}", env!("CARGO_PKG_VERSION"), head.url));
    for one in &collections {
        digest.update(format!("\n{} {} {}", one.id, one.slug, one.name));
    }
    match format {
        Format::Icalendar => {
            let state = store::state(cx, &caller, &scope).await?;
            digest.update(format!("\n{} {} {:?}", state.many, state.revisions, state.latest));
        }
        Format::Atom | Format::Json => {
            for (id, revision) in store::marks(cx, &caller, &scope, &slice).await? {
                digest.update(format!("\n{id} {revision}"));
            }
        }
    }
    let tag = files::hex(&digest.finalize()[..16]);
    let modified = after.is_none().then(|| app.feeds.met((format, scope.collection), &tag, now));
    let collections = collections.into_iter().map(|one| (one.id, one)).collect();
    Ok(Feed { tag, modified, format, caller, scope, slice, head, collections })
}

impl Feed {
    /// Its text.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn text(&self, cx: &mut Cx) -> Result<String> {
        if self.format == Format::Icalendar {
            let mut events = store::events(cx, &self.caller, &self.scope, EVENTS).await?;
            events.reverse();
            return Ok(ical::calendar(&self.head, &events, &self.collections));
        }
        let page = self.slice.page(store::moves(cx, &self.caller, &self.scope, &self.slice).await?);
        let last = page.items.last().filter(|_| page.has_next);
        let next = last.map(|last| format!("{}?after={}", self.head.first, (last.changed_at, last.id.0).encode()));
        match self.format {
            Format::Json => json::feed(&self.head, &page.items, next, &self.collections),
            _ => atom::feed(&self.head, &page.items, next, &self.collections),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_tag_has_a_later_moment_also_within_a_second() {
        let moments = Moments::default();
        let at = |micros: i64| DateTime::from_timestamp_micros(1_790_000_000_000_000 + micros).unwrap();
        let feed = (Format::Atom, None);
        assert_eq!(moments.met(feed, "a", at(200_000)), at(0));
        assert_eq!(moments.met(feed, "a", at(9_000_000)), at(0), "it is as it was");
        assert_eq!(moments.met(feed, "b", at(9_000_000)), at(9_000_000));
        assert_eq!(moments.met(feed, "c", at(9_800_000)), at(10_000_000));
        assert_eq!(moments.met((Format::Json, None), "a", at(9_800_000)), at(9_000_000), "each feed has its own");
    }
}
