//! openraft's network on our links: votes and heartbeats on a lane of their own, appends as one
//! ordered, pipelined exchange.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use openraft::error::{ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesResponse, SnapshotResponse, StreamAppendError, TransferLeaderRequest,
    TransferLeaderResponse,
};
use openraft::{EmptyNode, OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout, timeout_at};
use zonemq_wal::GroupId;

use crate::acknowledged::Acknowledged;
use crate::append;
use crate::checkpoint::Checkpoint;
use crate::codec;
use crate::link::{ExchangeError, ExchangeReceiver, Peers};
use crate::log_store::LogStore;
use crate::snapshot_stream;
use crate::talk;
use crate::types::{
    AppendRequest, NodeId, RpcError, Snapshot, StreamAppendResult, TypeConfig, Vote, VoteRequest,
    VoteResponse,
};
use crate::wire::Service;

/// Makes openraft's clients of the peers of one group.
pub(crate) struct PeerNetwork {
    pub(crate) peers: Peers,
    pub(crate) group: GroupId,
    pub(crate) log: LogStore,
    pub(crate) acknowledged: Acknowledged,
}

impl RaftNetworkFactory<TypeConfig> for PeerNetwork {
    type Network = PeerClient;

    async fn new_client(&mut self, target: NodeId, _node: &EmptyNode) -> PeerClient {
        PeerClient {
            peers: self.peers.clone(),
            group: self.group,
            log: self.log.clone(),
            acknowledged: self.acknowledged.clone(),
            target,
            appends: Service::Append,
        }
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, node: &EmptyNode) -> PeerClient {
        PeerClient {
            appends: Service::Heartbeat,
            ..self.new_client(target, node).await
        }
    }
}

/// One group's client of one peer.
pub(crate) struct PeerClient {
    peers: Peers,
    group: GroupId,
    /// The contents of the messages in a snapshot.
    log: LogStore,
    acknowledged: Acknowledged,
    target: NodeId,
    /// What its appends travel as: a heartbeat is an append without entries.
    appends: Service,
}

