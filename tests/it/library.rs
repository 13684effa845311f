//! The library: what the guide holds, documents with versions at stable addresses, seen by whoever may.

use chrono::TimeDelta;
use futures_util::future::join;
use harness::{Client, Story, World, stories};
use reqwest::redirect::Policy;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use services::events::Event;
use services::foundation;

use crate::binary::until;
use crate::files::pdf;
use crate::steps::{colleague, column, grant, moderator, nodes, organisation, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        the_guide_is_laid_with_what_is_certain,
        a_document_keeps_its_address_from_version_to_version,
        a_restricted_document_leaves_no_trace,
        who_keeps_the_library_and_who_owns_a_document_write,
        a_document_is_handed_over,
        what_is_given_of_a_document_is_checked,
        a_member_has_one_voice,
        documents_are_found_by_what_they_are,
        a_remark_and_another_audience_at_once_are_both_done,
    ]
}

pub(crate) async fn category(world: &World, slug: &str) -> String {
    let data = read(&world.anonymous(), "{ documentCategories { id slug } }", json!({})).await;
    let found = data["documentCategories"].as_array().expect("categories").iter().find(|one| one["slug"] == slug).cloned();
    text(&found.expect("that category")["id"])
}

/// Someone who edits the community's news and keeps its library.
pub(crate) async fn editor(world: &World, handle: &str) -> Client {
    let member = world.member(handle).await;
    grant(world, &member, "EDITEUR", json!({})).await;
    member
}

/// A document to add, for everybody, with what `more` says otherwise.
async fn sound(world: &World, more: Value) -> Value {
    let mut input = json!({
        "categoryId": category(world, "documentation-modele").await, "title": "Trame de storyboard", "audience": [{ "kind": "PUBLIC" }],
    });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    input
}

pub(crate) async fn added(world: &World, client: &Client, more: Value) -> String {
    let reply = client.mutate("createDocument", sound(world, more).await, "document { id }").await;
    text(&reply.done("createDocument")["document"]["id"])
}

async fn document(client: &Client, id: &str) -> Value {
    let query = "query($d: ID!) { document(id: $d) { id title state url downloadCount usefulCount viewerFoundUseful viewerMayEdit reviewDue
        latest { number link note file { name size sha256 } author { handle } url }
        versions { totalCount edges { node { number link file { name } } } } } }";
    read(client, query, json!({ "d": id })).await["document"].clone()
}

async fn get(client: &Client, path: &str) -> Response {
    let http = reqwest::Client::builder().redirect(Policy::none()).build().expect("a client");
    let request = client.request(Method::GET, path).build().expect("a request");
    http.execute(request).await.expect("an answer")
}

async fn the_guide_is_laid_with_what_is_certain(world: &World) {
    let query = "query($f: DocumentFilter, $t: String) { documents(first: 100, filter: $f, tag: $t) { totalCount edges { node {
        title state url latest { link author { id } } category { slug } tags ownerMember { id } ownerOrganisation { id } } } } }";
    let all = read(&world.anonymous(), query, json!({})).await["documents"].clone();
    assert_eq!(all["totalCount"], json!(49));
    let titles: Vec<_> = column(&all, "title").iter().map(text).collect();
    let mut sorted = titles.clone();
    sorted.sort();
    assert_eq!(titles, sorted);
    let categories = read(&world.anonymous(), "{ documentCategories { name } }", json!({})).await;
    assert_eq!(categories["documentCategories"].as_array().map(Vec::len), Some(9));
    for document in nodes(&all) {
        let known = document["state"] == "DISPONIBLE";
        assert!(known || document["state"] == "ADRESSE_A_CONFIRMER");
        assert_eq!((document["url"].is_string(), document["latest"]["link"].is_string()), (known, known), "{document}");
        assert!(document["ownerMember"].is_null() && document["ownerOrganisation"].is_null());
    }
    let known = nodes(&all).into_iter().find(|one| one["title"] == "Stratégie éditoriale Mentor").expect("the strategy");
    assert!(text(&known["latest"]["link"]).ends_with("/strategie-editoriale-du-programme-mentor"));
    let remains = read(world.administrator(), query, json!({ "f": "A_CONFIRMER" })).await["documents"].clone();
    assert_eq!(remains["totalCount"], json!(42));
    let tutorials = read(&world.anonymous(), query, json!({ "t": "Tutoriel" })).await["documents"].clone();
    assert_eq!(tutorials["totalCount"], json!(7));
    // An administrator gives what was missing.
    let waiting = "{ documents(filter: A_CONFIRMER, first: 1) { edges { node { id } } } }";
    let id = text(&nodes(&read(world.administrator(), waiting, json!({})).await["documents"])[0]["id"]);
    let input = json!({ "documentId": id, "link": "https://exemple.fr/guide" });
    let done = world.administrator().mutate("addDocumentVersion", input, "document { state }").await.done("addDocumentVersion");
    assert_eq!(done["document"]["state"], "DISPONIBLE");
    let remains = read(world.administrator(), query, json!({ "f": "A_CONFIRMER" })).await["documents"].clone();
    assert_eq!(remains["totalCount"], json!(41));
    // A database that an earlier version founded gets it at the next start; and once.
    for table in ["document_versions", "document_tags", "documents", "document_categories"] {
        world.change(&format!("delete from {table}")).await;
    }
    for _ in 0..2 {
        assert!(foundation::lay(&world.app).await.expect("laid").is_none());
        assert_eq!(world.count("select count(*) from documents").await, 49);
    }
}

