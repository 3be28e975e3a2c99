//! The naive model: all messages in one list, in the order in which they are received.

use zonemq_queue::command::CommandError;

pub(crate) struct Model {
    messages: Vec<Message>,
    wall_millis: u64,
    advanced_millis: u64,
    visibility_seconds: u32,
    delay_seconds: u32,
    retention_seconds: u32,
}

struct Message {
    body: u64,
    sent_at: u64,
    hidden: Hidden,
    first_received_at: u64,
    last_received_at: u64,
    receive_count: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hidden {
    DelayedUntil(u64),
    InFlightUntil(u64),
    No,
}

/// What a receiver sees of a message, but for its ids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) body: u64,
    pub(crate) sent_at: u64,
    pub(crate) first_received_at: u64,
    pub(crate) receive_count: u32,
}

/// The model's receipt handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) body: u64,
    pub(crate) receive_count: u32,
}

impl Model {
    pub(crate) fn new(wall_millis: u64) -> Model {
        Model {
            messages: Vec::new(),
            wall_millis,
            advanced_millis: 0,
            visibility_seconds: 30,
            delay_seconds: 0,
            retention_seconds: 345_600,
        }
    }

    pub(crate) fn now(&mut self, stamp: u64) -> u64 {
        self.wall_millis = self.wall_millis.max(stamp);
        self.wall_millis + self.advanced_millis
    }

    pub(crate) fn advance_clock(&mut self, seconds: u32) {
        self.advanced_millis += u64::from(seconds) * 1000;
    }

    /// What time has brought about.
    pub(crate) fn touch(&mut self, stamp: u64) -> u64 {
        let now = self.now(stamp);
        let retention_millis = u64::from(self.retention_seconds) * 1000;
        self.messages
            .retain(|message| message.sent_at + retention_millis > now);
        let mut due: Vec<(Hidden, u64)> = self
            .messages
            .iter()
            .filter(|message| match message.hidden {
                Hidden::DelayedUntil(until) | Hidden::InFlightUntil(until) => until <= now,
                Hidden::No => false,
            })
            .map(|message| (message.hidden, message.body))
            .collect();
        due.sort();
        for (_, body) in due {
            self.show(body);
        }
        now
    }

    /// Makes a hidden message visible, at the back if it was received three times.
    fn show(&mut self, body: u64) {
        let at = self.place(body).expect("it is there");
        self.messages[at].hidden = Hidden::No;
        if self.messages[at].receive_count >= 3 {
            let message = self.messages.remove(at);
            self.messages.push(message);
        }
    }

    fn place(&self, body: u64) -> Option<usize> {
        self.messages
            .iter()
            .position(|message| message.body == body)
    }

    pub(crate) fn send(&mut self, stamp: u64, messages: &[(u64, Option<u32>)]) {
        let now = self.touch(stamp);
        for &(body, delay) in messages {
            let hidden = match delay.unwrap_or(self.delay_seconds) {
                0 => Hidden::No,
                seconds => Hidden::DelayedUntil(now + u64::from(seconds) * 1000),
            };
            self.messages.push(Message {
                body,
                sent_at: now,
                hidden,
                first_received_at: 0,
                last_received_at: 0,
                receive_count: 0,
            });
        }
    }

    pub(crate) fn receive(&mut self, stamp: u64, max: u8, visibility: Option<u32>) -> Vec<Told> {
        let now = self.touch(stamp);
        let seconds = visibility.unwrap_or(self.visibility_seconds);
        let visible = self.messages.iter_mut().filter(|m| m.hidden == Hidden::No);
        let mut received = Vec::new();
        for message in visible.take(max.into()) {
            message.hidden = Hidden::InFlightUntil(now + u64::from(seconds) * 1000);
            message.receive_count += 1;
            message.last_received_at = now;
            if message.receive_count == 1 {
                message.first_received_at = now;
            }
            received.push(Told {
                body: message.body,
                sent_at: message.sent_at,
                first_received_at: message.first_received_at,
                receive_count: message.receive_count,
            });
        }
        received
    }

    pub(crate) fn delete(
        &mut self,
        stamp: u64,
        handles: &[Option<Delivery>],
    ) -> Vec<Result<(), CommandError>> {
        self.touch(stamp);
        let each = handles.iter().map(|handle| {
            let Some(delivery) = handle else {
                return Err(CommandError::ReceiptHandleIsInvalid);
            };
            self.messages
                .retain(|message| message.body != delivery.body);
            Ok(())
        });
        each.collect()
    }

    pub(crate) fn change_visibility(
        &mut self,
        stamp: u64,
        changes: &[(Option<Delivery>, u32)],
    ) -> Vec<Result<(), CommandError>> {
        let now = self.touch(stamp);
        let mut each = Vec::new();
        for (handle, seconds) in changes {
            each.push(self.change_one(now, *handle, *seconds));
        }
        each
    }

    fn change_one(
        &mut self,
        now: u64,
        handle: Option<Delivery>,
        seconds: u32,
    ) -> Result<(), CommandError> {
        let Some(delivery) = handle else {
            return Err(CommandError::ReceiptHandleIsInvalid);
        };
        let at = self
            .place(delivery.body)
            .ok_or(CommandError::MessageDoesNotExist)?;
        let message = &mut self.messages[at];
        if !matches!(message.hidden, Hidden::InFlightUntil(_)) {
            return Err(CommandError::MessageNotInflight);
        }
        let until = now + u64::from(seconds) * 1000;
        if until > message.last_received_at + 43_200_000 {
            return Err(CommandError::VisibilityBeyondLimit);
        }
        if seconds == 0 {
            self.show(delivery.body);
        } else {
            message.hidden = Hidden::InFlightUntil(until);
        }
        Ok(())
    }

    pub(crate) fn set(&mut self, stamp: u64, visibility: u32, delay: u32, retention: u32) {
        self.touch(stamp);
        self.visibility_seconds = visibility;
        self.delay_seconds = delay;
        self.retention_seconds = retention;
    }

    pub(crate) fn purge(&mut self) {
        self.messages.clear();
    }

    /// Visible, in flight, delayed.
    pub(crate) fn counts(&mut self, stamp: u64) -> (u64, u64, u64) {
        self.touch(stamp);
        let count = |wanted: fn(&Hidden) -> bool| {
            let messages = self.messages.iter();
            messages.filter(|message| wanted(&message.hidden)).count() as u64
        };
        (
            count(|hidden| *hidden == Hidden::No),
            count(|hidden| matches!(hidden, Hidden::InFlightUntil(_))),
            count(|hidden| matches!(hidden, Hidden::DelayedUntil(_))),
        )
    }

    /// On the leaders' clock.
    pub(crate) fn next_visible_at(&mut self, stamp: u64) -> Option<u64> {
        self.touch(stamp);
        let hidden = self
            .messages
            .iter()
            .filter_map(|message| match message.hidden {
                Hidden::DelayedUntil(until) | Hidden::InFlightUntil(until) => Some(until),
                Hidden::No => None,
            });
        hidden.min().map(|until| until - self.advanced_millis)
    }
}
