//! Message move tasks: the way back out of a dead-letter queue.
//!
//! A task is part of the state, so it goes on under the next leader. The leader proposes
//! [`MoveMessages`](crate::command::Command::MoveMessages) again and again; how many messages each
//! of them moves is decided here, from the task's rate and the clock, so that two leaders in a row
//! do not move twice as fast. A message leaves one queue and enters the other in one command.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use zonemq_planted::{Bug, is_planted};

use crate::command::{CommandError, Outcome, Reply};
use crate::identity;
use crate::ids::{MoveTaskId, QueueKey};
use crate::message::ContentPlace;
use crate::move_task::{MoveFailure, MoveTask, MoveTaskStatus};
use crate::state::{Context, State};
use crate::time::Millis;

/// Tasks of one queue that are remembered: as many as can be listed.
const TASKS_OF_A_QUEUE: usize = 10;
/// Messages that one command moves at most, so that it never holds others up for long.
const MESSAGES_IN_A_COMMAND: u64 = 500;

/// All tasks, by their source queues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct MoveTasks {
    /// The latest first.
    by_source: BTreeMap<QueueKey, VecDeque<MoveTask>>,
    running: BTreeSet<QueueKey>,
    started: u64,
}

impl MoveTasks {
    pub(crate) fn running(&self) -> impl Iterator<Item = (&QueueKey, MoveTaskId)> {
        self.running
            .iter()
            .filter_map(|source| Some((source, self.by_source.get(source)?.front()?.id)))
    }

    /// Forgets the tasks of a queue that is gone.
    pub(crate) fn forget(&mut self, source: &QueueKey) {
        self.by_source.remove(source);
        self.running.remove(source);
    }

    /// The running task with this id. Only the latest task of a queue can be running.
    fn find_running(&mut self, source: &QueueKey, id: MoveTaskId) -> Option<&mut MoveTask> {
        let latest = self.by_source.get_mut(source)?.front_mut()?;
        (latest.id == id && latest.status == MoveTaskStatus::Running).then_some(latest)
    }

    fn end(&mut self, source: &QueueKey, id: MoveTaskId, status: MoveTaskStatus) {
        if let Some(task) = self.find_running(source, id) {
            task.status = status;
            self.running.remove(source);
        }
    }
}

impl State {
    pub(crate) fn start_move_task(
        &mut self,
        source: &QueueKey,
        destination: Option<&QueueKey>,
        max_per_second: Option<u16>,
        context: &mut Context<'_>,
    ) -> Reply<ContentPlace> {
        let now = self.clock.now();
        let to_move = self
            .touch(source, context)
            .map_err(|_| CommandError::MoveSourceDoesNotExist)?
            .messages
            .counts()
            .visible;
        if let Some(destination) = destination {
            self.catalog
                .find(destination)
                .map_err(|_| CommandError::MoveDestinationDoesNotExist)?;
            if destination.is_fifo() != source.is_fifo() {
                return Err(CommandError::MoveDestinationOfOtherType);
            }
        }
        if !self.catalog.is_dead_letter_queue(source) {
            return Err(CommandError::MoveSourceIsNotDeadLetterQueue);
        }
        if self.move_tasks.running.contains(source) {
            return Err(CommandError::MoveTaskIsRunning);
        }
        self.move_tasks.started += 1;
        let id = MoveTaskId(self.move_tasks.started);
        let tasks = self.move_tasks.by_source.entry(source.clone()).or_default();
        tasks.push_front(MoveTask {
            id,
            destination: destination.cloned(),
            max_per_second,
            status: MoveTaskStatus::Running,
            moved: 0,
            to_move,
            started_at: now,
        });
        tasks.truncate(TASKS_OF_A_QUEUE);
        self.move_tasks.running.insert(source.clone());
        Ok(Outcome::MoveTaskStarted(id))
    }

    pub(crate) fn list_move_tasks(&self, source: &QueueKey, limit: u8) -> Reply<ContentPlace> {
        self.catalog
            .find(source)
            .map_err(|_| CommandError::MoveSourceDoesNotExist)?;
        let tasks = self.move_tasks.by_source.get(source).into_iter().flatten();
        Ok(Outcome::MoveTasks(
            tasks.take(limit.into()).cloned().collect(),
        ))
    }

