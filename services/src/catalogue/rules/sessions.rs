//! The same for sessions and for what is planned.

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};

use super::{may_manage, writes};
use crate::caller::Caller;
use crate::catalogue::{Session, SessionState, Training, TrainingState};
use crate::error::{Code, Error, Problem, Result};
use crate::id::{MemberId, OrganisationId};
use crate::roles::Role;

use SessionState::{Annulee, Archivee, EnCours, EnPreparation, InscriptionsOuvertes, Reportee, Terminee};

impl SessionState {
    /// All of them.
    pub const ALL: [Self; 7] = [EnPreparation, InscriptionsOuvertes, EnCours, Terminee, Archivee, Reportee, Annulee];

    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            EnPreparation => "en préparation",
            InscriptionsOuvertes => "inscriptions ouvertes",
            EnCours => "en cours",
            Terminee => "terminée",
            Archivee => "archivée",
            Reportee => "reportée",
            Annulee => "annulée",
        }
    }
}

/// A session is archived that long after its end, as on Mentor.
const AFTER_ITS_END: TimeDelta = TimeDelta::days(30);

/// Where its dates take a session, and when, as on Mentor; none when only people decide.
pub(in crate::catalogue) fn session_moves(session: &Session) -> Option<(SessionState, DateTime<Utc>)> {
    match session.state {
        InscriptionsOuvertes => Some((EnCours, session.starts_at)),
        EnCours => Some((Terminee, session.ends_at)),
        Terminee => Some((Archivee, session.ends_at + AFTER_ITS_END)),
        EnPreparation | Archivee | Reportee | Annulee => None,
    }
}

/// The states that may follow `from`.
fn session_transitions(from: SessionState) -> &'static [SessionState] {
    match from {
        EnPreparation => &[InscriptionsOuvertes, EnCours, Reportee, Annulee],
        InscriptionsOuvertes => &[EnPreparation, EnCours, Reportee, Annulee],
        EnCours => &[Terminee, Annulee],
        Terminee | Annulee => &[Archivee],
        Reportee => &[EnPreparation, InscriptionsOuvertes, Annulee],
        Archivee => &[],
    }
}

/// Whether this caller changes a session: who manages its training, and those who lead it while they are formateurs.
#[must_use]
pub fn may_lead(caller: &Caller, ancestors: &[OrganisationId], formateurs: &[MemberId]) -> bool {
    may_manage(caller, ancestors)
        || writes(caller)
            && caller.held_in(&[Role::Formateur]).next().is_some()
            && caller.id().is_some_and(|id| formateurs.contains(&id))
}

pub(in crate::catalogue) fn must_lead(caller: &Caller, ancestors: &[OrganisationId], formateurs: &[MemberId]) -> Result<()> {
    if may_lead(caller, ancestors, formateurs) {
        return Ok(());
    }
    Err(Error::forbidden("Réservé à ceux qui gèrent cette formation et aux formateurs de la session."))
}

pub(in crate::catalogue) fn can_have_sessions(training: &Training) -> Result<()> {
    super::can_change(training)?;
    if training.state == TrainingState::Archivee {
        return Err(Error::conflict("trainingId", Code::Refused, "Cette formation est archivée : elle n'a plus de session."));
    }
    Ok(())
}

/// Whether dates, seats and people of a session may change.
pub(in crate::catalogue) fn can_be_rearranged(session: &Session) -> Result<()> {
    if matches!(session.state, Terminee | Archivee | Annulee) {
        let sentence = format!("Cette session est {} : elle ne change plus.", session.state.words());
        return Err(Error::conflict("sessionId", Code::Refused, sentence));
    }
    Ok(())
}

/// Whether a session goes from its state to `to`.
pub(in crate::catalogue) fn session_can_become(session: &Session, training: &Training, to: SessionState) -> Result<()> {
    let refused = |sentence: String| Err(Error::conflict("state", Code::Refused, sentence));
    if session.state == to {
        return refused(format!("Cette session est déjà dans l'état « {} ».", to.words()));
    }
    let possible = session_transitions(session.state);
    if !possible.contains(&to) {
        let (from, to) = (session.state.words(), to.words());
        let words: Vec<_> = possible.iter().map(|state| format!("« {} »", state.words())).collect();
        return refused(match words.is_empty() {
            true => format!("Une session dans l'état « {from} » n'en change plus."),
            false => format!("De l'état « {from} » on ne passe pas à « {to} », mais à {}.", words.join(" ou ")),
        });
    }
    let out = matches!(training.state, TrainingState::ElaborationTerminee | TrainingState::Publiee);
    if matches!(to, InscriptionsOuvertes | EnCours) && !out {
        let sentence = "On ouvre les inscriptions, et on tient la session, d'une formation dont l'élaboration est terminée.";
        return refused(sentence.into());
    }
    Ok(())
}

