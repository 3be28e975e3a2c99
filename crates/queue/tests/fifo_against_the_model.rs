//! Whatever is asked of a FIFO queue with a dead-letter queue, it answers as a naive model does:
//! one list in the order of sending, searched from end to end.

mod log;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use zonemq_queue::attributes::{AttributeChanges, Change, RedrivePolicy};
use zonemq_queue::command::{Batch, Command, CommandError, Cooldown, Outcome, Reply, Request};
use zonemq_queue::ids::{QueueKey, RequestId, SessionId};
use zonemq_queue::message::{Content, NewMessage, ReceivedMessage, SentMessage};
use zonemq_queue::receipt::ReceiptHandle;
use zonemq_queue::time::{Millis, Seconds};

use log::Logged;

const VISIBILITY_SECONDS: u64 = 10;
const MOST_RECEIVES: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    /// To one of few groups, with one of few deduplication ids.
    Send {
        group: u8,
        id: u16,
    },
    Receive {
        max: u8,
    },
    /// The delivery that was given out so many deliveries ago.
    Delete {
        latest: usize,
    },
    ChangeVisibility {
        latest: usize,
        seconds: u32,
    },
    SetDelay {
        seconds: u32,
    },
    Pass {
        millis: u64,
    },
    /// A snapshot is taken, and restored.
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_u8, 0..60_u16).prop_map(|(group, id)| Step::Send { group, id }),
        6 => (1..=10_u8).prop_map(|max| Step::Receive { max }),
        4 => (0..8_usize).prop_map(|latest| Step::Delete { latest }),
        2 => (0..8_usize, 0..30_u32)
            .prop_map(|(latest, seconds)| Step::ChangeVisibility { latest, seconds }),
        1 => (0..4_u32).prop_map(|seconds| Step::SetDelay { seconds }),
        1 => Just(Step::Snapshot),
        4 => prop_oneof![0..3_000_u64, 0..12_000_u64, Just(300_000_u64)]
            .prop_map(|millis| Step::Pass { millis }),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Hidden {
    No,
    DelayedUntil(u64),
    InFlightUntil(u64),
}

struct Message {
    body: String,
    group: u8,
    hidden: Hidden,
    receive_count: u32,
}

#[derive(Default)]
struct Model {
    messages: Vec<Message>,
    graves: Vec<String>,
    /// Deduplication id, time, what was answered.
    accepted: Vec<(u16, u64, SentMessage)>,
    delay_seconds: u32,
}

impl Model {
    fn touch(&mut self, now: u64) {
        for message in &mut self.messages {
            if let Hidden::DelayedUntil(until) | Hidden::InFlightUntil(until) = message.hidden
                && until <= now
            {
                message.hidden = Hidden::No;
            }
        }
    }

    fn receive(&mut self, now: u64, max: u8) -> Vec<(String, u32)> {
        self.touch(now);
        let mut received = Vec::new();
        let mut locked = BTreeSet::new();
        let mut buried = BTreeSet::new();
        // Groups in the order of their first message, each as far as its line is visible.
        let mut seen = BTreeSet::new();
        let is_in_line =
            |message: &&mut Message| !matches!(message.hidden, Hidden::DelayedUntil(_));
        let in_line = self.messages.iter_mut().filter(is_in_line);
        let mut by_group: BTreeMap<u8, Vec<&mut Message>> = BTreeMap::new();
        let mut turns = Vec::new();
        for message in in_line {
            if seen.insert(message.group) {
                turns.push(message.group);
            }
            by_group.entry(message.group).or_default().push(message);
        }
        for group in turns {
            for message in by_group.remove(&group).into_iter().flatten() {
                if received.len() == usize::from(max) || message.hidden != Hidden::No {
                    locked.insert(group);
                }
                if locked.contains(&group) {
                    continue;
                }
                if message.receive_count >= MOST_RECEIVES {
                    buried.insert(message.body.clone());
                    continue;
                }
                message.receive_count += 1;
                message.hidden = Hidden::InFlightUntil(now + VISIBILITY_SECONDS * 1000);
                received.push((message.body.clone(), message.receive_count));
            }
        }
        for message in &self.messages {
            if buried.contains(&message.body) {
                self.graves.push(message.body.clone());
            }
        }
        self.messages
            .retain(|message| !buried.contains(&message.body));
        received
    }

