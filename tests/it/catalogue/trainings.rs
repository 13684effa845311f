//! A training from its draft to the archive: what it says, what each state demands, who may change it.

use harness::{Client, World};
use serde_json::{Value, json};

use super::{collection, complete, field, fields, manager, new_training, published, through};
use crate::steps::{column, grant, organisation, read, text};

pub(super) async fn a_training_says_all_that_mentor_says(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let designer = world.member("conceptrice").await;
    let mut said = complete();
    for (key, value) in json!({
        "prerequisites": "Aucun", "skills": "- écouter\n- décider", "typicalJobs": "Responsable d'équipe",
        "contact": "bureau-formation@exemple.test", "sirhId": "RH-42", "opening": "INTERMINISTERIEL",
        "designers": [{ "memberId": designer.id().await }, { "name": "Atelier des savoirs" }],
        "addresses": ["https://mentor.gouv.fr/catalog/52", "https://mentor.gouv.fr/course/view.php?id=41&section=21"],
        "modules": [{ "title": "Écouter", "competences": ["Reformuler", "Se taire"] }, { "title": "Décider" }],
    })
    .as_object()
    .expect("fields")
    {
        said[key] = value.clone();
    }
    let id = new_training(world, &maker, &inside, "MNG-01", said).await;
    let query = "query($t: ID!) { training(id: $t) { title shortName state opening certifying licence catchPhrase modality
        presenceMinutes remoteMinutes contact thumbnailUrl sirhId revision publishedAt
        goals { markdown html } content { html } prerequisites { html } skills { html } typicalJobs { html }
        collection { slug } organisation { slug } targets { id } designers { member { handle } name }
        addresses { shape number url } modules { title competences } stateChanges { from to by { handle } } framing { at } } }";
    let seen = read(&maker, query, json!({ "t": id })).await["training"].clone();
    let expected = json!({
        "title": "Formation MNG-01", "shortName": "MNG-01", "state": "BROUILLON", "opening": "INTERMINISTERIEL",
        "certifying": false, "licence": "CC BY-SA 4.0", "catchPhrase": "Une heure pour s'y mettre", "modality": "EN_LIGNE",
        "presenceMinutes": 0, "remoteMinutes": 90, "contact": "bureau-formation@exemple.test",
        "thumbnailUrl": "https://exemple.test/vignette.png", "sirhId": "RH-42", "revision": 1, "publishedAt": null,
        "goals": { "markdown": "Savoir animer une équipe", "html": "<p>Savoir animer une équipe</p>\n" },
        "content": { "html": "<p>Trois <strong>modules</strong></p>\n" }, "prerequisites": { "html": "<p>Aucun</p>\n" },
        "skills": { "html": "<ul>\n<li>écouter</li>\n<li>décider</li>\n</ul>\n" },
        "typicalJobs": { "html": "<p>Responsable d'équipe</p>\n" }, "collection": { "slug": "management" },
        "organisation": { "slug": "dedans" }, "targets": [],
        "designers": [{ "member": { "handle": "conceptrice" }, "name": null }, { "member": null, "name": "Atelier des savoirs" }],
        "addresses": [
            { "shape": "CATALOGUE", "number": 52, "url": "https://mentor.gouv.fr/catalog/52" },
            { "shape": "COURS", "number": 41, "url": "https://mentor.gouv.fr/course/view.php?id=41" },
        ],
        "modules": [{ "title": "Écouter", "competences": ["Reformuler", "Se taire"] }, { "title": "Décider", "competences": [] }],
        "stateChanges": [{ "from": null, "to": "BROUILLON", "by": { "handle": "gerante" } }], "framing": null,
    });
    assert_eq!(seen, expected);

    // What is given replaces, what is not stays, what is cleared is empty.
    let change = json!({ "title": "Animer une équipe", "clear": ["CONTACT", "PREREQUIS", "MODALITE"], "addresses": [], "sirhId": "RH-43" });
    let input = json!({ "trainingId": id, "fields": change, "revision": 1 });
    maker.mutate("updateTraining", input.clone(), "").await.done("updateTraining");
    let after = read(&maker, query, json!({ "t": id })).await["training"].clone();
    let mut expected = expected;
    for (key, value) in json!({ "title": "Animer une équipe", "contact": null, "prerequisites": null, "modality": null, "addresses": [], "sirhId": "RH-43", "revision": 2 }).as_object().expect("fields") {
        expected[key] = value.clone();
    }
    assert_eq!(after, expected);
    // The same again changes nothing and tells nothing.
    let same = json!({ "trainingId": id, "fields": { "title": "Animer  une équipe" } });
    let done = maker.mutate("updateTraining", same, "training { revision }").await.done("updateTraining");
    assert_eq!(done["training"]["revision"], 2);
    assert_eq!(world.count("select count(*) from events where kind = 'TrainingChanged'").await, 1);
}

