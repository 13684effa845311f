//! Global ids: the prefixed text of `services::id`, one encoding everywhere.

use std::str::FromStr;

use async_graphql::ID;
use services::error::{Code, Error, Result};

/// An id given as an argument of a read: an unknown one finds nothing, a wrong kind is refused.
pub(crate) fn argument<Id: FromStr>(field: &'static str, id: &ID) -> Result<Id> {
    id.parse()
        .map_err(|_| Error::invalid(field, Code::Malformed, format!("« {field} » n'est pas un identifiant de cette nature.")))
}

/// The same for an optional one.
pub(crate) fn optional<Id: FromStr>(field: &'static str, id: Option<&ID>) -> Result<Option<Id>> {
    id.map(|id| argument(field, id)).transpose()
}
