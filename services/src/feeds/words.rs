//! What feeds say, in French, one line each: no format has to expect anything else in a title.

use chrono::{Datelike, NaiveDate};

use super::store::Move;
use crate::catalogue::{CalendarChangeKind, Collection};

const MONTHS: [&str; 12] =
    ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"];

/// Who speaks.
pub(super) const AUTHOR: &str = "Communauté interministérielle des acteurs de Mentor";
/// What a feed is about.
pub(super) const DESCRIPTION: &str = "Les formations de Mentor publiées et ouvertes à tous, et celles qui sont prévues.";

/// A feed's own title.
pub(super) fn title(collection: Option<&Collection>) -> String {
    let of = collection.map(|one| format!(" – {}", line(&one.name))).unwrap_or_default();
    format!("Calendrier de publication de Mentor{of}")
}

/// A text on one line, without what XML 1.0 cannot hold.
pub(super) fn line(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c });
    shown.filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}

/// A day as people say it; another text stays as it is.
fn said(day: &str) -> String {
    let Ok(date) = day.parse::<NaiveDate>() else { return line(day) };
    let number = if date.day() == 1 { "1er".to_owned() } else { date.day().to_string() };
    let month = usize::try_from(date.month0()).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
    format!("{number} {month} {}", date.year())
}

/// What moved, in a few words and the training's title.
pub(super) fn headline(moved: &Move) -> String {
    let what = match (moved.kind, moved.from_on.as_deref(), moved.to_on.as_deref()) {
        (CalendarChangeKind::Publication, ..) => "Publiée".to_owned(),
        (CalendarChangeKind::Retrait, _, Some(to)) => format!("N'est plus publiée, prévue le {}", said(to)),
        (CalendarChangeKind::Retrait, _, None) => "Retirée du calendrier".to_owned(),
        (CalendarChangeKind::Planification, _, None) => "N'a plus de date prévue".to_owned(),
        (CalendarChangeKind::Planification, None, Some(to)) => format!("Prévue le {}", said(to)),
        (CalendarChangeKind::Planification, Some(from), Some(to)) if to < from => format!("Avancée au {}", said(to)),
        (CalendarChangeKind::Planification, Some(_), Some(to)) => format!("Reportée au {}", said(to)),
    };
    format!("{what}\u{a0}: {}", line(&moved.title))
}

/// The same in whole sentences, with why.
pub(super) fn sentences(moved: &Move, collection: Option<&Collection>) -> Vec<String> {
    let title = format!("«\u{a0}{}\u{a0}»", line(&moved.title));
    let planned = moved.from_on.as_deref().map(said).unwrap_or_default();
    let mut sentences = vec![match (moved.kind, moved.from_on.as_deref(), moved.to_on.as_deref()) {
        (CalendarChangeKind::Publication, None, _) => format!("{title} est publiée."),
        (CalendarChangeKind::Publication, Some(_), _) => format!("{title} est publiée\u{a0}; elle était attendue le {planned}."),
        (CalendarChangeKind::Retrait, _, Some(to)) => {
            format!("{title} n'est plus publiée\u{a0}; elle est prévue le {}.", said(to))
        }
        (CalendarChangeKind::Retrait, _, None) => format!("{title} a quitté le calendrier de publication."),
        (CalendarChangeKind::Planification, Some(_), None) => format!("{title}, prévue le {planned}, n'a plus de date prévue."),
        (CalendarChangeKind::Planification, None, None) => format!("{title} n'a plus de date prévue."),
        (CalendarChangeKind::Planification, None, Some(to)) => format!("{title} est prévue le {}.", said(to)),
        (CalendarChangeKind::Planification, Some(from), Some(to)) => {
            let how = if to < from { "avancée" } else { "reportée" };
            format!("{title}, prévue le {planned}, est {how} au {}.", said(to))
        }
    }];
    sentences.extend(moved.reason.as_deref().map(|reason| format!("Motif\u{a0}: {}", line(reason))));
    sentences.extend(collection.map(|one| format!("Collection\u{a0}: {}", line(&one.name))));
    sentences.extend(moved.catch_phrase.as_deref().map(line));
    sentences
}

/// What moved, as a category.
pub(super) fn kind(moved: &Move) -> &'static str {
    match moved.kind {
        CalendarChangeKind::Planification => "Planification",
        CalendarChangeKind::Publication => "Publication",
        CalendarChangeKind::Retrait => "Retrait",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_said_in_french() {
        assert_eq!(said("2026-12-01"), "1er décembre 2026");
        assert_eq!(said("2027-02-14"), "14 février 2027");
        assert_eq!(said("bientôt"), "bientôt");
    }

    #[test]
    fn a_line_holds_nothing_that_breaks_one() {
        assert_eq!(line("a\r\nb\u{0}\u{1b}\u{85}\u{2028}c\u{ffff}<b>"), "a  b    c<b>");
    }
}
