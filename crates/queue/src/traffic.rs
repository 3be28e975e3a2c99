//! What senders and receivers ask for.

use std::sync::Arc;

use zonemq_planted::{Bug, is_planted};

use crate::catalog::Queue;
use crate::command::{CommandError, Event, Outcome, Reply};
use crate::deduplication::{self, Deduplication, DeduplicationKey};
use crate::identity;
use crate::ids::QueueKey;
use crate::message::{ContentPlace, NewMessage, SentMessage};
use crate::messages::StoredMessage;
use crate::receipt::ReceiptHandle;
use crate::state::{Context, State};
use crate::time::{Millis, Seconds};

impl State {
    /// The queue, with everything done that time has brought about, as far as one batch does it.
    pub(crate) fn touch(
        &mut self,
        key: &QueueKey,
        context: &mut Context<'_>,
    ) -> Result<&mut Queue, CommandError> {
        let now = self.clock.now();
        let queue = self.catalog.find_mut(key)?;
        let retention = queue.attributes.message_retention_period;
        queue.messages.advance(now, retention, context.upkeep);
        queue.deduplication.advance(now, context.upkeep);
        context.tell_visible(key, queue.messages.take_became_receivable());
        Ok(queue)
    }

    pub(crate) fn send(
        &mut self,
        key: &QueueKey,
        messages: &[NewMessage],
        context: &mut Context<'_>,
    ) -> Reply<ContentPlace> {
        let clock = self.clock;
        let now = clock.now();
        let queue = self.touch(key, context)?;
        let mut sent = Vec::with_capacity(messages.len());
        for (ordinal, (message, content)) in messages.iter().zip(context.contents).enumerate() {
            let identity = identity::of_message(context.nonce, context.ordinal, ordinal);
            let accepted = if ordinal > 0 && is_planted(Bug::BatchKeepsTheFirst) {
                let sent = SentMessage {
                    id: identity.id,
                    sequence_number: None,
                };
                Ok((sent, None))
            } else {
                queue.accept(now, identity, message, *content)
            };
            if let Ok((_, Some(visible_at))) = accepted {
                context.tell_visible_at(key, clock.stamp_of(visible_at));
            }
            sent.push(accepted.map(|(sent, _)| sent));
        }
        context.tell_visible(key, queue.messages.take_became_receivable());
        Ok(Outcome::Sent(sent))
    }

    pub(crate) fn receive(
        &mut self,
        key: &QueueKey,
        max_messages: u8,
        visibility_timeout: Option<Seconds>,
        wait_time: Option<Seconds>,
        attempt: Option<&str>,
        context: &mut Context<'_>,
    ) -> Reply<ContentPlace> {
        let clock = self.clock;
        let now = clock.now();
        let dead_letter_queue = self.dead_letter_queue_of(key);
        let queue = self.touch(key, context)?;
        if queue.holds_expired_messages(now) {
            return Ok(Outcome::Received(Vec::new()));
        }
        let timeout = visibility_timeout.unwrap_or(queue.attributes.visibility_timeout);
        if let Some(attempt) = attempt {
            let again = queue
                .messages
                .receive_again(queue.id, now, timeout, attempt);
            if !again.is_empty() {
                context.tell_visible_at(key, clock.stamp_of(now + timeout));
                return Ok(Outcome::Received(again));
            }
        }
        let wait_time = wait_time.unwrap_or(queue.attributes.receive_message_wait_time);
        let is_short_poll = wait_time == Seconds(0);
        // AWS refuses no receive of a FIFO queue for this.
        if is_short_poll && !key.is_fifo() && queue.messages.is_at_in_flight_limit() {
            return Err(CommandError::OverLimit);
        }
        let most_receives = dead_letter_queue.as_ref().map(|(_, most)| *most);
        let receipts = queue
            .messages
            .receive(queue.id, now, max_messages, timeout, most_receives);
        if let Some(attempt) = attempt
            && !receipts.received.is_empty()
        {
            let until = now + timeout;
            queue
                .messages
                .remember_attempt(now, until, attempt, &receipts.received);
        }
        context.tell_visible(key, queue.messages.take_became_receivable());
        if !receipts.received.is_empty() {
            context.tell_visible_at(key, clock.stamp_of(now + timeout));
        }
        if let Some((target, _)) = dead_letter_queue {
            self.bury(key, &target, receipts.dead_letters, context)?;
        }
        Ok(Outcome::Received(receipts.received))
    }

