//! The explorer in a real browser without a network: a person joins, asks, edits and accepts.

use harness::{Database, Wire, World, servers, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::binary::until;
use crate::browser::Page;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("explorer::a_person_joins_asks_and_accepts_in_a_browser".into(), servers::chromium_missing(), || {
            harness::tell(a_person_joins_asks_and_accepts_in_a_browser());
        }),
        trial("explorer::a_thread_is_watched_through_a_cut_in_a_browser".into(), servers::chromium_missing(), || {
            harness::tell(a_thread_is_watched_through_a_cut_in_a_browser());
        }),
    ]
}

/// What the explorer's own page does.
impl Page {
    /// As a person who selects all and pastes.
    async fn paste(&self, id: &str, text: &str) {
        let script = "const area = document.getElementById(arguments[0]); area.focus(); area.select();
            document.execCommand('insertText', false, arguments[1])";
        self.js(script, vec![json!(id), json!(text)]).await;
    }

    /// Runs what the editor holds; the answer shown.
    async fn run(&self) -> Value {
        self.click("#run").await;
        self.until("return ['ok', 'error'].includes(document.getElementById('status').dataset.state)").await;
        let shown = self.js("return document.getElementById('result').textContent", vec![]).await;
        let shown = shown.as_str().expect("text");
        let state = self.js("return document.getElementById('status').dataset.state", vec![]).await;
        assert_eq!(state, "ok", "{shown}");
        serde_json::from_str(shown).unwrap_or_else(|_| panic!("not JSON: {shown}"))
    }

    async fn ask(&self, query: &str, variables: Value) -> Value {
        self.paste("query", query).await;
        self.paste("variables", &variables.to_string()).await;
        self.run().await["data"].clone()
    }

    /// The events of a subscription that are shown, the newest last, once there are so many.
    async fn events(&self, count: usize) -> Vec<Value> {
        self.until(&format!("return document.querySelectorAll('#events li').length >= {count}")).await;
        let script = "return Array.from(document.querySelectorAll('#events pre'), (shown) => shown.textContent).reverse()";
        let shown = self.js(script, vec![]).await;
        let event = |text: &Value| {
            let payload: Value = serde_json::from_str(text.as_str().expect("text")).expect("JSON");
            payload["data"]["threadEvents"].clone()
        };
        shown.as_array().expect("a list").iter().map(event).collect()
    }

    async fn until_status(&self, start: &str) {
        self.until(&format!("return document.getElementById('status').textContent.startsWith('{start}')")).await;
    }

    async fn who(&self, state: &str) -> String {
        self.until(&format!("return document.getElementById('who')?.dataset.state === '{state}'")).await;
        self.text("#who").await
    }
}

