//! Puts many clients' requests into one Raft entry: whatever comes while entries are on their way
//! goes into the next one, and so does whoever asks in the moment in which it sets out.

use openraft::error::ClientWriteError;
use openraft::impls::ProgressResponder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use zonemq_planted::{Bug, is_planted};
use zonemq_queue::command::{Batch, Command, Reply, Request};
use zonemq_queue::message::ContentPlace;
use zonemq_queue::time::Millis;
use zonemq_world::{Chance, Clock, World};

use crate::crowd::{self, Found};
use crate::entry;
use crate::state_machine::{self, Applied};
use crate::types::{NodeId, Raft};

/// Requests that wait to be put into an entry; more of them are held back at the edge.
const WAITING_REQUESTS: usize = 8192;
/// The most requests in one entry.
const BATCH_REQUESTS: usize = 1024;
/// An entry takes no further request once it is as large as this.
const BATCH_BYTES: usize = 1 << 20;
/// Entries that are on their way to a majority at one time.
const ENTRIES_IN_FLIGHT: usize = 2;

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

/// Sends entries on their way, one after the other, until nobody can ask any more.
async fn run<W: World>(
    world: W,
    raft: Raft,
    applied: Applied,
    mut requests: mpsc::Receiver<Waiting>,
) {
    let mut next = Gathered::default();
    let mut on_their_way = OnTheirWay::default();
    loop {
        tokio::select! {
            // What is on its way first: then all that waits goes into one entry.
            biased;
            Some(arrived) = on_their_way.entries.join_next() => match arrived {
                Ok(requests) => on_their_way.requests -= requests,
                Err(broken) => std::panic::resume_unwind(broken.into_panic()),
            },
            Some(request) = requests.recv(), if !next.is_full() => {
                next.add(request);
                next.add_waiting(&mut requests);
            }
            else => break,
        }
        if on_their_way.leave_room_for(&next) {
            crowd::gather(|| next.add_waiting(&mut requests)).await;
            let Gathered {
                requests, replies, ..
            } = std::mem::take(&mut next);
            let batch = Batch {
                stamp: Millis(world.clock().now_millis()),
                nonce: world.chance().next_u128(),
                requests,
            };
            on_their_way.requests += replies.len();
            // Handing over in this task keeps the entries in order.
            let committed = propose(&raft, &applied, batch, replies).await;
            on_their_way.entries.spawn(committed);
        }
    }
}

/// Hands a batch over to Raft as one entry. What is returned answers its requests when it is
/// committed and applied here, or cannot be, and tells how many they were.
async fn propose(
    raft: &Raft,
    applied: &Applied,
    batch: Batch,
    mut replies: Vec<ReplySender>,
) -> impl Future<Output = usize> + Send + use<> {
    let requests = replies.len();
    let guessed = is_planted(Bug::AnsweredBeforeCommitted).then(|| batch.clone());
    let payload = entry::encode_batch(batch);
    if let Some(batch) = guessed
        && let Ok((_, contents)) = entry::decode_batch(&payload, 0)
    {
        let mut guess = state_machine::read(applied, Clone::clone);
        let told = guess.apply(&batch, &contents).replies;
        distribute(Ok(told), std::mem::take(&mut replies));
    }
    let (responder, done) = ProgressResponder::complete_only();
    let handed_over = raft.client_write_ff(payload, Some(responder)).await;
    async move {
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
        requests
    }
}

/// Entries that are handed over and not answered yet.
#[derive(Default)]
struct OnTheirWay {
    /// Each resolves with the number of its requests.
    entries: JoinSet<usize>,
    /// Of all of them.
    requests: usize,
}

impl OnTheirWay {
    /// Whether the next entry sets out now. With others on their way it waits until it is half as
    /// large again as they are: each entry has its price, and many small ones would keep everybody
    /// busy with that. A second one uses the disks while the first is worked on; more of them gain
    /// nothing.
    fn leave_room_for(&self, next: &Gathered) -> bool {
        let is_worth_it = match self.entries.len() {
            0 => true,
            entries => {
                entries < ENTRIES_IN_FLIGHT
                    && (next.is_full() || 2 * next.replies.len() >= 3 * self.requests)
            }
        };
        is_worth_it && !next.replies.is_empty()
    }
}

/// What goes into the next entry.
#[derive(Default)]
struct Gathered {
    requests: Vec<Request>,
    replies: Vec<ReplySender>,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, (request, reply): Waiting) {
        self.bytes += weight(&request);
        self.requests.push(*request);
        self.replies.push(reply);
    }

    /// All that waits, as far as there is room.
    fn add_waiting(&mut self, requests: &mut mpsc::Receiver<Waiting>) -> Found {
        let before = self.replies.len();
        while !self.is_full() {
            match requests.try_recv() {
                Ok(request) => self.add(request),
                Err(_) if self.replies.len() > before => return Found::Somebody,
                Err(_) => return Found::Nobody,
            }
        }
        Found::Full
    }

    fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.replies.len() >= BATCH_REQUESTS
    }
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

#[cfg(test)]
mod tests {
    use zonemq_queue::ids::{RequestId, SessionId};

    use super::*;

    fn gathered(requests: usize) -> Gathered {
        let mut gathered = Gathered::default();
        for sequence in 0..requests {
            let request = Request {
                id: RequestId {
                    session: SessionId(1),
                    sequence: sequence as u64,
                },
                finished_below: 0,
                command: Command::AdvanceClock { millis: 0 },
            };
            gathered.add((Box::new(request), oneshot::channel().0));
        }
        gathered
    }

    fn on_their_way(sizes: &[usize]) -> OnTheirWay {
        let mut on_their_way = OnTheirWay::default();
        for size in sizes {
            on_their_way.entries.spawn(std::future::pending());
            on_their_way.requests += size;
        }
        on_their_way
    }

    #[tokio::test]
    async fn a_second_entry_waits_to_be_half_as_large_again_as_the_first_and_a_third_for_room() {
        assert!(on_their_way(&[]).leave_room_for(&gathered(1)));
        assert!(!on_their_way(&[]).leave_room_for(&gathered(0)));
        assert!(!on_their_way(&[10]).leave_room_for(&gathered(14)));
        assert!(on_their_way(&[10]).leave_room_for(&gathered(15)));
        assert!(!on_their_way(&[10, 10]).leave_room_for(&gathered(30)));
        let full = gathered(BATCH_REQUESTS);
        assert!(on_their_way(&[2 * BATCH_REQUESTS]).leave_room_for(&full));
    }
}
