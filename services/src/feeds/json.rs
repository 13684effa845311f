//! JSON Feed 1.1 (jsonfeed.org): what moved, as plain text.

use std::collections::HashMap;

use serde_json::json;

use super::Head;
use super::store::Move;
use super::words;
use crate::catalogue::Collection;
use crate::error::Result;
use crate::id::CollectionId;

pub(super) fn feed(
    head: &Head,
    moves: &[Move],
    next: Option<String>,
    collections: &HashMap<CollectionId, Collection>,
) -> Result<String> {
    let items: Vec<_> = moves
        .iter()
        .map(|moved| {
            let collection = collections.get(&moved.collection_id);
            let tags: Vec<_> =
                collection.map(|one| words::line(&one.name)).into_iter().chain([words::kind(moved).into()]).collect();
            let mut item = json!({
                "id": format!("urn:uuid:{}", moved.id.0), "title": words::headline(moved),
                "content_text": words::sentences(moved, collection).join("\n"), "tags": tags,
                "date_published": moved.changed_at.to_rfc3339(), "date_modified": moved.changed_at.to_rfc3339(),
            });
            if let Some(url) = moved.url() {
                item["url"] = json!(url);
            }
            item
        })
        .collect();
    let mut feed = json!({
        "version": "https://jsonfeed.org/version/1.1", "title": head.title, "description": words::DESCRIPTION,
        "home_page_url": head.home, "feed_url": head.url, "language": "fr", "authors": [{ "name": words::AUTHOR }],
        "items": items,
    });
    if let Some(next) = next {
        feed["next_url"] = json!(next);
    }
    Ok(feed.to_string())
}
