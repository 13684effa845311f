//! Sessions of browsers and of API clients, personal access tokens.

use chrono::TimeDelta;
use harness::{Client, Settings, Story, World, stories};
use serde_json::{Value, json};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_browser_signs_in_with_a_cookie,
        the_page_of_a_link_opens_a_browser_s_session,
        over_tls_the_cookie_is_bound_to_the_host,
        a_cookie_from_another_site_is_refused,
        a_bearer_token_wins_over_a_cookie,
        a_revoked_session_is_refused_at_once,
        signing_out_clears_the_cookie,
        a_session_lasts_thirty_days,
        a_token_lets_pass_what_its_scopes_say,
        a_token_ends_by_time_and_by_revocation,
        a_token_begets_no_token,
        a_token_is_named_and_bounded,
        the_sessions_and_tokens_of_others_are_not_found,
    ]
}

/// What a browser gets.
struct Page {
    status: u16,
    body: Value,
    cookie: Option<String>,
}

impl Page {
    /// The cookie's `name=value`, as a browser sends it back.
    fn pair(&self) -> String {
        let cookie = self.cookie.as_deref().unwrap_or_else(|| panic!("no cookie: {}", self.body));
        cookie.split(';').next().unwrap_or_default().to_owned()
    }
}

async fn browse(world: &World, headers: &[(&str, &str)], query: &str) -> Page {
    let mut request = reqwest::Client::new().post(format!("{}/graphql", world.url)).json(&json!({ "query": query }));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let cookie = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    Page { status, body: response.json().await.unwrap(), cookie }
}

const WHO: &str = "{ viewer { handle } }";

/// Joins from a browser; the cookie's pair.
async fn browser(world: &World, handle: &str) -> Page {
    let token = world.link(&format!("{handle}@exemple.test")).await;
    let query = format!(
        "mutation {{ signUp(input: {{token: \"{token}\", handle: \"{handle}\", name: \"Membre\", kind: NAVIGATEUR}}) {{
            bearer member {{ handle }} problems {{ message }} }} }}"
    );
    browse(world, &[("user-agent", "Mozilla/5.0 (essai)")], &query).await
}

/// A token of somebody, with its secret in hand.
async fn token(client: &Client, scopes: &[&str], days: i64) -> (String, Client) {
    let input = json!({ "name": "script", "scopes": scopes, "expiresInDays": days });
    let done = client.mutate("createAccessToken", input, "secret token { id }").await.done("createAccessToken");
    (done["token"]["id"].as_str().unwrap().to_owned(), client.with_bearer(done["secret"].as_str().unwrap()))
}

