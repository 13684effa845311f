//! Whom an entry of the log reaches: what it is about, who has to do with that, in the order of their ids and so many at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::Reason;
use super::rules::{self, Occasion, Ties};
use super::store::{self, Beside, Place};
use crate::caller::who_see;
use crate::catalogue::TrainingState;
use crate::db::Cx;
use crate::error::Result;
use crate::events::{Event, Recorded};
use crate::following::{self, Level, Target};
use crate::forum::{self, Post, Thread, ThreadKind};
use crate::id::{CollectionId, MemberId, PostId, ReportId, ThreadId, TrainingId};
use crate::read_marks;
use crate::reports::ReportState;
use crate::text::Group;

/// Threads beside an entry that a turn looks at.
const THREADS: usize = 100;

/// What some people are told of an entry.
pub(super) struct Told {
    pub(super) seq: i64,
    pub(super) at: DateTime<Utc>,
    /// Nobody for what moderators do.
    pub(super) actor: Option<MemberId>,
    pub(super) thread: Option<ThreadId>,
    pub(super) training: Option<TrainingId>,
    pub(super) post: Option<PostId>,
    /// The post's.
    pub(super) ordinal: Option<i64>,
    /// Each with the thread they are told of, when it is another one.
    pub(super) people: Vec<(MemberId, Reason, Option<ThreadId>)>,
}

/// What an entry is about, as it is now.
struct Scene {
    occasion: Occasion,
    thread: Option<Thread>,
    post: Option<Post>,
    trainings: Vec<(TrainingId, CollectionId)>,
    /// The people it is about.
    addressed: Vec<(MemberId, Reason)>,
    /// The groups it is said to.
    groups: Vec<Group>,
    beside: Option<Beside>,
    /// The report that was fixed before this one became its duplicate.
    fixed_before: Option<ReportId>,
}

/// What ties somebody to an occasion.
enum Tie {
    Addressed(Reason),
    Opened,
    Follows(Target, Level),
    Beside(ThreadId),
}

/// Tells of an entry, at `now`, those who come after a place, at most so many; and where to go on, when there may be more.
pub(super) async fn told(
    cx: &mut Cx,
    now: DateTime<Utc>,
    entry: &Recorded,
    place: Place,
    most: usize,
) -> Result<(Told, Option<Place>)> {
    let mut told = Told {
        seq: entry.seq,
        at: entry.at,
        actor: entry.actor,
        thread: None,
        training: None,
        post: None,
        ordinal: None,
        people: Vec::new(),
    };
    let Some(scene) = scene(cx, entry).await? else { return Ok((told, None)) };
    if scene.occasion == Occasion::Moderated {
        told.actor = None;
    }
    told.thread = scene.thread.as_ref().map(|thread| thread.id);
    told.training = scene.trainings.first().map(|training| training.0).filter(|_| told.thread.is_none());
    (told.post, told.ordinal) = (scene.post.as_ref().map(|post| post.id), scene.post.as_ref().map(|post| post.ordinal));
    let (tied, next) = match (place.thread_id, scene.beside) {
        (None, beside) => {
            let (mut tied, next) = merged(ties(cx, now, &scene, place.member_id, most).await?, most);
            if let Some(thread) = scene.thread.as_ref().filter(|_| scene.occasion == Occasion::Fixed) {
                // Who does not see it may see a duplicate that they follow.
                let people = tied.keys().map(|member| (thread.audience_id, *member));
                let seen = who_see(cx, now, people).await?;
                tied.retain(|member, _| thread.hidden_at.is_none() && seen.contains(&(thread.audience_id, *member)));
            }
            // The threads beside come in turns of their own, which know whom these told.
            let next = next.map(|member_id| Place { member_id: Some(member_id), thread_id: None });
            (tied, next.or(beside.map(|_| Place::BESIDE)))
        }
        (Some(thread), Some(beside)) => tied_beside(cx, now, &scene, beside, (thread, place.member_id), most).await?,
        (Some(_), None) => (BTreeMap::new(), None),
    };
    for (member, ties) in tied {
        let ties = scene.ties(ties);
        if let Some(reason) = rules::reason(scene.occasion, &ties).filter(|_| entry.actor != Some(member)) {
            told.people.push((member, reason, rules::told_of(scene.occasion, &ties)));
        }
    }
    let people: Vec<_> = told.people.iter().map(|(member, ..)| *member).collect();
    if let Some(original) = scene.fixed_before {
        // Of whom has heard of the fix already, the state of the duplicate is all that is news.
        let known = store::have_been_told_of_fix(cx, original, &people).await?;
        for (_, reason, _) in told.people.iter_mut().filter(|(member, ..)| known.contains(member)) {
            *reason = Reason::Signalement;
        }
    }
    if place.thread_id.is_some() {
        let known = store::have_been_told(cx, entry.seq, entry.at, &people).await?;
        told.people.retain(|(member, ..)| !known.contains(member));
    }
    if let (Some(thread), Some(ordinal)) = (told.thread, told.ordinal) {
        let have_read = read_marks::have_read(cx, thread, ordinal, &people).await?;
        told.people.retain(|(member, reason, _)| !reason.is_of_a_post() || !have_read.contains(member));
    }
    Ok((told, next))
}

