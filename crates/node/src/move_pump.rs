//! Keeps message move tasks going: while this node leads, it proposes their next steps.
//!
//! How many messages a step moves is decided in the state machine, so a step too many, from two
//! leaders in a row, moves nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use zonemq_queue::command::{Command, Outcome};
use zonemq_queue::ids::{MoveTaskId, QueueKey};
use zonemq_raft::{Group, ProposeError};

use crate::session::Session;

/// Between two looks at the tasks, and between two steps of one that has a rate.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs until it is dropped.
pub(crate) async fn run(me: u64, group: Arc<Group>, session: Arc<Session>) {
    let mut pauses = interval(PAUSE);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let leadership = group.leadership();
    loop {
        pauses.tick().await;
        while leadership.borrow().leader == Some(me) {
            match steps(&group, &session).await {
                // A step that moved nothing waits for its rate.
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "a step of a move task was not taken");
                    break;
                }
            }
        }
    }
}

/// One step of each task; returns how many messages were moved.
async fn steps(group: &Group, session: &Arc<Session>) -> Result<u64, ProposeError> {
    let tasks: Vec<(QueueKey, MoveTaskId)> = group.read(|state| {
        let tasks = state.running_move_tasks();
        tasks.map(|(source, task)| (source.clone(), task)).collect()
    });
    let mut moved = 0;
    for (source, task) in tasks {
        let ticket = session.begin();
        let step = ticket.request(Command::MoveMessages { source, task });
        // A refusal means that the task has ended meanwhile.
        if let Ok(Outcome::MessagesMoved { count }) = group.propose(step).await? {
            moved += count;
        }
    }
    Ok(moved)
}
