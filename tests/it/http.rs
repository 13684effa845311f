//! GraphQL over HTTP: media types, statuses, bodies, limits, and the headers of every answer.

use harness::{Database, Settings, Story, World, stories, trial};
use libtest_mimic::Trial;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::pages::percent;

const TYPED: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

pub(crate) fn stories() -> Vec<Story> {
    stories![null_bytes_are_never_a_fault_of_ours, previews_at_once_do_not_starve_each_other]
}

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        vec![$(trial(concat!("http::", stringify!($name)).into(), None, || harness::tell(async {
            let world = World::with(Database::Sqlite, Settings::default()).await;
            $name(&world).await;
            world.finish().await;
        }))),*]
    };
}

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        the_reply_has_the_media_type_that_was_asked_for,
        the_status_says_whether_the_document_was_executed,
        only_json_is_read,
        a_body_that_is_not_a_request_is_refused_in_words,
        a_get_reads_and_never_writes,
        variables_and_operation_names_count,
        every_limit_is_told_in_french,
        a_bomb_is_refused_at_once,
        tools_can_read_the_schema,
        a_wrong_token_is_refused,
        a_request_from_another_site_is_refused,
        an_unknown_address_leads_nowhere_in_french,
        every_answer_has_its_security_headers,
    ]
}

fn ask(world: &World, method: Method, path: &str) -> RequestBuilder {
    reqwest::Client::new().request(method, format!("{}{path}", world.url))
}

fn post(world: &World, accept: &str, query: &str) -> RequestBuilder {
    ask(world, Method::POST, "/graphql").header("accept", accept).json(&json!({ "query": query }))
}

async fn told(request: RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.expect("an answer");
    let (status, kind) = (response.status().as_u16(), content_type(&response));
    let text = response.text().await.expect("a body");
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON ({status}): {text}"));
    (status, kind, body)
}

fn content_type(response: &Response) -> String {
    response.headers().get("content-type").map(|kind| kind.to_str().expect("text").to_owned()).unwrap_or_default()
}

/// The sentence and the code of the only error of a reply without data.
fn refusal(body: &Value) -> (&str, &str) {
    assert_eq!(body["errors"].as_array().map(Vec::len), Some(1), "{body}");
    assert!(body.get("data").is_none(), "{body}");
    (body["errors"][0]["message"].as_str().expect("a message"), body["errors"][0]["extensions"]["code"].as_str().expect("a code"))
}

