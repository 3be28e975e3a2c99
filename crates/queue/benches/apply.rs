//! What the state machine takes for a send, a receive and a delete in front of backlogs of several
//! lengths, and for batches of several lengths: the time that a leader and each follower spend on
//! one thread.
//!
//! Each measure is undone outside the clock, so that the backlog stays as long as its name says.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zonemq_queue::command::{Batch, Command, Cooldown, Outcome, Reply, Request};
use zonemq_queue::ids::{QueueKey, RequestId, SessionId};
use zonemq_queue::message::{Content, ContentPlace, NewMessage};
use zonemq_queue::receipt::ReceiptHandle;
use zonemq_queue::state::State;
use zonemq_queue::time::{Millis, Seconds};

const BACKLOGS: [u64; 3] = [1_000, 100_000, 1_000_000];
/// The quick form shows that the benches run, and no figures.
const QUICK_BACKLOGS: [u64; 1] = [1_000];
const BATCHES: [u64; 4] = [1, 16, 64, 256];
const BATCHES_BACKLOG: u64 = 100_000;
const BODY_BYTES: usize = 1024;
/// So many are measured before they are undone: few against the shortest backlog.
const CHUNK: u64 = 50;
/// SQS's longest.
const RECEIVED_AT_ONCE: u64 = 10;

/// A state with one queue, and a leader that stamps what it is asked.
struct Backlog {
    state: State,
    queue: QueueKey,
    message: NewMessage,
    sequence: u64,
    entries: u64,
}

/// A batch as a node applies it: with the places of its contents in the log.
struct Entry {
    batch: Batch,
    places: Vec<ContentPlace>,
}

impl Backlog {
    fn of(messages: u64) -> Backlog {
        let mut backlog = Backlog {
            state: State::default(),
            queue: QueueKey {
                account: "000000000000".to_owned(),
                region: "us-east-1".to_owned(),
                name: "orders".to_owned(),
            },
            message: NewMessage {
                content: Content {
                    body: vec![b'x'; BODY_BYTES].into(),
                    attributes: BTreeMap::new(),
                    trace_header: None,
                    sender_id: "000000000000".to_owned(),
                    deduplication_id: None,
                },
                delay: None,
                message_group: None,
            },
            sequence: 0,
            entries: 0,
        };
        let create = Command::CreateQueue {
            queue: backlog.queue.clone(),
            attributes: Box::default(),
            tags: BTreeMap::new(),
            cooldown: Cooldown::Off,
        };
        let create = backlog.entry(vec![create]);
        backlog.apply(&create);
        backlog.fill(messages);
        backlog
    }

    fn send(&self) -> Command {
        Command::SendMessages {
            queue: self.queue.clone(),
            messages: vec![self.message.clone()],
        }
    }

    fn receive(&self, max_messages: u64) -> Command {
        Command::ReceiveMessages {
            queue: self.queue.clone(),
            max_messages: u8::try_from(max_messages).expect("at most ten"),
            visibility_timeout: None,
            wait_time: Some(Seconds(0)),
            attempt: None,
        }
    }

    fn delete(&self, handles: &[ReceiptHandle]) -> Command {
        Command::DeleteMessages {
            queue: self.queue.clone(),
            handles: handles.to_vec(),
        }
    }

    fn entry(&mut self, commands: Vec<Command>) -> Entry {
        self.entries += 1;
        let sends = commands.iter().map(|command| match command {
            Command::SendMessages { messages, .. } => messages.len(),
            _ => 0,
        });
        let length = u32::try_from(BODY_BYTES).expect("a short body");
        let offsets = (0..).step_by(BODY_BYTES).take(sends.sum());
        let places = offsets.map(|offset| ContentPlace {
            index: self.entries,
            offset,
            length,
        });
        let places = places.collect();
        let requests = commands.into_iter().map(|command| {
            self.sequence += 1;
            Request {
                id: RequestId {
                    session: SessionId(1),
                    sequence: self.sequence,
                },
                finished_below: self.sequence,
                command,
            }
        });
        Entry {
            batch: Batch {
                requests: requests.collect(),
                // Thousands of entries in a second, and no visibility timeout ends meanwhile.
                stamp: Millis(1_700_000_000_000 + self.entries / 1_000),
                nonce: u128::from(self.entries) << 64,
            },
            places,
        }
    }

    fn apply(&mut self, entry: &Entry) -> Vec<Reply<ContentPlace>> {
        let applied = self.state.apply(&entry.batch, &entry.places);
        let refused = applied.replies.iter().find(|reply| reply.is_err());
        assert!(refused.is_none(), "refused: {refused:?}");
        applied.replies
    }

    fn fill(&mut self, messages: u64) {
        for _ in 0..messages {
            let send = self.send();
            let send = self.entry(vec![send]);
            self.apply(&send);
        }
    }

