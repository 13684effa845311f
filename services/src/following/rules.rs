//! What is told by default, and what a level can be of.

use super::{Level, MOST_FOLLOWED, Target};
use crate::error::{Code, Error, Problem, Result};

/// The level of a thread: one's own for it; everything for who opened it; what that of its forum says of posts.
#[must_use]
pub fn thread_level(own: Option<Level>, opened: bool, forum: Option<Level>) -> Level {
    match (own, opened, forum) {
        (Some(own), ..) => own,
        (None, true, _) => Level::Tout,
        (None, false, Some(level @ (Level::Tout | Level::Muet))) => level,
        (None, false, _) => Level::Mentions,
    }
}

/// The level of a forum or a collection.
#[must_use]
pub fn forum_level(own: Option<Level>) -> Level {
    own.unwrap_or(Level::Mentions)
}

/// The level of a training: one's own for it, or else that of its collection.
#[must_use]
pub fn training_level(own: Option<Level>, collection: Option<Level>) -> Level {
    own.or(collection).unwrap_or(Level::Mentions)
}

/// Whether `target` can be followed at `level`.
pub(super) fn takes_level(target: Target, level: Level) -> Result<(), Problem> {
    match (target, level) {
        (Target::Thread(_), Level::PremiersMessages) => {
            let sentence = "Un fil n'a qu'un premier message : suivez-le entièrement, ou seulement quand on s'adresse à vous.";
            Err(Problem::new("level", Code::Refused, sentence))
        }
        _ => Ok(()),
    }
}

/// Whether one more is followed by who follows so many.
pub(super) fn has_room(followed: i64) -> Result<()> {
    if followed < MOST_FOLLOWED {
        return Ok(());
    }
    Err(Error::conflict("targetId", Code::Full, format!("Au plus {MOST_FOLLOWED} suivis : laissez-en d'autres.")))
}

#[cfg(test)]
mod tests {
    use Level::{Mentions, Muet, PremiersMessages, Tout};

    use super::*;
    use crate::id::{ForumId, ThreadId};

    #[test]
    fn a_thread_has_its_own_level_or_its_authors_or_its_forums() {
        assert_eq!(thread_level(None, false, None), Mentions);
        assert_eq!(thread_level(None, true, None), Tout);
        assert_eq!(thread_level(None, true, Some(Muet)), Tout, "one's own thread, in a silent forum too");
        for (forum, level) in [(Tout, Tout), (PremiersMessages, Mentions), (Mentions, Mentions), (Muet, Muet)] {
            assert_eq!(thread_level(None, false, Some(forum)), level);
        }
        for own in [Tout, Mentions, Muet] {
            for (opened, forum) in [(true, None), (false, Some(Tout)), (false, Some(Muet)), (true, Some(Tout))] {
                assert_eq!(thread_level(Some(own), opened, forum), own);
            }
        }
    }

    #[test]
    fn a_training_has_its_own_level_or_its_collections() {
        assert_eq!(training_level(None, None), Mentions);
        assert_eq!(training_level(None, Some(PremiersMessages)), PremiersMessages);
        assert_eq!(training_level(Some(Muet), Some(Tout)), Muet);
        assert_eq!((forum_level(None), forum_level(Some(Tout))), (Mentions, Tout));
    }

    #[test]
    fn a_thread_has_no_first_posts() {
        let id = uuid::Uuid::from_u128(1);
        assert_eq!(takes_level(Target::Thread(ThreadId(id)), PremiersMessages).unwrap_err().code, Code::Refused);
        assert!(takes_level(Target::Thread(ThreadId(id)), Muet).is_ok());
        assert!(takes_level(Target::Forum(ForumId(id)), PremiersMessages).is_ok());
    }

    #[test]
    fn there_is_an_end_to_what_is_followed() {
        assert!(has_room(MOST_FOLLOWED - 1).is_ok() && has_room(MOST_FOLLOWED).is_err());
    }
}
