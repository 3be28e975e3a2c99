//! The rules of queues, told as scripts: `rules/*.txt`.
//!
//! Each step is a line that says what is done, then its input, then `----`, then what comes of
//! it. After a change that is meant, `REWRITE=1 cargo test -p zonemq-queue --test rules` writes the
//! answers anew, and the diff shows what has changed.
//!
//! A message is known by its body, and a delivery by body and receive count: `apple#2` is the
//! handle of the second time that apple was received.

mod log;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::{Display, Write};

use datadriven::{TestCase, walk};
use zonemq_queue::attributes::{
    AttributeChanges, Change, DeduplicationScope, FifoThroughputLimit, RedriveAllowPolicy,
    RedrivePolicy,
};
use zonemq_queue::command::{Batch, Command, Cooldown, Event, Outcome, Reply, Request};
use zonemq_queue::ids::{MoveTaskId, QueueKey, RequestId, SessionId};
use zonemq_queue::message::{Content, NewMessage};
use zonemq_queue::receipt::ReceiptHandle;
use zonemq_queue::state::Readiness;
use zonemq_queue::time::{Millis, Seconds};

use log::Logged;

#[test]
fn the_rules_are_as_told() {
    walk("tests/rules", |file| {
        let mut teller = Teller::new();
        file.run(|step| Ok::<_, Infallible>(teller.step(step)));
    });
}

/// Carries out the steps of one script.
struct Teller {
    logged: Logged,
    now: Millis,
    requests: u64,
    handles: BTreeMap<String, ReceiptHandle>,
    task: MoveTaskId,
}

impl Teller {
    fn new() -> Self {
        Teller {
            logged: Logged::default(),
            now: Millis(0),
            requests: 0,
            handles: BTreeMap::new(),
            task: MoveTaskId(0),
        }
    }

    fn step(&mut self, step: &mut TestCase) -> String {
        let mut told = match step.directive.as_str() {
            "after" => self.after(step),
            "advance-clock" => {
                let millis = Seconds(number(step, "seconds").expect("seconds")).as_millis();
                self.carry_out(Command::AdvanceClock { millis })
            }
            "ready" => self.ready(step),
            "repeat" => self.repeat(step),
            _ => {
                let command = self.command(step);
                self.carry_out(command)
            }
        };
        self.logged.restore_from_snapshot();
        step.expect_empty().expect("all arguments have a meaning");
        told.push('\n');
        told
    }

    fn after(&mut self, step: &mut TestCase) -> String {
        let seconds = Seconds(number(step, "seconds").unwrap_or(0));
        self.now = self.now + seconds;
        self.now.0 += u64::from(number(step, "millis").unwrap_or(0));
        format!("it is {} ms", self.now.0)
    }

    /// What a waiting receiver would be told.
    fn ready(&mut self, step: &mut TestCase) -> String {
        match self.logged.state.readiness(&queue(step), self.now) {
            Readiness::Now => "now".to_owned(),
            Readiness::At(stamp) => format!("at {} ms", stamp.0),
            Readiness::Empty => "nothing to wait for".to_owned(),
            Readiness::NoQueue => "no such queue".to_owned(),
        }
    }

    /// The last request once more, under its name or finished with.
    fn repeat(&mut self, step: &mut TestCase) -> String {
        let times_ago = u64::from(number(step, "requests-ago").unwrap_or(0));
        let finished = step.take_flag("finished").expect("a flag");
        let sequence = self.requests - times_ago;
        let command = Command::SendMessages {
            queue: queue(step),
            messages: step.input.lines().map(|body| message(body, None)).collect(),
        };
        let finished_below = if finished { sequence + 1 } else { 0 };
        self.apply(sequence, finished_below, command)
    }

