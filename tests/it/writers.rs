//! Writers who write at once through the API and remember exactly what was acknowledged, and what the database then has to
//! hold, whatever happened to the product meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use harness::{Client, Reply};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sqlx::types::{Json, Uuid};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::binary::{PATIENCE, Place, Served, serve, until};

const WRITERS: u64 = 6;

/// Several of them, at work until they are stopped.
pub(crate) struct Writers {
    door: watch::Sender<String>,
    stop: watch::Sender<bool>,
    known: Arc<Known>,
    at_work: JoinSet<()>,
}

struct Known {
    written: Mutex<Written>,
    acknowledged: watch::Sender<u64>,
    refused: watch::Sender<u64>,
    /// What stands behind the product may say nothing, so that requests end by their time.
    in_vain: AtomicBool,
}

impl Known {
    fn in_vain(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed)
    }
}

/// What was acknowledged, and what was asked for without an answer.
#[derive(Clone, Default)]
pub(crate) struct Written {
    /// The title of each thread.
    threads: BTreeMap<Uuid, String>,
    /// Every post by its id: the acknowledged text first, then those of later edits that were not answered.
    posts: BTreeMap<Uuid, Vec<String>>,
    /// The post that each answer answers.
    parents: BTreeMap<Uuid, Uuid>,
    /// Texts of new posts that were not answered.
    perhaps: BTreeSet<String>,
    /// Addresses to which a link goes, and those of which it is not known.
    links: BTreeSet<String>,
    links_perhaps: BTreeSet<String>,
}

/// One who writes.
struct Writer {
    name: u64,
    texts: u64,
    /// Long ones fill a disk.
    filler: String,
    rng: StdRng,
    client: Client,
    forum: String,
    own: Vec<Uuid>,
    known: Arc<Known>,
}

/// The product, for writers who ask for links more often than people may.
pub(crate) async fn started(place: &Place) -> Served {
    serve(place.command(&["serve", "--listen", "127.0.0.1:0", "--links-per-origin", "1000000"])).await
}

impl Writers {
    pub(crate) async fn start(place: &Place, url: &str, seed: u64) -> Self {
        Self::of_texts(place, url, seed, 200).await
    }

    /// The same, whose texts have so many bytes more or less.
    pub(crate) async fn of_texts(place: &Place, url: &str, seed: u64, bytes: usize) -> Self {
        let token = place.run(&["token", "administration"]).await.done();
        let client = Client::new(url).with_bearer(token.trim());
        let reply = client.run("{ space(slug: \"plateforme\") { forums { id slug } } }", json!({})).await;
        let forum = reply.data["space"]["forums"][0]["id"].as_str().expect("a forum").to_owned();
        let (door, stop) = (watch::Sender::new(url.to_owned()), watch::Sender::new(false));
        let known = Known {
            written: Mutex::default(),
            acknowledged: watch::Sender::new(0),
            refused: watch::Sender::new(0),
            in_vain: AtomicBool::new(false),
        };
        let (known, mut at_work) = (Arc::new(known), JoinSet::new());
        for name in 0..WRITERS {
            let writer = Writer {
                name,
                texts: 0,
                filler: "mot ".repeat(bytes / 4),
                rng: StdRng::seed_from_u64(seed.wrapping_add(name)),
                client: client.clone(),
                forum: forum.clone(),
                own: Vec::new(),
                known: Arc::clone(&known),
            };
            at_work.spawn(writer.write(door.subscribe(), stop.subscribe()));
        }
        Self { door, stop, known, at_work }
    }

    /// Waits until that many more writes are acknowledged.
    pub(crate) async fn acknowledged(&mut self, more: u64) {
        count(&self.known.acknowledged, more, "acknowledged", &mut self.at_work).await;
    }

    /// Waits until that many more are refused for want of the database.
    pub(crate) async fn refused(&mut self, more: u64) {
        count(&self.known.refused, more, "refused", &mut self.at_work).await;
    }

    /// From now on a request may also be refused because its time is up.
    pub(crate) fn may_wait_in_vain(&self) {
        self.known.in_vain.store(true, Ordering::Relaxed);
    }

    /// The product is there (again), at `url`.
    pub(crate) fn go_on(&self, url: &str) {
        self.door.send_replace(url.to_owned());
    }

    pub(crate) async fn stop(mut self) -> Written {
        self.stop.send_replace(true);
        while let Some(ended) = self.at_work.join_next().await {
            ended.expect("a writer that found nothing wrong");
        }
        self.known.written.lock().expect("what is known").clone()
    }
}

