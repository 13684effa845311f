//! The service's own pages: the one-time link, and the outbox of a development machine.

use harness::{Client, Database, Settings, Story, World, stories, trial};
use libtest_mimic::Trial;
use reqwest::{RequestBuilder, Response};
use serde_json::json;

pub(crate) fn stories() -> Vec<Story> {
    stories![
        opening_a_link_does_not_use_it_and_the_button_does,
        the_form_to_join_says_what_to_correct,
        a_form_of_another_site_is_refused,
        hostile_words_stay_words,
        a_form_that_is_none_names_no_link,
    ]
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("pages::the_outbox_opens_only_on_the_machine_itself".into(), None, || {
            harness::tell(the_outbox_opens_only_on_the_machine_itself());
        }),
        trial("pages::behind_a_silent_proxy_there_is_no_outbox".into(), None, || {
            harness::tell(behind_a_silent_proxy_there_is_no_outbox());
        }),
        trial("pages::with_smtp_there_is_no_outbox".into(), None, || harness::tell(with_smtp_there_is_no_outbox())),
    ]
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}

/// A form, as a browser sends it.
fn form(world: &World, pairs: &[(&str, &str)]) -> RequestBuilder {
    let encoded: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    browser()
        .post(format!("{}/connexion", world.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", &world.url)
        .body(encoded.join("&"))
}

/// As an address or a form writes it.
pub(crate) fn percent(value: &str) -> String {
    value
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

async fn sent(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a body"))
}

async fn link_page(world: &World, token: &str) -> (u16, String) {
    sent(browser().get(format!("{}/connexion?jeton={}", world.url, percent(token)))).await
}

/// The cookie's pair, without its attributes.
fn cookie(response: &Response) -> (String, String) {
    let cookie = response.headers()["set-cookie"].to_str().expect("text");
    let (pair, attributes) = cookie.split_once(';').expect("attributes");
    (pair.to_owned(), attributes.to_owned())
}

async fn handle_of(world: &World, cookie: &str) -> serde_json::Value {
    let response = browser()
        .post(format!("{}/graphql", world.url))
        .header("cookie", cookie)
        .header("origin", &world.url)
        .json(&json!({ "query": "{ viewer { handle } }" }))
        .send()
        .await
        .expect("an answer");
    response.json::<serde_json::Value>().await.expect("JSON")["data"]["viewer"]["handle"].clone()
}

async fn opening_a_link_does_not_use_it_and_the_button_does(world: &World) {
    world.member("camille").await;
    let token = world.link("camille@exemple.test").await;
    for _ in 0..2 {
        let (status, page) = link_page(world, &token).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("Se connecter") && page.contains("camille@exemple.test") && page.contains(&token), "{page}");
    }
    let response = form(world, &[("jeton", &token)]).send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), &response.headers()["location"]), (303, &"/explorer".parse().expect("a header")));
    let (pair, attributes) = cookie(&response);
    assert!(
        attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax") && attributes.contains("Path=/"),
        "{attributes}"
    );
    assert!(!attributes.contains("Secure"), "over http a browser would not send it back: {attributes}");
    assert_eq!(handle_of(world, &pair).await, "camille");
    let (status, page) = link_page(world, &token).await;
    assert_eq!(status, 410, "{page}");
    assert!(page.contains("n'est plus valable") && page.contains("href=\"/explorer\""), "{page}");
    let response = form(world, &[("jeton", &token)]).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 410);
    assert!(!response.headers().contains_key("set-cookie"));
    for token in ["", "nothing", "lnk_0_x", "a\0b", "<script>"] {
        assert_eq!(link_page(world, token).await.0, 410, "{token:?}");
        assert_eq!(sent(form(world, &[("jeton", token)])).await.0, 410, "{token:?}");
    }
    assert_eq!(sent(form(world, &[])).await.0, 410);
}

