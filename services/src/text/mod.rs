//! What people write: checked, and bodies turned from Markdown into safe HTML and a plain excerpt.

mod markdown;

use crate::error::{Code, Problem};

pub use markdown::{Group, MODERATORS, Mentioned, Names, Rendered, names, plain, render};

/// The longest body of a post, in characters.
pub const BODY_MOST: usize = 50_000;

/// One line of text of `least` to `most` characters, trimmed, inner white space folded.
///
/// # Errors
/// A problem of `field`.
pub fn line(field: &'static str, text: &str, least: usize, most: usize) -> Result<String, Problem> {
    // No-break spaces stay: French typography needs them before « : ; ! ? » and inside the guillemets.
    let folds = |c: char| c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{202f}');
    let folded = text.split(folds).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if folded.chars().any(|c| c.is_control() || is_unseen(c)) {
        return Err(Problem::new(field, Code::Malformed, "Ce texte contient des caractères de contrôle ou invisibles."));
    }
    let folded = folded.trim().to_owned();
    sized(field, &folded, least, most)?;
    Ok(folded)
}

/// Markdown of 1 to [`BODY_MOST`] characters.
///
/// # Errors
/// A problem of `field`.
pub fn body(field: &'static str, text: &str) -> Result<String, Problem> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Problem::new(field, Code::Malformed, "Ce texte contient des caractères de contrôle."));
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n").trim_end().trim_start_matches('\n').to_owned();
    sized(field, &text, 1, BODY_MOST)?;
    if text.chars().all(|c| c.is_whitespace() || is_unseen(c)) {
        return Err(Problem::new(field, Code::Required, "Écrivez quelque chose."));
    }
    Ok(text)
}

/// Characters that show nothing and make one text look like another, or turn its direction. Those that join emoji stay.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
    )
}

fn sized(field: &'static str, text: &str, least: usize, most: usize) -> Result<(), Problem> {
    let length = text.chars().count();
    if length == 0 && least > 0 {
        return Err(Problem::new(field, Code::Required, "À remplir."));
    }
    if length < least {
        return Err(Problem::new(field, Code::TooShort, format!("Au moins {least} caractères ({length} donnés).")));
    }
    if length > most {
        return Err(Problem::new(field, Code::TooLong, format!("Au plus {most} caractères ({length} donnés).")));
    }
    Ok(())
}

/// A member's handle: 2 to 30 lower-case letters and digits, with single dots and hyphens inside.
///
/// # Errors
/// A problem of `field`.
pub fn handle(field: &'static str, text: &str) -> Result<String, Problem> {
    let handle = text.trim().trim_start_matches('@').to_ascii_lowercase();
    if markdown::handle_at(&handle) != Some(handle.len()) || !(2..=30).contains(&handle.len()) {
        return Err(Problem::new(
            field,
            Code::Malformed,
            "L'identifiant compte 2 à 30 lettres sans accent ou chiffres, séparés au besoin par un point ou un tiret.",
        ));
    }
    Ok(handle)
}

/// A mail address, as written and as compared.
///
/// # Errors
/// A problem of `field`.
pub fn address(field: &'static str, text: &str) -> Result<(String, String), Problem> {
    let text = text.trim();
    let malformed = || Problem::new(field, Code::Malformed, "Cette adresse de courriel n'est pas valide.");
    if text.is_empty() {
        return Err(Problem::new(field, Code::Required, "Indiquez votre adresse de courriel."));
    }
    if text.len() > 254 || !text.is_ascii() {
        return Err(malformed());
    }
    text.parse::<lettre::Address>().map_err(|_| malformed())?;
    Ok((text.to_owned(), text.to_ascii_lowercase()))
}

/// A slug made of a name: ASCII letters, digits and single hyphens.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            'à' | 'â' | 'ä' | 'á' | 'ã' => slug.push('a'),
            'é' | 'è' | 'ê' | 'ë' => slug.push('e'),
            'î' | 'ï' | 'í' => slug.push('i'),
            'ô' | 'ö' | 'ó' => slug.push('o'),
            'ù' | 'û' | 'ü' | 'ú' => slug.push('u'),
            'ç' => slug.push('c'),
            'œ' => slug.push_str("oe"),
            'æ' => slug.push_str("ae"),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(80);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_bounded_and_free_of_control_characters() {
        assert_eq!(line("title", "  Un \n titre ", 3, 10), Ok("Un titre".into()));
        assert_eq!(line("title", "Prêt\u{a0}?", 3, 10), Ok("Prêt\u{a0}?".into()));
        assert_eq!(line("title", "", 3, 10).unwrap_err().code, Code::Required);
        assert_eq!(line("title", "ab", 3, 10).unwrap_err().code, Code::TooShort);
        assert_eq!(line("title", &"é".repeat(11), 3, 10).unwrap_err().code, Code::TooLong);
        assert_eq!(line("title", "a\0bc", 3, 10).unwrap_err().code, Code::Malformed);
        for unseen in ["\u{200b}\u{200b}\u{200b}", "abc\u{202e}def", "\u{2060}\u{2060}\u{2060}"] {
            assert_eq!(line("title", unseen, 3, 10).unwrap_err().code, Code::Malformed);
        }
        assert_eq!(line("title", "Équipe 👩\u{200d}💻", 3, 20), Ok("Équipe 👩\u{200d}💻".into()));
        assert_eq!(body("body", "\u{200b}\n\u{2060}").unwrap_err().code, Code::Required);
    }

    #[test]
    fn handles_are_ascii_and_dotted() {
        assert_eq!(handle("handle", "@Claire.Fontaine"), Ok("claire.fontaine".into()));
        for wrong in ["a", "a..b", ".ab", "ab-", "élodie", "a b", "a_b", &"a".repeat(31)] {
            assert!(handle("handle", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_checked() {
        assert_eq!(address("address", " A@b.fr "), Ok(("A@b.fr".into(), "a@b.fr".into())));
        for wrong in ["", "a", "a@", "a@b.fr\nBcc: c@d.fr", "é@b.fr", &format!("{}@b.fr", "a".repeat(300))] {
            assert!(address("address", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_slug_is_ascii() {
        assert_eq!(slug("Actualités de l'offre — œuvres"), "actualites-de-l-offre-oeuvres");
    }
}