pub(super) async fn a_new_training_lists_everything_it_lacks(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let refused = maker.mutate("createTraining", json!({ "fields": { "remoteMinutes": -1 } }), "").await;
    let expected = [
        "title: OBLIGATOIRE",
        "shortName: OBLIGATOIRE",
        "collectionId: OBLIGATOIRE",
        "organisationId: OBLIGATOIRE",
        "certifying: OBLIGATOIRE",
        "licence: OBLIGATOIRE",
        "remoteMinutes: MALFORME",
    ];
    assert_eq!(refused.problems("createTraining"), expected);
    let with = async |more: Value| {
        let input = json!({ "fields": fields(world, &inside, "ESSAI", more).await });
        maker.mutate("createTraining", input, "").await
    };
    let unknown = |prefix: &str| format!("{prefix}_{:032x}", 7);
    let nowhere = json!({ "collectionId": unknown("col"), "designers": [{ "memberId": unknown("mem") }],
        "opening": "CIBLE_RESTREINTE", "targetIds": [unknown("org")] });
    let expected = ["collectionId: INCONNU", "designers: INCONNU", "targetIds: INCONNU"];
    assert_eq!(with(nowhere).await.problems("createTraining"), expected);
    let expected = ["organisationId: INCONNU"];
    assert_eq!(with(json!({ "organisationId": unknown("org") })).await.problems("createTraining"), expected);
    let restricted = with(json!({ "opening": "CIBLE_RESTREINTE" })).await;
    assert_eq!(restricted.problems("createTraining"), ["targetIds: OBLIGATOIRE"]);
    let open = with(json!({ "opening": "TOUS_PUBLICS", "targetIds": [inside] })).await;
    assert_eq!(open.problems("createTraining"), ["targetIds: REFUSE"]);
    let wrong = json!({ "addresses": ["https://exemple.test/catalog/52"], "designers": [{}], "thumbnailUrl": "v.png" });
    let expected = ["thumbnailUrl: MALFORME", "designers: MALFORME", "addresses: MALFORME"];
    assert_eq!(with(wrong).await.problems("createTraining"), expected);
    let other = organisation(world, "Dehors", None).await;
    assert_eq!(with(json!({ "organisationId": other })).await.code(), "FORBIDDEN");
    assert_eq!(world.count("select count(*) from trainings").await, 0);
}

