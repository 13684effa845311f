//! The index in a folder, through what may happen to it: restarts, writers that go, rebuilds that do not end, other versions.

use std::path::Path;

use libtest_mimic::Trial;
use search_index::{Change, Error, Index, Query, Sight, Stored, Synonyms};

use crate::corpus::{entry, puts};
use crate::story;

async fn open(folder: &Path) -> Index {
    Index::open_folder(folder, &Synonyms::brought().unwrap(), 1).await.unwrap()
}

async fn found(index: &Index, text: &str) -> Vec<String> {
    let page = index.search(&Query::new(Sight::holding(["aud_public"]), text)).await.unwrap();
    let mut groups: Vec<String> = page.hits.into_iter().map(|hit| hit.group).collect();
    groups.sort();
    groups
}

fn indexes(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("index-")).count()
}

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("folder::what_is_written_is_found_at_once_and_kept", written),
        story("folder::changes_count_from_the_position_they_follow", positions),
        story("folder::a_writer_that_goes_in_the_middle_leaves_what_was", gone),
        story("folder::a_rebuild_takes_the_place_of_the_live_index_in_one_act", rebuilt),
        story("folder::a_rebuild_left_half_way_harms_nothing", abandoned),
        story("folder::only_one_rebuild_at_a_time", one_at_a_time),
        story("folder::an_index_of_another_version_asks_to_be_made_anew", other_version),
        story("folder::one_whose_entries_would_be_made_otherwise_is_made_anew", other_edition),
        story("folder::a_damaged_index_is_begun_anew", damaged),
        story("folder::another_process_sees_the_swap", two_processes),
        story("folder::two_processes_write_by_turns", by_turns),
        story("folder::who_opens_while_others_swap_gets_one_of_them", opened_while_swapped),
        story("folder::synonyms_change_without_a_rebuild", synonyms),
        story("folder::what_is_alike_tells_nothing_of_what_is_hidden", hidden_words),
        story("folder::words_near_each_other_come_first", near),
        story("folder::no_page_goes_beyond_the_thousandth", deepest),
        story("folder::entries_are_listed_page_by_page", listed),
        story("folder::what_is_no_entry_is_refused", unsound),
    ]
}

async fn written() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    assert_eq!(index.position().await, Ok(None));
    assert_eq!(index.needs_rebuild().await, Ok(true), "it was never filled");
    let changes = puts(vec![entry("doc_1", "Un gabarit", ""), entry("doc_2", "Un module", "avec gabarit")]);
    assert_eq!(index.apply(changes, None, 7).await, Ok(true));
    assert_eq!(found(&index, "gabarit").await, ["doc_1", "doc_2"]);
    assert_eq!(index.needs_rebuild().await, Ok(false));

    let again = puts(vec![entry("doc_1", "Un parcours", "")]);
    assert_eq!(index.apply(again, Some(7), 8).await, Ok(true));
    assert_eq!(found(&index, "gabarit").await, ["doc_2"], "the new text takes the place of the old one");
    let both = vec![Change::Delete("doc_2".to_owned()), Change::Put(Box::new(entry("doc_3", "Gabarit neuf", "")))];
    assert_eq!(index.apply(both, Some(8), 9).await, Ok(true));
    assert_eq!(found(&index, "gabarit").await, ["doc_3"]);
    assert_eq!(index.apply(vec![Change::Delete("doc_3".to_owned())], Some(9), 10).await, Ok(true));
    assert_eq!(found(&index, "gabarit").await, Vec::<String>::new());

    drop(index);
    let index = open(folder.path()).await;
    assert_eq!(index.position().await, Ok(Some(10)));
    assert_eq!(found(&index, "parcours").await, ["doc_1"]);
}

