//! How threads and their posts are read: in which order, page by page, filtered.

use chrono::TimeDelta;
use harness::{Client, Story, World, stories};
use serde_json::{Value, json};

use crate::steps::{column, nodes, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_thread_is_read_in_order_both_ways,
        a_chain_of_150_answers_keeps_its_depths_and_its_order,
        twenty_answers_at_once_are_all_there,
        threads_are_listed_by_order_and_state,
        forged_cursors_are_refused,
    ]
}

const POSTS: &str = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { thread(id: $id) {
    postCount posts(first: $first, after: $after, last: $last, before: $before) {
        totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor node { id depth ordinal deleted body html excerpt author { handle } parent { id } } } } } }";

/// A page of the posts of a thread.
pub(crate) async fn posts(client: &Client, thread: &str, mut page: Value) -> Value {
    page["id"] = json!(thread);
    read(client, POSTS, page).await["thread"]["posts"].clone()
}

/// Every post, read by pages of `size` in that direction, in the list's order.
pub(crate) async fn all_posts(client: &Client, thread: &str, size: i32, forward: bool) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = if forward { json!({ "first": size, "after": cursor }) } else { json!({ "last": size, "before": cursor }) };
        let page = posts(client, thread, page).await;
        let info = &page["pageInfo"];
        if forward {
            found.extend(nodes(&page));
            cursor = info["endCursor"].clone();
        } else {
            found.splice(0..0, nodes(&page));
            cursor = info["startCursor"].clone();
        }
        if info[if forward { "hasNextPage" } else { "hasPreviousPage" }] == json!(false) {
            return found;
        }
    }
}

pub(crate) fn ids(posts: &[Value]) -> Vec<String> {
    posts.iter().map(|post| text(&post["id"])).collect()
}

async fn a_thread_is_read_in_order_both_ways(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("accompagnement", "conception").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Scénariser une classe virtuelle", "On en parle ?").await;
    // Arrivals out of the reading order.
    let a = ben.answer(&root, "a").await;
    let b = ben.answer(&root, "b").await;
    let a1 = ada.answer(&a, "a1").await;
    let b1 = ada.answer(&b, "b1").await;
    let a2 = ben.answer(&a, "a2").await;
    let a11 = ben.answer(&a1, "a11").await;
    let c = ada.answer(&root, "c").await;
    let reading: Vec<String> = [&root, &a, &a1, &a11, &a2, &b, &b1, &c].into_iter().cloned().collect();
    let parents = [Value::Null, json!(root), json!(a), json!(a1), json!(a), json!(root), json!(b), json!(root)];
    for size in [1, 3, 8, 100] {
        for forward in [true, false] {
            assert_eq!(ids(&all_posts(&world.anonymous(), &thread, size, forward).await), reading, "{size} {forward}");
        }
    }
    let page = posts(&ada, &thread, json!({})).await;
    assert_eq!(page["totalCount"], json!(8));
    assert_eq!(column(&page, "depth"), [0, 1, 2, 3, 2, 1, 2, 1].map(Value::from));
    assert_eq!(column(&page, "ordinal"), [0, 1, 3, 6, 5, 2, 4, 7].map(Value::from));
    let seen: Vec<_> = nodes(&page).iter().map(|post| post["parent"]["id"].clone()).collect();
    assert_eq!(seen, parents);
    assert_eq!(page["pageInfo"]["hasNextPage"], json!(false));
    // The middle, from either side.
    let cursor = |at: usize| page["edges"][at]["cursor"].clone();
    let middle = posts(&ada, &thread, json!({ "first": 2, "after": cursor(2) })).await;
    assert_eq!(ids(&nodes(&middle)), reading[3..5]);
    assert_eq!(middle["pageInfo"]["hasNextPage"], json!(true));
    assert_eq!(middle["pageInfo"]["startCursor"], cursor(3));
    let middle = posts(&ada, &thread, json!({ "last": 2, "before": cursor(5) })).await;
    assert_eq!((ids(&nodes(&middle)), &middle["pageInfo"]["hasPreviousPage"]), (reading[3..5].to_vec(), &json!(true)));
    let between = posts(&ada, &thread, json!({ "first": 10, "after": cursor(1), "before": cursor(4) })).await;
    assert_eq!(ids(&nodes(&between)), reading[2..4]);
    let none = posts(&ada, &thread, json!({ "first": 0 })).await;
    assert_eq!((&none["edges"], &none["totalCount"], &none["pageInfo"]["endCursor"]), (&json!([]), &json!(8), &Value::Null));

    // One level, by pages, of several posts at once.
    let replies = "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { post(id: $id) {
        replies(first: $first, after: $after, last: $last, before: $before) { totalCount
          pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { id replies(first: 1) { totalCount
            pageInfo { hasNextPage } edges { node { id } } } } } } } }";
    let level = read(&ben, replies, json!({ "id": root, "first": 2 })).await["post"]["replies"].clone();
    assert_eq!((ids(&nodes(&level)), &level["totalCount"]), (vec![a.clone(), b.clone()], &json!(3)));
    let below = nodes(&level);
    assert_eq!((ids(&nodes(&below[0]["replies"])), ids(&nodes(&below[1]["replies"]))), (vec![a1.clone()], vec![b1]));
    assert_eq!(below[0]["replies"]["pageInfo"]["hasNextPage"], json!(true));
    assert_eq!((&below[0]["replies"]["totalCount"], &below[1]["replies"]["totalCount"]), (&json!(2), &json!(1)));
    let rest = json!({ "id": root, "first": 2, "after": level["pageInfo"]["endCursor"] });
    let rest = read(&ben, replies, rest).await["post"]["replies"].clone();
    assert_eq!((ids(&nodes(&rest)), &rest["pageInfo"]["hasNextPage"]), (vec![c.clone()], &json!(false)));
    let end = read(&ben, replies, json!({ "id": root, "last": 2 })).await["post"]["replies"].clone();
    assert_eq!((ids(&nodes(&end)), &end["pageInfo"]["hasPreviousPage"]), (vec![b, c], &json!(true)));
    let wrong = ben.run(POSTS, json!({ "id": thread, "first": 1, "last": 1 })).await;
    assert_eq!((wrong.code(), &wrong.errors[0]["extensions"]["fields"]), ("INVALID".into(), &json!(["first"])));
    assert_eq!(ben.run(POSTS, json!({ "id": thread, "first": 101 })).await.code(), "INVALID");
}

