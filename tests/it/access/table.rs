//! The two tables as data. Their form is told at their head.

use std::collections::BTreeMap;

/// The columns.
pub(crate) const VIEWERS: [&str; 15] = [
    "anonymous",
    "member",
    "outsider",
    "colleague",
    "author",
    "suspended",
    "elsewhere",
    "moderator",
    "general",
    "orgadmin",
    "admin",
    "LIRE",
    "ECRIRE",
    "MODERER",
    "ADMINISTRER",
];

/// What a key is expected to give.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// One word for all targets, or none.
    pub(crate) rule: String,
    /// The cells of each target, in the order of [`VIEWERS`].
    pub(crate) rows: BTreeMap<String, Vec<String>>,
}

pub(crate) type Table = BTreeMap<String, Entry>;

pub(crate) fn fields() -> Table {
    parse(include_str!("fields.txt"))
}

pub(crate) fn mutations() -> Table {
    parse(include_str!("mutations.txt"))
}

/// `Type.field` of a key, without its arguments; none for a type, whose rows say who sees it.
pub(crate) fn field_of(key: &str) -> Option<&str> {
    let field = key.split('(').next().unwrap_or(key);
    field.contains('.').then_some(field)
}

fn parse(text: &str) -> Table {
    let mut table = Table::new();
    let mut key = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (name, rest) = line.trim().split_once("  ").unwrap_or((line.trim(), ""));
        let words: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
        if !line.starts_with(' ') {
            name.clone_into(&mut key);
            assert!(!table.contains_key(&key), "{key} is told twice");
        }
        let entry = table.entry(key.clone()).or_default();
        match (line.starts_with(' '), words.len()) {
            (false, 0) => {}
            (false, 1) => {
                assert!(["all", "varies", "payload", "event"].contains(&words[0].as_str()), "no such rule: {line}");
                words[0].clone_into(&mut entry.rule);
            }
            (false, _) => panic!("a rule is one word: {line}"),
            (true, _) => {
                let cells = cells(line, words);
                for target in name.split(", ") {
                    let before = entry.rows.insert(target.to_owned(), cells.clone());
                    assert!(before.is_none(), "{key}: {target} is told twice");
                }
            }
        }
    }
    table
}

fn cells(line: &str, words: Vec<String>) -> Vec<String> {
    assert_eq!(words.len(), VIEWERS.len(), "a cell for each viewer: {line}");
    words
}

/// A row as the table writes it.
pub(crate) fn row(target: &str, cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:<6}")).collect();
    format!("  {target:<27} {}", cells.join(" ")).trim_end().to_owned()
}

/// Fails with every row that is not as expected, written as it is.
pub(crate) fn compare(expected: &Table, found: &BTreeMap<String, BTreeMap<String, Vec<String>>>) {
    let mut wrong = Vec::new();
    for (key, rows) in found {
        let none = BTreeMap::new();
        let told = expected.get(key).map_or(&none, |entry| &entry.rows);
        let differ: Vec<_> = rows.iter().filter(|(target, cells)| told.get(*target) != Some(*cells)).collect();
        let gone: Vec<_> = told.keys().filter(|target| !rows.contains_key(*target)).collect();
        if !differ.is_empty() || !gone.is_empty() {
            wrong.push(key.clone());
            wrong.extend(differ.iter().map(|(target, cells)| row(target, cells)));
            wrong.extend(gone.iter().map(|target| format!("  {target}: there is no such target")));
        }
    }
    assert!(wrong.is_empty(), "not as the table says; what is:\n{}", wrong.join("\n"));
}

/// The code of an error, as a cell.
pub(crate) fn refusal(code: &str) -> &str {
    match code {
        "UNAUTHENTICATED" => "auth",
        "FORBIDDEN" => "forb",
        "NOT_FOUND" => "none",
        other => other,
    }
}
