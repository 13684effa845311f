//! Trainings for others: the table that reads back, schema.org's courses, and that nobody finds more there than elsewhere.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use harness::{Client, Database, World, servers, trial};
use libtest_mimic::Trial;
use reqwest::Method;
use serde_json::{Value, json};

use super::import::{import, line, table};
use super::{complete, manager, new_training, published, through};
use crate::audits;
use crate::feeds::parsed;
use crate::steps::{colleague, nodes, organisation, read, text};

const PATHS: [&str; 2] = ["/formations.csv", "/formations.jsonld"];

async fn taken(who: &Client, path: &str) -> String {
    let (status, bytes) = who.take(path).await;
    assert_eq!(status, 200, "{path}");
    String::from_utf8(bytes).expect("UTF-8")
}

fn courses(text: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((&list["@context"], &list["@type"]), (&json!("https://schema.org"), &json!("ItemList")));
    let items = list["itemListElement"].as_array().expect("items").clone();
    assert!(items.iter().zip(1..).all(|(item, n)| item["position"] == json!(n)), "{items:?}");
    items.into_iter().map(|item| item["item"].clone()).collect()
}

/// What makes tables break, spreadsheets count and lists split.
pub(super) async fn importing_an_export_changes_nothing(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let target = organisation(world, "Cible", None).await;
    let maker = manager(world, "gerante", &inside).await;
    for (n, hostile) in ["=1+1", "-un", "@gerante", "'=2", "a;b\"c\"", " ''+3", "<b>&amp;</b>"].into_iter().enumerate() {
        let mut more = complete();
        for (field, value) in [
            ("title", json!(format!("{hostile} titre"))),
            ("goals", json!(format!("{hostile}\n\n- \"un\";\r\n- deux"))),
            ("content", json!(format!("    {hostile}\n\tdu code"))),
            ("catchPhrase", json!(format!("{hostile} phrase"))),
            ("contact", json!(format!("{hostile} contact"))),
            ("sirhId", json!(hostile.trim())),
            (
                "designers",
                json!([{ "memberId": maker.id().await }, { "name": "L'un | l'autre" }, { "name": format!("{hostile} nom") }]),
            ),
            (
                "addresses",
                json!([
                    format!("https://mentor.gouv.fr/catalog/{}", n + 1),
                    format!("https://mentor.gouv.fr/course/view.php?id={}", n + 1)
                ]),
            ),
            (
                "modules",
                json!([
                    { "title": format!("{hostile} module"), "competences": ["Savoir", format!("{hostile} faire")] },
                    { "title": "- L'un | l'autre" }
                ]),
            ),
        ] {
            more[field] = value;
        }
        let opening = match n % 3 {
            0 => json!({ "opening": "TOUS_PUBLICS" }),
            1 => json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [target, inside] }),
            _ => json!({ "opening": "INTERMINISTERIEL" }),
        };
        for (field, value) in opening.as_object().expect("fields") {
            more[field] = value.clone();
        }
        let id = new_training(world, &maker, &inside, &format!("{hostile} {n}"), more).await;
        if n % 2 == 0 {
            let plan = json!({ "trainingId": id, "date": "2031-05-01" });
            maker.mutate("planTraining", plan, "").await.done("planTraining");
            through(&maker, &id, &["ELABORATION_TERMINEE", "PUBLIEE"]).await;
        }
    }
    let alone = new_training(world, &maker, &inside, "SEUL", json!({ "designers": [{ "name": "Seul | seule" }] })).await;
    let image = maker.send_file("vignette.png", super::trainings::POINT).await;
    let fields = json!({ "trainingId": alone, "fields": { "thumbnailId": image["id"] } });
    maker.mutate("updateTraining", fields, "").await.done("updateTraining");
    let merged = new_training(world, &maker, &inside, "FONDUE", json!({})).await;
    let into = new_training(world, &maker, &inside, "GARDEE", json!({})).await;
    maker.mutate("mergeTrainings", json!({ "fromId": merged, "intoId": into }), "").await.done("mergeTrainings");
    let events = world.events().await.len();
    for who in [&maker, world.administrator()] {
        let table = taken(who, "/formations.csv").await;
        assert!(table.starts_with("\u{feff}Nom abrégé;Titre;") && !table.contains("FONDUE"), "{table}");
        // No cell begins a formula.
        let begins = |cell: &str| cell.trim_start_matches('"').starts_with(['=', '@', '+', '-', '\t']);
        assert!(!table.split(';').chain(table.split("\r\n")).any(begins), "{table}");
        let tally = import(world, who, table.as_bytes(), false).await;
        assert_eq!((tally.fault_count, tally.unchanged, tally.lines), (0, 9, 9), "{:?}", tally.faults);
        // Nor with other ends of lines.
        let tally = import(world, who, table.replace("\r\n", "\n").as_bytes(), false).await;
        assert_eq!((tally.fault_count, tally.unchanged), (0, 9), "{:?}", tally.faults);
    }
    assert_eq!(world.events().await.len(), events);
    // An image that was sent here is told by its id, and is nobody else's.
    let table = format!("{HEADING}\r\nSEUL;Autre;management;Dedans;non;CC BY-SA 4.0;{}\r\n", text(&image["id"]));
    let tally = import(world, &maker, table.replace("SEUL", "GARDEE").as_bytes(), false).await;
    let told: Vec<_> = tally.faults.iter().map(|fault| (fault.line, fault.message.as_str())).collect();
    assert!(matches!(told[..], [(2, message)] if message.starts_with("Cette image n'est pas celle de la formation")), "{told:?}");
    let tally = import(world, &maker, table.as_bytes(), false).await;
    assert_eq!((tally.fault_count, tally.changed), (0, 1), "{:?}", tally.faults);
    let found = read(&maker, "query($t: ID!) { training(id: $t) { title thumbnailUrl } }", json!({ "t": alone })).await;
    assert_eq!(found["training"], json!({ "title": "Autre", "thumbnailUrl": image["url"] }));
}

