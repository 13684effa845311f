//! What a notification says, in one sentence.

use super::Reason;

/// The sentence of a reason, with `{qui}` and `{a}` for who did it, `{ou}` for where.
fn template(reason: Reason) -> &'static str {
    match reason {
        Reason::NouveauMessage => "{qui} {a} écrit dans {ou}.",
        Reason::NouveauFil => "Un nouveau fil est ouvert : {ou}.",
        Reason::Formation => "La formation {ou} a changé d'état ou de date prévue.",
        Reason::Signalement => "Le signalement {ou} a changé d'état.",
        Reason::Reponse => "{qui} {a} répondu à votre message dans {ou}.",
        Reason::Mention => "{qui} {a} parlé de vous dans {ou}.",
        Reason::SignalementCorrige => "Le dysfonctionnement signalé dans {ou} est corrigé.",
        Reason::ReponseAcceptee => "Une réponse est acceptée dans {ou}.",
        Reason::Moderation => "La modération est intervenue dans {ou}.",
    }
}

/// What is told, of people by their names, the latest first, three at most, and of a thread or a training by its title: none when
/// it is out of sight.
#[must_use]
pub fn sentence(reason: Reason, actors: &[&str], title: Option<&str>) -> String {
    let (who, has) = match actors {
        [] => ("Quelqu'un".to_owned(), "a"),
        [one] => ((*one).to_owned(), "a"),
        [one, other] => (format!("{one} et {other}"), "ont"),
        [one, other, ..] => (format!("{one}, {other} et d'autres"), "ont"),
    };
    let place = title.map_or_else(|| "un de vos fils".to_owned(), |title| format!("«\u{a0}{title}\u{a0}»"));
    // What people wrote comes last, so that it is never taken for a place to fill.
    let mut words = String::new();
    for part in template(reason).split_inclusive('}') {
        let (text, place) = match part.rsplit_once('{') {
            Some((text, "qui}")) => (text, who.as_str()),
            Some((text, "a}")) => (text, has),
            Some((text, "ou}")) => (text, place.as_str()),
            _ => (part, ""),
        };
        words.push_str(text);
        words.push_str(place);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_who_and_where() {
        let said = |actors: &[&str]| sentence(Reason::Reponse, actors, Some("Un {a} titre"));
        assert_eq!(said(&["Ada"]), "Ada a répondu à votre message dans «\u{a0}Un {a} titre\u{a0}».");
        assert_eq!(said(&["Ada", "Ben"]), "Ada et Ben ont répondu à votre message dans «\u{a0}Un {a} titre\u{a0}».");
        assert_eq!(
            said(&["{ou}", "Ben", "Cléo"]),
            "{ou}, Ben et d'autres ont répondu à votre message dans «\u{a0}Un {a} titre\u{a0}»."
        );
        assert_eq!(sentence(Reason::Moderation, &[], None), "La modération est intervenue dans un de vos fils.");
    }

    #[test]
    fn every_reason_has_a_whole_sentence() {
        use Reason::{
            Formation, Mention, Moderation, NouveauFil, NouveauMessage, Reponse, ReponseAcceptee, Signalement, SignalementCorrige,
        };
        let reasons = [
            NouveauMessage,
            NouveauFil,
            Formation,
            Signalement,
            Reponse,
            Mention,
            SignalementCorrige,
            ReponseAcceptee,
            Moderation,
        ];
        for reason in reasons {
            let said = sentence(reason, &["Ada"], Some("Titre"));
            assert!(said.contains("Titre") && said.ends_with('.') && !said.contains(['{', '}']), "{said}");
        }
    }
}
