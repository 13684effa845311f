//! Where the calendar's feeds are found (`docs/feeds.md`).

use async_graphql::SimpleObject;
use services::App;
use services::feeds::{self, Format};

/// Les flux publics du calendrier de publication : ce qu'en voit qui n'a pas de compte.
#[derive(SimpleObject)]
pub(crate) struct PublicationFeeds {
    /// iCalendar (RFC 5545), pour un agenda : les formations publiées depuis un an et toutes celles qui sont prévues.
    icalendar: String,
    /// Atom (RFC 4287), pour un lecteur de flux : ce qui a bougé, du plus récent au plus ancien.
    atom: String,
    /// JSON Feed 1.1 : la même chose qu'en Atom.
    json: String,
}

impl PublicationFeeds {
    pub(super) fn new(app: &App, slug: Option<&str>) -> Self {
        let url = |format| feeds::url(app, format, slug);
        Self { icalendar: url(Format::Icalendar), atom: url(Format::Atom), json: url(Format::Json) }
    }
}
