//! What a sound name is, who may send how much.

use unicode_normalization::UnicodeNormalization;

use crate::config::Limits;
use crate::error::{Code, Error, Problem, Result};
use crate::text;

/// The longest name, in characters; file systems bound the bytes.
const NAME_MOST: usize = 150;
const NAME_BYTES: usize = 230;

/// A name without its folders, in one form for one text, that every system can keep.
///
/// # Errors
/// A problem of `name`.
pub(super) fn name(given: &str) -> Result<String, Problem> {
    // Browsers and forms send whole paths now and then.
    let last = given.rsplit(['/', '\\']).next().unwrap_or(given);
    let line = text::line("name", last, 1, NAME_MOST)?;
    // What stands for bytes that are no text.
    if line.contains('\u{fffd}') {
        return Err(Problem::new("name", Code::Malformed, "Ce nom n'est pas en UTF-8."));
    }
    let name: String = line.nfc().map(|c| if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '-' } else { c }).collect();
    let name = name.trim_end_matches(['.', ' ']).trim_start_matches('.').trim_start();
    if name.is_empty() {
        return Err(Problem::new("name", Code::Required, "Donnez un nom au fichier."));
    }
    let name = if is_reserved(name) { format!("_{name}") } else { name.to_owned() };
    if name.len() > NAME_BYTES {
        return Err(Problem::new("name", Code::TooLong, format!("Ce nom est trop long : au plus {NAME_BYTES} octets en UTF-8.")));
    }
    Ok(name)
}

/// Names that Windows keeps for its devices, with whatever ending.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |device: &str| stem.strip_prefix(device).is_some_and(|n| matches!(n.as_bytes(), [b'1'..=b'9']));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

/// Whether a file of that size is not too large by itself.
pub(super) fn has_size(size: u64, limits: &Limits) -> Result<()> {
    if size > limits.file_bytes {
        let sentence = format!("Ce fichier est trop grand : au plus {}.", bytes(limits.file_bytes));
        return Err(Error::invalid("file", Code::TooLong, sentence));
    }
    Ok(())
}

/// Whether a member who sent `sent` bytes in a day may send `size` more.
pub(super) fn has_room(sent: u64, size: u64, limits: &Limits) -> Result<()> {
    if sent.saturating_add(size) > limits.file_day_bytes {
        let left = bytes(limits.file_day_bytes.saturating_sub(sent));
        let sentence = format!(
            "Vous pouvez envoyer {} de fichiers par jour, et il vous reste {left} : réessayez plus tard.",
            bytes(limits.file_day_bytes)
        );
        return Err(Error::conflict("file", Code::Full, sentence));
    }
    Ok(())
}

/// A number of bytes as people read it.
fn bytes(number: u64) -> String {
    for (unit, size) in [("Gio", 1 << 30), ("Mio", 1 << 20), ("Kio", 1 << 10)] {
        if number >= size {
            let tenths = number * 10 / size;
            let decimal = match tenths % 10 {
                0 => String::new(),
                tenth => format!(",{tenth}"),
            };
            return format!("{}{decimal} {unit}", tenths / 10);
        }
    }
    format!("{number} octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_or_refused() {
        for (given, kept) in [
            ("guide.pdf", "guide.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\fakepath\\Guide é.pdf", "Guide é.pdf"),
            ("a\r\nb.pdf", "a b.pdf"),
            ("Re\u{301}sume\u{301}.pdf", "Résumé.pdf"),
            ("Quoi ? \"ça\" <b>.pdf", "Quoi - -ça- -b-.pdf"),
            ("CON.pdf", "_CON.pdf"),
            ("lpt1", "_lpt1"),
            ("console.pdf", "console.pdf"),
            ("..cache.pdf. .", "cache.pdf"),
        ] {
            assert_eq!(name(given), Ok(kept.into()), "{given}");
        }
        for (given, code) in [
            ("", Code::Required),
            ("dossier/", Code::Required),
            ("...", Code::Required),
            ("a\0.pdf", Code::Malformed),
            ("a\u{fffd}.pdf", Code::Malformed),
            ("a\u{202e}fdp.exe", Code::Malformed),
            (&"a".repeat(151), Code::TooLong),
            (&"界".repeat(100), Code::TooLong),
        ] {
            assert_eq!(name(given).unwrap_err().code, code, "{given}");
        }
    }

    #[test]
    fn sizes_are_said_as_people_read_them() {
        for (number, words) in [(12, "12 octets"), (1536, "1,5 Kio"), (1 << 30, "1 Gio"), (200 << 20, "200 Mio")] {
            assert_eq!(bytes(number), words);
        }
    }
}
