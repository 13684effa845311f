//! What a request costs the database: as many statements for a long page as for a short one, and threads of any size.

use std::net::Ipv4Addr;

use graphql::{Api, Ask, Client as Asker};
use harness::{Database, Story, World, stories};
use serde_json::{Value, json};
use services::Caller;
use services::caller::Credential;
use services::forum;
use services::id::{MemberId, PostId};
use services::sessions::Origin;

use crate::steps::{column, nodes, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_page_costs_the_same_whatever_its_size,
        a_write_costs_the_same_wherever_it_is,
        a_thread_of_fifty_thousand_posts_is_read_and_answered,
        a_chain_of_five_thousand_answers_is_read_and_answered,
    ]
}

/// The statements that a request runs, and its data.
pub(crate) async fn cost(world: &World, who: Option<MemberId>, query: &str, variables: Value) -> (u64, Value) {
    let (app, now) = (world.app.counted(), world.app.clock.now());
    let mut reader = app.db.reader().await.expect("a reader");
    let caller = match who {
        None => Caller::anonymous(&mut reader).await,
        Some(id) => Caller::member(&mut reader, id, Credential::Operator, now).await.map(|caller| caller.expect("a member")),
    };
    let asker = Asker {
        app,
        caller: caller.expect("a caller"),
        reader: Some(reader),
        origin: Origin::new(Ipv4Addr::LOCALHOST.into()),
        takes_cookies: false,
        agent: String::new(),
        request_id: String::new(),
    };
    let variables = variables.as_object().cloned();
    let outcome =
        Api::new(world.app.clone()).execute(Ask { query: query.into(), variables, ..Ask::default() }, asker, false).await;
    let reply: Value = serde_json::from_str(&outcome.to_json().expect("JSON")).expect("JSON");
    assert!(reply["errors"].is_null(), "{query}: {reply}");
    (outcome.statements, reply["data"].clone())
}

