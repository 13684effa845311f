//! Which states of a training follow which, what each demands, and what may still change.

use crate::catalogue::{Details, Opening, Part, Training, TrainingField, TrainingState, calendar};
use crate::error::{Code, Error, Problem, Result};

use TrainingState::{Archivee, Brouillon, ElaborationTerminee, Gabarit, Publiee};

/// The day under which the calendar lists a training: of its first publication, else the planned one; none when it is archived.
pub(in crate::catalogue) fn calendar_day(training: &Training) -> Option<String> {
    match training.state {
        Publiee => training.published_at.map(calendar::day),
        Archivee => None,
        Brouillon | Gabarit | ElaborationTerminee => training.planned_on.clone(),
    }
}

/// The states that may follow `from`.
pub(super) fn possible_transitions(from: TrainingState) -> &'static [TrainingState] {
    match from {
        Brouillon => &[Gabarit, ElaborationTerminee, Archivee],
        Gabarit => &[Brouillon, ElaborationTerminee, Archivee],
        ElaborationTerminee => &[Brouillon, Gabarit, Publiee, Archivee],
        Publiee => &[ElaborationTerminee, Archivee],
        Archivee => &[Brouillon, ElaborationTerminee],
    }
}

/// The states that lead from one to another, the shortest way; that one alone when none does, which is then refused.
pub(in crate::catalogue) fn way(from: TrainingState, to: TrainingState) -> Vec<TrainingState> {
    if from == to {
        return Vec::new();
    }
    let possible = possible_transitions(from);
    let through = possible.iter().find(|next| possible_transitions(**next).contains(&to));
    match through {
        Some(through) if !possible.contains(&to) => vec![*through, to],
        _ => vec![to],
    }
}

/// Whether `to` demands less than `from`, so that what is emptied is emptied after.
pub(in crate::catalogue) fn demands_less(from: TrainingState, to: TrainingState) -> bool {
    required(to).len() < required(from).len()
}

/// What must be filled in to enter `state`, and to stay in it. Source: Mentor's own gates (docs/catalogue.md).
pub(super) fn required(state: TrainingState) -> &'static [TrainingField] {
    use TrainingField as F;
    match state {
        Brouillon | Gabarit | Archivee => &[F::Title, F::ShortName, F::Collection, F::Organisation, F::Certifying, F::Licence],
        ElaborationTerminee | Publiee => &[
            F::Title,
            F::ShortName,
            F::Collection,
            F::Organisation,
            F::Certifying,
            F::Licence,
            F::Thumbnail,
            F::CatchPhrase,
            F::Content,
            F::Goals,
            F::Modality,
            F::PresenceMinutes,
            F::RemoteMinutes,
        ],
    }
}

/// Every field that `state` demands and this training lacks, each as a problem.
pub(in crate::catalogue) fn missing(training: &Training, details: &Details, state: TrainingState) -> Vec<Problem> {
    let lacks = |field: &&TrainingField| !is_filled(training, details, **field);
    required(state)
        .iter()
        .filter(lacks)
        .map(|field| {
            let sentence = format!("À remplir pour l'état « {} » : {}.", state.words(), field.words());
            Problem::new(field.name(), Code::Required, sentence)
        })
        .collect()
}

fn is_filled(training: &Training, details: &Details, field: TrainingField) -> bool {
    use TrainingField as F;
    let has = |part: Part| details.texts.iter().any(|text| text.part == part);
    match field {
        // A row has them.
        F::Title | F::ShortName | F::Collection | F::Organisation | F::Certifying | F::Licence => true,
        F::CatchPhrase => training.catch_phrase.is_some(),
        F::Goals => has(Part::Objectifs),
        F::Content => has(Part::Contenu),
        F::Prerequisites => has(Part::Prerequis),
        F::Skills => has(Part::Competences),
        F::TypicalJobs => has(Part::Metiers),
        F::Modality => training.modality.is_some(),
        F::PresenceMinutes => training.presence_minutes.is_some(),
        F::RemoteMinutes => training.remote_minutes.is_some(),
        F::Contact => training.contact.is_some(),
        F::Thumbnail => training.thumbnail_url.is_some() || training.thumbnail_id.is_some(),
        F::SirhId => training.sirh_id.is_some(),
    }
}

/// What keeps the opening from making sense.
pub(in crate::catalogue) fn opening(training: &Training, details: &Details) -> Option<Problem> {
    let named = !details.targets.is_empty();
    match training.opening {
        Opening::CibleRestreinte if !named => {
            Some(Problem::new("targetIds", Code::Required, "Une cible restreinte nomme au moins une organisation."))
        }
        Opening::CibleRestreinte => None,
        _ if named => Some(Problem::new(
            "targetIds",
            Code::Refused,
            "Seule une cible restreinte nomme des organisations : videz la liste ou changez l'ouverture.",
        )),
        _ => None,
    }
}

/// Whether a training goes from its state to `to`.
pub(in crate::catalogue) fn can_become(training: &Training, to: TrainingState) -> Result<()> {
    can_change(training)?;
    let refused = |sentence: String| Err(Error::conflict("state", Code::Refused, sentence));
    if training.state == to {
        return refused(format!("Cette formation est déjà dans l'état « {} ».", to.words()));
    }
    let possible = possible_transitions(training.state);
    if !possible.contains(&to) {
        let words: Vec<_> = possible.iter().map(|state| format!("« {} »", state.words())).collect();
        let (from, to) = (training.state.words(), to.words());
        return refused(format!("De l'état « {from} » on ne passe pas à « {to} », mais à {}.", words.join(" ou ")));
    }
    Ok(())
}

/// A training that was merged into another one is only kept.
pub(in crate::catalogue) fn can_change(training: &Training) -> Result<()> {
    if training.merged_into_id.is_some() {
        let sentence = "Cette formation a été fondue dans une autre : modifiez celle-là.";
        return Err(Error::conflict("trainingId", Code::Refused, sentence));
    }
    Ok(())
}

pub(in crate::catalogue) fn as_read(revision: i64, expected: Option<i64>) -> Result<()> {
    if expected.is_some_and(|expected| expected != revision) {
        let sentence = "Quelqu'un l'a modifiée entre-temps : relisez-la.";
        return Err(Error::conflict("revision", Code::Refused, sentence));
    }
    Ok(())
}