    pub(crate) fn cancel_move_task(
        &mut self,
        source: &QueueKey,
        id: MoveTaskId,
    ) -> Reply<ContentPlace> {
        let task = self
            .move_tasks
            .find_running(source, id)
            .ok_or(CommandError::MoveTaskDoesNotExist)?;
        let moved = task.moved;
        self.move_tasks.end(source, id, MoveTaskStatus::Cancelled);
        Ok(Outcome::MoveTaskCancelled { moved })
    }

    pub(crate) fn move_messages(
        &mut self,
        source: &QueueKey,
        id: MoveTaskId,
        context: &mut Context<'_>,
    ) -> Reply<ContentPlace> {
        let now = self.clock.now();
        let task = self
            .move_tasks
            .find_running(source, id)
            .ok_or(CommandError::MoveTaskDoesNotExist)?
            .clone();
        if self.touch(source, context)?.holds_expired_messages(now) {
            return Ok(Outcome::MessagesMoved { count: 0 });
        }
        let mut count = 0;
        let mut end = None;
        // No more than were there at the start: some may come back as dead letters meanwhile.
        for ordinal in 0..allowance(&task, now) {
            match self.move_one(source, &task, ordinal, context) {
                Ok(Moved::Message) => count += 1,
                Ok(Moved::NothingLeft) => {
                    end = Some(MoveTaskStatus::Completed);
                    break;
                }
                Err(failure) => {
                    end = Some(MoveTaskStatus::Failed(failure));
                    break;
                }
            }
        }
        if let Some(task) = self.move_tasks.find_running(source, id) {
            task.moved += count;
            if task.moved == task.to_move {
                end = Some(MoveTaskStatus::Completed);
            }
        }
        if let Some(status) = end {
            self.move_tasks.end(source, id, status);
        }
        Ok(Outcome::MessagesMoved { count })
    }

    /// Moves the next message: a new one for its new queue, with an id of its own.
    fn move_one(
        &mut self,
        source: &QueueKey,
        task: &MoveTask,
        ordinal: u64,
        context: &mut Context<'_>,
    ) -> Result<Moved, MoveFailure> {
        let now = self.clock.now();
        let Some(first) = self
            .catalog
            .find(source)
            .ok()
            .and_then(|queue| queue.messages.first())
        else {
            return Ok(Moved::NothingLeft);
        };
        let destination = task
            .destination
            .clone()
            .or_else(|| first.dead_letter_source().map(|key| key.as_ref().clone()))
            .ok_or(MoveFailure::CouldNotDetermineMessageSource)?;
        self.touch(&destination, context)
            .map_err(|_| MoveFailure::DestinationQueueDoesNotExist)?;
        let taken = self.catalog.find_mut(source).ok().and_then(|queue| {
            if is_planted(Bug::MoveCopies) {
                queue.messages.first().cloned()
            } else {
                queue.messages.take_first()
            }
        });
        if is_planted(Bug::MoveLoses) {
            return Ok(Moved::Message);
        }
        let (Some(message), Ok(queue)) = (taken, self.catalog.find_mut(&destination)) else {
            unreachable!("both queues and the message were there");
        };
        let ordinal = usize::try_from(ordinal).unwrap_or(usize::MAX);
        let identity = identity::of_message(context.nonce, context.ordinal, ordinal);
        queue.messages.send_moved(now, identity, &message);
        let became_receivable = queue.messages.take_became_receivable();
        context.tell_visible(&destination, became_receivable);
        Ok(Moved::Message)
    }
}

enum Moved {
    Message,
    NothingLeft,
}

/// How many messages the task may move now.
fn allowance(task: &MoveTask, now: Millis) -> u64 {
    let left = (task.to_move - task.moved).min(MESSAGES_IN_A_COMMAND);
    let Some(rate) = task.max_per_second else {
        return left;
    };
    let since_start = u128::from(now.millis_since(task.started_at)) * u128::from(rate) / 1000;
    // What is due at the start, so that a slow task does not begin with a pause.
    let due = u64::try_from(since_start)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    due.saturating_sub(task.moved).min(left)
}
