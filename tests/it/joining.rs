//! Joining: one-time links, handles, and a home organisation that somebody approves.

use chrono::TimeDelta;
use harness::{Client, Database, Reply, Settings, Story, World, stories};
use serde_json::{Value, json};
use services::config::LinkLimits;

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_person_joins_with_a_handle_a_name_and_a_wish,
        a_link_serves_once,
        a_link_is_good_for_half_an_hour,
        of_two_links_for_a_new_address_the_first_joins_and_the_second_signs_in,
        a_known_and_an_unknown_address_get_the_same_answer,
        the_mails_of_links_are_french_and_automatic,
        no_secret_is_in_the_database,
        a_handle_is_well_formed_and_nobody_else_s,
        of_two_who_want_a_handle_at_once_one_gets_it,
        a_link_used_twice_at_once_serves_once,
        one_address_joins_once_even_by_two_links_at_once,
        an_address_gets_so_many_mails_an_hour_and_always_the_same_answer,
        others_who_ask_for_links_keep_nobody_out,
        an_origin_that_asks_too_often_is_told_when_to_come_back,
        a_proxy_s_word_counts_only_behind_a_proxy,
        the_organisation_s_administrator_approves_a_home,
        the_community_s_administrator_refuses_with_a_reason,
        a_new_wish_replaces_the_one_that_waits,
        a_member_leaves_and_the_history_stays,
        a_wish_decided_and_changed_at_once_is_never_half_done,
        links_asked_for_at_once_stop_at_the_limit,
        old_links_are_swept_however_many,
    ]
}

const ADMINISTRATION: &str = "administration@ciam.test";

async fn ask(world: &World, address: &str) -> Reply {
    world.anonymous().mutate("requestLink", json!({ "address": address }), "message").await
}

async fn sign_up(world: &World, token: &str, handle: &str) -> Reply {
    let input = json!({ "token": token, "handle": handle, "name": "Une Personne", "kind": "CLIENT" });
    world.anonymous().mutate("signUp", input, "bearer member { handle }").await
}

async fn sign_in(world: &World, token: &str) -> Reply {
    world.anonymous().mutate("signIn", json!({ "token": token, "kind": "CLIENT" }), "bearer member { handle }").await
}

/// The home and the history of whoever asks.
async fn belonging(client: &Client) -> (Value, Vec<Value>) {
    let query = "{ viewer { organisation { shortName } affiliations(first: 50) { edges { node {
        id state reason requestedAt decidedAt decidedBy { handle } endedAt organisation { shortName } } } } } }";
    let reply = client.run(query, json!({})).await;
    let viewer = &reply.data["viewer"];
    let edges = viewer["affiliations"]["edges"].as_array().unwrap_or_else(|| panic!("{}", reply.text));
    (viewer["organisation"]["shortName"].clone(), edges.iter().map(|edge| edge["node"].clone()).collect())
}

fn states(history: &[Value]) -> Vec<String> {
    let one =
        |node: &Value| format!("{} {}", node["organisation"]["shortName"].as_str().unwrap(), node["state"].as_str().unwrap());
    history.iter().map(one).collect()
}

/// Wishes to be of an organisation; the id of the wish.
async fn wish(client: &Client, organisation: &str) -> String {
    let reply = client.mutate("requestAffiliation", json!({ "organisationId": organisation }), "affiliation { id state }").await;
    let affiliation = &reply.done("requestAffiliation")["affiliation"];
    assert_eq!(affiliation["state"], "DEMANDEE");
    affiliation["id"].as_str().unwrap().to_owned()
}

async fn decide(client: &Client, wish: &str, approve: bool, reason: Option<&str>) -> Reply {
    let input = json!({ "affiliationId": wish, "approve": approve, "reason": reason });
    client.mutate("decideAffiliation", input, "affiliation { state decidedBy { handle } }").await
}

