//! Trainings from a table: what is read, what is refused and how it is told, that nothing is left half-done.

use std::io::{Seek, Write};

use harness::{Client, Story, World, stories};
use serde_json::{Value, json};
use services::Caller;
use services::caller::Credential;
use services::catalogue::{self, Column, Tally};
use services::id::MemberId;

use super::{field, manager, new_training, published, sees};
use crate::cost::uuid_of;
use crate::steps::{colleague, grant, organisation, read, text};

pub(crate) fn stories() -> Vec<Story> {
    stories![
        a_table_of_french_excel_makes_trainings_and_says_nothing_twice,
        a_dry_run_tells_what_would_be_done_and_does_nothing,
        a_line_finds_its_training_by_address_then_by_short_name,
        a_wrong_heading_is_refused_as_a_whole,
        a_stray_quote_is_told_by_its_line_and_nothing_is_written,
        letters_of_another_encoding_are_told_by_line_and_column,
        what_is_no_table_is_refused,
        each_line_is_asked_for_by_its_own_organisation,
        what_is_out_of_sight_is_only_taken,
        states_and_dates_pass_the_gates_of_the_api,
        everything_wrong_with_a_line_is_told_at_once,
        two_lines_do_not_say_the_same,
        an_import_that_is_cut_short_is_repeated,
        an_import_is_asked_for_and_followed,
        what_changed_since_the_check_is_told,
        an_import_ends_with_the_rights_of_who_asked,
    ]
}

pub(super) const HEAD: &str = "Nom abrégé;Titre;Collection;Organisation;Certifiante;Licence";

/// A line with what every line has.
pub(super) fn line(short_name: &str, organisation: &str) -> String {
    format!("{short_name};Formation {short_name};management;{organisation};non;CC BY-SA 4.0")
}

/// A table of these lines, each ended by what is added to it.
pub(crate) fn table(more: &str, lines: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut table = format!("{HEAD}{more}\n");
    for line in lines {
        table.push_str(&line);
        table.push('\n');
    }
    table.into_bytes()
}

async fn caller(world: &World, who: &Client) -> Caller {
    let id = MemberId(uuid_of(&who.id().await));
    let mut reader = world.app.db.reader().await.expect("a reader");
    let caller = Caller::member(&mut reader, id, Credential::Operator, world.app.clock.now()).await.expect("a read");
    caller.expect("a member")
}

fn file(content: &[u8]) -> tokio::fs::File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(content).expect("written");
    file.rewind().expect("its beginning");
    tokio::fs::File::from_std(file)
}

pub(crate) async fn import(world: &World, who: &Client, content: &[u8], dry_run: bool) -> Tally {
    let caller = caller(world, who).await;
    catalogue::import_file(&world.app, &caller, file(content), dry_run, |_| {}).await.expect("an import")
}

/// What is wrong, as `line column: message`.
fn told(tally: &Tally) -> Vec<String> {
    let column = |column: Option<Column>| column.map_or("-", Column::code);
    tally.faults.iter().map(|fault| format!("{} {}: {}", fault.line, column(fault.column), fault.message)).collect()
}

/// Made, changed, unchanged and refused.
fn counts(tally: &Tally) -> [i64; 4] {
    [tally.made, tally.changed, tally.unchanged, tally.refused]
}

/// That one fault, with these words in it.
fn one(tally: &Tally, line: i64, column: &str, words: &str) {
    let told = told(tally);
    assert!(told.len() == 1 && told[0].starts_with(&format!("{line} {column}: ")) && told[0].contains(words), "{told:?}");
}

async fn trainings(world: &World) -> i64 {
    world.count("select count(*) from trainings").await
}

