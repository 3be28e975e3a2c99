//! Whatever is asked of a queue in whatever order, it answers as a naive model does: a list of
//! messages that is searched from end to end. Also, replicas that applied the same hold the same.

mod log;
mod model;

use std::collections::BTreeMap;

use proptest::prelude::*;
use zonemq_queue::attributes::AttributeChanges;
use zonemq_queue::command::{Batch, Command, Cooldown, Outcome, Reply, Request};
use zonemq_queue::ids::{MessageKey, QueueId, QueueKey, RequestId, SessionId};
use zonemq_queue::message::{Content, NewMessage};
use zonemq_queue::receipt::ReceiptHandle;
use zonemq_queue::state::Readiness;
use zonemq_queue::time::{Millis, Seconds};

use log::Logged;
use model::{Model, Told};

/// One step of a random story.
#[derive(Clone, Debug)]
enum Step {
    Send {
        delays: Vec<Option<u32>>,
    },
    Receive {
        max: u8,
        visibility: Option<u32>,
    },
    /// Handles by their place among all that were given out, counted from the latest.
    Delete {
        handles: Vec<usize>,
    },
    ChangeVisibility {
        changes: Vec<(usize, u32)>,
    },
    SetAttributes {
        visibility: u32,
        delay: u32,
        retention: u32,
    },
    Purge,
    Advance {
        seconds: u32,
    },
    Pass {
        millis: u64,
    },
    /// A snapshot is taken, and restored.
    Snapshot,
    /// The clock of a new leader is behind that of the old one.
    TurnBack {
        millis: u64,
    },
    /// The latest request comes once more.
    Retry,
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = prop_oneof![Just(0_u32), 1..5_u32, 1..100_u32];
    let handle = prop_oneof![0..4_usize, 0..40_usize];
    prop_oneof![
        4 => prop::collection::vec(prop::option::of(seconds.clone()), 1..4)
            .prop_map(|delays| Step::Send { delays }),
        5 => (1..=10_u8, prop::option::of(seconds.clone()))
            .prop_map(|(max, visibility)| Step::Receive { max, visibility }),
        3 => prop::collection::vec(handle.clone(), 1..4)
            .prop_map(|handles| Step::Delete { handles }),
        2 => prop::collection::vec((handle, prop_oneof![0..20_u32, 43_190..43_201_u32]), 1..4)
            .prop_map(|changes| Step::ChangeVisibility { changes }),
        1 => (seconds.clone(), seconds.clone(), 60..120_u32).prop_map(
            |(visibility, delay, retention)| Step::SetAttributes { visibility, delay, retention }
        ),
        1 => Just(Step::Purge),
        1 => seconds.prop_map(|seconds| Step::Advance { seconds }),
        6 => prop_oneof![0..3_000_u64, 0..40_000_u64].prop_map(|millis| Step::Pass { millis }),
        1 => (0..5_000_u64).prop_map(|millis| Step::TurnBack { millis }),
        1 => Just(Step::Retry),
        1 => Just(Step::Snapshot),
    ]
}

fn queue() -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "eu-central-1".to_owned(),
        name: "orders".to_owned(),
    }
}

/// Runs a story on the real state and on the model, side by side.
struct Story {
    logged: Logged,
    model: Model,
    /// The leader's clock.
    stamp: Millis,
    sequence: u64,
    sent: u64,
    /// Handles as given out, with the model's name for each.
    handles: Vec<(ReceiptHandle, model::Delivery)>,
    batches: Vec<Batch>,
}

impl Story {
    fn begin() -> Story {
        let mut story = Story {
            logged: Logged::default(),
            model: Model::new(1_000_000),
            stamp: Millis(1_000_000),
            sequence: 0,
            sent: 0,
            handles: Vec::new(),
            batches: Vec::new(),
        };
        let reply = story.ask(Command::CreateQueue {
            queue: queue(),
            attributes: Box::default(),
            tags: BTreeMap::new(),
            cooldown: Cooldown::Off,
        });
        assert_eq!(reply, Ok(Outcome::Exists));
        story
    }

    fn ask(&mut self, command: Command) -> Reply {
        self.sequence += 1;
        let batch = Batch {
            stamp: self.stamp,
            nonce: u128::from(self.sequence),
            requests: vec![Request {
                id: RequestId {
                    session: SessionId(7),
                    sequence: self.sequence,
                },
                finished_below: 0,
                command,
            }],
        };
        self.batches.push(batch.clone());
        let (mut replies, _) = self.logged.apply(&batch);
        replies.pop().expect("one request, one reply")
    }