async fn a_person_joins_with_a_handle_a_name_and_a_wish(world: &World) {
    let ministry = world.administrator().make_organisation("Ministère de la Culture", None).await;
    let token = world.link("Camille.Martin@exemple.test").await;
    let camille = world.anonymous().sign_up(&token, "@Camille.Martin", "  Camille   Martin ", Some(&ministry)).await;
    let reply =
        camille.run("{ viewer { handle name address joinedAt organisation { id } suspension { reason } } }", json!({})).await;
    let viewer = &reply.data["viewer"];
    assert_eq!((&viewer["handle"], &viewer["name"]), (&json!("camille.martin"), &json!("Camille Martin")));
    assert_eq!(viewer["address"], "Camille.Martin@exemple.test");
    assert_eq!((&viewer["organisation"], &viewer["suspension"]), (&Value::Null, &Value::Null));
    assert_eq!(states(&belonging(&camille).await.1), ["Ministère de la Culture DEMANDEE"]);
    world.mail_to(ADMINISTRATION).await;
    // Others see the profile and not the address; nobody signed out sees the directory.
    let bruno = world.member("bruno").await;
    let seen = bruno.run("{ member(handle: \"Camille.Martin\") { name address affiliations { totalCount } } }", json!({})).await;
    assert_eq!(seen.data["member"], json!({ "name": "Camille Martin", "address": null, "affiliations": null }));
    assert_eq!(world.anonymous().run("{ members { totalCount } }", json!({})).await.code(), "UNAUTHENTICATED");

    let token = world.link("dominique@exemple.test").await;
    let wrong = |organisation: &str| json!({ "token": token, "handle": "dominique", "name": "D", "organisationId": organisation, "kind": "CLIENT" });
    let reply = world.anonymous().mutate("signUp", wrong(&ministry), "bearer").await;
    assert_eq!(reply.problems("signUp"), ["name: TROP_COURT"]);
    let mut unknown = wrong(&ministry.replace(|c: char| c.is_ascii_digit(), "0"));
    unknown["name"] = json!("Dominique");
    assert_eq!(world.anonymous().mutate("signUp", unknown, "bearer").await.problems("signUp"), ["organisationId: INCONNU"]);
    let mut thread = wrong("thr_00");
    thread["name"] = json!("Dominique");
    assert_eq!(world.anonymous().mutate("signUp", thread, "bearer").await.problems("signUp"), ["organisationId: MALFORME"]);
    // None of these used the link up.
    sign_up(world, &token, "dominique").await.done("signUp");
}

async fn a_link_serves_once(world: &World) {
    let token = world.link("camille@exemple.test").await;
    assert_eq!(sign_in(world, &token).await.problems("signIn"), ["token: INCONNU"], "nobody has that address yet");
    sign_up(world, &token, "camille").await.done("signUp");
    assert_eq!(sign_up(world, &token, "camille2").await.problems("signUp"), ["token: EXPIRE"]);
    assert_eq!(sign_in(world, &token).await.problems("signIn"), ["token: EXPIRE"]);
    // Somebody who is known is written to as they wrote their address.
    ask(world, "CAMILLE@exemple.test").await.done("requestLink");
    let token = world.mail_to("camille@exemple.test").await.token();
    assert_eq!(sign_in(world, &token).await.done("signIn")["member"]["handle"], "camille");
    assert_eq!(sign_in(world, &token).await.problems("signIn"), ["token: EXPIRE"]);
    for wrong in ["", "lnk_", &format!("{}A", &token[..token.len() - 1]), &token[..60], &format!("{token}=")] {
        assert_eq!(sign_in(world, wrong).await.problems("signIn"), ["token: EXPIRE"], "{wrong}");
    }
}

async fn a_link_is_good_for_half_an_hour(world: &World) {
    let early = world.link("camille@exemple.test").await;
    world.advance(TimeDelta::minutes(29));
    sign_up(world, &early, "camille").await.done("signUp");
    let late = world.link("bruno@exemple.test").await;
    world.advance(TimeDelta::minutes(30));
    assert_eq!(sign_up(world, &late, "bruno").await.problems("signUp"), ["token: EXPIRE"]);
    let page = reqwest::get(format!("{}/connexion?jeton={late}", world.url)).await.unwrap();
    assert_eq!(page.status(), 410);
    // A link that is past before its mail could leave is not sent.
    ask(world, "bruno@exemple.test").await.done("requestLink");
    world.advance(TimeDelta::minutes(31));
    assert_eq!(world.mails_left().await, 0);
}