async fn a_table_of_french_excel_makes_trainings_and_says_nothing_twice(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let head = format!("{HEAD};Date prévue;Modalité;Minutes à distance;Adresses sur Mentor;Concepteurs;Objectifs;Modules");
    let modules = "\"Écouter\r\n- Reformuler\r\n- Se taire\r\nDécider\"";
    let said = "\"Un \"\"objectif\"\"\r\nsur deux lignes ; à l'œil, pour 5 €\"";
    let lines = [
        format!(
            "{};25/11/2030;En ligne;90;https://mentor.gouv.fr/catalog/1 | https://mentor.gouv.fr/catalog/2;@gerante|Ada;{said};{modules}",
            line("ÉTÉ-1", "Dedans")
        ),
        format!("{};;présentiel;;;;;", line("ÉTÉ-2", "dedans").replace(";non;", ";OUI;")),
    ];
    let windows: Vec<u8> = format!("{head}\r\n{}\r\n{}\r\n;;;;;;;;;;;;\r\n", lines[0], lines[1])
        .chars()
        .map(|c| match c {
            '€' => 0x80,
            'œ' => 0x9c,
            c => u8::try_from(u32::from(c)).expect("a letter of Latin-1"),
        })
        .collect();
    let tally = import(world, &maker, &windows, false).await;
    assert_eq!((told(&tally), counts(&tally), tally.lines), (vec![], [2, 0, 0, 0], 2));
    let query = "{ training(shortName: \"été-1\") { id title state plannedOn modality remoteMinutes certifying revision goals { markdown }
        addresses { url } designers { name member { handle } } modules { title competences } organisation { slug } } other: training(shortName: \"ÉTÉ-2\") {
        certifying modality plannedOn } }";
    let data = read(&maker, query, json!({})).await;
    let first = &data["training"];
    for (field, value) in [
        ("state", json!("BROUILLON")),
        ("plannedOn", json!("2030-11-25")),
        ("modality", json!("EN_LIGNE")),
        ("remoteMinutes", json!(90)),
        ("goals", json!({ "markdown": "Un \"objectif\"\nsur deux lignes ; à l'œil, pour 5 €" })),
        ("designers", json!([{ "name": null, "member": { "handle": "gerante" } }, { "name": "Ada", "member": null }])),
        (
            "modules",
            json!([{ "title": "Écouter", "competences": ["Reformuler", "Se taire"] }, { "title": "Décider", "competences": [] }]),
        ),
        ("organisation", json!({ "slug": "dedans" })),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    assert_eq!(data["other"], json!({ "certifying": true, "modality": "PRESENTIEL", "plannedOn": null }));
    // Said again, in UTF-8 and below a line for spreadsheets, it writes nothing at all.
    let events = world.events().await.len();
    let utf8 = format!("\u{feff}sep=;\n{head}\n{}\n{}\n", lines[0], lines[1]);
    let tally = import(world, &maker, utf8.as_bytes(), false).await;
    assert_eq!((told(&tally), counts(&tally)), (vec![], [0, 0, 2, 0]));
    assert_eq!(world.events().await.len(), events);
    assert_eq!(read(&maker, query, json!({})).await, data);
}

async fn a_dry_run_tells_what_would_be_done_and_does_nothing(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    new_training(world, &maker, &inside, "A1", json!({})).await;
    new_training(world, &maker, &inside, "B1", json!({})).await;
    let events = world.events().await.len();
    let lines = [line("A1", "Dedans"), line("B1", "Dedans").replace("Formation B1", "Autrement"), line("C1", "Dedans")];
    let content = table("", lines);
    let tally = import(world, &maker, &content, true).await;
    assert_eq!((told(&tally), counts(&tally)), (vec![], [1, 1, 1, 0]));
    assert_eq!((world.events().await.len(), trainings(world).await), (events, 2));
    assert_eq!(counts(&import(world, &maker, &content, false).await), [1, 1, 1, 0]);
    assert_eq!(trainings(world).await, 3);
}

async fn a_line_finds_its_training_by_address_then_by_short_name(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let address = |n: i64| format!("https://mentor.gouv.fr/catalog/{n}");
    let first = new_training(world, &maker, &inside, "A1", json!({ "addresses": [address(1)] })).await;
    new_training(world, &maker, &inside, "B1", json!({ "addresses": [address(2)] })).await;
    let with = |short_name: &str, addresses: String| format!("{};{addresses}", line(short_name, "Dedans"));
    // Renamed, since it has the address; its title is in the line.
    let renamed = table(";Adresses sur Mentor", [with("NEUF", address(1))]);
    assert_eq!(counts(&import(world, &maker, &renamed, false).await), [0, 1, 0, 0]);
    assert_eq!(field(&maker, &first, "shortName").await, json!("NEUF"));
    // An empty cell empties what may be; a column that is not there changes nothing.
    let plain = table("", [line("neuf", "Dedans").replace("Formation neuf", "Formation NEUF")]);
    assert_eq!(counts(&import(world, &maker, &plain, false).await), [0, 1, 0, 0], "another case of its short name");
    assert_eq!(field(&maker, &first, "addresses { url }").await, json!([{ "url": address(1) }]));
    let emptied = table(";Adresses sur Mentor", [with("neuf", String::new()).replace("Formation neuf", "Formation NEUF")]);
    assert_eq!(counts(&import(world, &maker, &emptied, false).await), [0, 1, 0, 0]);
    assert_eq!(field(&maker, &first, "addresses { url }").await, json!([]));
    one(
        &import(world, &maker, &table(";addresses", [with("NEUF", address(2))]), false).await,
        2,
        "shortName",
        "déjà ce nom abrégé",
    );
    new_training(world, &maker, &inside, "C1", json!({ "addresses": [address(3)] })).await;
    let two = table(";addresses", [with("D1", format!("{} {}", address(2), address(3)))]);
    one(&import(world, &maker, &two, false).await, 2, "addresses", "deux formations");
}

