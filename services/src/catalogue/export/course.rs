//! JSON-LD in terms of schema.org alone: `Course`, its sessions as `CourseInstance`, the list as `ItemList`. Long texts are the
//! Markdown that was written.

use serde_json::{Map, Value, json};

use super::Page;
use crate::catalogue::{Details, Modality, Opening, Part, Session, SessionState, Training};
use crate::error::{Error, Result};
use crate::files;

const CONTEXT: &str = "https://schema.org";
/// What ends the list.
pub(super) const FOOT: &str = "\n]}\n";

/// What begins the list.
pub(super) fn head(base: &str) -> Result<String> {
    let id = written(&json!(format!("{base}/formations.jsonld")))?;
    let name = written(&json!("Catalogue des formations de Mentor"))?;
    Ok(format!("{{\"@context\":\"{CONTEXT}\",\"@type\":\"ItemList\",\"@id\":{id},\"name\":{name},\"itemListElement\":["))
}

/// The list's next items, `before` of which there are already.
pub(super) fn items(page: &Page, base: &str, before: usize) -> Result<String> {
    let mut text = String::new();
    for (n, training) in page.trainings.iter().enumerate() {
        let position = before + n + 1;
        let item = json!({ "@type": "ListItem", "position": position, "item": course(page, training, base) });
        text.push_str(if position == 1 { "\n" } else { ",\n" });
        text.push_str(&written(&item)?);
    }
    Ok(text)
}

/// One training by itself.
pub(super) fn alone(page: &Page, training: &Training, base: &str) -> Result<String> {
    let mut course = course(page, training, base);
    course.insert("@context".into(), json!(CONTEXT));
    written(&Value::Object(course))
}

/// JSON that may stand in a page: nothing in it ends a script.
fn written(value: &Value) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|error| Error::internal(format!("JSON-LD: {error}")))?;
    // Outside texts JSON has none of these.
    let escapes = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    Ok(escapes.into_iter().fold(text, |text, (c, escape)| if text.contains(c) { text.replace(c, escape) } else { text }))
}

/// Minutes as ISO 8601 says them.
fn duration(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("PT{minutes}M"),
        (hours, 0) => format!("PT{hours}H"),
        (hours, minutes) => format!("PT{hours}H{minutes}M"),
    }
}

fn course(page: &Page, training: &Training, base: &str) -> Map<String, Value> {
    let none = Details::default();
    let details = page.details.get(&training.id).unwrap_or(&none);
    let text = |part: Part| details.texts.iter().find(|text| text.part == part).map(|text| json!(text.body));
    let addresses: Vec<_> = details.addresses.iter().map(ToString::to_string).collect();
    let provider = page.organisations.get(&training.organisation_id);
    let provider = provider.map(|one| json!({ "@type": "Organization", "name": one.name, "alternateName": one.short_name }));
    let collection = page.collections.get(&training.collection_id);
    let collection = collection.map(|one| json!({ "@type": "Collection", "name": one.name }));
    let minutes = match (training.presence_minutes, training.remote_minutes) {
        (None, None) => None,
        (presence, remote) => Some(presence.unwrap_or(0) + remote.unwrap_or(0)),
    };
    let modules = details
        .modules
        .iter()
        .map(|module| json!({ "@type": "LearningResource", "name": module.title, "teaches": module.competences }));
    let audience = match training.opening {
        Opening::TousPublics => Some(json!({ "@type": "Audience", "audienceType": "Tous publics" })),
        Opening::Interministeriel => Some(json!({ "@type": "Audience", "audienceType": "Agents publics" })),
        Opening::CibleRestreinte | Opening::NonVisible => None,
    };
    let certificate = json!({ "@type": "EducationalOccupationalCredential", "credentialCategory": "Certification" });
    let sessions = page.sessions.get(&training.id).into_iter().flatten().map(|session| instance(training, session));
    let list = |items: Vec<Value>| (!items.is_empty()).then_some(Value::Array(items));
    let image = training.thumbnail_id.map(|id| format!("{base}{}", files::path(id)));
    let terms = [
        ("@type", Some(json!("Course"))),
        ("@id", Some(json!(format!("{base}/formations/{}.jsonld", training.id)))),
        ("name", Some(json!(training.title))),
        ("courseCode", Some(json!(training.short_name))),
        ("description", training.catch_phrase.as_ref().map(|phrase| json!(phrase)).or_else(|| text(Part::Objectifs))),
        ("abstract", text(Part::Objectifs)),
        ("text", text(Part::Contenu)),
        ("coursePrerequisites", text(Part::Prerequis)),
        ("teaches", text(Part::Competences)),
        ("url", addresses.first().map(|url| json!(url))),
        ("sameAs", list(addresses.iter().skip(1).map(|url| json!(url)).collect())),
        ("image", image.or_else(|| training.thumbnail_url.clone()).map(|url| json!(url))),
        ("inLanguage", Some(json!("fr"))),
        ("license", Some(json!({ "@type": "CreativeWork", "name": training.licence }))),
        ("provider", provider),
        ("isPartOf", collection),
        ("audience", audience),
        ("educationalCredentialAwarded", training.certifying.then_some(certificate)),
        ("creativeWorkStatus", Some(json!(training.state.words()))),
        ("timeRequired", minutes.map(|minutes| json!(duration(minutes)))),
        ("dateCreated", Some(json!(training.created_at.to_rfc3339()))),
        ("dateModified", Some(json!(training.updated_at.to_rfc3339()))),
        ("datePublished", training.published_at.map(|at| json!(at.to_rfc3339()))),
        ("hasPart", list(modules.collect())),
        ("hasCourseInstance", list(sessions.collect())),
    ];
    terms.into_iter().filter_map(|(term, value)| Some((term.to_owned(), value?))).collect()
}

/// A session; what it asks of a learner is what the training does.
fn instance(training: &Training, session: &Session) -> Value {
    let mode = match training.modality {
        Some(Modality::Mixte) => "blended",
        _ if session.remote => "online",
        _ => "onsite",
    };
    let attendance = match mode {
        "blended" => "MixedEventAttendanceMode",
        "online" => "OnlineEventAttendanceMode",
        _ => "OfflineEventAttendanceMode",
    };
    let status = match session.state {
        SessionState::Annulee => "EventCancelled",
        SessionState::Reportee => "EventPostponed",
        _ => "EventScheduled",
    };
    let minutes = training.presence_minutes.unwrap_or(0) + training.remote_minutes.unwrap_or(0);
    let mut instance = json!({
        "@type": "CourseInstance", "courseMode": mode, "startDate": session.starts_at.to_rfc3339(),
        "endDate": session.ends_at.to_rfc3339(), "eventStatus": format!("{CONTEXT}/{status}"),
        "eventAttendanceMode": format!("{CONTEXT}/{attendance}"), "inLanguage": "fr",
    });
    if minutes > 0 {
        instance["courseWorkload"] = json!(duration(minutes));
    }
    if let Some(seats) = session.seats {
        instance["maximumAttendeeCapacity"] = json!(seats);
    }
    if let Some(place) = &session.place {
        instance["location"] = json!({ "@type": "Place", "name": place });
    }
    instance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_iso_8601_does() {
        for (minutes, said) in [(0, "PT0M"), (45, "PT45M"), (60, "PT1H"), (90, "PT1H30M"), (60_000, "PT1000H")] {
            assert_eq!(duration(minutes), said);
        }
    }

    #[test]
    fn no_text_ends_a_script() {
        let text = written(&json!({ "name": "</script><!-- & \u{2028}\"'" })).unwrap();
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["name"], "</script><!-- & \u{2028}\"'");
    }
}