async fn of_two_links_for_a_new_address_the_first_joins_and_the_second_signs_in(world: &World) {
    let (first, second, third) = (
        world.link("camille@exemple.test").await,
        world.link("Camille@Exemple.test").await,
        world.link("camille@exemple.test").await,
    );
    sign_up(world, &first, "camille").await.done("signUp");
    assert_eq!(sign_up(world, &second, "camille2").await.problems("signUp"), ["token: EXPIRE"], "one address, one member");
    for link in [second, third] {
        assert_eq!(sign_in(world, &link).await.done("signIn")["member"]["handle"], "camille");
    }
}

async fn a_known_and_an_unknown_address_get_the_same_answer(world: &World) {
    world.member("camille").await;
    let known = ask(world, "camille@exemple.test").await;
    let unknown = ask(world, "inconnu@exemple.test").await;
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    let message = known.done("requestLink")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("30 minutes"), "{message}");
    assert_eq!(world.mail_to("camille@exemple.test").await.subject, "Votre lien de connexion à la CIAM");
    assert_eq!(world.mail_to("inconnu@exemple.test").await.subject, "Rejoindre la CIAM");
    for (wrong, code) in
        [("", "OBLIGATOIRE"), ("camille", "MALFORME"), ("a@b.fr\r\nBcc: c@d.fr", "MALFORME"), ("é@b.fr", "MALFORME")]
    {
        assert_eq!(ask(world, wrong).await.problems("requestLink"), [format!("address: {code}")], "{wrong:?}");
    }
}

async fn the_mails_of_links_are_french_and_automatic(world: &World) {
    ask(world, "camille@exemple.test").await.done("requestLink");
    let mail = world.mail_to("camille@exemple.test").await;
    let link = format!("{}/connexion?jeton={}", world.url, mail.token());
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("Communauté interministérielle des acteurs de Mentor"), "{part}");
        assert!(part.contains("une seule fois, pendant 30 minutes"), "{part}");
        assert!(part.contains("Bonjour,") && part.contains("camille@exemple.test"), "{part}");
    }
    assert!(mail.text.contains(&link), "{}", mail.text);
    let href = mail.html.replace("&#x2f;", "/").replace("&#x3d;", "=");
    assert!(href.contains(&format!("href=\"{link}\"")) && href.contains("<html lang=\"fr\">"), "{}", mail.html);
    let header = |name: &str| {
        let mut lines = mail.raw.lines().take_while(|line| !line.is_empty());
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
            .unwrap_or_else(|| panic!("{}", mail.raw))
    };
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    let id = header("Message-ID");
    assert!(id.starts_with("<mai_") && id.ends_with("@ciam.test>"), "{id}");
    assert!(header("From").contains("ne-pas-repondre@ciam.test") && header("Content-Type").contains("multipart/alternative"));
    assert!(!header("Date").is_empty());
    // Opening the page, as a mail scanner does, uses nothing up.
    for _ in 0..2 {
        let page = reqwest::get(&link).await.unwrap();
        assert_eq!(page.status(), 200);
        let referrer = page.headers()["referrer-policy"].to_str().unwrap().to_owned();
        assert_eq!(referrer, "same-origin");
    }
    sign_up(world, &mail.token(), "camille").await.done("signUp");
}

async fn no_secret_is_in_the_database(world: &World) {
    ask(world, "camille@exemple.test").await.done("requestLink");
    let waiting = "select count(*) from sign_in_links where address_key = 'camille@exemple.test' and secret_hash is null";
    assert_eq!(world.count(waiting).await, 1, "there is no secret before the mail leaves");
    let link = world.mail_to("camille@exemple.test").await.token();
    assert_eq!(world.count(waiting).await, 0);
    let camille = world.anonymous().sign_up(&link, "camille", "Camille", None).await;
    let input = json!({ "name": "script", "scopes": ["LIRE"], "expiresInDays": 1 });
    let token = camille.mutate("createAccessToken", input, "secret").await.done("createAccessToken")["secret"].clone();
    for secret in [&*link, camille.bearer.as_deref().unwrap(), token.as_str().unwrap()] {
        assert!(!world.stores(secret).await && !world.stores(&secret[37..]).await);
    }
    assert!(world.stores("camille@exemple.test").await, "the search finds what is there");
    let hashes = "select (select count(*) from sessions where length(secret_hash) <> 32)
        + (select count(*) from access_tokens where length(secret_hash) <> 32)
        + (select count(*) from sign_in_links where length(secret_hash) <> 32)";
    assert_eq!(world.count(hashes).await, 0);
}