async fn a_wrong_heading_is_refused_as_a_whole(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let content = "Titre;titre;Durée;Nom abrégé;Licence;Organisation\nx;y;z;a;b;c\n";
    let tally = import(world, &maker, content.as_bytes(), false).await;
    assert_eq!(
        told(&tally),
        [
            "1 title: La colonne « Titre » est là deux fois.",
            "1 -: Colonne inconnue : « Durée ».",
            "1 collection: La colonne « Collection » manque.",
            "1 certifying: La colonne « Certifiante » manque.",
        ]
    );
    assert_eq!((tally.lines, trainings(world).await), (0, 0));
    // Only a heading says nothing, and that is no fault.
    let tally = import(world, &maker, &table("", []), false).await;
    assert_eq!((told(&tally), counts(&tally)), (vec![], [0, 0, 0, 0]));
}

async fn a_stray_quote_is_told_by_its_line_and_nothing_is_written(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let lines = (2..=40_100).map(|n| {
        let line = line(&format!("F-{n}"), "Dedans");
        if n == 40_000 { line.replace("Formation F", "La \"formation F") } else { line }
    });
    let tally = import(world, &maker, &table("", lines), false).await;
    one_stop(&tally, "40000 title: ", "guillemet");
    assert_eq!((tally.lines, trainings(world).await), (39_998, 0));
    // One that opens a cell and is never closed: the line where it stands, not where the file ends.
    let lines = (2..=300).map(|n| {
        let line = line(&format!("F-{n}"), "Dedans");
        if n == 200 { line.replace("Formation F", "\"Formation F") } else { line }
    });
    one_stop(&import(world, &maker, &table("", lines), false).await, "200 title: ", "jamais fermé");
    // A line of too many cells does not stop the reading: the others are told too.
    let lines = [line("A1", "Dedans") + ";", line("B1", "Dehors"), line("C1", "Dedans"), "D".into()];
    let tally = import(world, &maker, &table("", lines), false).await;
    let told = told(&tally);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("2 -: Cette ligne a 7 cases, et l'en-tête 6") && told[2].starts_with("5 -: "), "{told:?}");
    assert!(told[1].starts_with("3 organisation: Organisation inconnue"), "{told:?}");
    assert_eq!((tally.refused, trainings(world).await), (3, 0));
}

fn one_stop(tally: &Tally, start: &str, words: &str) {
    let told = told(tally);
    assert!(told.len() == 1 && told[0].starts_with(start) && told[0].contains(words), "{told:?}");
    assert!(told[0].contains("n'a pas été lue"), "{told:?}");
}

async fn letters_of_another_encoding_are_told_by_line_and_column(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let mut mixed = table("", [line("A1", "Dedans"), line("B1", "Dedans")]);
    let at = mixed.windows(11).position(|part| part == b"Formation B").expect("the line");
    mixed[at + 3] = 0xe9;
    one(&import(world, &maker, &mixed, false).await, 3, "title", "0xE9");
    let mut other = HEAD.replace('é', "e").into_bytes();
    other.extend_from_slice(b"\nA1;Caf\xe9 noir;management;Dedans;non;CC\nB1;");
    other.extend_from_slice("Café noir;management;Dedans;non;CC\n".as_bytes());
    one(&import(world, &maker, &other, false).await, 3, "title", "Windows-1252");
    let zero = table("", [line("A1", "Dedans"), line("B1", "Ded\0ans")]);
    one(&import(world, &maker, &zero, false).await, 1, "-", "texte");
    let late = table("", (0..3000).map(|n| line(&format!("L-{n}"), "Dedans")).chain([line("B1", "Ded\0ans")]));
    one_late(&import(world, &maker, &late, false).await);
    assert_eq!(trainings(world).await, 0);
}

