//! One index on disk: opened, read, written. Which one is the live one, and when another takes its place, is `mod.rs`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ::tantivy::directory::error::{LockError, OpenReadError};
use ::tantivy::schema::{Field, IndexRecordOption, Value};
use ::tantivy::{
    DocAddress, DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TERMINATED, TantivyDocument, TantivyError, Term,
};
use serde::{Deserialize, Serialize};

use super::schema::{Fields, columns, register, schema};
use super::unpacked::Segments;
use crate::documents::{Change, Entry, Stored};
use crate::error::{Error, Result};

/// What is committed with the entries, in the same act.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Payload {
    /// How far the event log was read; none before the index was filled.
    pub(super) position: Option<u64>,
    /// Of what made the entries.
    #[serde(default)]
    pub(super) edition: u64,
    /// The number of the next group.
    pub(super) groups: u64,
}

/// An index on disk.
pub(super) struct Live {
    pub(super) name: String,
    pub(super) fields: Fields,
    index: Index,
    reader: IndexReader,
    /// What of its columns is unpacked.
    pub(super) segments: Segments,
    /// Its fields are those of this version: it can be searched and written.
    pub(super) readable: bool,
}

/// Its writer, of which there is one.
pub(super) struct Writer {
    writer: IndexWriter,
    /// Groups numbered since the last commit.
    numbers: HashMap<String, u64>,
    next: u64,
}

impl Live {
    pub(super) fn create(path: &Path, name: String) -> Result<Self> {
        let (schema, _) = schema();
        Index::create_in_dir(path, schema).map_err(failed)?;
        Self::open(path, name)
    }

    pub(super) fn open(path: &Path, name: String) -> Result<Self> {
        let (schema, fields) = schema();
        let index = Index::open_in_dir(path).map_err(failed)?;
        register(&index)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
        Ok(Self { name, fields, readable: index.schema() == schema, index, reader, segments: Segments::default() })
    }

    pub(super) fn payload(&self) -> Result<Payload> {
        let meta = self.index.load_metas().map_err(failed)?;
        let payload = meta.payload.map(|payload| serde_json::from_str(&payload)).transpose();
        Ok(payload.map_err(|cause| Error::internal(format!("payload of the index: {cause}")))?.unwrap_or_default())
    }

    /// A view of what is committed now.
    pub(super) fn searcher(&self) -> Result<Searcher> {
        if !self.readable {
            return Err(Error::unavailable("the index is of another version and is being made anew"));
        }
        Ok(self.reader.searcher())
    }

    pub(super) fn reload(&self) -> Result<()> {
        self.reader.reload().map_err(failed)
    }

    /// Its writer; none while another process has it.
    pub(super) fn writer(&self, memory: usize) -> Result<Option<Writer>> {
        self.searcher()?;
        let writer = match self.index.writer_with_num_threads(1, memory) {
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) => return Ok(None),
            writer => writer.map_err(failed)?,
        };
        // What is committed may have been so by another process since we looked.
        self.reload()?;
        Ok(Some(Writer { writer, numbers: HashMap::new(), next: self.payload()?.groups }))
    }

    /// The entry at an address.
    pub(super) fn entry(&self, searcher: &Searcher, at: DocAddress) -> Result<Entry> {
        let document: TantivyDocument = searcher.doc(at).map_err(failed)?;
        let json = document.get_first(self.fields.entry).and_then(|value| value.as_str()).unwrap_or_default();
        serde_json::from_str(json).map_err(|cause| Error::internal(format!("an entry of the index: {cause}")))
    }

    /// The version of the entry at an address.
    pub(super) fn version(&self, searcher: &Searcher, at: DocAddress) -> Result<u64> {
        let versions = searcher.segment_reader(at.segment_ord).fast_fields().u64(columns::VERSION).map_err(failed)?;
        Ok(versions.first(at.doc_id).unwrap_or_default())
    }

    /// Where the entry of a key is.
    pub(super) fn find(&self, searcher: &Searcher, key: &str) -> Result<Option<DocAddress>> {
        first(searcher, self.fields.key, key).map_err(failed)
    }

    /// The number of a group, when an entry of it is committed.
    pub(super) fn number(&self, searcher: &Searcher, group: &str) -> Result<Option<u64>> {
        let find = || -> ::tantivy::Result<Option<u64>> {
            let Some(at) = first(searcher, self.fields.group, group)? else { return Ok(None) };
            Ok(searcher.segment_reader(at.segment_ord).fast_fields().u64(columns::NUMBER)?.first(at.doc_id))
        };
        find().map_err(failed)
    }

    /// The entries whose keys come after this one, in the order of their keys.
    pub(super) fn stored(&self, after: &str, first: usize) -> Result<Vec<Stored>> {
        let searcher = self.searcher()?;
        let list = || -> ::tantivy::Result<BTreeMap<Vec<u8>, DocAddress>> {
            let mut found = BTreeMap::new();
            for (number, segment) in (0..).zip(searcher.segment_readers()) {
                let index = segment.inverted_index(self.fields.key)?;
                let mut keys = index.terms().range().gt(after).into_stream()?;
                let mut left = first;
                while left > 0 && keys.advance() {
                    let mut documents = index.read_postings_from_terminfo(keys.value(), IndexRecordOption::Basic)?;
                    while documents.doc() != TERMINATED {
                        if !segment.is_deleted(documents.doc()) {
                            found.insert(keys.key().to_vec(), DocAddress::new(number, documents.doc()));
                            left -= 1;
                            break;
                        }
                        documents.advance();
                    }
                }
            }
            Ok(found)
        };
        let found = list().map_err(failed)?;
        let entries = found.values().take(first).map(|at| self.entry(&searcher, *at));
        entries.map(|entry| entry.map(|entry| Stored { key: entry.key, group: entry.group, version: entry.version })).collect()
    }
}

