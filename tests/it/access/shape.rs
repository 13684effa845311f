//! The schema as introspection tells it, and how to ask for any field of it.

use std::collections::{BTreeMap, BTreeSet};

use harness::World;
use serde_json::{Value, json};

use crate::steps::{read, text};

/// The fields of each object and interface, each with the name of its type; and the unions.
pub(crate) struct Shape(BTreeMap<String, Vec<Field>>, BTreeSet<String>);

struct Field {
    name: String,
    kind: String,
    takes_arguments: bool,
}

impl Shape {
    pub(crate) async fn read(world: &World) -> Self {
        let query = "{ __schema { types { name kind fields(includeDeprecated: true) { name args { name }
            type { name ofType { name ofType { name ofType { name } } } } } } } }";
        let data = read(&world.anonymous(), query, json!({})).await;
        let (mut types, mut unions) = (BTreeMap::new(), BTreeSet::new());
        for kind in data["__schema"]["types"].as_array().expect("types") {
            let name = text(&kind["name"]);
            if kind["kind"] == "UNION" {
                unions.insert(name);
                continue;
            }
            if name.starts_with("__") || !["OBJECT", "INTERFACE"].iter().any(|object| kind["kind"] == *object) {
                continue;
            }
            let fields = kind["fields"].as_array().expect("fields").iter().map(|field| Field {
                name: text(&field["name"]),
                kind: named(&field["type"]),
                takes_arguments: field["args"] != json!([]),
            });
            types.insert(name, fields.collect());
        }
        Self(types, unions)
    }

    /// `Type.field` of all of them.
    pub(crate) fn fields(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|(kind, fields)| fields.iter().map(move |field| format!("{kind}.{}", field.name)))
    }

    /// The fields of a type.
    pub(crate) fn fields_of(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.0[kind].iter().map(|field| field.name.as_str())
    }

    /// What to select below `Type.field`: nothing of a scalar, the id of what has one, the count and the nodes of a list.
    pub(crate) fn below(&self, kind: &str, field: &str) -> String {
        let field = self.0[kind].iter().find(|known| known.name == field).unwrap_or_else(|| panic!("no {kind}.{field}"));
        self.selection(&field.kind)
    }

    fn selection(&self, kind: &str) -> String {
        if self.1.contains(kind) {
            return "{ __typename }".into();
        }
        let Some(fields) = self.0.get(kind) else { return String::new() };
        if fields.iter().any(|field| field.name == "id") {
            return "{ id }".into();
        }
        if let Some(edges) = fields.iter().find(|field| field.name == "edges") {
            return format!("{{ totalCount edges {} }}", self.selection(&edges.kind));
        }
        if let Some(node) = fields.iter().find(|field| field.name == "node") {
            return format!("{{ node {} }}", self.selection(&node.kind));
        }
        let is_scalar =
            |field: &&Field| !self.0.contains_key(&field.kind) && !self.1.contains(&field.kind) && !field.takes_arguments;
        let scalars: Vec<_> = fields.iter().filter(is_scalar).map(|field| field.name.as_str()).collect();
        if scalars.is_empty() { "{ __typename }".into() } else { format!("{{ {} }}", scalars.join(" ")) }
    }
}

fn named(kind: &Value) -> String {
    kind["name"].as_str().map_or_else(|| named(&kind["ofType"]), str::to_owned)
}

/// A value as a cell: null, yes or no, a number, how many a list holds, or that it is there.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().filter(|item| !item.is_null()).count().to_string(),
        Value::Object(connection) if connection.contains_key("totalCount") => {
            let listed = connection["edges"].as_array().map_or(0, Vec::len);
            assert_eq!(connection["totalCount"], json!(listed), "a list counts what it shows: {value}");
            listed.to_string()
        }
        _ => "seen".into(),
    }
}