async fn a_handle_is_well_formed_and_nobody_else_s(world: &World) {
    let camille = world.member("camille").await;
    let token = world.link("bruno@exemple.test").await;
    for taken in ["camille", "Camille", "@CAMILLE", " camille "] {
        assert_eq!(sign_up(world, &token, taken).await.problems("signUp"), ["handle: DEJA_PRIS"], "{taken}");
    }
    for wrong in ["", "b", "bru no", "bruno.", "-bruno", "bru..no", "élodie", "bru_no", &"b".repeat(31), "bruno\0"] {
        assert_eq!(sign_up(world, &token, wrong).await.problems("signUp"), ["handle: MALFORME"], "{wrong:?}");
    }
    let bruno = world.anonymous().sign_up(&token, "Bruno-2.B", "Bruno", None).await;
    let rename = |handle: &str| json!({ "handle": handle });
    let reply = bruno.mutate("updateProfile", rename("CAMILLE"), "member { handle }").await;
    assert_eq!(reply.problems("updateProfile"), ["handle: DEJA_PRIS"]);
    let reply = bruno.mutate("updateProfile", rename("Bruno"), "member { handle name }").await;
    assert_eq!(reply.done("updateProfile")["member"], json!({ "handle": "bruno", "name": "Bruno" }));
    camille.mutate("updateProfile", rename("bruno-2.b"), "member { handle }").await.done("updateProfile");
}

async fn of_two_who_want_a_handle_at_once_one_gets_it(world: &World) {
    let (one, two) = (world.link("un@exemple.test").await, world.link("deux@exemple.test").await);
    let (first, second) = tokio::join!(sign_up(world, &one, "camille"), sign_up(world, &two, "Camille"));
    let (won, lost, link) = if first.data["signUp"]["bearer"].is_string() { (first, second, two) } else { (second, first, one) };
    won.done("signUp");
    assert_eq!(lost.problems("signUp"), ["handle: DEJA_PRIS"]);
    sign_up(world, &link, "autre").await.done("signUp");
}

async fn a_link_used_twice_at_once_serves_once(world: &World) {
    let link = world.link("camille@exemple.test").await;
    let (first, second) = tokio::join!(sign_up(world, &link, "un"), sign_up(world, &link, "deux"));
    let (won, lost) = if first.data["signUp"]["bearer"].is_string() { (first, second) } else { (second, first) };
    let handle = won.done("signUp")["member"]["handle"].clone();
    assert_eq!(lost.problems("signUp"), ["token: EXPIRE"]);
    let link = world.link("camille@exemple.test").await;
    let (first, second) = tokio::join!(sign_in(world, &link), sign_in(world, &link));
    let (won, lost) = if first.data["signIn"]["bearer"].is_string() { (first, second) } else { (second, first) };
    assert_eq!(won.done("signIn")["member"]["handle"], handle);
    assert_eq!(lost.problems("signIn"), ["token: EXPIRE"]);
}

async fn one_address_joins_once_even_by_two_links_at_once(world: &World) {
    let (one, two) = (world.link("camille@exemple.test").await, world.link("camille@exemple.test").await);
    let (first, second) = tokio::join!(sign_up(world, &one, "un"), sign_up(world, &two, "deux"));
    let (won, lost, link) = if first.data["signUp"]["bearer"].is_string() { (first, second, two) } else { (second, first, one) };
    let handle = won.done("signUp")["member"]["handle"].clone();
    assert_eq!(lost.problems("signUp"), ["token: EXPIRE"]);
    assert_eq!(sign_in(world, &link).await.done("signIn")["member"]["handle"], handle, "that link still signs in");
    assert_eq!(world.count("select count(*) from members where address_key = 'camille@exemple.test'").await, 1);
}

