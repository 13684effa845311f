//! The servers that are compared, in a process of their own, on one `App`: the product, a page written by hand over the same
//! functions of `services` and the same readers, and an answer that is always the same.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{SinkExt, StreamExt};
use poem::http::header;
use poem::web::Data;
use poem::{Body, EndpointExt, Request, Response, Route, handler};
use serde::{Deserialize, Serialize};
use services::accounts::Member;
use services::caller::{Credential, Scope};
use services::clock::Clock;
use services::config::{Config, LinkLimits};
use services::forum::{self, Post, Thread};
use services::id::{MemberId, OrganisationId, ThreadId};
use services::organisations::{self, Organisation};
use services::page::{Key, Page, Paging};
use services::{App, Caller, accounts, sessions};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::data::Place;

/// The hidden argument: be the servers.
pub(crate) const ARGUMENT: &str = "--be-the-servers";
/// Posts of a page.
const POSTS: i32 = 20;

/// The page in GraphQL; the one written by hand answers the same bytes.
pub(crate) const PAGE: &str = "query Fil($id: ID!) {
  thread(id: $id) {
    id kind title createdAt lastActivityAt postCount solved locked
    author { ...Qui }
    posts(first: 20) {
      totalCount
      pageInfo { hasNextPage endCursor }
      edges { cursor node { id depth createdAt editedAt revision deleted hidden accepted html author { ...Qui } } }
    }
  }
}
fragment Qui on Member { id handle name organisation { id shortName } }";

/// Where to reach the servers, and with what.
#[derive(Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) product: SocketAddr,
    pub(crate) by_hand: SocketAddr,
    /// Sockets to which `/broadcast` of the one by hand sends what it is given.
    pub(crate) broadcast: SocketAddr,
    /// Tokens of members, the first ones' first.
    pub(crate) tokens: Vec<String>,
    /// Members, in the order of the tokens.
    pub(crate) members: Vec<MemberId>,
    /// Threads of at least a page that all of these members see and may answer.
    pub(crate) threads: Vec<ThreadId>,
    /// Their opening posts.
    pub(crate) openings: Vec<services::id::PostId>,
}

/// The running process; it ends when dropped.
pub(crate) struct Served {
    pub(crate) told: Told,
    child: Child,
}

impl Served {
    /// Starts it over `place`, on `cores` when they are given.
    pub(crate) fn start(place: &Place, cores: Option<&str>) -> Self {
        let own = std::env::current_exe().expect("a path");
        let mut command = match cores {
            Some(cores) => {
                let mut command = Command::new("taskset");
                command.args(["-c", cores]).arg(own);
                command
            }
            None => Command::new(own),
        };
        command.arg(ARGUMENT).arg(&place.folder).args(&place.database_url);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the servers");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        Self { told: serde_json::from_str(&line).expect("addresses"), child }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// The process itself: says where it listens, and ends when nobody holds its standard input.
pub(crate) fn run(folder: &str, database_url: Option<String>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let app = open(Path::new(folder), database_url).await;
        let product = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let running = ciam::start(app.clone(), product, ciam::Duties { jobs: true, behind_proxy: false }).await.expect("a start");
        let by_hand = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (product, address) = (running.address, by_hand.local_addr().expect("an address"));
        let (tokens, members) = sign_in(&app).await;
        let (threads, openings) = threads(&app, &members).await;
        let first = answer(&app, &tokens[0], threads[0]).await.expect("a page");
        let broadcast = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let sockets = broadcast.local_addr().expect("an address");
        let told = Told { product, by_hand: address, broadcast: sockets, tokens, members, threads, openings };
        let (all, _) = tokio::sync::broadcast::channel(16);
        tokio::spawn(sockets_by_hand(broadcast, all.clone()));
        let routes = Route::new()
            .at("/page", poem::post(page_by_hand))
            .at("/constant", poem::post(constant))
            .at("/broadcast", poem::post(broadcast_by_hand))
            .data(app)
            .data(All(all))
            .data(Constant(Arc::from(first)));
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let limits = services::config::Limits::default();
        tokio::spawn(ciam::http::server::serve(by_hand, routes.map_to_response(), limits, stopped));
        println!("{}", serde_json::to_string(&told).expect("JSON"));
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        drop(ended.await);
        running.stop().await;
    });
}

pub(crate) async fn open(folder: &Path, database_url: Option<String>) -> App {
    let config = Config {
        data_dir: folder.to_owned(),
        database_url,
        redis_url: None,
        search_server: None,
        smtp_url: None,
        mail_from: "CIAM <ne-pas-repondre@ciam.test>".into(),
        public_url: "http://127.0.0.1".into(),
        admin_address: "administration@ciam.test".into(),
        links_per_hour: LinkLimits::default(),
        // Ten thousand subscribers, and whoever writes.
        limits: services::config::Limits {
            connections: 12_000,
            sockets_per_member: 12_000,
            ..services::config::Limits::default()
        },
    };
    let clock = Clock::system();
    let node = clock.id();
    App::open(config, clock, node).await.expect("the product opens")
}

