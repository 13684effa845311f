//! Records of a CSV file, one after the other, in constant memory: RFC 4180 to the letter, with `;`, a tab or `,` between cells;
//! UTF-8, or Windows-1252 as French Excel writes it.
//!
//! Of the crates at hand (csv, csv-core, csv-async) each reads `ab"c`, what follows a closing quote, and a quote that is never
//! closed without a word: one stray quote would swallow the lines below it. Here it is told, with its line.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

use crate::error::{Error, Result};

/// Bytes of a record at most: five long texts of 50,000 characters fit.
const MOST_BYTES: usize = 1 << 20;
/// Cells of a record at most.
const MOST_CELLS: usize = 200;
/// Bytes read at a time; the separator is recognised in the first ones.
const READ: usize = 64 * 1024;

/// What keeps a file from being read further.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stray {
    /// The line where it stands, from 1.
    pub(super) line: u64,
    /// The cell of the record, from 0, when it is one's.
    pub(super) cell: Option<usize>,
    pub(super) message: String,
}

/// A record as it stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The line where it begins, from 1.
    pub(super) line: u64,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Record {
    /// Whether it only tells spreadsheets the separator: `sep=;`, as people write above the heading.
    pub(super) fn tells_separator(&self) -> bool {
        self.ends.len() == 2 && self.bytes.eq_ignore_ascii_case(b"sep=")
    }

    /// How many bytes its cells hold.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// In what the letters of a file are written: what its first letter beyond ASCII says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    #[default]
    Ascii,
    Utf8,
    Windows1252,
}

impl Encoding {
    /// The texts of a record's cells, or what is wrong with one.
    pub(super) fn decode<'r>(&mut self, record: &'r Record) -> Vec<Result<Cow<'r, str>, String>> {
        if *self == Self::Ascii && !record.bytes.is_ascii() {
            // Together two or more such bytes that make a letter of UTF-8 are no accident, also beside one that makes none.
            *self = if holds_utf8(&record.bytes) { Self::Utf8 } else { Self::Windows1252 };
        }
        record.cells().map(|cell| self.text(cell)).collect()
    }

    fn text(self, cell: &[u8]) -> Result<Cow<'_, str>, String> {
        match self {
            // PostgreSQL has no text with one.
            _ if cell.contains(&0) => Err("Cette case contient un caractère nul.".into()),
            Self::Windows1252 if holds_utf8(cell) => {
                Err("Cette case est en UTF-8, et le reste du fichier en Windows-1252 : enregistrez-le d'une seule façon.".into())
            }
            Self::Windows1252 => Ok(WINDOWS_1252.decode_without_bom_handling(cell).0),
            Self::Ascii | Self::Utf8 => std::str::from_utf8(cell).map(Cow::Borrowed).map_err(|error| {
                let byte = cell.get(error.valid_up_to()).copied().unwrap_or_default();
                format!("Cette case contient un octet (0x{byte:02X}) qui n'est pas de l'UTF-8, comme l'est le reste du fichier.")
            }),
        }
    }
}

/// Whether there is a letter beyond ASCII that is written in UTF-8.
fn holds_utf8(bytes: &[u8]) -> bool {
    bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii())
}

/// Between which bytes of a record the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Where a cell begins.
    Start,
    /// In a cell without quotes.
    Bare,
    /// In a cell with quotes.
    Quoted,
    /// After a quote in such a cell: it ends it, or stands for one.
    Quote,
    /// After a carriage return that ended the record.
    Return,
}

/// The records of a file.
pub(super) struct Records {
    file: File,
    input: Vec<u8>,
    next: usize,
    separator: u8,
    at: At,
    /// Of the next byte.
    line: u64,
    offset: u64,
    /// Where the cell begins that is being read.
    cell_line: u64,
    record: Record,
}