/// The first living document that has a term.
fn first(searcher: &Searcher, field: Field, text: &str) -> ::tantivy::Result<Option<DocAddress>> {
    let term = Term::from_field_text(field, text);
    for (number, segment) in (0..).zip(searcher.segment_readers()) {
        let Some(mut documents) = segment.inverted_index(field)?.read_postings(&term, IndexRecordOption::Basic)? else {
            continue;
        };
        while documents.doc() != TERMINATED {
            if !segment.is_deleted(documents.doc()) {
                return Ok(Some(DocAddress::new(number, documents.doc())));
            }
            documents.advance();
        }
    }
    Ok(None)
}

impl Writer {
    /// Writes changes, to be committed later.
    pub(super) fn write(&mut self, live: &Live, changes: &[Change]) -> Result<()> {
        let searcher = live.searcher()?;
        for change in changes {
            match change {
                Change::Put(entry) => {
                    self.writer.delete_term(Term::from_field_text(live.fields.key, &entry.key));
                    self.add(live, &searcher, entry)?;
                }
                Change::Delete(key) => {
                    self.writer.delete_term(Term::from_field_text(live.fields.key, key));
                }
            }
        }
        Ok(())
    }

    /// Writes entries that are not there yet. Nothing is deleted for them: a million deletions are kept in memory until the commit, and
    /// looked for in every segment then.
    pub(super) fn write_new(&mut self, live: &Live, entries: &[Entry]) -> Result<()> {
        let searcher = live.searcher()?;
        entries.iter().try_for_each(|entry| self.add(live, &searcher, entry))
    }

    fn add(&mut self, live: &Live, searcher: &Searcher, entry: &Entry) -> Result<()> {
        let number = self.number(live, searcher, &entry.group)?;
        self.writer.add_document(live.fields.document(entry, number)?).map_err(failed)?;
        Ok(())
    }

    fn number(&mut self, live: &Live, searcher: &Searcher, group: &str) -> Result<u64> {
        if let Some(number) = self.numbers.get(group) {
            return Ok(*number);
        }
        let number = match live.number(searcher, group)? {
            Some(number) => number,
            None => {
                self.next += 1;
                self.next - 1
            }
        };
        self.numbers.insert(group.to_owned(), number);
        Ok(number)
    }

    /// Makes what was written stay, and seen.
    pub(super) fn commit(&mut self, live: &Live, position: Option<u64>, edition: u64) -> Result<()> {
        let payload = Payload { position, edition, groups: self.next };
        let payload = serde_json::to_string(&payload).map_err(|cause| Error::internal(cause.to_string()))?;
        let mut commit = self.writer.prepare_commit().map_err(failed)?;
        commit.set_payload(&payload);
        commit.commit().map_err(failed)?;
        live.reload()?;
        self.numbers.clear();
        Ok(())
    }

    /// Waits for what merges.
    pub(super) fn end(self) -> Result<()> {
        self.writer.wait_merging_threads().map_err(failed)
    }
}

/// A full disk, a file that cannot be read now or a lock that is held passes; all else is ours.
pub(super) fn failed(cause: ::tantivy::TantivyError) -> Error {
    use ::tantivy::TantivyError as E;
    match cause {
        E::IoError(_)
        | E::LockFailure(..)
        | E::OpenDirectoryError(_)
        | E::OpenReadError(OpenReadError::IoError { .. })
        | E::OpenWriteError(_) => Error::unavailable(cause.to_string()),
        _ => Error::internal(cause.to_string()),
    }
}
