//! An index made anew beside the live one, which can be searched and written until the new one takes its place in one act.
//! Dropped or killed before, it leaves the live one as it is, and what is left of it is removed later.

use std::sync::Arc;

use crate::documents::Entry;
use crate::error::Result;
use crate::{Engine, blocking, sound};

/// An index in the making.
#[derive(Debug)]
pub struct Rebuild {
    pub(crate) making: Making,
    pub(crate) written: u64,
}

#[derive(Debug)]
pub(crate) enum Making {
    Folder(Arc<crate::tantivy::Engine>, Box<crate::tantivy::Rebuild>),
    Server(Arc<crate::meilisearch::Engine>),
}

impl Rebuild {
    /// Writes entries, at most 10,000 at once, each key once.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when the engine is away or the disk is full, [`crate::Error::Internal`] when an entry is not
    /// sound. The rebuild is over then.
    pub async fn put(mut self, entries: Vec<Entry>) -> Result<Self> {
        if entries.len() > crate::MOST_WRITTEN {
            return Err(crate::Error::Internal("more than 10,000 entries at once".into()));
        }
        entries.iter().try_for_each(sound)?;
        let count = entries.len() as u64;
        self.making = match self.making {
            Making::Folder(engine, mut making) => {
                let making = blocking(move || {
                    making.put(&entries)?;
                    Ok(making)
                });
                Making::Folder(engine, making.await?)
            }
            Making::Server(engine) => {
                engine.put(&entries).await?;
                Making::Server(engine)
            }
        };
        self.written += count;
        Ok(self)
    }

    /// How many entries were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Puts the new index in the place of the live one, read up to `position` of the event log: as far as it was when the first
    /// entry was read, since what happened meanwhile is read again.
    ///
    /// # Errors
    /// As [`Self::put`]; the live index stays.
    pub async fn finish(self, position: u64) -> Result<()> {
        match self.making {
            Making::Folder(engine, making) => blocking(move || engine.swap(*making, position)).await,
            Making::Server(engine) => engine.swap(position).await,
        }
    }
}

impl crate::Index {
    /// Begins an index beside the live one. Of a folder there is one at a time, whatever the processes; of a server, who begins another
    /// ends the first: that only one node makes it anew is for the caller to see to.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when another rebuild is under way, or the engine is away.
    pub async fn rebuild(&self) -> Result<Rebuild> {
        let making = match &self.engine {
            Engine::Folder(engine) => {
                let engine = engine.clone();
                blocking(move || {
                    let making = engine.rebuild()?;
                    Ok(Making::Folder(engine, Box::new(making)))
                })
                .await?
            }
            Engine::Server(engine) => {
                engine.begin().await?;
                Making::Server(engine.clone())
            }
        };
        Ok(Rebuild { making, written: 0 })
    }
}