pub(super) async fn a_transition_names_every_missing_field_in_french(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let id = new_training(world, &maker, &inside, "NUE-01", json!({})).await;
    let input = json!({ "trainingId": id, "state": "ELABORATION_TERMINEE" });
    let refused = maker.mutate("transitionTraining", input, "training { id }").await;
    let problems = refused.data["transitionTraining"]["problems"].clone();
    let told = |field: &str, words: &str| {
        let message = format!("À remplir pour l'état « élaboration terminée » : {words}.");
        json!({ "field": field, "code": "OBLIGATOIRE", "message": message })
    };
    let expected = json!([
        told("thumbnailUrl", "la vignette"),
        told("catchPhrase", "la phrase d'accroche"),
        told("content", "le contenu"),
        told("goals", "les objectifs"),
        told("modality", "la modalité"),
        told("presenceMinutes", "la durée en présentiel"),
        told("remoteMinutes", "la durée à distance"),
    ]);
    assert_eq!(problems, expected);
    assert_eq!(field(&maker, &id, "state").await, "BROUILLON");
    let filled = json!({ "trainingId": id, "fields": complete() });
    maker.mutate("updateTraining", filled, "").await.done("updateTraining");
    through(&maker, &id, &["ELABORATION_TERMINEE"]).await;
}

pub(super) async fn states_follow_the_table_and_keep_their_history(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let id = new_training(world, &maker, &inside, "ETATS", complete()).await;
    let refused = async |state: &str| {
        let reply = maker.mutate("transitionTraining", json!({ "trainingId": id, "state": state }), "").await;
        assert_eq!(reply.problems("transitionTraining"), ["state: REFUSE"]);
        text(&reply.data["transitionTraining"]["problems"][0]["message"])
    };
    let expected =
        "De l'état « brouillon » on ne passe pas à « publiée », mais à « gabarit » ou « élaboration terminée » ou « archivée ».";
    assert_eq!(refused("PUBLIEE").await, expected);
    assert_eq!(refused("BROUILLON").await, "Cette formation est déjà dans l'état « brouillon ».");
    through(&maker, &id, &["GABARIT", "ELABORATION_TERMINEE", "PUBLIEE"]).await;
    refused("BROUILLON").await;
    let first = field(&maker, &id, "publishedAt").await;
    assert!(first.is_string());
    world.advance(chrono::TimeDelta::days(3));
    world.run_jobs().await;
    through(&maker, &id, &["ELABORATION_TERMINEE", "PUBLIEE", "ARCHIVEE"]).await;
    assert_eq!(field(&maker, &id, "publishedAt").await, first, "the first publication");
    let history = field(&maker, &id, "stateChanges { to }").await;
    let states: Vec<_> = history.as_array().expect("changes").iter().map(|change| text(&change["to"])).collect();
    let expected = ["ARCHIVEE", "PUBLIEE", "ELABORATION_TERMINEE", "PUBLIEE", "ELABORATION_TERMINEE", "GABARIT", "BROUILLON"];
    assert_eq!(states, expected, "the latest first");
    let events = world.events().await;
    let told = events.iter().filter(|one| matches!(one.event, services::events::Event::TrainingStateChanged { .. })).count();
    assert_eq!(told, 6);
}

pub(super) async fn what_a_state_demands_cannot_be_emptied(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let id = published(world, &maker, &inside, "PLEINE", json!({})).await;
    let input = json!({ "trainingId": id, "fields": { "clear": ["VIGNETTE", "OBJECTIFS", "CONTACT"] } });
    let refused = maker.mutate("updateTraining", input, "").await;
    assert_eq!(refused.problems("updateTraining"), ["thumbnailUrl: OBLIGATOIRE", "goals: OBLIGATOIRE"]);
    let input = json!({ "trainingId": id, "fields": { "clear": ["TITRE"] } });
    assert_eq!(maker.mutate("updateTraining", input, "").await.problems("updateTraining"), ["clear: REFUSE"]);
    assert_eq!(field(&maker, &id, "revision").await, 3, "two transitions, and no change");
}

