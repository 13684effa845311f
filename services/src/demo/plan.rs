//! What happens in the demo, act by act in the order of time: pure, and the same each time.
//!
//! The written threads come as they are. Further ones, when many posts are asked for, vary them: other people, other trees,
//! bodies of the same forum.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::catalogue::{Deed, deeds};
use super::content::{Content, RESTRICTED, WrittenAnswer, WrittenDocument};
use super::{NOW, SEED};
use crate::error::{Error, Result};
use crate::forum::{self, ThreadKind};
use crate::text;

/// From so many posts on, one thread is huge, to show that it is read and counted like any other.
const HUGE_FROM: usize = 200_000;
const HUGE: usize = 10_000;
/// Generated threads open at most so many days ago: everybody had joined by then.
const OLDEST: i64 = 720;
/// When people write, in UTC: 8 to 19 h in Paris in winter.
const OFFICE: std::ops::Range<u32> = 7..18;

/// Everything, with indices for ids: those are made when it is written.
pub(super) struct Plan {
    /// Space and slug.
    pub(super) forums: Vec<(&'static str, String)>,
    /// Every distinct body, so that each is rendered once.
    pub(super) bodies: Vec<String>,
    pub(super) threads: Vec<PlannedThread>,
    pub(super) posts: Vec<PlannedPost>,
    pub(super) documents: Vec<PlannedDocument>,
    /// In the order of time.
    pub(super) acts: Vec<Act>,
}

pub(super) struct PlannedThread {
    /// The written thread that it is, or varies.
    pub(super) written: usize,
    pub(super) forum: usize,
    pub(super) kind: ThreadKind,
    pub(super) title: String,
}

pub(super) struct PlannedPost {
    pub(super) thread: usize,
    /// None for the opening post.
    pub(super) parent: Option<usize>,
    pub(super) author: usize,
    pub(super) body: usize,
}

pub(super) struct PlannedDocument {
    pub(super) written: WrittenDocument,
    pub(super) author: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Act {
    pub(super) at: DateTime<Utc>,
    pub(super) what: What,
}

#[derive(Clone, Copy)]
pub(super) enum What {
    /// The post, and its thread with the opening one.
    Post(usize),
    /// The post gets that body.
    Edit(usize, usize),
    /// The post is accepted by its thread's author, that member.
    Accept(usize, usize),
    Pin(usize),
    Lock(usize),
    /// The document is added.
    Document(usize),
    /// The document gets that version.
    Version(usize, usize),
    /// That member finds the document useful.
    Useful(usize, usize),
    Archive(usize),
    /// The document is made of that post, which is accepted.
    Publish(usize, usize),
    /// The document is linked to that thread.
    LinkDocument(usize, usize),
    /// That remark is made on the document.
    Remark(usize, usize),
    /// The thread is linked to that training.
    Link(usize, usize),
    /// The report of the thread takes that step of the written one.
    Report(usize, usize),
    /// Something in the catalogue.
    Catalogue(Deed),
}

/// Plans the written threads, and others like them until there are `posts` posts.
pub(super) fn plan(content: &Content, posts: usize) -> Result<Plan> {
    let mut planner = Planner {
        plan: Plan {
            forums: Vec::new(),
            bodies: Vec::new(),
            threads: Vec::new(),
            posts: Vec::new(),
            documents: Vec::new(),
            acts: Vec::new(),
        },
        known: HashMap::new(),
        rng: StdRng::seed_from_u64(SEED),
    };
    let written = planner.written(content)?;
    for draft in &written {
        planner.schedule(draft)?;
    }
    if planner.plan.posts.len() < posts {
        planner.vary(content, &written, posts)?;
    }
    planner.documents(content)?;
    let mut plan = planner.plan;
    plan.acts.extend(deeds(content).into_iter().map(|(at, deed)| Act { at, what: What::Catalogue(deed) }));
    // Stable: what a thread does at one moment stays in its order.
    plan.acts.sort_by_key(|act| act.at);
    Ok(plan)
}

/// A thread before its times are known. A post comes after the one it answers.
struct Draft {
    written: usize,
    forum: usize,
    kind: ThreadKind,
    title: String,
    days_ago: i64,
    pinned: bool,
    locked: bool,
    /// Trainings, by their place in the file.
    links: Vec<usize>,
    /// When a report takes which step, in hours after the opening.
    steps: Vec<(i64, usize)>,
    posts: Vec<DraftPost>,
}

struct DraftPost {
    parent: Option<usize>,
    author: usize,
    /// Minutes since the opening, before people's hours are looked at.
    after: i64,
    body: usize,
    accepted: bool,
    edited: Option<usize>,
}

struct Planner {
    plan: Plan,
    known: HashMap<String, usize>,
    rng: StdRng,
}

impl Planner {
    fn written(&mut self, content: &Content) -> Result<Vec<Draft>> {
        let mut drafts = Vec::with_capacity(content.threads.len());
        for (own, (space, thread)) in content.threads.iter().enumerate() {
            let steps = thread.report.iter().flat_map(|report| &report.then).map(|step| step.hours_later);
            let author = content.member(&thread.author)?;
            let body = self.body(&thread.body)?;
            let mut posts = vec![DraftPost { parent: None, author, after: 0, body, accepted: false, edited: None }];
            self.written_answers(content, &mut posts, 0, &thread.answers)?;
            drafts.push(Draft {
                written: own,
                links: thread.trainings.iter().map(|short_name| content.training(short_name)).collect::<Result<_>>()?,
                steps: steps.zip(0..).collect(),
                forum: self.forum(space, &thread.forum),
                kind: thread.kind,
                title: thread.title.clone(),
                days_ago: thread.days_ago,
                pinned: thread.pinned,
                locked: thread.locked,
                posts,
            });
        }
        Ok(drafts)
    }

