//! The replicated state: all queues, the clock and the memory of requests.

use serde::{Deserialize, Serialize};

use crate::command::{Applied, Batch};
use crate::ids::QueueKey;
use crate::time::{Millis, Seconds};

/// Everything that one Raft group holds. The same batches in the same order give the same state
/// on every replica.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {}

/// Whether a receive would find something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Something is visible.
    Now,
    /// Something becomes visible at this stamp, unless it is deleted or changed.
    At(Millis),
    /// Nothing is visible, delayed or in flight.
    Empty,
    /// There is no such queue.
    NoQueue,
}

impl State {
    /// Carries out a batch.
    pub fn apply(&mut self, _batch: &Batch) -> Applied {
        todo!()
    }

    /// Whether a receive proposed with this stamp would find something. Reads only.
    pub fn readiness(&self, _queue: &QueueKey, _stamp: Millis) -> Readiness {
        todo!()
    }

    /// The queue's own ReceiveMessageWaitTimeSeconds.
    pub fn receive_wait_time(&self, _queue: &QueueKey) -> Option<Seconds> {
        todo!()
    }

    /// Equal on two replicas exactly if they hold the same (but for a collision).
    pub fn hash(&self) -> u64 {
        todo!()
    }
}