pub(super) async fn only_those_who_manage_or_design_it_change_it(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let office = organisation(world, "Bureau", Some(&inside)).await;
    let outside = organisation(world, "Dehors", None).await;
    let maker = manager(world, "gerante", &office).await;
    let above = world.member("au-dessus").await;
    grant(world, &above, "REFERENT_LOCAL", json!({ "organisationId": inside })).await;
    let stranger = manager(world, "ailleurs", &outside).await;
    let sibling = organisation(world, "Autre bureau", Some(&inside)).await;
    let neighbour = manager(world, "voisine", &sibling).await;
    let designer = world.member("conceptrice").await;
    let designers = json!({ "designers": [{ "memberId": designer.id().await }] });
    let id = new_training(world, &maker, &office, "DROITS", designers).await;
    let title = json!({ "trainingId": id, "fields": { "title": "Un autre titre" } });
    let opening = json!({ "trainingId": id, "fields": { "opening": "TOUS_PUBLICS" } });
    let state = json!({ "trainingId": id, "state": "GABARIT" });
    for who in [&stranger, &neighbour, &world.member("ada").await] {
        for (name, input) in [("updateTraining", &title), ("updateTraining", &opening), ("transitionTraining", &state)] {
            assert_eq!(who.mutate(name, input.clone(), "").await.code(), "NOT_FOUND", "out of their sight");
        }
    }
    // Named as designer she sees it; she changes it while she is a concepteur, and never for whom it is.
    assert_eq!(designer.mutate("updateTraining", title.clone(), "").await.code(), "FORBIDDEN");
    let role = grant(world, &designer, "CONCEPTEUR", json!({ "organisationId": outside })).await;
    designer.mutate("updateTraining", title.clone(), "").await.done("updateTraining");
    assert_eq!(designer.mutate("updateTraining", opening.clone(), "").await.code(), "FORBIDDEN");
    assert_eq!(designer.mutate("transitionTraining", state.clone(), "").await.code(), "FORBIDDEN");
    world.administrator().mutate("endRole", json!({ "roleGrantId": role }), "").await.done("endRole");
    let again = json!({ "trainingId": id, "fields": { "title": "Encore un titre" } });
    assert_eq!(designer.mutate("updateTraining", again, "").await.code(), "FORBIDDEN", "her role has ended");
    // Who answers for the organisation above manages what its units make.
    above.mutate("updateTraining", opening, "").await.done("updateTraining");
    above.mutate("transitionTraining", state, "").await.done("transitionTraining");
    let input = json!({ "fields": fields(world, &office, "AU-DESSUS", json!({})).await });
    above.mutate("createTraining", input, "").await.done("createTraining");
    // It goes to another organisation only by who manages both.
    let away = json!({ "trainingId": id, "fields": { "organisationId": outside } });
    assert_eq!(maker.mutate("updateTraining", away.clone(), "").await.code(), "FORBIDDEN");
    world.administrator().mutate("updateTraining", away, "").await.done("updateTraining");
    assert_eq!(field(&maker, &id, "id").await, Value::Null, "it is no longer theirs");
    assert_eq!(field(&stranger, &id, "viewerMayManage").await, json!(true));
}

pub(super) async fn a_stale_revision_is_refused(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let id = new_training(world, &maker, &inside, "VERSIONS", json!({})).await;
    let change = |title: &str| json!({ "trainingId": id, "fields": { "title": title }, "revision": 1 });
    maker.mutate("updateTraining", change("Le premier titre"), "").await.done("updateTraining");
    let refused = maker.mutate("updateTraining", change("Le second titre"), "").await;
    assert_eq!(refused.problems("updateTraining"), ["revision: REFUSE"]);
    let state = json!({ "trainingId": id, "state": "GABARIT", "revision": 1 });
    assert_eq!(maker.mutate("transitionTraining", state, "").await.problems("transitionTraining"), ["revision: REFUSE"]);
    assert_eq!(field(&maker, &id, "title").await, "Le premier titre");
}