const HEADING: &str = "Nom abrégé;Titre;Collection;Organisation;Certifiante;Licence;Vignette";

pub(super) async fn an_export_tells_what_one_sees_and_nothing_else(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let target = organisation(world, "Cible", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let aimed = colleague(world, "visee", &target).await;
    let ada = world.member("ada").await;
    published(world, &maker, &inside, "POUR-TOUS", json!({ "opening": "TOUS_PUBLICS" })).await;
    published(world, &maker, &inside, "ENTRE-NOUS", json!({ "opening": "INTERMINISTERIEL" })).await;
    let aimed_at = json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [target] });
    let restricted = published(world, &maker, &inside, "POUR-CIBLE", aimed_at).await;
    new_training(world, &maker, &inside, "EN-TRAVAUX", json!({})).await;
    let names = ["POUR-TOUS", "ENTRE-NOUS", "POUR-CIBLE", "EN-TRAVAUX"];
    for (who, seen) in [(&world.anonymous(), 1), (&ada, 2), (&aimed, 3), (&maker, 4), (world.administrator(), 4)] {
        for path in PATHS {
            let text = taken(who, path).await;
            for (n, name) in names.into_iter().enumerate() {
                assert_eq!(text.contains(name), n < seen, "{name} in {path}");
            }
        }
        let (status, _) = who.take(&format!("/formations/{restricted}.jsonld")).await;
        assert_eq!(status, if seen >= 3 { 200 } else { 404 });
    }
    for path in ["/formations/tra_0.jsonld", &format!("/formations/{restricted}"), "/formations/x.csv"] {
        assert_eq!(world.administrator().take(path).await.0, 404, "{path}");
    }
    // A token that is none is told so.
    let nobody = world.anonymous().with_bearer("tok_0");
    assert_eq!(nobody.take(PATHS[0]).await.0, 401);
}