    fn find(&mut self, body: &str) -> Option<usize> {
        self.messages
            .iter()
            .position(|message| message.body == body)
    }

    fn delete(&mut self, now: u64, body: &str, count: u32) -> Result<(), CommandError> {
        self.touch(now);
        let Some(at) = self.find(body) else {
            return Ok(());
        };
        let message = &self.messages[at];
        if message.receive_count != count || message.hidden == Hidden::No {
            return Err(CommandError::ReceiptHandleHasExpired);
        }
        self.messages.remove(at);
        Ok(())
    }

    fn change_visibility(
        &mut self,
        now: u64,
        body: &str,
        count: u32,
        seconds: u32,
    ) -> Result<(), CommandError> {
        self.touch(now);
        let at = self.find(body).ok_or(CommandError::MessageDoesNotExist)?;
        let message = &mut self.messages[at];
        if message.receive_count != count || message.hidden == Hidden::No {
            return Err(CommandError::MessageDoesNotExist);
        }
        message.hidden = match seconds {
            0 => Hidden::No,
            _ => Hidden::InFlightUntil(now + u64::from(seconds) * 1000),
        };
        Ok(())
    }
}

fn named(name: &str) -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "eu-central-1".to_owned(),
        name: name.to_owned(),
    }
}

struct Story {
    logged: Logged,
    model: Model,
    now: Millis,
    sequence: u64,
    given: Vec<(ReceiptHandle, String, u32)>,
}

impl Story {
    fn begin() -> Story {
        let mut story = Story {
            logged: Logged::default(),
            model: Model::default(),
            now: Millis(0),
            sequence: 0,
            given: Vec::new(),
        };
        let create = |queue, redrive_policy| Command::CreateQueue {
            queue,
            attributes: Box::new(AttributeChanges {
                visibility_timeout: Some(Seconds(10)),
                redrive_policy,
                ..AttributeChanges::default()
            }),
            tags: BTreeMap::new(),
            cooldown: Cooldown::Off,
        };
        let policy = RedrivePolicy {
            dead_letter_queue: named("graves.fifo"),
            max_receive_count: MOST_RECEIVES,
        };
        story
            .ask(create(named("graves.fifo"), None))
            .expect("created");
        let with_graves = create(named("orders.fifo"), Some(Change::Set(policy)));
        story.ask(with_graves).expect("created");
        story
    }

