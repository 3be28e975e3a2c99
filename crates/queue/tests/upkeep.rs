//! When more has become due than one batch carries out, the next one goes on, and nobody is told
//! anything that would not be so if all had been done at once.

mod log;

use std::collections::BTreeMap;

use zonemq_queue::attributes::{AttributeChanges, Change, RedrivePolicy};
use zonemq_queue::command::{Batch, Command, CommandError, Cooldown, Outcome, Reply, Request};
use zonemq_queue::ids::{QueueKey, RequestId, SessionId};
use zonemq_queue::message::{Content, NewMessage, SentMessage};
use zonemq_queue::time::{Millis, Seconds};

use log::Logged;

/// More than one batch carries out, and less than two do.
const MANY: usize = 30_000;

fn named(name: &str) -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "eu-central-1".to_owned(),
        name: name.to_owned(),
    }
}

fn message(name: &str) -> NewMessage {
    NewMessage {
        content: Content {
            body: name.to_owned().into(),
            attributes: BTreeMap::new(),
            trace_header: None,
            sender_id: "000000000000".to_owned(),
            deduplication_id: Some(name.to_owned()),
        },
        delay: None,
        message_group: None,
    }
}

/// One queue and its clients.
struct Story {
    logged: Logged,
    now: Millis,
    sequence: u64,
    queue: QueueKey,
}

impl Story {
    fn new(queue: &str, changes: AttributeChanges) -> Story {
        let mut story = Story {
            logged: Logged::default(),
            now: Millis(0),
            sequence: 0,
            queue: named(queue),
        };
        let created = story.ask(Command::CreateQueue {
            queue: named(queue),
            attributes: Box::new(changes),
            tags: BTreeMap::new(),
            cooldown: Cooldown::Off,
        });
        assert_eq!(created, Ok(Outcome::Exists));
        story
    }

    /// The next batch, of one command.
    fn batch(&mut self, command: Command) -> Batch {
        self.sequence += 1;
        Batch {
            stamp: self.now,
            nonce: self.sequence.into(),
            requests: vec![Request {
                id: RequestId {
                    session: SessionId(1),
                    sequence: self.sequence,
                },
                finished_below: self.sequence,
                command,
            }],
        }
    }

    fn ask(&mut self, command: Command) -> Reply {
        let batch = self.batch(command);
        let (mut replies, _) = self.logged.apply(&batch);
        replies.pop().expect("one request, one reply")
    }

    fn send(&mut self, messages: Vec<NewMessage>) -> Vec<SentMessage> {
        let queue = self.queue.clone();
        match self.ask(Command::SendMessages { queue, messages }) {
            Ok(Outcome::Sent(sent)) => sent.into_iter().map(|sent| sent.expect("sent")).collect(),
            reply => panic!("not sent: {reply:?}"),
        }
    }

    fn send_many(&mut self) -> Vec<SentMessage> {
        let numbers = 0..MANY;
        self.send(numbers.map(|number| message(&number.to_string())).collect())
    }

    /// The bodies.
    fn receive(&mut self) -> Vec<String> {
        let received = self.ask(Command::ReceiveMessages {
            queue: self.queue.clone(),
            max_messages: 10,
            visibility_timeout: None,
            wait_time: None,
            attempt: None,
        });
        match received {
            Ok(Outcome::Received(messages)) => {
                let bodies = messages.into_iter().map(|message| message.content.body);
                bodies
                    .map(|body| String::from_utf8(body.into()).expect("text"))
                    .collect()
            }
            reply => panic!("not received: {reply:?}"),
        }
    }

    /// How many messages are visible and delayed.
    fn counts(&mut self) -> (u64, u64) {
        let queue = self.queue.clone();
        match self.ask(Command::GetQueueAttributes { queue }) {
            Ok(Outcome::Described(queue)) => (queue.visible, queue.delayed),
            reply => panic!("not described: {reply:?}"),
        }
    }
}

fn kept_for_a_minute() -> AttributeChanges {
    AttributeChanges {
        message_retention_period: Some(Seconds(60)),
        ..AttributeChanges::default()
    }
}

#[test]
fn of_many_that_expired_none_is_received_and_what_came_later_is() {
    let mut story = Story::new("orders", kept_for_a_minute());
    story.send_many();
    story.now.0 += 59_000;
    story.send(vec![message("fresh")]);
    story.now.0 += 1_000;
    assert_eq!(story.receive(), Vec::<String>::new());
    assert_eq!(
        story.logged.state.messages(),
        10_001,
        "they go in two steps"
    );
    assert_eq!(story.receive(), ["fresh"]);
    assert_eq!(story.logged.state.messages(), 1);
}