async fn count(counted: &watch::Sender<u64>, more: u64, what: &str, at_work: &mut JoinSet<()>) {
    let mut seen = counted.subscribe();
    let target = *seen.borrow() + more;
    let reached = async {
        tokio::select! {
            reached = seen.wait_for(|count| *count >= target) => drop(reached.expect("somebody counts")),
            ended = at_work.join_next() => panic!("a writer found something wrong: {ended:?}"),
        }
    };
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    assert!(reached.is_ok(), "{} of {target} {what}", *counted.borrow());
}

impl Writer {
    async fn write(mut self, mut door: watch::Receiver<String>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let url = door.borrow_and_update().clone();
            self.client = self.client.at(&url);
            if self.one().await {
                self.known.acknowledged.send_modify(|count| *count += 1);
                continue;
            }
            self.known.refused.send_modify(|count| *count += 1);
            // As a client does: it looks again when it hears of the service, or a little later.
            tokio::select! {
                _ = door.changed() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(std::time::Duration::from_millis(50)) => {}
            }
        }
    }

    /// Writes something; whether it was acknowledged.
    async fn one(&mut self) -> bool {
        let answered = {
            let written = self.known.written.lock().expect("what is known");
            let posts: Vec<_> = written.posts.keys().copied().collect();
            posts.choose(&mut self.rng).copied()
        };
        let edited = self.own.choose(&mut self.rng).copied();
        match (self.rng.random_range(0..10), answered, edited) {
            (0..5, Some(post), _) => self.answer(post).await,
            (5..7, _, Some(post)) => self.edit(post).await,
            (7..9, ..) => self.link().await,
            _ => self.open().await,
        }
    }

    async fn open(&mut self) -> bool {
        let (title, body) = (format!("Fil {}", self.mark()), self.text());
        let input = json!({ "forumId": self.forum, "kind": "DISCUSSION", "title": title, "body": body });
        let Some(done) = self.ask("openThread", input, "thread { id openingPost { id } }", &body).await else { return false };
        let (thread, post) = (id(&done["thread"]["id"]), id(&done["thread"]["openingPost"]["id"]));
        let mut written = self.known.written.lock().expect("what is known");
        written.threads.insert(thread, title);
        written.posts.insert(post, vec![body]);
        self.own.push(post);
        true
    }

    async fn answer(&mut self, to: Uuid) -> bool {
        let body = self.text();
        let input = json!({ "postId": format!("pos_{}", to.simple()), "body": body });
        let Some(done) = self.ask("answerPost", input, "post { id }", &body).await else { return false };
        let post = id(&done["post"]["id"]);
        let mut written = self.known.written.lock().expect("what is known");
        written.posts.insert(post, vec![body]);
        written.parents.insert(post, to);
        self.own.push(post);
        true
    }

    /// Nobody else edits it, so that its text is the last one acknowledged, or one tried since.
    async fn edit(&mut self, post: Uuid) -> bool {
        let body = self.text();
        let input = json!({ "postId": format!("pos_{}", post.simple()), "body": body });
        let done = self.client.attempt_to("editPost", input, "post { id }").await;
        let mut written = self.known.written.lock().expect("what is known");
        let texts = written.posts.get_mut(&post).expect("a post of one's own");
        if acknowledged("editPost", done, self.known.in_vain()).is_some() {
            *texts = vec![body];
            return true;
        }
        texts.push(body);
        false
    }

    async fn link(&mut self) -> bool {
        let address = format!("{}@exemple.test", self.mark());
        let done = self.client.attempt_to("requestLink", json!({ "address": address }), "message").await;
        let mut written = self.known.written.lock().expect("what is known");
        let done = acknowledged("requestLink", done, self.known.in_vain()).is_some();
        if done {
            written.links.insert(address)
        } else {
            written.links_perhaps.insert(address)
        };
        done
    }

    async fn ask(&self, mutation: &str, input: Value, fields: &str, body: &str) -> Option<Value> {
        let done = acknowledged(mutation, self.client.attempt_to(mutation, input, fields).await, self.known.in_vain());
        if done.is_none() {
            self.known.written.lock().expect("what is known").perhaps.insert(body.to_owned());
        }
        done
    }

    /// Nobody writes it twice.
    fn mark(&mut self) -> String {
        self.texts += 1;
        format!("e{}-n{}", self.name, self.texts)
    }

    /// One in three speaks to somebody.
    fn text(&mut self) -> String {
        let (mark, to) = (self.mark(), if self.texts.is_multiple_of(3) { "@administration, " } else { "" });
        format!("{to}message {mark} et des {}**mots**.", self.filler)
    }
}

/// The payload; none when the connection broke, or when the service said that it is away, or, `in_vain`, that time is up.
fn acknowledged(mutation: &str, reply: reqwest::Result<Reply>, in_vain: bool) -> Option<Value> {
    let reply = reply.ok()?;
    if reply.errors.is_empty() {
        return Some(reply.done(mutation));
    }
    if in_vain && reply.code() == "TIMEOUT" {
        assert!(reply.text.contains("a pris trop de temps"), "{}", reply.text);
        return None;
    }
    assert_eq!(reply.code(), "UNAVAILABLE", "{mutation}: {}", reply.text);
    assert!(reply.text.contains("momentanément indisponible"), "{}", reply.text);
    None
}

