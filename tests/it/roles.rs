//! Organisations and their units, roles with dates and history, administrators, suspensions.

use chrono::TimeDelta;
use harness::{Client, Reply, Story, World, stories};
use serde_json::{Value, json};

use crate::steps::{column, read};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        organisations_and_units_are_made_by_those_who_administer,
        the_tree_is_eight_deep_and_every_slug_is_found,
        a_renamed_organisation_keeps_its_address,
        a_role_is_told_with_its_dates_and_its_history,
        a_role_acts_between_its_dates_only,
        an_administrator_of_a_dedicated_space_acts_in_it_and_its_units,
        a_member_counts_where_they_hold_a_role,
        a_role_and_where_it_is_held_go_together,
        the_last_administrator_stays,
        of_two_administrators_who_end_each_other_one_remains,
        of_two_administrators_who_leave_at_once_one_remains,
        the_administrateur_pilote_administers_the_community,
        a_suspended_member_reads_and_does_not_write,
        a_suspension_ends_by_itself,
        who_suspends_and_who_cannot_be,
        a_suspended_administrator_of_a_space_is_not_asked_to_decide,
    ]
}

fn in_days(world: &World, days: i64) -> String {
    (world.app.clock.now() + TimeDelta::days(days)).to_rfc3339()
}

async fn create(client: &Client, kind: Option<&str>, short: &str, parent: Option<&str>) -> Reply {
    let input = json!({ "kind": kind, "name": format!("Organisation {short}"), "shortName": short, "parentId": parent });
    client.mutate("createOrganisation", input, "organisation { id slug kind parent { slug } }").await
}

async fn grant(client: &Client, input: Value) -> Reply {
    let fields = "roleGrant { id role active startsAt endsAt endedAt grantedBy { handle } organisation { slug } space { slug } }";
    client.mutate("grantRole", input, fields).await
}

async fn end(client: &Client, grant: &str) -> Reply {
    client.mutate("endRole", json!({ "roleGrantId": grant }), "roleGrant { active endedAt endedBy { handle } }").await
}

/// The grant by which somebody administers the community.
async fn own_grant(client: &Client) -> String {
    let reply = client.run("{ viewer { roles { edges { node { id } } } } }", json!({})).await;
    reply.data["viewer"]["roles"]["edges"][0]["node"]["id"].as_str().expect("a role").to_owned()
}

/// The roles of `handle` as `client` sees them: null, or `ROLE active`.
async fn roles(client: &Client, handle: &str, history: bool) -> Value {
    let query = "query($h: String!, $all: Boolean!) { member(handle: $h) { roles(history: $all) { totalCount edges { node { role active } } } } }";
    let reply = client.run(query, json!({ "h": handle, "all": history })).await;
    let roles = &reply.data["member"]["roles"];
    let Some(edges) = roles["edges"].as_array() else { return Value::Null };
    assert_eq!(roles["totalCount"], json!(edges.len()));
    edges.iter().map(|edge| json!([edge["node"]["role"], edge["node"]["active"]])).collect()
}

/// Whether somebody administers the community.
async fn administers(client: &Client) -> bool {
    let reply = client.run("{ member(handle: \"administration\") { address } }", json!({})).await;
    reply.data["member"]["address"].is_string()
}

