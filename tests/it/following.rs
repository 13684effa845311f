//! Following: what is told by default, what one chooses, and who sees what one follows.

use futures_util::future::join_all;
use harness::{Client, Database, Story, World, stories};
use serde_json::{Value, json};
use sqlx::Connection;

use crate::binary::until;
use crate::catalogue::{collection, manager, new_training, published};
use crate::cost::uuid_of;
use crate::steps::{colleague, new_forum, nodes, organisation, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_thread_has_its_own_level_or_its_forums,
        a_training_has_its_own_level_or_its_collections,
        what_is_followed_is_listed_as_long_as_it_is_seen,
        what_cannot_be_followed_is_refused_in_words,
        a_training_that_is_merged_leaves_its_followers_to_the_other,
        somebody_suspended_still_follows,
        of_many_follows_at_once_no_more_are_kept_than_one_may,
    ]
}

/// Follows something, or not any more.
pub(crate) async fn follow(who: &Client, target: &str, level: Option<&str>) -> Value {
    let reply = who.mutate("follow", json!({ "targetId": target, "level": level }), "level").await;
    reply.done("follow")["level"].clone()
}

async fn level(who: &Client, id: &str) -> Value {
    let query =
        "query($i: ID!) { node(id: $i) { ... on Forum { level: viewerFollowLevel } ... on Thread { level: viewerFollowLevel }
        ... on Training { level: viewerFollowLevel } ... on Collection { level: viewerFollowLevel } } }";
    read(who, query, json!({ "i": id })).await["node"]["level"].clone()
}

/// What somebody follows, as `level` and the id of what.
pub(crate) async fn followed(who: &Client) -> Vec<(String, String)> {
    let query =
        "{ viewer { follows(first: 100) { totalCount edges { node { level followedAt forum { id } thread { id } training { id }
        collection { id } } } } } }";
    let data = read(who, query, json!({})).await["viewer"]["follows"].clone();
    let nodes = nodes(&data);
    assert_eq!(data["totalCount"], json!(nodes.len()));
    nodes
        .iter()
        .map(|node| {
            let target: Vec<_> =
                ["forum", "thread", "training", "collection"].iter().filter_map(|kind| node[kind]["id"].as_str()).collect();
            assert_eq!(target.len(), 1, "{node}");
            (text(&node["level"]), target[0].to_owned())
        })
        .collect()
}

