//! What the peers can ask of a group, each service by its name: calls have one answer, and exchanges
//! go on for as long as there is something to say.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use crate::abstention::Abstention;
use crate::acknowledged::Acknowledged;
use crate::append;
use crate::codec;
use crate::comparison::{HashReply, HashRequest, Hashes};
use crate::entry;
use crate::log_store::LogStore;
use crate::mending::{ContentsReply, ContentsRequest};
use crate::snapshot_fetch::FetchRequest;
use crate::snapshot_stream::{Arrivals, Parts, SnapshotHeader};
use crate::state_machine::{self, Applied};
use crate::talk::{self, Step};
use crate::types::{AppendRequest, NodeId, Raft, Snapshot};
use crate::wire::{Content, Frame, Service};

/// What peers can ask of a group.
#[derive(Clone, Debug)]
pub(crate) struct ServedGroup {
    pub(crate) raft: Raft,
    pub(crate) log: LogStore,
    pub(crate) applied: Applied,
    pub(crate) arrivals: Arc<Arrivals>,
    pub(crate) abstention: Abstention,
    pub(crate) hashes: Hashes,
    pub(crate) acknowledged: Acknowledged,
}

/// Why an exchange was broken off, for the peer's log.
pub(crate) type Refusal = String;

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refusal(error: impl ToString) -> Refusal {
    error.to_string()
}

impl ServedGroup {
    /// Answers a call of a peer.
    pub(crate) async fn answer(
        &self,
        peer: NodeId,
        service: Service,
        message: Bytes,
    ) -> Result<Bytes, Refusal> {
        let raft = &self.raft;
        let reply = match service {
            Service::PreVote | Service::Vote | Service::TransferLeader
                if !self.abstention.votes().await =>
            {
                let reason = "this node lost a part of its log and does not vote";
                return Err(refusal(reason));
            }
            Service::PreVote => {
                let request = codec::decode(&message).map_err(refusal)?;
                codec::encode(&raft.pre_vote(request).await.map_err(refusal)?)
            }
            Service::Vote => {
                let request = codec::decode(&message).map_err(refusal)?;
                codec::encode(&raft.vote(request).await.map_err(refusal)?)
            }
            Service::TransferLeader => {
                let request = codec::decode(&message).map_err(refusal)?;
                let handled = raft.handle_transfer_leader(request).await;
                codec::encode(&handled.map_err(refusal)?)
            }
            Service::Heartbeat | Service::Append => {
                let request = append::decode(&message).map_err(refusal)?;
                let mut results = pin!(raft.stream_append(stream::iter([request])));
                let result = results.next().await;
                let result = result.ok_or_else(|| refusal("this node is stopping"))?;
                codec::encode(&result.map_err(refusal)?)
            }
            Service::Contents => {
                let places: ContentsRequest = codec::decode(&message).map_err(refusal)?;
                codec::encode(&self.contents(&places).await)
            }
            Service::Acknowledged => codec::encode(&self.acknowledged.of(peer)),
            Service::StateHash => {
                let HashRequest { index } = codec::decode(&message).map_err(refusal)?;
                let hash = self.hashes.get(index);
                codec::encode(&HashReply { hash })
            }
            Service::Snapshot | Service::FetchSnapshot | Service::Forward | Service::Look => {
                return Err(refusal("not a call to a group"));
            }
        };
        Ok(reply.into())
    }

    /// The contents that are damaged at a peer, as far as they are whole here.
    async fn contents(&self, places: &ContentsRequest) -> ContentsReply {
        let contents = self.log.contents(places).await;
        let is_whole = |bytes: &Bytes| entry::is_content(bytes);
        contents
            .into_iter()
            .map(|read| read.ok().filter(is_whole))
            .collect()
    }

    /// Serves an exchange to its end.
    pub(crate) async fn serve(&self, mut conversation: Conversation) {
        let result = match conversation.asker.service {
            Service::Heartbeat | Service::Append => self.serve_append(&mut conversation).await,
            Service::Snapshot => self.serve_snapshot(&mut conversation).await,
            Service::FetchSnapshot => self.serve_fetch(&mut conversation).await,
            Service::PreVote
            | Service::Vote
            | Service::TransferLeader
            | Service::Contents
            | Service::Acknowledged
            | Service::StateHash
            | Service::Forward
            | Service::Look => Err(refusal("not an exchange, but a call")),
        };
        match result {
            Ok(()) => conversation.asker.say(Content::End).await,
            Err(reason) => conversation.asker.refuse(reason).await,
        }
    }

    async fn serve_append(&self, conversation: &mut Conversation) -> Result<(), Refusal> {
        let (_, closed) = mpsc::channel(1);
        let incoming = std::mem::replace(&mut conversation.incoming, closed);
        let mut results = pin!(self.raft.stream_append(decoded(incoming)));
        while let Some(result) = results.next().await {
            let result = result.map_err(refusal)?;
            conversation.asker.reply(codec::encode(&result)).await;
        }
        Ok(())
    }

