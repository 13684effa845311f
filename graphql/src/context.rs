//! What a request carries through its resolvers: the caller, one held connection, the loaders.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, HashMapCache};
use services::caller::Credential;
use services::db::{Cx, Reader};
use services::error::Problem;
use services::forum::Post;
use services::id::ThreadId;
use services::page::{Page, Paging};
use services::sessions::Origin;
use services::{App, Caller, Error, Result};
use tokio::sync::{MappedMutexGuard, MutexGuard};

use crate::api::Cookies;
use crate::loaders::Store;

/// Who asks, as the transport recognised them.
pub struct Client {
    /// The caller, resolved.
    pub caller: Caller,
    /// The connection on which they were.
    pub reader: Option<Reader>,
    /// Whom limits count.
    pub origin: Origin,
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
    pub(crate) agent: String,
    caller: RwLock<Arc<Caller>>,
    reader: tokio::sync::Mutex<Option<Reader>>,
    loader: RwLock<Option<Arc<Loads>>>,
    pages: Mutex<Vec<Foreseen>>,
    statements: Mutex<u64>,
    cookies: Mutex<Option<Cookies>>,
}

/// A page of a thread's posts, read before the field that asks for it, and how many there are in all when that is asked.
pub(crate) struct Foreseen {
    pub(crate) thread: ThreadId,
    pub(crate) paging: Paging,
    pub(crate) page: Page<Post>,
    pub(crate) total: Option<i64>,
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
    pub(crate) fn new(app: App, client: Client) -> Self {
        Self(Arc::new(Inner {
            app,
            origin: client.origin,
            agent: client.agent,
            caller: RwLock::new(Arc::new(client.caller)),
            reader: tokio::sync::Mutex::new(client.reader),
            loader: RwLock::default(),
            pages: Mutex::default(),
            statements: Mutex::default(),
            cookies: Mutex::default(),
        }))
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> Arc<Caller> {
        Arc::clone(&self.caller.read().unwrap_or_else(PoisonError::into_inner))
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
            let loads =
                DataLoader::with_cache(Store(WeakRequest(Arc::downgrade(&self.0))), tokio::spawn, HashMapCache::default());
            Arc::new(loads.delay(std::time::Duration::ZERO))
        }))
    }

    /// Keeps a page for the field that will ask for it.
    pub(crate) fn foresee(&self, page: Foreseen) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).push(page);
    }

    /// The page that was foreseen with these arguments, once.
    pub(crate) fn foreseen(&self, thread: ThreadId, paging: &Paging) -> Option<Foreseen> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pages.iter().position(|page| page.thread == thread && page.paging == *paging)?;
        Some(pages.swap_remove(found))
    }

    /// Runs a use-case that writes. The connection is handed back first, so that readers never bound how many write, and
    /// what was remembered is forgotten. What can be corrected comes back as problems.
    pub(crate) async fn attempt<T>(&self, work: impl Future<Output = Result<T>>) -> Result<Attempt<T>> {
        self.release().await;
        match work.await {
            Ok(done) => Ok(Attempt { done: Some(done), problems: Vec::new() }),
            Err(Error::Invalid(problems)) => Ok(Attempt { done: None, problems }),
            Err(Error::Conflict(problem)) => Ok(Attempt { done: None, problems: vec![problem] }),
            Err(other) => Err(other),
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

    /// Statements that reads ran so far.
    pub(crate) async fn statements(&self) -> u64 {
        let held = self.reader.lock().await.as_ref().map_or(0, Reader::statements);
        held + *self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn release(&self) {
        if let Some(reader) = self.reader.lock().await.take() {
            *self.statements.lock().unwrap_or_else(PoisonError::into_inner) += reader.statements();
        }
        *self.loader.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The request of a resolver.
pub(crate) trait ContextExt {
    fn request(&self) -> &Request;
    /// Whether the client selected `field` directly below.
    fn selects(&self, field: &str) -> bool;
}

impl ContextExt for Context<'_> {
    fn request(&self) -> &Request {
        self.data_unchecked::<Request>()
    }

    fn selects(&self, field: &str) -> bool {
        self.look_ahead().field(field).exists()
    }
}