async fn organisations_and_units_are_made_by_those_who_administer(world: &World) {
    let administration = world.administrator();
    let (camille, dominique) = (world.member("camille").await, world.member("dominique").await);
    assert_eq!(create(&world.anonymous(), Some("MINISTERE"), "Culture", None).await.code(), "UNAUTHENTICATED");
    assert_eq!(create(&camille, Some("MINISTERE"), "Culture", None).await.code(), "FORBIDDEN");
    assert_eq!(create(administration, None, "Culture", None).await.problems("createOrganisation"), ["kind: OBLIGATOIRE"]);
    let done = create(administration, Some("PFRH"), "Préfecture « Île-de-France »", None).await.done("createOrganisation");
    let pfrh = done["organisation"]["id"].as_str().unwrap().to_owned();
    assert_eq!(done["organisation"]["slug"], "prefecture-ile-de-france");
    for taken in ["prefecture ile de france", "PRÉFECTURE-ÎLE-DE-FRANCE"] {
        assert_eq!(
            create(administration, Some("MINISTERE"), taken, None).await.problems("createOrganisation"),
            ["shortName: DEJA_PRIS"]
        );
    }
    assert_eq!(create(administration, Some("PFRH"), "« … »", None).await.problems("createOrganisation"), ["shortName: MALFORME"]);
    let both = create(administration, Some("MINISTERE"), "X", Some(&pfrh)).await;
    assert_eq!(both.problems("createOrganisation"), ["shortName: TROP_COURT", "kind: REFUSE"]);
    let other = create(administration, Some("MINISTERE"), "Culture", None).await.done("createOrganisation");
    let culture = other["organisation"]["id"].as_str().unwrap().to_owned();

    administration.grant(&dominique.id().await, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&pfrh)).await;
    let unit = create(&dominique, None, "Bureau", Some(&pfrh)).await.done("createOrganisation")["organisation"].clone();
    let expected = ("prefecture-ile-de-france-bureau", "PFRH", "prefecture-ile-de-france");
    assert_eq!(
        (unit["slug"].as_str().unwrap(), unit["kind"].as_str().unwrap(), unit["parent"]["slug"].as_str().unwrap()),
        expected
    );
    let below = unit["id"].as_str().unwrap();
    create(&dominique, Some("PFRH"), "Pôle", Some(below)).await.done("createOrganisation");
    assert_eq!(create(&dominique, None, "Bureau", Some(&culture)).await.code(), "FORBIDDEN");
    assert_eq!(create(&dominique, Some("PFRH"), "Autre", None).await.code(), "FORBIDDEN");
    create(administration, None, "Bureau", Some(&culture)).await.done("createOrganisation");
    let unknown = culture.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(
        create(administration, None, "Bureau", Some(&unknown)).await.problems("createOrganisation"),
        ["parentId: INCONNU"]
    );
    assert_eq!(
        create(administration, None, "Bureau", Some("mem_0")).await.problems("createOrganisation"),
        ["parentId: MALFORME"]
    );
    // Anyone sees the tree: one chooses in it when joining.
    let query = "{ organisations { totalCount edges { node { slug units { totalCount edges { node { slug units { totalCount } } } } } } } }";
    let tree = world.anonymous().run(query, json!({})).await;
    assert_eq!(tree.data["organisations"]["totalCount"], 2, "{}", tree.text);
    let edges = &tree.data["organisations"]["edges"];
    assert_eq!((&edges[0]["node"]["slug"], &edges[0]["node"]["units"]["totalCount"]), (&json!("culture"), &json!(1)));
    assert_eq!(edges[1]["node"]["units"]["edges"][0]["node"]["units"]["totalCount"], 1);
}

