use std::collections::BTreeMap;

use super::*;
use crate::command::{Batch, Command, Cooldown, Outcome, Reply, Request};
use crate::ids::{RequestId, SessionId};
use crate::message::{Content, NewMessage};
use crate::state::State;

fn queue() -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "eu-central-1".to_owned(),
        name: "orders".to_owned(),
    }
}

/// A state with one queue.
struct Backlog {
    state: State,
    sequence: u64,
}

impl Backlog {
    fn of(messages: u64) -> Backlog {
        let mut backlog = Backlog {
            state: State::default(),
            sequence: 0,
        };
        let created = backlog.ask(Command::CreateQueue {
            queue: queue(),
            attributes: Box::default(),
            tags: BTreeMap::new(),
            cooldown: Cooldown::Off,
        });
        created.expect("created");
        let content = Content {
            body: "body".into(),
            attributes: BTreeMap::new(),
            trace_header: None,
            sender_id: "000000000000".to_owned(),
            deduplication_id: None,
        };
        let message = NewMessage {
            content,
            delay: None,
            message_group: None,
        };
        for _ in 0..messages {
            let sent = backlog.ask(Command::SendMessages {
                queue: queue(),
                messages: vec![message.clone()],
            });
            sent.expect("sent");
        }
        backlog
    }

    fn ask(&mut self, command: Command) -> Reply<ContentPlace> {
        self.sequence += 1;
        let place = ContentPlace {
            index: self.sequence,
            offset: 0,
            length: 4,
        };
        let places: &[ContentPlace] = match command {
            Command::SendMessages { .. } => &[place],
            _ => &[],
        };
        let batch = Batch {
            stamp: Millis(self.sequence),
            nonce: u128::from(self.sequence),
            requests: vec![Request {
                id: RequestId {
                    session: SessionId(1),
                    sequence: self.sequence,
                },
                finished_below: self.sequence,
                command,
            }],
        };
        let mut applied = self.state.apply(&batch, places);
        applied.replies.remove(0)
    }

    /// Receives and deletes up to ten messages; returns how many.
    fn take(&mut self) -> usize {
        let received = self.ask(Command::ReceiveMessages {
            queue: queue(),
            max_messages: 10,
            visibility_timeout: None,
            wait_time: Some(Seconds(0)),
            attempt: None,
        });
        let Ok(Outcome::Received(received)) = received else {
            panic!("a receive is answered by what was received");
        };
        let handles: Vec<_> = received
            .iter()
            .map(|message| message.receipt_handle)
            .collect();
        let count = handles.len();
        let deleted = self.ask(Command::DeleteMessages {
            queue: queue(),
            handles,
        });
        deleted.expect("deleted");
        count
    }

    fn messages(&self) -> &Messages {
        &self
            .state
            .catalog
            .find(&queue())
            .expect("the queue")
            .messages
    }
}

#[test]
fn a_message_in_a_backlog_takes_at_most_110_bytes() {
    let count = 100_000;
    let backlog = Backlog::of(count);
    let size_bytes = backlog.messages().size_bytes() as u64;
    assert_eq!(backlog.messages().counts().visible, count);
    assert!(
        size_bytes <= 110 * count,
        "{} bytes a message",
        size_bytes / count
    );
}

#[test]
fn a_clone_of_a_backlog_copies_no_message_and_stays_as_it_was() {
    let mut backlog = Backlog::of(20_000);
    let before = backlog.state.hash();
    let clone = backlog.state.clone();
    let queue_of = |state: &State| std::ptr::from_ref(state.catalog.find(&queue()).unwrap());
    assert_eq!(queue_of(&clone), queue_of(&backlog.state));
    backlog.take();
    let pages = 20_000_usize.div_ceil(64);
    assert_eq!(backlog.messages().by_key.shared_pages(), pages - 1);
    assert_eq!(clone.hash(), before);
    assert_ne!(backlog.state.hash(), before);
}

#[test]
fn a_backlog_that_is_drained_leaves_nothing() {
    let mut backlog = Backlog::of(20_000);
    let mut taken = 0;
    loop {
        match backlog.take() {
            0 => break,
            count => taken += count,
        }
    }
    assert_eq!(taken, 20_000);
    assert_eq!(backlog.messages().size_bytes(), 0);
    assert_eq!(backlog.state.content_places().count(), 0);
}

#[test]
fn a_backlog_that_is_purged_leaves_nothing() {
    let mut backlog = Backlog::of(20_000);
    assert_eq!(backlog.state.content_places().count(), 20_000);
    let purged = backlog.ask(Command::PurgeQueue {
        queue: queue(),
        cooldown: Cooldown::Off,
    });
    purged.expect("purged");
    assert_eq!(backlog.messages().size_bytes(), 0);
    assert_eq!(backlog.state.content_places().count(), 0);
}
