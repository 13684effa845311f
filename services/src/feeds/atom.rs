//! Atom (RFC 4287), paged (RFC 5005): what moved, as plain text. A template of the engine that mails have, which escapes what it
//! is given in a `.xml`; `atom_syndication` would bring an XML parser and three more crates to write one document.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{DateTime, SecondsFormat, Utc};
use minijinja::{Environment, context};

use super::Head;
use super::store::Move;
use super::words;
use crate::catalogue::Collection;
use crate::error::{Error, Result};
use crate::id::CollectionId;

static TEMPLATES: LazyLock<std::result::Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.add_template("atom.xml", include_str!("atom.xml"))?;
    Ok(environment)
});

pub(super) fn feed(
    head: &Head,
    moves: &[Move],
    next: Option<String>,
    collections: &HashMap<CollectionId, Collection>,
) -> Result<String> {
    let entries: Vec<_> = moves
        .iter()
        .map(|moved| {
            let collection = collections.get(&moved.collection_id);
            context! {
                id => moved.id.0.to_string(), title => words::headline(moved), at => moment(moved.changed_at), url => moved.url(),
                text => words::sentences(moved, collection).join("\n"), kind => words::kind(moved),
                slug => collection.map(|one| one.slug.as_str()), collection => collection.map(|one| words::line(&one.name)),
            }
        })
        .collect();
    let updated = moves.first().map_or(head.began_at, |moved| moved.changed_at);
    let words = context! {
        title => &head.title, subtitle => words::DESCRIPTION, author => words::AUTHOR, id => &head.first, url => &head.url, next,
        first => (head.url != head.first).then_some(&head.first), updated => moment(updated), entries,
    };
    let fault = |error: &minijinja::Error| Error::internal(format!("the Atom template: {error}"));
    let environment = TEMPLATES.as_ref().map_err(fault)?;
    environment.get_template("atom.xml").and_then(|template| template.render(words)).map_err(|error| fault(&error))
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