    fn command(&mut self, step: &mut TestCase) -> Command {
        let queue = queue(step);
        match step.directive.as_str() {
            "create" => Command::CreateQueue {
                queue,
                attributes: Box::new(changes(step)),
                tags: BTreeMap::new(),
                cooldown: cooldown(step),
            },
            "set" => Command::SetQueueAttributes {
                queue,
                changes: Box::new(changes(step)),
            },
            "drop" => Command::DeleteQueue { queue },
            "find" => Command::GetQueueUrl { queue },
            "list" => Command::ListQueues {
                account: queue.account,
                region: queue.region,
                prefix: text(step, "prefix").unwrap_or_default(),
                after: text(step, "after"),
                limit: u16::try_from(number(step, "limit").unwrap_or(1000)).expect("a u16"),
            },
            "describe" => Command::GetQueueAttributes { queue },
            "purge" => Command::PurgeQueue {
                queue,
                cooldown: cooldown(step),
            },
            "send" => {
                let delay = number(step, "delay").map(Seconds);
                let message_group = text(step, "group");
                let deduplication_id = text(step, "dedup");
                let messages = step.input.lines().map(|body| {
                    let mut message = message(body, delay);
                    message.message_group.clone_from(&message_group);
                    message
                        .content
                        .deduplication_id
                        .clone_from(&deduplication_id);
                    message
                });
                Command::SendMessages {
                    queue,
                    messages: messages.collect(),
                }
            }
            "receive" => Command::ReceiveMessages {
                queue,
                max_messages: u8::try_from(number(step, "max").unwrap_or(10)).expect("a u8"),
                visibility_timeout: number(step, "visibility").map(Seconds),
                wait_time: number(step, "wait").map(Seconds),
                attempt: text(step, "attempt"),
            },
            "tag" => Command::TagQueue {
                queue,
                tags: BTreeMap::from([(
                    text(step, "key").expect("key"),
                    text(step, "value").expect("value"),
                )]),
            },
            "untag" => Command::UntagQueue {
                queue,
                keys: vec![text(step, "key").expect("key")],
            },
            "tags" => Command::ListQueueTags { queue },
            "sources" => Command::ListDeadLetterSourceQueues {
                queue,
                after: text(step, "after").map(|name| named(&name)),
                limit: u16::try_from(number(step, "limit").unwrap_or(1000)).expect("a u16"),
            },
            "start-move" => Command::StartMessageMoveTask {
                source: queue,
                destination: text(step, "to").map(|name| named(&name)),
                max_per_second: number(step, "rate").map(|rate| u16::try_from(rate).expect("u16")),
            },
            "moves" => Command::ListMessageMoveTasks {
                source: queue,
                limit: 10,
            },
            "go-on-moving" => Command::MoveMessages {
                source: queue,
                task: self.task,
            },
            "cancel-move" => Command::CancelMessageMoveTask {
                source: queue,
                task: self.task,
            },
            "delete" => Command::DeleteMessages {
                queue,
                handles: step.input.lines().map(|name| self.handle(name)).collect(),
            },
            "change-visibility" => {
                let timeout = Seconds(number(step, "to").expect("to"));
                let handles = step.input.lines().map(|name| self.handle(name));
                Command::ChangeMessageVisibilities {
                    queue,
                    changes: handles.map(|handle| (handle, timeout)).collect(),
                }
            }
            unknown => panic!("{unknown} is not a step of these scripts"),
        }
    }

    fn handle(&self, name: &str) -> ReceiptHandle {
        match name.strip_prefix("forged ") {
            None => self.handles[name],
            Some(name) => ReceiptHandle {
                token: self.handles[name].token ^ 1,
                ..self.handles[name]
            },
        }
    }

    fn carry_out(&mut self, command: Command) -> String {
        self.requests += 1;
        self.apply(self.requests, 0, command)
    }

    fn apply(&mut self, sequence: u64, finished_below: u64, command: Command) -> String {
        let id = RequestId {
            session: SessionId(1),
            sequence,
        };
        let batch = Batch {
            stamp: self.now,
            nonce: u128::from(sequence),
            requests: vec![Request {
                id,
                finished_below,
                command,
            }],
        };
        let (mut replies, events) = self.logged.apply(&batch);
        let reply = replies.pop().expect("one request, one reply");
        let mut told = self.tell_reply(reply);
        for event in &events {
            write!(told, "\n  ({})", tell_event(event)).expect("text has room");
        }
        told
    }

