//! This node's side of its connections to the peers: exchanges over a few connections that are
//! made when they are needed and dropped when they fall silent.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use zonemq_wal::GroupId;
use zonemq_world::{Network, World};

use crate::codec;
use crate::talk::{self, Step};
use crate::types::NodeId;
use crate::wire::{Content, Frame, Hello, Lane, Service};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const PING_INTERVAL: Duration = Duration::from_millis(500);
/// A connection on which nothing answers for so long is given up: over a network that swallows
/// bytes, nothing else would ever end it.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);
const WAITING_FRAMES: usize = 1024;
const WAITING_REPLIES: usize = 64;
/// Frames are gathered up to about this size before they are written.
const WRITE_BYTES: usize = 256 << 10;

/// Why an exchange came to nothing. What was said in it may have had its effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// No such node is known.
    #[error("node {0} is not a member of this cluster")]
    UnknownNode(NodeId),
    /// Too much waits to be sent already.
    #[error("too many requests wait for the connection to node {0}")]
    Busy(NodeId),
    /// There is no connection, or it was lost on the way.
    #[error("the connection to node {0} is lost")]
    Disconnected(NodeId),
    /// The peer broke it off.
    #[error("node {0} refused: {1}")]
    Refused(NodeId, String),
    /// The peer answered something that does not fit.
    #[error("node {0} answered out of turn")]
    OutOfTurn(NodeId),
}

/// The other nodes of the cluster, as this node reaches them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peers {
    links: Arc<BTreeMap<(NodeId, Lane), Link>>,
}

impl Peers {
    /// Prepares links to all `peers`; connections are made when something is to be said.
    pub fn new<W: World>(
        world: &W,
        cluster: &str,
        me: NodeId,
        peers: &BTreeMap<NodeId, SocketAddr>,
    ) -> Peers {
        let mut links = BTreeMap::new();
        for (&node, &address) in peers.iter().filter(|(node, _)| **node != me) {
            for lane in Lane::ALL {
                let hello = Hello::new(cluster, me, node);
                links.insert(
                    (node, lane),
                    Link::start(world.network().clone(), node, address, hello),
                );
            }
        }
        Peers {
            links: Arc::new(links),
        }
    }

    /// Asks the leader to carry out a client's request; resolves with the one reply.
    pub async fn forward(
        &self,
        node: NodeId,
        group: GroupId,
        request: Bytes,
    ) -> Result<Bytes, ExchangeError> {
        self.call(node, Service::Forward, group, request).await
    }

    /// One message there, one message back.
    pub(crate) async fn call(
        &self,
        node: NodeId,
        service: Service,
        group: GroupId,
        message: Bytes,
    ) -> Result<Bytes, ExchangeError> {
        let (sender, mut receiver) = self.open(node, service, group)?;
        sender.send(message).await?;
        sender.end().await?;
        let reply = receiver.next().await?;
        // One message is all there is: the peer need not hear that we stop listening.
        receiver.ended = true;
        reply.ok_or(ExchangeError::OutOfTurn(node))
    }

    /// Begins an exchange.
    pub(crate) fn open(
        &self,
        node: NodeId,
        service: Service,
        group: GroupId,
    ) -> Result<(ExchangeSender, ExchangeReceiver), ExchangeError> {
        self.links
            .get(&(node, service.lane()))
            .ok_or(ExchangeError::UnknownNode(node))?
            .open(service, group)
    }
}

type Replies = mpsc::Sender<Content>;

/// The exchanges that wait for replies on a link, by number.
#[derive(Debug, Default)]
struct OpenExchanges(Mutex<BTreeMap<u64, Replies>>);

impl OpenExchanges {
    // A panic while the lock is held leaves a whole map: each critical section is one operation.
    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Replies>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One lane to one peer. The connection itself belongs to a task.
#[derive(Clone, Debug)]
struct Link {
    node: NodeId,
    frames: mpsc::Sender<Frame>,
    exchanges: Arc<OpenExchanges>,
    next_exchange: Arc<AtomicU64>,
}

impl Link {
    fn start<N: Network>(network: N, node: NodeId, address: SocketAddr, hello: Hello) -> Link {
        let (frames, waiting) = mpsc::channel(WAITING_FRAMES);
        let exchanges = Arc::new(OpenExchanges::default());
        let connection = Connector {
            network,
            address,
            hello,
            exchanges: exchanges.clone(),
        };
        tokio::spawn(connection.run(waiting));
        Link {
            node,
            frames,
            exchanges,
            next_exchange: Arc::new(AtomicU64::new(1)),
        }
    }