async fn the_tree_is_eight_deep_and_every_slug_is_found(world: &World) {
    let administration = world.administrator();
    let (mut parent, mut slugs): (Option<String>, Vec<String>) = (None, Vec::new());
    for level in 1..=8 {
        let kind = parent.is_none().then_some("MINISTERE");
        let short = format!("Sous-direction de la formation {level}");
        let done = create(administration, kind, &short, parent.as_deref()).await.done("createOrganisation");
        parent = done["organisation"]["id"].as_str().map(str::to_owned);
        slugs.push(done["organisation"]["slug"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        create(administration, None, "Neuf", parent.as_deref()).await.problems("createOrganisation"),
        ["parentId: COMPLET"]
    );
    let query = "query($s: String!) { organisation(slug: $s) { slug } }";
    for slug in &slugs {
        assert_eq!(world.anonymous().run(query, json!({ "s": slug })).await.data["organisation"]["slug"], json!(slug));
    }
    for nothing in ["", "inconnue", "a\0b", "Culture", "é", &"x".repeat(5000)] {
        let reply = world.anonymous().run(query, json!({ "s": nothing })).await;
        assert_eq!((reply.errors.len(), &reply.data["organisation"]), (0, &Value::Null), "{nothing:?} {}", reply.text);
    }
}

async fn a_renamed_organisation_keeps_its_address(world: &World) {
    let administration = world.administrator();
    let culture = administration.make_organisation("Culture", None).await;
    let bureau = administration.make_organisation("Bureau", Some(&culture)).await;
    let (camille, dominique) = (world.member("camille").await, world.member("dominique").await);
    administration.grant(&dominique.id().await, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&bureau)).await;
    let rename = async |client: &Client, id: &str, name: Value| {
        let input = json!({ "organisationId": id, "name": name });
        client.mutate("updateOrganisation", input, "organisation { slug name shortName }").await
    };
    assert_eq!(rename(&camille, &bureau, json!("Autre nom")).await.code(), "FORBIDDEN");
    assert_eq!(rename(&dominique, &culture, json!("Autre nom")).await.code(), "FORBIDDEN", "the unit's, not the ministry's");
    let done = rename(&dominique, &bureau, json!("  Bureau de la   lecture ")).await.done("updateOrganisation");
    let expected = json!({ "slug": "culture-bureau", "name": "Bureau de la lecture", "shortName": "Bureau" });
    assert_eq!(done["organisation"], expected);
    assert_eq!(rename(&dominique, &bureau, Value::Null).await.done("updateOrganisation")["organisation"], expected);
    assert_eq!(rename(&dominique, &bureau, json!("x")).await.problems("updateOrganisation"), ["name: TROP_COURT"]);
    let unknown = culture.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(rename(administration, &unknown, json!("Autre nom")).await.code(), "NOT_FOUND");
}

async fn a_role_is_told_with_its_dates_and_its_history(world: &World) {
    let administration = world.administrator();
    let culture = administration.make_organisation("Culture", None).await;
    let (camille, bruno) = (world.member("camille").await, world.member("bruno").await);
    let member = camille.id().await;
    let input = json!({ "memberId": member, "role": "CONCEPTEUR", "organisationId": culture, "endsAt": in_days(world, 10) });
    let given = grant(administration, input).await.done("grantRole")["roleGrant"].clone();
    assert_eq!((&given["role"], &given["active"], &given["endedAt"]), (&json!("CONCEPTEUR"), &json!(true), &Value::Null));
    assert_eq!((&given["grantedBy"]["handle"], &given["organisation"]["slug"]), (&json!("administration"), &json!("culture")));
    let id = given["id"].as_str().unwrap();
    let later = json!({ "memberId": member, "role": "FORMATEUR", "organisationId": culture, "startsAt": in_days(world, 2), "endsAt": in_days(world, 3) });
    let later = grant(administration, later).await.done("grantRole")["roleGrant"].clone();
    assert_eq!(later["active"], false);
    // Everyone signed in sees what is held today; only the member and those who administer see the rest.
    assert_eq!(roles(&bruno, "camille", false).await, json!([["CONCEPTEUR", true]]));
    assert_eq!(roles(&world.anonymous(), "camille", false).await, Value::Null);
    for history in [roles(&bruno, "camille", true).await, roles(&world.anonymous(), "camille", true).await] {
        assert_eq!(history, Value::Null);
    }
    for client in [&camille, administration] {
        assert_eq!(roles(client, "camille", true).await, json!([["CONCEPTEUR", true], ["FORMATEUR", false]]));
    }
    assert_eq!(end(&bruno, id).await.code(), "FORBIDDEN");
    let ended = end(&camille, id).await.done("endRole")["roleGrant"].clone();
    assert_eq!((&ended["active"], &ended["endedBy"]["handle"]), (&json!(false), &json!("camille")), "one may lay a role down");
    assert!(ended["endedAt"].is_string());
    for client in [&camille, administration] {
        assert_eq!(end(client, id).await.problems("endRole"), ["roleGrantId: REFUSE"]);
    }
    // To whoever does not see it, it is as unknown as one that nobody holds; a token that may not end roles is told nothing.
    let unknown = format!("rol_{:032x}", 7);
    let input = json!({ "name": "essai", "scopes": ["LIRE"], "expiresInDays": 7 });
    let secret = bruno.mutate("createAccessToken", input, "secret").await.done("createAccessToken")["secret"].clone();
    let token = bruno.with_bearer(secret.as_str().unwrap());
    for grant in [id, later["id"].as_str().unwrap(), &unknown] {
        assert_eq!(end(&bruno, grant).await.code(), "NOT_FOUND");
        assert_eq!(end(&token, grant).await.code(), "FORBIDDEN");
    }
    assert_eq!(roles(&bruno, "camille", false).await, json!([]));
    assert_eq!(roles(administration, "camille", true).await, json!([["CONCEPTEUR", false], ["FORMATEUR", false]]));
    let node = "query($i: ID!) { node(id: $i) { id } }";
    for (client, seen) in [(&bruno, false), (&world.anonymous(), false), (&camille, true), (administration, true)] {
        assert_eq!(client.run(node, json!({ "i": id })).await.data["node"].is_object(), seen);
    }
    world.advance(TimeDelta::hours(50));
    world.run_jobs().await;
    assert_eq!(roles(&bruno, "camille", false).await, json!([["FORMATEUR", true]]));
    world.advance(TimeDelta::days(1));
    world.run_jobs().await;
    assert_eq!(roles(&bruno, "camille", false).await, json!([]));
    let past = later["id"].as_str().unwrap();
    assert_eq!(end(administration, past).await.problems("endRole"), ["roleGrantId: REFUSE"]);
    // What has ended may be given again.
    administration.grant(&member, "FORMATEUR", Some(&culture)).await;
}

async fn a_role_acts_between_its_dates_only(world: &World) {
    let administration = world.administrator();
    let culture = administration.make_organisation("Culture", None).await;
    let dominique = world.member("dominique").await;
    // Finer than what the databases keep, and than what a cursor says.
    let start = (world.app.clock.now() + TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%S.1234567Z").to_string();
    let input = json!({ "memberId": dominique.id().await, "role": "ADMINISTRATEUR_ESPACE_DEDIE", "organisationId": culture,
        "startsAt": start, "endsAt": in_days(world, 3) });
    grant(administration, input).await.done("grantRole");
    let query =
        "query($id: ID!, $after: String) { node(id: $id) { ... on Member { roles(history: true, first: 1, after: $after) {
        edges { cursor } pageInfo { hasNextPage } } } } }";
    let page = read(administration, query, json!({ "id": dominique.id().await })).await["node"]["roles"].clone();
    let after = json!({ "id": dominique.id().await, "after": page["edges"][0]["cursor"] });
    assert_eq!(read(administration, query, after).await["node"]["roles"]["edges"], json!([]), "a page that never ends");
    let far = json!({ "memberId": dominique.id().await, "role": "ORGANISATEUR", "startsAt": "9999-12-31T23:59:59-23:59" });
    assert!(grant(administration, far).await.text.contains("RFC 3339"));
    assert_eq!(create(&dominique, None, "Un", Some(&culture)).await.code(), "FORBIDDEN", "not begun");
    world.advance(TimeDelta::hours(25));
    create(&dominique, None, "Un", Some(&culture)).await.done("createOrganisation");
    world.advance(TimeDelta::days(2));
    world.run_jobs().await;
    assert_eq!(create(&dominique, None, "Deux", Some(&culture)).await.code(), "FORBIDDEN", "past");
    // A later term leaves room for one before it, and for none that overlaps.
    let term = |from: i64, to: i64, id: &str| {
        json!({ "memberId": id, "role": "CONCEPTEUR", "organisationId": culture,
        "startsAt": in_days(world, from), "endsAt": in_days(world, to) })
    };
    let id = dominique.id().await;
    grant(administration, term(30, 60, &id)).await.done("grantRole");
    grant(administration, term(1, 29, &id)).await.done("grantRole");
    for overlap in [term(0, 2, &id), term(59, 90, &id), term(0, 100, &id), term(40, 41, &id)] {
        assert_eq!(grant(administration, overlap).await.problems("grantRole"), ["role: DEJA_PRIS"]);
    }
    let again = administration.grant(&dominique.id().await, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&culture)).await;
    create(&dominique, None, "Deux", Some(&culture)).await.done("createOrganisation");
    end(administration, &again).await.done("endRole");
    assert_eq!(create(&dominique, None, "Trois", Some(&culture)).await.code(), "FORBIDDEN", "ended");
}