async fn positions() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    assert_eq!(index.apply(puts(vec![entry("doc_1", "gabarit", "")]), None, 5).await, Ok(true));
    assert_eq!(index.apply(puts(vec![entry("doc_2", "gabarit", "")]), None, 6).await, Ok(false));
    assert_eq!(index.apply(puts(vec![entry("doc_2", "gabarit", "")]), Some(4), 6).await, Ok(false));
    assert_eq!(found(&index, "gabarit").await, ["doc_1"]);
    assert_eq!(index.position().await, Ok(Some(5)));
    assert_eq!(index.apply(Vec::new(), Some(5), 6).await, Ok(true), "events that change nothing move the position");
    assert_eq!(index.position().await, Ok(Some(6)));
}

/// What a killed process leaves: files of segments that no commit names.
async fn gone() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    index.apply(puts(vec![entry("doc_1", "gabarit", "")]), None, 5).await.unwrap();
    let live = folder.path().join("index-1");
    drop(index);
    {
        let bare = tantivy::Index::open_in_dir(&live).unwrap();
        for reader in ["french_words", "french_stems"] {
            bare.tokenizers().register(reader, tantivy::tokenizer::SimpleTokenizer::default());
        }
        let mut writer: tantivy::IndexWriter = bare.writer_with_num_threads(1, 15_000_000).unwrap();
        let key = bare.schema().get_field("key").unwrap();
        writer.delete_term(tantivy::Term::from_field_text(key, "doc_1"));
        writer.add_document(tantivy::TantivyDocument::new()).unwrap();
        let prepared = writer.prepare_commit().unwrap();
        std::mem::forget(prepared);
    }
    std::fs::write(live.join("0123456789abcdef0123456789abcdef.store"), b"half a segment").unwrap();
    let index = open(folder.path()).await;
    assert_eq!(index.position().await, Ok(Some(5)));
    assert_eq!(found(&index, "gabarit").await, ["doc_1"]);
    assert_eq!(index.apply(puts(vec![entry("doc_2", "gabarit", "")]), Some(5), 6).await, Ok(true));
    assert_eq!(found(&index, "gabarit").await, ["doc_1", "doc_2"]);
}

async fn rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    index.apply(puts(vec![entry("doc_old", "gabarit", "")]), None, 5).await.unwrap();
    let rebuild = index.rebuild().await.unwrap();
    let rebuild = rebuild.put(vec![entry("doc_new", "gabarit", "")]).await.unwrap();
    assert_eq!(found(&index, "gabarit").await, ["doc_old"], "until it is done");
    index.apply(puts(vec![entry("doc_late", "gabarit", "")]), Some(5), 6).await.unwrap();
    let rebuild = rebuild.put(vec![entry("doc_newer", "gabarit", "")]).await.unwrap();
    assert_eq!(rebuild.written(), 2);
    rebuild.finish(5).await.unwrap();
    assert_eq!(found(&index, "gabarit").await, ["doc_new", "doc_newer"]);
    assert_eq!(index.position().await, Ok(Some(5)), "what came meanwhile is read again");
    assert_eq!(index.apply(Vec::new(), Some(6), 7).await, Ok(false), "who did not see the swap writes nothing");
    assert_eq!(index.apply(puts(vec![entry("doc_late", "gabarit", "")]), Some(5), 6).await, Ok(true));
    assert_eq!(found(&index, "gabarit").await, ["doc_late", "doc_new", "doc_newer"]);
    assert_eq!(indexes(folder.path()), 1);
}

async fn abandoned() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    index.apply(puts(vec![entry("doc_1", "gabarit", "")]), None, 5).await.unwrap();
    let rebuild = index.rebuild().await.unwrap().put(vec![entry("doc_x", "gabarit", "")]).await.unwrap();
    drop(rebuild);
    assert_eq!(indexes(folder.path()), 2, "what is left of it");
    assert_eq!(found(&index, "gabarit").await, ["doc_1"]);
    assert_eq!(index.apply(puts(vec![entry("doc_2", "gabarit", "")]), Some(5), 6).await, Ok(true));
    drop(index);
    // Killed while the new index was being named: the draft of the name is there, the name is the old one.
    std::fs::write(folder.path().join("current.new"), b"index-2").unwrap();
    let index = open(folder.path()).await;
    assert_eq!(indexes(folder.path()), 1);
    assert_eq!(found(&index, "gabarit").await, ["doc_1", "doc_2"]);
    assert_eq!(index.position().await, Ok(Some(6)));
}

