//! The other side of the links: takes connections of peers and serves what they ask.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use zonemq_wal::GroupId;
use zonemq_world::{Listener, Network, World};

use crate::abstention::Abstention;
use crate::acknowledged::Acknowledged;
use crate::append;
use crate::codec;
use crate::comparison::{HashReply, HashRequest, Hashes};
use crate::entry;
use crate::group::Group;
use crate::log_store::LogStore;
use crate::mending::{ContentsReply, ContentsRequest};
use crate::snapshot_fetch::FetchRequest;
use crate::snapshot_stream::{Arrivals, Parts, SnapshotHeader};
use crate::state_machine::{self, Applied};
use crate::talk::{self, Step};
use crate::types::{AppendRequest, NodeId, Raft, Snapshot};
use crate::wire::{Content, Frame, Hello, Service};

const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Peers ping while they wait for something. A connection that is silent for so long is of no use
/// to anybody, and may be one whose other end is long gone.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
/// Messages of one exchange that wait to be worked on; more of them hold the connection back.
const WAITING_MESSAGES: usize = 16;
const WAITING_FRAMES: usize = 1024;
const WRITE_BYTES: usize = 256 << 10;
const MAX_CONNECTIONS: usize = 1024;

/// A request that another node passed on: a client's, because it takes this node for the leader,
/// or a look at what this node shows of itself.
#[derive(Debug)]
pub struct Forwarded {
    /// The group that it is for.
    pub group: GroupId,
    /// As given to [`crate::Peers::forward`] or [`crate::Peers::look`].
    pub request: Bytes,
    /// Takes the reply. Closed when the other node has stopped waiting.
    pub reply: oneshot::Sender<Bytes>,
}

/// Serves the peers of this node. Stops when dropped.
#[derive(Debug)]
pub struct PeerServer {
    _tasks: JoinSet<()>,
}

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

struct Served {
    cluster: String,
    me: NodeId,
    groups: BTreeMap<GroupId, ServedGroup>,
    forwarded: mpsc::Sender<Forwarded>,
    looks: mpsc::Sender<Forwarded>,
}

impl PeerServer {
    /// Serves `groups` on `listener`; what is forwarded goes to `forwarded`, looks to `looks`.
    pub fn start<W: World>(
        listener: <W::Network as Network>::Listener,
        cluster: &str,
        me: NodeId,
        groups: &[&Group],
        forwarded: mpsc::Sender<Forwarded>,
        looks: mpsc::Sender<Forwarded>,
    ) -> PeerServer {
        let served = Arc::new(Served {
            cluster: cluster.to_owned(),
            me,
            groups: groups
                .iter()
                .map(|group| (group.id(), group.served()))
                .collect(),
            forwarded,
            looks,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, served));
        PeerServer { _tasks: tasks }
    }
}

