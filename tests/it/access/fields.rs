//! What each viewer sees of each field.

use std::collections::BTreeMap;

use harness::{Client, Socket, World};
use serde_json::{Value, json};

use super::cast::{Cast, Target, targets};
use super::shape::{Shape, cell};
use super::table::{self, Table, VIEWERS, field_of, refusal, row};
use crate::steps::text;

/// Targets asked in one request: the product takes 20 root fields and 100 aliases.
const TOGETHER: usize = 15;

/// One object, and what is asked of it; or a root field, of which nothing more is.
struct Question {
    /// The type's name and the target's.
    of: (String, String),
    /// With `@` where the fields go.
    place: String,
    nth: usize,
    /// Keys of the table.
    keys: Vec<String>,
    /// What they ask, in the same order.
    asked: Vec<String>,
    /// Under which name each is answered.
    names: Vec<String>,
}

/// What was answered: none for an object that is not there, an error's code, or a value.
type Answer = Option<Result<Value, String>>;

/// Key, target, then one answer for each viewer.
type Found = BTreeMap<String, BTreeMap<String, Vec<Answer>>>;

pub(super) async fn every_field_is_seen_as_its_row_says(world: &World) {
    let expected = table::fields();
    let shape = Shape::read(world).await;
    let cast = Cast::gather(world).await;
    let targets = targets(&cast).await;
    let questions = questions(&expected, &shape, &cast, &targets);
    let mut found = Found::new();
    let follows = follows(&expected, &known(&cast, &targets));
    for (_, client) in cast.viewers() {
        for (key, document) in &follows {
            let mut socket = Socket::open(&world.url, client.bearer.as_deref()).await;
            socket.subscribe("1", document, json!({})).await;
            let message = socket.next().await.expect("open");
            let answer = match message["type"] == "next" {
                true => Ok(message["payload"]["data"].clone()),
                false => Err(text(&message["payload"][0]["extensions"]["code"])),
            };
            found.entry(key.clone()).or_default().entry("answer".into()).or_default().push(Some(answer));
        }
        for chunk in questions.chunks(TOGETHER) {
            for (question, answers) in chunk.iter().zip(ask(client, chunk).await) {
                for (key, answer) in question.keys.iter().zip(answers) {
                    let rows = found.entry(key.clone()).or_default();
                    rows.entry(question.of.1.clone()).or_default().push(answer);
                }
            }
        }
    }
    let told_elsewhere = |entry: &table::Entry| ["payload", "event"].contains(&entry.rule.as_str());
    let unasked: Vec<_> =
        expected.iter().filter(|(key, entry)| !told_elsewhere(entry) && !found.contains_key(*key)).map(|(key, _)| key).collect();
    assert!(unasked.is_empty(), "rows of types without an object to look at: {unasked:?}");
    let mut cells = BTreeMap::new();
    let mut wrong = Vec::new();
    for (key, rows) in found {
        match expected.get(&key).map_or("", |entry| entry.rule.as_str()) {
            "all" => wrong.extend(unequal(&key, &rows)),
            "varies" => assert!(rows.values().flatten().flatten().all(Result::is_ok), "{key} is refused to somebody"),
            _ => _ = cells.insert(key, rows.iter().map(|(target, answers)| (target.clone(), told(answers))).collect()),
        }
    }
    assert!(wrong.is_empty(), "not the same for whoever sees the object:\n{}", wrong.join("\n"));
    table::compare(&expected, &cells);
}

/// One question for each target, of all the keys of its type, and one for each key of the root.
fn questions(expected: &Table, shape: &Shape, cast: &Cast<'_>, targets: &[Target]) -> Vec<Question> {
    let mut questions = Vec::new();
    for target in targets {
        let of = (target.kind.to_owned(), target.name.to_owned());
        let mut question =
            Question { of, place: target.place.clone(), nth: target.nth, keys: Vec::new(), asked: Vec::new(), names: Vec::new() };
        let kind = target.kind;
        question.keys.push(kind.to_owned());
        question.names.push("here".into());
        for key in expected.keys().filter(|key| field_of(key).is_some_and(|field| field.split('.').next() == Some(kind))) {
            let field = key.split_once('.').map_or("", |(_, field)| field);
            let name = field.split('(').next().unwrap_or(field);
            let alias = if field == name { name.to_owned() } else { format!("f{}", question.keys.len()) };
            let alias_told = if field == name { String::new() } else { format!("{alias}: ") };
            question.asked.push(format!("{alias_told}{field} {}", shape.below(kind, name)));
            question.keys.push(key.clone());
            question.names.push(alias);
        }
        questions.push(question);
    }
    let known = known(cast, targets);
    for key in expected.keys().filter(|key| key.starts_with("Query.")) {
        let field = with_ids(&key["Query.".len()..], &known);
        let below = shape.below("Query", field.split('(').next().unwrap_or(&field));
        questions.push(Question {
            of: ("Query".into(), "answer".into()),
            place: format!("{field} {below}"),
            nth: 0,
            keys: vec![key.clone()],
            asked: Vec::new(),
            names: Vec::new(),
        });
    }
    questions
}