async fn the_reply_has_the_media_type_that_was_asked_for(world: &World) {
    let cases = [
        (TYPED, TYPED),
        (JSON, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json;q=0.5, application/graphql-response+json", TYPED),
        ("text/html, application/json", JSON),
        ("application/graphql-response+json;q=0, application/json", JSON),
        ("application/json;q=0.0, application/graphql-response+json; q=0.001", TYPED),
    ];
    for (accept, kind) in cases {
        let (status, given, body) = told(post(world, accept, "{ __typename }")).await;
        assert_eq!((status, given), (200, format!("{kind}; charset=utf-8")), "{accept}");
        assert_eq!(body, json!({ "data": { "__typename": "Query" } }));
    }
    let (status, _, _) = told(ask(world, Method::POST, "/graphql").json(&json!({ "query": "{ __typename }" }))).await;
    assert_eq!(status, 200, "without Accept");
    for accept in ["text/html", "text/plain, image/png", "application/json;q=0", "*/*; Q=0.00"] {
        let (status, _, body) = told(post(world, accept, "{ __typename }")).await;
        assert_eq!((status, refusal(&body).1), (406, "NOT_ACCEPTABLE"), "{accept}");
    }
}

async fn the_status_says_whether_the_document_was_executed(world: &World) {
    // (document, status with the new media type, status with application/json, code)
    let cases = [
        ("{ spaces {", 400, 200, "GRAPHQL_PARSE_FAILED"),
        ("", 400, 200, "GRAPHQL_PARSE_FAILED"),
        ("{ nothingOfTheSort }", 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        ("{ thread { id } }", 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { thread(id: $id) { id } }", 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        ("query Named($id: ID!) { thread(id: $id) { id } }", 400, 200, "GRAPHQL_VALIDATION_FAILED"),
    ];
    for (query, typed, plain, code) in cases {
        for (accept, expected) in [(TYPED, typed), (JSON, plain)] {
            let (status, _, body) = told(post(world, accept, query)).await;
            assert_eq!(status, expected, "{query}: {body}");
            assert!(body.get("data").is_none(), "{query}: {body}");
            assert_eq!(body["errors"][0]["extensions"]["code"], code, "{query}: {body}");
            assert!(
                body["errors"][0]["message"].as_str().expect("a message").starts_with("Requête GraphQL invalide : "),
                "{body}"
            );
        }
    }
    for name in ["", "Named"] {
        let query = format!(r#"mutation {name} {{ updateProfile(input: {{name: "Personne"}}) {{ problems {{ field }} }} }}"#);
        for accept in [TYPED, JSON] {
            let (status, _, body) = told(post(world, accept, &query)).await;
            assert_eq!(status, 200, "executed, with an error on a field: {body}");
            assert_eq!(body["errors"][0]["path"], json!(["updateProfile"]), "{body}");
            assert_eq!(body["data"], json!({ "updateProfile": null }), "{body}");
        }
    }
}

async fn only_json_is_read(world: &World) {
    let body = r#"{"query":"{ __typename }"}"#;
    for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/graphql"] {
        let (status, _, reply) = told(ask(world, Method::POST, "/graphql").header("content-type", kind).body(body)).await;
        assert_eq!((status, refusal(&reply).1), (415, "UNSUPPORTED"), "{kind}");
    }
    let (status, _, _) = told(ask(world, Method::POST, "/graphql").body(body)).await;
    assert_eq!(status, 415, "without Content-Type");
    let request = ask(world, Method::POST, "/graphql").header("content-type", "Application/JSON; charset=utf-8").body(body);
    assert_eq!(told(request).await.0, 200);
}

async fn a_body_that_is_not_a_request_is_refused_in_words(world: &World) {
    let send = |body: Vec<u8>| told(ask(world, Method::POST, "/graphql").header("content-type", JSON).body(body));
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"\"{ __typename }\"",
        b"{}",
        b"{\"query\": 1}",
        b"{\"query\": \"{ __typename }\", \"variables\": [1]}",
        b"{\"query\": \"{ \xff\xfe __typename }\"}",
        b"{\"query\": \"\\ud800\"}",
    ];
    for body in bodies {
        let (status, _, reply) = send(body.to_vec()).await;
        assert_eq!((status, refusal(&reply).1), (400, "BAD_REQUEST"), "{}", String::from_utf8_lossy(body));
    }
    let (status, _, reply) = send(b" [{\"query\": \"{ __typename }\"}]".to_vec()).await;
    assert_eq!(status, 400);
    assert!(refusal(&reply).0.contains("lots"), "{reply}");
    let mut large = br#"{"query": "{ __typename }", "extensions": {"x": ""#.to_vec();
    large.resize(1024 * 1024, b'a');
    let (status, _, reply) = send([large.as_slice(), b"\"}}"].concat()).await;
    assert_eq!((status, refusal(&reply).1), (413, "TOO_LARGE"));
    // The engine nests 32 levels of braces; JSON nests no deeper than its reader's own bound.
    let deep =
        format!("{{\"query\": \"{{ __typename }}\", \"variables\": {{\"x\": {}{} }}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(send(deep.into_bytes()).await.0, 400);
}

async fn a_get_reads_and_never_writes(world: &World) {
    let get = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        ask(world, Method::GET, &format!("/graphql?{}", pairs.join("&"))).header("accept", TYPED)
    };
    let (status, _, body) =
        told(get(&[("query", "query($s: String!) { space(slug: $s) { slug } }"), ("variables", r#"{"s": "plateforme"}"#)])).await;
    assert_eq!((status, &body["data"]["space"]["slug"]), (200, &json!("plateforme")), "{body}");
    let mutation = r#"mutation { requestLink(input: {address: "a@exemple.test"}) { message } }"#;
    let two = format!("query A {{ __typename }} {mutation}").replace("mutation {", "mutation B {");
    let named = mutation.replace("mutation {", "mutation Named {");
    for pairs in [
        vec![("query", mutation)],
        vec![("query", &*named)],
        vec![("query", &*named), ("operationName", "Named")],
        vec![("query", &*two), ("operationName", "B")],
    ] {
        let response = get(&pairs).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 405);
        assert_eq!(response.headers()["allow"], "POST");
    }
    assert_eq!(world.mails_left().await, 0, "a GET wrote");
    assert_eq!(told(get(&[("query", &*two), ("operationName", "A")])).await.0, 200);
    for pairs in
        [vec![], vec![("query", "{ __typename }"), ("variables", "[")], vec![("query", "{ __typename }"), ("variables", "[]")]]
    {
        let (status, _, body) = told(get(&pairs)).await;
        assert_eq!((status, refusal(&body).1), (400, "BAD_REQUEST"), "{pairs:?}");
    }
    let response = ask(world, Method::PUT, "/graphql").send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 405);
}

async fn variables_and_operation_names_count(world: &World) {
    let document =
        "query Un { space(slug: \"plateforme\") { slug } } query Deux($s: String = \"editorial\") { space(slug: $s) { slug } }";
    let send = |more: Value| {
        let mut body = json!({ "query": document });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        told(ask(world, Method::POST, "/graphql").header("accept", TYPED).json(&body))
    };
    for (more, slug) in [
        (json!({ "operationName": "Un" }), "plateforme"),
        (json!({ "operationName": "Deux", "variables": null, "extensions": null }), "editorial"),
        (json!({ "operationName": "Deux", "variables": { "s": "accompagnement", "unused": 1 } }), "accompagnement"),
    ] {
        let (status, _, body) = send(more).await;
        assert_eq!((status, &body["data"]["space"]["slug"]), (200, &json!(slug)), "{body}");
    }
    for more in [json!({}), json!({ "operationName": "Trois" }), json!({ "operationName": "Deux", "variables": { "s": 3 } })] {
        let (status, _, body) = send(more.clone()).await;
        assert_eq!(status, 400, "{more}: {body}");
        assert!(body.get("data").is_none(), "{body}");
    }
}

async fn every_limit_is_told_in_french(world: &World) {
    let limits = world.app.config.limits;
    let roots = (0..=limits.roots).map(|n| format!("r{n}: __typename ")).collect::<String>();
    let hidden = format!("query {{ ...F }} fragment F on Query {{ {roots} }}");
    let inline = format!("{{ ... on Query {{ {roots} }} }}");
    let aliases = (0..=limits.aliases).map(|n| format!("a{n}: id ")).collect::<String>();
    let definitions = (0..=limits.definitions).map(|n| format!("query Q{n} {{ __typename }} ")).collect::<String>();
    let deep = format!(
        "{{ threads(first: 1) {{ edges {{ node {{ {}id{} }} }} }} }}",
        "openingPost { thread { ".repeat(9),
        " } }".repeat(9)
    );
    let wide = "{ threads(first: 100) { edges { node { posts(first: 100) { edges { node { id body } } } } } } }";
    let cases = [
        (format!("{{ {roots} }}"), "racine"),
        (hidden, "racine"),
        (inline, "racine"),
        (format!("{{ spaces {{ {aliases} }} }}"), "alias"),
        (format!("{{ __typename {} }}", "@include(if: true) ".repeat(limits.directives + 1)), "directive"),
        (definitions, "opérations et fragments"),
        (deep, "niveaux de champs"),
        (
            format!("{{ {}__typename{} }}", "... on Query { ".repeat(limits.braces + 1), " }".repeat(limits.braces + 1)),
            "accolades",
        ),
        (wide.to_owned(), "coûte"),
        (format!("{{ __typename #{}\n }}", "x".repeat(limits.document_bytes)), "octets"),
    ];
    for (document, word) in cases {
        let (status, _, body) = told(post(world, TYPED, &document)).await;
        let start: String = document.chars().take(80).collect();
        assert_eq!(status, 400, "{start}: {body}");
        let (message, _) = refusal(&body);
        assert!(message.contains(word), "{start}: {message}");
    }
}

async fn a_bomb_is_refused_at_once(world: &World) {
    let nested = format!("{}__typename{}", "{ a ".repeat(10_000), "}".repeat(10_000));
    let list = format!("{{ nodes(ids: {}{}) {{ id }} }}", "[".repeat(20_000), "]".repeat(20_000));
    let object = format!("{{ node(id: {}1{}) {{ id }} }}", "{a: ".repeat(12_000), "}".repeat(12_000));
    let kind = format!("query($v: {}Int{}) {{ __typename }}", "[".repeat(20_000), "]".repeat(20_000));
    let circle = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned();
    let own = "{ ...A } fragment A on Query { spaces { id } ...A }".to_owned();
    let mut laughs = String::from("{ ...F0 } ");
    for n in 0..60 {
        laughs += &format!("fragment F{n} on Query {{ ...F{} ...F{} }} ", n + 1, n + 1);
    }
    laughs += "fragment F60 on Query { __typename }";
    // The same below a field, not deep enough for the limit of depth.
    let mut smiles = String::from("{ spaces { ...F0 } } ");
    for n in 0..30 {
        smiles += &format!("fragment F{n} on Space {{ ...F{} ...F{} }} ", n + 1, n + 1);
    }
    let round = format!("{smiles} fragment F30 on Space {{ ...F0 }}");
    smiles += "fragment F30 on Space { id }";
    for document in [nested, list, object, kind, circle, own, laughs, smiles, round] {
        let (status, _, body) = told(post(world, TYPED, &document)).await;
        let start: String = document.chars().take(40).collect();
        assert_eq!(status, 400, "{start}: {body}");
        assert!(!refusal(&body).1.is_empty(), "{start}");
    }
    assert_eq!(world.anonymous().run("{ __typename }", json!({})).await.status, 200, "the product still stands");
}

async fn tools_can_read_the_schema(world: &World) {
    let reference = format!("kind name {}{}", "ofType { kind name ".repeat(9), "}".repeat(9));
    let query = format!(
        "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }}
         subscriptionType {{ name kind }} types {{ ...FullType }}
         directives {{ name description isRepeatable locations args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description specifiedByURL
           fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }}
             type {{ ...TypeRef }} isDeprecated deprecationReason }}
           inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
           enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }} possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated deprecationReason }}
         fragment TypeRef on __Type {{ {reference} }}"
    );
    let (status, _, body) = told(post(world, TYPED, &query)).await;
    assert_eq!(status, 200, "{}", body["errors"]);
    assert!(body["errors"].is_null(), "{}", body["errors"]);
    assert_eq!(body["data"]["__schema"]["queryType"]["name"], "Query");
}