async fn an_administrator_of_a_dedicated_space_acts_in_it_and_its_units(world: &World) {
    let administration = world.administrator();
    let culture = administration.make_organisation("Culture", None).await;
    let bureau = administration.make_organisation("Bureau", Some(&culture)).await;
    let justice = administration.make_organisation("Justice", None).await;
    let (dominique, external) = (world.member("dominique").await, world.member("externe").await);
    let member = external.id().await;
    administration.grant(&dominique.id().await, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&culture)).await;
    // The grants of somebody of elsewhere are told to whoever gave them, begun or not, and listed where they are held.
    let input = json!({ "memberId": member, "role": "CONCEPTEUR", "organisationId": bureau, "startsAt": in_days(world, 1) });
    let given = grant(&dominique, input).await.done("grantRole")["roleGrant"].clone();
    assert_eq!((&given["active"], &given["organisation"]["slug"]), (&json!(false), &json!("culture-bureau")));
    let query = "query($o: ID!, $h: Boolean!) { node(id: $o) { ... on Organisation {
        roles(history: $h) { totalCount edges { node { role member { handle } } } } } } }";
    let holders = async |who: &Client, organisation: &str, history: bool| {
        read(who, query, json!({ "o": organisation, "h": history })).await["node"]["roles"].clone()
    };
    let (begun, to_come) = ("ADMINISTRATEUR_ESPACE_DEDIE", "CONCEPTEUR");
    for (who, organisation, history, roles) in [
        (&dominique, &culture, false, vec![begun]),
        (&dominique, &culture, true, vec![begun, to_come]),
        (&dominique, &bureau, true, vec![to_come]),
        (&external, &culture, false, vec![begun]),
        (administration, &culture, true, vec![begun, to_come]),
    ] {
        let held = holders(who, organisation, history).await;
        assert_eq!(column(&held, "role"), roles, "{held}");
        assert_eq!(held["totalCount"], json!(roles.len()));
    }
    assert_eq!(holders(&external, &culture, true).await, Value::Null, "the history is not theirs");
    assert_eq!(holders(&dominique, &justice, true).await, Value::Null);
    assert_eq!(holders(&world.anonymous(), &culture, false).await, Value::Null);
    let ended = end(&dominique, given["id"].as_str().unwrap()).await.done("endRole")["roleGrant"].clone();
    assert_eq!(ended["endedBy"]["handle"], "dominique");
    let colleague = dominique.grant(&member, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&bureau)).await;

    let input =
        |role: &str, organisation: Option<&str>| json!({ "memberId": member, "role": role, "organisationId": organisation });
    for (role, organisation) in [
        ("CONCEPTEUR", Some(&*justice)),
        ("ADMINISTRATEUR_ESPACE_DEDIE", Some(&*justice)),
        ("MODERATEUR", None),
        ("ADMINISTRATEUR", None),
        ("ADMINISTRATEUR_PILOTE", None),
        ("EDITEUR", None),
    ] {
        assert_eq!(grant(&dominique, input(role, organisation)).await.code(), "FORBIDDEN", "{role}");
    }
    // Of the unit only: not above it, nor beside.
    assert_eq!(grant(&external, input("CONCEPTEUR", Some(&culture))).await.code(), "FORBIDDEN");
    grant(&external, input("CONCEPTEUR", Some(&bureau))).await.done("grantRole");
    let elsewhere = administration.grant(&member, "FORMATEUR", Some(&justice)).await;
    assert_eq!(end(&dominique, &elsewhere).await.code(), "FORBIDDEN");
    assert_eq!(end(&dominique, &own_grant(administration).await).await.code(), "FORBIDDEN");
    end(&dominique, &colleague).await.done("endRole");
    assert_eq!(grant(&external, input("FORMATEUR", Some(&bureau))).await.code(), "FORBIDDEN");
    // The history of a member is for those who administer their home.
    assert_eq!(roles(&dominique, "externe", true).await, Value::Null);
    let wish = external.mutate("requestAffiliation", json!({ "organisationId": bureau }), "affiliation { id }").await;
    let wish = wish.done("requestAffiliation")["affiliation"]["id"].clone();
    world.mail_to("dominique@exemple.test").await;
    dominique.mutate("decideAffiliation", json!({ "affiliationId": wish, "approve": true }), "").await.done("decideAffiliation");
    world.mail_to("externe@exemple.test").await;
    assert_eq!(roles(&dominique, "externe", true).await.as_array().unwrap().len(), 4);
    assert_eq!(world.anonymous().run("{ viewer { id } }", json!({})).await.data["viewer"], Value::Null);
}