    /// Where the dead letters of a queue go, and after how many receives; nowhere as long as the
    /// dead-letter queue does not exist.
    fn dead_letter_queue_of(&self, key: &QueueKey) -> Option<(QueueKey, u32)> {
        let queue = self.catalog.find(key).ok()?;
        let policy = queue.attributes.redrive_policy.as_ref()?;
        let target = &policy.dead_letter_queue;
        self.catalog.find(target).ok()?;
        (target != key).then(|| (target.clone(), policy.max_receive_count))
    }

    fn bury(
        &mut self,
        source: &QueueKey,
        target: &QueueKey,
        letters: Vec<StoredMessage>,
        context: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        if letters.is_empty() || is_planted(Bug::DeadLetterLost) {
            return Ok(());
        }
        let now = self.clock.now();
        let queue = self.touch(target, context)?;
        let source = Arc::new(source.clone());
        for letter in letters {
            queue.messages.bury(now, Arc::clone(&source), letter);
        }
        context.tell_visible(target, queue.messages.take_became_receivable());
        Ok(())
    }

    pub(crate) fn delete_messages(
        &mut self,
        key: &QueueKey,
        handles: &[ReceiptHandle],
        context: &mut Context<'_>,
    ) -> Reply<ContentPlace> {
        let queue = self.touch(key, context)?;
        let could_not_receive = queue.messages.is_at_in_flight_limit();
        let each = handles
            .iter()
            .map(|handle| queue.messages.delete(queue.id, handle))
            .collect();
        if is_planted(Bug::DeduplicationForgottenOnDelete) {
            queue.deduplication = Deduplication::default();
        }
        context.tell_visible(key, queue.messages.take_became_receivable());
        if could_not_receive && queue.messages.can_receive() {
            context.tell_visible(key, queue.messages.counts().visible);
        }
        Ok(Outcome::Each(each))
    }

    pub(crate) fn change_visibilities(
        &mut self,
        key: &QueueKey,
        changes: &[(ReceiptHandle, Seconds)],
        context: &mut Context<'_>,
    ) -> Reply<ContentPlace> {
        let clock = self.clock;
        let queue = self.touch(key, context)?;
        let mut each = Vec::with_capacity(changes.len());
        for (handle, timeout) in changes {
            let hidden = queue
                .messages
                .change_visibility(queue.id, clock.now(), handle, *timeout);
            if let Ok(Some(until)) = hidden {
                context.tell_visible_at(key, clock.stamp_of(until));
            }
            each.push(hidden.map(drop));
        }
        context.tell_visible(key, queue.messages.take_became_receivable());
        Ok(Outcome::Each(each))
    }

    pub(crate) fn delete_queue(
        &mut self,
        key: &QueueKey,
        context: &mut Context<'_>,
    ) -> Reply<ContentPlace> {
        let now = self.clock.now();
        self.catalog.delete(now, key, context.discarded)?;
        self.move_tasks.forget(key);
        context
            .events
            .push(Event::QueueDeleted { queue: key.clone() });
        Ok(Outcome::Done)
    }
}

impl Queue {
    /// Whether more messages have expired than one batch could drop. Until they are gone nothing is
    /// received or moved: some of them would be.
    pub(crate) fn holds_expired_messages(&self, now: Millis) -> bool {
        let retention = self.attributes.message_retention_period;
        self.messages.expired(now, retention).is_some()
    }

    /// Takes one message in; tells when it becomes visible if that is not now. A duplicate is
    /// answered as its original was, and not taken in.
    fn accept(
        &mut self,
        now: Millis,
        identity: identity::Identity,
        message: &NewMessage,
        content: ContentPlace,
    ) -> Result<(SentMessage, Option<Millis>), CommandError> {
        let limit = self.attributes.maximum_message_size;
        if message.content.size_bytes() > limit as usize {
            return Err(CommandError::MessageTooLong { limit });
        }
        let group = message.message_group.as_deref();
        let Some(fifo) = self.attributes.fifo else {
            let delay = message.delay.unwrap_or(self.attributes.delay);
            self.messages.send(now, delay, identity, content, group);
            let sent = SentMessage {
                id: identity.id,
                sequence_number: None,
            };
            return Ok((sent, (delay > Seconds(0)).then(|| now + delay)));
        };
        let id = deduplication::id_of(fifo, &message.content)
            .ok_or(CommandError::DeduplicationIdMissing)?;
        let key = DeduplicationKey::new(fifo, message, id);
        if let Some(original) = self.deduplication.find(now, &key) {
            return Ok((original.clone(), None));
        }
        // Messages of one group must not overtake each other: only the queue has a delay.
        let delay = self.attributes.delay;
        let number = self.messages.send(now, delay, identity, content, group);
        let sent = self.deduplication.remember(now, key, identity.id, number);
        Ok((sent, (delay > Seconds(0)).then(|| now + delay)))
    }
}
