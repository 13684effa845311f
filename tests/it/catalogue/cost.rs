//! What the catalogue costs the database: as many statements for a long page as for a short one, and for many trainings.

use harness::{Database, World};
use serde_json::{Value, json};
use services::id::MemberId;

use super::{collection, complete, manager, new_training, published};
use crate::cost::{cost, uuid_of};
use crate::steps::organisation;

const TRAINING: &str = "title shortName state opening collection { name colour } organisation { name } targets { name }
    goals { html } content { html } designers { name member { name } } addresses { url } modules { title competences }
    framing { note } stateChanges { to by { name } } mergedInto { id } calendarChanges { from to reason by { name } }
    sessions(first: 3) { totalCount edges { node { startsAt state formateurs { name } viewerMayEdit } } }
    viewerMayEdit viewerMayManage viewerMayFrame";

pub(super) async fn a_page_of_the_catalogue_costs_the_same_whatever_its_size(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let maker = manager(world, "gerante", &ministry).await;
    let member = maker.id().await;
    let collections = [collection(world, "management").await, collection(world, "langues").await];
    for n in 0..30 {
        let unit = organisation(world, &format!("Unité {n}"), Some(&ministry)).await;
        let mut more = complete();
        for (key, value) in json!({ "opening": "TOUS_PUBLICS", "collectionId": collections[n % 2], "organisationId": unit,
            "designers": [{ "memberId": member }, { "name": "Un prestataire" }],
            "addresses": [format!("https://mentor.gouv.fr/catalog/{}", n + 1)],
            "modules": [{ "title": "Un module", "competences": ["Savoir"] }] })
        .as_object()
        .expect("fields")
        {
            more[key] = value.clone();
        }
        let short_name = format!("COUT-{n:02}");
        let id = if n % 5 == 0 {
            new_training(world, &maker, &unit, &short_name, more).await
        } else {
            published(world, &maker, &unit, &short_name, more).await
        };
        let fields = json!({ "startsAt": "2027-03-01T08:00:00Z", "endsAt": "2027-03-02T08:00:00Z", "formateurIds": [member] });
        let session = json!({ "trainingId": id, "fields": fields });
        maker.mutate("createTrainingSession", session, "").await.done("createTrainingSession");
        if n % 5 == 0 {
            let plan = json!({ "trainingId": id, "date": "2027-05-01" });
            maker.mutate("planTraining", plan, "").await.done("planTraining");
        }
    }
    let pages = [
        format!("query($n: Int) {{ trainings(first: $n) {{ totalCount edges {{ node {{ {TRAINING} }} }} }} }}"),
        "query($n: Int) { collections { name trainings(first: $n) { totalCount edges { node { title designers { member { name } }
            content { html } sessions(first: 2) { totalCount edges { node { startsAt } } } viewerMayEdit } } } } }"
            .to_owned(),
        "query($n: Int) { organisation(slug: \"ministere\") { units(first: $n) { edges { node { name trainings(first: 5) { totalCount
            edges { node { title designers { member { name } } } } } } } } } }"
            .to_owned(),
        "query($n: Int) { publicationCalendar(first: $n) { totalCount edges { node { date published training { title
            collection { name } organisation { name } } } } } }"
            .to_owned(),
        "query($n: Int) { calendarChanges(since: \"2026-01-01T00:00:00Z\", first: $n) { totalCount edges { node { to by { name }
            training { title collection { name } } } } } }"
            .to_owned(),
        "{ calendarMonths { month published planned collection { name } } }".to_owned(),
    ];
    for query in &pages {
        for who in [None, Some(MemberId(uuid_of(&member)))] {
            let mut costs = Vec::new();
            for n in [2, 5, 30] {
                costs.push(cost(world, who, query, json!({ "n": n })).await.0);
            }
            let (least, most) = (costs.iter().min().expect("costs"), costs.iter().max().expect("costs"));
            assert!(*most <= least + 3 && (2..=26).contains(most), "{query}: {costs:?}");
        }
    }
}

pub(super) async fn ten_thousand_trainings_cost_no_more_statements(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let id = published(world, &maker, &inside, "MODELE", json!({ "opening": "TOUS_PUBLICS" })).await;
    let query = "query($f: String, $t: String) { publicationCalendar(from: $f, to: $t, first: 100) { totalCount edges { cursor node {
        date training { title collection { name } organisation { name } } } } } calendarMonths(from: $f, to: $t) { month published }
        collections { name trainings(first: 5) { totalCount edges { node { title } } } } }";
    let year = json!({ "f": "2026-01", "t": "2026-12" });
    let few = cost(world, None, query, year.clone()).await.0;
    // Written beside the product, as the product writes them.
    let (series, id_of, day) = match world.database {
        Database::Sqlite => (
            "with recursive series (i) as (select 1 union all select i + 1 from series where i < 9999)",
            "randomblob(16)",
            "printf('2026-%02d-%02d', 1 + i % 12, 1 + i % 28)",
        ),
        Database::Postgres => (
            "with series (i) as (select * from generate_series(1, 9999))",
            "gen_random_uuid()",
            "'2026-' || lpad((1 + i % 12)::text, 2, '0') || '-' || lpad((1 + i % 28)::text, 2, '0')",
        ),
    };
    let columns = "organisation_id, state, opening, audience_id, catch_phrase, certifying, licence, modality, presence_minutes,
        remote_minutes, thumbnail_url, published_at, revision, created_at, updated_at";
    let insert = format!(
        "insert into trainings (id, title, short_name, short_name_key, collection_id, calendar_on, {columns})
         {series} select {id_of}, 'Formation ' || i, 'F-' || i, 'f-' || i,
                (select id from collections where position = 10 * (1 + i % 14)), {day}, {columns}
         from series cross join (select {columns} from trainings where id = {}) as model",
        world.uuid(uuid_of(&id))
    );
    assert_eq!(world.execute(&insert).await, 9_999);
    world.app.db.analyse().await.expect("statistics");
    let (many, data) = cost(world, None, query, year).await;
    assert_eq!(data["publicationCalendar"]["totalCount"], json!(10_000));
    assert_eq!(data["publicationCalendar"]["edges"].as_array().map(Vec::len), Some(100));
    let counted = |lists: &Value, field: &str| -> i64 {
        lists.as_array().expect("lists").iter().map(|one| one[field].as_i64().expect("a number")).sum()
    };
    assert_eq!(counted(&data["calendarMonths"], "published"), 10_000);
    let lists: Vec<_> = data["collections"].as_array().expect("lists").iter().map(|one| one["trainings"].clone()).collect();
    assert_eq!(counted(&json!(lists), "totalCount"), 10_000);
    assert!(many <= few + 2, "{few} statements for one training, {many} for 10,000");
}