async fn a_page_costs_the_same_whatever_its_size(world: &World) {
    let forum = world.forum("plateforme", "questions").await;
    let ministry = world.administrator().make_organisation("Ministère", None).await;
    let mut people = Vec::new();
    for n in 0..4 {
        people.push(world.member(&format!("membre{n}")).await);
    }
    let (mut ids, mut grants) = (Vec::new(), Vec::new());
    let (mut thread, mut root) = (String::new(), String::new());
    for n in 0..30 {
        let author = &people[n % 4];
        (thread, root) = author.open_thread(&forum, "QUESTION", &format!("Question numéro {n}"), "Bonjour @membre0").await;
        ids.push(thread.clone());
        ids.push(root.clone());
        let unit = world.administrator().make_organisation(&format!("Unité {n}"), Some(&ministry)).await;
        world.administrator().make_organisation(&format!("Bureau {n}"), Some(&unit)).await;
        let holder = world.member(&format!("referent{n}")).await;
        grants.push(world.administrator().grant(&holder.id().await, "REFERENT_LOCAL", Some(&unit)).await);
    }
    // Every member holds so many audiences that a list of thirty would bind more of them than SQLite takes.
    let (series, id) = match world.database {
        Database::Sqlite => ("with recursive s (i) as (select 1 union all select i + 1 from s where i < 1200)", "randomblob(16)"),
        Database::Postgres => ("with s (i) as (select * from generate_series(1, 1200))", "gen_random_uuid()"),
    };
    let at = "(select min(created_at) from spaces)";
    let audiences =
        format!("insert into audiences (id, grants_key, created_at) {series} select {id}, 'essai ' || i, {at} from s");
    assert_eq!(world.execute(&audiences).await, 1_200);
    let grants_of = "insert into audience_grants (audience_id, position, kind)
        select id, 0, 'MEMBERS' from audiences where grants_key like 'essai %'";
    assert_eq!(world.execute(grants_of).await, 1_200);
    for id in ids.iter().filter(|id| id.starts_with("thr_")) {
        crate::following::follow(&people[0], id, Some("TOUT")).await;
    }
    world.deliver().await;
    let mut last = root.clone();
    for n in 0..40 {
        // Who administers addresses any organisation; the others' `@@` stays text.
        let author = if n % 3 == 1 { world.administrator() } else { &people[n % 4] };
        let file = author.send_file("note.txt", format!("Note {n}").as_bytes()).await["id"].clone();
        let parent = if n % 3 == 0 { &root } else { &last };
        let input = json!({ "postId": parent, "body": format!("À @membre1 et @membre2, @@moderation, @@ministere-unite-{}", n % 30),
            "attachments": [file] });
        last = text(&author.mutate("answerPost", input, "post { id }").await.done("answerPost")["post"]["id"]);
    }
    let pages = [
        "query($n: Int, $t: ID!) { thread(id: $t) { title kind postCount author { name organisation { name } } forum { name space { name } }
           acceptedAnswer { id } openingPost { html } posts(first: $n) { totalCount pageInfo { hasNextPage } edges { cursor node {
           html depth author { name handle organisation { shortName } } parent { id author { name } } mentions { handle } mentionsModerators mentionedOrganisations { shortName }
           attachments { name url uploader { name } } viewerMayEdit replies(first: 3) { totalCount edges { node { excerpt author { name } } } } } } } } }",
        "query($n: Int) { threads(first: $n) { totalCount edges { node { title solved lastActivityAt author { name organisation { name } }
           forum { name kinds space { name } } openingPost { excerpt } acceptedAnswer { id } } } } }",
        "query($n: Int, $f: ID!) { forum(id: $f) { name kinds viewerMayOpen pinnedThreads { title } threads(first: $n, orderBy: DATE) {
           edges { node { title postCount author { name } openingPost { excerpt mentions { handle } } } } } } }",
        "query($n: Int) { members(first: $n) { totalCount edges { node { name organisation { name parent { name } } } } } }",
        "query($n: Int, $o: String!) { organisation(slug: $o) { units(first: $n) { totalCount edges { node { name parent { name } } } } } }",
        "query($i: [ID!]!) { nodes(ids: $i) { id ... on Thread { title author { name } openingPost { html } forum { name } }
           ... on Post { html author { name } thread { title forum { name } } } } }",
        "query($n: Int) { documents(first: $n) { totalCount edges { node { title tags category { name } versions(last: 2) { totalCount edges { node { number } } } audience { kind } latest { link note file { name url }
           author { name } } ownerMember { name } ownerOrganisation { name } viewerFoundUseful viewerMayEdit usefulCount url } } } }",
        "{ spaces { name forums { name kinds threadCount space { name } } } }",
        "query($n: Int) { threads(first: $n) { edges { node { title unreadCount viewerFollowLevel forum { name unreadCount viewerFollowLevel } } } } }",
        "{ spaces { forums { name unreadCount viewerFollowLevel } } collections { name viewerFollowLevel } }",
        "query($n: Int) { viewer { unreadNotificationCount notifications(first: $n) { totalCount edges { node { reason sentence count
           actors { name organisation { name } } thread { title } post { excerpt } training { title } } } }
           follows(first: $n) { totalCount edges { node { level thread { title } forum { name } training { title } collection { name } } } } } }",
        // Lists below the rows of lists.
        "query($n: Int) { threads(first: $n) { edges { node { title posts(first: 3) { totalCount pageInfo { endCursor } edges { node { html
           author { name organisation { name } } replies(last: 2) { totalCount edges { node { excerpt } } } revisions(first: 2) {
           totalCount edges { node { body } } } } } } } } } }",
        "query($n: Int) { threads(first: $n) { edges { node { trainings { title threadCounts { count } } systemEvents(first: 2) { totalCount
           edges { node { kind } } } } } } }",
        "query($n: Int) { spaces { forums { pinnedThreads { title } threads(first: $n) { totalCount edges { node { title author { name }
           posts(last: 1) { totalCount edges { node { html author { name } } } } } } } open: threads(filter: OUVERTS, first: 2) {
           totalCount edges { node { title } } } audience { kind } openingAudience { kind } } } }",
        "query($n: Int) { members(first: $n) { edges { node { name roles { totalCount edges { node { role organisation { name } grantedBy { name } } } }
           past: roles(history: true) { totalCount edges { node { role } } } affiliations { totalCount edges { node { state } } }
           sessions { totalCount } accessTokens { totalCount } } } } }",
        "query($n: Int, $o: String!) { organisation(slug: $o) { units(first: $n) { edges { node { name units { totalCount edges { node { name } } }
           roles { totalCount edges { node { role member { name } } } } past: roles(history: true) { totalCount edges { node { role } } }
           affiliationRequests { totalCount edges { node { state } } } } } } } }",
        "query($g: [ID!]!) { nodes(ids: $g) { id ... on RoleGrant { role member { name } organisation { name } } } }",
    ];
    let who = MemberId(uuid_of(&people[0].id().await));
    let chief = MemberId(uuid_of(&world.administrator().id().await));
    for query in pages {
        let mut costs = Vec::new();
        for n in [2, 5, 30] {
            let variables = json!({ "n": n, "t": thread, "f": forum, "o": "ministere", "i": ids[..n * 2], "g": grants[..n] });
            // Members are listed for those who signed in.
            for who in [None, Some(who), Some(chief)].into_iter().filter(|who| who.is_some() || !query.contains("{ members(")) {
                costs.push((who, cost(world, who, query, variables.clone()).await.0));
            }
        }
        let of = |who: Option<MemberId>| costs.iter().filter(|cost| cost.0 == who).map(|cost| cost.1).collect::<Vec<_>>();
        for costs in [of(None), of(Some(who)), of(Some(chief))].into_iter().filter(|costs| !costs.is_empty()) {
            // Whom one part of a page has read the others need not ask for: a round or two more or less, never one a row.
            let (least, most) = (costs.iter().min().expect("costs"), costs.iter().max().expect("costs"));
            assert!(*most <= least + 3 && (1..=20).contains(most), "{query}: {costs:?}");
        }
    }
}

