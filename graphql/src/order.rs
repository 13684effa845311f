//! The order of a reply's fields is that of the request (GraphQL specification, 7.2.2). The engine answers fields in the order
//! in which they were ready, so that a reply would differ from one run to the next.

use async_graphql::Value;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use crate::api::chosen;

/// The fields of a selection by their names in the reply, in order, each with those below it.
#[derive(Default)]
struct Fields<'a>(IndexMap<&'a str, Fields<'a>>);

/// Puts the fields of `data` in the order of the operation that was executed.
pub(crate) fn arrange(document: &ExecutableDocument, operation: Option<&str>, data: &mut Value) {
    let Some(executed) = chosen(document, operation) else { return };
    let mut fields = Fields::default();
    fields.add(document, &executed.selection_set.node);
    fields.apply(data);
}

impl<'a> Fields<'a> {
    /// An executed document was validated: its fragments hold no circle.
    fn add(&mut self, document: &'a ExecutableDocument, set: &'a SelectionSet) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    let below = self.0.entry(field.node.response_key().node.as_str()).or_default();
                    below.add(document, &field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.add(document, &fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        self.add(document, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn apply(&self, value: &mut Value) {
        match value {
            Value::List(items) => items.iter_mut().for_each(|item| self.apply(item)),
            // Nearly always every field is there, in its place: then nothing is looked up.
            Value::Object(map)
                if map.len() == self.0.len() && map.keys().zip(self.0.keys()).all(|(name, key)| name.as_str() == *key) =>
            {
                for (below, fields) in map.values_mut().zip(self.0.values()).filter(|(_, fields)| !fields.0.is_empty()) {
                    fields.apply(below);
                }
            }
            Value::Object(map) => {
                let place = |name: &str| self.0.get_index_of(name);
                map.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
                for (name, below) in map {
                    if let Some(fields) = self.0.get(name.as_str()).filter(|fields| !fields.0.is_empty()) {
                        fields.apply(below);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_answered_in_the_order_of_the_request() {
        let document =
            async_graphql::parser::parse_query("query Q { b ...F x: a { d c } } fragment F on Query { a { e } list { c d } }");
        let mut data = async_graphql::value!({
            "x": { "c": 1, "d": 2 }, "list": [{ "d": 1, "c": 2 }, null], "a": { "e": 1 }, "b": 1
        });
        arrange(&document.expect("a document"), Some("Q"), &mut data);
        let text = serde_json::to_string(&data).expect("JSON");
        assert_eq!(text, r#"{"b":1,"a":{"e":1},"list":[{"c":2,"d":1},null],"x":{"d":2,"c":1}}"#);
    }
}