    fn handle(&self, latest: usize) -> (ReceiptHandle, Option<model::Delivery>) {
        let given_out = self.handles.len().checked_sub(latest + 1);
        match given_out.map(|at| self.handles[at]) {
            Some((handle, delivery)) => (handle, Some(delivery)),
            None => (FORGED, None),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Send { delays } => self.send(delays),
            Step::Receive { max, visibility } => self.receive(*max, *visibility),
            Step::Delete { handles } => {
                let handles: Vec<_> = handles.iter().map(|at| self.handle(*at)).collect();
                let told = self.model.delete(
                    self.stamp.0,
                    &handles.iter().map(|h| h.1).collect::<Vec<_>>(),
                );
                let reply = self.ask(Command::DeleteMessages {
                    queue: queue(),
                    handles: handles.iter().map(|h| h.0).collect(),
                });
                assert_eq!(reply, Ok(Outcome::Each(told)));
            }
            Step::ChangeVisibility { changes } => {
                let changes: Vec<_> = changes
                    .iter()
                    .map(|(at, seconds)| (self.handle(*at), *seconds))
                    .collect();
                let for_model: Vec<_> = changes.iter().map(|((_, d), s)| (*d, *s)).collect();
                let told = self.model.change_visibility(self.stamp.0, &for_model);
                let reply = self.ask(Command::ChangeMessageVisibilities {
                    queue: queue(),
                    changes: changes
                        .iter()
                        .map(|((h, _), s)| (*h, Seconds(*s)))
                        .collect(),
                });
                assert_eq!(reply, Ok(Outcome::Each(told)));
            }
            Step::SetAttributes {
                visibility,
                delay,
                retention,
            } => {
                self.model
                    .set(self.stamp.0, *visibility, *delay, *retention);
                let reply = self.ask(Command::SetQueueAttributes {
                    queue: queue(),
                    changes: Box::new(AttributeChanges {
                        visibility_timeout: Some(Seconds(*visibility)),
                        delay: Some(Seconds(*delay)),
                        message_retention_period: Some(Seconds(*retention)),
                        ..AttributeChanges::default()
                    }),
                });
                assert_eq!(reply, Ok(Outcome::Done));
            }
            Step::Purge => {
                self.model.purge();
                let reply = self.ask(Command::PurgeQueue {
                    queue: queue(),
                    cooldown: Cooldown::Off,
                });
                assert_eq!(reply, Ok(Outcome::Done));
            }
            Step::Advance { seconds } => {
                self.model.advance_clock(*seconds);
                let millis = Seconds(*seconds).as_millis();
                let reply = self.ask(Command::AdvanceClock { millis });
                let now = self.model.now(self.stamp.0);
                assert_eq!(reply, Ok(Outcome::ClockAdvanced(Millis(now))));
            }
            Step::Snapshot => self.logged.restore_from_snapshot(),
            Step::Pass { millis } => self.stamp.0 += millis,
            Step::TurnBack { millis } => self.stamp.0 -= millis,
            Step::Retry => self.retry(),
        }
        self.compare();
    }

    fn send(&mut self, delays: &[Option<u32>]) {
        let messages = delays.iter().map(|delay| {
            self.sent += 1;
            (self.sent, *delay)
        });
        let messages: Vec<(u64, Option<u32>)> = messages.collect();
        self.model.send(self.stamp.0, &messages);
        let reply = self.ask(Command::SendMessages {
            queue: queue(),
            messages: messages
                .iter()
                .map(|(body, delay)| message(*body, *delay))
                .collect(),
        });
        let Ok(Outcome::Sent(sent)) = reply else {
            panic!("a send is answered by what was sent");
        };
        assert!(sent.iter().all(Result::is_ok));
        assert_eq!(sent.len(), delays.len());
    }

    fn receive(&mut self, max: u8, visibility: Option<u32>) {
        let ready = self.logged.state.readiness(&queue(), self.stamp);
        let expected = self.model.receive(self.stamp.0, max, visibility);
        let reply = self.ask(Command::ReceiveMessages {
            queue: queue(),
            max_messages: max,
            visibility_timeout: visibility.map(Seconds),
            wait_time: None,
            attempt: None,
        });
        let Ok(Outcome::Received(received)) = reply else {
            panic!("a receive is answered by what was received");
        };
        let told: Vec<Told> = received
            .iter()
            .map(|message| Told {
                body: String::from_utf8_lossy(&message.content.body)
                    .parse()
                    .expect("a number"),
                sent_at: message.sent_at.0,
                first_received_at: message.first_received_at.0,
                receive_count: message.receive_count,
            })
            .collect();
        assert_eq!(told, expected);
        // Readiness does not look at retention: it may promise what has expired, never the reverse.
        if !told.is_empty() {
            assert_eq!(ready, Readiness::Now);
        }
        for (message, told) in received.iter().zip(told) {
            let delivery = model::Delivery {
                body: told.body,
                receive_count: told.receive_count,
            };
            self.handles.push((message.receipt_handle, delivery));
        }
    }

