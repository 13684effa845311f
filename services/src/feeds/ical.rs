//! iCalendar (RFC 5545, 7986): an event a day long for each training. The `icalendar` crate was weighed: it leaves the names of a
//! calendar unescaped, counts characters for bytes where it folds, and holds every property of every event in a map.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::Head;
use super::store::Event;
use super::words::{self, line};
use crate::catalogue::{Collection, TrainingState};
use crate::id::CollectionId;

/// Octets of a line, its end not counted.
const WIDTH: usize = 75;

/// Without METHOD, which would demand an organiser: readers replace what they hold by what they get, and what is gone is gone.
pub(super) fn calendar(head: &Head, events: &[Event], collections: &HashMap<CollectionId, Collection>) -> String {
    let mut text = String::with_capacity(1024 + 768 * events.len());
    let title = escaped(&head.title);
    for (name, value) in [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//CIAM//ciam//FR"),
        ("CALSCALE", "GREGORIAN"),
        ("NAME", &title),
        ("X-WR-CALNAME", &title),
        ("DESCRIPTION", &escaped(words::DESCRIPTION)),
        ("X-WR-CALDESC", &escaped(words::DESCRIPTION)),
        ("SOURCE;VALUE=URI", &head.url),
        ("REFRESH-INTERVAL;VALUE=DURATION", "PT6H"),
        ("X-PUBLISHED-TTL", "PT6H"),
    ] {
        put(&mut text, name, value);
    }
    for event in events {
        put_event(&mut text, event, collections.get(&event.collection_id));
    }
    put(&mut text, "END", "VCALENDAR");
    text
}

fn put_event(text: &mut String, event: &Event, collection: Option<&Collection>) {
    let Ok(day) = event.calendar_on.parse::<NaiveDate>() else { return };
    let published = event.state == TrainingState::Publiee;
    let title = line(&event.title);
    put(text, "BEGIN", "VEVENT");
    put(text, "UID", &event.id.0.to_string());
    put(text, "DTSTAMP", &utc(event.updated_at));
    put(text, "CREATED", &utc(event.created_at));
    put(text, "LAST-MODIFIED", &utc(event.updated_at));
    put(text, "SEQUENCE", &(event.moves - 1).max(0).to_string());
    put(text, "DTSTART;VALUE=DATE", &date(day));
    if let Some(next) = day.succ_opt() {
        put(text, "DTEND;VALUE=DATE", &date(next));
    }
    put(text, "STATUS", if published { "CONFIRMED" } else { "TENTATIVE" });
    put(text, "TRANSP", "TRANSPARENT");
    put(text, "SUMMARY", &escaped(&if published { title } else { format!("{title} (prévue)") }));
    let said = [collection.map(|one| format!("Collection\u{a0}: {}", line(&one.name))), event.catch_phrase.as_deref().map(line)];
    put(text, "DESCRIPTION", &escaped(&said.into_iter().flatten().collect::<Vec<_>>().join("\n")));
    if let Some(collection) = collection {
        put(text, "CATEGORIES", &escaped(&line(&collection.name)));
    }
    if let Some(url) = event.url() {
        put(text, "URL", &url);
    }
    put(text, "END", "VEVENT");
}

fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

fn date(day: NaiveDate) -> String {
    day.format("%Y%m%d").to_string()
}

/// A TEXT value (RFC 5545, 3.3.11).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A line, folded so that none has more than 75 octets and no character is cut (RFC 5545, 3.1).
fn put(text: &mut String, name: &str, value: &str) {
    let mut width = 0;
    for c in name.chars().chain([':']).chain(value.chars()) {
        if width + c.len_utf8() > WIDTH {
            text.push_str("\r\n ");
            width = 1;
        }
        text.push(c);
        width += c.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_at_75_octets_between_characters() {
        for value in ["a".repeat(400), "é".repeat(300), "👩‍🏫 à ".repeat(60), "x".repeat(67), "x".repeat(68), String::new()]
        {
            let mut text = String::new();
            put(&mut text, "SUMMARY", &value);
            let lines: Vec<_> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            assert!(lines.iter().all(|line| line.len() <= WIDTH), "{value}");
            assert!(lines[1..].iter().all(|line| line.starts_with(' ')), "{value}");
            assert_eq!(text.replace("\r\n ", ""), format!("SUMMARY:{value}\r\n"));
        }
        let mut text = String::new();
        put(&mut text, "SUMMARY", &"x".repeat(67));
        assert!(!text.contains("\r\n "), "75 octets are one line");
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escaped("a\\b;c,d\ne\r\u{7}:\"é"), "a\\\\b\\;c\\,d\\ne  :\"é");
    }
}
