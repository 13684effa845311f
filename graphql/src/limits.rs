//! What one request may cost. The standard introspection query (13 levels) passes.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Levels of fields.
pub const DEPTH: usize = 18;
/// Fields, with lists counted by their size.
pub const COMPLEXITY: usize = 20_000;
/// Levels of braces while parsing.
pub const RECURSION: usize = 32;
/// Directives on one field.
pub const DIRECTIVES: usize = 8;
/// Root fields of one operation.
pub const ROOTS: usize = 20;
/// Aliases in one document.
pub const ALIASES: usize = 100;
/// Operations and fragments in one document.
pub const DEFINITIONS: usize = 100;
/// Bytes of a document.
pub const DOCUMENT: usize = 64 * 1024;

/// What the library does not count itself.
///
/// # Errors
/// A French sentence that names the limit.
pub(crate) fn check(document: &ExecutableDocument) -> Result<(), String> {
    if document.operations.iter().count() + document.fragments.len() > DEFINITIONS {
        return Err(format!("Au plus {DEFINITIONS} opérations et fragments par document."));
    }
    let mut aliases = 0;
    for (_, operation) in document.operations.iter() {
        if count_roots(document, &operation.node.selection_set.node, &mut HashSet::new()) > ROOTS {
            return Err(format!("Au plus {ROOTS} champs à la racine d'une opération."));
        }
        aliases += count_aliases(&operation.node.selection_set.node);
    }
    for fragment in document.fragments.values() {
        aliases += count_aliases(&fragment.node.selection_set.node);
    }
    if aliases > ALIASES {
        return Err(format!("Au plus {ALIASES} alias par document."));
    }
    Ok(())
}

/// Fields at the root, those of fragments too; a fragment spread twice gives the same fields.
fn count_roots<'d>(document: &'d ExecutableDocument, set: &'d SelectionSet, seen: &mut HashSet<&'d str>) -> usize {
    let mut count = 0;
    for item in &set.items {
        count += match &item.node {
            Selection::Field(_) => 1,
            Selection::InlineFragment(fragment) => count_roots(document, &fragment.node.selection_set.node, seen),
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                match document.fragments.get(name).filter(|_| seen.insert(name)) {
                    Some(fragment) => count_roots(document, &fragment.node.selection_set.node, seen),
                    None => 0,
                }
            }
        };
    }
    count
}

fn count_aliases(set: &SelectionSet) -> usize {
    set.items
        .iter()
        .map(|item| match &item.node {
            Selection::Field(field) => usize::from(field.node.alias.is_some()) + count_aliases(&field.node.selection_set.node),
            Selection::InlineFragment(fragment) => count_aliases(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        })
        .sum()
}
