//! What a file is, told by what it holds: its name only has to agree.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::str::FromStr;

use file_format::FileFormat;

/// A kind of files that can be taken.
pub(super) struct Kind {
    /// Its name in the settings; also the ending given to a name that has none.
    pub(super) code: &'static str,
    /// As HTTP says it.
    pub(super) media_type: &'static str,
    /// As people read it, with its article.
    words: &'static str,
    /// How a name may end.
    endings: &'static [&'static str],
    /// Whether browsers may show it in a page of its own: nothing of it can run there.
    pub(super) shown: bool,
    /// Whether it is taken unless the operator says otherwise.
    usual: bool,
    /// By what it is recognised; none for text, which has no mark.
    formats: &'static [FileFormat],
}

macro_rules! kinds {
    ($($code:literal $media:literal $words:literal [$($ending:literal)*] [$($format:ident)*] $($flag:ident)*;)*) => {
        &[$(Kind {
            code: $code,
            media_type: $media,
            words: $words,
            endings: &[$($ending),*],
            formats: &[$(FileFormat::$format),*],
            ..kinds!(@ $($flag)*)
        }),*]
    };
    (@ shown) => { Kind { shown: true, ..NONE } };
    (@ unusual) => { Kind { usual: false, ..NONE } };
    (@) => { NONE };
}

const NONE: Kind = Kind { code: "", media_type: "", words: "", endings: &[], shown: false, usual: true, formats: &[] };

/// Every kind that is known. Old office formats hide their macros, so that an operator has to ask for them.
const KINDS: &[Kind] = kinds! {
    "pdf" "application/pdf" "un PDF" ["pdf"] [PortableDocumentFormat] shown;
    "png" "image/png" "une image PNG" ["png"] [PortableNetworkGraphics] shown;
    "jpg" "image/jpeg" "une image JPEG" ["jpg" "jpeg"] [JointPhotographicExpertsGroup] shown;
    "gif" "image/gif" "une image GIF" ["gif"] [GraphicsInterchangeFormat] shown;
    "webp" "image/webp" "une image WebP" ["webp"] [Webp] shown;
    "docx" "application/vnd.openxmlformats-officedocument.wordprocessingml.document" "un document Word" ["docx"]
        [OfficeOpenXmlDocument];
    "xlsx" "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" "un classeur Excel" ["xlsx"]
        [OfficeOpenXmlSpreadsheet];
    "pptx" "application/vnd.openxmlformats-officedocument.presentationml.presentation" "une présentation PowerPoint" ["pptx"]
        [OfficeOpenXmlPresentation];
    "odt" "application/vnd.oasis.opendocument.text" "un texte OpenDocument" ["odt"] [OpendocumentText];
    "ods" "application/vnd.oasis.opendocument.spreadsheet" "un classeur OpenDocument" ["ods"] [OpendocumentSpreadsheet];
    "odp" "application/vnd.oasis.opendocument.presentation" "une présentation OpenDocument" ["odp"] [OpendocumentPresentation];
    "txt" "text/plain" "un texte" ["txt"] [];
    "csv" "text/csv" "un texte CSV" ["csv"] [];
    "md" "text/markdown" "un texte Markdown" ["md"] [];
    "vtt" "text/vtt" "des sous-titres" ["vtt"] [];
    "zip" "application/zip" "une archive ZIP" ["zip" "h5p" "mbz"] [Zip];
    "gz" "application/gzip" "une archive GZIP" ["gz" "tgz" "mbz"] [Gzip];
    "mp3" "audio/mpeg" "un son MP3" ["mp3"] [Mpeg12AudioLayer3 Id3v2];
    "mp4" "video/mp4" "une vidéo MP4" ["mp4" "m4v"] [Mpeg4Part14Video Mpeg4Part14];
    "webm" "video/webm" "une vidéo WebM" ["webm"] [Webm];
    "doc" "application/msword" "un ancien document Word" ["doc"] [MicrosoftWordDocument] unusual;
    "xls" "application/vnd.ms-excel" "un ancien classeur Excel" ["xls"] [MicrosoftExcelSpreadsheet] unusual;
    "ppt" "application/vnd.ms-powerpoint" "une ancienne présentation PowerPoint" ["ppt"] [MicrosoftPowerpointPresentation] unusual;
};

