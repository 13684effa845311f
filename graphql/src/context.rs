//! What a request carries through its resolvers: the caller, one held connection, the loaders.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::task::Poll;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, HashMapCache};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use services::accounts::{self, Member};
use services::caller::Credential;
use services::db::{Cx, Reader};
use services::error::Problem;
use services::id::{MemberId, OrganisationId};
use services::idempotency::Once;
use services::organisations::{self, Organisation};
use services::sessions::Origin;
use services::{App, Caller, Error, Result};
use tokio::sync::{MappedMutexGuard, MutexGuard};

use crate::api::Cookies;
use crate::lists::Asked;
use crate::loaders::Store;
use crate::turns::Turn;

/// Who asks, as the transport recognised them.
pub struct Client {
    /// What use-cases are given, counting what this request runs on the database.
    pub app: App,
    /// The caller, resolved.
    pub caller: Caller,
    /// The connection on which they were.
    pub reader: Option<Reader>,
    /// Whom limits count.
    pub origin: Origin,
    /// Whether the transport's answer can set a cookie.
    pub takes_cookies: bool,
    /// The client's own words about itself, for the list of sessions.
    pub agent: String,
    /// Shown with failures of ours and in the log.
    pub request_id: String,
}

/// One request. Made anew each time, so that nothing is batched or remembered across people. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Request(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) app: App,
    pub(crate) origin: Origin,
    pub(crate) takes_cookies: bool,
    pub(crate) agent: String,
    caller: RwLock<Arc<Caller>>,
    reader: tokio::sync::Mutex<Option<Reader>>,
    loader: RwLock<Option<Arc<Loads>>>,
    batches: Arc<Batches>,
    known: RwLock<Known>,
    cookies: Mutex<Option<Cookies>>,
}

/// Batches of loads, in rounds: the next one starts when no field can go on and the last one has ended, so that all fields
/// have said what they need, and a page costs as many statements whatever its size. They are polled apart from the fields, of
/// which each row that arrives would wake every one otherwise.
#[derive(Default)]
struct Batches {
    waiting: Mutex<Vec<BoxFuture<'static, ()>>>,
    /// The fields were woken since they were last asked.
    woken: AtomicBool,
    /// The task that asks them.
    task: AtomicWaker,
}

impl std::task::Wake for Batches {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Batches {
    /// Runs `execution`, and its batches in rounds.
    async fn drive<T>(self: &Arc<Self>, execution: impl Future<Output = T>) -> T {
        let mut execution = std::pin::pin!(execution);
        let batches = self;
        let fields = std::task::Waker::from(Arc::clone(batches));
        let mut round = FuturesUnordered::new();
        batches.woken.store(true, Ordering::Release);
        // Without tokio's budget: a read that has spent it wakes the fields and waits for the task to give way, which this
        // loop would not do as long as they are awake.
        tokio::task::unconstrained(std::future::poll_fn(|cx| {
            batches.task.register(cx.waker());
            loop {
                // A wide selection stops half-way and wakes itself, to be fair to other tasks: not all fields were asked yet.
                while batches.woken.swap(false, Ordering::AcqRel) {
                    if let Poll::Ready(done) = execution.as_mut().poll(&mut std::task::Context::from_waker(&fields)) {
                        return Poll::Ready(done);
                    }
                }
                if round.is_empty() {
                    round.extend(std::mem::take(&mut *batches.waiting.lock().unwrap_or_else(PoisonError::into_inner)));
                }
                let ended = round.poll_next_unpin(cx);
                if !matches!(ended, Poll::Ready(Some(()))) && !batches.woken.load(Ordering::Acquire) {
                    return Poll::Pending;
                }
            }
        }))
        .await
    }
}

/// People and organisations that were foreseen. The loader remembers them too, but asking it costs several times a look here,
/// and a page asks some forty times.
#[derive(Default)]
struct Known {
    members: HashMap<MemberId, Arc<Member>>,
    organisations: HashMap<OrganisationId, Arc<Organisation>>,
}

pub(crate) type Loads = DataLoader<Store, HashMapCache>;

impl std::ops::Deref for Request {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The request as its loader knows it.
pub(crate) struct WeakRequest(Weak<Inner>);

impl WeakRequest {
    /// The request, while somebody waits for it.
    pub(crate) fn request(&self) -> Result<Request> {
        self.0.upgrade().map(Request).ok_or_else(|| Error::internal("the request is over"))
    }
}

/// How a mutation ended: what it made, or what to correct.
pub(crate) struct Attempt<T> {
    pub(crate) done: Option<T>,
    pub(crate) problems: Vec<Problem>,
}

impl Request {
    pub(crate) fn new(client: Client) -> Self {
        Self(Arc::new(Inner {
            app: client.app,
            origin: client.origin,
            takes_cookies: client.takes_cookies,
            agent: client.agent,
            caller: RwLock::new(Arc::new(client.caller)),
            reader: tokio::sync::Mutex::new(client.reader),
            loader: RwLock::default(),
            batches: Arc::default(),
            known: RwLock::default(),
            cookies: Mutex::default(),
        }))
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> Arc<Caller> {
        Arc::clone(&self.caller.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// By whom rows and lists are asked for, and when.
    pub(crate) fn asked(&self) -> Asked {
        Asked { caller: self.caller(), now: self.app.clock.now() }
    }

    /// The request's connection; one statement at a time.
    pub(crate) async fn cx(&self) -> Result<MappedMutexGuard<'_, Cx>> {
        let mut reader = self.reader.lock().await;
        if reader.is_none() {
            *reader = Some(self.app.db.reader().await?);
        }
        MutexGuard::try_map(reader, |reader| reader.as_mut().map(|reader| &mut **reader))
            .map_err(|_| Error::internal("a reader that is not there"))
    }

    /// What loads rows for many fields at once, and remembers them for this request.
    pub(crate) fn loads(&self) -> Arc<Loads> {
        let mut loader = self.loader.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(loader.get_or_insert_with(|| {
            let batches = Arc::clone(&self.batches);
            let later = move |batch| batches.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
            let loads = DataLoader::with_cache(Store(WeakRequest(Arc::downgrade(&self.0))), later, HashMapCache::default());
            Arc::new(loads.delay(std::time::Duration::ZERO))
        }))
    }

    /// A member.
    pub(crate) async fn member(&self, id: MemberId) -> Result<Option<Arc<Member>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).members.get(&id).cloned();
        if known.is_some() { Ok(known) } else { self.loads().load_one(id).await }
    }