/// Tokens of the members who administer nothing.
async fn sign_in(app: &App) -> (Vec<String>, Vec<MemberId>) {
    let caller = |id| async move {
        let mut reader = app.db.reader().await.expect("a reader");
        Caller::member(&mut reader, id, Credential::Operator, app.clock.now()).await.expect("a read").expect("a member")
    };
    let claire = accounts::member_by_handle(&mut app.db.reader().await.expect("a reader"), "claire.fontaine").await;
    let claire = caller(claire.expect("a read").expect("the demo").id).await;
    let paging = Paging { first: Some(100), ..Paging::default() };
    let all = accounts::members(&mut app.db.reader().await.expect("a reader"), &claire, None, &paging).await.expect("members");
    let (mut tokens, mut members) = (Vec::new(), Vec::new());
    for member in all.items {
        let caller = caller(member.id).await;
        if !caller.is_administrator() && !caller.moderates_everywhere() {
            let scopes = vec![Scope::Read, Scope::Write];
            tokens.push(
                sessions::create_access_token(app, &caller, "Mesure", scopes, 1).await.expect("a token").1.expect("a secret"),
            );
            members.push(member.id);
        }
    }
    (tokens, members)
}

/// At most 256 threads, the most active first, that hold a page and that all of `members` see.
async fn threads(app: &App, members: &[MemberId]) -> (Vec<ThreadId>, Vec<services::id::PostId>) {
    let mut reader = app.db.reader().await.expect("a reader");
    let mut callers = Vec::new();
    for id in members {
        let caller = Caller::member(&mut reader, *id, Credential::Operator, app.clock.now()).await.expect("a read");
        callers.push(caller.expect("a member"));
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let paging = Paging { first: Some(100), after: after.clone(), ..Paging::default() };
        let filter = forum::ThreadFilter::default();
        let page =
            forum::thread_list(&mut reader, &callers[0], &filter, forum::ThreadOrder::Activity, &paging).await.expect("a page");
        after = page.items.last().map(|thread| (thread.last_activity_at, thread.id.0).encode());
        let fit = |thread: &&Thread| {
            thread.post_count > i64::from(POSTS)
                && thread.locked_at.is_none()
                && callers.iter().all(|caller| caller.sees(thread.audience_id))
        };
        found.extend(page.items.iter().filter(fit).map(|thread| thread.id));
        if !page.has_next || found.len() >= 256 {
            break;
        }
    }
    found.truncate(256);
    assert!(!found.is_empty(), "no thread of {POSTS} posts: ask for more posts");
    let openings = forum::openings(&mut reader, &found).await.expect("openings");
    let openings = found.iter().map(|thread| openings[thread].id).collect();
    (found, openings)
}

#[derive(Clone)]
struct Constant(Arc<[u8]>);

/// Always the same, of the size of a page; it reads what it is sent.
#[handler]
async fn constant(same: Data<&Constant>, body: Body) -> poem::Result<Response> {
    body.into_bytes().await?;
    Ok(Response::builder().content_type("application/json; charset=utf-8").body(same.0.0.to_vec()))
}

/// Those who hear what is broadcast.
#[derive(Clone)]
struct All(tokio::sync::broadcast::Sender<Utf8Bytes>);

/// Sends what it is given to all of them.
#[handler]
async fn broadcast_by_hand(all: Data<&All>, body: Body) -> poem::Result<Response> {
    let text: String = body.into_json().await?;
    drop(all.0.0.send(text.into()));
    Ok(Response::builder().body("{}"))
}

/// A bare broadcast: a task a socket, which sends what comes.
async fn sockets_by_hand(listener: TcpListener, all: tokio::sync::broadcast::Sender<Utf8Bytes>) {
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    while let Ok((stream, _)) = listener.accept().await {
        let mut texts = all.subscribe();
        tokio::spawn(async move {
            stream.set_nodelay(true).expect("a socket");
            let Ok(mut stream) = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await else { return };
            loop {
                tokio::select! {
                    text = texts.recv() => {
                        let Ok(text) = text else { return };
                        if stream.send(Message::Text(text)).await.is_err() {
                            return;
                        }
                    }
                    message = stream.next() => if !matches!(message, Some(Ok(_))) { return },
                }
            }
        });
    }
}

#[derive(Deserialize)]
struct Wanted {
    id: String,
}