    fn open(
        &self,
        service: Service,
        group: GroupId,
    ) -> Result<(ExchangeSender, ExchangeReceiver), ExchangeError> {
        let exchange = self.next_exchange.fetch_add(1, Ordering::Relaxed);
        let (replies, receiver) = mpsc::channel(WAITING_REPLIES);
        self.exchanges.locked().insert(exchange, replies);
        let receiver = ExchangeReceiver {
            service,
            exchange,
            link: self.clone(),
            replies: receiver,
            ended: false,
        };
        let open = Frame {
            exchange,
            content: Content::Open(service, group),
        };
        match self.frames.try_send(open) {
            Ok(()) => Ok((
                ExchangeSender {
                    service,
                    exchange,
                    link: self.clone(),
                },
                receiver,
            )),
            Err(mpsc::error::TrySendError::Full(_)) => Err(ExchangeError::Busy(self.node)),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                Err(ExchangeError::Disconnected(self.node))
            }
        }
    }

    async fn send(&self, exchange: u64, content: Content) -> Result<(), ExchangeError> {
        self.frames
            .send(Frame { exchange, content })
            .await
            .map_err(|_| ExchangeError::Disconnected(self.node))
    }
}

/// This node's half of an exchange.
#[derive(Debug)]
pub(crate) struct ExchangeSender {
    service: Service,
    exchange: u64,
    link: Link,
}

impl ExchangeSender {
    /// Waits for room, not for delivery.
    pub(crate) async fn send(&self, message: Bytes) -> Result<(), ExchangeError> {
        self.say(Content::Message(message)).await
    }

    /// The same for a message in parts, which the peer reads as one.
    pub(crate) async fn send_parts(&self, parts: Vec<Bytes>) -> Result<(), ExchangeError> {
        self.say(Content::Parts(parts)).await
    }

    async fn say(&self, message: Content) -> Result<(), ExchangeError> {
        talk::note(Step::Ask, self.link.node, self.service, self.exchange);
        self.link.send(self.exchange, message).await
    }

    pub(crate) async fn end(&self) -> Result<(), ExchangeError> {
        self.link.send(self.exchange, Content::End).await
    }
}

/// The peer's half of an exchange. Dropping it before its end breaks the exchange off.
#[derive(Debug)]
pub(crate) struct ExchangeReceiver {
    service: Service,
    exchange: u64,
    link: Link,
    replies: mpsc::Receiver<Content>,
    ended: bool,
}

impl ExchangeReceiver {
    /// The next message; `None` after the peer's last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        let node = self.link.node;
        match self.replies.recv().await {
            Some(Content::Message(message)) => {
                talk::note(Step::Answered, node, self.service, self.exchange);
                Ok(Some(message))
            }
            Some(Content::End) => {
                self.ended = true;
                Ok(None)
            }
            Some(Content::Reset(reason)) => {
                self.ended = true;
                let reason = String::from_utf8_lossy(&reason).into_owned();
                Err(ExchangeError::Refused(node, reason))
            }
            Some(
                Content::Hello(_)
                | Content::Open(..)
                | Content::Parts(_)
                | Content::Ping
                | Content::Pong,
            ) => Err(ExchangeError::OutOfTurn(node)),
            None => {
                self.ended = true;
                Err(ExchangeError::Disconnected(node))
            }
        }
    }
}

impl Drop for ExchangeReceiver {
    fn drop(&mut self) {
        self.link.exchanges.locked().remove(&self.exchange);
        if !self.ended {
            // If the queue is full the peer finds out when it answers into nothing.
            let _ = self.link.frames.try_send(Frame {
                exchange: self.exchange,
                content: Content::Reset(Bytes::from_static(b"the caller went away")),
            });
        }
    }
}