    fn written_answers(
        &mut self,
        content: &Content,
        posts: &mut Vec<DraftPost>,
        parent: usize,
        answers: &[WrittenAnswer],
    ) -> Result<()> {
        for answer in answers {
            let own = posts.len();
            posts.push(DraftPost {
                parent: Some(parent),
                author: content.member(&answer.author)?,
                after: posts[parent].after + answer.hours_later * 60,
                body: self.body(&answer.body)?,
                accepted: answer.accepted,
                edited: answer.edited.as_deref().map(|body| self.body(body)).transpose()?,
            });
            self.written_answers(content, posts, own, &answer.answers)?;
        }
        Ok(())
    }

    /// Threads like the written ones, until there are `posts` posts.
    fn vary(&mut self, content: &Content, written: &[Draft], posts: usize) -> Result<()> {
        // The restricted forum is left as it is: its people are few.
        let templates: Vec<_> = written.iter().filter(|draft| self.plan.forums[draft.forum].1 != RESTRICTED.1).collect();
        let mut answers = vec![Vec::new(); self.plan.forums.len()];
        for draft in &templates {
            answers[draft.forum].extend(draft.posts.iter().skip(1).map(|post| post.body));
        }
        if posts >= HUGE_FROM
            && let Some(template) = templates.iter().find(|draft| draft.kind == ThreadKind::Discussion)
        {
            let title = format!("{} — le grand fil", template.title);
            let draft = self.huge(content, template, &answers[template.forum], title);
            self.schedule(&draft)?;
        }
        let mut used = vec![0; templates.len()];
        while self.plan.posts.len() < posts {
            let chosen = self.rng.random_range(0..templates.len());
            let template = templates[chosen];
            let organisation = &content.organisations[used[chosen] % content.organisations.len()];
            let round = used[chosen] / content.organisations.len() + 1;
            used[chosen] += 1;
            let title = match round {
                1 => format!("{} — {}", template.title, organisation.short_name),
                _ => format!("{} — {} ({round})", template.title, organisation.short_name),
            };
            let size = templates[self.rng.random_range(0..templates.len())].posts.len() - 1;
            let draft = self.variation(content, template, &answers[template.forum], title, size)?;
            self.schedule(&draft)?;
        }
        Ok(())
    }