async fn a_wrong_token_is_refused(world: &World) {
    let own = world.administrator().bearer.clone().expect("a token");
    let wrong = format!("{}x", &own[..own.len() - 1]);
    for authorization in ["Bearer nothing", "Bearer", "Bearer ", "Basic YTpi", "jeton", &*format!("Bearer {wrong}")] {
        let response =
            post(world, TYPED, "{ __typename }").header("authorization", authorization).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 401, "{authorization}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(refusal(&body), ("Ce jeton n'est pas ou plus valable.", "UNAUTHENTICATED"));
    }
    let (status, _, body) = told(post(world, TYPED, "{ viewer { id } }").header("authorization", format!("bearer {own}"))).await;
    assert_eq!((status, body["data"]["viewer"]["id"].is_string()), (200, true), "the scheme has no case: {body}");
    let (status, _, body) = told(post(world, TYPED, "{ viewer { id } }").header("cookie", "ciam=nothing")).await;
    assert_eq!((status, &body["data"]["viewer"]), (200, &Value::Null), "a cookie that is no good is nobody's: {body}");
}

async fn a_request_from_another_site_is_refused(world: &World) {
    let asked =
        |name: &'static str, value: &str| post(world, TYPED, "{ __typename }").header("cookie", "ciam=x").header(name, value);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let (status, _, body) = told(asked(name, value)).await;
        assert_eq!((status, refusal(&body).1), (403, "FORBIDDEN"), "{name}: {value}");
    }
    for (name, value) in [("origin", &*world.url), ("sec-fetch-site", "same-origin")] {
        assert_eq!(told(asked(name, value)).await.0, 200, "{name}: {value}");
    }
    // A GET brings the cookie along when a link is followed: nothing is read in its name for another site, and without a word
    // on where it comes from (an old browser, a program) it reads, and never writes.
    let get = |query: &str, site: Option<&str>| {
        let request = ask(world, Method::GET, &format!("/graphql?query={}", percent(query))).header("cookie", "ciam=x");
        site.into_iter().fold(request.header("accept", TYPED), |request, site| request.header("sec-fetch-site", site))
    };
    for (site, status) in [(Some("cross-site"), 403), (Some("same-site"), 403), (Some("none"), 200), (None, 200)] {
        assert_eq!(told(get("{ __typename }", site)).await.0, status, "{site:?}");
    }
    assert_eq!(told(get("mutation { signOut(input: {}) { clientMutationId } }", None)).await.0, 405);
}