/// Who manages a training that says all that a course tells, and its id: with three sessions, one of which is in preparation.
async fn told_as_a_course(world: &World) -> (Client, String) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let said = json!({ "opening": "TOUS_PUBLICS", "title": "</script><script>alert(1)</script>", "certifying": true,
        "skills": "Savoir", "prerequisites": "Rien", "modules": [{ "title": "Un", "competences": ["Faire"] }],
        "addresses": ["https://mentor.gouv.fr/catalog/1", "https://mentor.gouv.fr/catalog/2"] });
    let id = published(world, &maker, &inside, "COURS", said).await;
    let fields = json!({ "startsAt": "2030-03-01T08:00:00Z", "endsAt": "2030-03-02T16:00:00Z", "seats": 12, "place": "Lille" });
    for state in [None, Some("INSCRIPTIONS_OUVERTES"), Some("ANNULEE")] {
        let input = json!({ "trainingId": id, "fields": fields });
        let session = maker.mutate("createTrainingSession", input, "session { id }").await.done("createTrainingSession");
        if let Some(state) = state {
            let input = json!({ "sessionId": session["session"]["id"], "state": state });
            maker.mutate("transitionTrainingSession", input, "").await.done("transitionTrainingSession");
        }
    }
    (maker, id)
}

pub(super) fn trials() -> Vec<Trial> {
    let trials = [Database::Sqlite, Database::Postgres].map(|database| {
        let missing = servers::npm_missing("feed-parsers", &audits::folder(), "jsonld").or(database.missing());
        trial(format!("export::an_independent_processor_reads_the_courses [{database}]"), missing, move || {
            harness::tell(async move {
                let world = World::start(database).await;
                an_independent_processor_reads_the_courses(&world).await;
                world.finish().await;
            });
        })
    });
    trials.into()
}

/// The values of a term of schema.org, as an expanded node holds them.
fn values(node: &Value, term: &str) -> Vec<Value> {
    let values = node[format!("https://schema.org/{term}")].as_array().cloned().unwrap_or_default();
    values.into_iter().map(|value| if value["@value"].is_null() { value } else { value["@value"].clone() }).collect()
}

/// The only one.
fn value(node: &Value, term: &str) -> Value {
    let mut values = values(node, term);
    assert_eq!(values.len(), 1, "{term} of {node}");
    values.remove(0)
}

fn moment(value: &Value) -> DateTime<Utc> {
    text(value).parse().unwrap_or_else(|error| panic!("{value}: {error}"))
}