    fn ask(&mut self, command: Command) -> Reply {
        self.sequence += 1;
        let batch = Batch {
            stamp: self.now,
            nonce: u128::from(self.sequence),
            requests: vec![Request {
                id: RequestId {
                    session: SessionId(7),
                    sequence: self.sequence,
                },
                finished_below: self.sequence,
                command,
            }],
        };
        let (mut replies, _) = self.logged.apply(&batch);
        replies.pop().expect("one request, one reply")
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Send { group, id } => self.send(*group, *id),
            Step::Receive { max } => {
                let expected = self.model.receive(self.now.0, *max);
                let received = self.receive("orders.fifo", *max);
                let told: Vec<(String, u32)> = received
                    .iter()
                    .map(|message| (body_of(message), message.receive_count))
                    .collect();
                assert_eq!(told, expected);
                for message in received {
                    let body = body_of(&message);
                    self.given
                        .push((message.receipt_handle, body, message.receive_count));
                }
            }
            Step::Delete { latest } => {
                let Some((handle, body, count)) = self.given.iter().rev().nth(*latest).cloned()
                else {
                    return;
                };
                let expected = self.model.delete(self.now.0, &body, count);
                let reply = self.ask(Command::DeleteMessages {
                    queue: named("orders.fifo"),
                    handles: vec![handle],
                });
                assert_eq!(reply, Ok(Outcome::Each(vec![expected])));
            }
            Step::ChangeVisibility { latest, seconds } => {
                let Some((handle, body, count)) = self.given.iter().rev().nth(*latest).cloned()
                else {
                    return;
                };
                let now = self.now.0;
                let expected = self.model.change_visibility(now, &body, count, *seconds);
                let reply = self.ask(Command::ChangeMessageVisibilities {
                    queue: named("orders.fifo"),
                    changes: vec![(handle, Seconds(*seconds))],
                });
                assert_eq!(reply, Ok(Outcome::Each(vec![expected])));
            }
            Step::SetDelay { seconds } => {
                self.model.delay_seconds = *seconds;
                let reply = self.ask(Command::SetQueueAttributes {
                    queue: named("orders.fifo"),
                    changes: Box::new(AttributeChanges {
                        delay: Some(Seconds(*seconds)),
                        ..AttributeChanges::default()
                    }),
                });
                assert_eq!(reply, Ok(Outcome::Done));
            }
            Step::Snapshot => self.logged.restore_from_snapshot(),
            Step::Pass { millis } => self.now.0 += millis,
        }
    }

    fn send(&mut self, group: u8, id: u16) {
        let body = format!("{group}/{id}@{}", self.now.0);
        let message = NewMessage {
            content: Content {
                body: body.clone().into(),
                attributes: BTreeMap::new(),
                trace_header: None,
                sender_id: "000000000000".to_owned(),
                deduplication_id: Some(id.to_string()),
            },
            delay: None,
            message_group: Some(group.to_string()),
        };
        let reply = self.ask(Command::SendMessages {
            queue: named("orders.fifo"),
            messages: vec![message],
        });
        let Ok(Outcome::Sent(mut sent)) = reply else {
            panic!("a send is answered by what was sent");
        };
        let sent = sent.remove(0).expect("accepted");
        let now = self.now.0;
        self.model.touch(now);
        self.model.accepted.retain(|(_, at, _)| at + 300_000 > now);
        let original = self
            .model
            .accepted
            .iter()
            .find(|(known, _, _)| *known == id);
        if let Some((_, _, original)) = original {
            assert_eq!(&sent, original, "a duplicate is answered as its original");
            return;
        }
        self.model.accepted.push((id, now, sent));
        self.model.messages.push(Message {
            body,
            group,
            hidden: match self.model.delay_seconds {
                0 => Hidden::No,
                seconds => Hidden::DelayedUntil(now + u64::from(seconds) * 1000),
            },
            receive_count: 0,
        });
    }

    fn receive(&mut self, queue: &str, max: u8) -> Vec<ReceivedMessage> {
        let reply = self.ask(Command::ReceiveMessages {
            queue: named(queue),
            max_messages: max,
            visibility_timeout: None,
            wait_time: None,
            attempt: None,
        });
        match reply {
            Ok(Outcome::Received(received)) => received,
            other => panic!("a receive is answered by what was received: {other:?}"),
        }
    }

    /// Everything that was buried is in the dead-letter queue, once, in order within its group.
    fn dig_up(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            let received = self.receive("graves.fifo", 10);
            if received.is_empty() {
                return found;
            }
            for message in &received {
                found.push(body_of(message));
            }
            let handles = received.iter().map(|message| message.receipt_handle);
            let delete = Command::DeleteMessages {
                queue: named("graves.fifo"),
                handles: handles.collect(),
            };
            self.ask(delete).expect("deleted");
        }
    }
}

fn body_of(message: &ReceivedMessage) -> String {
    String::from_utf8_lossy(&message.content.body).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_fifo_queue_answers_as_the_model_does(steps in prop::collection::vec(step(), 1..100)) {
        let mut story = Story::begin();
        for step in &steps {
            story.take(step);
        }
        let mut buried = story.model.graves.clone();
        let mut found = story.dig_up();
        buried.sort();
        found.sort();
        prop_assert_eq!(found, buried);
    }
}