async fn a_document_keeps_its_address_from_version_to_version(world: &World) {
    let keeper = editor(world, "edite").await;
    let first = pdf("première");
    let file = keeper.send_file("Trame.pdf", &first).await["id"].clone();
    let id = added(
        world,
        &keeper,
        json!({ "fileId": file, "note": "Première version", "tags": ["Storyboard"], "summary": "Une trame" }),
    )
    .await;
    let reader = world.anonymous();
    let seen = document(&reader, &id).await;
    assert_eq!(
        (&seen["state"], &seen["latest"]["number"], &seen["latest"]["file"]["name"]),
        (&json!("DISPONIBLE"), &json!(1), &json!("Trame.pdf"))
    );
    assert_eq!((&seen["latest"]["file"]["size"], &seen["latest"]["author"]["handle"]), (&json!(first.len()), &json!("edite")));
    let (latest, second) = (format!("/documents/{id}/latest"), pdf("deuxième"));
    assert_eq!(seen["url"], json!(format!("{}{latest}", world.url)));
    assert_eq!(reader.take(&latest).await, (200, first.clone()));
    let add = async |client: &Client, version: Value| {
        let mut input = version;
        input["documentId"] = json!(id);
        client.mutate("addDocumentVersion", input, "document { latest { number } }").await
    };
    let file = keeper.send_file("Trame 2.pdf", &second).await["id"].clone();
    assert_eq!(add(&keeper, json!({ "fileId": file })).await.done("addDocumentVersion")["document"]["latest"]["number"], 2);
    assert_eq!(reader.take(&latest).await, (200, second.clone()));
    assert_eq!(
        add(&keeper, json!({ "link": "https://exemple.fr/trame#v3" })).await.done("addDocumentVersion")["document"]["latest"]["number"],
        3
    );
    let moved = get(&reader, &latest).await;
    assert_eq!(
        (moved.status().as_u16(), moved.headers()["location"].to_str().expect("text")),
        (302, "https://exemple.fr/trame#v3")
    );
    for (number, content) in [(1, &first), (2, &second)] {
        assert_eq!(reader.take(&format!("/documents/{id}/versions/{number}")).await, (200, content.clone()));
    }
    for nowhere in ["versions/4", "versions/0", "versions/-1", "versions/un", "versions/99999999999999999999", "autre"] {
        assert_eq!(reader.take(&format!("/documents/{id}/{nowhere}")).await.0, 404, "{nowhere}");
    }
    // Looked at and gone on with is not counted; begun is.
    for (method, range) in [(Method::HEAD, None), (Method::GET, Some("bytes=5-")), (Method::GET, Some("bytes=0-5"))] {
        let mut request = reader.request(method, &format!("/documents/{id}/versions/1"));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        assert!(request.send().await.expect("an answer").status().is_success());
    }
    until("six downloads are counted", async || document(&reader, &id).await["downloadCount"] == 6).await;
    let seen = document(&reader, &id).await;
    assert_eq!(seen["versions"]["totalCount"], json!(3));
    assert_eq!(column(&seen["versions"], "number"), [json!(1), json!(2), json!(3)]);
    world.advance(TimeDelta::days(3));
    world.run_jobs().await;
    assert_eq!(reader.take(&format!("/documents/{id}/versions/1")).await.0, 200, "what is used is not swept");
    // Two at once are two versions.
    let both = futures_util::future::join(
        add(&keeper, json!({ "link": "https://a.fr" })),
        add(&keeper, json!({ "link": "https://b.fr" })),
    )
    .await;
    let mut numbers = [both.0, both.1].map(|reply| reply.done("addDocumentVersion")["document"]["latest"]["number"].as_i64());
    numbers.sort_unstable();
    assert_eq!(numbers[1], Some(5));
    // In the archives its addresses stay good, and it takes nothing new.
    keeper.mutate("archiveDocument", json!({ "documentId": id, "archived": true }), "").await.done("archiveDocument");
    assert_eq!(document(&reader, &id).await["state"], "ARCHIVE");
    assert_eq!(reader.take(&format!("/documents/{id}/versions/1")).await.0, 200);
    assert_eq!(add(&keeper, json!({ "link": "https://c.fr" })).await.problems("addDocumentVersion"), ["documentId: REFUSE"]);
    let kinds: Vec<_> = world.events().await.into_iter().map(|one| one.event).collect();
    let told = |wanted: &dyn Fn(&Event) -> bool| kinds.iter().filter(|event| wanted(event)).count();
    assert_eq!(told(&|event| matches!(event, Event::DocumentVersionAdded { version: 3.., .. })), 3);
    assert_eq!(told(&|event| matches!(event, Event::DocumentArchived { archived: true, .. })), 1);
}