fn one_late(tally: &Tally) {
    assert_eq!(told(tally), ["3002 organisation: Cette case contient un caractère nul."]);
}

async fn what_is_no_table_is_refused(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    for (content, words) in [(&b""[..], "vide"), (b"\n\n", "vide"), (b"PK\x03\x04\x14\0", "archive"), (b"\xff\xfeN\0", "UTF-16")]
    {
        one(&import(world, &maker, content, false).await, 1, "-", words);
    }
    // The door does not take it either.
    let zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let request = maker.request(reqwest::Method::POST, &Client::sending("formations.csv")).body(zip.to_vec());
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 415);
    let long = table(";Accroche", [format!("{};\"{}\"", line("A1", "Dedans"), "x".repeat(2_000_000))]);
    one_stop(&import(world, &maker, &long, false).await, "2 catchPhrase: ", "trop longue");
    let many = table("", (0..100_001).map(|_| line("A1", "Dehors")));
    let tally = import(world, &maker, &many, false).await;
    // Each line names an unknown organisation, all but the first repeat its short name, and the last one is one too many.
    assert_eq!((tally.lines, tally.fault_count, tally.faults.len()), (100_000, 200_000, 1000));
}

async fn each_line_is_asked_for_by_its_own_organisation(world: &World) {
    let ministry = organisation(world, "Ministère", None).await;
    let office = organisation(world, "Bureau", Some(&ministry)).await;
    organisation(world, "Dehors", None).await;
    let local = world.member("locale").await;
    grant(world, &local, "REFERENT_LOCAL", json!({ "organisationId": office })).await;
    let lines = [line("A1", "Bureau"), line("B1", "Ministère"), line("C1", "Dehors"), line("D1", "ministere-bureau")];
    let content = table("", lines);
    let tally = import(world, &local, &content, false).await;
    let told = told(&tally);
    assert!(
        told.len() == 2 && told[0].starts_with("3 organisation: Réservé") && told[1].starts_with("4 organisation: "),
        "{told:?}"
    );
    assert_eq!(trainings(world).await, 0);
    assert_eq!(counts(&import(world, world.administrator(), &content, false).await), [4, 0, 0, 0]);
    // A training of another organisation is not taken over, nor given away.
    let gone = table("", [line("A1", "Dehors"), line("C1", "Bureau")]);
    let tally = import(world, &local, &gone, false).await;
    assert_eq!(tally.fault_count, 2);
    // Who makes no trainings imports none.
    let home = colleague(world, "collegue", &office).await;
    assert_eq!(import(world, &home, &table("", [line("E1", "Bureau")]), false).await.refused, 1);
    assert_eq!(trainings(world).await, 4);
}

async fn what_is_out_of_sight_is_only_taken(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let outside = organisation(world, "Dehors", None).await;
    let hidden = json!({ "opening": "NON_VISIBLE", "addresses": ["https://mentor.gouv.fr/catalog/7"] });
    let secret = published(world, world.administrator(), &inside, "SECRET", hidden).await;
    let maker = manager(world, "gerante", &outside).await;
    assert!(!sees(&maker, &secret, "SECRET").await);
    let lines = [
        format!("{};", line("Secret", "Dehors")),
        format!("{};https://mentor.gouv.fr/catalog/7", line("LIBRE", "Dehors")),
        // In an organisation whose trainings they do not make, nothing is looked for.
        format!("{};https://mentor.gouv.fr/catalog/7", line("secret", "Dedans")),
    ];
    let tally = import(world, &maker, &table(";Adresses sur Mentor", lines), true).await;
    let told = told(&tally);
    assert_eq!(
        told[..2],
        [
            "2 shortName: Une autre formation porte déjà ce nom abrégé.",
            "3 addresses: L'adresse https://mentor.gouv.fr/catalog/7 est déjà celle d'une autre formation."
        ]
    );
    assert!(told[2].starts_with("4 organisation: Réservé"), "{told:?}");
    assert!(!told.concat().contains("Formation SECRET"));
    // Unknown handles and people without an account look alike to whoever has none to name.
    let tally = import(world, &maker, &table(";Concepteurs", [line("X1", "Dehors") + ";@personne|a@b.fr"]), true).await;
    one(&tally, 2, "designers", "Membre inconnu : « @personne »");
}