async fn a_chain_of_150_answers_keeps_its_depths_and_its_order(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "DISCUSSION", "Une très longue conversation", "Premier").await;
    let mut chain = vec![root];
    for n in 1..=150 {
        chain.push(ada.answer(&chain[n - 1], &format!("Réponse {n}")).await);
    }
    // A late answer high up comes after the whole chain below it; one deep down stands at the end of the deep ones.
    let late = ada.answer(&chain[10], "Tard").await;
    let deep = ada.answer(&chain[100], "Profond").await;
    let forward = all_posts(&world.anonymous(), &thread, 40, true).await;
    let mut reading = chain.clone();
    reading.extend([deep, late]);
    assert_eq!(ids(&forward), reading);
    assert_eq!(ids(&all_posts(&world.anonymous(), &thread, 37, false).await), reading);
    for (n, post) in forward[..151].iter().enumerate() {
        let parent = n.checked_sub(1).map_or(Value::Null, |above| json!({ "id": chain[above] }));
        assert_eq!((&post["depth"], &post["ordinal"], &post["parent"]), (&json!(n), &json!(n), &parent));
    }
    assert_eq!((&forward[151]["depth"], &forward[151]["parent"]["id"]), (&json!(101), &json!(chain[100])));
    assert_eq!((&forward[152]["depth"], &forward[152]["parent"]["id"]), (&json!(11), &json!(chain[10])));
}