async fn a_restricted_document_leaves_no_trace(world: &World) {
    let (inside, outside) = (organisation(world, "Dedans", None).await, organisation(world, "Dehors", None).await);
    let (near, far) = (colleague(world, "proche", &inside).await, colleague(world, "loin", &outside).await);
    let keeper = editor(world, "edite").await;
    let file = text(&keeper.send_file("secret.pdf", &pdf("secret")).await["id"]);
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let id = added(
        world,
        &keeper,
        json!({ "title": "Un document secret", "tags": ["secret"], "fileId": file, "audience": audience,
        "ownerOrganisationId": inside }),
    )
    .await;
    let lists = "query($o: ID) { all: documents(first: 100) { totalCount edges { node { id title } } }
        dated: documents(first: 100, orderBy: DATE) { edges { node { title } } } tagged: documents(tag: \"secret\") { totalCount edges { node { id } } }
        owned: documents(owner: $o) { totalCount edges { node { id } } } }";
    for (client, sees) in
        [(&near, true), (&keeper, true), (world.administrator(), true), (&far, false), (&world.anonymous(), false)]
    {
        let data = read(client, lists, json!({ "o": inside })).await;
        assert_eq!(data.to_string().contains("secret"), sees);
        assert_eq!(data["all"]["totalCount"], json!(if sees { 50 } else { 49 }));
        for list in ["tagged", "owned"] {
            assert_eq!(data[list]["totalCount"], json!(u8::from(sees)), "{list}");
        }
        for path in ["latest", "versions/1"] {
            assert_eq!(client.take(&format!("/documents/{id}/{path}")).await.0 == 200, sees);
        }
        assert_eq!(client.take(&format!("/files/{file}")).await.0 == 200, sees);
        for asked in [&id, &file] {
            let data = read(client, "query($i: ID!) { node(id: $i) { id } }", json!({ "i": asked })).await;
            assert_eq!(data["node"].is_object(), sees);
        }
    }
    let unknown = format!("doc_{:032x}", 7);
    for (mutation, more) in [
        ("voteDocument", json!({ "useful": true })),
        ("archiveDocument", json!({ "archived": true })),
        ("updateDocument", json!({ "title": "Autre titre" })),
        ("addDocumentVersion", json!({ "link": "https://exemple.fr" })),
    ] {
        let ask = async |id: &str| {
            let mut input = more.clone();
            input["documentId"] = json!(id);
            far.mutate(mutation, input, "document { id }").await.text
        };
        assert_eq!(ask(&id).await, ask(&unknown).await, "{mutation}");
    }
    let (hidden, absent) =
        (get(&far, &format!("/documents/{id}/latest")).await, get(&far, &format!("/documents/{unknown}/latest")).await);
    assert_eq!((hidden.status(), hidden.text().await.expect("text")), (absent.status(), absent.text().await.expect("text")));
    // Opened to all, it is there for all.
    keeper
        .mutate("updateDocument", json!({ "documentId": id, "audience": [{ "kind": "PUBLIC" }] }), "")
        .await
        .done("updateDocument");
    assert_eq!(far.take(&format!("/files/{file}")).await.0, 200);
}

