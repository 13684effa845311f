//! What one request may cost. The standard introspection query (13 levels) passes.

use std::collections::{HashMap, HashSet};

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
/// Selections of a document once every fragment is spread out.
pub const SELECTIONS: usize = 20_000;
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
    // Before the engine, whose own count walks each fragment as often as it is spread: thirty of them that spread the next
    // one twice would keep it for hours.
    let mut sizes = HashMap::new();
    let sets = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    for set in sets.chain(document.fragments.values().map(|fragment| &fragment.node.selection_set.node)) {
        if count_selections(document, set, &mut sizes) > SELECTIONS {
            return Err(format!("Au plus {SELECTIONS} champs, les fragments dépliés."));
        }
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

/// Selections below `set`, those of fragments as often as they are spread. A fragment that is being counted counts for
/// nothing: such a circle is the engine's to refuse.
fn count_selections<'d>(
    document: &'d ExecutableDocument,
    set: &'d SelectionSet,
    sizes: &mut HashMap<&'d str, Option<usize>>,
) -> usize {
    let mut count = 0_usize;
    for item in &set.items {
        let below = match &item.node {
            Selection::Field(field) => count_selections(document, &field.node.selection_set.node, sizes),
            Selection::InlineFragment(fragment) => count_selections(document, &fragment.node.selection_set.node, sizes),
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                match (sizes.get(name), document.fragments.get(name)) {
                    (Some(size), _) => size.unwrap_or(0),
                    (None, None) => 0,
                    (None, Some(fragment)) => {
                        sizes.insert(name, None);
                        let size = count_selections(document, &fragment.node.selection_set.node, sizes);
                        sizes.insert(name, Some(size));
                        size
                    }
                }
            }
        };
        // A spread counts too: in a circle there is nothing else.
        count = count.saturating_add(below).saturating_add(1);
    }
    count
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
