//! The replicated state: all queues, the clock and the memory of requests.
//!
//! What each command does lies beside its like: `catalog` for queues and their settings, `traffic`
//! for messages, `moves` for move tasks.

use zonemq_planted::{Bug, is_planted};

use crate::attributes::QueueDescription;
use crate::catalog::Catalog;
use crate::clock::QueueClock;
use crate::command::{Applied, Batch, Command, Event, Outcome, Reply};
use crate::discarded::Discarded;
use crate::hash::stable_hash;
use crate::ids::{MoveTaskId, QueueKey};
use crate::message::ContentPlace;
use crate::moves::MoveTasks;
use crate::sessions::Sessions;
use crate::time::{Millis, Seconds};
use crate::upkeep::Upkeep;

/// Everything that one Raft group holds. The same batches in the same order give the same state
/// on every replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) clock: QueueClock,
    pub(crate) catalog: Catalog,
    pub(crate) move_tasks: MoveTasks,
    pub(crate) sessions: Sessions,
}

/// What a command needs to know beside itself, and where it tells what has happened.
pub(crate) struct Context<'b> {
    /// Random bits of the batch.
    pub(crate) nonce: u128,
    /// The place of the request in the batch.
    pub(crate) ordinal: usize,
    /// Where the contents of the request's messages lie.
    pub(crate) contents: &'b [ContentPlace],
    pub(crate) events: &'b mut Vec<Event>,
    /// Where it leaves what queues no longer hold.
    pub(crate) discarded: &'b mut Discarded,
    pub(crate) upkeep: &'b mut Upkeep,
}

impl Context<'_> {
    pub(crate) fn tell_visible(&mut self, queue: &QueueKey, count: u64) {
        if count == 0 {
            return;
        }
        // Many requests of an entry are about the same queue.
        if let Some(Event::Visible {
            queue: last,
            count: before,
        }) = self.events.last_mut()
            && last == queue
        {
            *before += count;
            return;
        }
        self.events.push(Event::Visible {
            queue: queue.clone(),
            count,
        });
    }

    pub(crate) fn tell_visible_at(&mut self, queue: &QueueKey, stamp: Millis) {
        self.events.push(Event::VisibleAt {
            queue: queue.clone(),
            stamp,
        });
    }
}

impl State {
    /// The state as a snapshot holds it: all of it.
    #[must_use]
    pub fn for_snapshot(mut self) -> State {
        if is_planted(Bug::SnapshotWithoutRequestIds) {
            self.sessions = Sessions::default();
        }
        if is_planted(Bug::SnapshotWithoutDeduplication) {
            self.catalog.forget_duplicates();
        }
        self
    }

    /// Carries out a batch. `contents` tells where the content of each message lies that the
    /// batch sends, in order, also those of requests that turn out to be settled already.
    pub fn apply(&mut self, batch: &Batch, contents: &[ContentPlace]) -> Applied {
        let mut contents = contents;
        self.clock.stamp(batch.stamp);
        self.sessions.expire(self.clock.wall());
        let mut events = Vec::new();
        let mut discarded = Discarded::default();
        let mut upkeep = Upkeep::of_a_batch();
        let replies = batch.requests.iter().enumerate();
        let replies = replies
            .map(|(ordinal, request)| {
                let contents = take_contents(&mut contents, &request.command);
                if let Some(reply) = self.sessions.settled(self.clock.wall(), request) {
                    return reply;
                }
                let context = Context {
                    nonce: batch.nonce,
                    ordinal,
                    contents,
                    events: &mut events,
                    discarded: &mut discarded,
                    upkeep: &mut upkeep,
                };
                let reply = self.execute(&request.command, context);
                if is_worth_remembering(&request.command, &reply) {
                    self.sessions.remember(request, reply.clone());
                }
                reply
            })
            .collect();
        assert!(contents.is_empty(), "one place for each message");
        Applied {
            replies,
            events,
            discarded,
        }
    }