async fn a_browser_signs_in_with_a_cookie(world: &World) {
    let joined = browser(world, "camille").await;
    assert_eq!(joined.body["data"]["signUp"], json!({ "bearer": null, "member": { "handle": "camille" }, "problems": [] }));
    let cookie = joined.cookie.clone().unwrap();
    assert!(cookie.starts_with("ciam=ses_"), "{cookie}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=2592000"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    let pair = joined.pair();
    let who = browse(world, &[("cookie", &format!("theme=sombre; {pair}; autre=1"))], WHO).await;
    assert_eq!(who.body["data"]["viewer"]["handle"], "camille");
    assert!(who.cookie.is_none());
    for stranger in ["ciam=", "ciam=ses_00", &format!("{pair}x"), &pair.replace("ciam=", "other=")] {
        let who = browse(world, &[("cookie", stranger)], WHO).await;
        assert_eq!((who.status, &who.body["data"]["viewer"]), (200, &Value::Null), "{stranger}");
    }
    let list = "{ viewer { sessions { totalCount edges { node { kind label current createdAt usedAt expiresAt } } } } }";
    let sessions = browse(world, &[("cookie", &pair)], list).await.body["data"]["viewer"]["sessions"].clone();
    assert_eq!(sessions["totalCount"], 1);
    let one = &sessions["edges"][0]["node"];
    assert_eq!(
        (&one["kind"], &one["label"], &one["current"]),
        (&json!("NAVIGATEUR"), &json!("Mozilla/5.0 (essai)"), &json!(true))
    );
}

async fn the_page_of_a_link_opens_a_browser_s_session(world: &World) {
    let token = world.link("camille@exemple.test").await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let send = async |handle: &str, origin: &str| {
        let form = format!("jeton={token}&handle={handle}&name=Camille&organisation=");
        let request = http.post(format!("{}/connexion", world.url)).header("content-type", "application/x-www-form-urlencoded");
        request.header("origin", origin).body(form).send().await.unwrap()
    };
    assert_eq!(send("camille", "https://ailleurs.test").await.status(), 403);
    let page = send("c", &world.url).await;
    assert_eq!(page.status(), 422);
    assert!(page.text().await.unwrap().contains("2 à 30 lettres"));
    let entered = send("camille", &world.url).await;
    assert_eq!((entered.status().as_u16(), &entered.headers()["location"]), (303, &"/explorer".parse().unwrap()));
    let pair = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(browse(world, &[("cookie", &pair)], WHO).await.body["data"]["viewer"]["handle"], "camille");
    assert_eq!(send("camille", &world.url).await.status(), 410);
}

async fn over_tls_the_cookie_is_bound_to_the_host(world: &World) {
    let settings = Settings { public_url: Some("https://communaute.test".into()), ..Settings::default() };
    let world = World::with(world.database, settings).await;
    let joined = browser(&world, "camille").await;
    let cookie = joined.cookie.clone().unwrap();
    assert!(cookie.starts_with("__Host-ciam=ses_") && cookie.contains("; Secure") && cookie.contains("; Path=/"), "{cookie}");
    let pair = joined.pair();
    let ours = browse(&world, &[("cookie", &pair), ("origin", "https://communaute.test")], WHO).await;
    assert_eq!(ours.body["data"]["viewer"]["handle"], "camille");
    let bare = browse(&world, &[("cookie", &pair.replace("__Host-", ""))], WHO).await;
    assert_eq!(bare.body["data"]["viewer"], Value::Null, "a cookie that another host could have set");
    let out = browse(&world, &[("cookie", &pair)], "mutation { signOut(input: {}) { signedOut } }").await;
    assert!(out.cookie.unwrap().starts_with("__Host-ciam=;"));
    world.finish().await;
}

async fn a_cookie_from_another_site_is_refused(world: &World) {
    let pair = browser(world, "camille").await.pair();
    let host = world.url.trim_start_matches("http://").to_owned();
    let cookie = ("cookie", &*pair);
    for ours in [
        &[cookie, ("origin", &*world.url)][..],
        &[cookie, ("sec-fetch-site", "same-origin")],
        &[cookie, ("sec-fetch-site", "none")],
    ] {
        assert_eq!(browse(world, ours, WHO).await.body["data"]["viewer"]["handle"], "camille");
    }
    let under = format!("http://{host}.ailleurs.test");
    for site in [
        ("origin", "https://ailleurs.test"),
        ("origin", "null"),
        ("origin", &*under),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let refused = browse(world, &[cookie, site], WHO).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["extensions"]["code"]), (403, &json!("FORBIDDEN")), "{site:?}");
        assert!(refused.body.get("data").is_none());
        // Without the cookie nothing is forged: any site may read what is public.
        assert_eq!(browse(world, &[site], WHO).await.status, 200);
    }
    let get = reqwest::Client::new().get(format!("{}/graphql?query=%7Bviewer%7Bhandle%7D%7D", world.url));
    let refused = get.header("cookie", &pair).header("origin", "https://ailleurs.test").send().await.unwrap();
    assert_eq!(refused.status(), 403);
}

async fn a_bearer_token_wins_over_a_cookie(world: &World) {
    let pair = browser(world, "camille").await.pair();
    let bruno = world.member("bruno").await.bearer.unwrap();
    let both = |bearer: &str| format!("Bearer {bearer}");
    let who = browse(world, &[("cookie", &pair), ("authorization", &both(&bruno))], WHO).await;
    assert_eq!(who.body["data"]["viewer"]["handle"], "bruno");
    let lower = browse(world, &[("authorization", &format!("bearer {bruno}"))], WHO).await;
    assert_eq!(lower.body["data"]["viewer"]["handle"], "bruno");
    for wrong in [both("ses_00"), both(""), "Basic Y2FtaWxsZTo=".into()] {
        let refused = browse(world, &[("cookie", &pair), ("authorization", &wrong)], WHO).await;
        let code = &refused.body["errors"][0]["extensions"]["code"];
        assert_eq!((refused.status, code), (401, &json!("UNAUTHENTICATED")), "{wrong}");
    }
}