pub(crate) fn uuid_of(id: &str) -> uuid::Uuid {
    id[4..].parse().expect("an id")
}

/// An answer in a small thread and in a long one, by whoever.
async fn a_write_costs_the_same_wherever_it_is(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let who = Some(MemberId(uuid_of(&ada.id().await)));
    let (_, small) = ada.open_thread(&forum, "QUESTION", "Une petite question", "Texte").await;
    let (_, long) = ada.open_thread(&forum, "QUESTION", "Une longue question", "Texte").await;
    for n in 0..60 {
        ada.answer(&long, &format!("Réponse {n}")).await;
    }
    let mutation =
        "mutation($p: ID!) { answerPost(input: { postId: $p, body: \"Réponse\" }) { post { id } problems { message } } }";
    let costs =
        [cost(world, who, mutation, json!({ "p": small })).await.0, cost(world, who, mutation, json!({ "p": long })).await.0];
    assert_eq!(costs[0], costs[1]);
    assert!((5..=16).contains(&costs[0]), "{costs:?}");
}

/// Every post of a thread, read by pages from either end, is there once and in the same order.
async fn read_both_ways(world: &World, thread: &str, posts: usize) {
    let query = "query($t: ID!, $first: Int, $after: String, $last: Int, $before: String) { thread(id: $t) { postCount
        posts(first: $first, after: $after, last: $last, before: $before) { totalCount pageInfo { hasNextPage hasPreviousPage
            startCursor endCursor } edges { node { ordinal depth } } } } }";
    let (mut forward, mut backward) = (Vec::new(), Vec::new());
    let mut page = json!({ "t": thread, "first": 100 });
    loop {
        let data = cost(world, None, query, page).await.1["thread"]["posts"].clone();
        assert_eq!(data["totalCount"], json!(posts));
        forward.extend(column(&data, "ordinal"));
        if data["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        page = json!({ "t": thread, "first": 100, "after": data["pageInfo"]["endCursor"] });
    }
    let mut page = json!({ "t": thread, "last": 100 });
    loop {
        let data = cost(world, None, query, page).await.1["thread"]["posts"].clone();
        backward.extend(column(&data, "ordinal").into_iter().rev());
        if data["pageInfo"]["hasPreviousPage"] == json!(false) {
            break;
        }
        page = json!({ "t": thread, "last": 100, "before": data["pageInfo"]["startCursor"] });
    }
    backward.reverse();
    assert_eq!((forward.len(), forward == backward), (posts, true));
    let mut ordinals: Vec<_> = forward.iter().map(|ordinal| ordinal.as_u64().expect("a number")).collect();
    ordinals.sort_unstable();
    assert!(ordinals.iter().zip(0..).all(|(ordinal, place)| *ordinal == place), "a post twice");
}