    fn variation(&mut self, content: &Content, template: &Draft, bodies: &[usize], title: String, size: usize) -> Result<Draft> {
        // Some conversations go back and forth for long, deeper than a path has levels.
        let chain = self.rng.random_ratio(1, 40);
        let size = if chain { self.rng.random_range(32..=75) } else { size };
        let mut people: Vec<_> = (0..6).map(|_| self.rng.random_range(0..content.members.len())).collect();
        let opening = &template.posts[0];
        // News is told by those who may tell it.
        if template.kind == ThreadKind::Actualite || people[0] == opening.author {
            people[0] = opening.author;
        }
        let mut posts = vec![DraftPost { author: people[0], accepted: false, edited: None, ..*opening }];
        for own in 1..=size {
            let parent = match self.rng.random_range(0..100) {
                _ if chain => own - 1,
                0..40 => own - 1,
                40..70 => 0,
                _ => self.rng.random_range(0..own),
            };
            let after = posts[parent].after + self.rng.random_range(20..=26 * 60);
            let mut post = self.answer(&people, bodies, (parent, posts[parent].author), after);
            if self.rng.random_ratio(1, 60) {
                let body = format!("{}\n\n*Édition : coquille corrigée.*", self.plan.bodies[post.body]);
                post.edited = Some(self.body(&body)?);
            }
            posts.push(post);
        }
        if template.kind.can_be_solved() && size > 0 && self.rng.random_ratio(3, 5) {
            let chosen = self.rng.random_range(1..=size);
            posts[chosen].accepted = posts[chosen].author != people[0];
        }
        let report = content.threads[template.written].1.report.as_ref();
        let repeats = report.is_some_and(|report| report.then.iter().any(|step| step.duplicate_of.is_some()));
        Ok(Draft {
            written: template.written,
            links: Vec::new(),
            steps: if repeats { Vec::new() } else { template.steps.clone() },
            forum: template.forum,
            kind: template.kind,
            title,
            days_ago: self.rng.random_range(1..=OLDEST),
            pinned: false,
            locked: self.rng.random_ratio(1, 100),
            posts,
        })
    }

    fn huge(&mut self, content: &Content, template: &Draft, bodies: &[usize], title: String) -> Draft {
        let people: Vec<_> = (0..content.members.len()).collect();
        let mut posts = vec![DraftPost { accepted: false, edited: None, ..template.posts[0] }];
        for own in 1..HUGE {
            let parent = match self.rng.random_range(0..100) {
                0..30 => 0,
                30..70 => self.rng.random_range(own.saturating_sub(20)..own),
                _ => self.rng.random_range(0..own),
            };
            let after = i64::try_from(own).unwrap_or(0) * (OLDEST - 5) * 24 * 60 / i64::try_from(HUGE).unwrap_or(1);
            posts.push(self.answer(&people, bodies, (parent, posts[parent].author), after));
        }
        Draft {
            written: template.written,
            forum: template.forum,
            kind: template.kind,
            title,
            days_ago: OLDEST,
            pinned: false,
            locked: false,
            links: Vec::new(),
            steps: Vec::new(),
            posts,
        }
    }

    /// An answer by one of `people`, who rarely answer themselves.
    fn answer(&mut self, people: &[usize], bodies: &[usize], (parent, before): (usize, usize), after: i64) -> DraftPost {
        let mut author = people[self.rng.random_range(0..people.len())];
        if author == before {
            author = people[self.rng.random_range(0..people.len())];
        }
        let body = bodies[self.rng.random_range(0..bodies.len())];
        DraftPost { parent: Some(parent), author, after, body, accepted: false, edited: None }
    }

