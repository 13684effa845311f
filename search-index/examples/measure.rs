//! What the embedded index costs, on posts that are drawn: `cargo run --release -p search-index --example measure -- 1000000`.
//! Figures are for who changes the engine; nothing is asserted.

#![expect(clippy::unwrap_used, reason = "a measure that fails is none")]

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use search_index::{Entry, Facet, Filters, Index, Kind, Query, Sight, Sort, Synonyms};

const COMMON: &str = "le la les de des du et à un une pour dans sur avec que qui ne pas nous vous est sont au aux en ce cette par plus \
    bonjour merci formation session gabarit parcours module contenu activité utilisateur espace plateforme collection concepteur \
    formateur inscription achèvement vidéo classe virtuelle accès compte agent ministère question réponse publication équipe \
    document ressource test évaluation objectif séquence scénario support administrateur responsable référent rôle date fichier \
    page lien image texte bouton écran message erreur problème solution outil projet dossier candidature règlement guide";
const BEGINNINGS: [&str; 20] = [
    "con", "dé", "re", "pré", "inter", "trans", "sur", "for", "ad", "ac", "ins", "par", "pro", "sub", "ex", "com", "mé", "tra",
    "vi", "ban",
];
const MIDDLES: [&str; 16] = ["ti", "ra", "mi", "lé", "no", "si", "va", "cu", "ga", "bo", "fi", "té", "pli", "gra", "duc", "ver"];
const ENDS: [&str; 12] = ["tion", "ment", "teur", "té", "age", "er", "ée", "if", "oire", "ence", "iste", "al"];

fn vocabulary(random: &mut StdRng) -> Vec<String> {
    let mut words: Vec<String> = COMMON.split_whitespace().map(str::to_owned).collect();
    while words.len() < 60_000 {
        let middles = random.random_range(0..4);
        let mut word = (*BEGINNINGS.choose(random).unwrap()).to_owned();
        (0..middles).for_each(|_| word.push_str(MIDDLES.choose(random).unwrap()));
        words.push(word + ENDS.choose(random).unwrap());
    }
    words
}

/// Words as often as their rank says (Zipf).
fn text(random: &mut StdRng, words: &[String], count: usize) -> String {
    let mut text = String::new();
    for _ in 0..count {
        let place: f64 = random.random();
        let rank = (words.len() as f64).powf(place) as usize;
        text.push_str(&words[rank.min(words.len()) - 1]);
        text.push(' ');
    }
    text
}

fn posts(random: &mut StdRng, words: &[String], thread: usize) -> Vec<Entry> {
    let title = text(random, words, 7);
    let count = random.random_range(1..16);
    let audience =
        if random.random_range(0..10) < 7 { "aud_members".to_owned() } else { format!("aud_{}", random.random_range(0..40)) };
    let forum = random.random_range(0..24);
    (1..=count)
        .map(|ordinal| {
            let length = random.random_range(10..90);
            Entry {
                key: format!("pos_{thread:08}_{ordinal}"),
                group: format!("thr_{thread:08}"),
                kind: Kind::Thread,
                version: 1,
                title: title.clone(),
                body: text(random, words, length),
                identifiers: Vec::new(),
                tags: Vec::new(),
                audience: audience.clone(),
                hidden: false,
                space: Some(format!("spa_{}", forum % 3)),
                forum: Some(format!("for_{forum}")),
                thread_kind: Some("QUESTION".to_owned()),
                state: Some(if thread.is_multiple_of(3) { "RESOLU" } else { "OUVERT" }.to_owned()),
                collections: vec![format!("col_{}", thread % 12)],
                organisation: Some(format!("org_{}", thread % 300)),
                author: Some(format!("mem_{}", random.random_range(0..20_000))),
                date: 1_600_000_000 + random.random_range(0..150_000_000),
                solved: Some(thread.is_multiple_of(3)),
                ordinal,
                accepted: ordinal == 2 && thread.is_multiple_of(3),
            }
        })
        .collect()
}

fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or_default() / 1024
}