impl Records {
    /// From the beginning of a file.
    ///
    /// # Errors
    /// Inside, when it is no text that could be a table.
    pub(super) async fn open(mut file: File) -> Result<Result<Self, Stray>> {
        let mut input = vec![0; READ];
        let mut filled = 0;
        while filled < READ {
            match file.read(&mut input[filled..]).await.map_err(|error| unread(&error))? {
                0 => break,
                more => filled += more,
            }
        }
        input.truncate(filled);
        let marked = input.starts_with(b"\xEF\xBB\xBF");
        let stray = |message: &str| Ok(Err(Stray { line: 1, cell: None, message: message.into() }));
        if input.starts_with(b"PK\x03\x04") {
            return stray("Ce fichier est une archive ou un classeur : enregistrez-le en CSV.");
        }
        if input.starts_with(b"\xFF\xFE") || input.starts_with(b"\xFE\xFF") {
            return stray("Ce fichier est en UTF-16 : enregistrez-le en « CSV UTF-8 ».");
        }
        if input.contains(&0) {
            return stray("Ce fichier n'est pas un texte : enregistrez-le en CSV.");
        }
        let next = if marked { 3 } else { 0 };
        let separator = separator(&input[next..]);
        let offset = if marked { 3 } else { 0 };
        let record = Record { line: 1, bytes: Vec::new(), ends: Vec::new() };
        Ok(Ok(Self { file, input, next, separator, at: At::Start, line: 1, offset, cell_line: 1, record }))
    }

    /// Where the next record begins: its first byte and its line.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.offset, self.line)
    }

    /// Goes on where [`Records::place`] was.
    pub(super) async fn go(&mut self, (offset, line): (u64, u64)) -> Result<()> {
        self.file.seek(SeekFrom::Start(offset)).await.map_err(|error| unread(&error))?;
        self.input.clear();
        (self.next, self.offset, self.line) = (0, offset, line);
        Ok(())
    }

    /// The next record; none at the end. Lines without anything in them are passed over.
    pub(super) async fn next(&mut self) -> Result<Result<Option<Record>, Stray>> {
        loop {
            match self.scan() {
                Ok(true) => return Ok(Ok(Some(self.take()))),
                Ok(false) => {}
                Err(stray) => return Ok(Err(stray)),
            }
            self.input.resize(READ, 0);
            let filled = self.file.read(&mut self.input).await.map_err(|error| unread(&error))?;
            self.input.truncate(filled);
            self.next = 0;
            if filled == 0 {
                return Ok(self.end());
            }
        }
    }

    fn end(&mut self) -> Result<Option<Record>, Stray> {
        if self.at == At::Quoted {
            return Err(self.stray("Le guillemet qui ouvre cette case n'est jamais fermé.".into()));
        }
        if self.record.ends.is_empty() && self.record.bytes.is_empty() {
            return Ok(None);
        }
        // A carriage return at the very end has ended it.
        if self.at != At::Return {
            self.end_cell()?;
        }
        Ok(self.is_something().then(|| self.take()))
    }

    fn take(&mut self) -> Record {
        self.at = At::Start;
        let fresh = Record { line: self.line, bytes: Vec::new(), ends: Vec::new() };
        std::mem::replace(&mut self.record, fresh)
    }

    fn is_something(&self) -> bool {
        self.record.bytes.iter().any(|byte| !matches!(byte, b' ' | b'\t'))
    }

    /// Reads what is there; true when a record is whole.
    fn scan(&mut self) -> Result<bool, Stray> {
        while let Some(byte) = self.input.get(self.next).copied() {
            match self.at {
                At::Start => {
                    self.cell_line = self.line;
                    if self.record.ends.is_empty() {
                        self.record.line = self.line;
                    }
                    match byte {
                        b'"' => {
                            self.pass(1);
                            self.at = At::Quoted;
                        }
                        _ => self.at = At::Bare,
                    }
                }
                At::Bare => {
                    let special = |byte: &u8| matches!(*byte, b'"' | b'\r' | b'\n') || *byte == self.separator;
                    let run = self.input[self.next..].iter().position(special);
                    self.keep(run.unwrap_or(self.input.len() - self.next))?;
                    match self.input.get(self.next).copied() {
                        Some(b'"') => {
                            return Err(self.stray("Un guillemet se trouve dans une case qui n'en est pas entourée.".into()));
                        }
                        Some(_) if self.ends_cell()? => return Ok(true),
                        _ => {}
                    }
                }
                At::Quoted => {
                    let run = self.input[self.next..].iter().position(|byte| *byte == b'"');
                    self.keep(run.unwrap_or(self.input.len() - self.next))?;
                    if self.next < self.input.len() {
                        self.pass(1);
                        self.at = At::Quote;
                    }
                }
                At::Quote if byte == b'"' => {
                    self.keep(1)?;
                    self.at = At::Quoted;
                }
                At::Quote if byte == self.separator || matches!(byte, b'\r' | b'\n') => {
                    if self.ends_cell()? {
                        return Ok(true);
                    }
                }
                At::Quote => {
                    let place = match self.line == self.cell_line {
                        true => String::new(),
                        false => format!(", ligne {}", self.line),
                    };
                    return Err(self.stray(format!(
                        "Le guillemet qui ferme cette case{place} est suivi d'autre chose que la case suivante : à l'intérieur \
                         d'une case un guillemet se double."
                    )));
                }
                At::Return => {
                    if byte == b'\n' {
                        self.pass(1);
                    }
                    if self.is_something() {
                        return Ok(true);
                    }
                    self.take();
                }
            }
        }
        Ok(false)
    }

    /// Ends the cell at the byte that does so; true when it ends the record too.
    fn ends_cell(&mut self) -> Result<bool, Stray> {
        self.end_cell()?;
        let byte = self.input[self.next];
        self.pass(1);
        if byte == self.separator {
            self.at = At::Start;
            return Ok(false);
        }
        self.line += 1;
        if byte == b'\r' {
            self.at = At::Return;
            return Ok(false);
        }
        if self.is_something() {
            return Ok(true);
        }
        self.take();
        Ok(false)
    }

    fn end_cell(&mut self) -> Result<(), Stray> {
        if self.record.ends.len() == MOST_CELLS {
            return Err(self.stray(format!("Une ligne a plus de {MOST_CELLS} cases.")));
        }
        self.record.ends.push(self.record.bytes.len());
        Ok(())
    }

    fn pass(&mut self, bytes: usize) {
        self.next += bytes;
        self.offset += bytes as u64;
    }

    fn keep(&mut self, bytes: usize) -> Result<(), Stray> {
        let kept = &self.input[self.next..self.next + bytes];
        if self.record.bytes.len() + bytes > MOST_BYTES {
            let sentence = match self.at {
                At::Quoted => "Le guillemet qui ouvre cette case n'est pas fermé, ou la ligne est trop longue : au plus 1 Mio.",
                _ => "Cette ligne est trop longue : au plus 1 Mio.",
            };
            return Err(self.stray(sentence.into()));
        }
        if self.at == At::Quoted {
            self.line += kept.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.record.bytes.extend_from_slice(kept);
        self.pass(bytes);
        Ok(())
    }

    fn stray(&self, message: String) -> Stray {
        Stray { line: self.cell_line, cell: Some(self.record.ends.len()), message }
    }
}

