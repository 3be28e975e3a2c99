//! A client at work: calls of SQS, each written down with what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;
use zonemq_history::event::{Accepted, Delivery, NewMessage, Operation, Outcome, Settings};
use zonemq_world::Network;

use crate::Phase;
use crate::client::{CallError, Client};
use crate::recorder::Recorder;

const CALL_TIMEOUT: Duration = Duration::from_secs(8);
const RECEIVE_WAIT_SECONDS: u64 = 1;

/// One client with its way into the cluster.
pub struct Worker<N: Network, C> {
    /// Its way.
    pub client: Client<N>,
    /// Who it is, in the history.
    pub name: String,
    /// Where its calls are written down.
    pub recorder: Recorder,
    /// What it chooses follows from this.
    pub chance: C,
    /// What queues are called on the wire.
    pub names: Names,
    /// Which calls it makes.
    pub permits: Permits,
}

/// How queues of a history are called on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The account in URLs and ARNs.
    pub account: String,
    /// The region in ARNs.
    pub region: String,
    /// What comes before each queue's name, so that nobody else's queue is met.
    pub prefix: String,
}

impl Default for Names {
    fn default() -> Self {
        Names {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: String::new(),
        }
    }
}

impl Names {
    /// The queue's name on the wire.
    pub fn name(&self, queue: &str) -> String {
        format!("{}{queue}", self.prefix)
    }

    /// The queue's URL.
    pub fn url(&self, queue: &str) -> String {
        format!("http://zonemq/{}/{}", self.account, self.name(queue))
    }

    fn arn(&self, queue: &str) -> String {
        let Names {
            account, region, ..
        } = self;
        format!("arn:aws:sqs:{region}:{account}:{}", self.name(queue))
    }

    /// The queue of an ARN as the history names it.
    fn queue_of(&self, arn: &str) -> String {
        let name = arn.rsplit(':').next().unwrap_or_default();
        name.strip_prefix(&self.prefix).unwrap_or(name).to_owned()
    }
}

/// Which calls of a client are made. In a failure that was made small most are left out, but none
/// that create queues, and none that drain them in the end.
pub struct Permits {
    /// By number, the time of each.
    kept: Option<BTreeMap<u64, Duration>>,
    phases: watch::Receiver<Phase>,
    number: u64,
}

impl Permits {
    /// All, or those that are kept: numbers with their milliseconds.
    pub fn new(kept: Option<Vec<(u64, u64)>>, phases: watch::Receiver<Phase>) -> Permits {
        let timed = |(number, millis)| (number, Duration::from_millis(millis));
        Permits {
            kept: kept.map(|kept| kept.into_iter().map(timed).collect()),
            phases,
            number: 0,
        }
    }

    /// Whether the next call is made; waits for its time.
    async fn next(&mut self, operation: &Operation, recorder: &Recorder) -> bool {
        if matches!(operation, Operation::CreateQueue { .. }) {
            return true;
        }
        self.number += 1;
        let Some(kept) = &self.kept else {
            return true;
        };
        match kept.get(&self.number) {
            Some(time) => {
                sleep(time.saturating_sub(recorder.elapsed())).await;
                true
            }
            None => *self.phases.borrow() != Phase::Work,
        }
    }
}

/// How a call ended, as far as its caller must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was answered.
    Done,
    /// It has had no effect.
    Refused,
    /// Nobody knows.
    Unknown,
}

impl<N: Network, C> Worker<N, C> {
    /// Calls and writes down; `read` makes the outcome of the answer.
    async fn call(
        &mut self,
        operation: Operation,
        name: &str,
        input: Value,
        read: impl FnOnce(&Value) -> Outcome,
    ) -> (Told, Option<Outcome>) {
        if !self.permits.next(&operation, &self.recorder).await {
            return (Told::Refused, None);
        }
        let call = self.recorder.invoke(&self.name, operation);
        match self.client.call(name, &input, CALL_TIMEOUT).await {
            Ok(answer) => {
                let outcome = read(&answer);
                self.recorder.ok(call, outcome.clone());
                (Told::Done, Some(outcome))
            }
            Err(CallError::Failed(why)) => {
                tracing::debug!(client = self.name, name, why, "failed");
                self.recorder.failed(call, why);
                (Told::Refused, None)
            }
            Err(CallError::Unknown(why)) => {
                tracing::debug!(client = self.name, name, why, "unknown");
                self.recorder.unknown(call, why);
                (Told::Unknown, None)
            }
        }
    }

