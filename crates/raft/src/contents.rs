//! Puts the contents of messages, which lie in the log, into the replies that are about them.

use bytes::Bytes;
use zonemq_queue::command::Reply;
use zonemq_queue::message::{Content, ContentPlace};
use zonemq_wal::ReadError;

use crate::entry;
use crate::log_store::LogStore;
use crate::mending::Mending;

/// The content of a message is damaged here, and no peer has it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content of a message is damaged, and no other node could be asked for it")]
pub(crate) struct Unreadable;

/// Reads contents of one group. Clones share what they read from.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    pub(crate) log: LogStore,
    pub(crate) mending: Mending,
}

impl Contents {
    /// The reply as the caller gets it.
    pub(crate) async fn fill(&self, reply: Reply<ContentPlace>) -> Result<Reply, Unreadable> {
        let outcome = match reply {
            Ok(outcome) => outcome,
            Err(refused) => return Ok(Err(refused)),
        };
        let places = outcome.content_places();
        if places.is_empty() {
            return Ok(Ok(outcome.with_contents(Vec::new())));
        }
        // Boxed, so that a send is not as large as the reading of a receive.
        let contents = Box::pin(self.read(places)).await?;
        Ok(Ok(outcome.with_contents(contents)))
    }

    async fn read(&self, places: Vec<ContentPlace>) -> Result<Vec<Option<Content>>, Unreadable> {
        let read = self.log.contents(&places).await;
        let mut contents = Vec::with_capacity(places.len());
        for (place, read) in places.into_iter().zip(read) {
            contents.push(match decoded(read) {
                Ok(content) => Some(content),
                Err(problem) => self.mend(place, &problem).await?,
            });
        }
        Ok(contents)
    }

    /// What peers have; nothing if the message is gone, as it may be when an old reply is asked
    /// for once more.
    async fn mend(
        &self,
        place: ContentPlace,
        problem: &str,
    ) -> Result<Option<Content>, Unreadable> {
        if !self.mending.is_wanted(place) {
            return Ok(None);
        }
        tracing::error!(?place, problem, "the content of a message cannot be read");
        let bytes = self.mending.mend(place).await.ok_or(Unreadable)?;
        Ok(Some(entry::decode_content(&bytes).map_err(|_| Unreadable)?))
    }
}

pub(crate) fn decoded(read: Result<Bytes, ReadError>) -> Result<Content, String> {
    let bytes = read.map_err(|error| error.to_string())?;
    entry::decode_content(&bytes).map_err(|error| error.to_string())
}
