//! Which states of a report follow which, what each asks for, who may; what a sound report is.

use super::{Report, ReportFields, ReportState, Transition};
use crate::caller::Caller;
use crate::error::{Code, Error, Problem, Problems, Result};
use crate::forum::{self, Thread};
use crate::text;

use ReportState::{Confirme, Corrige, Doublon, Nouveau, PrisEnCharge, SansSuite};

const MOST_TEXT: usize = 5_000;

/// The states that may follow `from`.
#[must_use]
pub fn possible_transitions(from: ReportState) -> &'static [ReportState] {
    match from {
        Nouveau => &[Confirme, PrisEnCharge, Corrige, Doublon, SansSuite],
        Confirme => &[PrisEnCharge, Corrige, Doublon, SansSuite],
        PrisEnCharge => &[Confirme, Corrige, Doublon, SansSuite],
        // It came back.
        Corrige => &[Confirme, PrisEnCharge],
        // It was something else after all.
        Doublon | SansSuite => &[Nouveau, Confirme],
    }
}

/// Whether this caller takes the report of that thread to another state.
#[must_use]
pub fn may_handle(caller: &Caller, thread: &Thread) -> bool {
    caller.suspended().is_none() && caller.moderates(thread.space_id)
}

/// Whether this caller adds details and notes: who reported it, while the thread is open, and the moderators of its space.
#[must_use]
pub fn may_detail(caller: &Caller, thread: &Thread) -> bool {
    forum::writes(caller)
        && (caller.id() == Some(thread.author_id) && thread.locked_at.is_none() || caller.moderates(thread.space_id))
}

pub(super) fn must_handle(caller: &Caller, thread: &Thread) -> Result<()> {
    if may_handle(caller, thread) {
        return Ok(());
    }
    Err(Error::forbidden("L'état d'un signalement est l'affaire des modérateurs de l'espace."))
}

pub(super) fn must_detail(caller: &Caller, thread: &Thread) -> Result<()> {
    if may_detail(caller, thread) {
        return Ok(());
    }
    Err(Error::forbidden("Seuls l'auteur du signalement, tant que son fil est ouvert, et les modérateurs le complètent."))
}

pub(super) fn as_read(report: &Report, expected: Option<i64>) -> Result<()> {
    if expected.is_some_and(|expected| expected != report.revision) {
        let sentence = "Ce signalement a changé entre-temps : relisez-le.";
        return Err(Error::conflict("revision", Code::Refused, sentence));
    }
    Ok(())
}

/// Whether a report goes from its state to `to`.
pub(super) fn can_become(from: ReportState, to: ReportState) -> Result<()> {
    let refused = |sentence: String| Err(Error::conflict("state", Code::Refused, sentence));
    if from == to {
        return refused(format!("Ce signalement est déjà dans l'état « {} ».", to.words()));
    }
    let possible = possible_transitions(from);
    if !possible.contains(&to) {
        let words: Vec<_> = possible.iter().map(|state| format!("« {} »", state.words())).collect();
        let (from, to) = (from.words(), to.words());
        return refused(format!("De l'état « {from} » on ne passe pas à « {to} », mais à {}.", words.join(" ou ")));
    }
    Ok(())
}

/// A transition as it was asked for, checked: a fix names its release, a duplicate its original, and nothing else does.
pub(super) fn transition(asked: Transition) -> Result<Transition, Vec<Problem>> {
    let mut problems = Problems::default();
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let note = given(asked.note).and_then(|note| problems.take(text::line("note", &note, 1, 1000)));
    let release = given(asked.release).and_then(|release| problems.take(text::line("release", &release, 1, 40)));
    match (asked.to, &release) {
        (Corrige, None) => problems.add(Problem::new("release", Code::Required, "Dites dans quelle version c'est corrigé.")),
        (Corrige, Some(_)) | (_, None) => {}
        (_, Some(_)) => {
            problems.add(Problem::new("release", Code::Refused, "Seul un signalement corrigé nomme une version."));
        }
    }
    match (asked.to, asked.duplicate_of) {
        (Doublon, None) => {
            problems.add(Problem::new("duplicateOfId", Code::Required, "Dites de quel signalement c'est un doublon."));
        }
        (Doublon, Some(_)) | (_, None) => {}
        (_, Some(_)) => {
            problems.add(Problem::new("duplicateOfId", Code::Refused, "Seul un doublon désigne un autre signalement."));
        }
    }
    match problems.refuse() {
        Err(Error::Invalid(problems)) => Err(problems),
        _ => Ok(Transition { note, release, ..asked }),
    }
}