    /// Creating a queue that is there already is no error.
    pub async fn create_queue(&mut self, queue: &str, settings: &Settings) -> Told {
        let seconds = |millis: u64| (millis / 1000).to_string();
        let mut attributes = json!({
            "VisibilityTimeout": seconds(settings.visibility_millis),
            "DelaySeconds": seconds(settings.delay_millis),
        });
        if settings.fifo {
            attributes["FifoQueue"] = json!("true");
        }
        if let Some(retention) = settings.retention_millis {
            attributes["MessageRetentionPeriod"] = json!(seconds(retention));
        }
        if let Some(dead_letters) = &settings.dead_letters {
            let policy = json!({
                "deadLetterTargetArn": self.names.arn(&dead_letters.queue),
                "maxReceiveCount": dead_letters.max_receives,
            });
            attributes["RedrivePolicy"] = json!(policy.to_string());
        }
        let operation = Operation::CreateQueue {
            queue: queue.to_owned(),
            settings: settings.clone(),
        };
        let input = json!({ "QueueName": self.names.name(queue), "Attributes": attributes });
        self.call(operation, "CreateQueue", input, |_| Outcome::Done)
            .await
            .0
    }

    /// Sends one message, or several in a batch.
    pub async fn send(&mut self, queue: &str, messages: Vec<NewMessage>) -> Told {
        let operation = Operation::Send {
            queue: queue.to_owned(),
            messages: messages.clone(),
        };
        if let [message] = messages.as_slice() {
            let mut input = send_input(message);
            input["QueueUrl"] = json!(self.names.url(queue));
            let read = |answer: &Value| Outcome::Sent {
                messages: vec![Ok(accepted(answer))],
            };
            return self.call(operation, "SendMessage", input, read).await.0;
        }
        let entries = messages.iter().enumerate().map(|(number, message)| {
            let mut entry = send_input(message);
            entry["Id"] = json!(number.to_string());
            entry
        });
        let input =
            json!({ "QueueUrl": self.names.url(queue), "Entries": entries.collect::<Vec<_>>() });
        let read = |answer: &Value| Outcome::Sent {
            messages: (0..messages.len())
                .map(|number| match entry(answer, "Successful", number) {
                    Some(sent) => Ok(accepted(sent)),
                    None => Err(text(
                        entry(answer, "Failed", number).unwrap_or(&Value::Null),
                        "Code",
                    )),
                })
                .collect(),
        };
        self.call(operation, "SendMessageBatch", input, read)
            .await
            .0
    }

    /// Receives up to ten messages; none, too, where the call failed.
    pub async fn receive(&mut self, queue: &str) -> (Told, Vec<Delivery>) {
        let operation = Operation::Receive {
            queue: queue.to_owned(),
            visibility_millis: None,
            attempt: None,
        };
        let input = json!({
            "QueueUrl": self.names.url(queue),
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": RECEIVE_WAIT_SECONDS,
            "AttributeNames": ["All"],
        });
        let names = self.names.clone();
        let delivery = |message: &Value| delivery(message, &names);
        let read = |answer: &Value| Outcome::Received {
            messages: answer["Messages"]
                .as_array()
                .map(|messages| messages.iter().map(delivery).collect())
                .unwrap_or_default(),
        };
        match self.call(operation, "ReceiveMessage", input, read).await {
            (told, Some(Outcome::Received { messages })) => (told, messages),
            (told, _) => (told, Vec::new()),
        }
    }

    /// Deletes deliveries, several in a batch.
    pub async fn delete(&mut self, queue: &str, handles: Vec<String>) -> Told {
        let operation = Operation::Delete {
            queue: queue.to_owned(),
            handles: handles.clone(),
        };
        if let [handle] = handles.as_slice() {
            let input = json!({ "QueueUrl": self.names.url(queue), "ReceiptHandle": handle });
            let read = |_: &Value| Outcome::Deleted {
                refusals: vec![None],
            };
            return self.call(operation, "DeleteMessage", input, read).await.0;
        }
        let entries = handles
            .iter()
            .enumerate()
            .map(|(number, handle)| json!({ "Id": number.to_string(), "ReceiptHandle": handle }));
        let input =
            json!({ "QueueUrl": self.names.url(queue), "Entries": entries.collect::<Vec<_>>() });
        let read = |answer: &Value| Outcome::Deleted {
            refusals: (0..handles.len())
                .map(|number| entry(answer, "Failed", number).map(|failed| text(failed, "Code")))
                .collect(),
        };
        self.call(operation, "DeleteMessageBatch", input, read)
            .await
            .0
    }