/// What there is to tell of an event; nothing of what was taken back or away since.
async fn scene(cx: &mut Cx, entry: &Recorded) -> Result<Option<Scene>> {
    match entry.event {
        Event::ThreadOpened { thread, post, .. } => {
            let Some(mut scene) = posted(cx, Occasion::Thread, thread, post).await? else { return Ok(None) };
            (scene.addressed, scene.groups) = mentioned(cx, post).await?;
            Ok(Some(scene))
        }
        Event::PostAdded { thread, post, parent } => {
            let Some(mut scene) = posted(cx, Occasion::Post, thread, post).await? else { return Ok(None) };
            (scene.addressed, scene.groups) = mentioned(cx, post).await?;
            let answered = forum::posts_by_id(cx, &[parent]).await?.remove(&parent);
            scene.addressed.extend(answered.map(|post| (post.author_id, Reason::Reponse)));
            scene.trainings = store::trainings_of(cx, thread).await?;
            Ok(Some(scene))
        }
        Event::AnswerAccepted { thread, post } => {
            let accepted = posted(cx, Occasion::Accepted, thread, post).await?;
            let still = |scene: &Scene| scene.thread.as_ref().is_some_and(|thread| thread.accepted_post_id == Some(post));
            let Some(mut scene) = accepted.filter(still) else { return Ok(None) };
            scene.addressed = scene.post.iter().map(|post| (post.author_id, Reason::ReponseAcceptee)).collect();
            scene.trainings = store::trainings_of(cx, thread).await?;
            Ok(Some(scene))
        }
        Event::ThreadLinked { thread, ref trainings, .. } if !trainings.is_empty() => {
            let trainings = store::collections_of(cx, trainings).await?;
            let thread = forum::thread_row(cx, thread).await?;
            Ok(thread.map(|thread| Scene { thread: Some(thread), trainings, ..Scene::of(Occasion::Linked) }))
        }
        Event::ReportStateChanged { report, to, .. } => reported(cx, report, to, entry.seq).await,
        // What is being made is nobody else's business.
        Event::TrainingStateChanged { training, from, to } if is_out(from) || is_out(to) => moved(cx, training).await.map(Some),
        Event::TrainingPlanned { training, .. } => moved(cx, training).await.map(Some),
        Event::PostHidden { thread, post, hidden: true } | Event::PostDeleted { thread, post } => {
            let thread = forum::thread_row(cx, thread).await?;
            let post = forum::posts_by_id(cx, &[post]).await?.remove(&post).filter(|post| !post.is_visible());
            let addressed = post.iter().map(|post| (post.author_id, Reason::Moderation)).collect();
            Ok(Some(Scene { thread, post, addressed, ..Scene::of(Occasion::Moderated) }))
        }
        Event::ThreadHidden { thread, hidden: true } => moderated(cx, thread, |thread| thread.hidden_at.is_some()).await,
        // The remarks on a document are closed and moved with it.
        Event::ThreadLocked { thread, locked: true } => {
            moderated(cx, thread, |thread| thread.locked_at.is_some() && thread.document_id.is_none()).await
        }
        Event::ThreadMoved { thread, to, .. } => {
            moderated(cx, thread, |thread| thread.forum_id == to && thread.document_id.is_none()).await
        }
        _ => Ok(None),
    }
}