async fn accept<L>(listener: L, served: Arc<Served>)
where
    L: Listener,
    L::Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, address)) => {
                    let served = served.clone();
                    connections.spawn(async move {
                        if let Err(error) = serve_connection(stream, &served).await {
                            tracing::debug!(%address, %error, "a connection of a peer ended");
                        }
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: the next accept would fail at once.
                    tracing::warn!(%error, "cannot accept a connection of a peer");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection<S>(stream: S, served: &Arc<Served>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut reader = BufReader::with_capacity(WRITE_BYTES, reader);
    let first = timeout(HELLO_TIMEOUT, Frame::read_from(&mut reader)).await??;
    let Content::Hello(hello) = first.content else {
        return Err(io::Error::other("the first frame is not a hello"));
    };
    let hello: Hello = codec::decode(&hello).map_err(io::Error::other)?;
    if let Some(reason) = hello.refusal(&served.cluster, served.me) {
        tracing::warn!(%reason, "refused a connection of a peer");
        return Err(io::Error::other(reason));
    }
    let (frames, waiting) = mpsc::channel(WAITING_FRAMES);
    tokio::select! {
        result = read(reader, hello.from, frames, served) => result,
        result = write(writer, waiting) => result,
    }
}

/// Starts and feeds the exchanges of a connection. They end with it: the set aborts them.
async fn read(
    mut reader: impl AsyncRead + Unpin,
    peer: NodeId,
    frames: mpsc::Sender<Frame>,
    served: &Arc<Served>,
) -> io::Result<()> {
    let mut running = JoinSet::new();
    let mut exchanges: HashMap<u64, (Service, mpsc::Sender<Bytes>, AbortHandle)> = HashMap::new();
    loop {
        while let Some(finished) = running.try_join_next() {
            if let Ok(exchange) = finished {
                exchanges.remove(&exchange);
            }
        }
        let Frame { exchange, content } =
            timeout(SILENCE_LIMIT, Frame::read_from(&mut reader)).await??;
        match content {
            Content::Open(service, group) => {
                let (messages, incoming) = mpsc::channel(WAITING_MESSAGES);
                let conversation = Conversation {
                    peer,
                    service,
                    exchange,
                    incoming,
                    frames: frames.clone(),
                };
                let served = served.clone();
                let task = running.spawn(async move {
                    serve_exchange(group, conversation, &served).await;
                    exchange
                });
                exchanges.insert(exchange, (service, messages, task));
            }
            Content::Message(message) => {
                if let Some((service, messages, _)) = exchanges.get(&exchange) {
                    talk::note(Step::Asked, peer, *service, exchange);
                    // An exchange that has already ended on our side takes no more.
                    let _ = messages.send(message).await;
                }
            }
            Content::End => {
                // Closes the channel, which is how the exchange sees the end.
                if let Some((_, messages, _)) = exchanges.get_mut(&exchange) {
                    *messages = mpsc::channel(1).0;
                }
            }
            Content::Reset(_) => {
                if let Some((_, _, task)) = exchanges.remove(&exchange) {
                    task.abort();
                }
            }
            Content::Ping => {
                let pong = Frame {
                    exchange,
                    content: Content::Pong,
                };
                if frames.send(pong).await.is_err() {
                    return Ok(());
                }
            }
            Content::Hello(_) | Content::Parts(_) | Content::Pong => {
                return Err(io::Error::other("a frame out of turn"));
            }
        }
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut waiting: mpsc::Receiver<Frame>,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    while let Some(frame) = waiting.recv().await {
        frame.write_to(&mut buffer);
        while buffer.len() < WRITE_BYTES {
            let Ok(frame) = waiting.try_recv() else { break };
            frame.write_to(&mut buffer);
        }
        writer.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}

/// The served side of one exchange.
struct Conversation {
    peer: NodeId,
    service: Service,
    exchange: u64,
    incoming: mpsc::Receiver<Bytes>,
    frames: mpsc::Sender<Frame>,
}

impl Conversation {
    async fn say(&self, content: Content) {
        let exchange = self.exchange;
        // A lost connection ends the whole task soon after.
        let _ = self.frames.send(Frame { exchange, content }).await;
    }

    async fn reply(&self, message: impl Into<Bytes>) {
        talk::note(Step::Answer, self.peer, self.service, self.exchange);
        self.say(Content::Message(message.into())).await;
    }

    async fn refuse(&self, reason: impl ToString) {
        self.say(Content::Reset(reason.to_string().into())).await;
    }
}

async fn serve_exchange(group: GroupId, mut conversation: Conversation, served: &Served) {
    let service = conversation.service;
    let Some(in_group) = served.groups.get(&group) else {
        return conversation
            .refuse(format!("there is no group {} here", group.0))
            .await;
    };
    let raft = &in_group.raft;
    let result = match service {
        Service::PreVote | Service::Vote | Service::TransferLeader => {
            if in_group.abstention.votes().await {
                serve_call(service, raft, &mut conversation).await
            } else {
                Err(refusal(
                    "this node lost a part of its log and does not vote",
                ))
            }
        }
        Service::Heartbeat | Service::Append => serve_append(raft, &mut conversation).await,
        Service::Snapshot => serve_snapshot(in_group, &mut conversation).await,
        Service::FetchSnapshot => serve_fetch(in_group, &mut conversation).await,
        Service::Contents => serve_contents(in_group, &mut conversation).await,
        Service::Acknowledged => {
            let known = in_group.acknowledged.of(conversation.peer);
            conversation.reply(codec::encode(&known)).await;
            Ok(())
        }
        Service::StateHash => serve_state_hash(in_group, &mut conversation).await,
        Service::Forward => pass_on(group, &served.forwarded, &mut conversation).await,
        Service::Look => pass_on(group, &served.looks, &mut conversation).await,
    };
    match result {
        Ok(()) => conversation.say(Content::End).await,
        Err(reason) => conversation.refuse(reason).await,
    }
}

/// Why an exchange was broken off, for the peer's log.
type Refusal = String;

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refusal(error: impl ToString) -> Refusal {
    error.to_string()
}

async fn first_message(conversation: &mut Conversation) -> Result<Bytes, Refusal> {
    conversation
        .incoming
        .recv()
        .await
        .ok_or_else(|| refusal("the exchange ended before its first message"))
}

async fn serve_call(
    service: Service,
    raft: &Raft,
    conversation: &mut Conversation,
) -> Result<(), Refusal> {
    let message = first_message(conversation).await?;
    let reply = match service {
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
            codec::encode(
                &raft
                    .handle_transfer_leader(request)
                    .await
                    .map_err(refusal)?,
            )
        }
        Service::Heartbeat
        | Service::Append
        | Service::Snapshot
        | Service::Forward
        | Service::FetchSnapshot
        | Service::Contents
        | Service::Acknowledged
        | Service::StateHash
        | Service::Look => {
            return Err(refusal("not a call"));
        }
    };
    conversation.reply(reply).await;
    Ok(())
}

async fn serve_append(raft: &Raft, conversation: &mut Conversation) -> Result<(), Refusal> {
    let (_, closed) = mpsc::channel(1);
    let incoming = std::mem::replace(&mut conversation.incoming, closed);
    let mut results = pin!(raft.stream_append(decoded(incoming)));
    while let Some(result) = results.next().await {
        let result = result.map_err(refusal)?;
        conversation.reply(codec::encode(&result)).await;
    }
    Ok(())
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

async fn serve_snapshot(
    in_group: &ServedGroup,
    conversation: &mut Conversation,
) -> Result<(), Refusal> {
    let header = first_message(conversation).await?;
    let SnapshotHeader { vote, announced } = codec::decode(&header).map_err(refusal)?;
    // What is applied is the same on all nodes, and so is what it refers to.
    let contents_through = state_machine::applied_index(&in_group.applied);
    let meta = announced.meta.clone();
    let arrival = in_group.arrivals.begin(announced, contents_through).await;
    let mut arrival = arrival.map_err(refusal)?;
    conversation.reply(codec::encode(&arrival.resume)).await;
    while let Some(part) = conversation.incoming.recv().await {
        arrival.take(&part).await.map_err(refusal)?;
    }
    let snapshot = Snapshot {
        meta,
        snapshot: arrival.finish().await.map_err(refusal)?,
    };
    let installed = in_group.raft.install_full_snapshot(vote, snapshot).await;
    let response = installed.map_err(refusal)?;
    conversation.reply(codec::encode(&response)).await;
    Ok(())
}

/// Gives a peer the latest snapshot of this node. If it is too old, a newer one is begun, and the
/// peer comes again.
async fn serve_fetch(
    in_group: &ServedGroup,
    conversation: &mut Conversation,
) -> Result<(), Refusal> {
    let request = first_message(conversation).await?;
    let request: FetchRequest = codec::decode(&request).map_err(refusal)?;
    let latest = in_group.raft.get_snapshot().await.map_err(refusal)?;
    let index = |snapshot: &Snapshot| snapshot.meta.last_log_id.map(|last| last.index);
    let Some(snapshot) = latest.filter(|latest| index(latest) >= request.at_least) else {
        let begun = in_group.raft.trigger().snapshot().await;
        begun.map_err(refusal)?;
        return Err(refusal("a snapshot that is new enough is being made"));
    };
    let checkpoint = snapshot.snapshot;
    conversation
        .reply(codec::encode(&checkpoint.announced))
        .await;
    let resume = first_message(conversation).await?;
    let resume = codec::decode(&resume).map_err(refusal)?;
    let mut parts = Parts::new(checkpoint, in_group.log.clone(), resume);
    while let Some(part) = parts.next().await.map_err(refusal)? {
        conversation.reply(part).await;
    }
    Ok(())
}

/// Gives a peer the contents that are damaged there.
async fn serve_contents(
    in_group: &ServedGroup,
    conversation: &mut Conversation,
) -> Result<(), Refusal> {
    let request = first_message(conversation).await?;
    let places: ContentsRequest = codec::decode(&request).map_err(refusal)?;
    let contents = in_group.log.contents(&places).await;
    let is_whole = |bytes: &Bytes| entry::is_content(bytes);
    let reply: ContentsReply = contents
        .into_iter()
        .map(|read| read.ok().filter(is_whole))
        .collect();
    conversation.reply(codec::encode(&reply)).await;
    Ok(())
}

/// Tells a peer the hash of the state here after an entry.
async fn serve_state_hash(
    in_group: &ServedGroup,
    conversation: &mut Conversation,
) -> Result<(), Refusal> {
    let request = first_message(conversation).await?;
    let HashRequest { index } = codec::decode(&request).map_err(refusal)?;
    let hash = in_group.hashes.get(index);
    conversation.reply(codec::encode(&HashReply { hash })).await;
    Ok(())
}

async fn pass_on(
    group: GroupId,
    to: &mpsc::Sender<Forwarded>,
    conversation: &mut Conversation,
) -> Result<(), Refusal> {
    let request = first_message(conversation).await?;
    let (reply, replied) = oneshot::channel();
    let forwarded = Forwarded {
        group,
        request,
        reply,
    };
    to.send(forwarded)
        .await
        .map_err(|_| refusal("this node is shutting down"))?;
    let reply = replied
        .await
        .map_err(|_| refusal("this node is shutting down"))?;
    conversation.reply(reply).await;
    Ok(())
}
