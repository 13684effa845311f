//! How an entry lies in the embedded index: its words for finding, its columns for filtering and counting, itself for showing.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::tantivy::schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};
use ::tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer};
use ::tantivy::{Index, TantivyDocument};

use crate::documents::Entry;
use crate::error::{Error, Result};
use crate::french::{self, Word};
use crate::settings;

/// The readers of texts.
const WORDS: &str = "french_words";
const STEMS: &str = "french_stems";

/// The fields of an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) key: Field,
    pub(super) group: Field,
    /// The entry itself, as JSON.
    pub(super) entry: Field,
    /// Identifiers and acronyms, compact.
    pub(super) exact: Field,
    /// Every word of title, tags and identifiers, folded.
    pub(super) title_words: Field,
    /// Their stems, without stop words.
    pub(super) title_stems: Field,
    pub(super) body_words: Field,
    pub(super) body_stems: Field,
    number: Field,
    version: Field,
    weight: Field,
    date: Field,
    hidden: Field,
    solved: Field,
    audience: Field,
    author: Field,
    thread_kind: Field,
    kind: Field,
    space: Field,
    forum: Field,
    state: Field,
    collections: Field,
    organisation: Field,
    year: Field,
}

/// The columns that are read by name.
pub(super) mod columns {
    pub(in crate::tantivy) const NUMBER: &str = "number";
    pub(in crate::tantivy) const VERSION: &str = "version";
    pub(in crate::tantivy) const WEIGHT: &str = "weight";
    pub(in crate::tantivy) const DATE: &str = "date";
    pub(in crate::tantivy) const HIDDEN: &str = "hidden";
    pub(in crate::tantivy) const SOLVED: &str = "solved";
    pub(in crate::tantivy) const AUDIENCE: &str = "audience";
    pub(in crate::tantivy) const AUTHOR: &str = "author";
    pub(in crate::tantivy) const THREAD_KIND: &str = "thread_kind";
    pub(in crate::tantivy) const SPACE: &str = "space";
}

pub(super) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let text = |tokenizer| {
        let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer);
        TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::WithFreqsAndPositions))
    };
    let code = TextOptions::default().set_fast("raw");
    let fields = Fields {
        key: schema.add_text_field("key", STRING),
        group: schema.add_text_field("group", STRING),
        entry: schema.add_text_field("entry", STORED),
        exact: schema.add_text_field("exact", STRING),
        title_words: schema.add_text_field("title_words", text(WORDS)),
        title_stems: schema.add_text_field("title_stems", text(STEMS)),
        body_words: schema.add_text_field("body_words", text(WORDS)),
        body_stems: schema.add_text_field("body_stems", text(STEMS)),
        number: schema.add_u64_field(columns::NUMBER, FAST),
        version: schema.add_u64_field(columns::VERSION, FAST),
        weight: schema.add_u64_field(columns::WEIGHT, FAST),
        date: schema.add_i64_field(columns::DATE, FAST),
        hidden: schema.add_u64_field(columns::HIDDEN, FAST),
        solved: schema.add_u64_field(columns::SOLVED, FAST),
        audience: schema.add_text_field(columns::AUDIENCE, code.clone()),
        author: schema.add_text_field(columns::AUTHOR, code.clone()),
        thread_kind: schema.add_text_field(columns::THREAD_KIND, code.clone()),
        kind: schema.add_text_field("kind", code.clone()),
        space: schema.add_text_field(columns::SPACE, code.clone()),
        forum: schema.add_text_field("forum", code.clone()),
        state: schema.add_text_field("state", code.clone()),
        collections: schema.add_text_field("collections", code.clone()),
        organisation: schema.add_text_field("organisation", code.clone()),
        year: schema.add_text_field("year", code),
    };
    (schema.build(), fields)
}

impl Fields {
    /// An entry as it is written; `number` is that of its group.
    pub(super) fn document(&self, entry: &Entry, number: u64) -> Result<TantivyDocument> {
        let json = serde_json::to_string(entry).map_err(|cause| Error::internal(cause.to_string()))?;
        let mut document = TantivyDocument::new();
        document.add_text(self.key, &entry.key);
        document.add_text(self.group, &entry.group);
        document.add_text(self.entry, json);
        let names = entry.exact_names();
        for name in names.iter().map(|name| french::compact(name)).filter(|name| !name.is_empty()) {
            document.add_text(self.exact, name);
        }

        for text in [&entry.title].into_iter().chain(&entry.tags).chain(&entry.identifiers) {
            document.add_text(self.title_words, text);
            document.add_text(self.title_stems, text);
        }
        document.add_text(self.body_words, &entry.body);
        document.add_text(self.body_stems, &entry.body);

        document.add_u64(self.number, number);
        document.add_u64(self.version, entry.version);
        document.add_u64(self.weight, entry.weight());
        document.add_i64(self.date, entry.date);
        document.add_u64(self.hidden, u64::from(entry.hidden));
        if let Some(solved) = entry.solved {
            document.add_u64(self.solved, u64::from(solved));
        }
        document.add_text(self.audience, &entry.audience);
        document.add_text(self.kind, entry.kind.code());
        document.add_text(self.year, entry.year().to_string());
        for (field, value) in [
            (self.author, &entry.author),
            (self.thread_kind, &entry.thread_kind),
            (self.space, &entry.space),
            (self.forum, &entry.forum),
            (self.state, &entry.state),
            (self.organisation, &entry.organisation),
        ] {
            if let Some(value) = value {
                document.add_text(field, value);
            }
        }
        for collection in &entry.collections {
            document.add_text(self.collections, collection);
        }
        Ok(document)
    }
}

/// Registers the readers of texts with an index.
pub(super) fn register(index: &Index) -> Result<()> {
    let stop_words = Arc::new(settings::stop_words()?);
    for (name, stems) in [(WORDS, false), (STEMS, true)] {
        let french = French { stop_words: stop_words.clone(), stems };
        index.tokenizers().register(name, TextAnalyzer::from(french));
    }
    Ok(())
}

/// Makes the words of a text, or their stems without those of stop words; each at its place, where a word with hyphens stands whole at
/// the place of its first part.
#[derive(Clone)]
struct French {
    stop_words: Arc<BTreeSet<String>>,
    stems: bool,
}

impl Tokenizer for French {
    type TokenStream<'a> = Tokens;

    fn token_stream(&mut self, text: &str) -> Tokens {
        let mut tokens = Vec::new();
        let mut place = 0;
        for word in french::words(text) {
            let places = word.places();
            let Word { whole, stems, parts, .. } = word;
            self.add(&mut tokens, place, whole, stems);
            for (number, part) in parts.into_iter().enumerate() {
                self.add(&mut tokens, place + number, part.whole, part.stems);
            }
            place += places;
        }
        Tokens { tokens: tokens.into_iter(), token: Token::default() }
    }
}

impl French {
    fn add(&self, tokens: &mut Vec<Token>, position: usize, whole: String, stems: Vec<String>) {
        let token = |text| Token { position, text, position_length: 1, ..Token::default() };
        if !self.stems {
            tokens.push(token(whole));
        } else if !self.stop_words.contains(&whole) {
            tokens.extend(stems.into_iter().map(token));
        }
    }
}

/// The words of a text, one after the other.
struct Tokens {
    tokens: std::vec::IntoIter<Token>,
    token: Token,
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        match self.tokens.next() {
            Some(token) => {
                self.token = token;
                true
            }
            None => false,
        }
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