/// The page as one would write it without GraphQL.
#[handler]
async fn page_by_hand(app: Data<&App>, request: &Request, body: Body) -> poem::Result<Response> {
    let bad = |_| poem::Error::from_status(poem::http::StatusCode::BAD_REQUEST);
    let wanted: Wanted = serde_json::from_slice(&body.into_bytes().await?).map_err(|_| bad(()))?;
    let secret = request.header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(|| bad(()))?;
    let id = wanted.id.parse().map_err(|_| bad(()))?;
    let body = answer(&app, secret, id)
        .await
        .map_err(|error| poem::Error::from_string(error.to_string(), poem::http::StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(Response::builder().content_type("application/json; charset=utf-8").body(body))
}

async fn answer(app: &App, secret: &str, id: ThreadId) -> services::Result<Vec<u8>> {
    let mut reader = app.db.reader().await?;
    let (caller, _) = sessions::authenticate(&mut reader, app.clock.now(), secret).await?;
    let thread = forum::threads_by_id(&mut reader, &caller, &[id]).await?.remove(&id).ok_or(services::Error::NotFound)?;
    let paging = Paging { first: Some(POSTS), ..Paging::default() };
    let posts = forum::posts_of(&mut reader, &[id], &paging).await?.remove(&id).ok_or(services::Error::NotFound)?;
    let authors: HashSet<_> = posts.items.iter().map(|post| post.author_id).chain([thread.author_id]).collect();
    let members = accounts::members_by_id(&mut reader, &authors.into_iter().collect::<Vec<_>>()).await?;
    let homes: HashSet<_> = members.values().filter_map(|member| member.organisation_id).collect();
    let organisations = organisations::by_id(&mut reader, &homes.into_iter().collect::<Vec<_>>()).await?;
    drop(reader);
    let who = Who { members: &members, organisations: &organisations };
    serde_json::to_vec(&Reply { data: Root { thread: ThreadShown::new(&caller, &thread, &posts, thread.next_ordinal, &who) } })
        .map_err(|_| services::Error::NotFound)
}

struct Who<'a> {
    members: &'a HashMap<MemberId, Member>,
    organisations: &'a HashMap<OrganisationId, Organisation>,
}

#[derive(Serialize)]
struct Reply<'a> {
    data: Root<'a>,
}

#[derive(Serialize)]
struct Root<'a> {
    thread: ThreadShown<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThreadShown<'a> {
    id: String,
    kind: &'static str,
    title: &'a str,
    created_at: String,
    last_activity_at: String,
    post_count: i64,
    solved: bool,
    locked: bool,
    author: Option<MemberShown<'a>>,
    posts: Posts<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Posts<'a> {
    total_count: i64,
    page_info: PageInfo,
    edges: Vec<Edge<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Serialize)]
struct Edge<'a> {
    cursor: String,
    node: PostShown<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostShown<'a> {
    id: String,
    depth: i64,
    created_at: String,
    edited_at: Option<String>,
    revision: i64,
    deleted: bool,
    hidden: bool,
    accepted: bool,
    html: Option<&'a str>,
    author: Option<MemberShown<'a>>,
}

#[derive(Serialize)]
struct MemberShown<'a> {
    id: String,
    handle: &'a str,
    name: &'a str,
    organisation: Option<OrganisationShown<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrganisationShown<'a> {
    id: String,
    short_name: &'a str,
}

impl<'a> ThreadShown<'a> {
    fn new(caller: &Caller, thread: &'a Thread, posts: &'a Page<Post>, total: i64, who: &Who<'a>) -> Self {
        let edge = |post: &'a Post| {
            let readable = post.is_visible()
                || caller.moderates(thread.space_id)
                || post.deleted_at.is_none() && caller.id() == Some(post.author_id);
            let node = PostShown {
                id: post.id.to_string(),
                depth: post.depth,
                created_at: time(post.created_at),
                edited_at: post.edited_at.map(time),
                revision: post.revision,
                deleted: post.deleted_at.is_some(),
                hidden: post.hidden_at.is_some(),
                accepted: thread.accepted_post_id == Some(post.id),
                html: readable.then_some(post.html.as_str()),
                author: who.member(post.author_id).filter(|_| readable),
            };
            Edge { cursor: post.path.encode(), node }
        };
        let page_info = PageInfo { has_next_page: posts.has_next, end_cursor: posts.items.last().map(|post| post.path.encode()) };
        Self {
            id: thread.id.to_string(),
            kind: thread.kind.code(),
            title: &thread.title,
            created_at: time(thread.created_at),
            last_activity_at: time(thread.last_activity_at),
            post_count: thread.post_count,
            solved: thread.solved_at.is_some(),
            locked: thread.locked_at.is_some(),
            author: who.member(thread.author_id),
            posts: Posts { total_count: total, page_info, edges: posts.items.iter().map(edge).collect() },
        }
    }
}

impl<'a> Who<'a> {
    fn member(&self, id: MemberId) -> Option<MemberShown<'a>> {
        let member = self.members.get(&id)?;
        let organisation = member.organisation_id.and_then(|id| self.organisations.get(&id));
        let organisation = organisation.map(|home| OrganisationShown { id: home.id.to_string(), short_name: &home.short_name });
        Some(MemberShown { id: member.id.to_string(), handle: &member.handle, name: &member.name, organisation })
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