#[tokio::main]
async fn main() {
    let wanted: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let folder = std::env::temp_dir().join("search-index-measure");
    let _ = std::fs::remove_dir_all(&folder);
    let index = Index::open_folder(&folder, &Synonyms::brought().unwrap()).await.unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let words = vocabulary(&mut random);

    let begun = Instant::now();
    let mut rebuild = index.rebuild().await.unwrap();
    let (mut batch, mut thread, mut drawing) = (Vec::new(), 0, Duration::ZERO);
    while (rebuild.written() as usize) < wanted {
        let draw = Instant::now();
        while batch.len() < 5_000 {
            batch.extend(posts(&mut random, &words, thread));
            thread += 1;
        }
        drawing += draw.elapsed();
        rebuild = rebuild.put(std::mem::take(&mut batch)).await.unwrap();
    }
    let written = rebuild.written();
    rebuild.finish(1).await.unwrap();
    let took = begun.elapsed() - drawing;
    println!(
        "{written} posts in {thread} threads: {:.0} a second, {took:.1?}, {} MB of memory",
        written as f64 / took.as_secs_f64(),
        memory()
    );
    let size: u64 = std::fs::read_dir(&folder)
        .unwrap()
        .flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).into_iter().flatten())
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    println!("{} MB on disk", size / 1_000_000);

    let sight = Sight::holding(["aud_members", "aud_1", "aud_2", "aud_3", "aud_4"]);
    let rare: Vec<String> = (0..40).map(|_| words[random.random_range(20_000..60_000)].clone()).collect();
    let middle: Vec<String> = (0..40).map(|_| words[random.random_range(300..3_000)].clone()).collect();
    let kinds: Vec<(&str, Vec<String>, bool)> = vec![
        ("one frequent word", ["gabarit ", "formation ", "parcours ", "bouton "].map(str::to_owned).to_vec(), false),
        ("one word", middle.iter().map(|word| format!("{word} ")).collect(), false),
        ("one rare word", rare.iter().map(|word| format!("{word} ")).collect(), false),
        ("three words", middle.iter().map(|word| format!("gabarit formation {word} ")).collect(), false),
        ("three frequent words", vec!["gabarit formation parcours ".to_owned(), "session module contenu ".to_owned()], false),
        ("with a typo", ["formaton ", "gabart ", "inscripton ", "publicaton "].map(str::to_owned).to_vec(), false),
        ("prefix of two letters", ["ga", "fo", "in", "pu"].map(str::to_owned).to_vec(), false),
        ("prefix", ["gaba", "forma", "inscri", "publica"].map(str::to_owned).to_vec(), false),
        ("a phrase", vec!["\"classe virtuelle\"".to_owned(), "\"gabarit formation\"".to_owned()], false),
        ("one frequent word, all facets", ["gabarit ", "formation ", "parcours ", "bouton "].map(str::to_owned).to_vec(), true),
        ("three words, all facets", middle.iter().map(|word| format!("gabarit formation {word} ")).collect(), true),
        ("everything, all facets", vec![String::new()], true),
    ];
    for (name, texts, facets) in kinds {
        let facets = if facets { Facet::ALL.to_vec() } else { Vec::new() };
        let (mut times, mut found) = (Vec::new(), 0);
        for round in 0..200 {
            let filters = if facets.is_empty() {
                Filters::default()
            } else {
                Filters { spaces: vec!["spa_1".to_owned()], ..Filters::default() }
            };
            let query = Query {
                facets: facets.clone(),
                filters,
                sort: Sort::Relevance,
                ..Query::new(sight.clone(), &texts[round % texts.len()])
            };
            let begun = Instant::now();
            found += index.search(&query).await.unwrap().total;
            times.push(begun.elapsed());
        }
        times.sort();
        println!("{name:32} p50 {:>9.2?} p99 {:>9.2?} hits {}", times[100], times[197], found / 200);
    }
    for batch in [1, 100] {
        let mut times = Vec::new();
        let mut position = 1;
        for _ in 0..20 {
            let changes = posts(&mut random, &words, position as usize).into_iter().cycle().take(batch);
            let changes = changes.map(|entry| search_index::Change::Put(Box::new(entry))).collect();
            let begun = Instant::now();
            let from = index.position().await.unwrap();
            position = from.unwrap() + 1;
            assert_eq!(index.apply(changes, from, position).await, Ok(true));
            times.push(begun.elapsed());
        }
        times.sort();
        println!("{batch} written and seen: p50 {:.2?}, most {:.2?}", times[10], times[19]);
    }
    println!("{} MB of memory at the end", memory());
}