    /// An organisation.
    pub(crate) async fn organisation(&self, id: OrganisationId) -> Result<Option<Arc<Organisation>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).organisations.get(&id).cloned();
        if known.is_some() { Ok(known) } else { self.loads().load_one(id).await }
    }

    /// Members that the fields below will ask for, with their organisations when `organisations`, before the selection fans
    /// out: in two statements for all lists that ask.
    pub(crate) async fn foresee_members(&self, ids: impl IntoIterator<Item = MemberId>, organisations: bool) -> Result<()> {
        let unknown: HashSet<_> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let whole = |member: &Arc<Member>| {
                !organisations || member.organisation_id.is_none_or(|home| known.organisations.contains_key(&home))
            };
            ids.into_iter().filter(|id| !known.members.get(id).is_some_and(whole)).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let members = self.loads().load_many(unknown).await?;
        let homes = if organisations { self.loads().load_many(homes(members.values())).await? } else { HashMap::new() };
        self.know(members, homes);
        Ok(())
    }

    /// The same for a list that stands alone, without the detour of the loader.
    pub(crate) async fn foresee_members_now(&self, ids: HashSet<MemberId>, organisations: bool) -> Result<()> {
        let ids: Vec<_> = ids.into_iter().collect();
        let mut cx = self.cx().await?;
        let members = shared(accounts::members_by_id(&mut cx, &ids).await?);
        let homes = match organisations {
            true => {
                let homes: Vec<_> = homes(members.values()).into_iter().collect();
                shared(organisations::by_id(&mut cx, &homes).await?)
            }
            false => HashMap::new(),
        };
        self.know(members, homes);
        Ok(())
    }

    fn know(&self, members: HashMap<MemberId, Arc<Member>>, organisations: HashMap<OrganisationId, Arc<Organisation>>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.members.extend(members);
        known.organisations.extend(organisations);
    }

    /// Runs `execution`, and its batches in rounds.
    pub(crate) async fn drive<T>(&self, execution: impl Future<Output = T>) -> T {
        self.batches.drive(execution).await
    }

    /// Runs a use-case that writes. The connection is handed back first, so that readers never bound how many write, and
    /// what was remembered is forgotten. What can be corrected comes back as problems.
    pub(crate) fn attempt<T>(
        &self,
        work: impl Future<Output = Result<T>> + Send,
    ) -> impl Future<Output = Result<Attempt<T>>> + Send {
        // In a box before it waits: all mutations share the room of the greatest.
        let work = Box::pin(work);
        async move {
            self.release().await;
            match work.await {
                Ok(done) => Ok(Attempt { done: Some(done), problems: Vec::new() }),
                Err(Error::Invalid(problems)) => Ok(Attempt { done: None, problems }),
                Err(Error::Conflict(problem)) => Ok(Attempt { done: None, problems: vec![problem] }),
                Err(other) => Err(other),
            }
        }
    }