/// Since when the peer owes a sign of life. Exchanges that are broken off in the meantime do not
/// end it: short ones, each given up after a moment, would otherwise keep a dumb connection for ever.
#[derive(Debug, Default)]
struct Unanswered(Mutex<Option<Instant>>);

impl Unanswered {
    fn locked(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) {
        self.locked().get_or_insert_with(Instant::now);
    }

    fn heard(&self) {
        *self.locked() = None;
    }

    fn silence(&self) -> Duration {
        self.locked()
            .map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Makes connections for one link and serves them, one after the other.
struct Connector<N> {
    network: N,
    address: SocketAddr,
    hello: Hello,
    exchanges: Arc<OpenExchanges>,
}

impl<N: Network> Connector<N> {
    async fn run(self, mut waiting: mpsc::Receiver<Frame>) {
        while let Some(first) = waiting.recv().await {
            // Only a new exchange is worth a connection: the others died with the last one.
            if !matches!(first.content, Content::Open(..))
                || !self.exchanges.locked().contains_key(&first.exchange)
            {
                continue;
            }
            let result = match timeout(CONNECT_TIMEOUT, self.network.connect(self.address)).await {
                Ok(Ok(stream)) => self.serve(stream, first, &mut waiting).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            if let Err(error) = result {
                tracing::debug!(address = %self.address, %error, "a connection to a peer ended");
            }
            // Drops the senders: every exchange that waits learns that it is disconnected.
            self.exchanges.locked().clear();
        }
    }

    /// Serves one connection until it fails or nobody needs the link any more.
    async fn serve(
        &self,
        stream: N::Stream,
        first: Frame,
        waiting: &mut mpsc::Receiver<Frame>,
    ) -> io::Result<()> {
        let (reader, writer) = tokio::io::split(stream);
        let unanswered = Unanswered::default();
        tokio::select! {
            result = self.read(BufReader::with_capacity(WRITE_BYTES, reader), &unanswered) => result,
            result = self.write(writer, first, waiting, &unanswered) => result,
        }
    }

    async fn read(
        &self,
        mut reader: impl AsyncRead + Unpin,
        unanswered: &Unanswered,
    ) -> io::Result<()> {
        loop {
            let frame = Frame::read_from(&mut reader).await?;
            unanswered.heard();
            if frame.content == Content::Pong {
                continue;
            }
            let replies = self.exchanges.locked().get(&frame.exchange).cloned();
            if let Some(replies) = replies {
                // A caller that went away is no error.
                let _ = replies.send(frame.content).await;
            }
        }
    }

    async fn write(
        &self,
        mut writer: impl AsyncWrite + Unpin,
        first: Frame,
        waiting: &mut mpsc::Receiver<Frame>,
        unanswered: &Unanswered,
    ) -> io::Result<()> {
        let mut buffer = BytesMut::new();
        let hello = Content::Hello(codec::encode(&self.hello).into());
        Frame {
            exchange: 0,
            content: hello,
        }
        .write_to(&mut buffer);
        first.write_to(&mut buffer);
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Whatever else waits goes out in the same write.
            while buffer.len() < WRITE_BYTES {
                let Ok(frame) = waiting.try_recv() else { break };
                self.gather(&frame, &mut buffer);
            }
            if !buffer.is_empty() {
                unanswered.asked();
                writer.write_all(&buffer).await?;
                buffer.clear();
            }
            tokio::select! {
                frame = waiting.recv() => match frame {
                    Some(frame) => self.gather(&frame, &mut buffer),
                    None => return Ok(()),
                },
                _ = pings.tick() => {
                    let silence = unanswered.silence();
                    if silence > SILENCE_LIMIT {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    // What was broken off is not answered: only a ping tells whether anybody is there.
                    if silence.is_zero() && self.exchanges.locked().is_empty() {
                        continue;
                    }
                    Frame { exchange: 0, content: Content::Ping }.write_to(&mut buffer);
                }
            }
        }
    }

    /// Adds a frame to the next write, unless its exchange died with an earlier connection.
    fn gather(&self, frame: &Frame, buffer: &mut BytesMut) {
        let open = self.exchanges.locked().contains_key(&frame.exchange);
        if open || matches!(frame.content, Content::Reset(_)) {
            frame.write_to(buffer);
        }
    }
}

#[cfg(test)]
mod tests;