async fn who_keeps_the_library_and_who_owns_a_document_write(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let keeper = editor(world, "edite").await;
    let (guide, elsewhere) =
        (moderator(world, "accompagne", Some("accompagnement")).await, moderator(world, "ailleurs", Some("plateforme")).await);
    let (member, director) = (world.member("membre").await, world.member("directrice").await);
    grant(world, &director, "ADMINISTRATEUR_ESPACE_DEDIE", json!({ "organisationId": inside })).await;
    for (client, may) in [
        (&keeper, true),
        (&guide, true),
        (world.administrator(), true),
        (&elsewhere, false),
        (&member, false),
        (&director, false),
    ] {
        let reply =
            client.mutate("createDocument", sound(world, json!({})).await, "document { viewerMayEdit ownerMember { id } }").await;
        if may {
            let document = reply.done("createDocument")["document"].clone();
            assert_eq!((&document["viewerMayEdit"], &document["ownerMember"]["id"]), (&json!(true), &json!(client.id().await)));
        } else {
            assert_eq!(reply.code(), "FORBIDDEN");
        }
    }
    let own = added(world, &keeper, json!({ "title": "À qui l'a écrit" })).await;
    let theirs = added(world, &guide, json!({ "title": "À une organisation", "ownerOrganisationId": inside })).await;
    world.administrator().mutate("endRole", json!({ "roleGrantId": held(world, "edite").await }), "").await.done("endRole");
    for (client, id, may) in [
        (&keeper, &own, true),
        (&keeper, &theirs, false),
        (&director, &theirs, true),
        (&director, &own, false),
        (&guide, &own, true),
        (&member, &own, false),
        (&world.anonymous(), &own, false),
    ] {
        assert_eq!(document(client, id).await["viewerMayEdit"], json!(may));
        let input = json!({ "documentId": id, "summary": format!("Un résumé de {}", world.app.clock.id()) });
        let reply = client.mutate("updateDocument", input, "document { id }").await;
        assert_eq!(reply.errors.is_empty(), may, "{}", reply.text);
    }
    let grants = "query($d: ID!) { document(id: $d) { audience { kind } } }";
    assert!(read(&member, grants, json!({ "d": own })).await["document"]["audience"].is_null());
    assert_eq!(read(&keeper, grants, json!({ "d": own })).await["document"]["audience"], json!([{ "kind": "PUBLIC" }]));
}

