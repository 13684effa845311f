//! One request through the schema: parse (or remember), bound, execute, tell the failures.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{Pos, Request as Operation, Response, ServerError, Variables};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use lru::LruCache;
use services::{App, Error};

use crate::context::{Client, Request};
use crate::nulls::Types;
use crate::turns::{Course, Turn, Turns};
use crate::{CiamSchema, errors, limits, order, schema};

/// Documents remembered, and the longest one that is.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(512).expect("not zero");
const REMEMBERED_BYTES: usize = 16 * 1024;

/// The GraphQL service of one process. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// What use-cases are given.
    pub app: App,
    schema: CiamSchema,
    types: Arc<Types>,
    documents: Arc<Mutex<LruCache<String, Arc<ExecutableDocument>>>>,
    pub(crate) turns: Arc<Turns>,
}

/// What a client asks.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    /// The document.
    pub query: String,
    /// Which of its operations.
    #[serde(default)]
    pub operation_name: Option<String>,
    /// Values of its variables.
    #[serde(default)]
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
    /// Read and left alone.
    #[serde(default)]
    pub extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Ask {
    /// The operation's name as a log can hold it.
    fn printable_name(&self) -> String {
        self.operation_name.as_deref().unwrap_or("-").chars().filter(|c| !c.is_control()).take(60).collect()
    }
}

/// What is kept of a request while the engine has it.
struct Prepared {
    request: Request,
    document: Arc<ExecutableDocument>,
    name: Option<String>,
    request_id: String,
}

/// What happens to the browser's session cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cookies {
    /// A session was opened.
    Set(String),
    /// It was ended.
    Clear,
}

/// What came of a request.
pub struct Outcome {
    /// The reply.
    pub response: Response,
    /// False when nothing was executed: the document was refused.
    pub executed: bool,
    /// What to do with the cookie.
    pub cookies: Option<Cookies>,
    /// Statements that it ran on the database, reads and writes, recognising the caller included.
    pub statements: u64,
    /// Why the document was refused before the engine saw it.
    pub refusal: Option<Refusal>,
}

impl Outcome {
    /// Whether a subscription ends with it: what it follows could not be told.
    pub(crate) fn is_end(&self) -> bool {
        let nothing = match &self.response.data {
            async_graphql::Value::Object(fields) => fields.values().all(|value| *value == async_graphql::Value::Null),
            data => *data == async_graphql::Value::Null,
        };
        nothing && !self.response.errors.is_empty()
    }

    /// Whether what the service stands on was away: the same may be asked again in a moment.
    fn is_away(&self) -> bool {
        let code = |error: &ServerError| error.extensions.as_ref().and_then(|extensions| extensions.get("code")).cloned();
        self.response.errors.iter().any(|error| code(error) == Some("UNAVAILABLE".into()))
    }

    /// The reply on a socket.
    #[must_use]
    pub fn reply(&self, is_subscription: bool) -> Reply {
        let over = is_subscription && self.is_end();
        if over && self.is_away() {
            return Reply::Away;
        }
        let payload = match self.executed && !over {
            true => self.to_json().map(|json| Reply::Next(json.into())),
            false => serde_json::to_string(&self.response.errors).map(|json| Reply::Error(json.into())),
        };
        payload.unwrap_or_else(|_| Reply::Error("[]".into()))
    }

    /// The reply as JSON. One that was not executed holds no `data` (GraphQL specification, 7.1).
    ///
    /// # Errors
    /// Never for what the engine makes.
    pub fn to_json(&self) -> serde_json::Result<String> {
        if self.executed {
            serde_json::to_string(&self.response)
        } else {
            Ok(format!("{{\"errors\":{}}}", serde_json::to_string(&self.response.errors)?))
        }
    }
}

/// What a client is told on a socket.
#[derive(Clone, Debug)]
pub enum Reply {
    /// What was asked, as JSON.
    Next(Arc<str>),
    /// Nothing was executed, or a subscription ends: the errors, as JSON.
    Error(Arc<str>),
    /// A subscription cannot go on just now. Its client takes an error for its end, and a lost connection for a reason to come back.
    Away,
}

/// Why a document is not given to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be read, or is beyond a limit.
    Document,
    /// It writes where only reading is allowed.
    Write,
}