/// A product with limits on links, beside the story's.
async fn limited(world: &World, per_address: u32, per_origin: u32, behind_proxy: bool) -> World {
    let links = Some(LinkLimits { per_address, per_origin });
    World::with(world.database, Settings { links, behind_proxy, ..Settings::default() }).await
}

async fn an_address_gets_so_many_mails_an_hour_and_always_the_same_answer(world: &World) {
    let world = limited(world, 2, 1000, false).await;
    let first = ask(&world, "camille@exemple.test").await;
    for address in ["CAMILLE@exemple.test", "camille@exemple.test", "Camille@exemple.test"] {
        assert_eq!(ask(&world, address).await.text, first.text);
    }
    assert_eq!(world.mails_left().await, 2);
    ask(&world, "bruno@exemple.test").await.done("requestLink");
    world.mail_to("bruno@exemple.test").await;
    world.advance(TimeDelta::minutes(61));
    assert_eq!(ask(&world, "camille@exemple.test").await.text, first.text);
    assert_eq!(world.mails_left().await, 3);
    for address in ["camille@exemple.test", "CAMILLE@exemple.test", "camille@exemple.test"] {
        world.mail_to(address).await;
    }
    world.finish().await;
}

async fn others_who_ask_for_links_keep_nobody_out(world: &World) {
    let world = limited(world, 2, 1000, false).await;
    for _ in 0..4 {
        ask(&world, "camille@exemple.test").await.done("requestLink");
    }
    assert_eq!(world.mails_left().await, 2);
    // Those links are past, and the hour is not.
    world.advance(TimeDelta::minutes(31));
    ask(&world, "camille@exemple.test").await.done("requestLink");
    ask(&world, "camille@exemple.test").await.done("requestLink");
    assert_eq!(world.mails_left().await, 3, "one good link at a time, beyond the limit");
    for _ in 0..2 {
        world.mail_to("camille@exemple.test").await;
    }
    let token = world.mail_to("camille@exemple.test").await.token();
    world.anonymous().sign_up(&token, "camille", "Camille", None).await;
    world.finish().await;
}

async fn links_asked_for_at_once_stop_at_the_limit(world: &World) {
    let world = limited(world, 3, 1000, false).await;
    let asked = (0..12).map(|_| ask(&world, "camille@exemple.test"));
    for reply in futures_util::future::join_all(asked).await {
        reply.done("requestLink");
    }
    assert_eq!(world.mails_left().await, 3);
    for _ in 0..3 {
        world.mail_to("camille@exemple.test").await;
    }
    world.finish().await;
}

/// Of the two, one comes first; the other sees what it did, and neither waits for the other without end.
async fn a_wish_decided_and_changed_at_once_is_never_half_done(world: &World) {
    let (administration, camille) = (world.administrator(), world.member("camille").await);
    let culture = administration.make_organisation("Culture", None).await;
    let justice = administration.make_organisation("Justice", None).await;
    for round in 0..6 {
        let wish = json!({ "organisationId": culture });
        let reply = camille.mutate("requestAffiliation", wish, "affiliation { id }").await;
        let affiliation = reply.done("requestAffiliation")["affiliation"]["id"].clone();
        let decide = json!({ "affiliationId": affiliation, "approve": true });
        let (decided, changed) = tokio::join!(
            administration.mutate("decideAffiliation", decide, "affiliation { state }"),
            camille.mutate("requestAffiliation", json!({ "organisationId": justice }), "affiliation { state }"),
        );
        changed.done("requestAffiliation");
        let approved = decided.data["decideAffiliation"]["problems"] == json!([]);
        assert!(approved || decided.problems("decideAffiliation") == ["affiliationId: REFUSE"], "{round}: {}", decided.text);
        // The wish for Justice waits either way; the home is Culture when it was approved first.
        camille.mutate("leaveOrganisation", json!({}), "").await.done("leaveOrganisation");
        if approved {
            camille.mutate("leaveOrganisation", json!({}), "").await.done("leaveOrganisation");
        }
        assert_eq!(world.count("select count(*) from affiliations where state in ('DEMANDEE', 'APPROUVEE')").await, 0);
    }
    // What is written depends on who came first.
    world.take_mails().await;
}

