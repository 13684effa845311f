//! What the product says: the GraphQL schema, one file per domain, over the use-cases of `services`.
//!
//! A resolver reads the caller, calls, converts. What a request may cost is counted in [`limits`]; how failures are told in
//! [`errors`]; the Relay conventions are in [`ids`] and [`paging`].

mod accounts;
mod api;
mod audience;
mod catalogue;
mod context;
mod errors;
mod files;
mod following;
mod forum;
mod ids;
mod inbox;
mod library;
mod limits;
mod links;
mod lists;
mod live;
mod loaders;
mod moderation;
mod node;
mod nulls;
mod order;
mod organisations;
mod paging;
mod payload;
mod presence;
mod read_marks;
mod reports;
mod roles;
mod scalars;
mod search;
mod sentences;
mod sessions;
mod turns;

pub use api::{Api, Ask, Cookies, Outcome, Refusal, Reply};
pub use context::Client;

use async_graphql::{MergedObject, Schema};
use services::config::Limits;

use live::Subscription;

/// La racine des lectures. Ce qui n'existe pas ou ne vous est pas visible vaut null.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    accounts::AccountsQuery,
    organisations::OrganisationsQuery,
    forum::ForumQuery,
    catalogue::CatalogueQuery,
    library::LibraryQuery,
    reports::ReportsQuery,
    search::SearchQuery,
    search::SynonymsQuery,
);

/// La racine des écritures. Chacune reçoit un objet input et rend un objet qui porte clientMutationId et problems ; elle vaut
/// null si elle a échoué autrement, et les autres de la même demande n'en pâtissent pas.
#[derive(MergedObject, Default)]
pub struct Mutation(
    sessions::SessionsMutation,
    accounts::AccountsMutation,
    organisations::OrganisationsMutation,
    roles::RolesMutation,
    forum::ForumMutation,
    moderation::ModerationMutation,
    catalogue::CatalogueMutation,
    catalogue::TrainingSessionsMutation,
    catalogue::TrainingImportsMutation,
    library::LibraryMutation,
    links::LinksMutation,
    reports::ReportsMutation,
    Aside,
);

/// What members follow, have read and are told, and the synonyms of search. One entry of the root, since each one makes the type of
/// every answer deeper, of which the compiler has a limit.
#[derive(MergedObject, Default)]
struct Aside(
    following::FollowingMutation,
    read_marks::ReadMarksMutation,
    inbox::InboxMutation,
    presence::PresenceMutation,
    search::SynonymsMutation,
);

type CiamSchema = Schema<Query, Mutation, Subscription>;

/// The schema with its limits. No extension: one, even empty, costs every field of every request.
fn schema(limits: &Limits) -> CiamSchema {
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .limit_depth(limits.depth)
        .limit_complexity(limits.complexity)
        .limit_recursive_depth(limits.braces)
        .limit_directives(limits.directives)
        .finish()
}

/// The schema as text: the contract, kept in `graphql/schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    schema(&Limits::default()).sdl()
}