    /// Gives a thread its times and enters its acts. Posts keep the order of the draft's times, at hours when people work.
    fn schedule(&mut self, draft: &Draft) -> Result<()> {
        let start = self.opening_time(draft.days_ago);
        let mut arrivals: Vec<_> = (0..draft.posts.len()).collect();
        arrivals.sort_by_key(|post| draft.posts[*post].after);
        let mut times = vec![start; draft.posts.len()];
        let mut last = start;
        for post in &arrivals[1..] {
            let wished = start + TimeDelta::minutes(draft.posts[*post].after) + self.minutes(0..40);
            last = self.at_work(wished).max(last + self.minutes(1..5));
            times[*post] = last;
        }
        // Whole weeks earlier, when it would end in the future, so that its days stay working days.
        let mut earlier = TimeDelta::zero();
        while last - earlier > NOW {
            earlier += TimeDelta::weeks(1);
        }
        for time in &mut times {
            *time -= earlier;
        }

        let thread = self.plan.threads.len();
        let title = forum::sound_title(&draft.title).map_err(unsound)?;
        self.plan.threads.push(PlannedThread { written: draft.written, forum: draft.forum, kind: draft.kind, title });
        let first = self.plan.posts.len();
        self.plan.posts.extend(draft.posts.iter().map(|post| PlannedPost {
            thread,
            parent: post.parent.map(|parent| first + parent),
            author: post.author,
            body: post.body,
        }));
        // In this order, since the sort keeps it for what has one time.
        let mut end = start - earlier;
        for post in &arrivals {
            end = end.max(times[*post]);
            self.act(times[*post], What::Post(first + post));
        }
        for post in &arrivals {
            if let Some(body) = draft.posts[*post].edited {
                let at = (times[*post] + self.minutes(4..50)).min(NOW);
                end = end.max(at);
                self.act(at, What::Edit(first + post, body));
            }
        }
        if let Some(post) = draft.posts.iter().position(|post| post.accepted) {
            end = (end + self.minutes(10..300)).min(NOW);
            self.act(end, What::Accept(first + post, draft.posts[0].author));
        }
        for training in &draft.links {
            end = (end + self.minutes(5..30)).min(NOW);
            self.act(end, What::Link(thread, *training));
        }
        let mut step_end = times[0];
        for (hours, step) in &draft.steps {
            step_end = (times[0] + TimeDelta::hours(*hours)).max(step_end).min(NOW);
            self.act(step_end, What::Report(thread, *step));
        }
        if draft.pinned {
            end = (end + self.minutes(10..60)).min(NOW);
            self.act(end, What::Pin(thread));
        }
        if draft.locked {
            end = (end + self.minutes(60..600)).min(NOW);
            self.act(end, What::Lock(thread));
        }
        Ok(())
    }

    /// Documents as they are written; members find them useful in the weeks after.
    fn documents(&mut self, content: &Content) -> Result<()> {
        for (own, written) in content.documents.iter().enumerate() {
            let mut at = None;
            for (number, version) in written.versions.iter().enumerate() {
                let added = self.opening_time(version.days_ago);
                if at.is_none() {
                    self.act(added, What::Document(own));
                }
                self.act(added, What::Version(own, number));
                at = Some(added);
            }
            let at = match (at, written.days_ago, &written.made_of) {
                (Some(at), ..) => at,
                (None, days_ago, Some(title)) => {
                    let thread = content.thread(title)?;
                    let (post, accepted) = self.accepted(thread)?;
                    let added = self.opening_time(days_ago.unwrap_or(1)).max(accepted);
                    self.act(added, What::Publish(own, post));
                    added
                }
                (None, days_ago, None) => {
                    let added = self.opening_time(days_ago.unwrap_or(1));
                    self.act(added, What::Document(own));
                    added
                }
            };
            for n in 0..written.useful {
                let found = at + TimeDelta::hours(5 * i64::try_from(n).unwrap_or(0) + 1);
                let found = self.at_work(found).min(NOW);
                self.act(found, What::Useful(own, (own * 7 + n) % content.members.len()));
            }
            for title in &written.threads {
                let thread = content.thread(title)?;
                let linked = at.max(self.opened(thread)?) + self.minutes(20..200);
                let linked = self.at_work(linked).min(NOW);
                self.act(linked, What::LinkDocument(own, thread));
            }
            for (number, remark) in written.remarks.iter().enumerate() {
                let made = self.opening_time(remark.days_ago).max(at);
                self.act(made, What::Remark(own, number));
            }
            if let Some(days_ago) = written.archived_days_ago {
                let archived = self.opening_time(days_ago);
                self.act(archived, What::Archive(own));
            }
            let author = content.member(&written.author)?;
            self.plan.documents.push(PlannedDocument { written: written.clone(), author });
        }
        Ok(())
    }