/// The kinds that are taken, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u32);

impl Default for Kinds {
    fn default() -> Self {
        Self::of(|kind| kind.usual)
    }
}

impl Kinds {
    fn of(taken: impl Fn(&Kind) -> bool) -> Self {
        Self(KINDS.iter().zip(0..).filter(|(kind, _)| taken(kind)).fold(0, |set, (_, place)| set | 1 << place))
    }

    fn iter(self) -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().zip(0..).filter(move |(_, place)| self.0 & 1 << place != 0).map(|(kind, _)| kind)
    }

    fn contains(self, kind: &Kind) -> bool {
        self.iter().any(|taken| taken.code == kind.code)
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(|kind| kind.code).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Kinds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let codes: Vec<_> = text.split(',').map(str::trim).collect();
        if let Some(unknown) = codes.iter().find(|code| KINDS.iter().all(|kind| kind.code != **code)) {
            let all = Self::of(|_| true);
            return Err(format!("« {unknown} » n'est pas un type connu ; les types connus sont {all}"));
        }
        Ok(Self::of(|kind| codes.contains(&kind.code)))
    }
}

/// The kind of a media type that was stored.
pub(super) fn of_media_type(media_type: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.media_type == media_type)
}

/// The media type of a content of that kind, with the charset of text.
pub(super) fn media_type(kind: &Kind, text: &TextCheck) -> String {
    match kind.formats.is_empty() {
        true => format!("{}; charset={}", kind.media_type, text.charset()),
        false => kind.media_type.to_owned(),
    }
}

/// What a file is, and its name with an ending.
///
/// # Errors
/// A sentence that names the fault.
pub(super) fn recognise(
    name: &str,
    format: FileFormat,
    text: &TextCheck,
    taken: Kinds,
) -> Result<(&'static Kind, String), String> {
    let is_text = text.is_text();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    let named = ending.as_deref().and_then(|ending| KINDS.iter().find(|kind| kind.endings.contains(&ending)));
    // Text has no mark of its own, and may begin as something else does: when its name says so, it is text.
    let by_name = named.filter(|kind| is_text && kind.formats.is_empty());
    let found = by_name.or_else(|| KINDS.iter().find(|kind| kind.formats.contains(&format)));
    let found = found.or_else(|| KINDS.iter().find(|kind| is_text && format == FileFormat::default() && kind.code == "txt"));
    let held = || found.map_or_else(|| format!("d'un autre type ({})", format.name()), |kind| kind.words.to_owned());
    let agrees = |kind: &Kind| ending.as_deref().is_none_or(|ending| kind.endings.contains(&ending));
    let all = || taken.iter().map(|kind| kind.code).collect::<Vec<_>>().join(", ");
    match (found, named) {
        (Some(kind), _) if agrees(kind) && taken.contains(kind) => Ok((
            kind,
            match ending {
                Some(_) => name.to_owned(),
                None => format!("{name}.{}", kind.code),
            },
        )),
        (Some(kind), _) if agrees(kind) => {
            Err(format!("« {name} » est {}, que ce service ne prend pas. Il prend : {}.", kind.words, all()))
        }
        (None, Some(named)) if format == FileFormat::default() => {
            let fault = text.fault().filter(|_| named.formats.is_empty());
            let fault = fault.unwrap_or_else(|| "son contenu est abîmé ou d'un autre type".into());
            Err(format!("« {name} » n'est pas {} : {fault}.", named.words))
        }
        (_, Some(named)) => Err(format!("« {name} » n'est pas {} : son contenu est {}.", named.words, held())),
        (Some(kind), None) => Err(format!(
            "La fin du nom « {name} » ne va pas avec son contenu, qui est {} : renommez le fichier en .{}.",
            kind.words, kind.code
        )),
        (None, None) => Err(format!("Le contenu de « {name} » n'est d'aucun des types que ce service prend : {}.", all())),
    }
}