async fn one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    let first = index.rebuild().await.unwrap();
    assert!(matches!(index.rebuild().await, Err(Error::Unavailable(_))));
    let other = open(folder.path()).await;
    assert_eq!(indexes(folder.path()), 2, "another process leaves alone what is being made");
    first.put(vec![entry("doc_1", "gabarit", "")]).await.unwrap().finish(1).await.unwrap();
    assert!(index.rebuild().await.is_ok());
    drop(other);
}

async fn other_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index-1");
    std::fs::create_dir(&path).unwrap();
    let mut schema = tantivy::schema::Schema::builder();
    schema.add_text_field("title", tantivy::schema::TEXT);
    tantivy::Index::create_in_dir(&path, schema.build()).unwrap();
    std::fs::write(folder.path().join("current"), b"index-1").unwrap();
    let index = open(folder.path()).await;
    assert_eq!(index.needs_rebuild().await, Ok(true));
    let query = Query::new(Sight::holding(["aud_public"]), "gabarit");
    assert!(matches!(index.search(&query).await, Err(Error::Unavailable(_))));
    index.rebuild().await.unwrap().put(vec![entry("doc_1", "gabarit", "")]).await.unwrap().finish(3).await.unwrap();
    assert_eq!(index.needs_rebuild().await, Ok(false));
    assert_eq!(found(&index, "gabarit").await, ["doc_1"]);
}

/// By a number that who makes entries raises: an earlier version leaves what a later one made to it.
async fn other_edition() {
    let folder = tempfile::tempdir().unwrap();
    let of = async |entries| Index::open_folder(folder.path(), &Synonyms::brought().unwrap(), entries).await.unwrap();
    let index = of(1).await;
    index.apply(puts(vec![entry("doc_1", "gabarit", "")]), None, 5).await.unwrap();
    assert_eq!((index.needs_rebuild().await, index.is_newer().await), (Ok(false), Ok(false)));
    drop(index);
    let later = of(2).await;
    assert_eq!((later.needs_rebuild().await, later.is_newer().await), (Ok(true), Ok(false)));
    assert_eq!(found(&later, "gabarit").await, ["doc_1"], "it answers meanwhile");
    later.rebuild().await.unwrap().put(vec![entry("doc_2", "gabarit", "")]).await.unwrap().finish(6).await.unwrap();
    assert_eq!(later.needs_rebuild().await, Ok(false));
    let earlier = of(1).await;
    assert_eq!((earlier.needs_rebuild().await, earlier.is_newer().await), (Ok(false), Ok(true)));
}