    fn take(&mut self, messages: u64) -> Vec<ReceiptHandle> {
        let mut handles = Vec::new();
        while (handles.len() as u64) < messages {
            let left = messages - handles.len() as u64;
            let receive = self.receive(left.min(RECEIVED_AT_ONCE));
            let receive = self.entry(vec![receive]);
            let received = handles_in(&self.apply(&receive));
            assert!(!received.is_empty(), "the backlog is longer than this");
            handles.extend(received);
        }
        handles
    }

    fn drop_messages(&mut self, handles: &[ReceiptHandle]) {
        for handles in handles.chunks(10) {
            let delete = self.delete(handles);
            let delete = self.entry(vec![delete]);
            self.apply(&delete);
        }
    }

    /// What the state takes for these entries, and what it replied.
    fn time(&mut self, entries: &[Entry]) -> (Duration, Vec<Reply<ContentPlace>>) {
        let mut replies = Vec::with_capacity(entries.len());
        let begun = Instant::now();
        for entry in entries {
            replies.extend(
                self.state
                    .apply(black_box(&entry.batch), &entry.places)
                    .replies,
            );
        }
        let took = begun.elapsed();
        assert!(replies.iter().all(Result::is_ok), "something was refused");
        (took, replies)
    }

    fn entries_of(&mut self, count: u64, command: impl Fn(&Backlog) -> Command) -> Vec<Entry> {
        let entries = (0..count).map(|_| {
            let command = command(self);
            self.entry(vec![command])
        });
        entries.collect()
    }

    fn time_sends(&mut self, count: u64) -> Duration {
        let sends = self.entries_of(count, Backlog::send);
        let (took, _) = self.time(&sends);
        let handles = self.take(count);
        self.drop_messages(&handles);
        took
    }

    fn time_receives(&mut self, count: u64) -> Duration {
        let receives = self.entries_of(count, |backlog| backlog.receive(1));
        let (took, replies) = self.time(&receives);
        self.drop_messages(&handles_in(&replies));
        self.fill(count);
        took
    }

    fn time_deletes(&mut self, count: u64) -> Duration {
        let handles = self.take(count);
        let deletes = handles.iter().map(|handle| {
            let delete = self.delete(&[*handle]);
            self.entry(vec![delete])
        });
        let deletes: Vec<_> = deletes.collect();
        let (took, _) = self.time(&deletes);
        self.fill(count);
        took
    }

    /// One batch of so many sends, as they come from many connections.
    fn time_batch(&mut self, sends: u64) -> Duration {
        let commands = (0..sends).map(|_| self.send()).collect();
        let batch = [self.entry(commands)];
        let (took, _) = self.time(&batch);
        let handles = self.take(sends);
        self.drop_messages(&handles);
        took
    }
}

fn handles_in(replies: &[Reply<ContentPlace>]) -> Vec<ReceiptHandle> {
    let received = replies.iter().flat_map(|reply| match reply {
        Ok(Outcome::Received(messages)) => messages.as_slice(),
        _ => &[],
    });
    received.map(|message| message.receipt_handle).collect()
}

/// So many iterations, in chunks that the backlog does not notice.
fn in_chunks(iterations: u64, mut time: impl FnMut(u64) -> Duration) -> Duration {
    let chunks = (0..iterations).step_by(usize::try_from(CHUNK).expect("a small number"));
    chunks.map(|done| time(CHUNK.min(iterations - done))).sum()
}

fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

fn single_commands(criterion: &mut Criterion) {
    type Time = fn(&mut Backlog, u64) -> Duration;
    let measures: [(&str, Time); 3] = [
        ("send", Backlog::time_sends),
        ("receive", Backlog::time_receives),
        ("delete", Backlog::time_deletes),
    ];
    let backlogs = if is_quick() {
        &QUICK_BACKLOGS[..]
    } else {
        &BACKLOGS[..]
    };
    for messages in backlogs {
        // Made when the first of its measures is asked for: a filter leaves most of them out.
        let mut backlog = None;
        let mut group = criterion.benchmark_group("apply");
        for (name, time) in measures {
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(name, messages), |bencher| {
                let backlog = backlog.get_or_insert_with(|| Backlog::of(*messages));
                bencher
                    .iter_custom(|iterations| in_chunks(iterations, |count| time(backlog, count)));
            });
        }
        group.finish();
    }
}

fn batches(criterion: &mut Criterion) {
    let messages = if is_quick() {
        QUICK_BACKLOGS[0]
    } else {
        BATCHES_BACKLOG
    };
    let mut backlog = None;
    let mut group = criterion.benchmark_group("apply");
    for sends in BATCHES {
        group.throughput(Throughput::Elements(sends));
        group.bench_function(BenchmarkId::new("batch of sends", sends), |bencher| {
            let backlog = backlog.get_or_insert_with(|| Backlog::of(messages));
            bencher
                .iter_custom(|iterations| (0..iterations).map(|_| backlog.time_batch(sends)).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, single_commands, batches);
criterion_main!(benches);
