//! Puts many clients' requests into one Raft entry: whatever waits when the last entries are on
//! their way goes into the next one.

use std::sync::Arc;

use openraft::error::ClientWriteError;
use openraft::impls::ProgressResponder;
use tokio::sync::{Semaphore, mpsc, oneshot};
use zonemq_planted::{Bug, is_planted};
use zonemq_queue::command::{Batch, Command, Reply, Request};
use zonemq_queue::message::ContentPlace;
use zonemq_queue::time::Millis;
use zonemq_world::{Chance, Clock, World};

use crate::entry;
use crate::state_machine::{self, Applied};
use crate::types::{NodeId, Raft};

/// Requests that wait to be put into an entry; more of them are held back at the edge.
const WAITING_REQUESTS: usize = 8192;
/// The most requests in one entry.
const BATCH_REQUESTS: usize = 1024;
/// An entry takes no further request once it is as large as this.
const BATCH_BYTES: usize = 1 << 20;
/// Entries that are on their way to a majority at one time. More of them make smaller entries and
/// more work for each request; fewer leave the disks idle.
const ENTRIES_IN_FLIGHT: usize = 4;

/// Why a proposal got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This node does not lead; the request was not proposed.
    #[error("this node does not lead the group")]
    NotLeader {
        /// Who does, as far as this node knows.
        leader: Option<NodeId>,
    },
    /// The leader changed on the way: the request may take effect or not. A retry with the same
    /// request id is safe.
    #[error("the leader changed before the request was committed")]
    Unknown,
    /// This node is stopping.
    #[error("this node is stopping")]
    Stopped,
    /// The request took effect, but what it asked for cannot be read: the content of a message is
    /// damaged here, and no other node that has it could be reached. It will be visible again.
    #[error("the content of a message is damaged, and no other node could be asked for it")]
    Unreadable,
}

type ReplySender = oneshot::Sender<Result<Reply<ContentPlace>, ProposeError>>;
/// A request that waits to be put into an entry.
type Waiting = (Box<Request>, ReplySender);

/// Takes requests for one group.
#[derive(Clone, Debug)]
pub(crate) struct Proposer {
    waiting: mpsc::Sender<Waiting>,
}

impl Proposer {
    pub(crate) fn start<W: World>(world: &W, raft: Raft, applied: Applied) -> Proposer {
        let (waiting, requests) = mpsc::channel(WAITING_REQUESTS);
        tokio::spawn(run(world.clone(), raft, applied, requests));
        Proposer { waiting }
    }

    /// Resolves when the request is durable on a majority and applied here, or cannot be.
    pub(crate) async fn propose(
        &self,
        request: Box<Request>,
    ) -> Result<Reply<ContentPlace>, ProposeError> {
        let (reply, replied) = oneshot::channel();
        self.waiting
            .send((request, reply))
            .await
            .map_err(|_| ProposeError::Stopped)?;
        replied.await.map_err(|_| ProposeError::Unknown)?
    }
}

async fn run<W: World>(
    world: W,
    raft: Raft,
    applied: Applied,
    mut requests: mpsc::Receiver<Waiting>,
) {
    let in_flight = Arc::new(Semaphore::new(ENTRIES_IN_FLIGHT));
    while let Some(first) = requests.recv().await {
        // Never closed.
        let Ok(permit) = in_flight.clone().acquire_owned().await else {
            return;
        };
        let (batch, mut replies) = gather(&world, first, &mut requests);
        let guessed = is_planted(Bug::AnsweredBeforeCommitted).then(|| batch.clone());
        let payload = entry::encode_batch(batch);
        if let Some(batch) = guessed
            && let Ok((_, contents)) = entry::decode_batch(&payload, 0)
        {
            let mut guess = state_machine::read(&applied, Clone::clone);
            let told = guess.apply(&batch, &contents).replies;
            distribute(Ok(told), std::mem::take(&mut replies));
        }
        let (responder, done) = ProgressResponder::complete_only();
        // Handing over in this task keeps the entries in order.
        let handed_over = raft.client_write_ff(payload, Some(responder)).await;
        tokio::spawn(async move {
            let _permit = permit;
            let result = match handed_over {
                Err(_) => Err(ProposeError::Stopped),
                Ok(()) => match done.await {
                    Ok(Ok(response)) => Ok(response.data),
                    Ok(Err(ClientWriteError::ForwardToLeader(forward))) => {
                        Err(ProposeError::NotLeader {
                            leader: forward.leader_id,
                        })
                    }
                    Ok(Err(_)) | Err(_) => Err(ProposeError::Unknown),
                },
            };
            distribute(result, replies);
        });
    }
}

/// The first request and all others that wait, up to the limits of an entry.
fn gather<W: World>(
    world: &W,
    first: Waiting,
    requests: &mut mpsc::Receiver<Waiting>,
) -> (Batch, Vec<ReplySender>) {
    let mut bytes = 0;
    let mut batch = Batch {
        stamp: Millis(world.clock().now_millis()),
        nonce: world.chance().next_u128(),
        requests: Vec::new(),
    };
    let mut replies = Vec::new();
    let mut next = Some(first);
    while let Some((request, reply)) = next {
        bytes += weight(&request);
        batch.requests.push(*request);
        replies.push(reply);
        let full = bytes >= BATCH_BYTES || replies.len() >= BATCH_REQUESTS;
        next = if full { None } else { requests.try_recv().ok() };
    }
    (batch, replies)
}

/// About the bytes that a request adds to an entry.
fn weight(request: &Request) -> usize {
    match &request.command {
        Command::SendMessages { messages, .. } => {
            let sizes = messages.iter().map(|message| message.content.size_bytes());
            sizes.sum()
        }
        _ => 64,
    }
}

fn distribute(result: Result<Vec<Reply<ContentPlace>>, ProposeError>, waiting: Vec<ReplySender>) {
    // Callers that went away are not told.
    match result {
        Ok(replies) => {
            assert!(
                replies.len() == waiting.len() || is_planted(Bug::AnsweredBeforeCommitted),
                "one reply for each request"
            );
            for (reply, sender) in replies.into_iter().zip(waiting) {
                let _ = sender.send(Ok(reply));
            }
        }
        Err(error) => {
            for sender in waiting {
                let _ = sender.send(Err(error));
            }
        }
    }
}