async fn the_form_to_join_says_what_to_correct(world: &World) {
    world.member("bruno").await;
    let input = json!({ "kind": "MINISTERE", "name": "Ministère de l'Essai & des <Épreuves>", "shortName": "MEE" });
    let reply = world.administrator().mutate("createOrganisation", input, "organisation { id }").await;
    let organisation = reply.done("createOrganisation")["organisation"]["id"].as_str().expect("an id").to_owned();
    let bureau = world.administrator().make_organisation("Bureau des épreuves", Some(&organisation)).await;
    let token = world.link("dalia@exemple.test").await;
    let (status, page) = link_page(world, &token).await;
    assert_eq!(status, 200);
    assert!(page.contains("Rejoindre la communauté") && page.contains("dalia@exemple.test"), "{page}");
    assert!(page.contains(&organisation) && page.contains("Aucune pour l'instant"), "{page}");
    assert!(!page.contains("<Épreuves>"), "{page}");
    let (above, below) = (page.find(&organisation).expect("the organisation"), page.find(&bureau).expect("its unit"));
    assert!(above < below && page.contains(">\u{a0}\u{a0}\u{a0}Bureau des épreuves<"), "{page}");

    let pairs = [("jeton", &*token), ("handle", "é!"), ("name", ""), ("organisation", &*organisation)];
    let (status, page) = sent(form(world, &pairs)).await;
    assert_eq!(status, 422, "{page}");
    assert!(page.contains("id=\"handle-problem\"") && page.contains("id=\"name-problem\""), "{page}");
    assert!(page.contains("value=\"é!\"") && page.contains("selected"), "what was written is kept: {page}");
    assert!(page.contains("aria-invalid=\"true\""), "{page}");
    for (handle, organisation, place) in [
        ("bruno", "", "handle-problem"),
        ("dalia", "nothing", "organisation-problem"),
        ("dalia", "org_0", "organisation-problem"),
    ] {
        let pairs = [("jeton", &*token), ("handle", handle), ("name", "Dalia"), ("organisation", organisation)];
        let (status, page) = sent(form(world, &pairs)).await;
        assert_eq!(status, 422, "{handle} {organisation}: {page}");
        assert!(page.contains(&format!("id=\"{place}\"")), "{page}");
    }
    let pairs = [("jeton", &*token), ("handle", "dalia"), ("name", "Dalia Roche"), ("organisation", &*organisation)];
    let response = form(world, &pairs).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 303);
    let (pair, _) = cookie(&response);
    assert_eq!(handle_of(world, &pair).await, "dalia");
    assert_eq!(link_page(world, &token).await.0, 410);
    // Who administers is told of the request to belong to the organisation.
    while world.mails_left().await > 0 {
        world.mail_to("administration@ciam.test").await;
    }
}

async fn a_form_of_another_site_is_refused(world: &World) {
    world.member("eloi").await;
    let token = world.link("eloi@exemple.test").await;
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let request = browser()
            .post(format!("{}/connexion", world.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .header(name, value)
            .body(format!("jeton={token}"));
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 403, "{name}: {value}");
        assert!(!response.headers().contains_key("set-cookie"));
        let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
        assert!(kind.contains("utf-8"), "{kind}");
    }
    assert_eq!(sent(form(world, &[("jeton", &token)])).await.0, 303, "the link was not used up");
}

async fn a_form_that_is_none_names_no_link(world: &World) {
    let request = browser().post(format!("{}/connexion", world.url)).body(vec![0xff; 10]);
    assert_eq!(sent(request).await.0, 410);
}

async fn hostile_words_stay_words(world: &World) {
    let hostile = "\"><script>alert(1)</script>'&{{ 1234 * 4321 }}";
    let address = "\"o'x\"<@exemple.test";
    drop(
        world
            .anonymous()
            .run("mutation($a: String!) { requestLink(input: {address: $a}) { problems { message } } }", json!({ "a": address }))
            .await,
    );
    let token = world.link("o'brien&co@exemple.test").await;
    let pairs = [("jeton", &*token), ("handle", hostile), ("name", &*format!("a\0{hostile}")), ("organisation", hostile)];
    let (status, page) = sent(form(world, &pairs)).await;
    assert_eq!(status, 422, "{page}");
    assert!(!page.contains("<script") && !page.contains("5332114"), "{page}");
    assert!(page.contains("&lt;script&gt;"), "what was written is kept: {page}");
    let response =
        form(world, &[("jeton", &token), ("handle", "o-brien"), ("name", "<b>O'Brien</b>")]).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 303);
}