/// What a content is by its marks, and an archive by what it holds; the default when nothing is recognised, or an archive is
/// damaged. It reads little, in little memory, however the content is made.
pub(super) fn format(mut content: impl Read + Seek) -> io::Result<FileFormat> {
    let mut start = [0; 4];
    let read = content.read(&mut start)?;
    content.rewind()?;
    if [*b"PK\x03\x04", *b"PK\x05\x06"].contains(&start) && read == start.len() {
        return Ok(inside(content).unwrap_or_default());
    }
    FileFormat::from_reader(Bounded { content, left: MOST_READ })
}

/// What an archive is by its entries: an office document of one of two families, or an archive of whatever. Its directory is
/// read entry by entry; the library for all formats takes what an entry says of its size at its word.
fn inside(content: impl Read + Seek) -> Result<FileFormat, rawzip::Error> {
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let archive = rawzip::ZipArchive::from_seekable(content, &mut buffer)?;
    let mut entries = archive.entries(&mut buffer);
    let (mut is_office, mut found, mut first) = (false, None, true);
    for _ in 0..MOST_ENTRIES {
        let Some(entry) = entries.next_entry()? else { break };
        let name = entry.file_path();
        let name = name.as_bytes();
        if std::mem::take(&mut first) && name == b"mimetype" && entry.compression_method() == rawzip::CompressionMethod::STORE {
            let mut media_type = Vec::new();
            let data = archive.get_entry(entry.wayfinder())?.reader();
            data.take(MEDIA_TYPE_MOST).read_to_end(&mut media_type).map_err(rawzip::Error::from)?;
            return Ok(match media_type.as_slice() {
                b"application/vnd.oasis.opendocument.text" => FileFormat::OpendocumentText,
                b"application/vnd.oasis.opendocument.spreadsheet" => FileFormat::OpendocumentSpreadsheet,
                b"application/vnd.oasis.opendocument.presentation" => FileFormat::OpendocumentPresentation,
                _ => FileFormat::Zip,
            });
        }
        is_office |= name == b"[Content_Types].xml";
        found = found.or(match name.split(|byte| *byte == b'/').next() {
            Some(b"word") => Some(FileFormat::OfficeOpenXmlDocument),
            Some(b"xl") => Some(FileFormat::OfficeOpenXmlSpreadsheet),
            Some(b"ppt") => Some(FileFormat::OfficeOpenXmlPresentation),
            _ => None,
        });
    }
    Ok(found.filter(|_| is_office).unwrap_or(FileFormat::Zip))
}

/// Entries of an archive that are looked at; office documents have thousands at most.
const MOST_ENTRIES: usize = 100_000;
/// The longest media type that an archive says of itself.
const MEDIA_TYPE_MOST: u64 = 100;
/// Bytes read of another content to recognise it: its parts may lead in circles.
const MOST_READ: u64 = 4 * 1024 * 1024;

struct Bounded<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.content.read(&mut buffer[..most])?;
        self.left -= u64::try_from(read).unwrap_or(self.left);
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.content.seek(to)
    }
}

/// Whether a content, looked at as it comes, is text, and in which encoding.
#[derive(Default)]
pub(super) struct TextCheck {
    /// Where the first control character stands.
    control: Option<u64>,
    /// How many lines came to an end.
    lines: u64,
    is_utf16: bool,
    is_not_utf8: bool,
    /// The beginning of a character that the next part ends.
    cut: Vec<u8>,
}

