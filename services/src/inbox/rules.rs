//! Who is told what: what somebody has to do with an occasion decides, and nothing else.

use super::Reason;
use crate::following::{Level, thread_level, training_level};
use crate::id::ThreadId;

/// What happened, as far as it decides who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// A thread was opened.
    Thread,
    /// A post was added to one.
    Post,
    /// An answer was accepted in one.
    Accepted,
    /// A thread was linked to trainings.
    Linked,
    /// A report came to another state.
    Reported,
    /// A report was fixed.
    Fixed,
    /// A training changed its state or its date.
    Training,
    /// A moderator did something.
    Moderated,
}

/// What somebody has to do with an occasion.
#[derive(Clone, Debug, Default)]
pub(super) struct Ties {
    /// It is about them, and how.
    pub(super) addressed: Option<Reason>,
    /// They opened the thread.
    pub(super) opened: bool,
    /// Their own level of the thread.
    pub(super) thread: Option<Level>,
    /// Their own level of its forum.
    pub(super) forum: Option<Level>,
    /// Their own levels of each training that the thread is about, or that the occasion is about, and of its collection.
    pub(super) trainings: Vec<(Option<Level>, Option<Level>)>,
    /// They follow or opened this thread: of a duplicate of the report, or one about the training.
    pub(super) beside: Option<ThreadId>,
}

impl Ties {
    fn level(&self) -> Level {
        thread_level(self.thread, self.opened, self.forum)
    }

    /// The most that they want to be told of one of the trainings.
    fn wants_of_trainings(&self, levels: &[Level]) -> bool {
        self.trainings.iter().any(|(own, collection)| levels.contains(&training_level(*own, *collection)))
    }

    /// Told of every post. A level of one's own for the thread decides alone.
    fn follows_all(&self) -> bool {
        self.level() == Level::Tout || self.thread.is_none() && self.wants_of_trainings(&[Level::Tout])
    }

    /// Told that there is the thread, by its forum.
    fn follows_threads(&self) -> bool {
        matches!(self.forum, Some(Level::Tout | Level::PremiersMessages))
    }
}

/// Why somebody with these ties is told, if they are.
pub(super) fn reason(occasion: Occasion, ties: &Ties) -> Option<Reason> {
    if ties.addressed == Some(Reason::Moderation) {
        return Some(Reason::Moderation);
    }
    let silent = ties.level() == Level::Muet;
    let when = |told: bool, reason| told.then_some(reason);
    match occasion {
        Occasion::Moderated => None,
        Occasion::Training => match ties.trainings.first() {
            Some((own, collection)) if training_level(*own, *collection) == Level::Muet => None,
            _ => {
                let follows = ties.wants_of_trainings(&[Level::Tout, Level::PremiersMessages]);
                when(follows || ties.beside.is_some(), Reason::Formation)
            }
        },
        Occasion::Fixed => when(ties.level() == Level::Tout || ties.beside.is_some(), Reason::SignalementCorrige),
        _ if silent => None,
        Occasion::Thread => ties.addressed.or_else(|| when(ties.follows_threads(), Reason::NouveauFil)),
        Occasion::Post => ties.addressed.or_else(|| when(ties.follows_all(), Reason::NouveauMessage)),
        Occasion::Accepted => ties.addressed.or_else(|| when(ties.follows_all(), Reason::ReponseAcceptee)),
        Occasion::Reported => when(ties.level() == Level::Tout, Reason::Signalement),
        Occasion::Linked => {
            // Who opened it, follows it or its forum knows of it already.
            let known = ties.opened || ties.thread.is_some() || ties.follows_threads();
            when(!known && ties.wants_of_trainings(&[Level::Tout, Level::PremiersMessages]), Reason::NouveauFil)
        }
    }
}

/// The thread that they are told of, when it is not the entry's own: of a fix, the duplicate they follow. Who sees the report's own
/// thread and follows that was told of it before.
pub(super) fn told_of(occasion: Occasion, ties: &Ties) -> Option<ThreadId> {
    ties.beside.filter(|_| occasion == Occasion::Fixed)
}

impl Reason {
    /// Whether it tells of a post: those fold into one entry of a thread, while each other reason has one of its own; and who has read
    /// the post needs no more be told.
    pub(super) fn is_of_a_post(self) -> bool {
        matches!(self, Self::NouveauMessage | Self::NouveauFil | Self::Reponse | Self::Mention)
    }
}

#[cfg(test)]
mod tests {
    use Level::{Mentions, Muet, PremiersMessages, Tout};

    use super::*;

    const LEVELS: [Option<Level>; 5] = [None, Some(Tout), Some(PremiersMessages), Some(Mentions), Some(Muet)];

    fn told(occasion: Occasion, ties: Ties) -> Option<Reason> {
        reason(occasion, &ties)
    }