/// What people need to know to come.
pub(in crate::catalogue) fn session_lacks(session: &Session, state: SessionState) -> Vec<Problem> {
    let announced = matches!(state, InscriptionsOuvertes | EnCours);
    if announced && !session.remote && session.place.is_none() {
        let sentence = format!("À remplir pour l'état « {} » : le lieu, ou la tenue à distance.", state.words());
        return vec![Problem::new("place", Code::Required, sentence)];
    }
    Vec::new()
}

// What is planned.

pub(in crate::catalogue) fn can_be_planned(training: &Training) -> Result<()> {
    super::can_change(training)?;
    if matches!(training.state, TrainingState::Publiee | TrainingState::Archivee) {
        let sentence = format!("Cette formation est {} : elle ne se planifie plus.", training.state.words());
        return Err(Error::conflict("trainingId", Code::Refused, sentence));
    }
    Ok(())
}

/// Whether the planned day may change with that reason: one that was told asks for one.
pub(in crate::catalogue) fn has_reason(training: &Training, reason: Option<&str>) -> Result<(), Problem> {
    if training.planned_on.is_some() && reason.is_none() {
        let sentence = "Dites pourquoi la date change : le calendrier garde le motif.";
        return Err(Problem::new("reason", Code::Required, sentence));
    }
    Ok(())
}

/// A day to come, within ten years, as text.
pub(in crate::catalogue) fn planned(date: NaiveDate, today: &str) -> Result<String, Problem> {
    let malformed = |sentence| Problem::new("date", Code::Malformed, sentence);
    let today: NaiveDate = today.parse().map_err(|_| malformed("Date illisible."))?;
    if date < today {
        return Err(malformed("Une date prévue est à venir."));
    }
    if today.checked_add_months(Months::new(120)).is_some_and(|last| date > last) {
        return Err(malformed("Une date prévue vient dans les dix ans."));
    }
    Ok(date.to_string())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use uuid::Uuid;

    use super::super::tests::training;
    use super::*;
    use crate::catalogue::Opening;
    use crate::id::{AudienceId, TrainingId, TrainingSessionId};

    fn session(state: SessionState) -> Session {
        Session {
            id: TrainingSessionId(Uuid::from_u128(5)),
            training_id: TrainingId(Uuid::from_u128(1)),
            audience_id: AudienceId(Uuid::nil()),
            state,
            starts_at: DateTime::UNIX_EPOCH,
            ends_at: DateTime::UNIX_EPOCH + TimeDelta::days(1),
            registration_opens_at: None,
            registration_closes_at: None,
            time_zone: "Europe/Paris".into(),
            seats: None,
            remote: false,
            place: None,
            revision: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    /// Every pair of states: whether one follows the other.
    #[test]
    fn sessions_follow_the_table() {
        // From a row to a column, in the order of SessionState::ALL.
        let table = [
            [false, true, true, false, false, true, true],
            [true, false, true, false, false, true, true],
            [false, false, false, true, false, false, true],
            [false, false, false, false, true, false, false],
            [false, false, false, false, false, false, false],
            [true, true, false, false, false, false, true],
            [false, false, false, false, true, false, false],
        ];
        let open = training(TrainingState::Publiee, Opening::TousPublics);
        for (from, row) in SessionState::ALL.into_iter().zip(table) {
            for (to, expected) in SessionState::ALL.into_iter().zip(row) {
                assert_eq!(session_can_become(&session(from), &open, to).is_ok(), expected, "{from:?} to {to:?}");
            }
        }
        let draft = training(TrainingState::Brouillon, Opening::TousPublics);
        assert!(session_can_become(&session(EnPreparation), &draft, InscriptionsOuvertes).is_err());
        assert!(session_can_become(&session(EnPreparation), &draft, Annulee).is_ok());
    }

    #[test]
    fn people_are_told_where_to_come() {
        assert_eq!(session_lacks(&session(EnPreparation), InscriptionsOuvertes)[0].field, "place");
        assert!(session_lacks(&session(EnPreparation), Reportee).is_empty());
        assert!(session_lacks(&Session { remote: true, ..session(EnPreparation) }, InscriptionsOuvertes).is_empty());
    }

    #[test]
    fn a_planned_day_is_to_come() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        assert_eq!(planned(day("2026-11-25"), "2026-11-25"), Ok("2026-11-25".into()));
        for wrong in ["2026-11-24", "2036-11-26", "0001-01-01"] {
            assert_eq!(planned(day(wrong), "2026-11-25").unwrap_err().field, "date", "{wrong}");
        }
    }
}
