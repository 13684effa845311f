//! What a viewer does not see leaves no trace: not in a list, a count, a mention, a parent, nor in how an id is refused.

use harness::{Client, World};
use serde_json::{Value, json};

use super::cast::{Cast, Target, targets};
use super::table::{self, Table, VIEWERS};
use crate::steps::read;

/// Everything that leads to forums and threads.
const PLACES: &str = "{ spaces { forums { id name threadCount pinnedThreads { id title } } }
    plateforme: space(slug: \"plateforme\") { forums { id name threadCount
        threads { totalCount edges { node { id title postCount } } } latest: threads(last: 100) { edges { node { id } } } } }
    threads { totalCount edges { node { id title forum { id name } } } } dated: threads(orderBy: DATE) { edges { node { id } } }
    solved: threads(filter: RESOLUS) { totalCount edges { node { id } } }
    waiting: threads(filter: SANS_REPONSE) { totalCount edges { node { id } } } }";

/// Everything that leads to trainings.
const TRAININGS: &str = "{ trainings { totalCount edges { node { id title mergedInto { id } } } }
    publicationCalendar { totalCount edges { node { training { id title } } } } calendarMonths { month published planned }
    calendarChanges(since: \"2026-01-01T00:00:00Z\") { totalCount edges { node { training { id title } } } }
    sessions: trainings(first: 10) { edges { node { sessions(first: 5) { totalCount edges { node { id } } } } } }
    changed: trainings(orderBy: MODIFICATION) { edges { node { id } } } published: trainings(orderBy: PUBLICATION) { edges { node { id } } }
    collections { trainings(first: 5) { totalCount edges { node { id title } } } }
    organisations { edges { node { trainings(first: 5) { totalCount edges { node { id title } } } } } } }";

/// Everything that leads from threads to trainings and back, and to malfunction reports.
const LINKS: &str = "{ threads(first: 20) { edges { node { trainings { id title } documents { id title }
        links { training { id } document { id } } remarksOn { id } systemEvents { totalCount edges { node { training { id title } document { id } } } } report { id duplicateOf { id } } } } }
    trainings(first: 10) { edges { node { threads(first: 10) { totalCount edges { node { id title } } } threadCounts { count } } } }
    reports(first: 10) { totalCount edges { node { id thread { id title } reporters(first: 5) { totalCount edges { node { id } } } duplicates(first: 5) { totalCount edges { node { id } } } } } }
    unansweredThreads { totalCount edges { node { id title } } } }";

/// Everything below them.
const POSTS: &str = "{ threads(first: 7) { edges { node { acceptedAnswer { ...P } openingPost { ...P }
        posts(first: 7) { edges { node { ...P parent { ...P } replies(first: 2) { totalCount edges { node { ...P } } } } } } } } } }
    fragment P on Post { id body html excerpt hiddenReason author { id } mentions { id } mentionsModerators mentionedOrganisations { id } attachments { id name } document { id title }
        revisions(first: 2) { edges { node { body attachments { id name } } } } }";

/// Everything that leads to documents.
const LIBRARY: &str = "{ documents(first: 100) { totalCount edges { node { ...D } } } dated: documents(first: 100, orderBy: DATE) { edges { node { id } } }
        tagged: documents(tag: \"matrice\") { totalCount edges { node { id } } }
        archived: documents(filter: ARCHIVES) { totalCount edges { node { ...D } } } }
    fragment D on Document { id title summary tags url latest { link file { id name url } } versions(first: 3) { edges { node { file { id name } } } }
        ownerMember { id } ownerOrganisation { id } category { name } audience { kind } remarks { id title } sourcePost { id }
        threads(first: 3) { totalCount edges { node { id title } } } threadCounts { count } }";

