//! Writes a plan, so many acts in each transaction.

use crate::clock::Clock;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::events::{Event, tell};
use crate::forum::{self, Mentions, NewPost, NewThread};
use crate::id::{ForumId, MemberId, PostId, ThreadId};
use crate::links;
use crate::reports::{self, Transition};
use crate::text::{self, Group, MODERATORS, Mentioned, Rendered};

use super::catalogue::Catalogue;
use super::content::WrittenReport;
use super::documents::{Files, Library, Remarks};
use super::people::Places;
use super::plan::{Act, Plan, What};

/// At most so many rows are touched in a transaction, so that a service beside it is not kept waiting.
const MOST_ROWS: usize = 500;

/// A plan on its way into the database. It is moved into each write and comes back with it.
pub(super) struct Writing {
    clock: Clock,
    plan: Plan,
    bodies: Vec<Body>,
    members: Vec<MemberId>,
    forums: Vec<ForumId>,
    moderator: MemberId,
    threads: Vec<Option<WrittenThread>>,
    posts: Vec<Option<WrittenPost>>,
    library: Library,
    catalogue: Catalogue,
    next: usize,
    posts_written: usize,
}

struct Body {
    rendered: Rendered,
    mentioned: Mentions,
}

#[derive(Clone, Copy)]
struct WrittenThread {
    id: ThreadId,
    next_ordinal: i64,
}

#[derive(Clone)]
struct WrittenPost {
    id: PostId,
    path: Vec<u8>,
    depth: i64,
}

