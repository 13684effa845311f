//! SQL and rows of spaces, forums, threads and posts.

mod forums;
mod posts;
mod threads;

pub(crate) use forums::*;
pub(crate) use posts::*;
pub(crate) use threads::*;
