//! Finds the leader of a request's group, here or one hop away, and tries again with the same
//! request id until the caller's deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use zonemq_planted::{Bug, is_planted};
use zonemq_queue::command::{Command, Outcome, Reply};
use zonemq_raft::{GroupId, Peers};
use zonemq_world::Clock;

use crate::forward;
use crate::leader::{LeaderRequest, LeaderService};
use crate::session::Session;

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

impl<C: Clock> Router<C> {
    /// Carries out a command, whoever leads.
    pub(crate) async fn execute(&self, command: Command) -> Result<Reply, Unavailable> {
        let started = Instant::now();
        let deadline = started + self.request_timeout + wait_allowance(&command);
        let ticket = self.session.begin();
        let mut leadership = self.leader.group.leadership();
        let mut stopping = self.stopping.clone();
        let is_receive = matches!(command, Command::ReceiveMessages { .. });
        loop {
            let leader = leadership.borrow_and_update().leader;
            let another = is_planted(Bug::RetryUnderANewId).then(|| self.session.begin());
            let request = LeaderRequest {
                request: another.as_ref().unwrap_or(&ticket).request(command.clone()),
                waited_millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            };
            tokio::select! {
                tried = self.attempt(leader, request) => match tried {
                    Ok(reply) => return Ok(reply),
                    Err(reason) => tracing::debug!(%reason, "a try came to nothing"),
                },
                // The try may hang on a leader that is gone; the next one has the same id. No more
                // changes come from a group that has ended: then only the deadline is waited for.
                Ok(()) = leadership.changed() => continue,
                _ = stopping.wait_for(|stopping| *stopping), if is_receive => {
                    return Ok(Ok(Outcome::Received(Vec::new())));
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

    async fn attempt(&self, leader: Option<u64>, request: LeaderRequest) -> Result<Reply, String> {
        match leader {
            // Nothing to try: the wait for a change of leadership goes on beside this.
            None => std::future::pending().await,
            Some(node) if node == self.me => self
                .leader
                .serve(request)
                .await
                .map_err(|error| error.to_string()),
            Some(node) => Box::pin(forward::to_leader(&self.peers, node, &request)).await,
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

/// How much longer than others a command may take: a receiver waits for messages first.
fn wait_allowance(command: &Command) -> Duration {
    match command {
        Command::ReceiveMessages { wait_time, .. } => {
            wait_time.map_or(LONGEST_WAIT, |wait| Duration::from_secs(wait.0.into()))
        }
        _ => Duration::ZERO,
    }
}