#[test]
fn a_move_task_waits_until_what_expired_is_gone_and_moves_the_rest() {
    let mut story = Story::new("letters", kept_for_a_minute());
    let policy = RedrivePolicy {
        dead_letter_queue: named("letters"),
        max_receive_count: 1,
    };
    for (name, redrive_policy) in [("source", Some(policy)), ("elsewhere", None)] {
        let created = story.ask(Command::CreateQueue {
            queue: named(name),
            attributes: Box::new(AttributeChanges {
                redrive_policy: redrive_policy.map(Change::Set),
                ..AttributeChanges::default()
            }),
            tags: BTreeMap::new(),
            cooldown: Cooldown::Off,
        });
        assert_eq!(created, Ok(Outcome::Exists));
    }
    story.send_many();
    story.now.0 += 59_000;
    story.send(vec![message("fresh")]);
    let task = story.ask(Command::StartMessageMoveTask {
        source: named("letters"),
        destination: Some(named("elsewhere")),
        max_per_second: None,
    });
    let Ok(Outcome::MoveTaskStarted(task)) = task else {
        panic!("not started: {task:?}");
    };
    story.now.0 += 1_000;
    let step = Command::MoveMessages {
        source: named("letters"),
        task,
    };
    let moved = story.ask(step.clone());
    assert_eq!(moved, Ok(Outcome::MessagesMoved { count: 0 }));
    let moved = story.ask(step);
    assert_eq!(moved, Ok(Outcome::MessagesMoved { count: 1 }));
    story.queue = named("elsewhere");
    assert_eq!(story.receive(), ["fresh"]);
}

#[test]
fn of_many_whose_delay_ends_at_once_all_become_visible_in_a_few_batches() {
    let delayed = AttributeChanges {
        delay: Some(Seconds(5)),
        ..AttributeChanges::default()
    };
    let mut story = Story::new("orders", delayed);
    story.send_many();
    story.now.0 += 5_000;
    assert_eq!(story.counts(), (20_000, 10_000));
    assert_eq!(story.counts(), (30_000, 0));
}

#[test]
fn a_deduplication_id_is_free_after_five_minutes_even_while_it_is_still_remembered() {
    let mut story = Story::new("orders.fifo", AttributeChanges::default());
    let in_a_group = |name: &str| NewMessage {
        message_group: Some("a".to_owned()),
        ..message(name)
    };
    let names = (0..MANY).map(|number| number.to_string());
    let first = story.send(names.map(|name| in_a_group(&name)).collect());
    story.now.0 += 300_000;
    // The last one that the first batch cannot forget.
    let last = in_a_group(&(MANY - 1).to_string());
    let again = story.send(vec![last.clone()]);
    assert_ne!(again[0], first[MANY - 1], "no duplicate");
    assert_eq!(story.logged.state.messages(), MANY as u64 + 1);
    story.logged.restore_from_snapshot();
    // By now the first with this id is forgotten, and the second is not.
    for _ in 0..3 {
        assert_eq!(story.send(vec![last.clone()]), again, "a duplicate");
    }
    assert_eq!(story.logged.state.messages(), MANY as u64 + 1);
}

#[test]
fn the_name_of_a_deleted_queue_is_free_after_a_minute_even_while_it_is_still_remembered() {
    let mut story = Story::new("orders", AttributeChanges::default());
    // More than one command forgets.
    let names: Vec<String> = (0..250).map(|number| format!("gone-{number}")).collect();
    let create = |name: &str| Command::CreateQueue {
        queue: named(name),
        attributes: Box::default(),
        tags: BTreeMap::new(),
        cooldown: Cooldown::Minute,
    };
    for name in &names {
        assert_eq!(story.ask(create(name)), Ok(Outcome::Exists));
        let deleted = story.ask(Command::DeleteQueue { queue: named(name) });
        assert_eq!(deleted, Ok(Outcome::Done));
    }
    story.now.0 += 59_999;
    story.logged.restore_from_snapshot();
    for name in &names {
        let too_early = Err(CommandError::QueueDeletedRecently);
        assert_eq!(story.ask(create(name)), too_early);
    }
    story.now.0 += 1;
    // The last one first: it is forgotten last.
    for name in names.iter().rev() {
        assert_eq!(story.ask(create(name)), Ok(Outcome::Exists));
    }
}

#[test]
fn whoever_purges_or_deletes_a_queue_is_handed_what_was_in_it() {
    let purge = |queue| Command::PurgeQueue {
        queue,
        cooldown: Cooldown::Off,
    };
    let delete = |queue| Command::DeleteQueue { queue };
    for command in [purge(named("orders")), delete(named("orders"))] {
        let mut story = Story::new("orders", AttributeChanges::default());
        story.send_many();
        let batch = story.batch(command);
        let applied = story.logged.state.apply(&batch, &[]);
        assert_eq!(applied.replies, [Ok(Outcome::Done)]);
        assert_eq!(applied.discarded.messages(), MANY as u64);
        assert_eq!(story.logged.state.messages(), 0);
    }
}
