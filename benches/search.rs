//! The search index with 1,000,000 posts that are drawn: how fast it is made, how big it is, and how long answers take, beside bare
//! tantivy on the same index, and beside a Meilisearch when `TEST_MEILI_URL` names one.

use std::path::Path;
use std::time::{Duration, Instant};

use harness::Database;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use search_index::{Change, Entry, Facet, Filters, Index, Kind, Query, Server, Sight, Synonyms};
use serde_json::json;
use tantivy::aggregation::AggregationCollector;
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{AllQuery, BooleanQuery, FuzzyTermQuery, Occur, PhraseQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{ReloadPolicy, Searcher, TantivyDocument, Term};

use crate::Sizes;
use crate::data::{Store, now};
use crate::load::{Connection, post};
use crate::machine;
use crate::report::Report;
use crate::served::Served;

/// How often a kind of question is asked, its texts in turn.
const ROUNDS: usize = 200;
/// Milliseconds within which 99 in 100 are to be answered, without facets and with them.
const WITHIN: f64 = 30.0;
const FACETS_WITHIN: f64 = 80.0;
const AUDIENCES: [&str; 5] = ["aud_members", "aud_1", "aud_2", "aud_3", "aud_4"];

/// A kind of question.
struct Questions {
    name: &'static str,
    texts: Vec<String>,
    /// Whether facets are counted, and one of them filtered on.
    facets: bool,
}

pub(crate) fn measure(store: &Store, sizes: &Sizes, report: &mut Report) {
    if store.database == Database::Postgres {
        return;
    }
    let folder = tempfile::Builder::new().prefix("search").tempdir_in(store.disk()).expect("a folder");
    now(measured(folder.path(), sizes.found, report));
    drop(folder);
    seen(store, sizes, report);
}

/// How long after its reply an answer is found, through the whole product.
fn seen(store: &Store, sizes: &Sizes, report: &mut Report) {
    let place = store.copy(&store.demo(sizes.posts / 10));
    let served = Served::start(&place, None);
    let told = &served.told;
    let mut client = Connection::open(told.product).expect("a connection");
    let mut ask = |query: &str, variables: serde_json::Value| {
        let asked = post("/graphql", &told.tokens[0], &json!({ "query": query, "variables": variables }));
        String::from_utf8(client.ask(&asked).expect("an answer").to_vec()).expect("UTF-8")
    };
    let mut times = Times::default();
    for n in 0..20 {
        let word = format!("rubidium{n}");
        let input = json!({ "i": { "postId": told.openings[n % told.openings.len()].to_string(), "body": word } });
        let reply = ask("mutation($i: AnswerPostInput!) { answerPost(input: $i) { problems { message } } }", input);
        assert!(reply.contains("\"problems\":[]"), "{reply}");
        let begun = Instant::now();
        while !ask("query($q: String!) { search(query: $q) { totalCount } }", json!({ "q": word })).contains("\"totalCount\":1") {
            assert!(begun.elapsed() < Duration::from_secs(30), "{word} is not found");
            std::thread::sleep(Duration::from_millis(5));
        }
        times.add(true, begun);
        // Not in step with what gathers changes.
        std::thread::sleep(Duration::from_millis(137));
    }
    println!("\nAn answer is found {:.0} ms after its reply, {:.0} at most.", times.at(500), times.at(1000));
    report.at_most("search, from the reply to an answer to where it is found", times.at(1000), 1000.0, " ms");
}

async fn measured(folder: &Path, posts: usize, report: &mut Report) {
    let synonyms = Synonyms::brought().expect("synonyms");
    let index = Index::open_folder(folder, &synonyms, 1).await.expect("an index");
    let mut drawing = Drawing::new();
    println!("\n### The search index\n");
    fill("embedded", &index, posts).await;
    let size = size(folder);
    println!("It takes {:.0} MB on disk, {:.0} bytes a post.", size / 1e6, size / posts as f64);
    let bare = Bare::open(folder);
    let server = server();
    if let Some(server) = &server {
        fill("Meilisearch", server, posts).await;
    }
    println!("\n| what | p50 ms | p99 ms | found | bare tantivy: p50 | p99 | of its rate | Meilisearch: p50 | p99 |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for questions in drawing.questions() {
        let (mut mine, mut stock, mut served, mut found) = (Times::default(), Times::default(), Times::default(), 0);
        // Before what counts, each text once.
        for round in 0..questions.texts.len() + ROUNDS {
            let counts = round >= questions.texts.len();
            let text = &questions.texts[round % questions.texts.len()];
            let query = questions.query(text);
            let begun = Instant::now();
            let page = index.search(&query).await.expect("a page");
            mine.add(counts, begun);
            found += u64::from(counts) * page.total;
            let begun = Instant::now();
            bare.search(text, questions.facets);
            stock.add(counts, begun);
            if let Some(server) = &server {
                let begun = Instant::now();
                server.search(&query).await.expect("a page");
                served.add(counts, begun);
            }
        }
        ours += mine.all();
        theirs += stock.all();
        println!(
            "| {} | {:.1} | {:.1} | {} | {:.1} | {:.1} | {:.2} | {} |",
            questions.name,
            mine.at(500),
            mine.at(990),
            found / ROUNDS as u64,
            stock.at(500),
            stock.at(990),
            stock.all().as_secs_f64() / mine.all().as_secs_f64(),
            if server.is_some() { format!("{:.1} | {:.1}", served.at(500), served.at(990)) } else { "| ".into() },
        );
        let aim = if questions.facets { FACETS_WITHIN } else { WITHIN };
        report.at_most(&format!("search, {}: p99", questions.name), mine.at(990), aim, " ms");
    }
    report.at_least("search, all of that: of bare tantivy's rate", theirs.as_secs_f64() / ours.as_secs_f64(), 0.8);
    for batch in [1, 100] {
        let mut times = Times::default();
        for _ in 0..20 {
            let entries = drawing.entries(batch);
            let changes = entries.into_iter().take(batch).map(|entry| Change::Put(Box::new(entry))).collect();
            let begun = Instant::now();
            let stands = index.position().await.expect("a position").expect("filled");
            assert_eq!(index.apply(changes, Some(stands), stands + 1).await, Ok(true));
            times.add(true, begun);
        }
        println!("\nTo write {batch} and see them takes {:.0} ms, {:.0} at most.", times.at(500), times.at(1000));
    }
    println!("The process holds {:.0} MB.", machine::memory(std::process::id()));
}

/// Makes an index anew of the same posts each time, and says how fast.
async fn fill(name: &str, index: &Index, posts: usize) {
    let mut drawing = Drawing::new();
    let (begun, mut drawn) = (Instant::now(), Duration::ZERO);
    let mut rebuild = index.rebuild().await.expect("a rebuild");
    while usize::try_from(rebuild.written()).expect("a number") < posts {
        let draw = Instant::now();
        let entries = drawing.entries(5_000);
        drawn += draw.elapsed();
        rebuild = rebuild.put(entries).await.expect("written");
    }
    let written = rebuild.written();
    rebuild.finish(1).await.expect("finished");
    let took = (begun.elapsed() - drawn).as_secs_f64();
    println!("The {name} one is made of {written} posts at {:.0} a second.", written as f64 / took);
}

/// Of the index that is named.
fn size(folder: &Path) -> f64 {
    let named = std::fs::read_to_string(folder.join("current")).expect("a name");
    let files = std::fs::read_dir(folder.join(named.trim())).expect("a folder");
    files.map(|file| file.expect("a file").metadata().expect("its size").len() as f64).sum()
}

#[expect(clippy::disallowed_methods, reason = "the settings of the benchmark are read here")]
fn server() -> Option<Index> {
    let setting = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let server = Server {
        url: setting("TEST_MEILI_URL")?,
        key: setting("TEST_MEILI_KEY"),
        index: "ciam_bench".into(),
        answer_within: Duration::from_secs(30),
        written_within: Duration::from_secs(600),
    };
    Some(Index::open_server(server, &Synonyms::brought().expect("synonyms"), 1).expect("a server"))
}

#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn add(&mut self, counts: bool, begun: Instant) {
        if counts {
            self.0.push(begun.elapsed());
        }
    }

    fn all(&self) -> Duration {
        self.0.iter().sum()
    }

    /// In milliseconds, at so many thousandths.
    fn at(&self, part: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted.get((sorted.len() * part / 1000).min(sorted.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

impl Questions {
    fn query(&self, text: &str) -> Query {
        let mut query = Query::new(Sight::holding(AUDIENCES), text);
        if self.facets {
            query.facets = Facet::ALL.to_vec();
            query.filters = Filters { spaces: vec!["spa_1".to_owned()], ..Filters::default() };
        }
        query
    }
}

/// Posts whose words come as often as words do (Zipf), the same ones each time.
struct Drawing {
    random: StdRng,
    words: Vec<String>,
    thread: usize,
}

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

impl Drawing {
    fn new() -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let mut words: Vec<String> = COMMON.split_whitespace().map(str::to_owned).collect();
        while words.len() < 60_000 {
            let middles = random.random_range(0..4);
            let mut word = (*BEGINNINGS.choose(&mut random).expect("one")).to_owned();
            (0..middles).for_each(|_| word.push_str(MIDDLES.choose(&mut random).expect("one")));
            words.push(word + ENDS.choose(&mut random).expect("one"));
        }
        Self { random, words, thread: 0 }
    }

    fn text(&mut self, count: usize) -> String {
        let mut text = String::new();
        for _ in 0..count {
            let place: f64 = self.random.random();
            let rank = (self.words.len() as f64).powf(place) as usize;
            text.push_str(&self.words[rank.min(self.words.len()) - 1]);
            text.push(' ');
        }
        text
    }

    /// The posts of whole threads, at least so many.
    fn entries(&mut self, least: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        while entries.len() < least {
            let thread = self.thread;
            self.thread += 1;
            let title = self.text(7);
            let all = self.random.random_range(0..10) < 7;
            let audience = if all { "aud_members".to_owned() } else { format!("aud_{}", self.random.random_range(0..40)) };
            let forum = self.random.random_range(0..24);
            for ordinal in 1..self.random.random_range(2..17) {
                let length = self.random.random_range(10..90);
                entries.push(Entry {
                    key: format!("pos_{thread:08}_{ordinal}"),
                    group: format!("thr_{thread:08}"),
                    kind: Kind::Thread,
                    version: 1,
                    title: title.clone(),
                    body: self.text(length),
                    identifiers: Vec::new(),
                    tags: Vec::new(),
                    audience: audience.clone(),
                    hidden: false,
                    space: Some(format!("spa_{}", forum % 3)),
                    forum: Some(format!("for_{forum}")),
                    thread_kind: Some("QUESTION".to_owned()),
                    state: Some(if thread.is_multiple_of(3) { "CORRIGE" } else { "NOUVEAU" }.to_owned()),
                    collections: vec![format!("col_{}", thread % 12)],
                    organisation: Some(format!("org_{}", thread % 300)),
                    author: Some(format!("mem_{}", self.random.random_range(0..20_000))),
                    date: 1_600_000_000 + self.random.random_range(0..150_000_000),
                    solved: Some(thread.is_multiple_of(3)),
                    ordinal,
                    accepted: ordinal == 2 && thread.is_multiple_of(3),
                });
            }
        }
        entries
    }

    fn questions(&mut self) -> Vec<Questions> {
        let middle: Vec<String> = (0..40).map(|_| self.words[self.random.random_range(300..3_000)].clone()).collect();
        let of = |name, texts: Vec<String>, facets| Questions { name, texts, facets };
        let told = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let three = || middle.iter().map(|word| format!("gabarit formation {word} ")).collect::<Vec<_>>();
        let frequent = || told(&["gabarit ", "formation ", "parcours ", "bouton "]);
        vec![
            of("one word", middle.iter().map(|word| format!("{word} ")).collect(), false),
            of("one frequent word", frequent(), false),
            of("three words", three(), false),
            of("three frequent words", told(&["gabarit formation parcours ", "session module contenu "]), false),
            of("a typo", told(&["formaton ", "gabart ", "inscripton ", "publicaton "]), false),
            of("the beginning of a word", told(&["gaba", "forma", "inscri", "publica"]), false),
            of("a phrase", told(&["\"classe virtuelle\"", "\"gabarit formation\""]), false),
            of("one frequent word, facets and a filter", frequent(), true),
            of("three words, facets and a filter", three(), true),
            of("everything, facets and a filter", told(&[""]), true),
        ]
    }
}

/// tantivy as it comes, on the files of the index: words, all of them, in titles and texts, as they are or misspelt, the twenty best with
/// their count and what is stored of them; facets by its own aggregations. It asks nobody what they may see, and knows no filter, no
/// stems, no groups and no highlights.
struct Bare {
    searcher: Searcher,
    titles: Field,
    texts: Field,
    entry: Field,
    facets: Aggregations,
}

impl Bare {
    fn open(folder: &Path) -> Self {
        let named = std::fs::read_to_string(folder.join("current")).expect("a name");
        let index = tantivy::Index::open_in_dir(folder.join(named.trim())).expect("an index");
        let field = |name| index.schema().get_field(name).expect("a field");
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().expect("a reader");
        let of = |field: &str| (field.to_owned(), serde_json::json!({ "terms": { "field": field, "size": 100 } }));
        let facets = ["kind", "space", "forum", "state", "collections", "organisation", "year"].map(of);
        let facets = serde_json::Value::Object(facets.into_iter().collect());
        Self {
            searcher: reader.searcher(),
            titles: field("title_words"),
            texts: field("body_words"),
            entry: field("entry"),
            facets: serde_json::from_value(facets).expect("aggregations"),
        }
    }

    fn search(&self, text: &str, facets: bool) {
        let mut clauses: Vec<(Occur, Box<dyn tantivy::query::Query>)> = Vec::new();
        let words: Vec<&str> = text.trim_matches(['"', ' ']).split(' ').filter(|word| !word.is_empty()).collect();
        if text.starts_with('"') {
            let phrase = |field| -> Box<dyn tantivy::query::Query> {
                Box::new(PhraseQuery::new(words.iter().map(|word| Term::from_field_text(field, word)).collect()))
            };
            clauses.push((Occur::Must, Box::new(BooleanQuery::union(vec![phrase(self.titles), phrase(self.texts)]))));
        } else {
            for (number, word) in words.iter().enumerate() {
                let open = number + 1 == words.len() && !text.ends_with(' ');
                clauses.push((Occur::Must, self.word(word, open)));
            }
        }
        if words.is_empty() {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        let query = BooleanQuery::new(clauses);
        let best = TopDocs::with_limit(20).order_by_score();
        let (best, count) = if facets {
            let counts = AggregationCollector::from_aggs(self.facets.clone(), tantivy::aggregation::AggContextParams::default());
            let (best, count, _) = self.searcher.search(&query, &(best, Count, counts)).expect("a page");
            (best, count)
        } else {
            self.searcher.search(&query, &(best, Count)).expect("a page")
        };
        for (_, at) in best {
            let document: TantivyDocument = self.searcher.doc(at).expect("a document");
            std::hint::black_box(document.get_first(self.entry));
        }
        std::hint::black_box(count);
    }

    fn word(&self, word: &str, open: bool) -> Box<dyn tantivy::query::Query> {
        let typos = match word.chars().count() {
            0..5 => 0,
            5..9 => 1,
            _ => 2,
        };
        let mut ways: Vec<Box<dyn tantivy::query::Query>> = Vec::new();
        for field in [self.titles, self.texts] {
            let term = Term::from_field_text(field, word);
            ways.push(Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs)));
            if open {
                ways.push(Box::new(FuzzyTermQuery::new_prefix(term.clone(), 0, true)));
            }
            if typos > 0 {
                ways.push(Box::new(FuzzyTermQuery::new(term, typos, true)));
            }
        }
        Box::new(BooleanQuery::union(ways))
    }
}