/// A post that can still be read, in its thread.
async fn posted(cx: &mut Cx, occasion: Occasion, thread: ThreadId, post: PostId) -> Result<Option<Scene>> {
    let thread = forum::thread_row(cx, thread).await?;
    let post = forum::posts_by_id(cx, &[post]).await?.remove(&post).filter(Post::is_visible);
    Ok(post.map(|post| Scene { thread, post: Some(post), ..Scene::of(occasion) }))
}

async fn mentioned(cx: &mut Cx, post: PostId) -> Result<(Vec<(MemberId, Reason)>, Vec<Group>)> {
    let members = forum::mentioned(cx, &[post]).await?.remove(&post).unwrap_or_default();
    let groups = forum::groups_mentioned(cx, &[post]).await?.remove(&post).unwrap_or_default();
    Ok((members.into_iter().map(|member| (member, Reason::Mention)).collect(), groups))
}

/// A report in another state: as long as the fix stands, if it is one.
async fn reported(cx: &mut Cx, report: ReportId, to: ReportState, seq: i64) -> Result<Option<Scene>> {
    let thread = forum::thread_row(cx, ThreadId(report.0)).await?.filter(|thread| thread.kind == ThreadKind::Signalement);
    let Some(thread) = thread else { return Ok(None) };
    let fixed_before = if to == ReportState::Doublon { store::fixed_original(cx, report, seq).await? } else { None };
    Ok(match to {
        ReportState::Corrige if thread.solved_at.is_none() => None,
        ReportState::Corrige => {
            let beside = Some(Beside::Duplicates(report));
            Some(Scene { thread: Some(thread), beside, ..Scene::of(Occasion::Fixed) })
        }
        // Who follows it is told of the fix that was there before.
        _ if fixed_before.is_some() => Some(Scene { thread: Some(thread), fixed_before, ..Scene::of(Occasion::Fixed) }),
        _ => Some(Scene { thread: Some(thread), ..Scene::of(Occasion::Reported) }),
    })
}

async fn moved(cx: &mut Cx, training: TrainingId) -> Result<Scene> {
    let trainings = store::collections_of(cx, &[training]).await?;
    Ok(Scene { trainings, beside: Some(Beside::Linked(training)), ..Scene::of(Occasion::Training) })
}

/// What was done to a thread, when it is still so.
async fn moderated(cx: &mut Cx, thread: ThreadId, still: impl Fn(&Thread) -> bool) -> Result<Option<Scene>> {
    let thread = forum::thread_row(cx, thread).await?.filter(still);
    Ok(thread.map(|thread| {
        let addressed = vec![(thread.author_id, Reason::Moderation)];
        Scene { thread: Some(thread), addressed, ..Scene::of(Occasion::Moderated) }
    }))
}

fn is_out(state: TrainingState) -> bool {
    matches!(state, TrainingState::ElaborationTerminee | TrainingState::Publiee)
}

impl Scene {
    fn of(occasion: Occasion) -> Self {
        let (trainings, addressed, groups) = (Vec::new(), Vec::new(), Vec::new());
        Self { occasion, thread: None, post: None, trainings, addressed, groups, beside: None, fixed_before: None }
    }

    /// What somebody has to do with it.
    fn ties(&self, all: Vec<Tie>) -> Ties {
        let (mut ties, mut levels) = (Ties::default(), HashMap::new());
        for tie in all {
            match tie {
                Tie::Addressed(reason) => ties.addressed = ties.addressed.max(Some(reason)),
                Tie::Opened => ties.opened = true,
                Tie::Follows(target, level) => _ = levels.insert(target, level),
                Tie::Beside(thread) => ties.beside = ties.beside.or(Some(thread)),
            }
        }
        let level = |target| levels.get(&target).copied();
        if let Some(thread) = &self.thread {
            (ties.thread, ties.forum) = (level(Target::Thread(thread.id)), level(Target::Forum(thread.forum_id)));
        }
        let of = |(training, collection): &(_, _)| (level(Target::Training(*training)), level(Target::Collection(*collection)));
        ties.trainings = self.trainings.iter().map(of).collect();
        ties
    }

    /// The people it names.
    fn named(&self) -> impl Iterator<Item = (MemberId, Tie)> {
        let addressed = self.addressed.iter().map(|(member, reason)| (*member, Tie::Addressed(*reason)));
        addressed.chain(self.thread.iter().map(|thread| (thread.author_id, Tie::Opened)))
    }

