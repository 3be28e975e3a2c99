//! Does what a step of a lesson says.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Parser;
use serde_json::{Value, json};
use zonemq_lessons::{Act, COURSE, Letter, Queue, Receive, Through, Who};
use zonemq_workload::CallError;

use super::classroom::{Answer, Came, Classroom, Sent};
use crate::args::{Cli, Command};
use crate::cluster::LocalNode;
use crate::failure::Failure;
use crate::fault::{self, Word};

/// Of all messages of the FIFO queue.
const GROUP: &str = COURSE.message_group;
/// How long the sender of a message waits for its answer.
const SENDER_WAITS: Duration = Duration::from_secs(COURSE.sender_waits_seconds);
/// SQS's longest answer to a receive.
const MOST_AT_ONCE: u64 = 10;
/// How long anything else may take, beside what it waits for.
const WITHIN: Duration = Duration::from_secs(10);

/// How the learner does it in another terminal; none where there is nothing to do.
pub(super) fn command(act: &Act, room: &Classroom) -> Option<String> {
    let url = |queue: Queue| room.names.url(queue.name());
    let aws = |through: Through| {
        let is_former = |node: &&LocalNode| room.notes.leader == Some(node.id);
        let mut nodes = room.cluster.nodes.iter();
        let node = match through {
            Through::Former => nodes.find(is_former),
            Through::Other => nodes.find(|node| !is_former(node)),
        };
        let endpoint = node.map(|node| format!(" --endpoint-url http://{}", node.api));
        format!("aws{} sqs", endpoint.unwrap_or_default())
    };
    if let Some(words) = words(act) {
        return Some(format!("zonemq fault {words}{}", room.data.said()));
    }
    match act {
        Act::Look
        | Act::TakeAway { .. }
        | Act::CutOff { .. }
        | Act::LoseAnswers { .. }
        | Act::Mend => None,
        Act::CreateQueue { queue } => {
            let kind = match queue {
                Queue::Standard => "",
                Queue::Fifo => ",FifoQueue=true",
            };
            Some(format!(
                "{} create-queue --queue-name {} --attributes VisibilityTimeout={}{kind}",
                aws(Through::Former),
                room.names.name(queue.name()),
                queue.visibility_seconds()
            ))
        }
        Act::Send(letter) => {
            let order = match letter.queue {
                Queue::Standard => String::new(),
                Queue::Fifo => format!(
                    " --message-group-id {GROUP} --message-deduplication-id {}",
                    deduplication_id(letter.body)
                ),
            };
            Some(format!(
                "{} send-message --queue-url {} --message-body '{}'{order}",
                aws(letter.through),
                url(letter.queue),
                letter.body
            ))
        }
        Act::Receive(how) => {
            let most = match how {
                Receive::One { .. } | Receive::OneAndDelete { .. } | Receive::Rivals { .. } => 1,
                Receive::All { .. } => MOST_AT_ONCE,
            };
            Some(format!(
                "{} receive-message --queue-url {} --max-number-of-messages {most}",
                aws(Through::Other),
                url(how.queue())
            ))
        }
        Act::Delete { queue, .. } => Some(format!(
            "{} delete-message --queue-url {} --receipt-handle ...",
            aws(Through::Other),
            url(*queue)
        )),
    }
}

/// Whether the learner may do it in another terminal: what is received must come here.
pub(super) fn is_for_anybody(act: &Act) -> bool {
    words(act).is_some()
}

/// What must be noted before it is done, whoever does it.
pub(super) async fn prepare(act: &Act, room: &mut Classroom) -> Result<(), Failure> {
    if words(act).is_some() {
        room.note_leader().await?;
        room.note_broken().await?;
    }
    room.note_committed().await?;
    Ok(())
}

/// Does it.
pub(super) async fn perform(act: &Act, room: &mut Classroom) -> Result<(), Failure> {
    let began = Instant::now();
    match act {
        Act::Look => {}
        Act::TakeAway { .. } | Act::CutOff { .. } | Act::LoseAnswers { .. } | Act::Mend => {
            let words = words(act).unwrap_or_default();
            match word(&words)? {
                Word::Heal { .. } => {
                    fault::heal_quietly(&room.data).await?;
                }
                word => {
                    fault::set(&word, &room.data).await?;
                }
            }
        }
        Act::CreateQueue { queue } => create_queue(*queue, room).await?,
        Act::Send(letter) => send(*letter, room).await?,
        Act::Receive(how) => receive(*how, room).await?,
        Act::Delete { queue, body } => delete(*queue, body, room).await?,
    }
    room.notes.took = began.elapsed();
    Ok(())
}

/// What is broken or mended, in words of `zonemq fault`; the learner may type them as well.
pub(super) fn words(act: &Act) -> Option<String> {
    let at = |verb: &str, who: &Who| match who {
        Who::Leader => format!("{verb} leader"),
        Who::Follower => format!("{verb} follower"),
    };
    match act {
        // The others hear nothing of a dead process.
        Act::TakeAway { who } => Some(at("kill", who)),
        Act::CutOff { who } => Some(at("isolate", who)),
        Act::LoseAnswers { who } => Some(at("lose-responses", who)),
        Act::Mend => Some("heal".to_owned()),
        Act::Look
        | Act::CreateQueue { .. }
        | Act::Send(_)
        | Act::Receive(_)
        | Act::Delete { .. } => None,
    }
}

