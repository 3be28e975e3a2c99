//! This node's side of its connections to the peers: exchanges over a few connections that are
//! made when they are needed and dropped when they fall silent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use zonemq_wal::GroupId;
use zonemq_world::{Network, World};

use crate::connector::Connector;
use crate::talk::{self, Step};
use crate::types::NodeId;
use crate::wire::{Content, Frame, Hello, Lane, Service};

const WAITING_FRAMES: usize = 1024;
const WAITING_REPLIES: usize = 64;

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
        self.link(node, service)?
            .call(service, group, message)
            .await
    }

    /// Begins an exchange.
    pub(crate) fn open(
        &self,
        node: NodeId,
        service: Service,
        group: GroupId,
    ) -> Result<(ExchangeSender, ExchangeReceiver), ExchangeError> {
        self.link(node, service)?.open(service, group)
    }

    /// Resolves when this peer is not there, or not any more.
    pub(crate) async fn gone(&self, node: NodeId, group: GroupId) {
        // Neither side says anything in this exchange: it ends with the connection.
        match self.open(node, Service::Append, group) {
            Ok((_sender, mut receiver)) => drop(receiver.next().await),
            // Too much waits on the link: that tells nothing of the peer.
            Err(_) => std::future::pending().await,
        }
    }

    fn link(&self, node: NodeId, service: Service) -> Result<&Link, ExchangeError> {
        let link = self.links.get(&(node, service.lane()));
        link.ok_or(ExchangeError::UnknownNode(node))
    }
}

/// Where what the peer says in an exchange goes. A call has no use for a channel's buffer, and
/// there may be thousands of them.
#[derive(Debug)]
pub(crate) enum Replies {
    Call(oneshot::Sender<Content>),
    Exchange(mpsc::Sender<Content>),
}

/// The exchanges that wait for replies on a link, by number.
#[derive(Debug, Default)]
pub(crate) struct OpenExchanges(Mutex<BTreeMap<u64, Replies>>);

impl OpenExchanges {
    /// Hands over what the peer said. A caller that went away is no error.
    pub(crate) async fn take(&self, Frame { exchange, content }: Frame) {
        let replies = {
            let mut open = self.locked();
            match open.get(&exchange) {
                None => return,
                Some(Replies::Exchange(replies)) => replies.clone(),
                Some(Replies::Call(_)) => {
                    if let Some(Replies::Call(reply)) = open.remove(&exchange) {
                        let _ = reply.send(content);
                    }
                    return;
                }
            }
        };
        let _ = replies.send(content).await;
    }

    // A panic while the lock is held leaves a whole map: each critical section is one operation.
    pub(crate) fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Replies>> {
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

    /// Waits for room, and for the answer.
    async fn call(
        &self,
        service: Service,
        group: GroupId,
        message: Bytes,
    ) -> Result<Bytes, ExchangeError> {
        let (reply, replied) = oneshot::channel();
        let mut call = OpenCall {
            link: self,
            exchange: self.register(Replies::Call(reply)),
            is_over: false,
        };
        talk::note(Step::Ask, self.node, service, call.exchange);
        self.send(call.exchange, Content::Ask(service, group, message))
            .await?;
        let answer = replied.await;
        call.is_over = true;
        match answer {
            Ok(Content::Answer(message)) => {
                talk::note(Step::Answered, self.node, service, call.exchange);
                Ok(message)
            }
            Ok(Content::Reset(reason)) => Err(self.refused(&reason)),
            Ok(_) => Err(ExchangeError::OutOfTurn(self.node)),
            Err(_) => Err(ExchangeError::Disconnected(self.node)),
        }
    }

    fn register(&self, replies: Replies) -> u64 {
        let exchange = self.next_exchange.fetch_add(1, Ordering::Relaxed);
        self.exchanges.locked().insert(exchange, replies);
        exchange
    }

    fn refused(&self, reason: &[u8]) -> ExchangeError {
        ExchangeError::Refused(self.node, String::from_utf8_lossy(reason).into_owned())
    }

    fn open(
        &self,
        service: Service,
        group: GroupId,
    ) -> Result<(ExchangeSender, ExchangeReceiver), ExchangeError> {
        let (replies, receiver) = mpsc::channel(WAITING_REPLIES);
        let exchange = self.register(Replies::Exchange(replies));
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

    /// Ends an exchange on this side. The peer hears of it, unless it has ended its own side.
    fn close(&self, exchange: u64, is_over: bool) {
        self.exchanges.locked().remove(&exchange);
        if !is_over {
            // If the queue is full the peer finds out when it answers into nothing.
            let _ = self.frames.try_send(Frame {
                exchange,
                content: Content::Reset(Bytes::from_static(b"the caller went away")),
            });
        }
    }
}

/// A call whose answer is waited for. Dropping it before that breaks it off.
struct OpenCall<'l> {
    link: &'l Link,
    exchange: u64,
    is_over: bool,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.link.close(self.exchange, self.is_over);
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
                Err(self.link.refused(&reason))
            }
            Some(
                Content::Hello(_)
                | Content::Ask(..)
                | Content::Answer(_)
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
        self.link.close(self.exchange, self.ended);
    }
}

#[cfg(test)]
mod tests;