async fn a_thread_has_its_own_level_or_its_forums(world: &World) {
    let (ada, bruno) = (world.member("ada").await, world.member("bruno").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    assert_eq!(level(&world.anonymous(), &thread).await, Value::Null);
    assert_eq!(level(&world.anonymous(), &forum).await, Value::Null);
    assert_eq!((level(&ada, &thread).await, level(&bruno, &thread).await), (json!("TOUT"), json!("MENTIONS")));
    assert_eq!(level(&bruno, &forum).await, "MENTIONS");
    for (of_forum, of_thread) in [("TOUT", "TOUT"), ("PREMIERS_MESSAGES", "MENTIONS"), ("MUET", "MUET")] {
        assert_eq!(follow(&bruno, &forum, Some(of_forum)).await, of_forum);
        assert_eq!(level(&bruno, &thread).await, of_thread);
    }
    assert_eq!(follow(&bruno, &thread, Some("TOUT")).await, "TOUT");
    assert_eq!(level(&bruno, &thread).await, "TOUT");
    assert_eq!(follow(&bruno, &thread, None).await, "MUET", "as its forum again");
    assert_eq!(follow(&bruno, &forum, None).await, "MENTIONS");
    follow(&ada, &forum, Some("MUET")).await;
    assert_eq!(level(&ada, &thread).await, "TOUT", "it is her own");
    assert_eq!(follow(&ada, &thread, Some("MENTIONS")).await, "MENTIONS");
    assert!(followed(&bruno).await.is_empty());
}

async fn a_training_has_its_own_level_or_its_collections(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let training = published(world, &maker, &inside, "UN", json!({ "opening": "TOUS_PUBLICS" })).await;
    let management = collection(world, "management").await;
    let ada = world.member("ada").await;
    assert_eq!((level(&ada, &training).await, level(&ada, &management).await), (json!("MENTIONS"), json!("MENTIONS")));
    assert_eq!(follow(&ada, &management, Some("PREMIERS_MESSAGES")).await, "PREMIERS_MESSAGES");
    assert_eq!(level(&ada, &training).await, "PREMIERS_MESSAGES");
    assert_eq!(follow(&ada, &training, Some("MUET")).await, "MUET");
    assert_eq!(level(&ada, &management).await, "PREMIERS_MESSAGES");
    assert_eq!(level(&world.anonymous(), &training).await, Value::Null);
}

async fn what_is_followed_is_listed_as_long_as_it_is_seen(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let ada = colleague(world, "ada", &inside).await;
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let restricted = new_forum(world, "plateforme", "Entre nous", audience).await;
    let public = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&restricted, "QUESTION", "Une question", "Texte").await;
    let (hidden, _) = ada.open_thread(&public, "QUESTION", "Une autre question", "Texte").await;
    let langues = collection(world, "langues").await;
    for (target, level) in
        [(&restricted, "TOUT"), (&thread, "MUET"), (&hidden, "TOUT"), (&public, "PREMIERS_MESSAGES"), (&langues, "TOUT")]
    {
        follow(&ada, target, Some(level)).await;
    }
    let all = followed(&ada).await;
    let expected =
        [("TOUT", &langues), ("PREMIERS_MESSAGES", &public), ("TOUT", &hidden), ("MUET", &thread), ("TOUT", &restricted)];
    assert_eq!(all, expected.map(|(level, id)| (level.to_owned(), id.clone())));
    let pages = "query($a: String) { viewer { follows(first: 2, after: $a) { pageInfo { hasNextPage endCursor } edges { node { level } } } } }";
    let first = read(&ada, pages, json!({})).await["viewer"]["follows"].clone();
    assert_eq!((nodes(&first).len(), &first["pageInfo"]["hasNextPage"]), (2, &json!(true)));
    let second = read(&ada, pages, json!({ "a": first["pageInfo"]["endCursor"] })).await["viewer"]["follows"].clone();
    assert_eq!(nodes(&second)[0]["level"], "TOUT");
    // Set again, it comes first.
    follow(&ada, &restricted, Some("MENTIONS")).await;
    assert_eq!(followed(&ada).await[0], ("MENTIONS".to_owned(), restricted.clone()));
    // Nobody else sees it.
    let bruno = world.member("bruno").await;
    let query = "{ member(handle: \"ada\") { follows { totalCount } } }";
    for other in [&bruno, world.administrator(), &world.anonymous()] {
        assert_eq!(read(other, query, json!({})).await["member"]["follows"], Value::Null);
    }
    ada.mutate("leaveOrganisation", json!({}), "").await.done("leaveOrganisation");
    let hide = json!({ "threadId": hidden, "hidden": true });
    world.administrator().mutate("hideThread", hide, "").await.done("hideThread");
    let left = [("TOUT".to_owned(), langues), ("PREMIERS_MESSAGES".to_owned(), public)];
    assert_eq!(followed(&ada).await, left);
}

async fn what_cannot_be_followed_is_refused_in_words(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let draft = new_training(world, &maker, &inside, "BROUILLON", json!({})).await;
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, post) = ada.open_thread(&forum, "QUESTION", "Une question", "Texte").await;
    let asked = |target: &str, level: &str| json!({ "targetId": target, "level": level });
    assert_eq!(ada.mutate("follow", asked(&thread, "PREMIERS_MESSAGES"), "").await.problems("follow"), ["level: REFUSE"]);
    assert_eq!(ada.mutate("follow", asked(&post, "TOUT"), "").await.problems("follow"), ["targetId: MALFORME"]);
    assert_eq!(ada.mutate("follow", asked(&draft, "TOUT"), "").await.code(), "NOT_FOUND");
    assert_eq!(world.anonymous().mutate("follow", asked(&thread, "TOUT"), "").await.code(), "UNAUTHENTICATED");
    assert_eq!(world.count("select count(*) from follows").await, 0);
    let before = world.events().await.len();
    follow(&maker, &draft, Some("TOUT")).await;
    assert_eq!(world.events().await.len(), before, "it is nobody else's business");
}