async fn states_and_dates_pass_the_gates_of_the_api(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let more = ";État;Ouverture;Organisations visées;Date prévue;Motif;Accroche;Objectifs;Contenu;Modalité;Minutes en présentiel;\
                Minutes à distance;Vignette";
    let full = "Une phrase;Savoir;Tout;mixte;0;90;https://exemple.test/v.png";
    let with = |state: &str, opening: &str, day: &str, rest: &str| {
        table(more, [format!("{};{state};{opening};{day};{rest}", line("A1", "Dedans"))])
    };
    let tally = import(world, &maker, &with("publiée", "Tous publics", ";;", ";;;;;;"), false).await;
    let columns: Vec<_> = tally.faults.iter().filter_map(|fault| fault.column).map(Column::code).collect();
    assert_eq!(columns, ["thumbnailUrl", "catchPhrase", "content", "goals", "modality", "presenceMinutes", "remoteMinutes"]);
    one(&import(world, &maker, &with("publiée", "cible restreinte", ";;", full), false).await, 2, "targets", "au moins une");
    one(&import(world, &maker, &with("publiée", "", ";01/01/2020;", full), false).await, 2, "plannedOn", "à venir");
    assert_eq!(counts(&import(world, &maker, &with("PUBLIEE", "TOUS_PUBLICS", ";01/06/2030;", full), false).await), [1, 0, 0, 0]);
    let query = "{ training(shortName: \"A1\") { id state stateChanges { to } calendarChanges { kind } } }";
    let data = read(&maker, query, json!({})).await;
    let id = text(&data["training"]["id"]);
    let states = json!([{ "to": "PUBLIEE" }, { "to": "ELABORATION_TERMINEE" }, { "to": "BROUILLON" }]);
    assert_eq!((&data["training"]["state"], &data["training"]["stateChanges"]), (&json!("PUBLIEE"), &states));
    assert!(sees(&world.anonymous(), &id, "A1").await);
    one(
        &import(world, &maker, &with("publiée", "", ";02/06/2030;Report", full), false).await,
        2,
        "plannedOn",
        "ne se planifie plus",
    );
    // Back to a draft, emptied and planned anew: in one line, each in its turn.
    one(&import(world, &maker, &with("brouillon", "", ";02/06/2030;", ";;;;;;"), false).await, 2, "reason", "pourquoi");
    assert_eq!(counts(&import(world, &maker, &with("brouillon", "", ";02/06/2030;Retard", ";;;;;;"), false).await), [0, 1, 0, 0]);
    let data = read(&maker, "{ training(shortName: \"A1\") { state plannedOn catchPhrase goals { html } } }", json!({})).await;
    assert_eq!(data["training"], json!({ "state": "BROUILLON", "plannedOn": "2030-06-02", "catchPhrase": null, "goals": null }));
    // The reason alone is nothing to keep.
    assert_eq!(counts(&import(world, &maker, &with("", "", ";2030-06-02;Encore", ";;;;;;"), false).await), [0, 0, 1, 0]);
}

