//! SQL and rows of the catalogue, nothing else.

mod calendar;
mod collections;
mod details;
mod export;
mod imports;
mod lists;
mod sessions;
mod trainings;

pub(super) use calendar::*;
pub(super) use collections::*;
pub(super) use details::*;
pub(super) use export::*;
pub(super) use imports::*;
pub(super) use lists::*;
pub(super) use sessions::*;
pub(super) use trainings::*;
pub(crate) use trainings::{shows_file, trainings_by_id};
