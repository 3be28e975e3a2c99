//! The replicated state: all queues, the clock and the memory of requests.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::attributes::{AttributeChanges, QueueAttributes, QueueDescription, Tags};
use crate::clock::QueueClock;
use crate::command::{Applied, Batch, Command, CommandError, Event, Outcome, Reply};
use crate::hash::stable_hash;
use crate::identity;
use crate::ids::{QueueId, QueueKey};
use crate::message::{NewMessage, SentMessage};
use crate::receipt::ReceiptHandle;
use crate::sessions::Sessions;
use crate::standard_queue::StandardQueue;
use crate::time::{Millis, Seconds};

/// Everything that one Raft group holds. The same batches in the same order give the same state
/// on every replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    clock: QueueClock,
    queues: BTreeMap<QueueKey, Queue>,
    queues_created: u64,
    sessions: Sessions,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Queue {
    id: QueueId,
    attributes: QueueAttributes,
    tags: Tags,
    created_at: Millis,
    last_modified_at: Millis,
    messages: StandardQueue,
}

impl Queue {
    fn describe(&self) -> QueueDescription {
        let counts = self.messages.counts();
        QueueDescription {
            attributes: self.attributes.clone(),
            created_at: self.created_at,
            last_modified_at: self.last_modified_at,
            visible: counts.visible,
            in_flight: counts.in_flight,
            delayed: counts.delayed,
        }
    }
}

/// A retry of these must not be carried out again. A receive that found nothing did nothing, and
/// the leader proposes it again under the same name when something has come.
fn is_worth_remembering(command: &Command, reply: &Reply) -> bool {
    let found_nothing = matches!(reply, Ok(Outcome::Received(messages)) if messages.is_empty());
    command.changes_state() && !found_nothing
}

