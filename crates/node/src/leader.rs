//! What the leader of a group does with a request: commands are proposed, and receivers that find
//! nothing wait here.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use zonemq_queue::command::{Command, CommandError, Outcome, Reply, Request};
use zonemq_queue::ids::QueueKey;
use zonemq_queue::state::Readiness;
use zonemq_queue::time::{Millis, Seconds};
use zonemq_raft::{Group, ProposeError};
use zonemq_world::Clock;

use crate::space::Space;
use crate::traffic::Traffic;
use crate::turns::Turns;
use crate::waiters::Waiters;

/// The line is looked after so much later at least when a receiver was told to come.
const LOOK_AGAIN_MILLIS: u64 = 100;

/// What a router asks of the leader, here or as one node hands it to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LeaderRequest {
    /// Carry out a command. Boxed: on its way it is handed from one future to the next, and each of
    /// them is as large as what it holds.
    CarryOut(Box<Request>),
    /// Tell when the queue may have something to receive. It has no request id: an id that is open
    /// as long as somebody waits would keep the replies to all requests after it in memory.
    Wait(Box<WaitingReceiver>),
}

/// A receiver that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaitingReceiver {
    /// For messages of this queue.
    pub(crate) queue: QueueKey,
    /// How long in all; the queue's own wait time where absent.
    pub(crate) wait_time: Option<Seconds>,
    /// How long it already has, here or at earlier leaders.
    pub(crate) waited_millis: u64,
}

/// The leader's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LeaderReply {
    /// The command was carried out, or there was nothing for a receiver as long as it waited.
    Done(Reply),
    /// There is nothing for a receiver, and it is ready to wait.
    NothingYet,
    /// There may be something for a receiver that waited.
    Ready,
}

impl LeaderReply {
    fn nothing() -> LeaderReply {
        LeaderReply::Done(Ok(Outcome::Received(Vec::new())))
    }
}

/// Whether a receiver is ready to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    Short,
    Long,
}

/// This node's service for the requests of one group, while it leads.
#[derive(Clone, Debug)]
pub(crate) struct LeaderService<C> {
    pub(crate) group: Arc<Group>,
    pub(crate) waiters: Waiters,
    pub(crate) clock: C,
    pub(crate) space: Space,
    pub(crate) traffic: Traffic,
    pub(crate) turns: Turns,
}

impl<C: Clock> LeaderService<C> {
    /// Does what is asked, and counts what it moved; fails as soon as this node no longer leads.
    pub(crate) async fn serve(&self, request: LeaderRequest) -> Result<LeaderReply, ProposeError> {
        let request = match request {
            LeaderRequest::CarryOut(request) => request,
            // Boxed, so that a send is not as large as the wait of a receiver.
            LeaderRequest::Wait(wait) => return Box::pin(self.wait(*wait)).await,
        };
        let place = self.traffic.place(&request.command);
        let reply = self.carry_out(request).await?;
        if let (Some(place), LeaderReply::Done(reply)) = (place, &reply) {
            self.traffic.count(place, reply);
        }
        Ok(reply)
    }

    async fn carry_out(&self, request: Box<Request>) -> Result<LeaderReply, ProposeError> {
        match &request.command {
            Command::SendMessages { .. } if self.space.is_scarce() => {
                Ok(LeaderReply::Done(Err(CommandError::StorageFull)))
            }
            Command::ReceiveMessages {
                queue,
                wait_time,
                attempt,
                ..
            } => {
                let queue = queue.clone();
                let poll = self.poll(&queue, *wait_time);
                let is_for_the_log = attempt.is_some() || self.is_for_the_log(&queue, poll);
                let proposed = is_for_the_log.then_some(request);
                // Boxed, so that a send is not as large as a receive.
                Box::pin(self.receive(&queue, poll, proposed)).await
            }
            _ => self.group.propose(request).await.map(LeaderReply::Done),
        }
    }

    /// Whether a receive is decided in the log. All others would cost an entry and find nothing; one
    /// that was tried before under its attempt id is decided there, too.
    fn is_for_the_log(&self, queue: &QueueKey, poll: Poll) -> bool {
        match self.readiness(queue) {
            // The reply to a receive from no queue is that of the log like any other.
            Readiness::Now | Readiness::NoQueue => true,
            // So is the refusal of a short poll.
            Readiness::At(_) | Readiness::Empty => {
                let is_at_limit = || self.group.read(|state| state.is_at_in_flight_limit(queue));
                poll == Poll::Short && is_at_limit()
            }
        }
    }