async fn a_member_counts_where_they_hold_a_role(world: &World) {
    let administration = world.administrator();
    let culture = administration.make_organisation("Culture", None).await;
    let bureau = administration.make_organisation("Bureau", Some(&culture)).await;
    let justice = administration.make_organisation("Justice", None).await;
    let space = administration.run("{ space(slug: \"accompagnement\") { id } }", json!({})).await.data["space"]["id"].clone();
    let mut forums = Vec::new();
    for (name, audience) in [
        ("Culture", json!({ "kind": "ORGANISATION", "organisationId": culture })),
        ("Justice", json!({ "kind": "ORGANISATION", "organisationId": justice })),
        ("Concepteurs de la culture", json!({ "kind": "ROLE", "role": "CONCEPTEUR", "organisationId": culture })),
        ("Modérateurs", json!({ "kind": "ROLE", "role": "MODERATEUR" })),
    ] {
        let input = json!({ "spaceId": space, "name": name, "description": "", "kinds": ["QUESTION"], "audience": [audience], "openingAudience": [audience] });
        let done = administration.mutate("createForum", input, "forum { id }").await.done("createForum");
        forums.push(done["forum"]["id"].clone());
    }
    let camille = world.member("camille").await;
    let sees = async || {
        let reply = camille.run("query($i: [ID!]!) { nodes(ids: $i) { id } }", json!({ "i": forums })).await;
        reply.data["nodes"]
            .as_array()
            .unwrap_or_else(|| panic!("{}", reply.text))
            .iter()
            .map(Value::is_object)
            .collect::<Vec<_>>()
    };
    assert_eq!(sees().await, [false; 4]);
    let member = camille.id().await;
    // A role in a unit counts in what stands above it.
    let designs = administration.grant(&member, "CONCEPTEUR", Some(&bureau)).await;
    assert_eq!(sees().await, [true, false, true, false]);
    let trains = administration.grant(&member, "FORMATEUR", Some(&justice)).await;
    assert_eq!(sees().await, [true, true, true, false]);
    end(administration, &designs).await.done("endRole");
    assert_eq!(sees().await, [false, true, false, false]);
    end(administration, &trains).await.done("endRole");
    administration.grant(&member, "FORMATEUR", Some(&culture)).await;
    assert_eq!(sees().await, [true, false, false, false]);
    administration.grant(&member, "MODERATEUR", None).await;
    assert!(sees().await[3]);
}