async fn damaged() {
    for (name, harm) in [
        ("its list of segments is cut", (|live: &Path| std::fs::write(live.join("meta.json"), b"{\"seg").unwrap()) as fn(&Path)),
        ("its folder is gone", |live: &Path| std::fs::remove_dir_all(live).unwrap()),
        ("its list of segments is gone", |live: &Path| std::fs::remove_file(live.join("meta.json")).unwrap()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let index = open(folder.path()).await;
        index.apply(puts(vec![entry("doc_1", "gabarit", "")]), None, 5).await.unwrap();
        drop(index);
        harm(&folder.path().join("index-1"));
        let index = open(folder.path()).await;
        assert_eq!(index.needs_rebuild().await, Ok(true), "{name}");
        assert_eq!(index.position().await, Ok(None), "{name}");
        assert_eq!(index.apply(puts(vec![entry("doc_1", "gabarit", "")]), None, 5).await, Ok(true), "{name}");
        assert_eq!(found(&index, "gabarit").await, ["doc_1"], "{name}");
    }
}

async fn two_processes() {
    let folder = tempfile::tempdir().unwrap();
    let serving = open(folder.path()).await;
    serving.apply(puts(vec![entry("doc_1", "gabarit", "")]), None, 5).await.unwrap();
    let command = open(folder.path()).await;
    command.rebuild().await.unwrap().put(vec![entry("doc_2", "gabarit", "")]).await.unwrap().finish(4).await.unwrap();
    assert_eq!(found(&serving, "gabarit").await, ["doc_1"], "until it looks");
    assert_eq!(serving.position().await, Ok(Some(4)));
    assert_eq!(found(&serving, "gabarit").await, ["doc_2"]);
    assert_eq!(serving.apply(puts(vec![entry("doc_1", "gabarit", "")]), Some(4), 5).await, Ok(true));
    assert_eq!(found(&serving, "gabarit").await, ["doc_1", "doc_2"]);
}

async fn by_turns() {
    let folder = tempfile::tempdir().unwrap();
    let serving = open(folder.path()).await;
    serving.apply(puts(vec![entry("doc_0", "gabarit", "")]), None, 1).await.unwrap();
    let command = open(folder.path()).await;
    for turn in 1..4 {
        let mended = command.apply(puts(vec![entry(&format!("doc_a{turn}"), "gabarit", "")]), Some(turn), turn);
        let mended = tokio::select! { mended = mended => mended, () = looking_at(&serving) => unreachable!() };
        assert_eq!(mended, Ok(true), "who serves gives its writer up");
        let written = serving.apply(puts(vec![entry(&format!("doc_b{turn}"), "gabarit", "")]), Some(turn), turn + 1);
        let written = tokio::select! { written = written => written, () = looking_at(&command) => unreachable!() };
        assert_eq!(written, Ok(true), "and gets it back");
    }
    let all = ["doc_0", "doc_a1", "doc_a2", "doc_a3", "doc_b1", "doc_b2", "doc_b3"];
    assert_eq!(found(&serving, "gabarit").await, all);
    let keys = ["doc_a1", "doc_x", "doc_b3"].map(str::to_owned).to_vec();
    let versions = serving.versions(keys).await.unwrap();
    assert_eq!(versions.into_iter().collect::<Vec<_>>(), [("doc_a1".to_owned(), 1), ("doc_b3".to_owned(), 1)]);
}

/// As what keeps an index does.
async fn looking_at(index: &Index) {
    loop {
        index.position().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

async fn opened_while_swapped() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    index.apply(puts(vec![entry("doc_1", "gabarit", "")]), None, 5).await.unwrap();
    let path = folder.path().to_owned();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let others = std::thread::spawn(move || {
        crate::run(async {
            let mut opened = 0;
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                let other = open(&path).await;
                assert_eq!(found(&other, "gabarit").await, ["doc_1"]);
                other.position().await.unwrap();
                opened += 1;
            }
            opened
        })
    });
    for _ in 0..20 {
        // Who opens may be removing what is left of another one.
        let Ok(rebuild) = index.rebuild().await else { continue };
        rebuild.put(vec![entry("doc_1", "gabarit", "")]).await.unwrap().finish(5).await.unwrap();
    }
    drop(stop);
    assert!(others.join().unwrap() > 0);
}

async fn synonyms() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    index.apply(puts(vec![entry("doc_1", "La trottinette de service", "")]), None, 1).await.unwrap();
    assert_eq!(found(&index, "patinette").await, Vec::<String>::new());
    let synonyms = Synonyms::new(vec![vec!["patinette".to_owned(), "trottinette".to_owned()]]).unwrap();
    index.set_synonyms(&synonyms).await.unwrap();
    assert_eq!(found(&index, "patinette").await, ["doc_1"]);
    assert_eq!(index.needs_rebuild().await, Ok(false));
}