/// Who is given a document sees it and changes it, whoever else may see it; who had it does no more.
async fn a_document_is_handed_over(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let near = colleague(world, "proche", &inside).await;
    let (guide, first, second) = (
        moderator(world, "accompagne", Some("accompagnement")).await,
        world.member("premiere").await,
        world.member("seconde").await,
    );
    let audience = json!([{ "kind": "ORGANISATION", "organisationId": inside }]);
    let id = added(world, &guide, json!({ "audience": audience, "ownerMemberId": first.id().await })).await;
    let rights = async |client: &Client| {
        let seen = document(client, &id).await;
        (seen.is_object(), seen["viewerMayEdit"] == true)
    };
    assert_eq!((rights(&first).await, rights(&second).await), ((true, true), (false, false)));
    let give = json!({ "documentId": id, "ownerMemberId": second.id().await });
    assert_eq!(
        first.mutate("updateDocument", give.clone(), "").await.code(),
        "FORBIDDEN",
        "an owner changes what is theirs, not whose"
    );
    let fields = "document { ownerMember { handle } ownerOrganisation { id } audience { kind } }";
    let done = guide.mutate("updateDocument", give, fields).await.done("updateDocument")["document"].clone();
    assert_eq!(done["ownerMember"]["handle"], "seconde");
    assert_eq!((rights(&first).await, rights(&second).await), ((false, false), (true, true)));
    let give = json!({ "documentId": id, "ownerOrganisationId": inside });
    let done = guide.mutate("updateDocument", give, fields).await.done("updateDocument")["document"].clone();
    assert_eq!((&done["ownerMember"], &done["ownerOrganisation"]["id"]), (&Value::Null, &json!(inside)));
    assert_eq!(rights(&second).await, (false, false));
    let director = world.member("directrice").await;
    grant(world, &director, "ADMINISTRATEUR_ESPACE_DEDIE", json!({ "organisationId": inside })).await;
    assert_eq!(rights(&director).await, (true, true));
    assert_eq!(rights(&near).await, (true, false), "its audience stays");
}

/// The role that a member holds.
async fn held(world: &World, handle: &str) -> String {
    let query = "query($h: String!) { member(handle: $h) { roles { edges { node { id } } } } }";
    text(&nodes(&read(world.administrator(), query, json!({ "h": handle })).await["member"]["roles"])[0]["id"])
}

async fn what_is_given_of_a_document_is_checked(world: &World) {
    let keeper = editor(world, "edite").await;
    let other = world.member("autre").await;
    let theirs = other.send_file("a.pdf", &pdf("a")).await["id"].clone();
    let own = keeper.send_file("b.pdf", &pdf("b")).await["id"].clone();
    let before = world.count("select count(*) from documents").await;
    for (more, problem) in [
        (json!({ "title": "" }), "title: OBLIGATOIRE"),
        (json!({ "title": "<b>\u{202e}</b>" }), "title: MALFORME"),
        (json!({ "summary": "a".repeat(1001) }), "summary: TROP_LONG"),
        (json!({ "tags": ["a"] }), "tags: TROP_COURT"),
        (json!({ "tags": vec!["étiquette"; 11] }), "tags: TROP_LONG"),
        (json!({ "language": "français" }), "language: MALFORME"),
        (json!({ "link": "javascript:alert(1)" }), "link: MALFORME"),
        (json!({ "link": "https://exemple.fr", "fileId": own }), "link: REFUSE"),
        (json!({ "fileId": theirs }), "fileId: INCONNU"),
        (json!({ "fileId": format!("fil_{:032x}", 7) }), "fileId: INCONNU"),
        (json!({ "fileId": "rien" }), "fileId: MALFORME"),
        (json!({ "categoryId": format!("cat_{:032x}", 7) }), "categoryId: INCONNU"),
        (json!({ "ownerOrganisationId": format!("org_{:032x}", 7) }), "ownerOrganisationId: INCONNU"),
        (json!({ "ownerMemberId": format!("mem_{:032x}", 7) }), "ownerMemberId: INCONNU"),
        (
            json!({ "ownerMemberId": keeper.id().await, "ownerOrganisationId": format!("org_{:032x}", 7) }),
            "ownerOrganisationId: REFUSE",
        ),
        (json!({ "audience": [] }), "audience: MALFORME"),
        (json!({ "note": "a".repeat(501) }), "note: TROP_LONG"),
    ] {
        let reply = keeper.mutate("createDocument", sound(world, more.clone()).await, "document { id }").await;
        assert_eq!(reply.problems("createDocument"), [problem], "{more}");
    }
    assert_eq!(world.count("select count(*) from documents").await, before);
    let input = json!({ "fileId": own, "idempotencyKey": "k1", "tags": ["H5P", "h5p"], "reviewBy": "2030-01-01T00:00:00Z", "licence": "CC_BY" });
    let input = sound(world, input).await;
    let first =
        keeper.mutate("createDocument", input.clone(), "document { id tags licence reviewBy }").await.done("createDocument");
    assert_eq!((&first["document"]["tags"], &first["document"]["licence"]), (&json!(["h5p"]), &json!("CC_BY")));
    assert_eq!(
        keeper.mutate("createDocument", input, "document { id tags licence reviewBy }").await.done("createDocument"),
        first
    );
    let id = &first["document"]["id"];
    // The file serves already; a version needs something.
    let again = keeper.mutate("addDocumentVersion", json!({ "documentId": id, "fileId": own }), "").await;
    assert_eq!(again.problems("addDocumentVersion"), ["fileId: DEJA_PRIS"]);
    let nothing = keeper.mutate("addDocumentVersion", json!({ "documentId": id }), "").await;
    assert_eq!(nothing.problems("addDocumentVersion"), ["fileId: OBLIGATOIRE"]);
    // Absent leaves, null takes away.
    let kept = keeper
        .mutate("updateDocument", json!({ "documentId": id, "accessible": true }), "document { licence reviewBy accessible }")
        .await;
    assert_eq!(kept.done("updateDocument")["document"]["licence"], "CC_BY");
    let input = json!({ "documentId": id, "licence": null, "reviewBy": null });
    let done = keeper.mutate("updateDocument", input, "document { licence reviewBy accessible }").await.done("updateDocument");
    assert_eq!(done["document"], json!({ "licence": null, "reviewBy": null, "accessible": true }));
}

