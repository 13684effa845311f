//! Who links a thread with a training, and how many it is linked to.

use super::{Linked, MOST_CHOSEN, Origin};
use crate::caller::Caller;
use crate::catalogue;
use crate::error::{Code, Error, Problem, Result};
use crate::forum::{self, Thread};
use crate::id::{OrganisationId, TrainingId};

/// Whether this caller links a thread with a training that an organisation with these ancestors produces, or parts them: the
/// thread's author while it is not locked, the moderators of its space, who manages the training.
#[must_use]
pub fn may_link(caller: &Caller, thread: &Thread, ancestors: &[OrganisationId]) -> bool {
    forum::writes(caller)
        && (caller.id() == Some(thread.author_id) && thread.locked_at.is_none()
            || caller.moderates(thread.space_id)
            || catalogue::may_manage(caller, ancestors))
}

pub(super) fn must_link(caller: &Caller, thread: &Thread, ancestors: &[OrganisationId]) -> Result<()> {
    if may_link(caller, thread, ancestors) {
        return Ok(());
    }
    Err(Error::forbidden(
        "Réservé à l'auteur du fil, tant qu'il est ouvert, aux modérateurs de l'espace et à ceux qui gèrent la formation.",
    ))
}

/// The trainings asked for, each once.
pub(crate) fn chosen(field: &'static str, mut trainings: Vec<TrainingId>) -> Result<Vec<TrainingId>, Problem> {
    trainings.sort_unstable();
    trainings.dedup();
    if trainings.len() > MOST_CHOSEN {
        return Err(Problem::new(field, Code::TooLong, format!("Au plus {MOST_CHOSEN} formations par fil.")));
    }
    Ok(trainings)
}

/// Whether the thread takes one more link by hand beside those in the actor's sight.
pub(super) fn has_room(seen: &[&Linked]) -> Result<()> {
    if seen.iter().filter(|linked| linked.origin == Origin::Choix).count() >= MOST_CHOSEN {
        let sentence = format!("Ce fil est déjà lié à {MOST_CHOSEN} formations : retirez-en une.");
        return Err(Error::conflict("trainingId", Code::Full, sentence));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::AudienceId;

    fn training(n: u128) -> TrainingId {
        TrainingId(Uuid::from_u128(n))
    }

    #[test]
    fn trainings_are_chosen_once_each_and_few() {
        assert_eq!(chosen("trainings", vec![training(2), training(1), training(2)]), Ok(vec![training(1), training(2)]));
        let many = (0..=20).map(training).collect();
        assert_eq!(chosen("trainings", many).unwrap_err().code, Code::TooLong);
        let twice = (0..40).map(|n| training(n % 20)).collect();
        assert_eq!(chosen("trainings", twice).map(|chosen| chosen.len()), Ok(20));
    }

    #[test]
    fn what_was_found_takes_no_room() {
        let linked = |origin| Linked { training_id: training(1), origin, audience_id: AudienceId(Uuid::nil()) };
        let (found, chosen) = (linked(Origin::Adresse), linked(Origin::Choix));
        assert!(has_room(&[&found; 30]).is_ok() && has_room(&[&chosen; 19]).is_ok());
        assert!(matches!(has_room(&[&chosen; 20]), Err(Error::Conflict(problem)) if problem.code == Code::Full));
    }
}