    /// What may be followed for its sake.
    fn targets(&self) -> Vec<Target> {
        if self.occasion == Occasion::Moderated {
            return Vec::new();
        }
        let of_thread = self.thread.iter().flat_map(|thread| [Target::Thread(thread.id), Target::Forum(thread.forum_id)]);
        let of_trainings = self.trainings.iter().map(|training| Target::Training(training.0));
        let collections: BTreeSet<_> = self.trainings.iter().map(|training| Target::Collection(training.1)).collect();
        of_thread.chain(of_trainings).chain(collections).collect()
    }
}

type Tied = Vec<(MemberId, Tie)>;

/// Lists of people, each in the order of their ids after `after`, at most so many of each.
async fn ties(cx: &mut Cx, now: DateTime<Utc>, scene: &Scene, after: Option<MemberId>, most: usize) -> Result<Vec<Tied>> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let targets: Vec<_> = scene.targets().into_iter().map(|target| (target, after)).collect();
    let mut lists = Vec::new();
    for ((target, _), found) in targets.iter().zip(following::followers(cx, &targets, limit).await?) {
        lists.push(found.into_iter().map(|one| (one.member_id, Tie::Follows(*target, one.level))).collect());
    }
    if let Some(thread) = &scene.thread {
        for found in store::people_of(cx, &scene.groups, (thread.space_id, now), after, limit).await? {
            lists.push(found.into_iter().map(|one| (one.member_id, Tie::Addressed(Reason::Mention))).collect());
        }
    }
    let mut named: Tied = scene.named().filter(|(member, _)| after.is_none_or(|after| *member > after)).collect();
    named.sort_by_key(|(member, _)| *member);
    lists.push(named);
    Ok(lists)
}

/// The people of the threads beside, thread after thread from a place on, at most so many, with all that ties them; and where to go
/// on, when there may be more.
async fn tied_beside(
    cx: &mut Cx,
    now: DateTime<Utc>,
    scene: &Scene,
    beside: Beside,
    (from, after): (ThreadId, Option<MemberId>),
    most: usize,
) -> Result<(BTreeMap<MemberId, Vec<Tie>>, Option<Place>)> {
    let limit = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    let threads = store::threads_beside(cx, beside, from, limit(THREADS)).await?;
    let begun = |thread: ThreadId| after.filter(|_| thread == from);
    let targets: Vec<_> = threads.iter().map(|thread| (Target::Thread(thread.id), begun(thread.id))).collect();
    let followers = following::followers(cx, &targets, limit(most)).await?;
    let mut lists = Vec::new();
    for (thread, found) in threads.iter().zip(&followers) {
        let all = found.iter().filter(|one| one.level == Level::Tout).map(|one| one.member_id);
        let author = thread.author_id.filter(|author| begun(thread.id).is_none_or(|after| *author > after));
        let end = found.last().filter(|_| found.len() >= most).map(|last| last.member_id);
        lists.push((thread.id, all.chain(author).collect(), end));
    }
    let (mut reached, next) = walked(lists, most);
    if scene.occasion == Occasion::Fixed {
        // They are told of the thread itself, so that the first one that they see counts.
        let audiences: HashMap<_, _> = threads.iter().map(|thread| (thread.id, thread.audience_id)).collect();
        let seen = who_see(cx, now, reached.iter().map(|(thread, member)| (audiences[thread], *member))).await?;
        reached.retain(|(thread, member)| seen.contains(&(audiences[thread], *member)));
    }
    let mut people: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (thread, member) in reached {
        people.entry(member).or_default().push(Tie::Beside(thread));
    }
    let members: Vec<_> = people.keys().copied().collect();
    let levels = following::levels_among(cx, &scene.targets(), &members).await?;
    let levels = levels.into_iter().map(|(member, target, level)| (member, Tie::Follows(target, level)));
    for (member, tie) in levels.chain(scene.named()) {
        if let Some(ties) = people.get_mut(&member) {
            ties.push(tie);
        }
    }
    let last = threads.last().filter(|_| threads.len() >= THREADS).map(|thread| Place::behind(thread.id));
    Ok((people, next.or(last)))
}

/// A thread, people of it, and after whom there may be others that are not known yet.
type OfThread = (ThreadId, BTreeSet<MemberId>, Option<MemberId>);