    #[test]
    fn a_post_is_told_to_who_follows_everything() {
        for (thread, forum, expected) in [
            (None, None, false),
            (None, Some(Tout), true),
            (None, Some(PremiersMessages), false),
            (None, Some(Muet), false),
            (Some(Tout), None, true),
            (Some(Tout), Some(Muet), true),
            (Some(Mentions), Some(Tout), false),
            (Some(Muet), Some(Tout), false),
        ] {
            let ties = Ties { thread, forum, ..Ties::default() };
            assert_eq!(told(Occasion::Post, ties), expected.then_some(Reason::NouveauMessage), "{thread:?} {forum:?}");
        }
        assert_eq!(told(Occasion::Post, Ties { opened: true, ..Ties::default() }), Some(Reason::NouveauMessage));
        let about = |thread| Ties { thread, trainings: vec![(None, Some(Tout))], ..Ties::default() };
        assert_eq!(told(Occasion::Post, about(None)), Some(Reason::NouveauMessage));
        assert_eq!(told(Occasion::Post, about(Some(Mentions))), None);
    }

    #[test]
    fn what_is_said_to_oneself_comes_at_every_level_but_silence() {
        for addressed in [Reason::Reponse, Reason::Mention] {
            for forum in LEVELS {
                let expected = if forum == Some(Muet) { None } else { Some(addressed) };
                let ties = Ties { addressed: Some(addressed), forum, ..Ties::default() };
                assert_eq!(told(Occasion::Post, ties), expected, "{forum:?}");
            }
        }
    }

    #[test]
    fn moderation_comes_at_every_level() {
        for level in LEVELS {
            let ties = Ties { addressed: Some(Reason::Moderation), thread: level, forum: level, ..Ties::default() };
            assert_eq!(told(Occasion::Moderated, ties), Some(Reason::Moderation));
            assert_eq!(told(Occasion::Moderated, Ties { thread: level, opened: true, ..Ties::default() }), None);
        }
    }

    #[test]
    fn a_thread_is_told_to_who_follows_its_forum_or_a_training_of_it_once() {
        for (forum, expected) in [(None, false), (Some(Tout), true), (Some(PremiersMessages), true), (Some(Mentions), false)] {
            let ties = Ties { forum, trainings: vec![(Some(Tout), None)], ..Ties::default() };
            assert_eq!(told(Occasion::Thread, ties.clone()).is_some(), expected);
            assert_eq!(told(Occasion::Linked, ties).is_some(), !expected, "{forum:?}");
        }
        let muted = Ties { forum: Some(Muet), trainings: vec![(Some(Tout), None)], ..Ties::default() };
        assert_eq!(told(Occasion::Linked, muted), None);
        assert_eq!(told(Occasion::Linked, Ties { trainings: vec![(Some(Muet), Some(Tout))], ..Ties::default() }), None);
    }

    #[test]
    fn a_training_is_told_to_who_follows_it_or_a_thread_about_it() {
        let beside = Some(ThreadId(uuid::Uuid::from_u128(1)));
        for (own, collection, beside, expected) in [
            (None, None, None, false),
            (None, None, beside, true),
            (Some(PremiersMessages), None, None, true),
            (None, Some(Tout), None, true),
            (Some(Mentions), Some(Tout), None, false),
            (Some(Muet), Some(Tout), beside, false),
            (None, Some(Muet), beside, false),
        ] {
            let ties = Ties { trainings: vec![(own, collection)], beside, ..Ties::default() };
            assert_eq!(told(Occasion::Training, ties).is_some(), expected, "{own:?} {collection:?} {beside:?}");
        }
    }

    #[test]
    fn a_fix_is_told_of_the_report_or_of_the_duplicate_one_follows() {
        let (own, duplicate) = (Ties { opened: true, ..Ties::default() }, Some(ThreadId(uuid::Uuid::from_u128(1))));
        assert_eq!((told_of(Occasion::Fixed, &own), told(Occasion::Fixed, own)), (None, Some(Reason::SignalementCorrige)));
        for thread in LEVELS {
            let beside = Ties { thread, beside: duplicate, ..Ties::default() };
            assert_eq!(told_of(Occasion::Fixed, &beside), duplicate);
            assert_eq!(told(Occasion::Fixed, beside), Some(Reason::SignalementCorrige), "{thread:?}");
        }
        assert_eq!(told(Occasion::Fixed, Ties { thread: Some(Mentions), opened: true, ..Ties::default() }), None);
    }

    #[test]
    fn a_reports_state_is_told_to_who_follows_everything() {
        for (thread, opened, forum, expected) in [
            (None, true, None, true),
            (None, false, None, false),
            (None, false, Some(Tout), true),
            (Some(Tout), false, Some(Muet), true),
            (Some(Mentions), true, Some(Tout), false),
            (Some(Muet), true, None, false),
        ] {
            let ties = Ties { thread, opened, forum, ..Ties::default() };
            assert_eq!(told(Occasion::Reported, ties), expected.then_some(Reason::Signalement), "{thread:?} {opened} {forum:?}");
        }
    }
}