async fn an_unknown_address_leads_nowhere_in_french(world: &World) {
    for path in ["/nulle-part", "/graphql/", "/explorer/rien.js", "/outbox/rien.eml", "/health"] {
        let response = ask(world, Method::GET, path).send().await.expect("an answer");
        assert_eq!((response.status().as_u16(), &*content_type(&response)), (404, "text/plain; charset=utf-8"), "{path}");
        assert_eq!(response.text().await.expect("a body"), "Cette adresse ne mène nulle part.", "{path}");
    }
}

async fn every_answer_has_its_security_headers(world: &World) {
    for path in [
        "/",
        "/explorer",
        "/explorer/explorer.js",
        "/explorer/line.js",
        "/connexion",
        "/outbox",
        "/style.css",
        "/health/live",
        "/nulle-part",
        "/graphql",
    ] {
        let response = ask(world, Method::GET, path).send().await.expect("an answer");
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
        assert!(headers.contains_key("cache-control"), "{path}");
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
    }
}

/// More of them than there are connections, each with somebody to look up.
async fn previews_at_once_do_not_starve_each_other(world: &World) {
    let client = world.member("nadia").await;
    let asked = (0..32).map(|_| client.run("{ preview(body: \"Merci @nadia\") { html } }", json!({})));
    for reply in futures_util::future::join_all(asked).await {
        assert!(reply.data["preview"]["html"].as_str().is_some_and(|html| html.contains("/membres/mem_")), "{}", reply.text);
    }
    let deep = ">".repeat(50_000) + "a";
    let reply = client.run("query($b: String!) { preview(body: $b) { html } }", json!({ "b": deep })).await;
    assert_eq!((reply.code(), &reply.errors[0]["extensions"]["fields"]), ("INVALID".into(), &json!(["body"])), "{}", reply.text);
}