/// What the command line makes of words of `zonemq fault`.
pub(super) fn word(words: &str) -> Result<Word, Failure> {
    let words = ["zonemq", "fault"].into_iter().chain(words.split(' '));
    match Cli::try_parse_from(words).map(|cli| cli.command) {
        Ok(Command::Fault(args)) => Ok(args.word),
        Ok(_) => Err(Failure::Usage("these are no words of `fault`".to_owned())),
        Err(error) => Err(Failure::Runtime(error.into())),
    }
}

async fn create_queue(queue: Queue, room: &mut Classroom) -> Result<(), Failure> {
    let mut attributes = json!({ "VisibilityTimeout": queue.visibility_seconds().to_string() });
    if queue == Queue::Fifo {
        attributes["FifoQueue"] = json!("true");
    }
    let name = room.names.name(queue.name());
    let input = json!({ "QueueName": name, "Attributes": attributes });
    let (_, at) = room.node(Through::Former).await?;
    let created = room.call(at, "CreateQueue", &input, WITHIN).await;
    created.with_context(|| format!("the queue {name} cannot be made"))?;
    room.queues.push(queue);
    Ok(())
}

async fn send(letter: Letter, room: &mut Classroom) -> Result<(), Failure> {
    let Letter {
        queue,
        body,
        through,
    } = letter;
    let mut input = json!({ "QueueUrl": room.names.url(queue.name()), "MessageBody": body });
    if queue == Queue::Fifo {
        input["MessageGroupId"] = json!(GROUP);
        input["MessageDeduplicationId"] = json!(deduplication_id(body));
    }
    let (through, at) = room.node(through).await?;
    let answer = room.call(at, "SendMessage", &input, SENDER_WAITS).await;
    room.notes.sent = Some(Sent {
        body,
        through,
        answer: match answer {
            Ok(_) => Answer::Acknowledged,
            Err(CallError::Failed(why)) => Answer::Refused(why),
            Err(CallError::Unknown(_)) => Answer::Unknown,
        },
    });
    Ok(())
}

/// Such ids have no spaces.
fn deduplication_id(body: &str) -> String {
    body.replace(' ', "-")
}

async fn receive(how: Receive, room: &mut Classroom) -> Result<(), Failure> {
    room.notes.received.clear();
    room.notes.rival.clear();
    match how {
        Receive::One {
            queue,
            wait_seconds,
        } => room.notes.received = ask(queue, 1, wait_seconds, room).await?,
        Receive::OneAndDelete {
            queue,
            wait_seconds,
        } => {
            let came = ask(queue, 1, wait_seconds, room).await?;
            for message in &came {
                delete(queue, &message.body, room).await?;
            }
            room.notes.received = came;
        }
        Receive::Rivals { queue } => {
            room.notes.received = ask(queue, 1, 1, room).await?;
            room.notes.rival = ask(queue, 1, 0, room).await?;
        }
        Receive::All { queue } => loop {
            let came = ask(queue, MOST_AT_ONCE, 1, room).await?;
            if came.is_empty() {
                break;
            }
            for message in &came {
                delete(queue, &message.body, room).await?;
            }
            room.notes.received.extend(came);
        },
    }
    Ok(())
}

/// One `ReceiveMessage`, at a node that did not lead before the last fault: it runs in any case.
async fn ask(
    queue: Queue,
    most: u64,
    wait_seconds: u64,
    room: &mut Classroom,
) -> Result<Vec<Came>, Failure> {
    let input = json!({
        "QueueUrl": room.names.url(queue.name()),
        "MaxNumberOfMessages": most,
        "WaitTimeSeconds": wait_seconds,
        "AttributeNames": ["All"],
    });
    let (_, at) = room.node(Through::Other).await?;
    let within = WITHIN + Duration::from_secs(wait_seconds);
    let answer = room.call(at, "ReceiveMessage", &input, within).await;
    let answer = answer.context("nothing can be received")?;
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = Vec::new();
    for message in messages {
        let body = text(&message["Body"]);
        let times = text(&message["Attributes"]["ApproximateReceiveCount"]);
        let handle = text(&message["ReceiptHandle"]);
        room.notes.handles.insert(body.clone(), handle);
        all.push(Came {
            body,
            times: times.parse().unwrap_or(0),
        });
    }
    Ok(all)
}

async fn delete(queue: Queue, body: &str, room: &Classroom) -> Result<(), Failure> {
    let handle = room.notes.handles.get(body);
    let handle = handle.ok_or_else(|| anyhow!("{body:?} was not received"))?;
    let url = room.names.url(queue.name());
    let input = json!({ "QueueUrl": url, "ReceiptHandle": handle });
    let (_, at) = room.node(Through::Other).await?;
    let deleted = room.call(at, "DeleteMessage", &input, WITHIN).await;
    deleted.with_context(|| format!("{body:?} cannot be deleted"))?;
    Ok(())
}