async fn twenty_answers_at_once_are_all_there(world: &World) {
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = ada.open_thread(&forum, "QUESTION", "Qui répond le premier ?", "Vite !").await;
    let first = ada.answer(&root, "Moi").await;
    let answers = (0..20).map(|n| {
        let (ada, parent) = (ada.clone(), if n % 2 == 0 { root.clone() } else { first.clone() });
        async move { ada.answer(&parent, &format!("Réponse {n}")).await }
    });
    let mut written = futures_util::future::join_all(answers).await;
    let found = all_posts(&ada, &thread, 7, true).await;
    let mut ordinals: Vec<_> = found.iter().map(|post| post["ordinal"].as_i64().unwrap()).collect();
    ordinals.sort_unstable();
    assert_eq!(ordinals, (0..22).collect::<Vec<_>>());
    written.extend([root, first.clone()]);
    written.sort_unstable();
    let mut seen = ids(&found);
    seen.sort_unstable();
    assert_eq!(seen, written);
    let data = read(&ada, POSTS, json!({ "id": thread })).await;
    assert_eq!((&data["thread"]["postCount"], &data["thread"]["posts"]["totalCount"]), (&json!(22), &json!(22)));
    // Deleted all at once, by pairs of the same: each is deleted once.
    let doomed: Vec<_> = found.iter().filter(|post| post["parent"]["id"] == json!(first)).map(|post| text(&post["id"])).collect();
    let deletes = doomed.iter().chain(&doomed).map(|post| ada.mutate("deletePost", json!({ "postId": post }), ""));
    let replies = futures_util::future::join_all(deletes).await;
    let done = replies.iter().filter(|reply| reply.data["deletePost"]["problems"] == json!([])).count();
    assert_eq!((done, replies.len()), (10, 20));
    let data = read(&ada, POSTS, json!({ "id": thread })).await;
    assert_eq!((&data["thread"]["postCount"], &data["thread"]["posts"]["totalCount"]), (&json!(12), &json!(22)));
    world.events().await;
}

async fn threads_are_listed_by_order_and_state(world: &World) {
    let (ada, ben) = (world.member("ada").await, world.member("ben").await);
    let forum = world.forum("plateforme", "questions").await;
    let mut threads = Vec::new();
    for (who, kind, title) in [
        (&ada, "QUESTION", "Une question résolue"),
        (&ben, "QUESTION", "Une question ouverte"),
        (&ada, "DISCUSSION", "Une discussion suivie"),
        (&ben, "QUESTION", "Une question seule"),
    ] {
        threads.push(who.open_thread(&forum, kind, title, "Texte").await);
        world.advance(TimeDelta::seconds(10));
    }
    let [solved, open, talk, alone] = [0, 1, 2, 3].map(|n| json!(threads[n].0));
    for n in [2, 1] {
        ada.answer(&threads[n].1, "Réponse").await;
        world.advance(TimeDelta::seconds(10));
    }
    let answer = ben.answer(&threads[0].1, "Réponse").await;
    ada.mutate("acceptAnswer", json!({ "postId": answer }), "").await.done("acceptAnswer");
    let list = |who: &Client, arguments: &str| {
        let (who, query) = (
            who.clone(),
            format!(
                "query($f: ID!) {{ threads(forum: $f{arguments}) {{ totalCount edges {{ node {{ id }} }} }}
            forum(id: $f) {{ threads(first: 20{arguments}) {{ totalCount edges {{ node {{ id }} }} }} }} }}"
            ),
        );
        let variables = json!({ "f": forum });
        async move {
            let data = read(&who, &query, variables).await;
            let found = column(&data["threads"], "id");
            assert_eq!(column(&data["forum"]["threads"], "id"), found, "a forum's own list");
            assert_eq!(data["threads"]["totalCount"], json!(found.len()));
            found
        }
    };
    let by_activity = [&solved, &open, &talk, &alone].map(Value::clone);
    assert_eq!(list(&ada, "").await, by_activity);
    assert_eq!(list(&ada, ", orderBy: ACTIVITE").await, by_activity);
    assert_eq!(list(&ada, ", orderBy: DATE").await, [&alone, &talk, &open, &solved].map(Value::clone));
    assert_eq!(list(&ada, ", filter: SANS_REPONSE").await, std::slice::from_ref(&alone));
    assert_eq!(list(&ada, ", filter: RESOLUS").await, std::slice::from_ref(&solved));
    assert_eq!(list(&ada, ", filter: OUVERTS").await, [open.clone(), alone.clone()]);
    assert_eq!(list(&ada, ", filter: MIENS").await, [solved.clone(), talk.clone()]);
    assert_eq!(list(&ben, ", filter: MIENS, kind: QUESTION, orderBy: DATE").await, [alone.clone(), open.clone()]);
    assert_eq!(list(&ben, ", kind: DISCUSSION").await, std::slice::from_ref(&talk));
    assert_eq!(list(&ben, ", kind: ACTUALITE").await, Vec::<Value>::new());
    // By pages, both ways, in either order.
    let query = "query($o: ThreadOrder!, $first: Int, $after: String, $last: Int, $before: String) {
        threads(orderBy: $o, first: $first, after: $after, last: $last, before: $before) {
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { id } } } }";
    for (order, expected) in [("ACTIVITE", by_activity), ("DATE", [alone, talk, open, solved])] {
        let first = read(&ada, query, json!({ "o": order, "first": 3 })).await["threads"].clone();
        assert_eq!((column(&first, "id"), &first["pageInfo"]["hasNextPage"]), (expected[..3].to_vec(), &json!(true)));
        let after = json!({ "o": order, "first": 3, "after": first["pageInfo"]["endCursor"] });
        let rest = read(&ada, query, after).await["threads"].clone();
        assert_eq!((column(&rest, "id"), &rest["pageInfo"]["hasNextPage"]), (expected[3..].to_vec(), &json!(false)));
        let before = json!({ "o": order, "last": 2, "before": rest["pageInfo"]["startCursor"] });
        let back = read(&ada, query, before).await["threads"].clone();
        assert_eq!((column(&back, "id"), &back["pageInfo"]["hasPreviousPage"]), (expected[1..3].to_vec(), &json!(true)));
    }
    let unknown = json!({ "f": format!("for_{:032x}", 1) });
    let nothing = read(&ada, "query($f: ID!) { threads(forum: $f) { totalCount } }", unknown).await;
    assert_eq!(nothing["threads"]["totalCount"], json!(0));
}