/// The people of these threads, in the order of both, as far as they are known and at most so many; and where it ended, when it did
/// before the last one.
fn walked(threads: Vec<OfThread>, most: usize) -> (Vec<(ThreadId, MemberId)>, Option<Place>) {
    let mut reached = Vec::new();
    for (thread, people, end) in threads {
        for member in people.into_iter().filter(|member| end.is_none_or(|end| *member <= end)) {
            if let Some((thread, member)) = reached.last().filter(|_| reached.len() >= most) {
                let next = Place::within(*thread, *member);
                return (reached, Some(next));
            }
            reached.push((thread, member));
        }
        if let Some(end) = end {
            return (reached, Some(Place::within(thread, end)));
        }
    }
    (reached, None)
}

/// The people of these lists, each of which was cut at `most`, of whom all is known: at most so many; and after whom to go on,
/// when there may be more.
fn merged<T>(lists: Vec<Vec<(MemberId, T)>>, most: usize) -> (BTreeMap<MemberId, Vec<T>>, Option<MemberId>) {
    let cut = lists.iter().filter(|list| list.len() >= most).filter_map(|list| list.last());
    let mut next = cut.map(|(member, _)| *member).min();
    let mut people: BTreeMap<MemberId, Vec<T>> = BTreeMap::new();
    for (member, tie) in lists.into_iter().flatten().filter(|(member, _)| next.is_none_or(|next| *member <= next)) {
        people.entry(member).or_default().push(tie);
    }
    if let Some(beyond) = people.keys().nth(most).copied() {
        drop(people.split_off(&beyond));
        next = people.keys().next_back().copied();
    }
    (people, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u128) -> MemberId {
        MemberId(uuid::Uuid::from_u128(n))
    }

    fn lists(lists: &[&[u128]], after: u128, most: usize) -> Vec<Vec<(MemberId, u128)>> {
        let one = |list: &&[u128]| list.iter().filter(|n| **n > after).take(most).map(|n| (member(*n), *n)).collect();
        lists.iter().map(one).collect()
    }

    /// Whatever the lists, everybody is met once, with all that ties them.
    #[test]
    fn people_of_many_lists_are_met_once_each_with_all_their_ties() {
        let all: [&[u128]; 4] = [&[1, 2, 3, 4, 5, 6, 7], &[2, 9, 10, 11], &[], &[7, 8, 11]];
        for most in 1..12 {
            let (mut met, mut after) = (Vec::new(), 0);
            loop {
                let (people, next) = merged(lists(&all, after, most), most);
                assert!(people.len() <= most);
                met.extend(people.into_iter().map(|(member, ties)| (member.0.as_u128(), ties.len())));
                let Some(next) = next else { break };
                assert!(next.0.as_u128() > after, "it goes on");
                after = next.0.as_u128();
            }
            let expected: Vec<_> = (1..=11).map(|n| (n, all.iter().filter(|list| list.contains(&n)).count())).collect();
            assert_eq!(met, expected, "{most} at a time");
        }
    }

    /// Whatever the threads and wherever a list is cut, everybody of each is met once.
    #[test]
    fn people_of_threads_are_met_thread_after_thread() {
        let all: [(u128, &[u128]); 4] = [(1, &[5, 6, 7]), (2, &[]), (3, &[1, 2, 3, 4, 5, 6, 7, 8]), (4, &[9])];
        let thread = |n: u128| ThreadId(uuid::Uuid::from_u128(n));
        let expected: Vec<_> = all.iter().flat_map(|(id, people)| people.iter().map(|n| (thread(*id), member(*n)))).collect();
        for most in 1..12 {
            let (mut met, mut place) = (Vec::new(), Place::BESIDE);
            loop {
                let (from, after) = (place.thread_id.unwrap(), place.member_id.unwrap());
                let rest = all.iter().filter(|(id, _)| thread(*id) >= from).map(|(id, people)| {
                    let left = people.iter().map(|n| member(*n)).filter(|one| thread(*id) > from || *one > after);
                    let known: Vec<_> = left.take(most).collect();
                    (thread(*id), known.iter().copied().collect(), known.last().copied().filter(|_| known.len() >= most))
                });
                let (reached, next) = walked(rest.collect(), most);
                assert!(reached.len() <= most);
                met.extend(reached);
                let Some(next) = next else { break };
                assert!((next.thread_id, next.member_id) > (place.thread_id, place.member_id), "it goes on");
                place = next;
            }
            assert_eq!(met, expected, "{most} at a time");
        }
    }
}