async fn a_revoked_session_is_refused_at_once(world: &World) {
    let first = world.member("camille").await;
    let second = world.anonymous().sign_in(&world.link("camille@exemple.test").await).await;
    let list = "{ viewer { sessions { totalCount edges { node { id current kind } } } } }";
    let seen = second.run(list, json!({})).await;
    let sessions = &seen.data["viewer"]["sessions"];
    assert_eq!(sessions["totalCount"], 2);
    let current: Vec<_> =
        sessions["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["current"] == json!(true)).collect();
    assert_eq!(current, [false, true], "oldest first");
    let id = sessions["edges"][0]["node"]["id"].clone();
    let done = second.mutate("revokeSession", json!({ "sessionId": id }), "sessionId").await.done("revokeSession");
    assert_eq!(done["sessionId"], id);
    let refused = first.run(WHO, json!({})).await;
    assert_eq!((refused.status, refused.code()), (401, "UNAUTHENTICATED".into()));
    assert_eq!(second.mutate("revokeSession", json!({ "sessionId": id }), "sessionId").await.code(), "NOT_FOUND");
    assert_eq!(second.run(list, json!({})).await.data["viewer"]["sessions"]["totalCount"], 1);
    let wrong = second.mutate("revokeSession", json!({ "sessionId": second.id().await }), "sessionId").await;
    assert_eq!(wrong.problems("revokeSession"), ["sessionId: MALFORME"]);
}

async fn signing_out_clears_the_cookie(world: &World) {
    let pair = browser(world, "camille").await.pair();
    let sign_out = "mutation { signOut(input: {clientMutationId: \"7\"}) { signedOut clientMutationId problems { code } } }";
    let out = browse(world, &[("cookie", &pair)], sign_out).await;
    assert_eq!(out.body["data"]["signOut"], json!({ "signedOut": true, "clientMutationId": "7", "problems": [] }));
    let cookie = out.cookie.unwrap();
    assert!(cookie.starts_with("ciam=;") && cookie.contains("Max-Age=0") && cookie.contains("Path=/"), "{cookie}");
    assert_eq!(browse(world, &[("cookie", &pair)], WHO).await.body["data"]["viewer"], Value::Null);
    // Again, and without any session: nothing happens.
    for headers in [&[("cookie", &*pair)][..], &[]] {
        assert_eq!(browse(world, headers, sign_out).await.body["data"]["signOut"]["signedOut"], false);
    }
    let bruno = world.member("bruno").await;
    let (_, script) = token(&bruno, &["LIRE", "ADMINISTRER"], 1).await;
    assert_eq!(
        script.mutate("signOut", json!({}), "signedOut").await.done("signOut")["signedOut"],
        false,
        "a token is no session"
    );
    assert_eq!(bruno.mutate("signOut", json!({}), "signedOut").await.done("signOut")["signedOut"], true);
    assert_eq!(bruno.run(WHO, json!({})).await.status, 401);
    assert_eq!(script.run(WHO, json!({})).await.data["viewer"]["handle"], "bruno", "it lives on by itself");
}

async fn a_session_lasts_thirty_days(world: &World) {
    let pair = browser(world, "camille").await.pair();
    let client = world.anonymous().sign_in(&world.link("camille@exemple.test").await).await;
    world.advance(TimeDelta::days(30) - TimeDelta::minutes(2));
    assert_eq!(client.run(WHO, json!({})).await.data["viewer"]["handle"], "camille");
    assert_eq!(browse(world, &[("cookie", &pair)], WHO).await.body["data"]["viewer"]["handle"], "camille");
    world.advance(TimeDelta::minutes(3));
    let refused = client.run(WHO, json!({})).await;
    assert_eq!((refused.status, refused.code()), (401, "UNAUTHENTICATED".into()));
    let nobody = browse(world, &[("cookie", &pair)], WHO).await;
    assert_eq!((nobody.status, &nobody.body["data"]["viewer"]), (200, &Value::Null));
    let write = "mutation { updateProfile(input: {name: \"Autre\"}) { problems { code } } }";
    let refused = browse(world, &[("cookie", &pair)], write).await;
    assert_eq!(refused.body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    // The sweep that comes every day forgets what has long been of no use.
    world.advance(TimeDelta::days(31));
    world.run_jobs().await;
    assert_eq!(world.count("select count(*) from sessions").await, 0);
    assert_eq!(world.count("select count(*) from sign_in_links").await, 0);
}

async fn a_token_lets_pass_what_its_scopes_say(world: &World) {
    let administration = world.administrator();
    let (_, reader) = token(administration, &["LIRE"], 30).await;
    let (_, writer) = token(administration, &["ECRIRE"], 30).await;
    let (_, moderator) = token(administration, &["MODERER"], 30).await;
    let (_, all) = token(administration, &["ADMINISTRER", "ECRIRE", "LIRE", "MODERER", "LIRE"], 30).await;
    let member = world.member("camille").await.id().await;
    let profile = json!({ "name": "Administration" });
    let organisation = json!({ "kind": "MINISTERE", "name": "Culture", "shortName": "Culture" });
    let suspension = json!({ "memberId": member, "reason": "Essai" });
    for (client, may) in
        [(&reader, [false; 3]), (&writer, [true, false, false]), (&moderator, [false, false, true]), (&all, [true; 3])]
    {
        assert_eq!(client.run(WHO, json!({})).await.data["viewer"]["handle"], "administration", "every token reads");
        let replies = [
            ("updateProfile", client.mutate("updateProfile", profile.clone(), "").await),
            ("createOrganisation", client.mutate("createOrganisation", organisation.clone(), "").await),
            ("suspendMember", client.mutate("suspendMember", suspension.clone(), "").await),
        ];
        for ((name, reply), may) in replies.iter().zip(may) {
            if may {
                reply.done(name);
            } else {
                assert_eq!(reply.code(), "FORBIDDEN", "{name}: {}", reply.text);
                assert!(reply.text.contains("portée"), "{}", reply.text);
            }
        }
    }
    // What an administrator sees by right, a token to read does not.
    let address = "{ member(handle: \"camille\") { address } }";
    assert_eq!(reader.run(address, json!({})).await.data["member"]["address"], Value::Null);
    assert_eq!(all.run(address, json!({})).await.data["member"]["address"], "camille@exemple.test");
    let list = "{ viewer { accessTokens { totalCount edges { node { name scopes usedAt } } } } }";
    let seen = administration.run(list, json!({})).await;
    let tokens = &seen.data["viewer"]["accessTokens"];
    assert_eq!(tokens["totalCount"], 4);
    assert_eq!(tokens["edges"][3]["node"]["scopes"], json!(["LIRE", "ECRIRE", "MODERER", "ADMINISTRER"]));
}

async fn a_token_ends_by_time_and_by_revocation(world: &World) {
    let camille = world.member("camille").await;
    let (short, one) = token(&camille, &["LIRE"], 1).await;
    let (id, two) = token(&camille, &["LIRE"], 20).await;
    let (own, three) = token(&camille, &["ECRIRE"], 20).await;
    world.advance(TimeDelta::hours(25));
    world.run_jobs().await;
    let refused = one.run(WHO, json!({})).await;
    assert_eq!((refused.status, refused.code()), (401, "UNAUTHENTICATED".into()));
    assert_eq!(two.run(WHO, json!({})).await.data["viewer"]["handle"], "camille");
    let revoke = async |client: &Client, id: &str| client.mutate("revokeAccessToken", json!({ "tokenId": id }), "tokenId").await;
    assert_eq!(revoke(&two, &own).await.code(), "FORBIDDEN", "a token without ADMINISTRER ends only itself");
    revoke(&three, &own).await.done("revokeAccessToken");
    assert_eq!(three.run(WHO, json!({})).await.status, 401);
    assert_eq!(revoke(&camille, &id).await.done("revokeAccessToken")["tokenId"], json!(id));
    assert_eq!(two.run(WHO, json!({})).await.status, 401);
    assert_eq!(revoke(&camille, &id).await.code(), "NOT_FOUND");
    let left = camille.run("{ viewer { accessTokens { totalCount edges { node { id } } } } }", json!({})).await;
    assert_eq!(left.data["viewer"]["accessTokens"], json!({ "totalCount": 0, "edges": [] }), "past ones are not listed: {short}");
}

async fn a_token_begets_no_token(world: &World) {
    let camille = world.member("camille").await;
    let (_, script) = token(&camille, &["LIRE", "ECRIRE", "MODERER", "ADMINISTRER"], 1).await;
    let input = json!({ "name": "autre", "scopes": ["LIRE"], "expiresInDays": 1 });
    let reply = script.mutate("createAccessToken", input.clone(), "secret").await;
    assert_eq!(reply.code(), "FORBIDDEN");
    assert!(!reply.text.contains("tok_"), "{}", reply.text);
    assert_eq!(world.anonymous().mutate("createAccessToken", input, "secret").await.code(), "UNAUTHENTICATED");
    // A token to administer manages sessions.
    let sessions = "{ viewer { sessions { edges { node { id } } } } }";
    let id = script.run(sessions, json!({})).await.data["viewer"]["sessions"]["edges"][0]["node"]["id"].clone();
    script.mutate("revokeSession", json!({ "sessionId": id }), "sessionId").await.done("revokeSession");
    assert_eq!(camille.run(WHO, json!({})).await.status, 401);
}

async fn a_token_is_named_and_bounded(world: &World) {
    let camille = world.member("camille").await;
    let create = async |name: &str, scopes: &[&str], days: i64| {
        let input = json!({ "name": name, "scopes": scopes, "expiresInDays": days });
        camille.mutate("createAccessToken", input, "secret token { id name scopes createdAt expiresAt usedAt }").await
    };
    let long = "x".repeat(81);
    for (name, scopes, days, problems) in [
        ("", &["LIRE"][..], 1, &["name: OBLIGATOIRE"][..]),
        (&*long, &["LIRE"], 1, &["name: TROP_LONG"]),
        ("script", &[], 1, &["scopes: OBLIGATOIRE"]),
        ("script", &["LIRE"], 0, &["expiresInDays: MALFORME"]),
        ("script", &["LIRE"], 367, &["expiresInDays: MALFORME"]),
        ("", &[], -1, &["name: OBLIGATOIRE", "scopes: OBLIGATOIRE", "expiresInDays: MALFORME"]),
    ] {
        let reply = create(name, scopes, days).await;
        assert_eq!(reply.problems("createAccessToken"), problems);
        assert_eq!(reply.data["createAccessToken"]["secret"], Value::Null);
    }
    let done = create("  mon   script ", &["LIRE"], 366).await.done("createAccessToken");
    assert_eq!((&done["token"]["name"], &done["token"]["usedAt"]), (&json!("mon script"), &Value::Null));
    let id = done["token"]["id"].as_str().unwrap();
    let secret = done["secret"].as_str().unwrap();
    assert!(secret.starts_with(id) && secret.len() == 36 + 44, "{}", secret.len());
    // Shown once: no list tells it, and its id alone opens nothing.
    let again = camille.run("query($i: ID!) { node(id: $i) { ... on AccessToken { name } } viewer { accessTokens { edges { node { id name } } } } }", json!({ "i": id })).await;
    assert!(again.data["node"]["name"] == "mon script" && !again.text.contains(&secret[36..]), "{}", again.text);
    assert_eq!(world.anonymous().with_bearer(id).run(WHO, json!({})).await.status, 401);
    for _ in 1..services::sessions::TOKENS_MOST {
        create("script", &["LIRE"], 1).await.done("createAccessToken");
    }
    assert_eq!(create("script", &["LIRE"], 1).await.problems("createAccessToken"), ["name: COMPLET"]);
    world.advance(TimeDelta::hours(25));
    world.run_jobs().await;
    create("script", &["LIRE"], 1).await.done("createAccessToken");
}

async fn the_sessions_and_tokens_of_others_are_not_found(world: &World) {
    let (camille, bruno) = (world.member("camille").await, world.member("bruno").await);
    let (token_id, _) = token(&bruno, &["LIRE"], 1).await;
    let query = "{ viewer { sessions { edges { node { id } } } } }";
    let session_id = bruno.run(query, json!({})).await.data["viewer"]["sessions"]["edges"][0]["node"]["id"].clone();
    for client in [&camille, world.administrator()] {
        assert_eq!(client.mutate("revokeSession", json!({ "sessionId": session_id }), "").await.code(), "NOT_FOUND");
        assert_eq!(client.mutate("revokeAccessToken", json!({ "tokenId": token_id }), "").await.code(), "NOT_FOUND");
        let query = "query($s: ID!, $t: ID!) { nodes(ids: [$s, $t]) { id } member(handle: \"bruno\") {
            sessions { totalCount } accessTokens { totalCount } } }";
        let seen = client.run(query, json!({ "s": session_id, "t": token_id })).await;
        let none = json!({ "nodes": [null, null], "member": { "sessions": null, "accessTokens": null } });
        assert_eq!(seen.data, none, "{}", seen.text);
    }
    assert_eq!(world.anonymous().mutate("revokeSession", json!({ "sessionId": session_id }), "").await.code(), "UNAUTHENTICATED");
    assert_eq!(bruno.run(WHO, json!({})).await.data["viewer"]["handle"], "bruno");
}