/// What is said of a malfunction, checked; an empty text is none. All that is wrong, each under its name within `field`.
pub(crate) fn fields(given: ReportFields) -> Result<ReportFields, Vec<Problem>> {
    let mut problems = Problems::default();
    let mut line = |field: &'static str, text: Option<String>, most: usize| {
        text.map(|text| if text.trim().is_empty() { String::new() } else { text })
            .and_then(|text| problems.take(text::line(field, &text, 0, most)))
    };
    let component = line("component", given.component, 80);
    let browser = line("browser", given.browser, 120);
    let mut long = |field: &'static str, text: Option<String>| {
        let text = text?;
        if text.trim().is_empty() {
            return Some(String::new());
        }
        let sound = problems.take(text::body(field, &text))?;
        if sound.chars().count() > MOST_TEXT {
            problems.add(Problem::new(field, Code::TooLong, format!("Au plus {MOST_TEXT} caractères.")));
        }
        Some(sound)
    };
    let (steps, expected, observed) =
        (long("steps", given.steps), long("expected", given.expected), long("observed", given.observed));
    match problems.refuse() {
        Err(Error::Invalid(problems)) => Err(problems),
        _ => Ok(ReportFields { component, browser, steps, expected, observed }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ReportState; 6] = [Nouveau, Confirme, PrisEnCharge, Corrige, Doublon, SansSuite];

    #[test]
    fn a_report_goes_where_the_table_says_and_nowhere_else() {
        for from in ALL {
            for to in ALL {
                let allowed = possible_transitions(from).contains(&to);
                assert_eq!(can_become(from, to).is_ok(), allowed, "{from:?} to {to:?}");
            }
            assert!(!possible_transitions(from).is_empty(), "{from:?} is no dead end");
        }
    }

    #[test]
    fn a_fix_names_its_release_and_a_duplicate_its_original() {
        let asked = |to| Transition { to, release: None, duplicate_of: None, note: Some("  ".into()) };
        for (to, field) in [(Corrige, "release"), (Doublon, "duplicateOfId")] {
            assert_eq!(transition(asked(to)).unwrap_err()[0].field, field);
        }
        let released = Transition { release: Some(" 4.5 ".into()), ..asked(Corrige) };
        let sound = transition(released.clone()).unwrap();
        assert_eq!((sound.release.as_deref(), sound.note), (Some("4.5"), None));
        assert_eq!(transition(Transition { to: Confirme, ..released }).unwrap_err()[0].code, Code::Refused);
    }

    #[test]
    fn what_is_said_of_a_malfunction_is_checked() {
        let given = |steps: &str| ReportFields { steps: Some(steps.into()), ..ReportFields::default() };
        assert_eq!(fields(given(" \n ")).unwrap().steps.as_deref(), Some(""));
        assert_eq!(fields(given("1. Ouvrir\n2. Fermer")).unwrap().steps.as_deref(), Some("1. Ouvrir\n2. Fermer"));
        assert_eq!(fields(given(&"é".repeat(MOST_TEXT + 1))).unwrap_err()[0].code, Code::TooLong);
        let hostile = ReportFields {
            component: Some("H5P\u{202e}".into()),
            browser: Some("x".repeat(121)),
            steps: Some("a\0".into()),
            ..ReportFields::default()
        };
        let wrong: Vec<_> = fields(hostile).unwrap_err().into_iter().map(|problem| problem.field).collect();
        assert_eq!(wrong, ["component", "browser", "steps"]);
    }
}