    /// When that thread was opened.
    fn opened(&self, thread: usize) -> Result<DateTime<Utc>> {
        let opens = |post: usize| self.plan.posts[post].thread == thread && self.plan.posts[post].parent.is_none();
        let found = self.plan.acts.iter().find(|act| matches!(act.what, What::Post(post) if opens(post)));
        found.map(|act| act.at).ok_or_else(|| Error::internal("a thread that nobody opens"))
    }

    /// The accepted answer of that thread, and when it was accepted.
    fn accepted(&self, thread: usize) -> Result<(usize, DateTime<Utc>)> {
        let found = self.plan.acts.iter().find_map(|act| match act.what {
            What::Accept(post, _) if self.plan.posts[post].thread == thread => Some((post, act.at)),
            _ => None,
        });
        found.ok_or_else(|| Error::internal("the demo makes a document of a thread that nobody solved"))
    }

    fn act(&mut self, at: DateTime<Utc>, what: What) {
        self.plan.acts.push(Act { at, what });
    }

    /// A moment of a working day, so many days ago or just before that.
    fn opening_time(&mut self, days_ago: i64) -> DateTime<Utc> {
        working_day(days_ago) + self.minutes(7 * 60..16 * 60)
    }

    /// `wished`, or the next morning of work.
    fn at_work(&mut self, wished: DateTime<Utc>) -> DateTime<Utc> {
        let mut day = midnight(wished);
        if wished.hour() >= OFFICE.end {
            day += TimeDelta::days(1);
        }
        match day.weekday() {
            Weekday::Sat => day += TimeDelta::days(2),
            Weekday::Sun => day += TimeDelta::days(1),
            _ => {}
        }
        if day == midnight(wished) && OFFICE.contains(&wished.hour()) {
            return wished;
        }
        day + TimeDelta::hours(i64::from(OFFICE.start)) + self.minutes(0..120)
    }

    fn minutes(&mut self, range: std::ops::Range<i64>) -> TimeDelta {
        TimeDelta::seconds(self.rng.random_range(range.start * 60..range.end * 60))
    }

    fn forum(&mut self, space: &'static str, slug: &str) -> usize {
        let forums = &mut self.plan.forums;
        forums.iter().position(|known| known.0 == space && known.1 == slug).unwrap_or_else(|| {
            forums.push((space, slug.to_owned()));
            forums.len() - 1
        })
    }

    fn body(&mut self, body: &str) -> Result<usize> {
        let body = text::body("body", body).map_err(unsound)?;
        let bodies = &mut self.plan.bodies;
        Ok(*self.known.entry(body).or_insert_with_key(|body| {
            bodies.push(body.clone());
            bodies.len() - 1
        }))
    }
}

/// The beginning of a working day, so many days ago or just before that.
pub(super) fn working_day(days_ago: i64) -> DateTime<Utc> {
    let day = NOW - TimeDelta::days(days_ago);
    let back = match day.weekday() {
        Weekday::Sat => 1,
        Weekday::Sun => 2,
        _ => 0,
    };
    midnight(day) - TimeDelta::days(back)
}

fn midnight(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::seconds(i64::from(at.num_seconds_from_midnight()))
}

fn unsound(problem: crate::error::Problem) -> Error {
    Error::internal(format!("the demo's content: {}: {}", problem.field, problem.message))
}
