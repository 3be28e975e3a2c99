//! The exchanges that a peer began on one connection: each is started, fed, and ended when the peer
//! breaks it off or the connection is gone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use zonemq_wal::GroupId;

use crate::services::{Asker, Conversation, Refusal, ServedGroup};
use crate::talk::{self, Step};
use crate::types::NodeId;
use crate::wire::{Frame, Service};

/// Messages of one exchange that wait to be worked on; more of them hold the connection back.
const WAITING_MESSAGES: usize = 16;
/// So many exchanges are looked through at any rate for those that are over.
const FEW: usize = 64;

/// A request that another node passed on: a client's, because it takes this node for the leader,
/// or a look at what this node shows of itself.
#[derive(Debug)]
pub struct Forwarded {
    /// The group that it is for.
    pub group: GroupId,
    /// As given to [`crate::Peers::forward`] or [`crate::Peers::look`].
    pub request: Bytes,
    /// Takes the reply.
    pub reply: ReplyTo,
}

/// Who waits for the reply to a [`Forwarded`] request. Dropping it tells them that there is none.
#[derive(Debug)]
pub struct ReplyTo {
    /// Until it is answered.
    asker: Option<Asker>,
    /// Nothing is ever sent: it closes when the other node has stopped waiting.
    gone: oneshot::Receiver<Infallible>,
}

impl ReplyTo {
    /// Sends the reply. If the other node has just stopped waiting, it will ask again.
    pub async fn send(mut self, reply: Bytes) {
        if let Some(asker) = self.asker.take() {
            asker.answer(Ok(reply)).await;
        }
    }

    /// Resolves when the other node has stopped waiting.
    pub async fn closed(&mut self) {
        let _ = (&mut self.gone).await;
    }
}

impl Drop for ReplyTo {
    fn drop(&mut self) {
        let has_gone = matches!(self.gone.try_recv(), Err(TryRecvError::Closed));
        if let Some(asker) = self.asker.take().filter(|_| !has_gone) {
            asker.refuse_at_once("this node is shutting down".to_owned());
        }
    }
}

/// Whom the exchanges of all connections are led to.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) groups: BTreeMap<GroupId, ServedGroup>,
    pub(crate) forwarded: mpsc::Sender<Forwarded>,
    pub(crate) looks: mpsc::Sender<Forwarded>,
}

impl Served {
    fn group(&self, group: GroupId) -> Result<&ServedGroup, Refusal> {
        let known = self.groups.get(&group);
        known.ok_or_else(|| format!("there is no group {} here", group.0))
    }
}

/// One exchange that is not over.
#[derive(Debug)]
enum Exchange {
    /// This node answers it by itself.
    Call(AbortHandle),
    /// Somebody else answers it, and sees by this when the peer breaks it off.
    PassedOn(oneshot::Sender<Infallible>),
    /// It takes more messages, until the peer ends its side.
    Conversation {
        service: Service,
        messages: Option<mpsc::Sender<Bytes>>,
        task: AbortHandle,
    },
}

impl Exchange {
    fn is_over(&self) -> bool {
        match self {
            Exchange::Call(task) | Exchange::Conversation { task, .. } => task.is_finished(),
            Exchange::PassedOn(caller) => caller.is_closed(),
        }
    }
}

/// The exchanges of one connection. What runs of them ends with it.
#[derive(Debug)]
pub(crate) struct Exchanges {
    served: Arc<Served>,
    peer: NodeId,
    frames: mpsc::Sender<Frame>,
    running: JoinSet<()>,
    by_number: BTreeMap<u64, Exchange>,
    /// When there are so many, those that are over are forgotten.
    many: usize,
}

impl Exchanges {
    pub(crate) fn new(served: Arc<Served>, peer: NodeId, frames: mpsc::Sender<Frame>) -> Exchanges {
        Exchanges {
            served,
            peer,
            frames,
            running: JoinSet::new(),
            by_number: BTreeMap::new(),
            many: FEW,
        }
    }