/// Whether a word stands anywhere changes nothing for who does not see where.
async fn hidden_words() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    let seen = [entry("doc_1", "Un gabarit pour l'accueil", ""), entry("doc_2", "Un parcours", "Le gabarit et l'accueil")];
    let secret = search_index::Entry { audience: "aud_secret".to_owned(), ..entry("doc_3", "Le zirconium", "Zirconium") };
    index.apply(puts(seen.into_iter().chain([secret]).collect()), None, 1).await.unwrap();
    let alike = async |title: &str, body: &str| {
        let (sight, filters) = (Sight::holding(["aud_public"]), search_index::Filters::default());
        let hits = index.similar(title, body, &sight, &filters, 5).await.unwrap();
        hits.into_iter().map(|hit| hit.group).collect::<Vec<_>>()
    };
    assert_eq!(alike("gabarit accueil", "").await.len(), 2);
    for (title, body) in [("# gabarit", ""), ("# gabarit accueil", ""), ("gabarit", "# # #"), ("#", "# gabarit parcours")] {
        let [hidden, nowhere] = ["zirconium", "hafnium"].map(|word| (title.replace('#', word), body.replace('#', word)));
        assert_eq!(alike(&hidden.0, &hidden.1).await, alike(&nowhere.0, &nowhere.1).await, "{title} | {body}");
    }
}

/// All else is alike: the words, how long the texts are, the date.
async fn near() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    let apart = entry("doc_1", "Atelier", "Le suivi des cohortes et un atelier pédagogique");
    let together = entry("doc_2", "Atelier", "Des cohortes et un atelier : le suivi pédagogique");
    index.apply(puts(vec![apart, together]), None, 1).await.unwrap();
    let page = index.search(&Query::new(Sight::holding(["aud_public"]), "suivi pédagogique ")).await.unwrap();
    assert_eq!(page.hits.iter().map(|hit| hit.group.as_str()).collect::<Vec<_>>(), ["doc_2", "doc_1"]);
}

async fn deepest() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    let many = (0..1_030).map(|number| entry(&format!("doc_{number:04}"), "gabarit", "")).collect();
    index.apply(puts(many), None, 1).await.unwrap();
    let mut query = Query { first: 90, ..Query::new(Sight::holding(["aud_public"]), "gabarit") };
    let mut hits = 0;
    loop {
        let page = index.search(&query).await.unwrap();
        assert_eq!(page.total, 1_030);
        hits += page.hits.len();
        if !page.more {
            break;
        }
        query.after = page.hits.last().map(|hit| hit.cursor.clone());
    }
    assert_eq!(hits, 1_000);
}

async fn listed() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    let all: Vec<_> = (0..25).map(|number| entry(&format!("doc_{number:02}"), "gabarit", "")).collect();
    for (position, one) in (1..).zip(all) {
        let from = (position > 1).then_some(position - 1);
        assert_eq!(index.apply(puts(vec![one]), from, position).await, Ok(true));
    }
    index.apply(vec![Change::Delete("doc_03".to_owned())], Some(25), 26).await.unwrap();
    let mut stored: Vec<Stored> = Vec::new();
    let mut after = None;
    loop {
        let page = index.stored(after.as_deref(), 10).await.unwrap();
        stored.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).filter(|number| *number != 3).map(|number| format!("doc_{number:02}")).collect();
    assert_eq!(stored.iter().map(|stored| stored.key.as_str()).collect::<Vec<_>>(), expected);
    assert_eq!(stored[0], Stored { key: "doc_00".to_owned(), group: "doc_00".to_owned(), version: 1 });
}

async fn unsound() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await;
    for (name, wrong) in [
        ("key", search_index::Entry { key: "a b".to_owned(), ..entry("doc_1", "", "") }),
        ("audience", search_index::Entry { audience: String::new(), ..entry("doc_1", "", "") }),
        ("space", search_index::Entry { space: Some("\"".to_owned()), ..entry("doc_1", "", "") }),
    ] {
        assert!(matches!(index.apply(puts(vec![wrong]), None, 1).await, Err(Error::Internal(_))), "{name}");
    }
    assert_eq!(index.position().await, Ok(None));
}