impl Api {
    /// The service over `app`.
    #[must_use]
    pub fn new(app: App) -> Self {
        let schema = schema(&app.config.limits);
        let types = Arc::new(Types::new(&schema.sdl()));
        Self { app, schema, types, documents: Arc::new(Mutex::new(LruCache::new(REMEMBERED))), turns: Arc::new(Turns::new()) }
    }

    /// Executes what `client` asks, and tells it in the log; with `queries_only`, refuses anything that writes (a GET).
    ///
    /// In a box, so that the whole of the engine is compiled here and not once more in every crate that waits for it.
    pub fn execute(&self, ask: Ask, client: Client, queries_only: bool) -> BoxFuture<'_, Outcome> {
        self.execute_now(ask, client, queries_only).boxed()
    }

    async fn execute_now(&self, ask: Ask, client: Client, queries_only: bool) -> Outcome {
        let (began, request_id, name) = (Instant::now(), client.request_id.clone(), ask.printable_name());
        let outcome = match self.document(&ask.query) {
            Ok(document) => match self.prepare(document, ask, client, queries_only) {
                Ok((prepared, operation)) => self.answer(prepared, operation).await,
                Err(refused) => *refused,
            },
            Err(error) => refused(Some(Refusal::Document), error),
        };
        tracing::info!(
            request_id,
            operation = name,
            executed = outcome.executed,
            errors = outcome.response.errors.len(),
            statements = outcome.statements,
            micros = began.elapsed().as_micros(),
            "graphql"
        );
        outcome
    }

    /// Whether `ask` is to be given to [`Api::subscribe`].
    #[must_use]
    pub fn is_subscription(&self, ask: &Ask) -> bool {
        self.document(&ask.query).is_ok_and(|document| is_subscription(&document, ask.operation_name.as_deref()))
    }

    /// Begins a subscription: each reply as it comes, until one ends it or nobody listens any more.
    pub fn subscribe(&self, ask: Ask, client: Client) -> BoxStream<'static, Reply> {
        tracing::info!(request_id = client.request_id, operation = ask.printable_name(), "subscription");
        match self.document(&ask.query) {
            Ok(document) => Course::new(self.clone(), ask, document, client).replies(),
            Err(error) => stream::once(std::future::ready(refused(Some(Refusal::Document), error).reply(true))).boxed(),
        }
    }

    /// What one turn of a subscription says.
    pub(crate) async fn say(&self, document: &Arc<ExecutableDocument>, ask: &Ask, client: Client, turn: &Turn) -> Vec<Outcome> {
        let (prepared, operation) = match self.prepare(Arc::clone(document), ask.clone(), client, false) {
            Ok((prepared, operation)) => (prepared, operation.data(turn.clone())),
            Err(refused) => return vec![*refused],
        };
        let said: Vec<_> = prepared.request.drive(self.schema.execute_stream(operation).collect()).await;
        let mut outcomes = Vec::with_capacity(said.len());
        for reply in said {
            outcomes.push(self.outcome(&prepared, reply).await);
        }
        outcomes
    }

    /// What a subscription ends with when it cannot go on.
    pub(crate) fn failure(&self, error: Error, request_id: &str) -> Reply {
        let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
        errors::dress(&mut error, request_id, &self.app.config.limits);
        refused(None, error).reply(true)
    }

    /// What can be refused before the engine sees it, is.
    fn prepare(
        &self,
        document: Arc<ExecutableDocument>,
        ask: Ask,
        client: Client,
        queries_only: bool,
    ) -> Result<(Prepared, Operation), Box<Outcome>> {
        let name = ask.operation_name.as_deref();
        if queries_only && !reads_only(&document, name) {
            let sentence = "une demande par GET ne fait que lire, écrivez par POST.";
            return Err(Box::new(refused(Some(Refusal::Write), errors::invalid_document(sentence))));
        }
        if let Some(variable) = missing_variable(&document, name, ask.variables.as_ref()) {
            let sentence = format!("la variable ${variable} attend une valeur.");
            return Err(Box::new(refused(None, errors::invalid_variables(&sentence))));
        }
        let request_id = client.request_id.clone();
        let request = Request::new(client);
        let variables = Variables::from_json(ask.variables.map_or(serde_json::Value::Null, serde_json::Value::Object));
        let mut operation = Operation::new(ask.query).variables(variables).data(request.clone());
        if let Some(name) = &ask.operation_name {
            operation = operation.operation_name(name);
        }
        operation.set_parsed_query((*document).clone());
        Ok((Prepared { request, document, name: ask.operation_name, request_id }, operation))
    }

    async fn answer(&self, prepared: Prepared, operation: Operation) -> Outcome {
        if is_subscription(&prepared.document, prepared.name.as_deref()) {
            let sentence = "un abonnement se demande par WebSocket, à /graphql/ws.";
            return refused(Some(Refusal::Document), errors::invalid_document(sentence));
        }
        let execution = self.schema.execute(operation);
        match tokio::time::timeout(self.app.config.limits.answer_time, prepared.request.drive(execution)).await {
            Ok(reply) => self.outcome(&prepared, reply).await,
            // It began: what it was to write may be written.
            Err(_) => {
                let statements = prepared.request.statements().await;
                let response = Response::from_errors(vec![errors::too_slow()]);
                Outcome { response, executed: true, cookies: prepared.request.take_cookies(), statements, refusal: None }
            }
        }
    }

    /// A reply of the engine as the client gets it.
    async fn outcome(&self, prepared: &Prepared, mut response: Response) -> Outcome {
        let refused = response.errors.iter().any(|error| error.path.is_empty());
        let executed = !refused || response.data != async_graphql::Value::Null;
        if executed {
            let (document, name) = (&prepared.document, prepared.name.as_deref());
            self.types.complete(document, name, &mut response.data, &response.errors);
            order::arrange(document, name, &mut response.data);
        }
        for error in &mut response.errors {
            errors::dress(error, &prepared.request_id, &self.app.config.limits);
        }
        let statements = prepared.request.statements().await;
        Outcome { response, executed, cookies: prepared.request.take_cookies(), statements, refusal: None }
    }

    fn document(&self, text: &str) -> Result<Arc<ExecutableDocument>, ServerError> {
        let limits = &self.app.config.limits;
        if text.len() > limits.document_bytes {
            let sentence = format!("au plus {} octets par document.", limits.document_bytes);
            return Err(errors::invalid_document(&sentence));
        }
        if let Some(known) = self.documents.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(Arc::clone(known));
        }
        let document = Arc::new(parse_query(text).map_err(|error| errors::unreadable_document(&error, limits))?);
        limits::check(&document, limits).map_err(|sentence| errors::invalid_document(&sentence))?;
        if text.len() <= REMEMBERED_BYTES {
            let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
            documents.put(text.to_owned(), Arc::clone(&document));
        }
        Ok(document)
    }
}