async fn a_person_joins_asks_and_accepts_in_a_browser() {
    let world = World::start(Database::Sqlite).await;
    let (bruno, dalia) = (world.member("bruno").await, world.member("dalia").await);
    let page = Page::open(&world.url).await;
    page.goto("/explorer").await;

    // Anybody: a ready query, the documentation, completion.
    page.who("anonymous").await;
    let spaces = page.run().await;
    assert_eq!(spaces["data"]["spaces"].as_array().map(Vec::len), Some(3), "{spaces}");
    page.until("return document.getElementById('docs-view').innerText.includes('Mutation')").await;
    page.type_in("#docs-search", "openThread").await;
    page.until("return document.querySelector('#docs-view .description')?.innerText.includes('fil') === true").await;
    page.paste("query", "{ ").await;
    page.type_in("#query", "spac").await;
    page.until("return !document.getElementById('completion').hidden").await;
    assert!(page.text("#completion").await.contains("spaces"), "{}", page.text("#completion").await);
    page.click("#completion li").await;
    let written = page.js("return document.getElementById('query').value", vec![]).await;
    assert!(written.as_str().expect("text").starts_with("{ space"), "{written}");
    assert_eq!(page.complaints().await, Vec::<Value>::new());

    // Joining: a link by mail, read in the outbox, opened on its page.
    page.type_in("#address", "camille@exemple.test").await;
    page.click("#send-link").await;
    page.until("return document.querySelector('#link-message a') !== null").await;
    world.run_jobs().await;
    page.goto("/outbox").await;
    page.click(".mails a").await;
    page.click(".mail a").await;
    page.type_in("#handle", "Camille Roche !").await;
    page.type_in("#name", "Camille Roche").await;
    page.click("main button").await;
    page.find("#handle-problem").await;
    page.js("document.getElementById('handle').value = ''", vec![]).await;
    page.type_in("#handle", "camille").await;
    page.click("main button").await;
    let who = page.who("member").await;
    assert!(who.contains("Camille Roche") && who.contains("@camille"), "{who}");
    drop(world.mail_to("camille@exemple.test").await);
    // The refused form is a 422, which the browser notes.
    let noted = page.complaints().await;
    assert!(noted.iter().all(|line| line["message"].as_str().is_some_and(|text| text.contains("422"))), "{noted:?}");

    // The story: a question, an answer below an answer, an edit, an acceptance.
    let spaces = page.ask("{ spaces { slug forums { id slug } } }", json!({})).await;
    let of = |list: &Value, slug: &str| {
        list.as_array()
            .expect("a list")
            .iter()
            .find(|one| one["slug"] == slug)
            .unwrap_or_else(|| panic!("no {slug}: {list}"))
            .clone()
    };
    let forum = of(&of(&spaces["spaces"], "plateforme")["forums"], "questions")["id"].clone();
    let open = "mutation($forum: ID!) { openThread(input: { forumId: $forum, kind: QUESTION, title: \"Dupliquer une session ?\", \
                body: \"Bonjour, **comment** faire ?\" }) { thread { id openingPost { id } } problems { field message } } }";
    let opened = page.ask(open, json!({ "forum": forum })).await["openThread"]["thread"].clone();
    let (thread, opening) = (opened["id"].clone(), opened["openingPost"]["id"].as_str().expect("an id").to_owned());
    let first = bruno.answer(&opening, "Depuis le menu.").await;
    let second = dalia.answer(&first, "Et les inscrits ne suivent pas.").await;
    let edit = "mutation($post: ID!) { editPost(input: { postId: $post, body: \"Bonjour, comment dupliquer ?\" }) \
                { post { editedAt } problems { message } } }";
    assert!(page.ask(edit, json!({ "post": opening })).await["editPost"]["post"]["editedAt"].is_string());
    let accept = "mutation($post: ID!) { acceptAnswer(input: { postId: $post }) { thread { solved } problems { message } } }";
    assert_eq!(page.ask(accept, json!({ "post": second })).await["acceptAnswer"]["thread"]["solved"], true);
    let query = "query($id: ID!) { thread(id: $id) { solved acceptedAnswer { id } posts(first: 9) { edges { node { depth body author { handle } } } } } }";
    let seen = world.anonymous().run(query, json!({ "id": thread })).await;
    let edges = seen.data["thread"]["posts"]["edges"].as_array().unwrap_or_else(|| panic!("{}", seen.text)).clone();
    let shape: Vec<_> =
        edges.iter().map(|edge| (edge["node"]["depth"].as_i64(), edge["node"]["author"]["handle"].as_str())).collect();
    assert_eq!(shape, [(Some(0), Some("camille")), (Some(1), Some("bruno")), (Some(2), Some("dalia"))]);
    assert_eq!(
        (&seen.data["thread"]["acceptedAnswer"]["id"], &edges[0]["node"]["body"]),
        (&json!(second), &json!("Bonjour, comment dupliquer ?"))
    );

    page.click("#sign-out").await;
    page.who("anonymous").await;
    page.close().await;
    world.finish().await;
}

async fn a_thread_is_watched_through_a_cut_in_a_browser() {
    let world = World::start(Database::Sqlite).await;
    let grace = world.member("grace").await;
    world.member("ada").await;
    let forum = world.forum("plateforme", "questions").await;
    let (thread, root) = grace.open_thread(&forum, "DISCUSSION", "En direct", "Texte").await;
    let wire = Wire::to(&world.url).await;
    let page = Page::open(&wire.url).await;
    page.goto(&format!("/connexion?jeton={}", world.link("ada@exemple.test").await)).await;
    page.click("main button").await;
    page.who("member").await;

    page.find("#examples").await.select_by_label("Suivre un fil en direct").await.expect("the example");
    page.paste("variables", &json!({ "id": thread, "after": null }).to_string()).await;
    page.click("#run").await;
    page.until_status("Connecté").await;
    assert_eq!(page.events(1).await[0]["__typename"], "StreamStart");
    let mut made = vec![grace.answer(&root, "Avant la coupure").await];
    page.events(2).await;
    assert_eq!(page.complaints().await, Vec::<Value>::new());

    wire.cut();
    page.until_status("Ligne coupée, reprise").await;
    made.push(grace.answer(&root, "Pendant la coupure").await);
    made.push(grace.answer(&root, "Encore").await);
    wire.mend();
    page.until_status("Connecté").await;
    page.events(4).await;
    made.push(grace.answer(&root, "Après la coupure").await);
    let shown = page.events(5).await;
    let posts: Vec<_> = shown[1..].iter().map(|event| event["post"]["id"].clone()).collect();
    assert_eq!(posts, made, "{shown:?}");
    assert!(page.text("#events li").await.contains("Après la coupure"), "the newest is on top");

    page.click("#cancel").await;
    page.until_status("Abonnement arrêté").await;
    until("nobody listens", async || world.app.live.listeners() == 0).await;
    // A subscription that is refused says why; a query shows its answer again.
    page.paste("variables", &json!({ "id": "x" }).to_string()).await;
    page.click("#run").await;
    page.until_status("Abonnement refusé").await;
    page.until("return document.querySelectorAll('#errors li').length === 1").await;
    page.ask("{ spaces { slug } }", json!({})).await;
    // The browser notes each try while there was no line.
    let noted = page.complaints().await;
    assert!(noted.iter().all(|line| line["message"].as_str().is_some_and(|text| text.contains("/graphql/ws"))), "{noted:?}");
    page.close().await;
    world.finish().await;
}