pub(super) async fn addresses_and_short_names_are_one_trainings(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let course = "https://mentor.gouv.fr/course/view.php?id=41";
    let id = new_training(world, &maker, &inside, "Unique-01", json!({ "addresses": [course] })).await;
    let with = async |short_name: &str, more: Value| {
        let input = json!({ "fields": fields(world, &inside, short_name, more).await });
        maker.mutate("createTraining", input, "").await
    };
    assert_eq!(with("UNIQUE-01", json!({})).await.problems("createTraining"), ["shortName: DEJA_PRIS"]);
    let section = json!({ "addresses": ["https://mentor.gouv.fr/catalog/41", format!("{course}&section=3")] });
    let refused = with("AUTRE-01", section).await;
    assert_eq!(refused.problems("createTraining"), ["addresses: DEJA_PRIS"]);
    let expected = "L'adresse https://mentor.gouv.fr/course/view.php?id=41 est déjà celle d'une autre formation.";
    assert_eq!(refused.data["createTraining"]["problems"][0]["message"], expected);
    // The same number in another shape is another address.
    let other =
        new_training(world, &maker, &inside, "AUTRE-01", json!({ "addresses": ["https://mentor.gouv.fr/catalog/41"] })).await;
    let query = "query($u: String, $s: String) { training(mentorUrl: $u, shortName: $s) { id } }";
    for (url, found) in [
        (course, json!(id)),
        ("https://mentor.gouv.fr/course/view.php?section=5&id=41", json!(id)),
        ("https://mentor.gouv.fr/catalog/41", json!(other)),
        ("https://mentor.gouv.fr/catalog/42", Value::Null),
        ("https://exemple.test/catalog/41", Value::Null),
        ("\u{0}", Value::Null),
    ] {
        assert_eq!(read(&maker, query, json!({ "u": url })).await["training"]["id"], found, "{url}");
    }
    for (name, found) in [("unique-01", json!(id)), (" Unique-01 ", json!(id)), ("UNIQUE", Value::Null), ("\u{0}x", Value::Null)]
    {
        assert_eq!(read(&maker, query, json!({ "s": name })).await["training"]["id"], found, "{name}");
    }
    for variables in [json!({}), json!({ "u": course, "s": "unique-01" })] {
        assert_eq!(maker.run(query, variables).await.code(), "INVALID");
    }
    // An address that is given up is free again.
    let free = json!({ "trainingId": id, "fields": { "addresses": [] } });
    maker.mutate("updateTraining", free, "").await.done("updateTraining");
    let taken = json!({ "trainingId": other, "fields": { "addresses": [course] } });
    maker.mutate("updateTraining", taken, "").await.done("updateTraining");
    assert_eq!(read(&maker, query, json!({ "u": course })).await["training"]["id"], json!(other));
}

