//! A community to try the product with: organisations, members and their roles, threads as real ones could be, a catalogue
//! of trainings, documents, and as many more threads as a trial of size asks for. Everything in it is invented; addresses end
//! in `.example` (RFC 2606).
//!
//! The same each time: ids and times come from a seeded clock. It is written with what the use-cases write with, each act
//! with its event, in the order of time; no mail and no job comes of it.

mod catalogue;
mod content;
mod documents;
mod pdf;
mod people;
mod plan;
#[cfg(test)]
mod tests;
mod writing;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::{App, foundation};
use catalogue::Catalogue;
use content::Content;
use writing::Writing;

/// The present of the demo: 2 November 2026, 8 h UTC. Nothing in it happens later.
const NOW: DateTime<Utc> = match DateTime::from_timestamp(1_793_606_400, 0) {
    Some(now) => now,
    None => DateTime::UNIX_EPOCH,
};
/// How long before [`NOW`] the community was founded: 2 September 2024, a Monday.
const FOUNDED: TimeDelta = TimeDelta::days(791);
const SEED: u64 = 20_261_102;

/// What [`fill`] did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Filled {
    /// Members, the first administrator not counted.
    pub members: usize,
    /// Threads.
    pub threads: usize,
    /// Posts, those that open the threads included.
    pub posts: usize,
    /// Trainings.
    pub trainings: usize,
    /// The secret of the first administrator's one-time link, when the database was empty: it is shown this once.
    pub first_link: Option<String>,
}

/// Fills the database with the demo community: the written content, and further threads like it until there are `posts`
/// posts (0: the written content alone). `progress` is told now and then how many posts are written, of how many.
///
/// The database is new, or holds nothing but its foundation: the demo is not mixed with a real community.
///
/// # Errors
/// [`Error::Conflict`] on `demo`, with nothing written, when there is a community already, the demo's or another. When the
/// database fails half-way, what was written stays, and a second run is refused: start again from a new data folder.
pub async fn fill(app: &App, posts: usize, progress: impl Fn(u64, u64) + Send + Sync) -> Result<Filled> {
    let content = Content::read()?;
    let plan = plan::plan(&content, posts)?;
    let clock = Clock::seeded(NOW - FOUNDED, SEED);
    let first_link = foundation::lay_by(app, &clock).await?.map(|laid| laid.first_link);
    let remarks: Vec<_> = content.documents.iter().map(|document| document.remarks.len()).collect();
    let threads = plan.threads.len() + remarks.iter().filter(|many| **many > 0).count();
    let (written, members) = (plan.posts.len() + remarks.iter().sum::<usize>(), content.members.len());
    let trainings = content.trainings.len();
    let large = plan.threads.len() > content.threads.len();
    let files = documents::prepare(app, &plan, &content.documents).await?;
    let (places, content) = people::settle(app, &clock, content, plan.forums.clone()).await?;
    let remarks = documents::remarks(app, &content.documents).await?;
    let catalogue = Catalogue::new(content, &places.members);
    let mut writing = Writing::new(clock, plan, places, (files, remarks), catalogue);
    let total = u64::try_from(written).unwrap_or(u64::MAX);
    while !writing.is_done() {
        writing = app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    writing.write_some(tx).await?;
                    Ok(writing)
                })
            })
            .await?;
        progress(u64::try_from(writing.posts_written()).unwrap_or(total), total);
    }
    if large {
        app.db.analyse().await?;
    }
    Ok(Filled { members, threads, posts: written, trainings, first_link })
}

/// The refusal of [`fill`].
fn refused(sentence: impl Into<String>) -> Error {
    Error::conflict("demo", crate::error::Code::Refused, sentence)
}