    /// Proposes the receive, if it is for the log; otherwise there is nothing to be had.
    async fn receive(
        &self,
        queue: &QueueKey,
        poll: Poll,
        proposed: Option<Box<Request>>,
    ) -> Result<LeaderReply, ProposeError> {
        if let Some(request) = proposed {
            let reply = self.group.propose(request).await;
            self.wake_next(queue);
            match reply? {
                // Somebody else was faster.
                Ok(Outcome::Received(messages)) if messages.is_empty() && poll == Poll::Long => {}
                reply => return Ok(LeaderReply::Done(reply)),
            }
        }
        match poll {
            Poll::Short => {
                self.confirm_leadership().await?;
                Ok(LeaderReply::nothing())
            }
            Poll::Long => Ok(LeaderReply::NothingYet),
        }
    }

    fn poll(&self, queue: &QueueKey, wait_time: Option<Seconds>) -> Poll {
        if self.wait_time(queue, wait_time).is_zero() {
            Poll::Short
        } else {
            Poll::Long
        }
    }

    fn wait_time(&self, queue: &QueueKey, asked: Option<Seconds>) -> Duration {
        let wait = asked.or_else(|| self.group.read(|state| state.receive_wait_time(queue)));
        Duration::from_secs(wait.unwrap_or(Seconds(0)).0.into())
    }

    /// Whether a receive from the queue would find something, as far as this node has applied the
    /// log.
    pub(crate) fn readiness(&self, queue: &QueueKey) -> Readiness {
        let now = Millis(self.clock.now_millis());
        self.group.read(|state| state.readiness(queue, now))
    }

    /// After a receive: is there more for the next in line, now or later?
    fn wake_next(&self, queue: &QueueKey) {
        match self.readiness(queue) {
            Readiness::Now => self.waiters.wake(queue, 1),
            Readiness::At(at) => self.waiters.wake_at(at, queue),
            Readiness::Empty | Readiness::NoQueue => {}
        }
    }

    /// Waits until something may be visible or the time is up.
    async fn wait(&self, receiver: WaitingReceiver) -> Result<LeaderReply, ProposeError> {
        let already = Duration::from_millis(receiver.waited_millis);
        let wait = self.wait_time(&receiver.queue, receiver.wait_time);
        let deadline = Instant::now() + wait.saturating_sub(already);
        let queue = receiver.queue;
        let mut leadership = self.group.leadership();
        let led = *leadership.borrow_and_update();
        let mut waiter = self.waiters.join(&queue);
        loop {
            // Looked at from within the line: what comes from now on wakes somebody.
            match self.readiness(&queue) {
                Readiness::Now | Readiness::NoQueue => {
                    self.wake_another_soon(&queue);
                    return Ok(LeaderReply::Ready);
                }
                Readiness::At(at) => self.waiters.wake_at(at, &queue),
                Readiness::Empty => {}
            }
            tokio::select! {
                () = waiter.woken() => waiter.rejoin(),
                () = sleep_until(deadline) => break,
                changed = leadership.wait_for(|now| *now != led) => {
                    return Err(ProposeError::NotLeader {
                        leader: changed.ok().and_then(|now| now.leader),
                    });
                }
            }
        }
        self.turns.take().await;
        self.confirm_leadership().await?;
        Ok(LeaderReply::nothing())
    }

    /// A receiver that was told to come may be gone before it does, on another node with all that
    /// was said to it: then the next in line finds what it did not take.
    fn wake_another_soon(&self, queue: &QueueKey) {
        let (now, pause) = (self.clock.now_millis(), LOOK_AGAIN_MILLIS);
        // At whole multiples, so that many receivers are one alarm.
        self.waiters
            .wake_at(Millis((now / pause + 2) * pause), queue);
    }

    /// That there is nothing to receive costs no log entry, but only the leader may say so.
    async fn confirm_leadership(&self) -> Result<(), ProposeError> {
        // Boxed: a receiver that waits needs no room for it yet.
        if Box::pin(self.group.confirm_leadership()).await {
            Ok(())
        } else {
            Err(ProposeError::NotLeader { leader: None })
        }
    }
}