/// Everything that finds.
const SEARCH: &str = "{ search(query: \"\", first: 100) { ...S } fils: search(query: \"thread\", first: 100) { ...S }
        formations: search(query: \"training\", first: 100) { ...S } documents: search(query: \"document\", first: 100) { ...S }
        messages: search(query: \"post\", first: 100, orderBy: DATE) { ...S }
        threads(first: 20) { edges { node { related { ... on ThreadHit { thread { id } title { text } } ... on TrainingHit { training { id } }
            ... on DocumentHit { document { id } } } } } }
        suggest(prefix: \"thr\", first: 20) { hits { title { text } node { id } } tags }
        similarThreads(title: \"Le fil thread-restricted\", body: \"post-restricted\", first: 20) { thread { id } title { text } excerpt { text } } }
    fragment S on SearchConnection { totalCount facets { values { value node { id } } } edges { node {
        ... on ThreadHit { thread { id } post { id body } title { text } excerpt { html } }
        ... on TrainingHit { training { id } title { text } excerpt { text } }
        ... on DocumentHit { document { id } title { text } excerpt { text } } } } }";

/// Everything that leads to people and organisations.
const PEOPLE: &str = "{ viewer { ...M } member(handle: \"membre\") { ...M } author: member(handle: \"autrice\") { ...M }
        candidate: member(handle: \"candidate\") { ...M } external: member(handle: \"externe\") { ...M }
        suspended: member(handle: \"suspendue\") { ...M }
        organisations(first: 3) { edges { node { id ...O units(first: 3) { edges { node { id ...O } } } } } } }
    fragment O on Organisation { affiliationRequests { edges { node { id member { id } } } } }
    fragment M on Member { follows { totalCount edges { node { forum { id name } thread { id title } training { id title } } } }
        unreadNotificationCount notifications(first: 100) { totalCount edges { node { id sentence thread { id title }
            post { id body excerpt } training { id title } actors { id } } } } id organisation { id } roles { edges { node { id } } } all: roles(history: true) { edges { node { id } } }
        affiliations { edges { node { id } } } sessions { edges { node { id } } } accessTokens { edges { node { id } } } }";

pub(super) async fn what_is_invisible_leaves_no_trace(world: &World) {
    let expected = table::fields();
    let cast = Cast::gather(world).await;
    let targets = targets(&cast).await;
    for (column, (who, client)) in cast.viewers().enumerate() {
        let mut seen = String::new();
        for query in [PLACES, POSTS, LIBRARY, PEOPLE, TRAININGS, LINKS, SEARCH] {
            let data = read(client, query, json!({})).await;
            seen.push_str(&data.to_string());
            if query == PLACES {
                counts_are_of_what_is_listed(&data);
            }
        }
        for target in &targets {
            let Some(id) = &target.id else { continue };
            let cell = |key: &str| cell(&expected, key, target, column);
            if cell(target.kind) == "-" {
                assert!(!seen.contains(id.as_str()), "{who}: the id of {} {}", target.kind, target.name);
                refused_as_unknown(client, who, id).await;
            }
            let (text, readable) = match target.kind {
                "Thread" => (format!("thread-{}", target.name), cell("Thread") == "seen"),
                "Post" => (format!("post-{}", target.name), cell("Post.body") == "seen"),
                "File" if target.name != "sent" => (format!("file-{}.txt", target.name), cell("File") == "seen"),
                "Document" if target.name != "waiting" => (format!("document-{}", target.name), cell("Document") == "seen"),
                "Training" => (format!("training-{}", target.name), cell("Training") == "seen"),
                "Forum" => (format!("forum-{}", target.name), cell("Forum") == "seen"),
                _ => continue,
            };
            let told = seen.contains(&text) && !longer_is_meant(&seen, &text);
            assert!(readable || !told, "{who}: {text}");
            // What is in sight is found, or the search would prove nothing; what is withdrawn stands in no list.
            let listed = !target.name.contains("withdrawn") && (target.kind != "Forum" || target.name == "restricted");
            assert!(told || !readable || !listed, "{who}: nothing of {text}");
        }
    }
}

/// The cell of a row of the table.
fn cell<'t>(expected: &'t Table, key: &str, target: &Target, column: usize) -> &'t str {
    assert!(column < VIEWERS.len());
    &expected[key].rows[target.name][column]
}

/// Whether `text` only stands there as the beginning of another target's.
fn longer_is_meant(seen: &str, text: &str) -> bool {
    seen.split(text).skip(1).all(|after| after.starts_with('-'))
}

fn counts_are_of_what_is_listed(data: &Value) {
    for forum in data["plateforme"]["forums"].as_array().expect("forums") {
        let listed = forum["threads"]["edges"].as_array().map_or(0, Vec::len);
        assert_eq!((&forum["threadCount"], &forum["threads"]["totalCount"]), (&json!(listed), &json!(listed)), "{forum}");
    }
    for list in ["threads", "solved", "waiting"] {
        let listed = data[list]["edges"].as_array().map_or(0, Vec::len);
        assert_eq!(data[list]["totalCount"], json!(listed), "{list}");
    }
}

/// Every way to ask for an id answers for one that is out of sight as for one that nothing has, byte for byte.
async fn refused_as_unknown(client: &Client, who: &str, id: &str) {
    let prefix = &id[..3];
    let unknown = format!("{prefix}_{:032x}", 7);
    let list = "{ totalCount edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }";
    let mut queries = vec!["node(id: $i) { __typename id } nodes(ids: [$i, $i]) { id }".to_owned()];
    queries.extend(match prefix {
        "thr" => vec!["thread(id: $i) { id }".to_owned()],
        "tra" => vec!["training(id: $i) { id mergedInto { id } }".to_owned()],
        "tse" => vec!["trainingSession(id: $i) { id training { id } }".to_owned()],
        "rep" => vec!["report(id: $i) { id thread { id } }".to_owned()],
        "pos" => vec!["post(id: $i) { id }".to_owned()],
        "doc" => vec!["document(id: $i) { id }".to_owned()],
        "for" => [
            "forum(id: $i) { id }".to_owned(),
            format!("threads(forum: $i) {list}"),
            format!("threads(forum: $i, kind: QUESTION, orderBy: DATE, last: 5) {list}"),
            format!("threads(forum: $i, filter: RESOLUS) {list}"),
            format!("threads(forum: $i, filter: MASQUES) {list}"),
            format!("threads(forum: $i, filter: MIENS) {list}"),
        ]
        .into(),
        // An id of another kind than the field takes is refused as such, whatever it points at.
        _ => vec!["thread(id: $i) { id }".to_owned(), "forum(id: $i) { id }".to_owned()],
    });
    for query in queries {
        let query = format!("query($i: ID!) {{ {query} }}");
        let seen = client.run(&query, json!({ "i": id })).await;
        let absent = client.run(&query, json!({ "i": unknown })).await;
        assert_eq!((seen.status, seen.text), (absent.status, absent.text), "{who}: {query} of {id}");
    }
}