async fn everything_wrong_with_a_line_is_told_at_once(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    organisation(world, "Dehors", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let more = ";Date prévue;Modalité;Concepteurs;Organisations visées;Ouverture;Adresses sur Mentor";
    let rest = "31/02/2031;à pied;@personne;Introuvable;cible restreinte;https://mentor.gouv.fr/catalog/5";
    let lines = [
        format!("{};{rest}", line("A1", "Nulle part").replace("management", "inconnue")),
        // What a wrong line says counts for those below it; whose organisation it is too.
        format!("{};{rest}", line("a1", "Dehors")),
        format!("{};;;;;;", line("B1", "").replace("Formation B1", "x")),
    ];
    let tally = import(world, &maker, &table(more, lines), false).await;
    let found: Vec<_> = told(&tally).iter().map(|one| one.split(':').next().unwrap_or("").to_owned()).collect();
    let cells = |line: i64| [format!("{line} plannedOn"), format!("{line} modality")];
    let named = |line: i64| [format!("{line} targets"), format!("{line} designers")];
    let mut expected = [&cells(2)[..], &["2 organisation".into(), "2 collection".into()], &named(2)].concat();
    expected.extend([&cells(3)[..], &named(3), &["3 organisation".into(), "3 shortName".into(), "3 addresses".into()]].concat());
    expected.extend(["4 organisation".into(), "4 title".into()]);
    assert_eq!(found, expected, "{:?}", told(&tally));
    assert!(told(&tally)[10].starts_with("3 organisation: Réservé"), "{:?}", told(&tally));
    assert_eq!((tally.refused, trainings(world).await), (3, 0));
}

async fn two_lines_do_not_say_the_same(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let address = "https://mentor.gouv.fr/catalog/1";
    new_training(world, &maker, &inside, "VIEUX", json!({ "addresses": [address] })).await;
    let lines = [
        line("A1", "Dedans") + ";",
        line("a1", "Dedans") + ";https://mentor.gouv.fr/catalog/5",
        line("B1", "Dedans") + ";https://mentor.gouv.fr/catalog/5/",
        line("NEUF", "Dedans") + ";" + address,
        line("vieux", "Dedans") + ";",
    ];
    let tally = import(world, &maker, &table(";addresses", lines), false).await;
    assert_eq!(
        told(&tally),
        [
            "3 shortName: La ligne 2 porte déjà ce nom abrégé.",
            "4 addresses: La ligne 3 porte déjà l'adresse https://mentor.gouv.fr/catalog/5.",
            "6 shortName: La ligne 5 est déjà celle de cette formation.",
        ]
    );
    assert_eq!(trainings(world).await, 1);
}

async fn an_import_that_is_cut_short_is_repeated(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let content = table("", (0..500).map(|n| line(&format!("F-{n}"), "Dedans")));
    let caller = caller(world, &maker).await;
    let cut = tokio::sync::Notify::new();
    let progress = |progress: catalogue::Progress| {
        if progress.writes {
            cut.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = cut.notified() => {}
        _ = catalogue::import_file(&world.app, &caller, file(&content), false, progress) => panic!("it came to its end"),
    }
    // What is on its way may still arrive.
    world.app.db.write(|_| Box::pin(async { Ok(()) })).await.expect("a write");
    let tally = import(world, &maker, &content, false).await;
    assert!(tally.unchanged >= 50 && tally.made < 500 && tally.made + tally.unchanged == 500, "{tally:?}");
    assert_eq!(trainings(world).await, 500);
    assert_eq!(world.count("select count(*) from training_state_changes").await, 500);
}

const FOLLOWED: &str = "id state dryRun fileName linesRead linesMade linesChanged linesUnchanged linesRefused faultCount endedAt
    faults(first: 2) { totalCount edges { cursor node { line field message } } }";

pub(super) async fn ask(who: &Client, file: &Value, dry_run: bool) -> Value {
    let input = json!({ "fileId": file["id"], "dryRun": dry_run });
    let reply = who.mutate("importTrainings", input, &format!("trainingImport {{ {FOLLOWED} }}")).await;
    reply.done("importTrainings")["trainingImport"].clone()
}

pub(super) async fn follow(who: &Client, import: &Value) -> Value {
    let query = format!("query($i: ID!) {{ node(id: $i) {{ ... on TrainingImport {{ {FOLLOWED} }} }} }}");
    read(who, &query, json!({ "i": import["id"] })).await["node"].clone()
}

async fn an_import_is_asked_for_and_followed(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let wrong = maker.send_file("fautes.csv", &table("", (0..30).map(|n| line(&format!("F-{n}"), "Nulle part")))).await;
    let asked = ask(&maker, &wrong, false).await;
    assert_eq!((&asked["state"], &asked["endedAt"]), (&json!("EN_ATTENTE"), &Value::Null));
    // One at a time; nobody else finds it.
    let file = maker.send_file("formations.csv", &table("", (0..120).map(|n| line(&format!("F-{n}"), "Dedans")))).await;
    let input = json!({ "fileId": file["id"] });
    assert_eq!(maker.mutate("importTrainings", input.clone(), "").await.problems("importTrainings"), ["fileId: REFUSE"]);
    assert_eq!(follow(world.administrator(), &asked).await, Value::Null);
    world.run_jobs().await;
    let ended = follow(&maker, &asked).await;
    assert_eq!((&ended["state"], &ended["linesRefused"], &ended["faultCount"]), (&json!("REFUSEE"), &json!(30), &json!(30)));
    assert_eq!(ended["faults"]["totalCount"], json!(30));
    let fault = &ended["faults"]["edges"][1]["node"];
    assert_eq!((&fault["line"], &fault["field"]), (&json!(3), &json!("organisation")));
    assert_eq!(trainings(world).await, 0);
    // Tried first, then done, with the same file.
    let tried = ask(&maker, &file, true).await;
    world.run_jobs().await;
    let tried = follow(&maker, &tried).await;
    assert_eq!((&tried["state"], &tried["linesMade"], &tried["linesRead"]), (&json!("TERMINEE"), &json!(120), &json!(120)));
    assert_eq!(trainings(world).await, 0);
    let done = ask(&maker, &file, false).await;
    world.run_jobs().await;
    let done = follow(&maker, &done).await;
    assert_eq!((&done["state"], &done["linesMade"], &done["faultCount"]), (&json!("TERMINEE"), &json!(120), &json!(0)));
    assert_eq!(trainings(world).await, 120);
    // A file that is no text, and one of somebody else.
    let pdf = maker.send_file("a.pdf", &crate::files::pdf("a")).await;
    let input = json!({ "fileId": pdf["id"] });
    assert_eq!(maker.mutate("importTrainings", input, "").await.problems("importTrainings"), ["fileId: REFUSE"]);
    let input = json!({ "fileId": file["id"] });
    assert_eq!(world.administrator().mutate("importTrainings", input, "").await.problems("importTrainings"), ["fileId: INCONNU"]);
    // Kept a month after its end, and the file a day.
    world.advance(chrono::TimeDelta::days(31));
    world.run_jobs().await;
    assert_eq!(world.count("select count(*) from training_imports").await, 0);
    assert_eq!(world.count("select count(*) from training_import_faults").await, 0);
    assert_eq!(world.count("select count(*) from files").await, 0);
}

async fn what_changed_since_the_check_is_told(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let outside = organisation(world, "Dehors", None).await;
    let maker = manager(world, "gerante", &inside).await;
    let file = maker.send_file("formations.csv", &table("", (0..60).map(|n| line(&format!("F-{n}"), "Dedans")))).await;
    let asked = ask(&maker, &file, false).await;
    // As if it had been checked, and another organisation had taken one of its short names then.
    world.change("update training_imports set state = 'ECRITURE'").await;
    new_training(world, world.administrator(), &outside, "f-7", json!({})).await;
    world.run_jobs().await;
    let ended = follow(&maker, &asked).await;
    assert_eq!((&ended["state"], &ended["linesMade"], &ended["linesRefused"]), (&json!("TERMINEE"), &json!(59), &json!(1)));
    let fault = &ended["faults"]["edges"][0]["node"];
    assert_eq!((&fault["line"], &fault["field"]), (&json!(9), &json!("shortName")));
    assert_eq!(trainings(world).await, 60);
}

async fn an_import_ends_with_the_rights_of_who_asked(world: &World) {
    let inside = organisation(world, "Dedans", None).await;
    let content = table("", [line("A1", "Dedans")]);
    let maker = manager(world, "gerante", &inside).await;
    let file = maker.send_file("formations.csv", &content).await;
    let asked = ask(&maker, &file, false).await;
    let suspend = json!({ "memberId": maker.id().await, "reason": "Pour l'exemple" });
    world.administrator().mutate("suspendMember", suspend, "").await.done("suspendMember");
    world.run_jobs().await;
    let ended = follow(&maker, &asked).await;
    assert_eq!((&ended["state"], &ended["linesMade"]), (&json!("INTERROMPUE"), &json!(0)));
    assert!(text(&ended["faults"]["edges"][0]["node"]["message"]).contains("suspendu"), "{ended}");
    // An administrator who came with a token to write alone imports nothing: the job does not know better.
    let (_, token) = crate::access::token(world.administrator(), "ECRIRE").await;
    let writer = world.administrator().with_bearer(&token);
    let file = writer.send_file("formations.csv", &content).await;
    assert_eq!(writer.mutate("importTrainings", json!({ "fileId": file["id"] }), "").await.code(), "FORBIDDEN");
    assert_eq!(trainings(world).await, 0);
}