    fn insert(&mut self, number: u64, exchange: Exchange) {
        while self.running.try_join_next().is_some() {}
        if self.by_number.len() >= self.many {
            self.by_number.retain(|_, exchange| !exchange.is_over());
            // Each is looked at about as often as one is begun.
            self.many = FEW + 2 * self.by_number.len();
        }
        self.by_number.insert(number, exchange);
    }

    /// A call begins, and all that the peer has to say in it is said.
    pub(crate) async fn ask(
        &mut self,
        exchange: u64,
        service: Service,
        group: GroupId,
        message: Bytes,
    ) {
        talk::note(Step::Asked, self.peer, service, exchange);
        let asker = self.asker(exchange, service);
        match service {
            // Waits while many are on their way: so the clients of the peer are held back.
            Service::Forward => {
                let forwarded = self.pass_on(asker, group, message);
                // When this node is stopping nobody takes it: it is dropped, and the peer told so.
                let _ = self.served.forwarded.send(forwarded).await;
            }
            // Waits by itself: looks may be slow, and the requests of clients come behind them.
            Service::Look => {
                let forwarded = self.pass_on(asker, group, message);
                let served = self.served.clone();
                self.running
                    .spawn(async move { drop(served.looks.send(forwarded).await) });
            }
            Service::PreVote
            | Service::Vote
            | Service::TransferLeader
            | Service::Heartbeat
            | Service::Append
            | Service::Snapshot
            | Service::Contents
            | Service::FetchSnapshot
            | Service::Acknowledged
            | Service::StateHash => self.answer(asker, group, message),
        }
    }

    fn asker(&self, exchange: u64, service: Service) -> Asker {
        Asker {
            node: self.peer,
            service,
            exchange,
            frames: self.frames.clone(),
        }
    }

    fn pass_on(&mut self, asker: Asker, group: GroupId, request: Bytes) -> Forwarded {
        let (caller, gone) = oneshot::channel();
        self.insert(asker.exchange, Exchange::PassedOn(caller));
        let asker = Some(asker);
        Forwarded {
            group,
            request,
            reply: ReplyTo { asker, gone },
        }
    }

    fn answer(&mut self, asker: Asker, group: GroupId, message: Bytes) {
        let served = self.served.clone();
        let exchange = asker.exchange;
        let task = self.running.spawn(async move {
            let answered = match served.group(group) {
                Ok(group) => group.answer(asker.node, asker.service, message).await,
                Err(refusal) => Err(refusal),
            };
            asker.answer(answered).await;
        });
        self.insert(exchange, Exchange::Call(task));
    }

    /// An exchange of any number of messages begins.
    pub(crate) fn open(&mut self, exchange: u64, service: Service, group: GroupId) {
        let (messages, incoming) = mpsc::channel(WAITING_MESSAGES);
        let asker = self.asker(exchange, service);
        let conversation = Conversation { asker, incoming };
        let served = self.served.clone();
        let task = self.running.spawn(async move {
            match served.group(group) {
                Ok(group) => group.serve(conversation).await,
                Err(refusal) => conversation.asker.refuse(refusal).await,
            }
        });
        let conversation = Exchange::Conversation {
            service,
            messages: Some(messages),
            task,
        };
        self.insert(exchange, conversation);
    }

    /// The peer says something more in an exchange; waits while much is not worked on yet.
    pub(crate) async fn message(&mut self, exchange: u64, message: Bytes) {
        if let Some(Exchange::Conversation {
            service,
            messages: Some(messages),
            ..
        }) = self.by_number.get(&exchange)
        {
            talk::note(Step::Asked, self.peer, *service, exchange);
            // An exchange that has already ended on our side takes no more.
            let _ = messages.send(message).await;
        }
    }

    /// The peer has nothing more to say in it.
    pub(crate) fn end(&mut self, exchange: u64) {
        if let Some(Exchange::Conversation { messages, .. }) = self.by_number.get_mut(&exchange) {
            *messages = None;
        }
    }

