//! Who sees which training, and that nobody else finds a trace of it.

use harness::World;
use serde_json::{Value, json};

use super::{collection, field, fields, manager, new_training, published, sees, through};
use crate::steps::{colleague, grant, organisation, read};

pub(super) async fn a_draft_is_seen_by_those_who_work_on_it(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let office = organisation(world, "Bureau", Some(&ministry)).await;
    let sibling = organisation(world, "Voisin", Some(&ministry)).await;
    let maker = manager(world, "gerante", &office).await;
    let designer = world.member("conceptrice").await;
    let designers = json!({ "designers": [{ "memberId": designer.id().await }], "opening": "TOUS_PUBLICS" });
    let draft = new_training(world, &maker, &office, "BROUILLON", designers).await;
    let home = colleague(world, "collegue", &office).await;
    let with = async |handle: &str, role: &str, of: &str| {
        let member = world.member(handle).await;
        grant(world, &member, role, json!({ "organisationId": of })).await;
        member
    };
    for (who, expected) in [
        (&maker, true),
        (&designer, true),
        (world.administrator(), true),
        (&with("central", "RESPONSABLE_FORMATION_CENTRAL", &ministry).await, true),
        (&with("local", "REFERENT_LOCAL", &ministry).await, true),
        (&with("espace", "ADMINISTRATEUR_ESPACE_DEDIE", &ministry).await, true),
        (&with("local-voisin", "REFERENT_LOCAL", &sibling).await, false),
        (&with("concepteur", "CONCEPTEUR", &office).await, false),
        (&home, false),
        (&world.member("ada").await, false),
        (&world.anonymous(), false),
    ] {
        assert_eq!(sees(who, &draft, "BROUILLON").await, expected, "{:?}", who.bearer);
    }
    // A model as well, and what is archived without ever having been out.
    through(&maker, &draft, &["GABARIT"]).await;
    assert!(sees(&designer, &draft, "BROUILLON").await && !sees(&world.anonymous(), &draft, "BROUILLON").await);
    through(&maker, &draft, &["ARCHIVEE"]).await;
    assert!(sees(&designer, &draft, "BROUILLON").await && !sees(&world.anonymous(), &draft, "BROUILLON").await);
}

pub(super) async fn openings_tell_who_sees_it_once_it_is_out(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let target = organisation(world, "Cible", None).await;
    let unit = organisation(world, "Unité visée", Some(&target)).await;
    let maker = manager(world, "gerante", &inside).await;
    let aimed = colleague(world, "visee", &unit).await;
    let home = colleague(world, "maison", &inside).await;
    let ada = world.member("ada").await;
    let public = world.anonymous();
    for (short_name, opening, expected) in [
        ("TOUS", json!({ "opening": "TOUS_PUBLICS" }), [true, true, true, true]),
        ("INTER", json!({ "opening": "INTERMINISTERIEL" }), [true, true, true, false]),
        ("CIBLE", json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [target] }), [true, false, false, false]),
        ("RIEN", json!({ "opening": "NON_VISIBLE" }), [false, false, false, false]),
    ] {
        let id = published(world, &maker, &inside, short_name, opening).await;
        for (who, expected) in [&aimed, &home, &ada, &public].into_iter().zip(expected) {
            assert_eq!(sees(who, &id, short_name).await, expected, "{short_name}");
        }
        assert!(sees(&maker, &id, short_name).await, "who manages it always does");
        through(&maker, &id, &["ARCHIVEE"]).await;
        assert_eq!(sees(&aimed, &id, short_name).await, expected[0], "archived after it was published");
    }
    let id = published(world, &maker, &inside, "CHANGE", json!({ "opening": "TOUS_PUBLICS" })).await;
    for (fields, seen) in [
        (json!({ "opening": "CIBLE_RESTREINTE", "targetIds": [target] }), [true, false]),
        (json!({ "targetIds": [inside] }), [false, false]),
        (json!({ "opening": "INTERMINISTERIEL", "targetIds": [] }), [true, true]),
    ] {
        let input = json!({ "trainingId": id, "fields": fields });
        maker.mutate("updateTraining", input, "").await.done("updateTraining");
        assert_eq!([sees(&aimed, &id, "CHANGE").await, sees(&ada, &id, "CHANGE").await], seen, "{fields}");
    }
}