/// The ids of targets, by what a key calls them.
fn known<'c>(cast: &'c Cast<'_>, targets: &'c [Target]) -> BTreeMap<String, &'c str> {
    targets
        .iter()
        .filter_map(|target| Some((format!("<{} {}>", target.kind, target.name), target.id.as_deref()?)))
        .chain([("<Organisation inside>".into(), cast.id("inside"))])
        .collect()
}

fn with_ids(field: &str, known: &BTreeMap<String, &str>) -> String {
    known.iter().fold(field.to_owned(), |field, (name, id)| field.replace(name, &format!("\"{id}\"")))
}

/// The keys of subscriptions, each with its document.
fn follows(expected: &Table, known: &BTreeMap<String, &str>) -> Vec<(String, String)> {
    let fields = expected.keys().filter_map(|key| Some((key, key.strip_prefix("Subscription.")?)));
    fields.map(|(key, field)| (key.clone(), format!("subscription {{ {} {{ __typename }} }}", with_ids(field, known)))).collect()
}

/// The answers to some questions, in one request when nothing fails; what fails is asked again alone.
async fn ask(client: &Client, questions: &[Question]) -> Vec<Vec<Answer>> {
    if let Ok(found) = send(client, questions.iter().map(|question| (question, question.asked.clone()))).await {
        return questions.iter().zip(found).map(|(question, found)| answers(question, &found)).collect();
    }
    let mut all = Vec::new();
    for question in questions {
        match send(client, [(question, question.asked.clone())]).await {
            Ok(found) => all.push(answers(question, &found[0])),
            Err(code) if question.asked.is_empty() => all.push(vec![Some(Err(code))]),
            Err(_) => {
                let mut one_by_one = Vec::new();
                let none = send(client, [(question, Vec::new())]).await;
                one_by_one.push(none.map_or_else(|code| Some(Err(code)), |found| at(question, &found[0], "here")));
                for (asked, name) in question.asked.iter().zip(&question.names[1..]) {
                    let found = send(client, [(question, vec![asked.clone()])]).await;
                    one_by_one.push(found.map_or_else(|code| Some(Err(code)), |found| at(question, &found[0], name)));
                }
                all.push(one_by_one);
            }
        }
    }
    all
}

async fn send<'q>(
    client: &Client,
    questions: impl IntoIterator<Item = (&'q Question, Vec<String>)>,
) -> Result<Vec<Value>, String> {
    let mut fields = Vec::new();
    for (n, (question, asked)) in questions.into_iter().enumerate() {
        let inside = format!("here: __typename {}", asked.join(" "));
        fields.push(format!("t{n}: {}", question.place.replace('@', &inside)));
    }
    let reply = client.run(&format!("{{ {} }}", fields.join(" ")), json!({})).await;
    if !reply.errors.is_empty() {
        let code = reply.code();
        assert!(!["GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "INTERNAL"].contains(&code.as_str()), "{}", reply.text);
        return Err(code);
    }
    Ok((0..fields.len()).map(|n| reply.data[format!("t{n}")].clone()).collect())
}

fn answers(question: &Question, found: &Value) -> Vec<Answer> {
    if question.names.is_empty() {
        return vec![Some(Ok(found.clone()))];
    }
    question.names.iter().map(|name| at(question, found, name)).collect()
}

fn at(question: &Question, found: &Value, name: &str) -> Answer {
    let mut objects = Vec::new();
    gather(found, &mut objects);
    objects.get(question.nth).map(|object| Ok(object[name].clone()))
}

/// The objects that are asked about, in the order of the reply.
fn gather<'v>(value: &'v Value, objects: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) if fields.contains_key("here") => objects.push(value),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, objects)),
        Value::Array(items) => items.iter().for_each(|value| gather(value, objects)),
        _ => {}
    }
}

fn told(answers: &[Answer]) -> Vec<String> {
    let one = |answer: &Answer| match answer {
        None => "-".to_owned(),
        Some(Err(code)) => refusal(code).to_owned(),
        Some(Ok(value)) => cell(value),
    };
    answers.iter().map(one).collect()
}

/// The rows of a field that should be the same for whoever sees the object, when it is not, or is never there.
fn unequal(key: &str, rows: &BTreeMap<String, Vec<Answer>>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ever = false;
    for (target, answers) in rows {
        assert_eq!(answers.len(), VIEWERS.len());
        let mut seen: Vec<_> = answers.iter().flatten().filter_map(|answer| answer.as_ref().ok()).collect();
        ever |= seen.iter().any(|value| !value.is_null());
        let mut refused = answers.iter().flatten().any(Result::is_err);
        match target.as_str() {
            // Each has their own.
            "own" => seen.clear(),
            // What each list holds is told by the field that gives it, and so is who is refused the list.
            "list" => {
                seen.dedup_by_key(|value| value.is_null());
                refused = false;
            }
            _ => seen.dedup(),
        }
        if seen.len() > 1 || refused {
            wrong.push(format!("{key}\n{}", row(target, &told(answers))));
        }
    }
    if !ever {
        wrong.push(format!("{key}: null for every target"));
    }
    wrong
}