/// The separator that the first line has most of, outside quotes; `;`, French Excel's, when it has none.
fn separator(head: &[u8]) -> u8 {
    let (mut quoted, mut counts) = (false, [(b';', 0_u32), (b'\t', 0), (b',', 0)]);
    for byte in head.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n')) {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => break,
            byte if !quoted => counts.iter_mut().filter(|count| count.0 == *byte).for_each(|count| count.1 += 1),
            _ => {}
        }
    }
    counts.into_iter().rev().max_by_key(|count| count.1).map_or(b';', |count| count.0)
}

/// Goes back to the beginning of a file.
pub(super) async fn rewind(file: &mut File) -> Result<()> {
    file.rewind().await.map_err(|error| unread(&error))?;
    Ok(())
}

pub(super) fn unread(error: &std::io::Error) -> Error {
    Error::unavailable(format!("a file to import: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    async fn records(content: &[u8]) -> Result<Records, Stray> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        Records::open(File::from_std(file)).await.unwrap()
    }

    /// Each record with its line, its cells joined by `|`; what stopped at the end.
    async fn read(content: &[u8]) -> (Vec<String>, Option<Stray>) {
        let mut told = Vec::new();
        let mut encoding = Encoding::default();
        let mut records = match records(content).await {
            Ok(records) => records,
            Err(stray) => return (told, Some(stray)),
        };
        loop {
            match records.next().await.unwrap() {
                Ok(None) => return (told, None),
                Err(stray) => return (told, Some(stray)),
                Ok(Some(record)) => {
                    let cells = encoding.decode(&record).into_iter();
                    let cells: Vec<_> = cells.map(|cell| cell.unwrap_or_else(|message| message.into()).into_owned()).collect();
                    told.push(format!("{} {}", record.line, cells.join("|")));
                }
            }
        }
    }

    #[tokio::test]
    async fn records_are_read_as_the_rfc_says_with_their_lines() {
        for (content, expected) in [
            ("", vec![]),
            ("\n\r\n", vec![]),
            ("a;b", vec!["1 a|b"]),
            ("a;b\r\n\r\nc;d\n", vec!["1 a|b", "3 c|d"]),
            ("a;b\rc;d\r", vec!["1 a|b", "2 c|d"]),
            ("\"a;\"\"b\"\"\";\"c\nd\"\n;;\n\"\";e\n", vec!["1 a;\"b\"|c\nd", "4 |e"]),
            ("\u{feff}a\tb;c\td\n", vec!["1 a|b;c|d"]),
            ("\"a,b\",c\nd,", vec!["1 a,b|c", "2 d|"]),
            ("\u{feff}\"a\"", vec!["1 a"]),
        ] {
            assert_eq!(read(content.as_bytes()).await, (expected.iter().map(ToString::to_string).collect(), None), "{content:?}");
        }
    }

    #[tokio::test]
    async fn a_stray_quote_is_told_with_its_line_and_its_cell() {
        for (content, line, cell, said) in [
            ("a;b\nc;d\"e\n", 2, 1, "n'en est pas entourée"),
            ("a;b\n\"c\" ;d\n", 2, 0, "se double"),
            ("a;b\nc;\"d\ne;\"f\"\n", 2, 1, "ligne 3"),
            ("a;b\n\"c", 2, 0, "jamais fermé"),
        ] {
            let (_, stray) = read(content.as_bytes()).await;
            let stray = stray.unwrap_or_else(|| panic!("{content:?} is read"));
            assert_eq!((stray.line, stray.cell), (line, Some(cell)), "{content:?}: {}", stray.message);
            assert!(stray.message.contains(said), "{}", stray.message);
        }
        let long = format!("a;b\nc;\"{}", "d\n".repeat(MOST_BYTES));
        assert_eq!(read(long.as_bytes()).await.1.map(|stray| stray.line), Some(2), "it stops long before the end");
        assert!(read(&[&b"a;b\n"[..], &b";".repeat(300)].concat()).await.1.is_some());
    }

    #[tokio::test]
    async fn the_first_letter_beyond_ascii_tells_the_encoding() {
        assert_eq!(read(b"a;b\nd\xE9j\xE0;\x80\n").await.0, ["1 a|b", "2 déjà|€"]);
        let mixed = [&b"a;b\nd"[..], "éjà".as_bytes(), b";fa\xE7on\n"].concat();
        assert!(read(&mixed).await.0[1].contains("0xE7"));
        let later = [&b"pr\xE9;b\n"[..], "été".as_bytes(), b";c\n"].concat();
        assert!(read(&later).await.0[1].contains("en UTF-8"));
        for (content, said) in [(&b"PK\x03\x04x"[..], "archive"), (b"\xFF\xFEa\0", "UTF-16"), (b"a\0b", "texte")] {
            assert!(read(content).await.1.is_some_and(|stray| stray.message.contains(said)));
        }
    }

    #[tokio::test]
    async fn reading_goes_on_from_any_place() {
        let content = "a;b\r\nc;\"d\r\ne\"\n\nf;g\rh;i";
        let mut whole = records(content.as_bytes()).await.unwrap();
        let mut places = Vec::new();
        loop {
            let place = whole.place();
            let record = whole.next().await.unwrap().unwrap();
            places.push((place, record.is_some()));
            if record.is_none() {
                break;
            }
        }
        let mut again = records(content.as_bytes()).await.unwrap();
        for (n, (place, more)) in places.iter().enumerate() {
            let mut fresh = records(content.as_bytes()).await.unwrap();
            fresh.go(*place).await.unwrap();
            let expected = again.next().await.unwrap().unwrap();
            assert_eq!(expected.is_some(), *more);
            assert_eq!(fresh.next().await.unwrap().unwrap(), expected, "from the record {n}");
        }
        assert_eq!(places.len(), 5);
    }
}