impl Writing {
    /// Renders every body once.
    pub(super) fn new(clock: Clock, plan: Plan, places: Places, kept: (Files, Remarks), catalogue: Catalogue) -> Self {
        let members = places.members.iter().map(|(_, id)| *id).collect();
        let organisations = places.organisations.iter().map(|(slug, id)| (slug.clone(), Group::Organisation(*id)));
        let groups = organisations.chain([(MODERATORS.to_owned(), Group::Moderators)]).collect();
        let known = Mentioned { members: places.members.into_iter().collect(), groups };
        let bodies = plan.bodies.iter().map(|body| {
            let mentioned = Mentions::of(&text::names(body).unwrap_or_default(), &known);
            Body { rendered: text::render(body, &known), mentioned }
        });
        Self {
            clock,
            bodies: bodies.collect(),
            members,
            forums: places.forums,
            moderator: places.moderator,
            threads: vec![None; plan.threads.len()],
            posts: vec![None; plan.posts.len()],
            library: Library::new(kept, places.organisations, places.categories),
            catalogue,
            next: 0,
            posts_written: 0,
            plan,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.next == self.plan.acts.len()
    }

    pub(super) fn posts_written(&self) -> usize {
        self.posts_written
    }

    /// Writes the next acts, as many as fit in a transaction.
    pub(super) async fn write_some(&mut self, tx: &mut Tx) -> Result<()> {
        let mut rows = 0;
        while let Some(act) = self.plan.acts.get(self.next).copied() {
            rows += self.rows(act);
            if rows > MOST_ROWS {
                break;
            }
            self.write(tx, act).await?;
            self.next += 1;
        }
        Ok(())
    }

    fn rows(&self, act: Act) -> usize {
        let mentions = |body: usize| self.bodies[body].mentioned.members.len() + self.bodies[body].mentioned.groups.len();
        match act.what {
            // The post, its thread or forum, the event.
            What::Post(post) if self.plan.posts[post].parent.is_some() => 3 + mentions(self.plan.posts[post].body),
            What::Post(post) => 6 + mentions(self.plan.posts[post].body),
            // The former mentions go too.
            What::Edit(post, body) => 3 + mentions(self.plan.posts[post].body) + mentions(body),
            What::Accept(..) | What::Pin(_) | What::Lock(_) | What::Archive(_) => 2,
            What::Useful(..) => 3,
            // With its tags; with its file and its content.
            What::Document(_) | What::Version(..) => 6,
            What::Link(..) | What::LinkDocument(..) => 3,
            What::Publish(..) | What::Remark(..) => 10,
            What::Report(..) => 5,
            // A training with its texts, lists and audiences.
            What::Catalogue(_) => 40,
        }
    }

    async fn write(&mut self, tx: &mut Tx, act: Act) -> Result<()> {
        self.clock.set(act.at);
        match act.what {
            What::Post(post) => self.post(tx, post).await,
            What::Edit(post, body) => {
                let thread = self.thread(self.plan.posts[post].thread)?.id;
                let edit = self.new_post(self.written(post)?.id, post, body);
                forum::put_edit(tx, &self.clock, thread, &edit).await
            }
            What::Accept(post, by) => {
                let (thread, post) = (self.thread(self.plan.posts[post].thread)?.id, self.written(post)?.id);
                forum::accept(tx, thread, Some(post), Some(act.at)).await?;
                tell(tx, &self.clock, Some(self.members[by]), &Event::AnswerAccepted { thread, post }).await
            }
            What::Pin(thread) => {
                let thread = self.thread(thread)?.id;
                forum::set_pinned(tx, thread, Some(act.at)).await?;
                tell(tx, &self.clock, Some(self.moderator), &Event::ThreadPinned { thread, pinned: true }).await
            }
            What::Catalogue(deed) => self.catalogue.write(tx, &self.clock, deed).await,
            What::Link(thread, training) => {
                let (thread, training) = (self.thread(thread)?.id, self.catalogue.training(training)?);
                links::add_chosen(tx, &self.clock, self.moderator, thread, training.into()).await
            }
            What::Report(thread, step) => self.report(tx, thread, step).await,
            What::Lock(thread) => {
                let thread = self.thread(thread)?.id;
                forum::set_locked(tx, thread, Some(act.at)).await?;
                tell(tx, &self.clock, Some(self.moderator), &Event::ThreadLocked { thread, locked: true }).await
            }
            What::Document(own) => {
                let document = &self.plan.documents[own];
                self.library.add(tx, &self.clock, own, document, self.members[document.author]).await
            }
            What::Version(own, number) => {
                let document = &self.plan.documents[own];
                self.library.add_version(tx, &self.clock, (own, number), document, self.members[document.author]).await
            }
            What::Useful(own, member) => self.library.find_useful(tx, &self.clock, own, self.members[member]).await,
            What::Publish(own, post) => {
                let (id, post) = (self.written(post)?.id, &self.plan.posts[post]);
                let of = (id, self.members[post.author], self.thread(post.thread)?.id);
                let document = &self.plan.documents[own];
                self.library.publish(tx, &self.clock, own, (document, self.members[document.author]), of).await
            }
            What::LinkDocument(own, thread) => {
                let (thread, document) = (self.thread(thread)?.id, self.library.document(own)?);
                links::add_chosen(tx, &self.clock, self.moderator, thread, document.into()).await
            }
            What::Remark(own, number) => {
                let by = self.catalogue.member(&self.plan.documents[own].written.remarks[number].author)?;
                self.posts_written += 1;
                self.library.remark(tx, &self.clock, (own, number), by).await
            }
            What::Archive(own) => {
                let author = self.members[self.plan.documents[own].author];
                self.library.archive(tx, &self.clock, own, author).await
            }
        }
    }

    async fn post(&mut self, tx: &mut Tx, own: usize) -> Result<()> {
        let planned = &self.plan.posts[own];
        let new = self.new_post(PostId::new(&self.clock), own, planned.body);
        let id = new.id;
        let (path, depth) = if let Some(parent) = planned.parent {
            let (thread, parent) = (self.thread(planned.thread)?, self.written(parent)?);
            let place = (thread.id, parent.id, thread.next_ordinal);
            forum::add_answer(tx, &self.clock, &new, place, (&parent.path, parent.depth)).await?
        } else {
            let (thread, id) = (&self.plan.threads[planned.thread], ThreadId::new(&self.clock));
            let written = thread.written;
            let thread = NewThread {
                id,
                post: new.id,
                forum: self.forums[thread.forum],
                kind: thread.kind,
                title: &thread.title,
                author: new.author,
                body: new.body,
                rendered: new.rendered,
                mentioned: new.mentioned,
                at: new.at,
                document: None,
            };
            let report = self.catalogue.thread(written).report.as_ref();
            forum::add_thread(tx, &self.clock, &thread, &report.map(WrittenReport::fields).unwrap_or_default()).await?;
            self.threads[planned.thread] = Some(WrittenThread { id, next_ordinal: 0 });
            (Vec::new(), 0)
        };
        if let Some(thread) = &mut self.threads[planned.thread] {
            thread.next_ordinal += 1;
        }
        self.posts[own] = Some(WrittenPost { id, path, depth });
        self.posts_written += 1;
        Ok(())
    }

    async fn report(&self, tx: &mut Tx, thread: usize, step: usize) -> Result<()> {
        let id = reports::of_thread(self.thread(thread)?.id);
        let written = self.catalogue.thread(self.plan.threads[thread].written).report.as_ref();
        let step =
            written.and_then(|report| report.then.get(step)).ok_or_else(|| Error::internal("a step that is not written"))?;
        // The written threads are planned first, in their order.
        let original = step.duplicate_of.as_ref().map(|title| self.catalogue.place(title)).transpose()?;
        let original = original.map(|place| self.thread(place)).transpose()?;
        let asked = Transition {
            to: step.state,
            release: step.release.clone(),
            duplicate_of: original.map(|thread| reports::of_thread(thread.id)),
            note: step.note.clone(),
        };
        reports::take_report(tx, &self.clock, self.moderator, id, asked).await
    }

    /// The post of the plan, with this body, written now.
    fn new_post(&self, id: PostId, post: usize, body: usize) -> NewPost<'_> {
        NewPost {
            id,
            author: self.members[self.plan.posts[post].author],
            body: &self.plan.bodies[body],
            rendered: &self.bodies[body].rendered,
            mentioned: &self.bodies[body].mentioned,
            at: self.clock.now(),
        }
    }

    fn thread(&self, thread: usize) -> Result<WrittenThread> {
        self.threads[thread].ok_or_else(|| Error::internal("the demo plans a post before its thread"))
    }

    fn written(&self, post: usize) -> Result<&WrittenPost> {
        self.posts[post].as_ref().ok_or_else(|| Error::internal("the demo plans an answer before its post"))
    }
}