async fn a_thread_of_fifty_thousand_posts_is_read_and_answered(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Le grand fil", "Texte").await;
    // Written beside the product, as the product writes them: one level below the opening post.
    let (thread_id, root_id) = (world.uuid(uuid_of(&thread)), world.uuid(uuid_of(&root)));
    let (series, id, path) = match world.database {
        Database::Sqlite => (
            "with recursive series (i) as (select 1 union all select i + 1 from series where i < 49999)",
            "randomblob(16)",
            "unhex(printf('%06x', i))",
        ),
        Database::Postgres => (
            "with series (i) as (select * from generate_series(1, 49999))",
            "gen_random_uuid()",
            "decode(lpad(to_hex(i), 6, '0'), 'hex')",
        ),
    };
    let insert = format!(
        "insert into posts (id, thread_id, parent_id, ordinal, path, depth, author_id, body, html, excerpt, revision, created_at)
         {series} select {id}, {thread_id}, {root_id}, i, {path}, 1, author_id, 'Réponse', '<p>Réponse</p>', 'Réponse', 1, created_at
         from series cross join (select author_id, created_at from posts where id = {root_id}) as opening"
    );
    assert_eq!(world.execute(&insert).await, 49_999);
    let count = format!("update threads set post_count = 50000, next_ordinal = 50000 where id = {thread_id}");
    assert_eq!(world.execute(&count).await, 1);
    world.app.db.analyse().await.expect("statistics");

    read_both_ways(world, &thread, 50_000).await;
    let page = "query($t: ID!, $n: Int) { thread(id: $t) { posts(first: $n) { edges { node { replies(first: 2) { totalCount edges { node { ordinal } } } } } } } }";
    let (statements, data) = cost(world, None, page, json!({ "t": thread, "n": 50 })).await;
    let first = &nodes(&data["thread"]["posts"])[0]["replies"];
    assert_eq!((&first["totalCount"], column(first, "ordinal")), (&json!(49_999), vec![json!(1), json!(2)]));
    assert!(statements <= 8, "{statements}");
    let answer = ada.answer(&root, "Une réponse de plus").await;
    let query = "query($t: ID!, $p: ID!) { thread(id: $t) { postCount posts(last: 1) { edges { node { id } } } } post(id: $p) { ordinal cursor } }";
    let seen = read(&ada, query, json!({ "t": thread, "p": answer })).await;
    assert_eq!((&seen["thread"]["postCount"], &seen["post"]["ordinal"]), (&json!(50_001), &json!(50_000)));
    assert_eq!(column(&seen["thread"]["posts"], "id"), [json!(answer)]);
}

async fn a_chain_of_five_thousand_answers_is_read_and_answered(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "La longue chaîne", "Texte").await;
    let who = MemberId(uuid_of(&ada.id().await));
    let mut reader = world.app.db.reader().await.expect("a reader");
    let caller = Caller::member(&mut reader, who, Credential::Operator, world.app.clock.now()).await.expect("read").expect("ada");
    drop(reader);
    let mut last = PostId(uuid_of(&root));
    for n in 0..5_000 {
        last = forum::answer_post(&world.app, &caller, last, &format!("Réponse {n}"), Vec::new()).await.expect("an answer");
    }
    read_both_ways(world, &thread, 5_001).await;
    let query = "query($p: ID!) { post(id: $p) { depth ordinal parent { depth } thread { postCount posts(last: 1) { edges { node { id } } } } } }";
    let deepest = ada.answer(&last.to_string(), "Tout en bas").await;
    let post = read(&ada, query, json!({ "p": deepest })).await["post"].clone();
    assert_eq!((&post["depth"], &post["parent"]["depth"], &post["ordinal"]), (&json!(5_001), &json!(5_000), &json!(5_001)));
    assert_eq!(text(&nodes(&post["thread"]["posts"])[0]["id"]), deepest, "last in the reading order");
    assert_eq!(post["thread"]["postCount"], json!(5_002));
}