    fn execute(&mut self, command: &Command, mut context: Context<'_>) -> Reply<ContentPlace> {
        let context = &mut context;
        let now = self.clock.now();
        match command {
            Command::CreateQueue {
                queue,
                attributes,
                tags,
                cooldown,
            } => self.catalog.create(now, queue, attributes, tags, *cooldown),
            Command::DeleteQueue { queue } => self.delete_queue(queue, context),
            Command::GetQueueUrl { queue } => self.catalog.find(queue).map(|_| Outcome::Exists),
            Command::ListQueues {
                account,
                region,
                prefix,
                after,
                limit,
            } => Ok(self
                .catalog
                .list(account, region, prefix, after.as_deref(), *limit)),
            Command::GetQueueAttributes { queue } => {
                let queue = self.touch(queue, context)?;
                Ok(Outcome::Described(Box::new(queue.describe())))
            }
            Command::SetQueueAttributes { queue, changes } => {
                self.touch(queue, context)?;
                self.catalog.set_attributes(now, queue, changes)
            }
            Command::PurgeQueue { queue, cooldown } => {
                let purged = self.touch(queue, context)?;
                purged.purge(now, queue, *cooldown, context.discarded)
            }
            Command::SendMessages { queue, messages } => self.send(queue, messages, context),
            Command::ReceiveMessages {
                queue,
                max_messages,
                visibility_timeout,
                wait_time,
                attempt,
            } => self.receive(
                queue,
                *max_messages,
                *visibility_timeout,
                *wait_time,
                attempt.as_deref(),
                context,
            ),
            Command::DeleteMessages { queue, handles } => {
                self.delete_messages(queue, handles, context)
            }
            Command::ChangeMessageVisibilities { queue, changes } => {
                self.change_visibilities(queue, changes, context)
            }
            Command::AdvanceClock { millis } => {
                self.clock.advance(*millis);
                context.events.push(Event::ClockAdvanced);
                Ok(Outcome::ClockAdvanced(self.clock.now()))
            }
            Command::TagQueue { queue, tags } => self.catalog.find_mut(queue)?.tag(tags),
            Command::UntagQueue { queue, keys } => {
                self.catalog.find_mut(queue)?.untag(keys);
                Ok(Outcome::Done)
            }
            Command::ListQueueTags { queue } => {
                let queue = self.catalog.find(queue)?;
                Ok(Outcome::Tags(queue.tags.clone()))
            }
            Command::AddPermission {
                queue: key,
                label,
                accounts,
                actions,
            } => self
                .catalog
                .find_mut(key)?
                .add_permission(now, key, label, accounts, actions),
            Command::RemovePermission { queue, label } => {
                self.catalog.find_mut(queue)?.remove_permission(now, label)
            }
            Command::ListDeadLetterSourceQueues {
                queue,
                after,
                limit,
            } => self
                .catalog
                .dead_letter_sources(queue, after.as_ref(), *limit),
            Command::StartMessageMoveTask {
                source,
                destination,
                max_per_second,
            } => self.start_move_task(source, destination.as_ref(), *max_per_second, context),
            Command::ListMessageMoveTasks { source, limit } => self.list_move_tasks(source, *limit),
            Command::CancelMessageMoveTask { source, task } => self.cancel_move_task(source, *task),
            Command::MoveMessages { source, task } => self.move_messages(source, *task, context),
        }
    }

    /// Whether a receive proposed with this stamp would find something. Reads only.
    pub fn readiness(&self, queue: &QueueKey, stamp: Millis) -> Readiness {
        let Ok(queue) = self.catalog.find(queue) else {
            return Readiness::NoQueue;
        };
        if queue.messages.can_receive() {
            return Readiness::Now;
        }
        let retention = queue.attributes.message_retention_period;
        match queue.messages.next_change_at(retention) {
            None => Readiness::Empty,
            Some(moment) if moment <= self.clock.at(stamp) => Readiness::Now,
            Some(moment) => Readiness::At(self.clock.stamp_of(moment)),
        }
    }

    /// Whether a short poll of the queue would be refused. Reads only.
    pub fn is_at_in_flight_limit(&self, queue: &QueueKey) -> bool {
        let queue = self.catalog.find(queue);
        queue.is_ok_and(|queue| queue.messages.is_at_in_flight_limit())
    }

    /// The queue's own ReceiveMessageWaitTimeSeconds.
    pub fn receive_wait_time(&self, queue: &QueueKey) -> Option<Seconds> {
        let queue = self.catalog.find(queue).ok()?;
        Some(queue.attributes.receive_message_wait_time)
    }

    /// All queues with what is known of them, as of the last command that touched each.
    pub fn queues(&self) -> impl Iterator<Item = (&QueueKey, QueueDescription)> {
        let queues = self.catalog.iter();
        queues.map(|(key, queue)| (key, queue.describe()))
    }

    /// How many messages are in all queues together.
    pub fn messages(&self) -> u64 {
        let queues = self.catalog.iter();
        queues.map(|(_, queue)| queue.messages.len()).sum()
    }

    /// How many replies are remembered for requests that may come again.
    pub fn remembered_replies(&self) -> usize {
        self.sessions.replies()
    }

    /// Where the contents of all messages lie that are in any queue.
    pub fn content_places(&self) -> impl Iterator<Item = ContentPlace> + '_ {
        let queues = self.catalog.iter();
        queues.flat_map(|(_, queue)| queue.messages.content_places())
    }

    /// The move tasks that want [`Command::MoveMessages`], with their source queues.
    pub fn running_move_tasks(&self) -> impl Iterator<Item = (&QueueKey, MoveTaskId)> {
        self.move_tasks.running()
    }

    /// Equal on two replicas exactly if they hold the same (but for a collision).
    pub fn hash(&self) -> u64 {
        stable_hash(self)
    }
}

/// The places of the messages that this command sends: the next ones.
fn take_contents<'c>(contents: &mut &'c [ContentPlace], command: &Command) -> &'c [ContentPlace] {
    let count = match command {
        Command::SendMessages { messages, .. } => messages.len(),
        _ => 0,
    };
    let (taken, rest) = contents
        .split_at_checked(count)
        .unwrap_or_else(|| panic!("one place for each message"));
    *contents = rest;
    taken
}

/// A retry of these must not be carried out again. A receive that found nothing did nothing: a retry
/// may find something.
fn is_worth_remembering(command: &Command, reply: &Reply<ContentPlace>) -> bool {
    let found_nothing = matches!(reply, Ok(Outcome::Received(messages)) if messages.is_empty());
    command.changes_state() && !found_nothing
}

/// Whether a receive would find something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Something is visible.
    Now,
    /// Something becomes visible at this stamp, unless it is deleted or changed.
    At(Millis),
    /// Nothing is visible, delayed or in flight.
    Empty,
    /// There is no such queue.
    NoQueue,
}
