//! What the leader of a group does with a request: a receiver with nothing to receive waits, and
//! everything else is proposed.

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
use crate::waiters::Waiters;

/// A request on its way to the leader, as one node hands it to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaderRequest {
    /// What is proposed. Boxed: on its way it is handed from one future to the next, and each of
    /// them is as large as what it holds.
    pub(crate) request: Box<Request>,
    /// How long a receiver has already waited at earlier leaders.
    pub(crate) waited_millis: u64,
}

/// This node's service for the requests of one group, while it leads.
#[derive(Clone, Debug)]
pub(crate) struct LeaderService<C> {
    pub(crate) group: Arc<Group>,
    pub(crate) waiters: Waiters,
    pub(crate) clock: C,
    pub(crate) space: Space,
    pub(crate) traffic: Traffic,
}

impl<C: Clock> LeaderService<C> {
    /// Carries out a request, and counts what it moved; fails as soon as this node no longer leads.
    pub(crate) async fn serve(&self, request: LeaderRequest) -> Result<Reply, ProposeError> {
        let place = self.traffic.place(&request.request.command);
        let reply = self.carry_out(request).await?;
        if let Some(place) = place {
            self.traffic.count(place, &reply);
        }
        Ok(reply)
    }

    async fn carry_out(&self, request: LeaderRequest) -> Result<Reply, ProposeError> {
        let waited = Duration::from_millis(request.waited_millis);
        let request = request.request;
        if matches!(request.command, Command::SendMessages { .. }) && self.space.is_scarce() {
            return Ok(Err(CommandError::StorageFull));
        }
        let Command::ReceiveMessages {
            queue,
            wait_time,
            attempt,
            ..
        } = &request.command
        else {
            return self.group.propose(request).await;
        };
        let wait = wait_time
            .or_else(|| self.group.read(|state| state.receive_wait_time(queue)))
            .unwrap_or(Seconds(0));
        let wait = Duration::from_secs(wait.0.into()).saturating_sub(waited);
        let queue = queue.clone();
        let deadline = Instant::now() + wait;
        // Two receives are answered by the log even if nothing is to be had: one that was tried
        // before under its attempt id, and a short poll that is refused.
        let is_refused = wait.is_zero() && self.is_at_in_flight_limit(&queue);
        if attempt.is_some() || is_refused {
            match self.group.propose(request.clone()).await? {
                Ok(Outcome::Received(messages)) if messages.is_empty() => {}
                reply => return Ok(reply),
            }
        }
        // Boxed, so that a send is not as large as the wait of a receiver.
        Box::pin(self.receive(&queue, deadline, request)).await
    }

    fn is_at_in_flight_limit(&self, queue: &QueueKey) -> bool {
        self.group.read(|state| state.is_at_in_flight_limit(queue))
    }

    async fn receive(
        &self,
        queue: &QueueKey,
        deadline: Instant,
        request: Box<Request>,
    ) -> Result<Reply, ProposeError> {
        loop {
            match self.readiness(queue) {
                // The reply to a receive from no queue is decided in the log like any other.
                Readiness::Now | Readiness::NoQueue => {
                    let reply = self.group.propose(request.clone()).await;
                    self.wake_next(queue);
                    match &reply {
                        // Somebody else was faster.
                        Ok(Ok(Outcome::Received(messages))) if messages.is_empty() => {}
                        _ => return reply,
                    }
                }
                Readiness::At(_) | Readiness::Empty => {}
            }
            if Instant::now() >= deadline {
                return self.nothing().await;
            }
            self.wait(queue, deadline).await?;
        }
    }

    fn readiness(&self, queue: &QueueKey) -> Readiness {
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
    async fn wait(&self, queue: &QueueKey, deadline: Instant) -> Result<(), ProposeError> {
        let waiter = self.waiters.join(queue);
        // Looked at again from within the line: what came in between woke nobody.
        match self.readiness(queue) {
            Readiness::Now | Readiness::NoQueue => return Ok(()),
            Readiness::At(at) => self.waiters.wake_at(at, queue),
            Readiness::Empty => {}
        }
        let mut leadership = self.group.leadership();
        let led = *leadership.borrow_and_update();
        tokio::select! {
            () = waiter.woken() => Ok(()),
            () = sleep_until(deadline) => Ok(()),
            changed = leadership.wait_for(|now| *now != led) => Err(ProposeError::NotLeader {
                leader: changed.ok().and_then(|now| now.leader),
            }),
        }
    }

    /// Answers that there is nothing to receive: without a log entry, but not without being sure
    /// that this node is still the one to say so.
    async fn nothing(&self) -> Result<Reply, ProposeError> {
        if self.group.confirm_leadership().await {
            Ok(Ok(Outcome::Received(Vec::new())))
        } else {
            Err(ProposeError::NotLeader { leader: None })
        }
    }
}
