//! A field that failed is null in the reply, and when its type allows no null, what holds it is (GraphQL specification, 6.4.4).
//! The engine leaves such a field out; here it is put back. Nothing is done for a reply without errors.

use std::collections::HashMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, OperationType, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, PathSegment, ServerError, Value};

use crate::api::chosen;

/// The type of each field of each object and interface.
pub(crate) struct Types(HashMap<String, HashMap<String, Type>>);

/// Selections that stand at one place of the reply, each with the type it is on.
type Sets<'a> = Vec<(&'a str, &'a SelectionSet)>;

impl Types {
    /// As the schema's text tells them.
    pub(crate) fn new(sdl: &str) -> Self {
        let mut types = HashMap::new();
        for definition in parse_schema(sdl).map(|document| document.definitions).unwrap_or_default() {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => continue,
            };
            let fields = fields.into_iter().map(|field| (field.node.name.node.to_string(), field.node.ty.node));
            types.insert(name, fields.collect());
        }
        Self(types)
    }

    /// Puts a null where each of `errors` happened, or above it.
    pub(crate) fn complete(
        &self,
        document: &ExecutableDocument,
        operation: Option<&str>,
        data: &mut Value,
        errors: &[ServerError],
    ) {
        let Some(executed) = chosen(document, operation) else { return };
        let root = match executed.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let sets = vec![(root, &executed.selection_set.node)];
        let whole = Type { base: BaseType::Named(Name::new(root)), nullable: true };
        // An engine whose every root field failed answers no object at all.
        if *data == Value::Null && !errors.is_empty() {
            *data = Value::Object(Default::default());
        }
        for error in errors.iter().filter(|error| !error.path.is_empty()) {
            self.put(document, data, &whole, &sets, &error.path);
        }
    }

    /// Puts a null where `path` leads from `value`. True when it goes past `value`, whose type allows none.
    fn put(&self, document: &ExecutableDocument, value: &mut Value, kind: &Type, sets: &Sets<'_>, path: &[PathSegment]) -> bool {
        let goes_past = match (path, &mut *value, &kind.base) {
            ([], ..) => true,
            ([PathSegment::Index(place), rest @ ..], Value::List(items), BaseType::List(inner)) => {
                items.get_mut(*place).is_some_and(|item| self.put(document, item, inner, sets, rest))
            }
            ([PathSegment::Field(key), rest @ ..], Value::Object(fields), _) => {
                let mut found = Vec::new();
                for (on, set) in sets {
                    gather(document, on, set, key, &mut found);
                }
                let Some(kind) = found.iter().find_map(|(on, field)| self.0.get(*on)?.get(field.name.node.as_str())) else {
                    return false;
                };
                let below: Sets<'_> = found.iter().map(|(_, field)| (named(kind), &field.selection_set.node)).collect();
                let field = fields.entry(Name::new(key)).or_insert(Value::Null);
                self.put(document, field, kind, &below, rest)
            }
            // A null stands here already.
            _ => false,
        };
        if goes_past {
            *value = Value::Null;
        }
        goes_past && !kind.nullable
    }
}

/// The fields that `key` names in the reply, each with the type it is on.
fn gather<'a>(
    document: &'a ExecutableDocument,
    on: &'a str,
    set: &'a SelectionSet,
    key: &str,
    found: &mut Vec<(&'a str, &'a Field)>,
) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) if field.node.response_key().node == key => found.push((on, &field.node)),
            Selection::Field(_) => {}
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref().map_or(on, |condition| condition.node.on.node.as_str());
                gather(document, on, &fragment.node.selection_set.node, key, found);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    let on = fragment.node.type_condition.node.on.node.as_str();
                    gather(document, on, &fragment.node.selection_set.node, key, found);
                }
            }
        }
    }
}

/// The type that lists of `kind` hold in the end.
fn named(kind: &Type) -> &str {
    match &kind.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = "type Query { a: A, b: A! } type A { id: ID!, list: [A!], n: Int }";

    fn completed(query: &str, data: &str, paths: &[&[PathSegment]]) -> String {
        let document = async_graphql::parser::parse_query(query).expect("a document");
        let mut data = Value::from_json(serde_json::from_str(data).expect("JSON")).expect("a value");
        let error = |path: &&[PathSegment]| ServerError { path: path.to_vec(), ..ServerError::new("", None) };
        let errors: Vec<_> = paths.iter().map(error).collect();
        Types::new(SDL).complete(&document, None, &mut data, &errors);
        serde_json::to_string(&data).expect("JSON")
    }

    fn field(name: &str) -> PathSegment {
        PathSegment::Field(name.into())
    }

    #[test]
    fn a_failed_field_is_null_or_what_holds_it_is() {
        let query = "{ x: a { n ...F } } fragment F on A { id list { id } }";
        let one = |path: &[PathSegment], data: &str| completed(query, data, &[path]);
        assert_eq!(one(&[field("x"), field("n")], r#"{"x":{"id":"1"}}"#), r#"{"x":{"id":"1","n":null}}"#);
        assert_eq!(one(&[field("x"), field("id")], r#"{"x":{"n":1}}"#), r#"{"x":null}"#);
        let in_list = [field("x"), field("list"), PathSegment::Index(1), field("id")];
        assert_eq!(one(&in_list, r#"{"x":{"n":1,"list":[{"id":"1"},{}]}}"#), r#"{"x":{"list":null,"n":1}}"#);
        assert_eq!(completed("{ a { n } }", "null", &[&[field("a")]]), r#"{"a":null}"#);
        assert_eq!(completed("{ a { n } b { n } }", r#"{"a":null}"#, &[&[field("b")]]), "null");
    }
}
