//! The matrix of rights: every field of the schema and every mutation, for every viewer. What is expected is written in
//! `fields.txt` and `mutations.txt`, to be read as documentation; a field or a mutation of the schema without a row fails, and
//! so does a row without a field. That the invisible is answered as the unknown is compared here too, byte for byte.

mod cast;
mod fields;
mod mutations;
mod shape;
mod table;
mod traces;

pub(crate) use cast::token;
use fields::every_field_is_seen_as_its_row_says;
use harness::{Story, World, stories};
use mutations::every_mutation_ends_as_its_row_says;
use traces::what_is_invisible_leaves_no_trace;

pub(crate) fn stories() -> Vec<Story> {
    stories![
        everything_in_the_schema_has_a_row,
        every_field_is_seen_as_its_row_says,
        what_is_invisible_leaves_no_trace,
        every_mutation_ends_as_its_row_says,
    ]
}

async fn everything_in_the_schema_has_a_row(world: &World) {
    let shape = shape::Shape::read(world).await;
    let (fields, mutations) = (table::fields(), table::mutations());
    let mut told: Vec<_> = fields.keys().filter_map(|key| table::field_of(key)).map(str::to_owned).collect();
    told.extend(mutations.keys().map(|name| format!("Mutation.{name}")));
    let known: Vec<_> = shape.fields().collect();
    let missing: Vec<_> = known.iter().filter(|field| !told.contains(field)).collect();
    assert!(missing.is_empty(), "without a row in tests/it/access/fields.txt or mutations.txt: {missing:?}");
    let gone: Vec<_> = told.iter().filter(|field| !known.contains(field)).collect();
    assert!(gone.is_empty(), "rows of tests/it/access without a field in the schema: {gone:?}");
}