/// More than one run takes: it comes back until none is left.
async fn old_links_are_swept_however_many(world: &World) {
    let before = world.count("select count(*) from sign_in_links").await;
    world
        .change(match world.database {
            Database::Sqlite => {
                "insert into sign_in_links (id, address, address_key, created_at, expires_at)
                 with recursive n (i) as (select 1 union all select i + 1 from n where i < 1201)
                 select randomblob(16), 'a@exemple.test', 'a@exemple.test', '2026-01-01T00:00:00+00:00', '2026-01-01T00:30:00+00:00'
                 from n"
            }
            Database::Postgres => {
                "insert into sign_in_links (id, address, address_key, created_at, expires_at)
                 select gen_random_uuid(), 'a@exemple.test', 'a@exemple.test', '2026-01-01', '2026-01-01' from generate_series(1, 1201)"
            }
        })
        .await;
    assert_eq!(world.count("select count(*) from sign_in_links").await, before + 1201);
    world.advance(TimeDelta::days(3));
    world.run_jobs().await;
    assert_eq!(world.count("select count(*) from sign_in_links").await, 0);
}

async fn an_origin_that_asks_too_often_is_told_when_to_come_back(world: &World) {
    let world = limited(world, 1000, 2, false).await;
    for address in ["un@exemple.test", "deux@exemple.test"] {
        ask(&world, address).await.done("requestLink");
        world.mail_to(address).await;
    }
    let reply = ask(&world, "trois@exemple.test").await;
    assert_eq!(reply.code(), "LIMITED");
    let after = reply.errors[0]["extensions"]["retryAfter"].as_u64().unwrap();
    assert!((1..=1800).contains(&after), "{after}");
    assert!(reply.errors[0]["message"].as_str().unwrap().contains(&after.to_string()), "{}", reply.text);
    world.finish().await;
}

async fn a_proxy_s_word_counts_only_behind_a_proxy(world: &World) {
    for behind_proxy in [false, true] {
        let world = limited(world, 1000, 1, behind_proxy).await;
        let http = reqwest::Client::new();
        let body = json!({ "query": "mutation { requestLink(input: {address: \"un@exemple.test\"}) { message } }" });
        let mut refused = Vec::new();
        // The last address is the proxy's own word; those before it are the client's.
        for forwarded in ["203.0.113.7", "203.0.113.8", "203.0.113.9, 203.0.113.8", "2001:db8:1:2::1", "2001:db8:1:2::2"] {
            let request = http.post(format!("{}/graphql", world.url)).header("x-forwarded-for", forwarded).json(&body);
            refused.push(request.send().await.unwrap().text().await.unwrap().contains("LIMITED"));
        }
        let expected = if behind_proxy { [false, false, true, false, true] } else { [false, true, true, true, true] };
        assert_eq!(refused, expected, "behind a proxy: {behind_proxy}");
        for _ in refused.iter().filter(|refused| !**refused) {
            world.mail_to("un@exemple.test").await;
        }
        world.finish().await;
    }
}