impl TextCheck {
    pub(super) fn look(&mut self, part: &[u8]) {
        if self.control.is_some() {
            return;
        }
        let control = part.iter().position(|byte| matches!(byte, 0..=8 | 11 | 14..=31 | 127));
        // A text without any is UTF-16 only by chance.
        self.is_utf16 |= self.lines == 0 && (part.starts_with(b"\xFF\xFE") || part.starts_with(b"\xFE\xFF"));
        let ends = part[..control.unwrap_or(part.len())].iter().filter(|byte| **byte == b'\n').count();
        self.lines += u64::try_from(ends).unwrap_or_default();
        self.control = control.map(|_| self.lines + 1);
        if self.control.is_some() || self.is_not_utf8 {
            return;
        }
        let joined;
        let part = if self.cut.is_empty() {
            part
        } else {
            joined = [&self.cut[..], part].concat();
            &joined
        };
        let rest = match std::str::from_utf8(part) {
            Ok(_) => Vec::new(),
            Err(error) if error.error_len().is_none() => part[error.valid_up_to()..].to_vec(),
            Err(_) => {
                self.is_not_utf8 = true;
                Vec::new()
            }
        };
        self.cut = rest;
    }

    pub(super) fn is_text(&self) -> bool {
        self.control.is_none()
    }

    /// Why it is none.
    fn fault(&self) -> Option<String> {
        let line = self.control?;
        Some(match self.is_utf16 {
            true => "il est en UTF-16, à enregistrer en UTF-8".into(),
            false => format!("sa ligne {line} contient un caractère de contrôle"),
        })
    }

    /// As HTTP names it; what is not UTF-8 is taken for what French spreadsheets write.
    pub(super) fn charset(&self) -> &'static str {
        if self.is_not_utf8 || !self.cut.is_empty() { "windows-1252" } else { "utf-8" }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A ZIP archive of empty entries, the first one with `first` in it, as it is.
    fn zip(first: (&str, &str), others: &[&str]) -> Vec<u8> {
        let (mut archive, mut directory) = (Vec::new(), Vec::new());
        let entries = std::iter::once(first).chain(others.iter().map(|name| (*name, "")));
        let mut count = 0_u16;
        for (name, text) in entries {
            let (offset, size) = (u32::try_from(archive.len()).unwrap(), u32::try_from(text.len()).unwrap());
            let mut common = [20_u16, 0, 0, 0, 0].map(u16::to_le_bytes).concat();
            common.extend([0, size, size].map(u32::to_le_bytes).concat());
            common.extend([u16::try_from(name.len()).unwrap(), 0].map(u16::to_le_bytes).concat());
            archive.extend([b"PK\x03\x04", &common[..], name.as_bytes(), text.as_bytes()].concat());
            let after = [[0; 2], [0; 2], [0; 2]].concat();
            directory
                .extend([b"PK\x01\x02\x14\0", &common[..], &after, &[0; 4], &offset.to_le_bytes(), name.as_bytes()].concat());
            count += 1;
        }
        let (at, size) = (u32::try_from(archive.len()).unwrap(), u32::try_from(directory.len()).unwrap());
        archive.extend(directory);
        archive.extend([b"PK\x05\x06\0\0\0\0", &count.to_le_bytes()[..], &count.to_le_bytes()].concat());
        archive.extend([&size.to_le_bytes()[..], &at.to_le_bytes(), &[0; 2]].concat());
        archive
    }

    fn told(name: &str, content: &[u8]) -> Result<String, String> {
        let mut text = TextCheck::default();
        // In parts, as it comes.
        content.chunks(3).for_each(|part| text.look(part));
        let format = format(Cursor::new(content)).unwrap();
        recognise(name, format, &text, Kinds::default()).map(|(kind, name)| format!("{} {name}", kind.code))
    }