async fn an_independent_processor_reads_the_courses(world: &World) {
    let (maker, id) = told_as_a_course(world).await;
    let path = format!("/formations/{id}.jsonld");
    let (alone, list) = (parsed(world, &path).await, parsed(world, PATHS[1]).await);
    let course = &alone[0];
    assert_eq!(list[0]["@type"], json!(["https://schema.org/ItemList"]));
    let item = value(&list[0], "itemListElement");
    assert_eq!(value(&item, "position"), json!(1));
    assert_eq!(value(&item, "item"), *course, "by itself it says the same");

    let query = "query($t: ID!) { training(id: $t) { title shortName catchPhrase licence collection { name } organisation { name shortName }
        goals { markdown } content { markdown } prerequisites { markdown } skills { markdown } addresses { url } modules { title competences }
        thumbnailUrl publishedAt createdAt updatedAt sessions { edges { node { startsAt endsAt seats place } } } } }";
    let training = read(&world.anonymous(), query, json!({ "t": id })).await["training"].clone();
    assert_eq!(
        (&course["@type"], &course["@id"]),
        (&json!(["https://schema.org/Course"]), &json!(format!("{}{path}", world.url)))
    );
    for (term, said) in [
        ("name", &training["title"]),
        ("courseCode", &training["shortName"]),
        ("description", &training["catchPhrase"]),
        ("abstract", &training["goals"]["markdown"]),
        ("text", &training["content"]["markdown"]),
        ("coursePrerequisites", &training["prerequisites"]["markdown"]),
        ("teaches", &training["skills"]["markdown"]),
        ("url", &training["addresses"][0]["url"]),
        ("sameAs", &training["addresses"][1]["url"]),
        ("image", &training["thumbnailUrl"]),
        ("timeRequired", &json!("PT1H30M")),
        ("inLanguage", &json!("fr")),
    ] {
        assert_eq!(value(course, term), *said, "{term}");
    }
    for (term, said) in [("dateCreated", "createdAt"), ("dateModified", "updatedAt"), ("datePublished", "publishedAt")] {
        assert_eq!(moment(&value(course, term)), moment(&training[said]), "{term}");
    }
    let organisation = &training["organisation"];
    for (term, kind, inner, said) in [
        ("provider", "Organization", "name", &organisation["name"]),
        ("provider", "Organization", "alternateName", &organisation["shortName"]),
        ("isPartOf", "Collection", "name", &training["collection"]["name"]),
        ("license", "CreativeWork", "name", &training["licence"]),
        ("audience", "Audience", "audienceType", &json!("Tous publics")),
        ("educationalCredentialAwarded", "EducationalOccupationalCredential", "credentialCategory", &json!("Certification")),
        ("hasPart", "LearningResource", "name", &training["modules"][0]["title"]),
        ("hasPart", "LearningResource", "teaches", &training["modules"][0]["competences"][0]),
    ] {
        let node = value(course, term);
        assert_eq!(node["@type"], json!([format!("https://schema.org/{kind}")]), "{term}");
        assert_eq!(value(&node, inner), *said, "{term}");
    }
    let mut statuses = Vec::new();
    for (instance, session) in values(course, "hasCourseInstance").iter().zip(nodes(&training["sessions"])) {
        assert_eq!(instance["@type"], json!(["https://schema.org/CourseInstance"]));
        for (term, said) in [("startDate", "startsAt"), ("endDate", "endsAt")] {
            assert_eq!(moment(&value(instance, term)), moment(&session[said]), "{term}");
        }
        assert_eq!(value(instance, "maximumAttendeeCapacity"), session["seats"]);
        assert_eq!(value(&value(instance, "location"), "name"), session["place"]);
        statuses.push(value(instance, "eventStatus"));
    }
    assert_eq!(statuses, [json!("https://schema.org/EventScheduled"), json!("https://schema.org/EventCancelled")]);
    let own = read(&maker, query, json!({ "t": id })).await["training"]["sessions"].clone();
    assert_eq!(nodes(&own).len(), 3, "the one in preparation is not told");
}