/// The UUID in an id of the API.
fn id(value: &Value) -> Uuid {
    let text = value.as_str().and_then(|text| text.split_once('_')).unwrap_or_else(|| panic!("not an id: {value}")).1;
    Uuid::parse_str(text).expect("a UUID")
}

/// What holds at any moment, in one statement, so that it is one view of the database.
const HALF_WRITTEN: &str = "
    select 'a thread without its opening post' as what, count(*) as rows_found from threads t where not exists
        (select 1 from posts p where p.thread_id = t.id and p.ordinal = 0 and p.parent_id is null and p.depth = 0
         and length(p.path) = 0)
    union all select 'a post without thread, author or words', count(*) from posts p
        left join threads t on t.id = p.thread_id left join members m on m.id = p.author_id
        where t.id is null or m.id is null or length(p.body) = 0 or length(p.html) = 0 or length(p.excerpt) = 0
    union all select 'an answer that does not stand below what it answers', count(*) from posts p
        left join posts q on q.id = p.parent_id
        where p.ordinal > 0
        and (q.id is null or q.thread_id <> p.thread_id or p.depth <> q.depth + 1 or q.ordinal >= p.ordinal)
    union all select 'a mention that is missing, or of nobody', count(*) from posts p
        where (p.body like '%@administration%') <> exists
        (select 1 from mentions n join members m on m.id = n.member_id where n.post_id = p.id)
    union all select 'a mention without a post', count(*) from mentions n left join posts p on p.id = n.post_id where p.id is null
    union all select 'a revision that is missing', count(*) from posts p
        where p.revision - 1 <> (select count(*) from post_revisions r where r.post_id = p.id and r.revision < p.revision)
    union all select 'a wrong post_count', count(*) from threads t where t.post_count <> (select count(*) from posts p
        where p.thread_id = t.id and (p.ordinal = 0 or p.deleted_at is null and p.hidden_at is null))
    union all select 'a wrong next_ordinal', count(*) from threads t
        where t.next_ordinal <> (select count(*) from posts p where p.thread_id = t.id)
        or t.next_ordinal <> (select max(p.ordinal) + 1 from posts p where p.thread_id = t.id)
    union all select 'a wrong last_activity_at', count(*) from threads t
        where t.last_activity_at <> (select max(p.created_at) from posts p where p.thread_id = t.id)
    union all select 'a wrong thread_count', count(*) from forums f
        where f.thread_count <> (select count(*) from threads t where t.forum_id = f.id and t.hidden_at is null)
    union all select 'a mail without its link', count(*) from mails m where m.stream = 'sign-in'
        and not exists (select 1 from sign_in_links l where l.id = m.occasion and l.address = m.recipient)
    union all select 'a link without its mail', count(*) from sign_in_links l where l.secret_hash is null
        and not exists (select 1 from mails m where m.occasion = l.id)
    union all select 'mails that wait without a job',
        (select count(*) from mails where state in ('pending', 'sending')) - (select count(*) from jobs where kind = 'SendMail')
        where (select count(*) from mails where state in ('pending', 'sending'))
            > (select count(*) from jobs where kind = 'SendMail')
    union all select 'a job that died, or a mail that failed',
        (select count(*) from jobs where dead_at is not null) + (select count(*) from mails where state in ('failed', 'uncertain'))";

