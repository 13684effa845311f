//! SQL and rows of spaces, forums, threads and posts.

mod forums;
mod mentions;
mod posts;
mod threads;

pub(crate) use forums::*;
pub(in crate::forum) use mentions::*;
pub(crate) use posts::*;
pub(crate) use threads::*;