fn unreachable(error: &(impl std::error::Error + 'static)) -> Unreachable<TypeConfig> {
    Unreachable::new(error)
}

fn failed(error: &ExchangeError) -> RpcError {
    RpcError::Unreachable(unreachable(error))
}

impl PeerClient {
    async fn call<Q: Serialize, R: DeserializeOwned>(
        &self,
        service: Service,
        request: &Q,
        option: &RPCOption,
    ) -> Result<R, RpcError> {
        self.ask(service, codec::encode(request).into(), option)
            .await
    }

    async fn ask<R: DeserializeOwned>(
        &self,
        service: Service,
        message: Bytes,
        option: &RPCOption,
    ) -> Result<R, RpcError> {
        let call = self.peers.call(self.target, service, self.group, message);
        let reply = match timeout(option.hard_ttl(), call).await {
            Ok(reply) => reply.map_err(|error| failed(&error))?,
            Err(elapsed) => return Err(RpcError::Unreachable(unreachable(&elapsed))),
        };
        codec::decode(&reply).map_err(|error| RpcError::Unreachable(unreachable(&error)))
    }
}

impl RaftNetworkV2<TypeConfig> for PeerClient {
    type SnapshotData = Checkpoint;

    async fn append_entries(
        &mut self,
        request: AppendRequest,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        talk::about_append(self.target, &request);
        let message = append::encode(request).concat().into();
        let result: StreamAppendResult = self.ask(self.appends, message, &option).await?;
        Ok(match result {
            Ok(matching) => AppendEntriesResponse::PartialSuccess(matching),
            Err(StreamAppendError::Conflict(_)) => AppendEntriesResponse::Conflict,
            Err(StreamAppendError::HigherVote(vote)) => AppendEntriesResponse::HigherVote(vote),
        })
    }

    fn stream_append<S>(
        &mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'_, Result<BoxStream<'_, Result<StreamAppendResult, RpcError>>, RpcError>>
    where
        S: Stream<Item = AppendRequest> + OptionalSend + Unpin + 'static,
    {
        // openraft's own stream must not be asked again after its end.
        let mut input = input.fuse();
        async move {
            // openraft backs off inside its request stream: take the first request before
            // anything that can fail fast.
            let Some(first) = input.next().await else {
                return Ok(stream::empty().boxed());
            };
            let (sender, receiver) = self
                .peers
                .open(self.target, self.appends, self.group)
                .map_err(|error| failed(&error))?;
            let target = self.target;
            let requests = async move {
                talk::about_append(target, &first);
                sender.send_parts(append::encode(first)).await?;
                while let Some(request) = next_worth_sending(&mut input).await {
                    talk::about_append(target, &request);
                    sender.send_parts(append::encode(request)).await?;
                }
                sender.end().await
            };
            let appending = Appending {
                requests: Some(requests.boxed()),
                receiver,
                target,
                acknowledged: self.acknowledged.clone(),
            };
            Ok(stream::unfold(Some(appending), Appending::next).boxed())
        }
        .boxed()
    }

    async fn vote(
        &mut self,
        request: VoteRequest,
        option: RPCOption,
    ) -> Result<VoteResponse, RpcError> {
        talk::about_vote(self.target, &request);
        self.call(Service::Vote, &request, &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest,
        option: RPCOption,
    ) -> Result<VoteResponse, RpcError> {
        talk::about_vote(self.target, &request);
        self.call(Service::PreVote, &request, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let sent = snapshot_stream::send(
            &self.peers,
            self.target,
            self.group,
            &self.log,
            vote,
            snapshot,
        );
        tokio::select! {
            sent = sent => sent.map_err(|error| StreamingError::Unreachable(unreachable(&error))),
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        self.call(Service::TransferLeader, &request, &option).await
    }
}

/// How long a follower may not know that what it has is committed: it applies it later, and nobody
/// waits for that.
const COMMIT_PAUSE: Duration = Duration::from_millis(10);

/// The next append. One without entries only tells what is committed, which the next one with
/// entries tells as well: so it waits a moment for that one, and is not sent if it comes. Replies
/// tell how far all goes that was sent: one less is not missed.
async fn next_worth_sending(
    requests: &mut (impl Stream<Item = AppendRequest> + Unpin),
) -> Option<AppendRequest> {
    let mut latest = requests.next().await?;
    let until = Instant::now() + COMMIT_PAUSE;
    while latest.entries.is_empty() {
        match timeout_at(until, requests.next()).await {
            Ok(Some(later)) => latest = later,
            // The next call learns of the end once more.
            Ok(None) | Err(_) => break,
        }
    }
    Some(latest)
}

/// A running append exchange: sends what openraft hands over while it waits for the replies.
struct Appending<'s> {
    requests: Option<BoxFuture<'s, Result<(), ExchangeError>>>,
    receiver: ExchangeReceiver,
    target: NodeId,
    acknowledged: Acknowledged,
}

type Step<'s> = (Result<StreamAppendResult, RpcError>, Option<Appending<'s>>);

impl<'s> Appending<'s> {
    /// The next reply. Nothing follows an error.
    async fn next(appending: Option<Appending<'s>>) -> Option<Step<'s>> {
        let mut this = appending?;
        loop {
            let sending = async {
                match this.requests.as_mut() {
                    Some(requests) => Pin::new(requests).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                sent = sending => match sent {
                    Ok(()) => this.requests = None,
                    Err(error) => return Some((Err(failed(&error)), None)),
                },
                reply = this.receiver.next() => return match reply {
                    Ok(None) => None,
                    Ok(Some(reply)) => match codec::decode(&reply) {
                        Ok(result) => {
                            if let Ok(Some(last)) = result {
                                this.acknowledged.note(this.target, last);
                            }
                            Some((Ok(result), Some(this)))
                        }
                        Err(error) => Some((Err(RpcError::Unreachable(unreachable(&error))), None)),
                    },
                    Err(error) => Some((Err(failed(&error)), None)),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use openraft::EntryPayload;
    use tokio::sync::mpsc;

    use super::*;
    use crate::types::{LogEntry, LogId};

    fn append(entries: &[u64], committed: u64) -> AppendRequest {
        let entry = |index: &u64| LogEntry {
            log_id: LogId::new_term_index(1, *index),
            payload: EntryPayload::Blank,
        };
        AppendRequest {
            vote: Vote::new_committed(1, 1),
            prev_log_id: None,
            entries: entries.iter().map(entry).collect(),
            leader_commit: Some(LogId::new_term_index(1, committed)),
        }
    }

    fn requests() -> (
        mpsc::UnboundedSender<AppendRequest>,
        impl Stream<Item = AppendRequest> + Unpin,
    ) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let stream = stream::poll_fn(move |context| receiver.poll_recv(context));
        (sender, stream)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_committed_is_told_with_the_next_entries() {
        let (sender, mut stream) = requests();
        for request in [append(&[], 7), append(&[], 8), append(&[9, 10], 8)] {
            sender.send(request).unwrap();
        }
        let began = Instant::now();
        let sent = next_worth_sending(&mut stream).await.unwrap();
        assert_eq!((sent.entries.len(), began.elapsed()), (2, Duration::ZERO));
        sender.send(append(&[11], 10)).unwrap();
        let sent = next_worth_sending(&mut stream).await.unwrap();
        assert_eq!((sent.entries.len(), began.elapsed()), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_committed_is_told_soon_where_no_entries_follow() {
        let (sender, mut stream) = requests();
        let began = Instant::now();
        sender.send(append(&[], 7)).unwrap();
        sender.send(append(&[], 8)).unwrap();
        let sent = next_worth_sending(&mut stream).await.unwrap();
        assert_eq!(sent.leader_commit.unwrap().index, 8);
        assert_eq!(began.elapsed(), COMMIT_PAUSE);
        sender.send(append(&[], 9)).unwrap();
        drop(sender);
        let sent = next_worth_sending(&mut stream).await.unwrap();
        assert_eq!(sent.leader_commit.unwrap().index, 9);
        assert!(next_worth_sending(&mut stream).await.is_none());
    }
}