async fn a_member_has_one_voice(world: &World) {
    let id = added(world, &editor(world, "edite").await, json!({})).await;
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let vote = async |client: &Client, useful: bool| {
        let input = json!({ "documentId": id, "useful": useful });
        let reply = client.mutate("voteDocument", input, "document { usefulCount viewerFoundUseful }").await;
        let document = reply.done("voteDocument")["document"].clone();
        (document["usefulCount"].as_i64().expect("a number"), document["viewerFoundUseful"] == true)
    };
    let many = futures_util::future::join_all((0..6).map(|_| vote(&ada, true))).await;
    assert!(many.iter().all(|one| *one == (1, true)), "{many:?}");
    assert_eq!(vote(&bob, true).await, (2, true));
    assert_eq!((vote(&ada, false).await, vote(&ada, false).await), ((1, false), (1, false)));
    assert_eq!(document(&world.anonymous(), &id).await["viewerFoundUseful"], json!(false));
    assert_eq!(world.count("select count(*) from document_votes").await, 1);
    let told = world.events().await.into_iter().filter(|one| matches!(one.event, Event::DocumentVoted { .. })).count();
    assert_eq!(told, 3, "what changes nothing is not told");
}

async fn documents_are_found_by_what_they_are(world: &World) {
    let keeper = editor(world, "edite").await;
    let ministry = organisation(world, "Ministère", None).await;
    let soon = (world.app.clock.now() + TimeDelta::days(5)).to_rfc3339();
    let models = category(world, "documentation-modele").await;
    let first = added(
        world,
        &keeper,
        json!({ "title": "Zèbre", "tags": ["H5P", "vidéo"], "language": "en", "reviewBy": soon, "link": "https://a.fr" }),
    )
    .await;
    let second = added(world, &keeper, json!({ "title": "Abeille", "tags": ["h5p"], "ownerOrganisationId": ministry, "categoryId": category(world, "newsletter").await })).await;
    let find = async |client: &Client, arguments: &str| {
        let query = format!("{{ documents(first: 100, {arguments}) {{ totalCount edges {{ node {{ id }} }} }} }}");
        let found = read(client, &query, json!({})).await["documents"].clone();
        let ids: Vec<_> = column(&found, "id").iter().map(text).collect();
        assert_eq!(found["totalCount"], json!(ids.len()), "{arguments}");
        ids
    };
    let keeper_id = keeper.id().await;
    for (arguments, expected) in [
        ("tag: \" H5P \"".to_owned(), vec![&second, &first]),
        ("tag: \"vidéo\", language: \"en\"".into(), vec![&first]),
        ("tag: \"a\\u0000b\"".into(), vec![]),
        ("language: \"en\"".into(), vec![&first]),
        (format!("owner: \"{keeper_id}\""), vec![&first]),
        (format!("owner: \"{ministry}\""), vec![&second]),
        (format!("tag: \"h5p\", category: \"{models}\""), vec![&first]),
        ("tag: \"h5p\", orderBy: DATE".into(), vec![&second, &first]),
        ("filter: A_RELIRE".into(), vec![]),
        ("filter: ARCHIVES".into(), vec![]),
        ("tag: \"h5p\", filter: A_CONFIRMER".into(), vec![&second]),
    ] {
        assert_eq!(find(&world.anonymous(), &arguments).await.iter().collect::<Vec<_>>(), expected, "{arguments}");
    }
    assert_eq!(find(&keeper, "filter: MIENS").await, std::slice::from_ref(&first));
    world.advance(TimeDelta::days(6));
    assert_eq!(find(&world.anonymous(), "filter: A_RELIRE").await, std::slice::from_ref(&first));
    assert_eq!(document(&keeper, &first).await["reviewDue"], json!(true));
    keeper.mutate("archiveDocument", json!({ "documentId": first, "archived": true }), "").await.done("archiveDocument");
    assert_eq!(find(&world.anonymous(), "filter: A_RELIRE").await, [""; 0]);
    assert_eq!(find(&world.anonymous(), "filter: ARCHIVES").await, std::slice::from_ref(&first));
    assert_eq!(find(&world.anonymous(), "tag: \"h5p\"").await, std::slice::from_ref(&second));
    for (arguments, code) in
        [("filter: MIENS", "UNAUTHENTICATED"), ("owner: \"doc_00000000000000000000000000000001\"", "INVALID")]
    {
        let query = format!("{{ documents({arguments}) {{ edges {{ node {{ id }} }} }} }}");
        assert_eq!(world.anonymous().run(&query, json!({})).await.code(), code, "{arguments}");
    }
    // By pages from either end, in either order, each is there once.
    for order in ["TITRE", "DATE"] {
        let all = find(&world.anonymous(), &format!("orderBy: {order}")).await;
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for (asked, cursor, seen) in
            [("first: 7, after", "endCursor", &mut forward), ("last: 7, before", "startCursor", &mut backward)]
        {
            let mut place = Value::Null;
            loop {
                let query = format!(
                    "query($c: String) {{ documents(orderBy: {order}, {asked}: $c) {{ edges {{ node {{ id }} }}
                    pageInfo {{ hasNextPage hasPreviousPage {cursor} }} }} }}"
                );
                let page = read(&world.anonymous(), &query, json!({ "c": place })).await["documents"].clone();
                let mut ids: Vec<_> = column(&page, "id").iter().map(text).collect();
                if cursor == "startCursor" {
                    ids.reverse();
                }
                seen.extend(ids);
                let more = if cursor == "endCursor" { "hasNextPage" } else { "hasPreviousPage" };
                if page["pageInfo"][more] == json!(false) {
                    break;
                }
                place = page["pageInfo"][cursor].clone();
            }
        }
        backward.reverse();
        assert_eq!((&forward, &backward), (&all, &all), "{order}");
    }
    world.run_jobs().await;
}

async fn a_remark_and_another_audience_at_once_are_both_done(world: &World) {
    let edith = editor(world, "edith").await;
    let document = added(world, &edith, json!({ "link": "https://exemple.fr" })).await;
    let remark = json!({ "documentId": document, "body": "Une remarque" });
    let remark = edith.mutate("remarkDocument", remark, "post { id }").await.done("remarkDocument")["post"]["id"].clone();
    for n in 0..10 {
        // Another document has this audience already, and no remarks: their forum is made now.
        let member = world.member(&format!("membre-{n}")).await.id().await;
        let audience = json!([{ "kind": "ROLE", "role": "EDITEUR" }, { "kind": "MEMBRE", "memberId": member }]);
        added(world, &edith, json!({ "link": "https://exemple.fr", "audience": audience })).await;
        let changed = edith.mutate("updateDocument", json!({ "documentId": document, "audience": audience }), "");
        let answered = edith.mutate("answerPost", json!({ "postId": remark, "body": "Une réponse" }), "");
        let (changed, answered) = join(changed, answered).await;
        changed.done("updateDocument");
        answered.done("answerPost");
    }
}