pub(super) async fn a_restricted_training_leaves_no_trace(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let outside = organisation(world, "Dehors", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let rival = manager(world, "rivale", &outside).await;
    let member = colleague(world, "membre", &outside).await;
    let address = "https://mentor.gouv.fr/catalog/777";
    let more = json!({ "title": "Affaires confidentielles", "opening": "CIBLE_RESTREINTE", "targetIds": [inside], "addresses": [address] });
    let hidden = published(world, &maker, &inside, "SECRET-1", more).await;
    let draft = new_training(world, &maker, &inside, "SECRET-2", json!({ "title": "Affaires à venir" })).await;
    let shown = published(world, &maker, &inside, "OUVERTE", json!({ "opening": "TOUS_PUBLICS" })).await;
    let everything = "query($t: ID!, $d: ID!, $o: ID!, $c: ID!, $u: String!) {
        training(id: $t) { id } named: training(shortName: \"SECRET-1\") { id } at: training(mentorUrl: $u) { id }
        node(id: $t) { id } nodes(ids: [$t, $d]) { id }
        trainings { totalCount edges { node { id title } } }
        here: trainings(filter: { organisationId: $o, collectionId: $c }) { totalCount edges { node { id } } pageInfo { hasNextPage } }
        changed: trainings(orderBy: MODIFICATION) { totalCount edges { node { id } } }
        published: trainings(orderBy: PUBLICATION) { totalCount edges { node { id } } }
        drafts: trainings(filter: { state: BROUILLON }) { totalCount edges { node { id } } }
        restricted: trainings(filter: { opening: CIBLE_RESTREINTE }) { totalCount edges { node { id } } }
        collections { trainings { totalCount edges { node { id } } } }
        organisation(slug: \"dedans\") { trainings { totalCount edges { node { id } } } } }";
    let management = collection(world, "management").await;
    let variables = json!({ "t": hidden, "d": draft, "o": inside, "c": management, "u": address });
    let own = maker.run(everything, variables.clone()).await;
    assert!(own.text.contains("confidentielles") && own.text.contains("venir"), "{}", own.text);
    for who in [&rival, &member, &world.anonymous()] {
        let reply = who.run(everything, variables.clone()).await;
        assert!(reply.errors.is_empty(), "{}", reply.text);
        for trace in [&*hidden, &draft, "Affaires", "SECRET"] {
            assert!(!reply.text.contains(trace), "{trace} in {}", reply.text);
        }
        for found in ["training", "named", "at", "node"] {
            assert_eq!(reply.data[found], Value::Null, "{found}");
        }
        for (list, count) in [("trainings", 1), ("here", 1), ("changed", 1), ("published", 1), ("drafts", 0), ("restricted", 0)] {
            assert_eq!(reply.data[list]["totalCount"], json!(count), "{list}");
        }
        assert_eq!(reply.data["organisation"]["trainings"]["totalCount"], json!(1));
        // What is written to it is answered as for what does not exist, word for word.
        let unknown = format!("tra_{:032x}", 99);
        for (name, key, rest) in [
            ("updateTraining", "trainingId", json!({ "fields": { "title": "À moi" } })),
            ("updateTraining", "trainingId", json!({ "fields": { "title": "" } })),
            ("updateTraining", "trainingId", json!({ "fields": { "title": "À moi" }, "revision": 1 })),
            ("transitionTraining", "trainingId", json!({ "state": "ARCHIVEE" })),
            ("recordFraming", "trainingId", json!({ "note": "À moi" })),
            ("mergeTrainings", "fromId", json!({ "intoId": shown })),
            ("mergeTrainings", "intoId", json!({ "fromId": shown })),
        ] {
            let with = |id: &str| {
                let mut input = rest.clone();
                input[key] = json!(id);
                input
            };
            for id in [&hidden, &draft] {
                let (seen, absent) = (who.mutate(name, with(id), "").await, who.mutate(name, with(&unknown), "").await);
                assert_eq!((seen.status, seen.text), (absent.status, absent.text), "{name} by {key}");
            }
        }
    }
    // The one thing that is told, to those who make trainings alone: that a short name or an address is taken, not by what.
    let input = json!({ "fields": fields(world, &outside, "secret-1", json!({})).await });
    let refused = rival.mutate("createTraining", input, "").await;
    assert_eq!(refused.problems("createTraining"), ["shortName: DEJA_PRIS"]);
    let input = json!({ "fields": fields(world, &outside, "LIBRE", json!({ "addresses": [address] })).await });
    let refused = rival.mutate("createTraining", input, "").await;
    assert_eq!(refused.problems("createTraining"), ["addresses: DEJA_PRIS"]);
    assert!(!refused.text.contains(&hidden) && !refused.text.contains("confidentielles"), "{}", refused.text);
}

pub(super) async fn sight_follows_roles_designers_and_organisations(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let outside = organisation(world, "Dehors", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let other = manager(world, "ailleurs", &outside).await;
    let ada = world.member("ada").await;
    let draft = new_training(world, &maker, &inside, "SUIVI", json!({})).await;
    let change = async |who: &harness::Client, fields: Value| {
        who.mutate("updateTraining", json!({ "trainingId": draft, "fields": fields }), "").await.done("updateTraining");
    };
    assert!(!sees(&ada, &draft, "SUIVI").await);
    change(&maker, json!({ "designers": [{ "memberId": ada.id().await }] })).await;
    assert!(sees(&ada, &draft, "SUIVI").await, "a designer now");
    change(&maker, json!({ "designers": [] })).await;
    assert!(!sees(&ada, &draft, "SUIVI").await, "no longer one");
    let role = grant(world, &ada, "REFERENT_LOCAL", json!({ "organisationId": inside })).await;
    assert!(sees(&ada, &draft, "SUIVI").await, "by a role");
    world.administrator().mutate("endRole", json!({ "roleGrantId": role }), "").await.done("endRole");
    assert!(!sees(&ada, &draft, "SUIVI").await, "the role has ended");
    change(world.administrator(), json!({ "organisationId": outside })).await;
    assert!(sees(&other, &draft, "SUIVI").await && !sees(&maker, &draft, "SUIVI").await, "another organisation's now");
    // Its history is for those who work on it.
    change(&other, json!({ "opening": "TOUS_PUBLICS", "thumbnailUrl": "https://exemple.test/v.png" })).await;
    change(&other, super::complete()).await;
    through(&other, &draft, &["ELABORATION_TERMINEE"]).await;
    assert_eq!(field(&ada, &draft, "stateChanges { to }").await, Value::Null);
    assert_eq!(field(&other, &draft, "stateChanges { to }").await.as_array().map(Vec::len), Some(2));
    let seen = read(&world.anonymous(), "query($t: ID!) { training(id: $t) { stateChanges { to } framing { note } viewerMayEdit viewerMayManage viewerMayFrame } }", json!({ "t": draft })).await;
    let nothing = json!({ "stateChanges": null, "framing": null, "viewerMayEdit": false, "viewerMayManage": false, "viewerMayFrame": false });
    assert_eq!(seen["training"], nothing);
}