pub(super) async fn a_course_says_it_in_terms_of_schema_org(world: &World) {
    let (maker, id) = told_as_a_course(world).await;
    let public = taken(&world.anonymous(), &format!("/formations/{id}.jsonld")).await;
    assert!(!public.contains('<'), "{public}");
    let course: Value = serde_json::from_str(&public).expect("JSON");
    for (term, value) in [
        ("@context", json!("https://schema.org")),
        ("@type", json!("Course")),
        ("@id", json!(format!("{}/formations/{id}.jsonld", world.url))),
        ("name", json!("</script><script>alert(1)</script>")),
        ("courseCode", json!("COURS")),
        ("provider", json!({ "@type": "Organization", "name": "Dedans", "alternateName": "Dedans" })),
        ("timeRequired", json!("PT1H30M")),
        ("teaches", json!("Savoir")),
        ("coursePrerequisites", json!("Rien")),
        ("license", json!({ "@type": "CreativeWork", "name": "CC BY-SA 4.0" })),
        ("inLanguage", json!("fr")),
        ("url", json!("https://mentor.gouv.fr/catalog/1")),
        ("sameAs", json!(["https://mentor.gouv.fr/catalog/2"])),
    ] {
        assert_eq!(course[term], value, "{term}");
    }
    // The session in preparation is for those who work on it.
    let statuses: Vec<_> =
        course["hasCourseInstance"].as_array().expect("sessions").iter().map(|one| text(&one["eventStatus"])).collect();
    assert_eq!(statuses, ["https://schema.org/EventScheduled", "https://schema.org/EventCancelled"]);
    let session = &course["hasCourseInstance"][0];
    assert_eq!((&session["@type"], &session["courseMode"]), (&json!("CourseInstance"), &json!("onsite")));
    assert_eq!((&session["courseWorkload"], &session["maximumAttendeeCapacity"]), (&json!("PT1H30M"), &json!(12)));
    let own = courses(&taken(&maker, PATHS[1]).await);
    assert_eq!(own[0]["hasCourseInstance"].as_array().map(Vec::len), Some(3));
    // Every term is one of schema.org's for what it stands in.
    let known = BTreeSet::from([
        "@context",
        "@id",
        "@type",
        "abstract",
        "audience",
        "courseCode",
        "coursePrerequisites",
        "creativeWorkStatus",
        "dateCreated",
        "dateModified",
        "datePublished",
        "description",
        "educationalCredentialAwarded",
        "hasCourseInstance",
        "hasPart",
        "image",
        "inLanguage",
        "isPartOf",
        "license",
        "name",
        "provider",
        "sameAs",
        "teaches",
        "text",
        "timeRequired",
        "url",
    ]);
    let unknown: Vec<_> = course.as_object().expect("terms").keys().filter(|term| !known.contains(term.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

pub(super) async fn an_export_of_many_pages_is_whole(world: &World) {
    organisation(world, "Dedans", None).await;
    let admin = world.administrator();
    let made = import(world, admin, &table("", (0..130).map(|n| line(&format!("F-{n:03}"), "Dedans"))), false).await;
    assert_eq!(made.made, 130);
    let table = taken(admin, PATHS[0]).await;
    assert_eq!(table.lines().count(), 131);
    let codes: BTreeSet<_> = courses(&taken(admin, PATHS[1]).await).iter().map(|course| text(&course["courseCode"])).collect();
    assert_eq!(codes.len(), 130);
    // Nothing to tell is a table with a heading, and an empty list.
    assert_eq!(taken(&world.anonymous(), PATHS[0]).await.lines().count(), 1);
    assert!(courses(&taken(&world.anonymous(), PATHS[1]).await).is_empty());
}

pub(super) async fn who_comes_back_for_an_export_gets_a_304_until_something_changes(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let id = published(
        world,
        &maker,
        &inside,
        "AA",
        json!({ "opening": "TOUS_PUBLICS", "designers": [{ "memberId": maker.id().await }] }),
    )
    .await;
    let one = format!("/formations/{id}.jsonld");
    let paths = [PATHS[0], PATHS[1], &one];
    let public = world.anonymous();
    let tag = async |who: &Client, path: &str| {
        let response = who.request(Method::HEAD, path).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "private, no-cache");
        response.headers()["etag"].to_str().expect("text").to_owned()
    };
    let mut tags = Vec::new();
    for path in paths {
        tags.push(tag(&public, path).await);
        let known =
            public.request(Method::GET, path).header("if-none-match", &tags[tags.len() - 1]).send().await.expect("an answer");
        assert_eq!((known.status().as_u16(), known.bytes().await.expect("bytes").len()), (304, 0), "{path}");
    }
    assert_ne!(tag(&maker, PATHS[0]).await, tags[0], "another one's is another's");
    // What is out of sight changes nothing; each of these does, where it is told.
    new_training(world, &maker, &inside, "CACHEE", json!({})).await;
    assert_eq!(tag(&public, PATHS[0]).await, tags[0]);
    let session = json!({ "trainingId": id, "fields": { "startsAt": "2030-03-01T08:00:00Z", "endsAt": "2030-03-02T16:00:00Z",
        "remote": true } });
    let session = maker.mutate("createTrainingSession", session, "session { id }").await.done("createTrainingSession");
    for (mutation, input, changed) in [
        ("updateTraining", json!({ "trainingId": id, "fields": { "title": "Un autre titre" } }), [true, true, true]),
        ("updateProfile", json!({ "handle": "autrement" }), [true, false, false]),
        (
            "transitionTrainingSession",
            json!({ "sessionId": session["session"]["id"], "state": "INSCRIPTIONS_OUVERTES" }),
            [false, true, true],
        ),
        ("updateOrganisation", json!({ "organisationId": inside, "name": "Autrement dit" }), [false, true, true]),
    ] {
        let who = if mutation == "updateOrganisation" { world.administrator() } else { &maker };
        who.mutate(mutation, input, "").await.done(mutation);
        for (n, path) in paths.into_iter().enumerate() {
            let now = tag(&public, path).await;
            assert_eq!(now != tags[n], changed[n], "{path} after {mutation}");
            tags[n] = now;
        }
    }
}