    /// After a write that changed what the caller holds: reads it again.
    pub(crate) async fn look_again(&self) -> Result<()> {
        let caller = self.caller();
        let (Some(id), Some(credential)) = (caller.id(), caller.credential()) else { return Ok(()) };
        let again = Caller::member(&mut *self.cx().await?, id, credential.clone(), self.app.clock.now()).await?;
        if let Some(again) = again {
            *self.caller.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(again);
        }
        Ok(())
    }

    /// After signing in: the rest of the request is the member's.
    pub(crate) async fn become_member(&self, member: services::id::MemberId, session: services::id::SessionId) -> Result<()> {
        let credential = Credential::Session(session);
        let caller = Caller::member(&mut *self.cx().await?, member, credential, self.app.clock.now()).await?;
        if let Some(caller) = caller {
            *self.caller.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(caller);
        }
        Ok(())
    }

    /// What the transport does with the browser's cookie.
    pub(crate) fn set_cookies(&self, cookies: Cookies) {
        *self.cookies.lock().unwrap_or_else(PoisonError::into_inner) = Some(cookies);
    }

    pub(crate) fn take_cookies(&self) -> Option<Cookies> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Statements that it ran. At its end: the connection is handed back.
    pub(crate) async fn statements(&self) -> u64 {
        self.release().await;
        self.app.db.statements()
    }

    /// Hands the connection back, and forgets what was read on it.
    pub(crate) async fn release(&self) {
        drop(self.reader.lock().await.take());
        *self.loader.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known::default();
    }
}

fn homes<'a>(members: impl Iterator<Item = &'a Arc<Member>>) -> HashSet<OrganisationId> {
    members.filter_map(|member| member.organisation_id).collect()
}

fn shared<K: Eq + Hash, V>(rows: HashMap<K, V>) -> HashMap<K, Arc<V>> {
    rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect()
}

/// The request of a resolver.
pub(crate) trait ContextExt {
    fn request(&self) -> &Request;
    /// The turn of the subscription that this field begins or goes on with.
    fn turn(&self) -> &Turn;
    /// Whether the client selected `field` directly below.
    fn selects(&self, field: &str) -> bool;
    /// What the mutation is recognised by under `key`, when its client gave one.
    fn once(&self, key: &Option<String>) -> Result<Option<Once>>;
    /// Who acts, once under `key`.
    fn acting(&self, key: &Option<String>) -> Result<Caller>;
}

impl ContextExt for Context<'_> {
    fn request(&self) -> &Request {
        self.data_unchecked::<Request>()
    }

    fn turn(&self) -> &Turn {
        self.data_unchecked::<Turn>()
    }

    fn selects(&self, field: &str) -> bool {
        self.look_ahead().field(field).exists()
    }

    fn once(&self, key: &Option<String>) -> Result<Option<Once>> {
        let Some(key) = key else { return Ok(None) };
        let arguments = self.field().arguments().map_err(|error| Error::internal(error.message))?;
        let given: serde_json::Map<_, _> =
            arguments.into_iter().filter_map(|(name, value)| Some((name.to_string(), value.into_json().ok()?))).collect();
        let input = canonical(serde_json::Value::Object(given)).to_string();
        Once::new(self.field().name(), key, input.as_bytes()).map(Some).map_err(|problem| Error::Invalid(vec![problem]))
    }

    fn acting(&self, key: &Option<String>) -> Result<Caller> {
        Ok((*self.request().caller()).clone().under(self.once(key)?))
    }
}

/// One form for one input: without what is null, since absent is the same, and without what says nothing of the act; fields
/// by their names.
fn canonical(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let says = |(name, value): &(String, Value)| {
                !value.is_null() && !matches!(name.as_str(), "clientMutationId" | "idempotencyKey")
            };
            let mut fields: Vec<_> = fields.into_iter().filter(says).map(|(name, value)| (name, canonical(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Fields and loads that wait for each other, far beyond what tokio lets one task do before it gives way.
    #[test]
    fn a_request_never_waits_for_itself() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (done, ended) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let batches = Arc::new(Batches::default());
            let fields = async {
                let turns = tokio::sync::Semaphore::new(1);
                for _ in 0..1_000 {
                    let (loaded, row) = tokio::sync::oneshot::channel();
                    let load = async move { loaded.send(()).expect("a field waits") };
                    batches.waiting.lock().expect("the batches").push(Box::pin(load));
                    drop(turns.acquire().await);
                    row.await.expect("a row");
                }
            };
            batches.drive(fields).await;
            done.send(()).expect("somebody waits");
        });
        let outcome = ended.recv_timeout(Duration::from_secs(60));
        runtime.shutdown_background();
        assert!(outcome.is_ok(), "it spins");
    }
}