fn tell_visible(queue: &QueueKey, count: u64, events: &mut Vec<Event>) {
    if count > 0 {
        events.push(Event::Visible {
            queue: queue.clone(),
            count,
        });
    }
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

impl State {
    /// Carries out a batch.
    pub fn apply(&mut self, batch: &Batch) -> Applied {
        self.clock.stamp(batch.stamp);
        self.sessions.expire(self.clock.wall());
        let mut events = Vec::new();
        let replies = batch
            .requests
            .iter()
            .enumerate()
            .map(|(ordinal, request)| {
                if let Some(reply) = self.sessions.settled(self.clock.wall(), request) {
                    return reply;
                }
                let reply = self.execute(&request.command, batch.nonce, ordinal, &mut events);
                if is_worth_remembering(&request.command, &reply) {
                    self.sessions.remember(request, reply.clone());
                }
                reply
            })
            .collect();
        Applied { replies, events }
    }

    fn execute(
        &mut self,
        command: &Command,
        nonce: u128,
        ordinal: usize,
        events: &mut Vec<Event>,
    ) -> Reply {
        let now = self.clock.now();
        match command {
            Command::CreateQueue {
                queue,
                attributes,
                tags,
                cooldown: _,
            } => self.create_queue(queue, attributes, tags),
            Command::DeleteQueue { queue } => {
                self.queues
                    .remove(queue)
                    .ok_or(CommandError::QueueDoesNotExist)?;
                events.push(Event::QueueDeleted {
                    queue: queue.clone(),
                });
                Ok(Outcome::Done)
            }
            Command::GetQueueUrl { queue } => self
                .queues
                .get(queue)
                .map(|_| Outcome::Exists)
                .ok_or(CommandError::QueueDoesNotExist),
            Command::ListQueues {
                account,
                region,
                prefix,
                after,
                limit,
            } => Ok(self.list_queues(account, region, prefix, after.as_deref(), *limit)),
            Command::GetQueueAttributes { queue } => {
                let queue = self.touch(queue, events)?;
                Ok(Outcome::Described(queue.describe()))
            }
            Command::SetQueueAttributes { queue, changes } => {
                let queue = self.touch(queue, events)?;
                changes.apply_to(&mut queue.attributes);
                queue.last_modified_at = now;
                Ok(Outcome::Done)
            }
            Command::PurgeQueue { queue, cooldown: _ } => {
                self.touch(queue, events)?.messages.purge();
                Ok(Outcome::Done)
            }
            Command::SendMessages { queue, messages } => {
                self.send(queue, messages, nonce, ordinal, events)
            }
            Command::ReceiveMessages {
                queue,
                max_messages,
                visibility_timeout,
                wait_time,
                attempt: _,
            } => self.receive(
                queue,
                *max_messages,
                *visibility_timeout,
                *wait_time,
                events,
            ),
            Command::DeleteMessages { queue, handles } => {
                self.delete_messages(queue, handles, events)
            }
            Command::ChangeMessageVisibilities { queue, changes } => {
                self.change_visibilities(queue, changes, events)
            }
            Command::AdvanceClock { millis } => {
                self.clock.advance(*millis);
                events.push(Event::ClockAdvanced);
                Ok(Outcome::ClockAdvanced(self.clock.now()))
            }
            _ => todo!("the rest of issue 3"),
        }
    }
}

impl State {
    fn create_queue(&mut self, key: &QueueKey, changes: &AttributeChanges, tags: &Tags) -> Reply {
        if let Some(queue) = self.queues.get(key) {
            return match changes.first_difference(&queue.attributes) {
                None => Ok(Outcome::Exists),
                Some(attribute) => Err(CommandError::QueueNameExists {
                    attribute: attribute.to_owned(),
                }),
            };
        }
        let now = self.clock.now();
        let mut attributes = QueueAttributes::defaults_for(key);
        changes.apply_to(&mut attributes);
        self.queues_created += 1;
        let queue = Queue {
            id: QueueId(self.queues_created),
            attributes,
            tags: tags.clone(),
            created_at: now,
            last_modified_at: now,
            messages: StandardQueue::default(),
        };
        self.queues.insert(key.clone(), queue);
        Ok(Outcome::Exists)
    }

    fn list_queues(
        &self,
        account: &str,
        region: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Outcome {
        let key = |name: &str| QueueKey {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        };
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(key(after)),
            _ => Bound::Included(key(prefix)),
        };
        let mut names = self
            .queues
            .range((from, Bound::Unbounded))
            .map(|(key, _)| key)
            .take_while(|key| {
                key.account == account && key.region == region && key.name.starts_with(prefix)
            })
            .map(|key| key.name.clone());
        let page: Vec<String> = names.by_ref().take(limit.into()).collect();
        Outcome::Queues {
            more: names.next().is_some(),
            names: page,
        }
    }

    fn send(
        &mut self,
        key: &QueueKey,
        messages: &[NewMessage],
        nonce: u128,
        request: usize,
        events: &mut Vec<Event>,
    ) -> Reply {
        let clock = self.clock;
        let now = clock.now();
        let queue = self.touch(key, events)?;
        let mut became_visible = 0;
        let mut sent = Vec::with_capacity(messages.len());
        for (ordinal, message) in messages.iter().enumerate() {
            let limit = queue.attributes.maximum_message_size;
            if message.size_bytes() > limit as usize {
                sent.push(Err(CommandError::MessageTooLong { limit }));
                continue;
            }
            let identity = identity::of_message(nonce, request, ordinal);
            let delay = message.delay.unwrap_or(queue.attributes.delay);
            queue.messages.send(now, identity, message.clone(), delay);
            if delay == Seconds(0) {
                became_visible += 1;
            } else {
                events.push(Event::VisibleAt {
                    queue: key.clone(),
                    stamp: clock.stamp_of(now + delay),
                });
            }
            sent.push(Ok(SentMessage {
                id: identity.id,
                sequence_number: None,
            }));
        }
        tell_visible(key, became_visible, events);
        Ok(Outcome::Sent(sent))
    }

    fn receive(
        &mut self,
        key: &QueueKey,
        max_messages: u8,
        visibility_timeout: Option<Seconds>,
        wait_time: Option<Seconds>,
        events: &mut Vec<Event>,
    ) -> Reply {
        let clock = self.clock;
        let now = clock.now();
        let queue = self.touch(key, events)?;
        let wait_time = wait_time.unwrap_or(queue.attributes.receive_message_wait_time);
        let is_short_poll = wait_time == Seconds(0);
        if is_short_poll && queue.messages.is_at_in_flight_limit() {
            return Err(CommandError::OverLimit);
        }
        let timeout = visibility_timeout.unwrap_or(queue.attributes.visibility_timeout);
        let received = queue.messages.receive(queue.id, now, max_messages, timeout);
        if !received.is_empty() {
            events.push(Event::VisibleAt {
                queue: key.clone(),
                stamp: clock.stamp_of(now + timeout),
            });
        }
        Ok(Outcome::Received(received))
    }

    fn delete_messages(
        &mut self,
        key: &QueueKey,
        handles: &[ReceiptHandle],
        events: &mut Vec<Event>,
    ) -> Reply {
        let queue = self.touch(key, events)?;
        let could_not_receive = queue.messages.is_at_in_flight_limit();
        let each = handles
            .iter()
            .map(|handle| queue.messages.delete(queue.id, handle))
            .collect();
        if could_not_receive && queue.messages.can_receive() {
            tell_visible(key, queue.messages.counts().visible, events);
        }
        Ok(Outcome::Each(each))
    }

    fn change_visibilities(
        &mut self,
        key: &QueueKey,
        changes: &[(ReceiptHandle, Seconds)],
        events: &mut Vec<Event>,
    ) -> Reply {
        let clock = self.clock;
        let queue = self.touch(key, events)?;
        let mut became_visible = 0;
        let mut each = Vec::with_capacity(changes.len());
        for (handle, timeout) in changes {
            let hidden = queue
                .messages
                .change_visibility(queue.id, clock.now(), handle, *timeout);
            each.push(hidden.map(|until| match until {
                None => became_visible += 1,
                Some(until) => events.push(Event::VisibleAt {
                    queue: key.clone(),
                    stamp: clock.stamp_of(until),
                }),
            }));
        }
        tell_visible(key, became_visible, events);
        Ok(Outcome::Each(each))
    }

    /// The queue, with everything done that time has brought about.
    fn touch(
        &mut self,
        key: &QueueKey,
        events: &mut Vec<Event>,
    ) -> Result<&mut Queue, CommandError> {
        let now = self.clock.now();
        let queue = self
            .queues
            .get_mut(key)
            .ok_or(CommandError::QueueDoesNotExist)?;
        let retention = queue.attributes.message_retention_period;
        let became_visible = queue.messages.advance(now, retention);
        tell_visible(key, became_visible, events);
        Ok(queue)
    }

    /// Whether a receive proposed with this stamp would find something. Reads only.
    pub fn readiness(&self, queue: &QueueKey, stamp: Millis) -> Readiness {
        let Some(queue) = self.queues.get(queue) else {
            return Readiness::NoQueue;
        };
        if queue.messages.can_receive() {
            return Readiness::Now;
        }
        match queue.messages.next_visible_at() {
            None => Readiness::Empty,
            Some(moment) if moment <= self.clock.at(stamp) => Readiness::Now,
            Some(moment) => Readiness::At(self.clock.stamp_of(moment)),
        }
    }

    /// The queue's own ReceiveMessageWaitTimeSeconds.
    pub fn receive_wait_time(&self, queue: &QueueKey) -> Option<Seconds> {
        let queue = self.queues.get(queue)?;
        Some(queue.attributes.receive_message_wait_time)
    }

    /// All queues with what is known of them, as of the last command that touched each.
    pub fn queues(&self) -> impl Iterator<Item = (&QueueKey, QueueDescription)> {
        self.queues
            .iter()
            .map(|(key, queue)| (key, queue.describe()))
    }

    /// Equal on two replicas exactly if they hold the same (but for a collision).
    pub fn hash(&self) -> u64 {
        stable_hash(self)
    }
}