pub(super) async fn a_merged_training_still_resolves(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let one =
        |number: i64| json!({ "addresses": [format!("https://mentor.gouv.fr/catalog/{number}")], "opening": "TOUS_PUBLICS" });
    let first = published(world, &maker, &inside, "UNE", one(1)).await;
    let second = published(world, &maker, &inside, "DEUX", one(2)).await;
    let third = published(world, &maker, &inside, "TROIS", one(3)).await;
    let merge = async |from: &str, into: &str| {
        maker.mutate("mergeTrainings", json!({ "fromId": from, "intoId": into }), "training { id addresses { number } }").await
    };
    assert_eq!(merge(&first, &first).await.problems("mergeTrainings"), ["intoId: REFUSE"]);
    let done = merge(&first, &second).await.done("mergeTrainings")["training"].clone();
    assert_eq!(done["id"], json!(second));
    assert_eq!(done["addresses"], json!([{ "number": 2 }, { "number": 1 }]));
    assert_eq!(merge(&first, &third).await.problems("mergeTrainings"), ["fromId: REFUSE"], "it is merged already");
    assert_eq!(merge(&third, &first).await.problems("mergeTrainings"), ["intoId: REFUSE"], "into what is no more");
    merge(&second, &third).await.done("mergeTrainings");

    let everyone = world.anonymous();
    let query = "query($t: ID!) { training(id: $t) { shortName state mergedInto { id } addresses { number } }
        named: training(shortName: \"une\") { id } at: training(mentorUrl: \"https://mentor.gouv.fr/catalog/1\") { id }
        trainings { totalCount edges { node { id } } } }";
    let seen = read(&everyone, query, json!({ "t": first })).await;
    let expected = json!({ "shortName": "UNE", "state": "ARCHIVEE", "mergedInto": { "id": third }, "addresses": [] });
    assert_eq!(seen["training"], expected, "it names where it went in the end");
    assert_eq!((&seen["named"]["id"], &seen["at"]["id"]), (&json!(first), &json!(third)));
    assert_eq!(column(&seen["trainings"], "id"), [json!(third)]);
    let edit = json!({ "trainingId": first, "fields": { "title": "Revenue" } });
    assert_eq!(maker.mutate("updateTraining", edit, "").await.problems("updateTraining"), ["trainingId: REFUSE"]);
    let back = json!({ "trainingId": first, "state": "BROUILLON" });
    assert_eq!(maker.mutate("transitionTraining", back, "").await.problems("transitionTraining"), ["trainingId: REFUSE"]);
    // Whoever manages only one of the two does not merge them.
    let outside = organisation(world, "Dehors", None).await;
    let other = manager(world, "ailleurs", &outside).await;
    let theirs = new_training(world, &other, &outside, "AILLEURS", json!({})).await;
    assert_eq!(other.mutate("mergeTrainings", json!({ "fromId": theirs, "intoId": third }), "").await.code(), "FORBIDDEN");
    assert_eq!(merge(&third, &theirs).await.code(), "NOT_FOUND");
}

pub(super) async fn hostile_texts_are_refused_or_made_safe(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let html =
        json!({ "title": "<b>Gras</b>\n & fils", "content": "<script>alert(1)</script> [x](javascript:alert(1)) @gerante" });
    let id = new_training(world, &maker, &inside, "HTML", html).await;
    assert_eq!(field(&maker, &id, "title").await, "<b>Gras</b> & fils", "one line of plain text");
    let content = text(&field(&maker, &id, "content { html }").await["html"]);
    assert!(!content.contains("<script") && !content.contains("href=\"javascript"), "{content}");
    let change = async |fields: Value| {
        let input = json!({ "trainingId": id, "fields": fields });
        maker.mutate("updateTraining", input, "").await.problems("updateTraining")
    };
    assert_eq!(change(json!({ "title": "a\u{0}bc" })).await, ["title: MALFORME"]);
    assert_eq!(change(json!({ "title": "é".repeat(201) })).await, ["title: TROP_LONG"]);
    assert_eq!(change(json!({ "content": "é".repeat(50_001) })).await, ["content: TROP_LONG"]);
    assert_eq!(change(json!({ "goals": "> ".repeat(2_000) + "x" })).await, ["goals: MALFORME"]);
    let modules: Vec<_> = (0..51).map(|n| json!({ "title": format!("Module {n}") })).collect();
    assert_eq!(change(json!({ "modules": modules })).await, ["modules: TROP_LONG"]);
    let addresses: Vec<_> = (1..12).map(|n| format!("https://mentor.gouv.fr/catalog/{n}")).collect();
    assert_eq!(change(json!({ "addresses": addresses })).await, ["addresses: TROP_LONG"]);
}

