//! What one request may cost, as far as the library does not count it itself.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use services::config::Limits;

/// Refuses a document beyond `limits`.
///
/// # Errors
/// A French sentence that names the limit.
pub(crate) fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), String> {
    if document.operations.iter().count() + document.fragments.len() > limits.definitions {
        return Err(format!("au plus {} opérations et fragments par document.", limits.definitions));
    }
    // Before the engine, whose own count walks each fragment as often as it is spread: thirty of them that spread the next
    // one twice would keep it for hours.
    let mut sizes = HashMap::new();
    let sets = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    for set in sets.chain(document.fragments.values().map(|fragment| &fragment.node.selection_set.node)) {
        if count_selections(document, set, &mut sizes)? > limits.selections {
            return Err(format!("au plus {} champs, les fragments dépliés.", limits.selections));
        }
    }
    let mut aliases = 0;
    for (_, operation) in document.operations.iter() {
        if count_roots(document, &operation.node.selection_set.node, &mut HashSet::new()) > limits.roots {
            return Err(format!("au plus {} champs à la racine d'une opération.", limits.roots));
        }
        // One event stream an operation (GraphQL specification, 5.2.4.1); the engine passes over a fragment there.
        let roots = &operation.node.selection_set.node.items[..];
        if operation.node.ty == OperationType::Subscription
            && !matches!(roots, [root] if matches!(root.node, Selection::Field(_)))
        {
            return Err("un abonnement demande un seul champ, hors de tout fragment.".into());
        }
        aliases += count_aliases(&operation.node.selection_set.node);
    }
    for fragment in document.fragments.values() {
        aliases += count_aliases(&fragment.node.selection_set.node);
    }
    if aliases > limits.aliases {
        return Err(format!("au plus {} alias par document.", limits.aliases));
    }
    Ok(())
}

/// Selections below `set`, those of fragments as often as they are spread. Refuses a fragment that spreads itself.
fn count_selections<'d>(
    document: &'d ExecutableDocument,
    set: &'d SelectionSet,
    sizes: &mut HashMap<&'d str, Option<usize>>,
) -> Result<usize, String> {
    let mut count = 0_usize;
    for item in &set.items {
        let below = match &item.node {
            Selection::Field(field) => count_selections(document, &field.node.selection_set.node, sizes)?,
            Selection::InlineFragment(fragment) => count_selections(document, &fragment.node.selection_set.node, sizes)?,
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                match (sizes.get(name), document.fragments.get(name)) {
                    (Some(Some(size)), _) => *size,
                    // It is being counted: this spread is inside it.
                    (Some(None), _) => return Err(format!("le fragment {name} se contient lui-même.")),
                    (None, None) => 0,
                    (None, Some(fragment)) => {
                        sizes.insert(name, None);
                        let size = count_selections(document, &fragment.node.selection_set.node, sizes)?;
                        sizes.insert(name, Some(size));
                        size
                    }
                }
            }
        };
        count = count.saturating_add(below).saturating_add(1);
    }
    Ok(count)
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