    fn retry(&mut self) {
        let Some(latest) = self.batches.last().cloned() else {
            return;
        };
        let retry = Batch {
            stamp: self.stamp,
            nonce: latest.nonce + (1 << 64),
            ..latest
        };
        let (replies, events) = self.logged.apply(&retry);
        let did_nothing = events.is_empty();
        let found_nothing = replies == [Ok(Outcome::Received(Vec::new()))];
        let is_read = matches!(
            retry.requests[0].command,
            Command::GetQueueAttributes { .. }
        );
        assert!(did_nothing || found_nothing || is_read);
        self.model.touch(self.stamp.0);
        self.batches.push(retry);
    }

    /// Counts and the next moment of interest.
    fn compare(&mut self) {
        let expected = self.model.counts(self.stamp.0);
        let reply = self.ask(Command::GetQueueAttributes { queue: queue() });
        let Ok(Outcome::Described(told)) = reply else {
            panic!("the queue exists");
        };
        assert_eq!((told.visible, told.in_flight, told.delayed), expected);
        let readiness = match self.model.next_visible_at(self.stamp.0) {
            _ if expected.0 > 0 => Readiness::Now,
            Some(moment) => Readiness::At(Millis(moment)),
            None => Readiness::Empty,
        };
        assert_eq!(self.logged.state.readiness(&queue(), self.stamp), readiness);
    }
}

const FORGED: ReceiptHandle = ReceiptHandle {
    queue: QueueId(1),
    message: MessageKey(u64::MAX),
    receive_count: 1,
    token: 0,
};

fn message(body: u64, delay: Option<u32>) -> NewMessage {
    NewMessage {
        content: Content {
            body: body.to_string().into(),
            attributes: BTreeMap::new(),
            trace_header: None,
            sender_id: "000000000000".to_owned(),
            deduplication_id: None,
        },
        delay: delay.map(Seconds),
        message_group: None,
    }
}

proptest! {
    #[test]
    fn a_queue_answers_as_the_model_does(steps in prop::collection::vec(step(), 1..80)) {
        let mut story = Story::begin();
        for step in &steps {
            story.take(step);
        }
    }

    #[test]
    fn replicas_that_apply_the_same_batches_hold_the_same(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let mut story = Story::begin();
        for step in &steps {
            story.take(step);
        }
        let mut replica = Logged::default();
        for batch in &story.batches {
            replica.apply(batch);
        }
        prop_assert_eq!(replica.state.hash(), story.logged.state.hash());
        prop_assert_eq!(replica.state, story.logged.state);
    }
}

#[test]
fn at_most_120_000_messages_are_in_flight() {
    let mut story = Story::begin();
    let receive = |wait| Command::ReceiveMessages {
        queue: queue(),
        max_messages: 10,
        visibility_timeout: None,
        wait_time: Some(Seconds(wait)),
        attempt: None,
    };
    let send = Command::SendMessages {
        queue: queue(),
        messages: (0..10).map(|body| message(body, None)).collect(),
    };
    for _ in 0..12_000 {
        story.ask(send.clone()).expect("sent");
        let received = story.ask(receive(0)).expect("received");
        assert!(matches!(received, Outcome::Received(messages) if messages.len() == 10));
    }
    story.ask(send).expect("sent");

    // A short poll is refused, a long one waits: for the end of a time-out, or for a delete.
    let refused = story.ask(receive(0));
    assert_eq!(refused, Err(zonemq_queue::command::CommandError::OverLimit));
    assert_eq!(story.ask(receive(1)), Ok(Outcome::Received(Vec::new())));
    assert_eq!(
        story.logged.state.readiness(&queue(), story.stamp),
        Readiness::At(story.stamp + Seconds(30))
    );
    story.stamp = story.stamp + Seconds(30);
    let received = story.ask(receive(0)).expect("received");
    assert!(matches!(received, Outcome::Received(messages) if messages.len() == 10));
}
