//! Steps that several stories take.

use harness::{Client, World};
use serde_json::{Value, json};

/// The data of a read that has no error.
pub(crate) async fn read(client: &Client, query: &str, variables: Value) -> Value {
    let reply = client.run(query, variables).await;
    assert!(reply.errors.is_empty(), "{query}: {}", reply.text);
    reply.data
}

/// The text of an id, or of any string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// The nodes of a connection.
pub(crate) fn nodes(connection: &Value) -> Vec<Value> {
    let edges = connection["edges"].as_array().unwrap_or_else(|| panic!("not a connection: {connection}"));
    edges.iter().map(|edge| edge["node"].clone()).collect()
}

/// One field of each node of a connection.
pub(crate) fn column(connection: &Value, field: &str) -> Vec<Value> {
    nodes(connection).iter().map(|node| node[field].clone()).collect()
}

pub(crate) async fn space(world: &World, slug: &str) -> String {
    let data = read(world.administrator(), "query($s: String!) { space(slug: $s) { id } }", json!({ "s": slug })).await;
    text(&data["space"]["id"])
}

/// Gives a role; `of` says where: `{"organisationId": …}`, `{"spaceId": …}` or nothing.
pub(crate) async fn grant(world: &World, member: &Client, role: &str, of: Value) -> String {
    let mut input = of;
    input["memberId"] = json!(member.id().await);
    input["role"] = json!(role);
    let reply = world.administrator().mutate("grantRole", input, "roleGrant { id }").await;
    text(&reply.done("grantRole")["roleGrant"]["id"])
}

/// A new member who moderates that space, or all of them.
pub(crate) async fn moderator(world: &World, handle: &str, of: Option<&str>) -> Client {
    let member = world.member(handle).await;
    let of = match of {
        Some(slug) => json!({ "spaceId": space(world, slug).await }),
        None => json!({}),
    };
    grant(world, &member, "MODERATEUR", of).await;
    member
}

/// A new organisation, or a unit of `parent`.
pub(crate) async fn organisation(world: &World, name: &str, parent: Option<&str>) -> String {
    let kind = parent.is_none().then_some("MINISTERE");
    let input = json!({ "name": name, "shortName": name, "kind": kind, "parentId": parent });
    let reply = world.administrator().mutate("createOrganisation", input, "organisation { id }").await;
    text(&reply.done("createOrganisation")["organisation"]["id"])
}

/// A new member of that organisation.
pub(crate) async fn colleague(world: &World, handle: &str, organisation: &str) -> Client {
    let member = world.member(handle).await;
    let input = json!({ "organisationId": organisation });
    let reply = member.mutate("requestAffiliation", input, "affiliation { id }").await;
    let affiliation = reply.done("requestAffiliation")["affiliation"]["id"].clone();
    world.mail_to("administration@ciam.test").await;
    let input = json!({ "affiliationId": affiliation, "approve": true });
    world.administrator().mutate("decideAffiliation", input, "affiliation { state }").await.done("decideAffiliation");
    world.mail_to(&format!("{handle}@exemple.test")).await;
    member
}

/// A new forum of a space, as the administrator makes it.
pub(crate) async fn new_forum(world: &World, of: &str, name: &str, audience: Value) -> String {
    let input = json!({
        "spaceId": space(world, of).await, "name": name, "description": "", "kinds": ["QUESTION", "DISCUSSION"],
        "audience": audience, "openingAudience": audience,
    });
    let reply = world.administrator().mutate("createForum", input, "forum { id }").await;
    text(&reply.done("createForum")["forum"]["id"])
}
