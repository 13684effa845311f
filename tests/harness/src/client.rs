//! A GraphQL client over HTTP, as any would be.

use serde_json::{Value, json};

/// Somebody who asks: nobody, or a member by bearer token.
#[derive(Clone, Debug)]
pub struct Client {
    url: String,
    http: reqwest::Client,
    /// The bearer token.
    pub bearer: Option<String>,
}

/// A reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `data`, null when there is none.
    pub data: Value,
    /// `errors`.
    pub errors: Vec<Value>,
    /// The whole text.
    pub text: String,
}

impl Client {
    /// Somebody who did not sign in, to the product at `url`.
    pub fn new(url: &str) -> Self {
        provide_tls();
        Self { url: url.to_owned(), http: reqwest::Client::new(), bearer: None }
    }

    /// The same client with that token.
    pub fn with_bearer(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client, to the product at `url`.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// A request for any address of the product.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The path that sends a file of that name.
    pub fn sending(name: &str) -> String {
        let url = reqwest::Url::parse_with_params("http://ciam/files", [("name", name)]).expect("an address");
        format!("{}?{}", url.path(), url.query().unwrap_or(""))
    }

    /// Sends a file; what is told of it.
    pub async fn send_file(&self, name: &str, content: &[u8]) -> Value {
        let response = self.request(reqwest::Method::POST, &Self::sending(name)).body(content.to_vec()).send().await;
        let response = response.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        assert_eq!(status, 201, "{name}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// What a path gives: its status and its bytes.
    pub async fn take(&self, path: &str) -> (u16, Vec<u8>) {
        let response = self.request(reqwest::Method::GET, path).send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.bytes().await.expect("a body").to_vec())
    }

    /// Asks, over POST.
    pub async fn run(&self, query: &str, variables: Value) -> Reply {
        self.send(json!({ "query": query, "variables": variables })).await
    }

    /// Sends that body.
    pub async fn send(&self, body: Value) -> Reply {
        self.attempt(body).await.expect("an answer")
    }

    /// The same, when the product may die before its whole answer is there.
    pub async fn attempt(&self, body: Value) -> reqwest::Result<Reply> {
        let mut request = self.http.post(format!("{}/graphql", self.url)).json(&body);
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON ({status}): {text}"));
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        Ok(Reply { status, data: body["data"].clone(), errors, text })
    }

    /// Opens a session with the token of a link.
    pub async fn sign_in(&self, token: &str) -> Self {
        let query = "mutation($t: String!) { signIn(input: {token: $t, kind: CLIENT}) { bearer problems { field message } } }";
        let reply = self.run(query, json!({ "t": token })).await;
        let done = reply.done("signIn");
        self.with_bearer(done["bearer"].as_str().expect("a bearer token"))
    }

    /// Joins with the token of a link.
    pub async fn sign_up(&self, token: &str, handle: &str, name: &str, organisation: Option<&str>) -> Self {
        let query = "mutation($i: SignUpInput!) { signUp(input: $i) { bearer problems { field message } } }";
        let input = json!({ "token": token, "handle": handle, "name": name, "organisationId": organisation, "kind": "CLIENT" });
        let reply = self.run(query, json!({ "i": input })).await;
        let done = reply.done("signUp");
        self.with_bearer(done["bearer"].as_str().expect("a bearer token"))
    }

    /// The id of the member who asks.
    pub async fn id(&self) -> String {
        let reply = self.run("{ viewer { id } }", json!({})).await;
        reply.data["viewer"]["id"].as_str().expect("signed in").to_owned()
    }

    /// A mutation of one input, with the fields wanted of its payload.
    pub async fn mutate(&self, name: &str, input: Value, fields: &str) -> Reply {
        self.send(mutation(name, input, fields)).await
    }

    /// The same, when the product may die before its whole answer is there.
    pub async fn attempt_to(&self, name: &str, input: Value, fields: &str) -> reqwest::Result<Reply> {
        self.attempt(mutation(name, input, fields)).await
    }

    /// Makes a ministry of that name, or a unit of `parent`; its id.
    pub async fn make_organisation(&self, name: &str, parent: Option<&str>) -> String {
        let kind = parent.is_none().then_some("MINISTERE");
        let input = json!({ "kind": kind, "name": name, "shortName": name, "parentId": parent });
        let reply = self.mutate("createOrganisation", input, "organisation { id }").await;
        reply.done("createOrganisation")["organisation"]["id"].as_str().expect("an id").to_owned()
    }

    /// Grants a role from now on; the id of the grant.
    pub async fn grant(&self, member: &str, role: &str, organisation: Option<&str>) -> String {
        let input = json!({ "memberId": member, "role": role, "organisationId": organisation });
        let reply = self.mutate("grantRole", input, "roleGrant { id }").await;
        reply.done("grantRole")["roleGrant"]["id"].as_str().expect("an id").to_owned()
    }

    /// Opens a thread; its id and its opening post's.
    pub async fn open_thread(&self, forum: &str, kind: &str, title: &str, body: &str) -> (String, String) {
        let input = json!({ "forumId": forum, "kind": kind, "title": title, "body": body });
        let reply = self.mutate("openThread", input, "thread { id openingPost { id } }").await;
        let thread = &reply.done("openThread")["thread"];
        (thread["id"].as_str().expect("an id").to_owned(), thread["openingPost"]["id"].as_str().expect("an id").to_owned())
    }

    /// Answers a post; the id of the answer.
    pub async fn answer(&self, post: &str, body: &str) -> String {
        let reply = self.mutate("answerPost", json!({ "postId": post, "body": body }), "post { id }").await;
        reply.done("answerPost")["post"]["id"].as_str().expect("an id").to_owned()
    }
}

/// The body of a request for that mutation.
fn mutation(name: &str, input: Value, fields: &str) -> Value {
    let mut kind = name[..1].to_uppercase();
    kind.push_str(&name[1..]);
    let query = format!("mutation($i: {kind}Input!) {{ {name}(input: $i) {{ problems {{ field code message }} {fields} }} }}");
    json!({ "query": query, "variables": { "i": input } })
}

impl Reply {
    /// The payload of a mutation that was done.
    pub fn done(&self, mutation: &str) -> Value {
        assert!(self.errors.is_empty(), "{mutation}: {}", self.text);
        let payload = self.data[mutation].clone();
        assert_eq!(payload["problems"], json!([]), "{mutation}: {}", self.text);
        payload
    }

    /// The problems of a mutation that was not, as `field: CODE`.
    pub fn problems(&self, mutation: &str) -> Vec<String> {
        assert!(self.errors.is_empty(), "{mutation}: {}", self.text);
        let problems = self.data[mutation]["problems"].as_array().unwrap_or_else(|| panic!("{}", self.text)).clone();
        assert!(!problems.is_empty(), "{mutation} was done: {}", self.text);
        problems
            .iter()
            .map(|one| format!("{}: {}", one["field"].as_str().unwrap_or(""), one["code"].as_str().unwrap_or("")))
            .collect()
    }

    /// The code of the first error.
    pub fn code(&self) -> String {
        let error = self.errors.first().unwrap_or_else(|| panic!("no error: {}", self.text));
        error["extensions"]["code"].as_str().unwrap_or("").to_owned()
    }
}

/// What the HTTP client needs before it is made, even for addresses without TLS: the one stack of the product, ring's.
pub(crate) fn provide_tls() {
    // Refused when it is there already.
    drop(rustls::crypto::ring::default_provider().install_default());
}