pub(super) async fn trainings_are_listed_filtered_and_paged(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let office = organisation(world, "Bureau", Some(&inside)).await;
    let maker = manager(world, "gerante", &inside).await;
    let designer = world.member("conceptrice").await;
    let langues = collection(world, "langues").await;
    let mut made = Vec::new();
    for n in 0..5 {
        let mut more = json!({ "opening": "TOUS_PUBLICS" });
        match n {
            0 => more["collectionId"] = json!(langues),
            1 => more["certifying"] = json!(true),
            2 => more["organisationId"] = json!(office),
            3 => more["designers"] = json!([{ "memberId": designer.id().await }]),
            _ => more["modality"] = json!("PRESENTIEL"),
        }
        world.advance(chrono::TimeDelta::minutes(1));
        made.push(published(world, &maker, &inside, &format!("LISTE-{n}"), more).await);
    }
    let all = |wanted: &[usize]| wanted.iter().map(|n| json!(made[*n])).collect::<Vec<_>>();
    let list = async |filter: Value, order: &str| {
        let query = "query($f: TrainingFilterInput, $o: TrainingOrder!) { trainings(filter: $f, orderBy: $o) { totalCount edges { node { id } } } }";
        let data = read(&maker, query, json!({ "f": filter, "o": order })).await["trainings"].clone();
        let found = column(&data, "id");
        assert_eq!(data["totalCount"], json!(found.len()), "{filter}");
        found
    };
    assert_eq!(list(json!({}), "TITRE").await, all(&[0, 1, 2, 3, 4]));
    assert_eq!(list(json!({}), "MODIFICATION").await, all(&[4, 3, 2, 1, 0]));
    assert_eq!(list(json!({ "state": "PUBLIEE" }), "PUBLICATION").await, all(&[4, 3, 2, 1, 0]));
    assert_eq!(list(json!({ "collectionId": langues }), "TITRE").await, all(&[0]));
    assert_eq!(list(json!({ "certifying": true }), "TITRE").await, all(&[1]));
    assert_eq!(list(json!({ "organisationId": office }), "TITRE").await, all(&[2]));
    assert_eq!(list(json!({ "organisationId": inside }), "TITRE").await, all(&[0, 1, 2, 3, 4]), "its units' too");
    assert_eq!(list(json!({ "modality": "PRESENTIEL", "opening": "TOUS_PUBLICS" }), "TITRE").await, all(&[4]));
    assert_eq!(list(json!({ "mine": true }), "TITRE").await, all(&[0, 1, 2, 3, 4]), "those of her organisation");
    let mine = "{ trainings(filter: { mine: true }) { totalCount edges { node { id } } } }";
    assert_eq!(column(&read(&designer, mine, json!({})).await["trainings"], "id"), all(&[3]));
    assert_eq!(world.anonymous().run(mine, json!({})).await.code(), "UNAUTHENTICATED");

    // Page by page, from either end.
    for (order, expected) in [("TITRE", all(&[0, 1, 2, 3, 4])), ("PUBLICATION", all(&[4, 3, 2, 1, 0]))] {
        for (size, cursor, next) in [("first", "after", "endCursor"), ("last", "before", "startCursor")] {
            let (mut found, mut from) = (Vec::new(), Value::Null);
            for _ in 0..3 {
                let query = format!(
                    "query($c: String) {{ trainings(orderBy: {order}, {size}: 2, {cursor}: $c) {{ pageInfo {{ {next} }} edges {{ node {{ id }} }} }} }}"
                );
                let page = read(&world.anonymous(), &query, json!({ "c": from })).await["trainings"].clone();
                from = page["pageInfo"][next].clone();
                let ids = column(&page, "id");
                found = if size == "first" { [found, ids].concat() } else { [ids, found].concat() };
            }
            assert_eq!(found, expected, "{order} {size}");
        }
    }
    // Below a collection and an organisation, each with its own page and count.
    let query = "{ collections { slug trainings(first: 1) { totalCount pageInfo { hasNextPage } edges { node { id } } } }
        organisation(slug: \"dedans\") { trainings(last: 2) { totalCount edges { node { id } } }
            units { edges { node { trainings { totalCount edges { node { id } } } } } } } }";
    let data = read(&world.anonymous(), query, json!({})).await;
    for collection in data["collections"].as_array().expect("collections") {
        let (trainings, count) = (
            &collection["trainings"],
            match collection["slug"].as_str() {
                Some("langues") => 1,
                Some("management") => 4,
                _ => 0,
            },
        );
        assert_eq!((&trainings["totalCount"], column(trainings, "id").len()), (&json!(count), count.min(1)), "{collection}");
        assert_eq!(trainings["pageInfo"]["hasNextPage"], json!(count > 1));
    }
    let organisation = &data["organisation"];
    assert_eq!((&organisation["trainings"]["totalCount"], column(&organisation["trainings"], "id")), (&json!(5), all(&[3, 4])));
    let units = &organisation["units"]["edges"][0]["node"]["trainings"];
    assert_eq!((&units["totalCount"], column(units, "id")), (&json!(1), all(&[2])));
}