async fn a_role_and_where_it_is_held_go_together(world: &World) {
    let administration = world.administrator();
    let culture = administration.make_organisation("Culture", None).await;
    let space = administration.run("{ space(slug: \"plateforme\") { id } }", json!({})).await.data["space"]["id"].clone();
    let camille = world.member("camille").await;
    let member = camille.id().await;
    let unknown = |id: &str| id.replace(|c: char| c.is_ascii_digit(), "0");
    for (input, problem) in [
        (json!({ "memberId": member, "role": "CONCEPTEUR" }), "organisationId: OBLIGATOIRE"),
        (json!({ "memberId": member, "role": "MODERATEUR", "organisationId": culture }), "organisationId: REFUSE"),
        (json!({ "memberId": member, "role": "ADMINISTRATEUR_PILOTE", "organisationId": culture }), "organisationId: REFUSE"),
        (json!({ "memberId": member, "role": "EDITEUR", "spaceId": space }), "spaceId: REFUSE"),
        (json!({ "memberId": member, "role": "CONCEPTEUR", "organisationId": unknown(&culture) }), "organisationId: INCONNU"),
        (json!({ "memberId": unknown(&member), "role": "EDITEUR" }), "memberId: INCONNU"),
        (json!({ "memberId": member, "role": "MODERATEUR", "spaceId": unknown(space.as_str().unwrap()) }), "spaceId: INCONNU"),
        (json!({ "memberId": member, "role": "EDITEUR", "endsAt": in_days(world, -1) }), "endsAt: MALFORME"),
        (
            json!({ "memberId": member, "role": "EDITEUR", "startsAt": in_days(world, 2), "endsAt": in_days(world, 1) }),
            "endsAt: MALFORME",
        ),
        (json!({ "memberId": culture, "role": "EDITEUR" }), "memberId: MALFORME"),
    ] {
        assert_eq!(grant(administration, input.clone()).await.problems("grantRole"), [problem], "{input}");
    }
    let moderator = json!({ "memberId": member, "role": "MODERATEUR", "spaceId": space });
    let given = grant(administration, moderator.clone()).await.done("grantRole")["roleGrant"].clone();
    assert_eq!(given["space"]["slug"], "plateforme");
    assert_eq!(grant(administration, moderator).await.problems("grantRole"), ["role: DEJA_PRIS"]);
    grant(administration, json!({ "memberId": member, "role": "MODERATEUR" })).await.done("grantRole");
    let editor = json!({ "memberId": member, "role": "EDITEUR" });
    let (one, two) = tokio::join!(grant(administration, editor.clone()), grant(administration, editor.clone()));
    let (won, lost) = if one.data["grantRole"]["roleGrant"].is_object() { (one, two) } else { (two, one) };
    won.done("grantRole");
    assert_eq!(lost.problems("grantRole"), ["role: DEJA_PRIS"]);
    assert_eq!(grant(&camille, editor.clone()).await.code(), "FORBIDDEN");
    assert_eq!(grant(&world.anonymous(), editor).await.code(), "UNAUTHENTICATED");
    assert_eq!(end(&world.anonymous(), given["id"].as_str().unwrap()).await.code(), "UNAUTHENTICATED");
    assert_eq!(end(administration, &unknown(given["id"].as_str().unwrap())).await.code(), "NOT_FOUND");
}

async fn the_last_administrator_stays(world: &World) {
    let administration = world.administrator();
    let first = own_grant(administration).await;
    let refused = end(administration, &first).await;
    assert_eq!(refused.problems("endRole"), ["roleGrantId: REFUSE"]);
    assert!(refused.text.contains("n'aurait plus d'administrateur"), "{}", refused.text);
    // One who is suspended, or not yet one, is none.
    let bruno = world.member("bruno").await;
    let member = bruno.id().await;
    let suspended = json!({ "memberId": member, "reason": "Essai", "until": in_days(world, 1) });
    administration.mutate("suspendMember", suspended, "").await.done("suspendMember");
    administration.grant(&member, "ADMINISTRATEUR", None).await;
    let later =
        json!({ "memberId": world.member("camille").await.id().await, "role": "ADMINISTRATEUR", "startsAt": in_days(world, 9) });
    grant(administration, later).await.done("grantRole");
    assert_eq!(end(administration, &first).await.problems("endRole"), ["roleGrantId: REFUSE"]);
    // A suspension that is over does not count.
    world.advance(TimeDelta::hours(25));
    world.run_jobs().await;
    let ended = end(administration, &first).await.done("endRole")["roleGrant"].clone();
    assert_eq!(ended["endedBy"]["handle"], "administration");
    assert!(!administers(&world.member("dominique").await).await && administers(&bruno).await);
    assert_eq!(create(administration, Some("PFRH"), "PFRH", None).await.code(), "FORBIDDEN");
    create(&bruno, Some("PFRH"), "PFRH", None).await.done("createOrganisation");
}

