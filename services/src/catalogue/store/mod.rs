//! SQL and rows of the catalogue, nothing else.

mod collections;
mod details;
mod lists;
mod trainings;

pub(super) use collections::*;
pub(super) use details::*;
pub(super) use lists::*;
pub(super) use trainings::*;