async fn the_organisation_s_administrator_approves_a_home(world: &World) {
    let administration = world.administrator();
    let ministry = administration.make_organisation("Culture", None).await;
    let bureau = administration.make_organisation("Bureau", Some(&ministry)).await;
    let other = administration.make_organisation("Justice", None).await;
    let (dominique, elsewhere) = (world.member("dominique").await, world.member("elsewhere").await);
    administration.grant(&dominique.id().await, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&ministry)).await;
    administration.grant(&elsewhere.id().await, "ADMINISTRATEUR_ESPACE_DEDIE", Some(&other)).await;

    let token = world.link("camille@exemple.test").await;
    let camille = world.anonymous().sign_up(&token, "camille", "Camille <b>Martin</b>", Some(&bureau)).await;
    // The mail goes to those of the organisation above, and to nobody else.
    let mail = world.mail_to("dominique@exemple.test").await;
    assert_eq!(mail.subject, "Camille <b>Martin</b> demande à rejoindre Bureau");
    assert!(mail.text.contains("Camille <b>Martin</b> (@camille)") && !mail.html.contains("<b>Martin"), "{}", mail.html);
    let (home, history) = belonging(&camille).await;
    assert_eq!((home, states(&history)), (Value::Null, vec!["Bureau DEMANDEE".into()]));
    let wish = history[0]["id"].as_str().unwrap().to_owned();
    assert!(mail.text.contains(&wish), "{}", mail.text);

    let waiting = "query($s: String!) { organisation(slug: $s) { affiliationRequests { totalCount edges { node { member { handle } } } } } }";
    let seen = dominique.run(waiting, json!({ "s": "culture" })).await;
    let requests = &seen.data["organisation"]["affiliationRequests"];
    assert_eq!((&requests["totalCount"], &requests["edges"][0]["node"]["member"]["handle"]), (&json!(1), &json!("camille")));
    for client in [&elsewhere, &camille, &world.anonymous()] {
        let seen = client.run(waiting, json!({ "s": "culture" })).await;
        assert_eq!(seen.data["organisation"], json!({ "affiliationRequests": null }), "{}", seen.text);
    }
    for client in [&elsewhere, &camille] {
        assert_eq!(decide(client, &wish, true, None).await.code(), "NOT_FOUND");
    }
    assert_eq!(decide(&world.anonymous(), &wish, true, None).await.code(), "UNAUTHENTICATED");
    let done = decide(&dominique, &wish, true, Some("  ")).await.done("decideAffiliation");
    assert_eq!(done["affiliation"], json!({ "state": "APPROUVEE", "decidedBy": { "handle": "dominique" } }));
    let mail = world.mail_to("camille@exemple.test").await;
    assert_eq!(mail.subject, "Votre rattachement à Bureau : accepté");
    assert!(mail.text.contains("est accepté") && !mail.text.contains("Motif"), "{}", mail.text);
    let (home, history) = belonging(&camille).await;
    assert_eq!((home, states(&history)), (json!("Bureau"), vec!["Bureau APPROUVEE".into()]));
    assert!(history[0]["decidedAt"].is_string() && history[0]["endedAt"].is_null());
    let again = decide(&dominique, &wish, false, None).await;
    assert_eq!(again.problems("decideAffiliation"), ["affiliationId: REFUSE"]);
    let again = camille.mutate("requestAffiliation", json!({ "organisationId": bureau }), "affiliation { id }").await;
    assert_eq!(again.problems("requestAffiliation"), ["organisationId: DEJA_PRIS"]);
    // The directory of the ministry holds those of its units.
    let members =
        administration.run("query($o: ID) { members(organisation: $o) { totalCount } }", json!({ "o": ministry })).await;
    assert_eq!(members.data["members"]["totalCount"], 1);
}

async fn the_community_s_administrator_refuses_with_a_reason(world: &World) {
    let administration = world.administrator();
    let ministry = administration.make_organisation("Culture", None).await;
    let camille = world.member("camille").await;
    let refused = wish(&camille, &ministry).await;
    world.mail_to(ADMINISTRATION).await;
    let long = "x".repeat(501);
    let reply = decide(administration, &refused, false, Some(&long)).await;
    assert_eq!(reply.problems("decideAffiliation"), ["reason: TROP_LONG"]);
    decide(administration, &refused, false, Some("Adresse <personnelle>.")).await.done("decideAffiliation");
    let mail = world.mail_to("camille@exemple.test").await;
    assert_eq!(mail.subject, "Votre rattachement à Culture : refusé");
    assert!(mail.text.contains("n'a pas été accepté") && mail.text.contains("Motif : Adresse <personnelle>."), "{}", mail.text);
    assert!(mail.html.contains("Adresse &lt;personnelle&gt;."), "{}", mail.html);
    let (home, history) = belonging(&camille).await;
    assert_eq!((home, states(&history)), (Value::Null, vec!["Culture REFUSEE".into()]));
    assert_eq!(history[0]["reason"], "Adresse <personnelle>.");
    // One may ask again, and be approved by the community's administrators.
    let again = wish(&camille, &ministry).await;
    world.mail_to(ADMINISTRATION).await;
    decide(administration, &again, true, None).await.done("decideAffiliation");
    world.mail_to("camille@exemple.test").await;
    assert_eq!(states(&belonging(&camille).await.1), ["Culture REFUSEE", "Culture APPROUVEE"]);
}

