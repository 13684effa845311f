//! How failures are told.
//!
//! A resolver answers `services::Error`; here, once, each becomes what the client sees: a French sentence and
//! `extensions.code`. A failure of ours shows a fixed sentence and the request's id, and its cause goes to the log.

use async_graphql::{ErrorExtensionValues, ServerError};
use services::Error;
use services::config::Limits;

use crate::sentences;

/// Completes an error of the engine or of a resolver.
pub(crate) fn dress(error: &mut ServerError, request_id: &str, limits: &Limits) {
    let mut extensions = ErrorExtensionValues::default();
    match error.source::<Error>() {
        Some(cause) => {
            extensions.set("code", cause.code());
            match cause {
                Error::Internal(_) | Error::Unavailable(_) | Error::Startup(_) => {
                    tracing::error!(request_id, code = cause.code(), cause = cause.cause(), "a request failed");
                    extensions.set("requestId", request_id);
                }
                Error::Limited(after) => extensions.set("retryAfter", after.as_secs().max(1)),
                Error::Invalid(problems) => {
                    let fields: Vec<_> = problems.iter().map(|problem| problem.field.into()).collect();
                    extensions.set("fields", async_graphql::Value::List(fields));
                }
                _ => {}
            }
            error.message = cause.sentence().into_owned();
        }
        // The engine's own refusals: an unknown field, a wrong type.
        None if error.extensions.is_none() => {
            extensions.set("code", if error.path.is_empty() { "GRAPHQL_VALIDATION_FAILED" } else { "BAD_INPUT" });
            let sentence = limit(&error.message, limits).or_else(|| sentences::french(&error.message));
            let sentence = sentence.unwrap_or_else(|| std::mem::take(&mut error.message));
            error.message = format!("Requête GraphQL invalide : {sentence}");
        }
        None => return,
    }
    error.source = None;
    error.extensions = Some(extensions);
}

/// The limits that the engine counts, in our words.
fn limit(sentence: &str, limits: &Limits) -> Option<String> {
    let known = |start: &str| sentence.starts_with(start);
    if known("Query is nested too deep") {
        Some(format!("elle est trop profonde, au plus {} niveaux de champs.", limits.depth))
    } else if known("Query is too complex") {
        Some(format!("elle coûte trop, au plus {} champs, ceux des listes comptés par leur taille.", limits.complexity))
    } else if known("The number of directives") {
        Some(format!("au plus {} directives sur un champ.", limits.directives))
    } else if known("The recursion depth") {
        Some(format!("elle est trop profonde, au plus {} niveaux d'accolades.", limits.braces))
    } else {
        None
    }
}

/// A document that is not executed.
pub(crate) fn invalid_document(sentence: &str) -> ServerError {
    with_code(format!("Requête GraphQL invalide : {sentence}"), "GRAPHQL_PARSE_FAILED")
}

/// A document that cannot be read, with the place.
pub(crate) fn unreadable_document(error: &async_graphql::parser::Error, limits: &Limits) -> ServerError {
    let (sentence, place) = sentences::unreadable(error, limits.braces);
    ServerError { locations: place.into_iter().collect(), ..invalid_document(&sentence) }
}

/// An operation whose variables lack a value.
pub(crate) fn invalid_variables(sentence: &str) -> ServerError {
    with_code(format!("Requête GraphQL invalide : {sentence}"), "GRAPHQL_VALIDATION_FAILED")
}

/// A request that took too long. A write it began goes on to its end.
pub(crate) fn too_slow() -> ServerError {
    let sentence = "La requête a pris trop de temps : demandez moins à la fois. Ce qu'elle devait écrire l'est peut-être.";
    with_code(sentence.into(), "TIMEOUT")
}

fn with_code(message: String, code: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    error.extensions = Some(extensions);
    error
}