/// PostgreSQL holds no null byte in a text: it is a problem of the input, or nothing is found.
async fn null_bytes_are_never_a_fault_of_ours(world: &World) {
    let (nul, client) = ("a\u{0}b", world.member("nadia").await);
    let forum = world.forum("plateforme", "questions").await;
    let (thread, post) = client.open_thread(&forum, "QUESTION", "Une question simple", "Bonjour.").await;
    let mut replies = Vec::new();
    for query in [
        "query($x: String!) { space(slug: $x) { id } }",
        "query($x: ID!) { node(id: $x) { id } }",
        "query($x: ID!) { nodes(ids: [$x]) { id } }",
        "query($x: ID!) { thread(id: $x) { id } }",
        "query($x: String!) { threads(first: 1, after: $x) { edges { cursor } } }",
        "query($x: String!) { member(handle: $x) { id } }",
        "mutation($x: String!) { requestLink(input: {address: $x}) { problems { message } } }",
        "mutation($x: String!) { signIn(input: {token: $x, kind: CLIENT}) { problems { message } } }",
        "mutation($x: String!) { createAccessToken(input: {name: $x, scopes: [LIRE], expiresInDays: 3}) { problems { message } } }",
        "mutation($x: String!) { updateProfile(input: {name: $x}) { problems { message } } }",
        "mutation($x: String!) { updateProfile(input: {handle: $x, clientMutationId: $x}) { problems { message } } }",
    ] {
        replies.push(client.run(query, json!({ "x": nul })).await);
    }
    for (name, input) in [
        ("openThread", json!({ "forumId": forum, "kind": "QUESTION", "title": nul, "body": nul })),
        ("openThread", json!({ "forumId": nul, "kind": "QUESTION", "title": "Un titre", "body": "Un corps" })),
        ("answerPost", json!({ "postId": post, "body": nul })),
        ("answerPost", json!({ "postId": post, "body": "@a\u{0}b et `\u{0}`" })),
        ("editPost", json!({ "postId": post, "body": nul })),
        ("acceptAnswer", json!({ "postId": nul })),
    ] {
        replies.push(client.mutate(name, input, "clientMutationId").await);
    }
    for reply in replies {
        assert!(reply.status == 200 || reply.status == 400, "{}", reply.text);
        assert!(!reply.text.contains("\"INTERNAL\"") && !reply.text.contains("\"UNAVAILABLE\""), "{}", reply.text);
        assert!(!reply.text.contains("GRAPHQL_VALIDATION_FAILED"), "this test asks wrongly: {}", reply.text);
    }
    let reply = client.run("query($x: ID!) { thread(id: $x) { postCount } }", json!({ "x": thread })).await;
    assert_eq!(reply.data["thread"]["postCount"], 1, "{}", reply.text);
}