async fn of_two_administrators_who_end_each_other_one_remains(world: &World) {
    let (first, second) = (world.administrator(), world.member("bruno").await);
    let (first_id, second_id) = (first.id().await, second.id().await);
    let (mut own, mut theirs) = (own_grant(first).await, first.grant(&second_id, "ADMINISTRATEUR", None).await);
    for _ in 0..6 {
        let (one, two) = tokio::join!(end(first, &theirs), end(&second, &own));
        let first_won = one.errors.is_empty();
        let (won, lost) = if first_won { (one, two) } else { (two, one) };
        won.done("endRole");
        assert_eq!(lost.code(), "FORBIDDEN", "who was ended first ends nobody: {}", lost.text);
        match first_won {
            true => theirs = first.grant(&second_id, "ADMINISTRATEUR", None).await,
            false => own = second.grant(&first_id, "ADMINISTRATEUR", None).await,
        }
    }
}

async fn of_two_administrators_who_leave_at_once_one_remains(world: &World) {
    let (first, second) = (world.administrator(), world.member("bruno").await);
    let (first_id, second_id) = (first.id().await, second.id().await);
    let (mut own, mut theirs) = (own_grant(first).await, first.grant(&second_id, "ADMINISTRATEUR_PILOTE", None).await);
    for _ in 0..6 {
        let (one, two) = tokio::join!(end(first, &own), end(&second, &theirs));
        let first_left = one.data["endRole"]["problems"] == json!([]);
        let (left, stayed) = if first_left { (one, two) } else { (two, one) };
        left.done("endRole");
        assert_eq!(stayed.problems("endRole"), ["roleGrantId: REFUSE"]);
        match first_left {
            true => own = second.grant(&first_id, "ADMINISTRATEUR", None).await,
            false => theirs = first.grant(&second_id, "ADMINISTRATEUR_PILOTE", None).await,
        }
    }
}

async fn the_administrateur_pilote_administers_the_community(world: &World) {
    let administration = world.administrator();
    let pilote = world.member("pilote").await;
    assert!(!administers(&pilote).await);
    let role = administration.grant(&pilote.id().await, "ADMINISTRATEUR_PILOTE", None).await;
    assert!(administers(&pilote).await);
    let culture = pilote.make_organisation("Culture", None).await;
    let camille = world.member("camille").await;
    pilote.grant(&camille.id().await, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&culture)).await;
    // Either may end the other, while one remains.
    end(&pilote, &own_grant(administration).await).await.done("endRole");
    assert_eq!(end(&pilote, &role).await.problems("endRole"), ["roleGrantId: REFUSE"]);
    let second = pilote.grant(&pilote.id().await, "ADMINISTRATEUR", None).await;
    end(&pilote, &role).await.done("endRole");
    assert!(administers(&pilote).await);
    assert_eq!(end(&pilote, &second).await.problems("endRole"), ["roleGrantId: REFUSE"]);
}

async fn suspend(client: &Client, member: &str, until: Option<String>) -> Reply {
    let input = json!({ "memberId": member, "reason": "Propos déplacés", "until": until });
    client.mutate("suspendMember", input, "member { suspension { reason since until } }").await
}

async fn a_suspended_member_reads_and_does_not_write(world: &World) {
    let administration = world.administrator();
    let camille = world.member("camille").await;
    let member = camille.id().await;
    let forum = world.forum("plateforme", "questions").await;
    let (_, post) = camille.open_thread(&forum, "QUESTION", "Une question ?", "Bonjour.").await;
    suspend(administration, &member, None).await.done("suspendMember");
    let seen = camille.run("{ viewer { handle suspension { reason until } } threads { totalCount } }", json!({})).await;
    assert_eq!(seen.data["viewer"]["suspension"], json!({ "reason": "Propos déplacés", "until": null }));
    assert_eq!(seen.data["threads"]["totalCount"], 1);
    for (name, input) in [
        ("openThread", json!({ "forumId": forum, "kind": "QUESTION", "title": "Encore une ?", "body": "Bonjour." })),
        ("answerPost", json!({ "postId": post, "body": "Moi-même." })),
        ("editPost", json!({ "postId": post, "body": "Autre." })),
        ("updateProfile", json!({ "name": "Autre" })),
        ("createAccessToken", json!({ "name": "script", "scopes": ["LIRE"], "expiresInDays": 1 })),
    ] {
        let refused = camille.mutate(name, input, "").await;
        assert_eq!(refused.code(), "FORBIDDEN", "{name}");
        assert!(refused.text.contains("suspendu : Propos déplacés"), "{}", refused.text);
    }
    // They may sign in, and out.
    let again = world.anonymous().sign_in(&world.link("camille@exemple.test").await).await;
    again.mutate("signOut", json!({}), "signedOut").await.done("signOut");
    let bruno = world.member("bruno").await;
    let query = "{ member(handle: \"camille\") { suspension { reason } } }";
    assert_eq!(bruno.run(query, json!({})).await.data["member"], json!({ "suspension": null }), "nobody else's business");
    assert_eq!(administration.run(query, json!({})).await.data["member"]["suspension"]["reason"], "Propos déplacés");
    let reinstate = async |client: &Client| {
        client.mutate("reinstateMember", json!({ "memberId": member }), "member { suspension { reason } }").await
    };
    for client in [&camille, &bruno] {
        assert_eq!(reinstate(client).await.code(), "FORBIDDEN");
    }
    assert_eq!(reinstate(administration).await.done("reinstateMember")["member"]["suspension"], Value::Null);
    assert_eq!(reinstate(administration).await.problems("reinstateMember"), ["memberId: REFUSE"]);
    camille.answer(&post, "De retour.").await;
}