async fn a_training_that_is_merged_leaves_its_followers_to_the_other(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let one = published(world, &maker, &inside, "UN", json!({ "opening": "TOUS_PUBLICS" })).await;
    let other = published(world, &maker, &inside, "DEUX", json!({ "opening": "TOUS_PUBLICS" })).await;
    let (ada, bruno) = (world.member("ada").await, world.member("bruno").await);
    follow(&ada, &one, Some("TOUT")).await;
    follow(&bruno, &one, Some("TOUT")).await;
    follow(&bruno, &other, Some("MUET")).await;
    maker.mutate("mergeTrainings", json!({ "fromId": one, "intoId": other }), "").await.done("mergeTrainings");
    assert_eq!((level(&ada, &other).await, level(&bruno, &other).await), (json!("TOUT"), json!("MUET")));
    assert_eq!(followed(&ada).await, [("TOUT".to_owned(), other)]);
    assert_eq!(world.count("select count(*) from follows").await, 2);
}

async fn somebody_suspended_still_follows(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let input = json!({ "memberId": ada.id().await, "reason": "Pour l'exemple" });
    world.administrator().mutate("suspendMember", input, "").await.done("suspendMember");
    assert_eq!(follow(&ada, &forum, Some("TOUT")).await, "TOUT");
    let (_, token) = crate::access::token(&world.member("bruno").await, "LIRE").await;
    let reader = world.anonymous().with_bearer(&token);
    let input = json!({ "targetId": forum, "level": "TOUT" });
    assert_eq!(reader.mutate("follow", input, "").await.code(), "FORBIDDEN", "a token to read writes nothing");
}

async fn of_many_follows_at_once_no_more_are_kept_than_one_may(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let mut opened = Vec::new();
    for n in 0..8 {
        opened.push(ada.open_thread(&forum, "QUESTION", &format!("Question {n}"), "Texte").await.0);
    }
    // All but two of what she may follow, written beside the product.
    let (series, id) = match world.database {
        Database::Sqlite => {
            ("with recursive series (i) as (select 1 union all select i + 1 from series where i < 4998)", "randomblob(16)")
        }
        Database::Postgres => ("with series (i) as (select * from generate_series(1, 4998))", "gen_random_uuid()"),
    };
    let columns = "forum_id, kind, author_id, created_at, last_activity_at, post_count, next_ordinal";
    let model = world.uuid(uuid_of(&opened[0]));
    let threads = format!(
        "insert into threads (id, title, {columns}) {series} select {id}, 'Copie', {columns}
         from series cross join (select {columns} from threads where id = {model}) as model"
    );
    let follows = "insert into follows (member_id, target_id, thread_id, level, followed_at)
         select author_id, id, id, 'TOUT', created_at from threads where title = 'Copie'";
    for sql in [&*threads, follows] {
        assert_eq!(world.execute(sql).await, 4_998);
    }
    // On PostgreSQL more are under way than fit before one is written: what they write refers to the row of the member.
    let mut holder = None;
    if let Some(url) = &world.app.config.database_url {
        let mut beside = sqlx::PgConnection::connect(url).await.expect("a connection");
        sqlx::query("begin").execute(&mut beside).await.expect("begun");
        let member = "select id from members where handle = 'ada' for update";
        sqlx::query(member).execute(&mut beside).await.expect("held");
        holder = Some(beside);
    }
    let let_go = async {
        let Some(beside) = &mut holder else { return };
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        until("three wait", async || world.count(waiting).await > 2).await;
        sqlx::query("commit").execute(beside).await.expect("let go");
    };
    let asked = |thread: &String| json!({ "targetId": thread, "level": "TOUT" });
    let follows = join_all(opened.iter().map(|thread| ada.mutate("follow", asked(thread), "level")));
    let (replies, ()) = tokio::join!(follows, let_go);
    let (done, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.data["follow"]["problems"] == json!([]));
    assert_eq!(done.len(), 2);
    for reply in refused {
        assert_eq!(reply.problems("follow"), ["targetId: COMPLET"]);
    }
    assert_eq!(world.count("select count(*) from follows").await, 5_000);
    // What is followed already takes another level.
    let one = opened.iter().zip(&replies).find(|(_, reply)| reply.data["follow"]["problems"] == json!([])).expect("one").0;
    follow(&ada, one, Some("MUET")).await;
    assert_eq!(world.count("select count(*) from follows where level = 'MUET'").await, 1);
}