    fn tell_reply(&mut self, reply: Reply) -> String {
        match reply {
            Err(error) => error.to_string(),
            Ok(Outcome::Exists) => "it exists".to_owned(),
            Ok(Outcome::Done) => "done".to_owned(),
            Ok(Outcome::Queues { names, .. }) if names.is_empty() => "no queues".to_owned(),
            Ok(Outcome::Queues { names, more }) => {
                let more = if more { " and more" } else { "" };
                format!("{}{more}", names.join(" "))
            }
            Ok(Outcome::Described(queue)) => format!(
                "visible={} in-flight={} delayed={} visibility={} changed at {} ms",
                queue.visible,
                queue.in_flight,
                queue.delayed,
                queue.attributes.visibility_timeout.0,
                queue.last_modified_at.0,
            ),
            Ok(Outcome::Sent(sent)) => {
                tell_each(sent.into_iter().map(|sent| sent.map(|_| "accepted")))
            }
            Ok(Outcome::Each(each)) => tell_each(each.into_iter().map(|each| each.map(|()| "ok"))),
            Ok(Outcome::ClockAdvanced(now)) => format!("the queues' clock shows {} ms", now.0),
            Ok(Outcome::Received(messages)) if messages.is_empty() => "nothing".to_owned(),
            Ok(Outcome::Tags(tags)) => {
                let tags = tags.iter().map(|(key, value)| format!("{key}={value}"));
                tags.collect::<Vec<_>>().join(" ")
            }
            Ok(Outcome::DeadLetterSourceQueues { queues, more }) => {
                if queues.is_empty() {
                    return "none".to_owned();
                }
                let names: Vec<String> = queues.into_iter().map(|queue| queue.name).collect();
                let more = if more { " and more" } else { "" };
                format!("{}{more}", names.join(" "))
            }
            Ok(Outcome::MoveTaskStarted(task)) => {
                self.task = task;
                format!("task {} has begun", task.0)
            }
            Ok(Outcome::MoveTasks(tasks)) => {
                let tasks = tasks.iter().map(|task| {
                    format!(
                        "task {}: {:?}, {} of {} moved",
                        task.id.0, task.status, task.moved, task.to_move
                    )
                });
                tasks.collect::<Vec<_>>().join("\n")
            }
            Ok(Outcome::MoveTaskCancelled { moved }) => format!("ended after {moved}"),
            Ok(Outcome::MessagesMoved { count }) => format!("{count} moved"),
            Ok(Outcome::Received(messages)) => {
                let mut lines = Vec::new();
                for message in messages {
                    let body = String::from_utf8_lossy(&message.content.body);
                    let name = format!("{body}#{}", message.receive_count);
                    let group = message.message_group.map(|group| format!(" of {group}"));
                    let source = message.dead_letter_source;
                    let source = source.map(|queue| format!(", dead letter of {}", queue.name));
                    lines.push(format!(
                        "{name}{} sent at {} ms, first received at {} ms{}",
                        group.unwrap_or_default(),
                        message.sent_at.0,
                        message.first_received_at.0,
                        source.unwrap_or_default(),
                    ));
                    self.handles.insert(name, message.receipt_handle);
                }
                lines.join("\n")
            }
        }
    }
}

fn tell_each<T: Display, E: Display>(each: impl Iterator<Item = Result<T, E>>) -> String {
    let lines: Vec<String> = each
        .map(|each| match each {
            Ok(told) => told.to_string(),
            Err(error) => error.to_string(),
        })
        .collect();
    lines.join("\n")
}

fn tell_event(event: &Event) -> String {
    match event {
        Event::Visible { count, .. } => format!("{count} became visible"),
        Event::VisibleAt { stamp, .. } => format!("something to see at {} ms", stamp.0),
        Event::QueueDeleted { queue } => format!("{} is gone", queue.name),
        Event::ClockAdvanced => "the clock was advanced".to_owned(),
    }
}

fn queue(step: &mut TestCase) -> QueueKey {
    named(&text(step, "queue").unwrap_or_else(|| "fruit".to_owned()))
}

fn named(name: &str) -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        name: name.to_owned(),
    }
}

fn changes(step: &mut TestCase) -> AttributeChanges {
    AttributeChanges {
        delay: number(step, "delay").map(Seconds),
        maximum_message_size: number(step, "max-size"),
        message_retention_period: number(step, "retention").map(Seconds),
        receive_message_wait_time: number(step, "wait").map(Seconds),
        visibility_timeout: number(step, "visibility").map(Seconds),
        content_based_deduplication: flag(step, "content-dedup"),
        deduplication_scope: flag(step, "dedup-in-groups")
            .map(|_| DeduplicationScope::MessageGroup),
        fifo_throughput_limit: flag(step, "high-throughput")
            .map(|_| FifoThroughputLimit::PerMessageGroupId),
        redrive_policy: text(step, "dead-letters").map(|name| {
            Change::Set(RedrivePolicy {
                dead_letter_queue: named(&name),
                max_receive_count: number(step, "max-receives").expect("max-receives"),
            })
        }),
        redrive_allow_policy: flag(step, "no-sources")
            .map(|_| Change::Set(RedriveAllowPolicy::DenyAll)),
        ..AttributeChanges::default()
    }
}

fn message(body: &str, delay: Option<Seconds>) -> NewMessage {
    NewMessage {
        content: Content {
            body: body.to_owned().into(),
            attributes: BTreeMap::new(),
            trace_header: None,
            sender_id: "000000000000".to_owned(),
            deduplication_id: None,
        },
        delay,
        message_group: None,
    }
}

fn number(step: &mut TestCase, name: &str) -> Option<u32> {
    step.try_take_arg(name).expect("a number")
}

fn text(step: &mut TestCase, name: &str) -> Option<String> {
    step.try_take_arg(name).expect("one word")
}

fn flag(step: &mut TestCase, name: &str) -> Option<bool> {
    step.take_flag(name).expect("a flag").then_some(true)
}

fn cooldown(step: &mut TestCase) -> Cooldown {
    match flag(step, "as-aws") {
        Some(_) => Cooldown::Minute,
        None => Cooldown::Off,
    }
}