async fn a_suspension_ends_by_itself(world: &World) {
    let administration = world.administrator();
    let camille = world.member("camille").await;
    let member = camille.id().await;
    let forum = world.forum("plateforme", "questions").await;
    assert_eq!(suspend(administration, &member, Some(in_days(world, -1))).await.problems("suspendMember"), ["until: MALFORME"]);
    suspend(administration, &member, Some(in_days(world, 2))).await.done("suspendMember");
    world.advance(TimeDelta::hours(47));
    let refused = camille.mutate("updateProfile", json!({ "name": "Camille" }), "").await;
    assert!(refused.code() == "FORBIDDEN" && refused.text.contains("suspendu jusqu'au "), "{}", refused.text);
    world.advance(TimeDelta::hours(2));
    world.run_jobs().await;
    let query = "{ member(handle: \"camille\") { suspension { reason } } }";
    for client in [&camille, administration] {
        assert_eq!(client.run(query, json!({})).await.data["member"]["suspension"], Value::Null);
    }
    camille.open_thread(&forum, "QUESTION", "Une question ?", "Bonjour.").await;
    let over = administration.mutate("reinstateMember", json!({ "memberId": member }), "").await;
    assert_eq!(over.problems("reinstateMember"), ["memberId: REFUSE"], "it is over");
    suspend(administration, &member, None).await.done("suspendMember");
}

async fn who_suspends_and_who_cannot_be(world: &World) {
    let administration = world.administrator();
    let (camille, bruno) = (world.member("camille").await, world.member("bruno").await);
    let (member, moderator) = (camille.id().await, bruno.id().await);
    assert_eq!(suspend(&world.anonymous(), &member, None).await.code(), "UNAUTHENTICATED");
    assert_eq!(suspend(&bruno, &member, None).await.code(), "FORBIDDEN");
    let space = administration.run("{ space(slug: \"plateforme\") { id } }", json!({})).await.data["space"]["id"].clone();
    grant(administration, json!({ "memberId": moderator, "role": "MODERATEUR", "spaceId": space })).await.done("grantRole");
    assert_eq!(suspend(&bruno, &member, None).await.code(), "FORBIDDEN", "of one space only");
    administration.grant(&moderator, "MODERATEUR", None).await;
    suspend(&bruno, &member, None).await.done("suspendMember");
    let refusals = [suspend(&bruno, &moderator, None).await, suspend(&bruno, &administration.id().await, None).await];
    for refused in refusals {
        assert_eq!(refused.problems("suspendMember"), ["memberId: REFUSE"]);
    }
    let own = administration.id().await;
    assert_eq!(suspend(administration, &own, None).await.problems("suspendMember"), ["memberId: REFUSE"]);
    let short = administration.mutate("suspendMember", json!({ "memberId": moderator, "reason": " x " }), "").await;
    assert_eq!(short.problems("suspendMember"), ["reason: TROP_COURT"]);
    // A moderator may be, and moderates no more.
    suspend(administration, &moderator, None).await.done("suspendMember");
    assert_eq!(suspend(&bruno, &member, None).await.code(), "FORBIDDEN");
}

async fn a_suspended_administrator_of_a_space_is_not_asked_to_decide(world: &World) {
    let administration = world.administrator();
    let culture = administration.make_organisation("Culture", None).await;
    let (dominique, camille) = (world.member("dominique").await, world.member("camille").await);
    administration.grant(&dominique.id().await, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&culture)).await;
    suspend(administration, &dominique.id().await, Some(in_days(world, 1))).await.done("suspendMember");
    let wish = async || {
        let input = json!({ "organisationId": culture });
        camille.mutate("requestAffiliation", input, "affiliation { id }").await.done("requestAffiliation");
    };
    wish().await;
    world.mail_to("administration@ciam.test").await;
    world.advance(TimeDelta::hours(25));
    world.run_jobs().await;
    wish().await;
    world.mail_to("dominique@exemple.test").await;
}