fn refused(refusal: Option<Refusal>, error: ServerError) -> Outcome {
    let response = Response::from_errors(vec![error]);
    Outcome { response, executed: false, cookies: None, statements: 0, refusal }
}

/// A variable that has to have a value and has none: the operation is not executed (GraphQL specification, 6.1.2). The
/// engine would only notice in the fields that use it.
fn missing_variable<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
    given: Option<&serde_json::Map<String, serde_json::Value>>,
) -> Option<&'d str> {
    let operation = chosen(document, name)?;
    let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
    let mut required = definitions.filter(|one| !one.var_type.node.nullable && one.default_value.is_none());
    let has_value = |name: &str| given.and_then(|given| given.get(name)).is_some_and(|value| !value.is_null());
    required.find(|one| !has_value(&one.name.node)).map(|one| one.name.node.as_str())
}

/// The operation of a document that a request runs; none when it names none of several, which the engine refuses. The
/// parser keeps a lone operation with a name among several.
pub(crate) fn chosen<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Option<&'d OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
        (DocumentOperations::Multiple(_), None) => None,
    };
    operation.map(|operation| &operation.node)
}

fn is_subscription(document: &ExecutableDocument, name: Option<&str>) -> bool {
    chosen(document, name).is_some_and(|operation| operation.ty == OperationType::Subscription)
}

fn reads_only(document: &ExecutableDocument, name: Option<&str>) -> bool {
    chosen(document, name).is_none_or(|operation| operation.ty == OperationType::Query)
}