async fn forged_cursors_are_refused(world: &World) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let ada = world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, _) = ada.open_thread(&forum, "QUESTION", "Un titre sensé", "Texte").await;
    let threads = "query($c: String) { threads(after: $c) { edges { cursor } } }";
    let members = "query($c: String) { members(after: $c) { edges { cursor } } }";
    let units = "query($c: String) { organisations(before: $c) { edges { cursor } } }";
    let own = read(&ada, threads, json!({})).await["threads"]["edges"][0]["cursor"].clone();
    for cursor in [json!(""), json!("é"), json!("a\0"), json!("AAAA"), json!("p"), json!(thread)] {
        assert_eq!(ada.run(threads, json!({ "c": cursor })).await.code(), "INVALID", "{cursor}");
    }
    assert_eq!(ada.run(POSTS, json!({ "id": thread, "after": own })).await.code(), "INVALID");
    // Well made, and of no place there is: an empty page, a full one or a refusal; never a fault of ours.
    let time = |micros: i64| URL_SAFE_NO_PAD.encode([&micros.to_be_bytes()[..], &[0; 16]].concat());
    let name = |name: &[u8]| URL_SAFE_NO_PAD.encode([&[0; 16], name].concat());
    let mut asked: Vec<_> = [i64::MIN, i64::MAX, -8_000_000_000_000_000_000, 8_000_000_000_000_000_000, 0]
        .map(|micros| (threads, time(micros)))
        .into();
    asked.extend([&b"\0"[..], b"a\0b", b"\xff", b""].map(|bytes| (members, name(bytes))));
    asked.extend([&b"\0"[..], b"zzz"].map(|bytes| (units, name(bytes))));
    for (query, cursor) in asked {
        let reply = ada.run(query, json!({ "c": cursor })).await;
        assert!(reply.errors.is_empty() || reply.code() == "INVALID", "{query} {cursor}: {}", reply.text);
    }
    for query in [
        "query($s: String!) { member(handle: $s) { id } }",
        "query($s: String!) { organisation(slug: $s) { id } }",
        "query($s: String!) { space(slug: $s) { id } }",
    ] {
        let reply = ada.run(query, json!({ "s": "a\0b" })).await;
        assert!(reply.errors.is_empty() || reply.code() == "INVALID", "{query}: {}", reply.text);
    }
}