async fn the_outbox_opens_only_on_the_machine_itself() {
    let world = World::start(Database::Sqlite).await;
    let query = "mutation { requestLink(input: {address: \"fanny@exemple.test\"}) { problems { message } } }";
    world.anonymous().run(query, json!({})).await.done("requestLink");
    world.run_jobs().await;
    let get = |path: &str| browser().get(format!("{}{path}", world.url));
    let (status, list) = sent(get("/outbox")).await;
    assert_eq!(status, 200, "{list}");
    assert!(list.contains("fanny@exemple.test"), "{list}");
    let (_, after) = list.split_once("href=\"/outbox/").expect("a mail");
    let mail = format!("/outbox/{}", after.split('"').next().expect("a name"));
    let (status, page) = sent(get(&mail)).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("connexion?jeton=lnk_"), "{page}");

    for path in ["/outbox", &*mail] {
        for (name, value) in [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "localhost"),
            ("x-forwarded-proto", "https"),
            ("x-real-ip", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
            ("via", "1.1 proxy"),
            ("host", "evil.example"),
            ("host", "127.0.0.1.evil.example"),
            ("host", "localhost.evil.example:8080"),
            ("host", "[::1].evil.example"),
            ("host", "10.0.0.1"),
        ] {
            let (status, body) = sent(get(path).header(name, value)).await;
            assert_eq!(status, 404, "{path} {name}: {value}: {body}");
            assert!(!body.contains("fanny"), "{body}");
        }
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:1", "127.1.2.3", "[::1]:80"] {
            assert_eq!(sent(get(path).header("host", host)).await.0, 200, "{path} {host}");
        }
    }
    for name in [
        "..%2Fciam.sqlite",
        "..%2F..%2F..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "..%5Cciam.sqlite",
        "..%2Fnode",
        "..%2Foutbox%2Fx.eml",
        "x.eml",
        ".eml",
        "mai_0.eml",
        "a%00.eml",
        "%FF%FE.eml",
        "....%2F%2Fnode",
    ] {
        let (status, body) = sent(get(&format!("/outbox/{name}"))).await;
        assert!(status == 404 || status == 400, "{name}: {status}: {body}");
        assert!(!body.contains("SQLite") && !body.contains("root:"), "{name}");
    }
    world.mail_to("fanny@exemple.test").await;
    world.finish().await;
}

/// A proxy on the same machine that says nothing of itself: the public address tells it.
async fn behind_a_silent_proxy_there_is_no_outbox() {
    let public = |url: &str| Settings { public_url: Some(url.into()), ..Settings::default() };
    let behind = Settings { behind_proxy: true, ..Settings::default() };
    for (settings, status) in [
        (public("https://ciam.example"), 404),
        (public("http://192.0.2.7:8080"), 404),
        (public("http://localhost:8080/"), 200),
        (behind, 404),
    ] {
        let world = World::with(Database::Sqlite, settings.clone()).await;
        assert_eq!(sent(browser().get(format!("{}/outbox", world.url))).await.0, status, "{settings:?}");
        world.finish().await;
    }
}

async fn with_smtp_there_is_no_outbox() {
    let settings = Settings { smtp_url: Some("smtp://127.0.0.1:9".into()), ..Settings::default() };
    let world = World::with(Database::Sqlite, settings).await;
    assert_eq!(sent(browser().get(format!("{}/outbox", world.url))).await.0, 404);
    let who = Client::new(&world.url).run("{ viewer { id } }", json!({})).await;
    assert!(who.data["viewer"].is_null());
    world.finish().await;
}