    /// Hides a delivery for so long from now on.
    pub async fn change_visibility(&mut self, queue: &str, handle: &str, seconds: u64) -> Told {
        let operation = Operation::ChangeVisibility {
            queue: queue.to_owned(),
            handle: handle.to_owned(),
            visibility_millis: seconds * 1000,
        };
        let input = json!({
            "QueueUrl": self.names.url(queue),
            "ReceiptHandle": handle,
            "VisibilityTimeout": seconds,
        });
        let read = |_: &Value| Outcome::Done;
        self.call(operation, "ChangeMessageVisibility", input, read)
            .await
            .0
    }

    /// Forgets all that the queue holds.
    pub async fn purge(&mut self, queue: &str) -> Told {
        let operation = Operation::Purge {
            queue: queue.to_owned(),
        };
        let input = json!({ "QueueUrl": self.names.url(queue) });
        self.call(operation, "PurgeQueue", input, |_| Outcome::Done)
            .await
            .0
    }

    /// Moves dead letters on.
    pub async fn start_move(&mut self, source: &str, destination: &str) -> Told {
        let operation = Operation::StartMove {
            source: source.to_owned(),
            destination: Some(destination.to_owned()),
        };
        let input = json!({ "SourceArn": self.names.arn(source), "DestinationArn": self.names.arn(destination) });
        let read = |_: &Value| Outcome::Done;
        self.call(operation, "StartMessageMoveTask", input, read)
            .await
            .0
    }

    /// The administrator's clock command.
    pub async fn advance_clock(&mut self, millis: u64) {
        let operation = Operation::AdvanceClock { millis };
        if !self.permits.next(&operation, &self.recorder).await {
            return;
        }
        let call = self.recorder.invoke(&self.name, operation);
        let input = json!({ "millis": millis });
        match self
            .client
            .post("/admin/clock/advance", &input, CALL_TIMEOUT)
            .await
        {
            Ok(_) => self.recorder.ok(call, Outcome::Done),
            Err(CallError::Failed(why)) => self.recorder.failed(call, why),
            Err(CallError::Unknown(why)) => self.recorder.unknown(call, why),
        }
    }
}

fn send_input(message: &NewMessage) -> Value {
    let mut input = json!({ "MessageBody": message.body });
    if let Some(group) = &message.group {
        input["MessageGroupId"] = json!(group);
    }
    if let Some(id) = &message.deduplication_id {
        input["MessageDeduplicationId"] = json!(id);
    }
    if let Some(delay) = message.delay_millis {
        input["DelaySeconds"] = json!(delay / 1000);
    }
    input
}

fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_default().to_owned()
}

fn some_text(object: &Value, member: &str) -> Option<String> {
    object[member].as_str().map(str::to_owned)
}

/// The entry of a batch's answer with this number as its id.
fn entry<'a>(answer: &'a Value, list: &str, number: usize) -> Option<&'a Value> {
    let id = number.to_string();
    answer[list]
        .as_array()?
        .iter()
        .find(|entry| entry["Id"] == id.as_str())
}

fn accepted(answer: &Value) -> Accepted {
    Accepted {
        message_id: text(answer, "MessageId"),
        sequence_number: some_text(answer, "SequenceNumber"),
    }
}

fn delivery(message: &Value, names: &Names) -> Delivery {
    let attributes = &message["Attributes"];
    let count = attributes["ApproximateReceiveCount"].as_str();
    let source = attributes["DeadLetterQueueSourceArn"].as_str();
    Delivery {
        message_id: text(message, "MessageId"),
        handle: text(message, "ReceiptHandle"),
        body: text(message, "Body"),
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(0),
        group: some_text(attributes, "MessageGroupId"),
        sequence_number: some_text(attributes, "SequenceNumber"),
        dead_letter_source: source.map(|arn| names.queue_of(arn)),
    }
}
