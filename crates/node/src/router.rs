//! Finds the leader of a request's group, here or one hop away, and tries again with the same
//! request id until the caller's deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use zonemq_planted::{Bug, is_planted};
use zonemq_queue::command::{Command, Outcome, Reply};
use zonemq_queue::ids::QueueKey;
use zonemq_queue::state::Readiness;
use zonemq_queue::time::Seconds;
use zonemq_raft::{GroupId, Peers};
use zonemq_world::Clock;

use crate::forward;
use crate::leader::{LeaderReply, LeaderRequest, LeaderService, WaitingReceiver};
use crate::session::{Session, Ticket};

/// Until there is placement, one group holds all queues.
pub(crate) const GROUP: GroupId = GroupId(0);

/// The longest that SQS lets a receiver wait.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Between two tries, when nothing tells that the leader changed.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// No reply came before the deadline. The request may still take effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Unavailable {
    reason: String,
}

/// Routes this node's requests.
#[derive(Debug)]
pub(crate) struct Router<C> {
    pub(crate) me: u64,
    pub(crate) voters: usize,
    pub(crate) session: Arc<Session>,
    pub(crate) peers: Peers,
    pub(crate) leader: LeaderService<C>,
    /// How long a request may look for a leader and a majority.
    pub(crate) request_timeout: Duration,
    /// Turns true when the node shuts down: receivers wait no longer.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// What a router wants of the leader.
enum Question<'c> {
    CarryOut(&'c Command, Ticket),
    Wait {
        queue: &'c QueueKey,
        wait_time: Option<Seconds>,
        since: Instant,
    },
}

impl Question<'_> {
    /// As it is asked now: a command has the same id each time.
    fn request(&self) -> LeaderRequest {
        match self {
            Question::CarryOut(command, ticket) => {
                LeaderRequest::CarryOut(ticket.request((*command).clone()))
            }
            Question::Wait {
                queue,
                wait_time,
                since,
            } => LeaderRequest::Wait(Box::new(WaitingReceiver {
                queue: (*queue).clone(),
                wait_time: *wait_time,
                waited_millis: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            })),
        }
    }

    /// How much longer than others its answer may take.
    fn allowance(&self) -> Duration {
        match self {
            Question::CarryOut(..) => Duration::ZERO,
            Question::Wait {
                wait_time, since, ..
            } => {
                let wait =
                    wait_time.map_or(LONGEST_WAIT, |wait| Duration::from_secs(wait.0.into()));
                wait.saturating_sub(since.elapsed())
            }
        }
    }
}

impl<C: Clock> Router<C> {
    /// Carries out a command, whoever leads. A receive that finds nothing waits first, as long as
    /// its caller wants to.
    pub(crate) async fn execute(&self, command: Command) -> Result<Reply, Unavailable> {
        let since = Instant::now();
        let mut waits = self.is_worth_a_wait(&command);
        if waits {
            self.leader.turns.take().await;
        }
        loop {
            let question = match &command {
                Command::ReceiveMessages {
                    queue, wait_time, ..
                } if waits => Question::Wait {
                    queue,
                    wait_time: *wait_time,
                    since,
                },
                command => Question::CarryOut(command, self.session.begin()),
            };
            match self.ask(&question).await? {
                LeaderReply::Done(reply) => return Ok(reply),
                LeaderReply::NothingYet => waits = true,
                LeaderReply::Ready => waits = false,
            }
        }
    }

    /// Whether a receiver waits before it asks for the first time: it is ready to, and nothing is
    /// there as far as is known here.
    fn is_worth_a_wait(&self, command: &Command) -> bool {
        match command {
            Command::ReceiveMessages {
                queue,
                wait_time: Some(Seconds(1..)),
                attempt: None,
                ..
            } => match self.leader.readiness(queue) {
                Readiness::Empty | Readiness::At(_) => true,
                Readiness::Now | Readiness::NoQueue => false,
            },
            _ => false,
        }
    }

    /// Asks until there is an answer.
    async fn ask(&self, question: &Question<'_>) -> Result<LeaderReply, Unavailable> {
        let deadline = Instant::now() + self.request_timeout + question.allowance();
        let mut leadership = self.leader.group.leadership();
        let mut stopping = self.stopping.clone();
        loop {
            let leader = leadership.borrow_and_update().leader;
            tokio::select! {
                tried = self.attempt(leader, question) => match tried {
                    Ok(reply) => return Ok(reply),
                    Err(reason) => tracing::debug!(%reason, "a try came to nothing"),
                },
                // The try may hang on a leader that is gone; the next one has the same id. No more
                // changes come from a group that has ended: then only the deadline is waited for.
                Ok(()) = leadership.changed() => continue,
                _ = stopping.wait_for(|stopping| *stopping), if matches!(question, Question::Wait { .. }) => {
                    return Ok(LeaderReply::Done(Ok(Outcome::Received(Vec::new()))));
                }
                () = sleep_until(deadline) => return Err(self.unavailable(leader)),
            }
            tokio::select! {
                Ok(()) = leadership.changed() => {}
                () = sleep(RETRY_PAUSE) => {}
                () = sleep_until(deadline) => return Err(self.unavailable(leader)),
            }
        }
    }

    async fn attempt(
        &self,
        leader: Option<u64>,
        question: &Question<'_>,
    ) -> Result<LeaderReply, String> {
        let another = match question {
            Question::CarryOut(command, _) if is_planted(Bug::RetryUnderANewId) => {
                Some(Question::CarryOut(command, self.session.begin()))
            }
            _ => None,
        };
        let request = || another.as_ref().unwrap_or(question).request();
        match leader {
            // Nothing to try: the wait for a change of leadership goes on beside this.
            None => std::future::pending().await,
            Some(node) if node == self.me => {
                let served = self.leader.serve(request()).await;
                served.map_err(|error| error.to_string())
            }
            Some(node) => Box::pin(forward::to_leader(&self.peers, node, &request())).await,
        }
    }

    fn unavailable(&self, leader: Option<u64>) -> Unavailable {
        let majority = self.voters / 2 + 1;
        let seconds = self.request_timeout.as_secs_f64();
        let reason = match leader {
            None => format!(
                "There is no leader: for {seconds} s this node (n{}) has not heard of a majority ({majority} of {}) of the cluster's nodes. The request was not acknowledged; it may be sent again.",
                self.me, self.voters
            ),
            Some(leader) => format!(
                "The leader (n{leader}) could not make the request durable on a majority ({majority} of {}) of the cluster's nodes within {seconds} s. The request was not acknowledged, but may still take effect.",
                self.voters
            ),
        };
        Unavailable { reason }
    }
}
