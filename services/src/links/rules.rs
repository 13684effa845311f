//! Who links a thread with what it is about, and how much it is linked to.

use super::{Kind, Linked, MOST_CHOSEN, Origin, Target};
use crate::caller::Caller;
use crate::error::{Code, Error, Problem, Result};
use crate::forum::{self, Thread};

/// Whether this caller links a thread with something or parts them: the thread's author while it is not locked, the moderators of
/// its space, who keeps the target (`keeps`).
pub(super) fn must_link(caller: &Caller, thread: &Thread, keeps: bool) -> Result<()> {
    let own = caller.id() == Some(thread.author_id) && thread.locked_at.is_none();
    if forum::writes(caller) && (own || caller.moderates(thread.space_id)) || keeps {
        return Ok(());
    }
    Err(Error::forbidden(
        "Réservé à l'auteur du fil, tant qu'il est ouvert, aux modérateurs de l'espace et à ceux qui gèrent la formation ou le document.",
    ))
}

/// The targets of a kind asked for, each once.
pub(crate) fn chosen<T: Into<Target>>(kind: Kind, targets: Vec<T>) -> Result<Vec<Target>, Problem> {
    let mut targets: Vec<Target> = targets.into_iter().map(Into::into).collect();
    targets.sort_unstable();
    targets.dedup();
    if targets.len() > MOST_CHOSEN {
        return Err(Problem::new(kind.field(), Code::TooLong, format!("Au plus {MOST_CHOSEN} {} par fil.", kind.plural())));
    }
    Ok(targets)
}

/// Whether the thread takes one more link of that kind by hand beside those in the actor's sight.
pub(super) fn has_room(kind: Kind, seen: &[&Linked]) -> Result<()> {
    if seen.iter().filter(|linked| linked.origin == Origin::Choix).count() >= MOST_CHOSEN {
        let sentence = format!("Ce fil est déjà lié à {MOST_CHOSEN} {} : retirez-en.", kind.plural());
        return Err(Error::conflict("targetId", Code::Full, sentence));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::{AudienceId, TrainingId};

    fn training(n: u128) -> TrainingId {
        TrainingId(Uuid::from_u128(n))
    }

    #[test]
    fn targets_are_chosen_once_each_and_few() {
        let targets = vec![training(1).into(), training(2).into()];
        assert_eq!(chosen(Kind::Training, vec![training(2), training(1), training(2)]), Ok(targets));
        let many: Vec<_> = (0..=20).map(training).collect();
        assert_eq!(chosen(Kind::Training, many).unwrap_err().code, Code::TooLong);
        let twice: Vec<_> = (0..40).map(|n| training(n % 20)).collect();
        assert_eq!(chosen(Kind::Training, twice).map(|chosen| chosen.len()), Ok(20));
    }

    #[test]
    fn what_was_found_takes_no_room() {
        let target = training(1).into();
        let audience_id = AudienceId(Uuid::nil());
        let linked = |origin| Linked { target, kept: target, origin, audience_id, kept_audience_id: audience_id };
        let (found, chosen) = (linked(Origin::Adresse), linked(Origin::Choix));
        assert!(has_room(Kind::Training, &[&found; 30]).is_ok() && has_room(Kind::Training, &[&chosen; 19]).is_ok());
        assert!(matches!(has_room(Kind::Training, &[&chosen; 20]), Err(Error::Conflict(problem)) if problem.code == Code::Full));
    }
}