async fn a_new_wish_replaces_the_one_that_waits(world: &World) {
    let administration = world.administrator();
    let (culture, justice) =
        (administration.make_organisation("Culture", None).await, administration.make_organisation("Justice", None).await);
    let camille = world.member("camille").await;
    let first = wish(&camille, &culture).await;
    let second = wish(&camille, &justice).await;
    // The first wish was withdrawn before its mail left: only the second one is told.
    assert!(world.mail_to(ADMINISTRATION).await.subject.ends_with("demande à rejoindre Justice"));
    let (_, history) = belonging(&camille).await;
    assert_eq!(states(&history), ["Culture RETIREE", "Justice DEMANDEE"]);
    assert!(history[0]["endedAt"].is_string());
    assert_eq!(decide(administration, &first, true, None).await.problems("decideAffiliation"), ["affiliationId: REFUSE"]);
    decide(administration, &second, true, None).await.done("decideAffiliation");
    world.mail_to("camille@exemple.test").await;
    // An approved home ends when another one is approved, not before.
    let third = wish(&camille, &culture).await;
    world.mail_to(ADMINISTRATION).await;
    assert_eq!(belonging(&camille).await.0, "Justice");
    let (one, two) = tokio::join!(decide(administration, &third, true, None), decide(administration, &third, false, None));
    let done = [&one, &two].into_iter().filter(|reply| reply.data["decideAffiliation"]["affiliation"].is_object()).count();
    assert_eq!(done, 1, "{} {}", one.text, two.text);
    world.mail_to("camille@exemple.test").await;
    // Two wishes at once leave one.
    let (ecole, pfrh) =
        (administration.make_organisation("IRA", None).await, administration.make_organisation("PFRH", None).await);
    let input = |organisation: &str| json!({ "organisationId": organisation });
    let (one, two) = tokio::join!(
        camille.mutate("requestAffiliation", input(&ecole), "affiliation { id }"),
        camille.mutate("requestAffiliation", input(&pfrh), "affiliation { id }")
    );
    one.done("requestAffiliation");
    two.done("requestAffiliation");
    assert_eq!(world.count("select count(*) from affiliations where state = 'DEMANDEE'").await, 1);
    world.mail_to(ADMINISTRATION).await;
}

async fn a_member_leaves_and_the_history_stays(world: &World) {
    let administration = world.administrator();
    let culture = administration.make_organisation("Culture", None).await;
    let camille = world.member("camille").await;
    let leave = async || camille.mutate("leaveOrganisation", json!({}), "member { organisation { id } }").await;
    assert_eq!(leave().await.problems("leaveOrganisation"), ["organisationId: REFUSE"]);
    wish(&camille, &culture).await;
    leave().await.done("leaveOrganisation");
    assert_eq!(world.mails_left().await, 0, "nobody is told of a wish withdrawn at once");
    let approved = wish(&camille, &culture).await;
    world.mail_to(ADMINISTRATION).await;
    decide(administration, &approved, true, None).await.done("decideAffiliation");
    world.mail_to("camille@exemple.test").await;
    assert_eq!(leave().await.done("leaveOrganisation")["member"]["organisation"], Value::Null);
    let (home, history) = belonging(&camille).await;
    assert_eq!((home, states(&history)), (Value::Null, vec!["Culture RETIREE".into(), "Culture TERMINEE".into()]));
    assert!(history.iter().all(|one| one["endedAt"].is_string()));
    let query = "{ member(handle: \"camille\") { affiliations { totalCount } } }";
    assert_eq!(administration.run(query, json!({})).await.data["member"]["affiliations"]["totalCount"], 2);
    assert!(!world.events().await.is_empty());
}