    /// The peer broke it off.
    pub(crate) fn reset(&mut self, exchange: u64) {
        match self.by_number.remove(&exchange) {
            Some(Exchange::Call(task) | Exchange::Conversation { task, .. }) => task.abort(),
            Some(Exchange::PassedOn(_)) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Content;

    const GROUP: GroupId = GroupId(0);

    /// The exchanges of a node that serves no group, what it passes on, and what it says.
    fn exchanges() -> (Exchanges, mpsc::Receiver<Forwarded>, mpsc::Receiver<Frame>) {
        let (forwarded, passed_on) = mpsc::channel(1);
        let served = Served {
            groups: BTreeMap::new(),
            looks: forwarded.clone(),
            forwarded,
        };
        let (frames, said) = mpsc::channel(1);
        (Exchanges::new(Arc::new(served), 2, frames), passed_on, said)
    }

    async fn forward(exchanges: &mut Exchanges, number: u64) {
        let request = Bytes::from_static(b"request");
        let service = Service::Forward;
        exchanges.ask(number, service, GROUP, request).await;
    }

    fn refusal(frame: Frame) -> String {
        match frame.content {
            Content::Reset(reason) => String::from_utf8_lossy(&reason).into_owned(),
            other => panic!("no refusal: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_call_that_is_passed_on_is_answered_by_whoever_takes_it() {
        let (mut exchanges, mut passed_on, mut said) = exchanges();
        forward(&mut exchanges, 7).await;
        let taken = passed_on.recv().await.unwrap();
        assert_eq!(taken.request, Bytes::from_static(b"request"));
        let answer = Bytes::from_static(b"answer");
        taken.reply.send(answer.clone()).await;
        let frame = said.recv().await.unwrap();
        assert_eq!(frame.exchange, 7);
        assert_eq!(frame.content, Content::Answer(answer));
    }

    #[tokio::test]
    async fn whoever_answers_sees_that_the_caller_has_gone_and_says_nothing() {
        let (mut exchanges, mut passed_on, mut said) = exchanges();
        forward(&mut exchanges, 7).await;
        let mut taken = passed_on.recv().await.unwrap();
        exchanges.reset(7);
        taken.reply.closed().await;
        drop(taken);
        assert!(said.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_call_that_nobody_answers_is_refused() {
        let (mut exchanges, mut passed_on, mut said) = exchanges();
        forward(&mut exchanges, 7).await;
        drop(passed_on.recv().await.unwrap());
        let refused = refusal(said.recv().await.unwrap());
        assert!(refused.contains("shutting down"), "{refused}");
        let (message, service) = (Bytes::new(), Service::StateHash);
        exchanges.ask(8, service, GROUP, message).await;
        let refused = refusal(said.recv().await.unwrap());
        assert!(refused.contains("no group 0"), "{refused}");
    }

    #[tokio::test]
    async fn looks_that_wait_to_be_taken_do_not_hold_the_requests_of_clients_back() {
        let (looks, _not_taken) = mpsc::channel(1);
        let (forwarded, mut passed_on) = mpsc::channel(1);
        let served = Served {
            groups: BTreeMap::new(),
            forwarded,
            looks,
        };
        let (frames, _said) = mpsc::channel(1);
        let mut exchanges = Exchanges::new(Arc::new(served), 2, frames);
        for number in 0..10 {
            let service = Service::Look;
            exchanges.ask(number, service, GROUP, Bytes::new()).await;
        }
        forward(&mut exchanges, 10).await;
        assert!(passed_on.recv().await.is_some());
    }

    #[tokio::test]
    async fn calls_that_are_over_are_forgotten() {
        let (mut exchanges, mut passed_on, mut said) = exchanges();
        for number in 0..10_000 {
            forward(&mut exchanges, number).await;
            let taken = passed_on.recv().await.unwrap();
            taken.reply.send(Bytes::new()).await;
            said.recv().await.unwrap();
        }
        assert!(exchanges.by_number.len() <= FEW);
    }
}