/// An image of one point.
pub(super) const POINT: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xff\xff?\0\x05\xfe\x02\xfe\xa3\x9a\x9d\x83\0\0\0\0IEND\xaeB`\x82";

pub(super) async fn a_thumbnail_is_an_image_that_who_sees_the_training_takes(world: &World) {
    let (inside, outside) = (organisation(world, "Dedans", None).await, world.member("dehors").await);
    let maker = manager(world, "gerante", &inside).await;
    let image = maker.send_file("vignette.png", POINT).await;
    let id = new_training(world, &maker, &inside, "UN", json!({ "thumbnailId": image["id"] })).await;
    let query = "query($t: ID!) { training(id: $t) { thumbnailUrl } }";
    let told = async |who: &Client| read(who, query, json!({ "t": id })).await["training"]["thumbnailUrl"].clone();
    assert_eq!(told(&maker).await, image["url"]);
    let path = text(&image["url"]).strip_prefix(&world.url).expect("here").to_owned();
    assert_eq!(maker.take(&path).await, (200, POINT.to_vec()));
    for who in [&outside, &world.anonymous()] {
        assert_eq!(who.take(&path).await.0, 404, "a draft's is for those who work on it");
    }
    let set = async |fields: Value| maker.mutate("updateTraining", json!({ "trainingId": id, "fields": fields }), "").await;
    // An address takes its place, and it the address's; both at once, another member's file, or what is no image are refused.
    let address = json!("https://exemple.test/vignette.png");
    set(json!({ "thumbnailUrl": address })).await.done("updateTraining");
    assert_eq!(told(&maker).await, address);
    assert_eq!(
        (maker.take(&path).await.0, world.administrator().take(&path).await.0),
        (200, 404),
        "its sender's again, for a day"
    );
    let other = maker.send_file("autre.png", POINT).await;
    let note = maker.send_file("vignette.txt", b"Pas une image").await;
    let theirs = outside.send_file("autre.png", POINT).await;
    let served = maker.send_file("servie.png", POINT).await;
    new_training(world, &maker, &inside, "DEUX", json!({ "thumbnailId": served["id"] })).await;
    for (fields, expected) in [
        (json!({ "thumbnailId": other["id"], "thumbnailUrl": address }), "thumbnailId: REFUSE"),
        (json!({ "thumbnailId": note["id"] }), "thumbnailId: REFUSE"),
        (json!({ "thumbnailId": theirs["id"] }), "thumbnailId: INCONNU"),
        (json!({ "thumbnailId": served["id"] }), "thumbnailId: DEJA_PRIS"),
        (json!({ "thumbnailId": id }), "thumbnailId: MALFORME"),
    ] {
        assert_eq!(set(fields.clone()).await.problems("updateTraining"), [expected], "{fields}");
    }
    assert_eq!(told(&maker).await, address, "nothing half-done");
    set(json!({ "thumbnailId": other["id"] })).await.done("updateTraining");
    set(json!({ "thumbnailId": other["id"], "title": "Un autre titre" })).await.done("updateTraining");
    assert_eq!(told(&maker).await, other["url"]);
    set(json!({ "clear": ["VIGNETTE"] })).await.done("updateTraining");
    assert_eq!(told(&maker).await, Value::Null);
}