    #[test]
    fn a_kind_is_told_by_what_is_inside() {
        let many: Vec<_> = (0..5_000).map(|n| format!("docProps/{n}.xml")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).chain(["word/document.xml"]).collect();
        let word = zip(("[Content_Types].xml", ""), &many);
        let sheet = zip(("[Content_Types].xml", ""), &["xl/workbook.xml"]);
        let slides = zip(("[Content_Types].xml", ""), &["ppt/presentation.xml"]);
        let odt = zip(("mimetype", "application/vnd.oasis.opendocument.text"), &["content.xml"]);
        let h5p = zip(("h5p.json", "{}"), &["content/content.json"]);
        for (name, content, found) in [
            ("Guide.PDF", &b"%PDF-1.7\n%\xe2\xe3\n"[..], "pdf Guide.PDF"),
            ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "png a.png"),
            ("a.jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF", "jpg a.jpeg"),
            ("a", b"GIF89a\0\0\0", "gif a.gif"),
            ("a.docx", &word, "docx a.docx"),
            ("a.xlsx", &sheet, "xlsx a.xlsx"),
            ("a.pptx", &slides, "pptx a.pptx"),
            ("a.odt", &odt, "odt a.odt"),
            ("a.h5p", &h5p, "zip a.h5p"),
            ("a.mbz", b"\x1f\x8b\x08\0\0\0\0\0", "gz a.mbz"),
            ("a.csv", "nom;prénom\nÉlodie;ça".as_bytes(), "csv a.csv"),
            ("a.csv", b"nom;pr\xe9nom\r\n", "csv a.csv"),
            // Text may begin as something else does.
            ("a.txt", b"%PDF is how a PDF begins", "txt a.txt"),
            ("LISEZ-MOI", b"Bonjour", "txt LISEZ-MOI.txt"),
        ] {
            assert_eq!(told(name, content).as_deref(), Ok(found), "{name}");
        }
    }

    #[test]
    fn what_pretends_is_refused_by_name() {
        let archive = zip(("autre.txt", "texte"), &[]);
        let word = zip(("[Content_Types].xml", ""), &["word/document.xml"]);
        for (name, content, sentence) in [
            ("a.pdf", &archive[..], "« a.pdf » n'est pas un PDF : son contenu est une archive ZIP."),
            ("a.pdf", &word, "« a.pdf » n'est pas un PDF : son contenu est un document Word."),
            ("a.docx", &archive, "« a.docx » n'est pas un document Word : son contenu est une archive ZIP."),
            ("a.docx", &word[..40], "« a.docx » n'est pas un document Word : son contenu est abîmé ou d'un autre type."),
            ("a.txt", b"a\n\nb\0c", "« a.txt » n'est pas un texte : sa ligne 3 contient un caractère de contrôle."),
            ("a.csv", b"\xFF\xFEa\0;\0", "« a.csv » n'est pas un texte CSV : il est en UTF-16, à enregistrer en UTF-8."),
            (
                "a.docm",
                &word,
                "La fin du nom « a.docm » ne va pas avec son contenu, qui est un document Word : renommez le fichier en .docx.",
            ),
            (
                "a.png",
                b"<!DOCTYPE html><script>",
                "« a.png » n'est pas une image PNG : son contenu est d'un autre type (HyperText Markup Language).",
            ),
        ] {
            assert_eq!(told(name, content), Err(sentence.into()), "{name}");
        }
        for (name, content) in [
            ("a.exe", &b"MZ\x90\0\x03\0\0\0"[..]),
            ("a.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\">"),
            ("a.html", b"<html>"),
            ("a", b"\0\x01"),
        ] {
            assert!(told(name, content).is_err(), "{name}");
        }
    }

    #[test]
    fn an_archive_that_lies_about_its_size_costs_little() {
        let mut archive = zip(("mimetype", "application/vnd.oasis.opendocument.text"), &[]);
        let at = archive.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        archive[at + 20..at + 28].copy_from_slice(&[0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0xff, 0x3f]);
        assert_eq!(format(Cursor::new(archive)).unwrap(), FileFormat::Zip, "whose type is longer than a type is");
    }

    #[test]
    fn text_is_told_across_parts() {
        for (parts, charset) in [(&["\u{e9}".as_bytes().split_at(1).0, b"\xa9"][..], "utf-8"), (&[b"\xe9"], "windows-1252")] {
            let mut text = TextCheck::default();
            parts.iter().for_each(|part| text.look(part));
            assert_eq!((text.is_text(), text.charset()), (true, charset));
        }
    }

    #[test]
    fn settings_name_kinds() {
        assert_eq!("pdf, png".parse::<Kinds>().unwrap().to_string(), "pdf,png");
        assert_eq!(Kinds::default().to_string().parse(), Ok(Kinds::default()));
        assert!("pdf,exe".parse::<Kinds>().unwrap_err().contains("« exe »"));
    }
}