    async fn serve_snapshot(&self, conversation: &mut Conversation) -> Result<(), Refusal> {
        let header = first_message(conversation).await?;
        let SnapshotHeader { vote, announced } = codec::decode(&header).map_err(refusal)?;
        // What is applied is the same on all nodes, and so is what it refers to.
        let contents_through = state_machine::applied_index(&self.applied);
        let meta = announced.meta.clone();
        let arrival = self.arrivals.begin(announced, contents_through).await;
        let mut arrival = arrival.map_err(refusal)?;
        conversation
            .asker
            .reply(codec::encode(&arrival.resume))
            .await;
        while let Some(part) = conversation.incoming.recv().await {
            arrival.take(&part).await.map_err(refusal)?;
        }
        let snapshot = Snapshot {
            meta,
            snapshot: arrival.finish().await.map_err(refusal)?,
        };
        let installed = self.raft.install_full_snapshot(vote, snapshot).await;
        let response = installed.map_err(refusal)?;
        conversation.asker.reply(codec::encode(&response)).await;
        Ok(())
    }

    /// Gives a peer the latest snapshot of this node. If it is too old, a newer one is begun, and the
    /// peer comes again.
    async fn serve_fetch(&self, conversation: &mut Conversation) -> Result<(), Refusal> {
        let request = first_message(conversation).await?;
        let request: FetchRequest = codec::decode(&request).map_err(refusal)?;
        let latest = self.raft.get_snapshot().await.map_err(refusal)?;
        let index = |snapshot: &Snapshot| snapshot.meta.last_log_id.map(|last| last.index);
        let Some(snapshot) = latest.filter(|latest| index(latest) >= request.at_least) else {
            let begun = self.raft.trigger().snapshot().await;
            begun.map_err(refusal)?;
            return Err(refusal("a snapshot that is new enough is being made"));
        };
        let checkpoint = snapshot.snapshot;
        conversation
            .asker
            .reply(codec::encode(&checkpoint.announced))
            .await;
        let resume = first_message(conversation).await?;
        let resume = codec::decode(&resume).map_err(refusal)?;
        let mut parts = Parts::new(checkpoint, self.log.clone(), resume);
        while let Some(part) = parts.next().await.map_err(refusal)? {
            conversation.asker.reply(part).await;
        }
        Ok(())
    }
}

/// Ends at the first message that cannot be decoded: the peer sees that its request got no answer.
fn decoded(incoming: mpsc::Receiver<Bytes>) -> impl Stream<Item = AppendRequest> + Send + 'static {
    stream::unfold(incoming, |mut incoming| async move {
        let message = incoming.recv().await?;
        match append::decode(&message) {
            Ok(request) => Some((request, incoming)),
            Err(error) => {
                tracing::error!(%error, "a peer sent an append that cannot be decoded");
                None
            }
        }
    })
}

async fn first_message(conversation: &mut Conversation) -> Result<Bytes, Refusal> {
    conversation
        .incoming
        .recv()
        .await
        .ok_or_else(|| refusal("the exchange ended before its first message"))
}

/// The peer in one exchange, as this side speaks to it. A lost connection is no error here: it ends
/// whatever is served soon after.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) node: NodeId,
    pub(crate) service: Service,
    pub(crate) exchange: u64,
    pub(crate) frames: mpsc::Sender<Frame>,
}

impl Asker {
    fn frame(&self, content: Content) -> Frame {
        Frame {
            exchange: self.exchange,
            content,
        }
    }

    async fn say(&self, content: Content) {
        let _ = self.frames.send(self.frame(content)).await;
    }

    /// A message, and there may be more.
    async fn reply(&self, message: impl Into<Bytes>) {
        talk::note(Step::Answer, self.node, self.service, self.exchange);
        self.say(Content::Message(message.into())).await;
    }

    /// The one answer to a call.
    pub(crate) async fn answer(&self, answer: Result<Bytes, Refusal>) {
        match answer {
            Ok(message) => {
                talk::note(Step::Answer, self.node, self.service, self.exchange);
                self.say(Content::Answer(message)).await;
            }
            Err(reason) => self.refuse(reason).await,
        }
    }

    pub(crate) async fn refuse(&self, reason: Refusal) {
        self.say(Content::Reset(reason.into())).await;
    }

    /// The same where nobody can wait: if the queue is full the connection is lost, or the peer's
    /// patience will be.
    pub(crate) fn refuse_at_once(&self, reason: Refusal) {
        let _ = self
            .frames
            .try_send(self.frame(Content::Reset(reason.into())));
    }
}

/// The served side of an exchange of any number of messages.
pub(crate) struct Conversation {
    pub(crate) asker: Asker,
    pub(crate) incoming: mpsc::Receiver<Bytes>,
}