/// Every row is whole, and every counter is what counting says.
pub(crate) async fn nothing_is_half_written(place: &Place) {
    let found: Vec<(String, i64)> = place.rows(HALF_WRITTEN).await;
    let wrong: Vec<_> = found.into_iter().filter(|(_, rows)| *rows != 0).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[derive(sqlx::FromRow)]
struct Post {
    id: Uuid,
    thread_id: Uuid,
    parent_id: Option<Uuid>,
    ordinal: i64,
    path: Vec<u8>,
    body: String,
    html: String,
    excerpt: String,
    revision: i64,
}

impl Written {
    /// All that was acknowledged is there with its words, nothing else than what was asked for is, and the log tells each of
    /// it once.
    pub(crate) async fn is_there(&self, place: &Place) {
        nothing_is_half_written(place).await;
        until("every event has its number", async || {
            place.fact("select cast(count(*) as text) from events where seq is null").await == "0"
        })
        .await;
        let posts: Vec<Post> = place
            .rows("select id, thread_id, parent_id, ordinal, path, body, html, excerpt, revision from posts order by thread_id, ordinal")
            .await;
        let posts: BTreeMap<Uuid, Post> = posts.into_iter().map(|post| (post.id, post)).collect();
        let titles: Vec<(Uuid, String)> = place.rows("select id, title from threads").await;
        let titles: BTreeMap<_, _> = titles.into_iter().collect();
        for (thread, title) in &self.threads {
            assert_eq!(titles.get(thread), Some(title), "an acknowledged thread");
        }
        for (id, texts) in &self.posts {
            let post = posts.get(id).unwrap_or_else(|| panic!("lost: {id} {}", texts[0]));
            assert!(texts.contains(&post.body), "{id}: {} instead of {texts:?}", post.body);
            assert_eq!(post.parent_id, self.parents.get(id).copied());
        }
        let mut unanswered = BTreeSet::new();
        for post in posts.values() {
            let mark = post.body.split(' ').skip_while(|word| *word != "message").nth(1).expect("a mark");
            assert!(post.html.contains(mark) && post.excerpt.contains(mark), "{}: {} {}", post.id, post.html, post.excerpt);
            if !self.posts.contains_key(&post.id) {
                assert!(self.perhaps.contains(&post.body), "nobody wrote {}", post.body);
                assert!(unanswered.insert(&post.body), "twice: {}", post.body);
            }
            let path = match post.parent_id {
                None => Vec::new(),
                Some(parent) => {
                    let above = &posts[&parent].path;
                    [&above[..above.len().min(192)], &post.ordinal.to_be_bytes()[5..]].concat()
                }
            };
            assert_eq!(post.path, path, "{}", post.id);
        }
        self.log_tells(place, &posts).await;
        self.links_are_there(place).await;
    }

    async fn log_tells(&self, place: &Place, posts: &BTreeMap<Uuid, Post>) {
        let log: Vec<(i64, String, Json<Value>)> = place.rows("select seq, kind, data from events order by seq").await;
        assert!(log.iter().zip(1..).all(|((seq, ..), place)| *seq == place), "a hole in the log, or a number twice");
        let (mut told, mut edits) = (BTreeSet::new(), BTreeMap::<Uuid, i64>::new());
        for (_, kind, Json(data)) in &log {
            let of = |field: &str| data[field].as_str().and_then(|id| Uuid::parse_str(id).ok());
            match kind.as_str() {
                "ThreadOpened" | "PostAdded" => {
                    let id = of("post").expect("a post");
                    assert!(told.insert(id), "told twice: {id}");
                    let post = posts.get(&id).unwrap_or_else(|| panic!("told, and not there: {id}"));
                    assert_eq!((of("thread"), of("parent")), (Some(post.thread_id), post.parent_id));
                    assert_eq!(kind == "ThreadOpened", post.parent_id.is_none());
                }
                "PostEdited" => *edits.entry(of("post").expect("a post")).or_default() += 1,
                _ => {}
            }
        }
        assert_eq!(told.len(), posts.len(), "posts that the log does not tell");
        for post in posts.values() {
            assert_eq!(edits.remove(&post.id).unwrap_or(0), post.revision - 1, "edits of {}", post.id);
        }
        assert!(edits.is_empty(), "edits of what is not there: {edits:?}");
    }

    async fn links_are_there(&self, place: &Place) {
        let links: Vec<(String,)> = place.rows("select address from sign_in_links where address like 'e%@exemple.test'").await;
        let found: BTreeSet<_> = links.iter().map(|link| link.0.clone()).collect();
        assert_eq!(found.len(), links.len(), "a link twice");
        assert!(self.links.is_subset(&found), "lost: {:?}", self.links.difference(&found).collect::<Vec<_>>());
        assert!(found.iter().all(|link| self.links.contains(link) || self.links_perhaps.contains(link)), "{found:?}");
    }

    /// Every mail leaves soon: those that a dead worker held do not wait for the end of its lease, five minutes.
    pub(crate) async fn mails_have_left(&self, place: &Place) {
        until("every mail has left", async || {
            place.fact("select cast(count(*) as text) from mails where state <> 'sent'").await == "0"
        })
        .await;
        until("every job is settled", async || {
            place.fact("select cast(count(*) as text) from jobs where kind = 'SendMail'").await == "0"
        })
        .await;
        let sent: usize = place.fact("select cast(count(*) as text) from mails").await.parse().expect("a number");
        assert!(sent >= self.links.len());
        let outbox = std::fs::read_dir(place.folder.path().join("outbox")).expect("the outbox");
        let files: Vec<_> = outbox.map(|entry| entry.expect("a file").file_name().into_string().expect("a name")).collect();
        assert!(files.iter().all(|name| name.ends_with(".eml")), "half a mail: {files:?}");
        assert_eq!(files.len(), sent, "one file a mail");
    }
}
