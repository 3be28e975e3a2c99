//! Asks the peers for contents that are damaged here, and puts them into the log again.

use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::timeout;
use zonemq_planted::{Bug, is_planted};
use zonemq_queue::message::ContentPlace;
use zonemq_wal::{GroupId, Part, Record, Wal};

use crate::codec;
use crate::entry;
use crate::link::Peers;
use crate::located::located;
use crate::log_store::LogStore;
use crate::state_machine::{self, Applied};
use crate::types::NodeId;
use crate::wire::Service;

/// A peer that does not answer in this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What one question asks for at most.
const PLACES_IN_A_QUESTION: usize = 256;

/// What a peer is asked for: contents by their places.
pub(crate) type ContentsRequest = Vec<ContentPlace>;
/// In the same order; `None` for what cannot be read there, either.
pub(crate) type ContentsReply = Vec<Option<Bytes>>;

/// Mends the contents of one group. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Mending {
    pub(crate) group: GroupId,
    pub(crate) peers: Peers,
    pub(crate) others: Vec<NodeId>,
    pub(crate) wal: Wal,
    pub(crate) log: LogStore,
    pub(crate) applied: Applied,
}

impl Mending {
    /// Whether a message is held whose content lies there. Looks at all messages: for when
    /// something is wrong already.
    pub(crate) fn is_wanted(&self, place: ContentPlace) -> bool {
        self.wanted_of(place.index).contains(&place)
    }

    fn wanted_of(&self, index: u64) -> Vec<ContentPlace> {
        let applied = self.applied.read().unwrap_or_else(PoisonError::into_inner);
        let places = applied.state.content_places();
        entry::in_log_order(places.filter(|place| place.index == index))
    }

    /// A content as a peer has it. It is durable here again when this returns, together with all
    /// others of its entry that are wanted; but for the latest entries, which are still needed as
    /// entries: those are mended when they are purged.
    pub(crate) async fn mend(&self, place: ContentPlace) -> Option<Bytes> {
        let places = self.wanted_of(place.index);
        let mut contents = Vec::with_capacity(places.len());
        for read in self.log.contents(&places).await {
            contents.push(read.ok().filter(|bytes| entry::is_content(bytes)));
        }
        for node in &self.others {
            let missing: Vec<usize> = (0..places.len())
                .filter(|at| contents[*at].is_none())
                .collect();
            if missing.is_empty() {
                break;
            }
            for asked in missing.chunks(PLACES_IN_A_QUESTION) {
                let question = asked.iter().map(|at| places[*at]).collect();
                let reply = self.ask(*node, question).await.unwrap_or_default();
                for (at, content) in asked.iter().zip(reply) {
                    contents[*at] = content.filter(|bytes| entry::is_content(bytes));
                }
            }
        }
        let at = places.iter().position(|known| *known == place)?;
        let wanted = contents[at].clone();
        if self.log.purged_index() >= Some(place.index) {
            self.keep(place.index, &places, contents).await;
        }
        wanted
    }

    /// The contents of which nothing is here, for example because the entries that held them were
    /// damaged and a snapshot goes on behind them.
    pub(crate) fn missing(&self) -> Vec<ContentPlace> {
        // Beside the traffic: the pages of a clone are shared.
        let state = state_machine::read(&self.applied, Clone::clone);
        located(&self.wal, self.group, state.content_places())
            .filter_map(|(place, segment)| segment.is_none().then_some(place))
            .collect()
    }

    /// Mends those of them that are still wanted; returns of how many entries.
    pub(crate) async fn mend_missing(&self, mut missing: Vec<ContentPlace>) -> u64 {
        missing.sort_unstable();
        missing.dedup_by_key(|place| place.index);
        let mut entries = 0;
        for place in missing {
            if self.is_wanted(place) {
                tracing::error!(?place, "the content of a message is missing");
                self.mend(place).await;
                entries += 1;
            }
        }
        entries
    }

    async fn ask(&self, node: NodeId, places: ContentsRequest) -> Option<ContentsReply> {
        let question = codec::encode(&places).into();
        let call = self
            .peers
            .call(node, Service::Contents, self.group, question);
        let reply = timeout(PATIENCE, call).await.ok()?.ok()?;
        codec::decode(&reply).ok()
    }

    async fn keep(&self, index: u64, places: &[ContentPlace], contents: Vec<Option<Bytes>>) {
        let parts: Vec<Part> = places
            .iter()
            .zip(contents)
            .filter_map(|(place, bytes)| {
                let (offset, bytes) = (place.offset, bytes?);
                Some(Part { offset, bytes })
            })
            .collect();
        if parts.len() < places.len() {
            tracing::error!(index, "no node that can be reached has all of this entry");
        }
        if is_planted(Bug::MendedNotKept) {
            return;
        }
        if append_kept(&self.wal, self.group, vec![(index, parts)]).await {
            tracing::warn!(index, "mended from a peer");
        }
    }
}

/// Makes parts of entries durable anew; `false` if the log has failed.
pub(crate) async fn append_kept(wal: &Wal, group: GroupId, kept: Vec<(u64, Vec<Part>)>) -> bool {
    let records = kept.into_iter().map(|(index, parts)| Record::Kept {
        group,
        index,
        parts,
    });
    let (done, durable) = oneshot::channel();
    wal.append(
        records.collect(),
        Box::new(move |result| {
            // Who waited may be gone.
            let _ = done.send(result.is_ok());
        }),
    );
    durable.await.unwrap_or(false)
}
