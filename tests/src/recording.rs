//! Clients that write down what they do and see, for the judge of histories.
//!
//! Every request of a [`RecordingClient`] is a call of one history: an SQS error is a failure, an
//! answer that never came leaves the end unknown.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use zonemq_history::event::{
    Accepted, Delivery, Event, NewMessage, Operation, Outcome, Settings, What,
};

/// One history that many clients write.
#[derive(Clone)]
pub struct Recording {
    start: Instant,
    recorded: Arc<Mutex<Recorded>>,
}

#[derive(Default)]
struct Recorded {
    events: Vec<Event>,
    calls: u64,
}

/// A client of one node that writes into a recording.
#[derive(Clone)]
pub struct RecordingClient {
    recording: Recording,
    name: String,
    client: Client,
    queue: String,
    url: String,
}

impl Default for Recording {
    fn default() -> Self {
        Self::new()
    }
}

impl Recording {
    /// An empty history, whose zero is now.
    pub fn new() -> Recording {
        Recording {
            start: Instant::now(),
            recorded: Arc::default(),
        }
    }

    /// Creates a queue; its name says whether it is FIFO.
    pub async fn create_queue(
        &self,
        client: &Client,
        name: &str,
        visibility_seconds: u64,
    ) -> String {
        let fifo = is_fifo(name);
        let settings = Settings {
            fifo,
            visibility_millis: visibility_seconds * 1000,
            ..Settings::default()
        };
        let operation = Operation::CreateQueue {
            queue: name.to_owned(),
            settings,
        };
        let mut request = client.create_queue().queue_name(name).attributes(
            QueueAttributeName::VisibilityTimeout,
            visibility_seconds.to_string(),
        );
        if fifo {
            request = request.attributes(QueueAttributeName::FifoQueue, "true");
        }
        let created = self.call("admin", operation, request.send(), |_| Outcome::Done);
        let created = created.await.expect("a queue can be created");
        created.queue_url.expect("a created queue has a URL")
    }

    /// A client of this queue.
    pub fn client(&self, name: &str, client: &Client, queue: &str, url: &str) -> RecordingClient {
        RecordingClient {
            recording: self.clone(),
            name: name.to_owned(),
            client: client.clone(),
            queue: queue.to_owned(),
            url: url.to_owned(),
        }
    }

    /// Something that is no part of a call.
    pub fn note(&self, what: What) {
        let mut recorded = lock(&self.recorded);
        self.push(&mut recorded, what);
    }

    /// All of it, as the judge reads it from files: one event a line.
    pub fn lines(&self) -> Vec<String> {
        let recorded = lock(&self.recorded);
        let events = recorded.events.iter();
        events
            .map(|event| serde_json::to_string(event).expect("an event is JSON"))
            .collect()
    }

    // The time is taken under the lock: events are in the order of their times.
    fn push(&self, recorded: &mut Recorded, what: What) {
        let micros = self.start.elapsed().as_micros();
        let at = u64::try_from(micros).expect("a test of less than centuries");
        recorded.events.push(Event { at, what });
    }

    /// Makes a request with its invoke and its end on record. An error is told in words.
    async fn call<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        client: &str,
        operation: Operation,
        request: impl Future<Output = Result<T, SdkError<E>>>,
        outcome: impl FnOnce(&T) -> Outcome,
    ) -> Result<T, String> {
        let call = {
            let mut recorded = lock(&self.recorded);
            recorded.calls += 1;
            let call = recorded.calls;
            let client = client.to_owned();
            let invoke = What::Invoke {
                client,
                call,
                operation,
            };
            self.push(&mut recorded, invoke);
            call
        };
        let (end, result) = match request.await {
            Ok(output) => {
                let outcome = outcome(&output);
                (What::Ok { call, outcome }, Ok(output))
            }
            Err(error) => {
                let why = DisplayErrorContext(&error).to_string();
                let end = match refusal(&error) {
                    Some(code) => What::Failed { call, code },
                    None => What::Unknown {
                        call,
                        why: why.clone(),
                    },
                };
                (end, Err(why))
            }
        };
        self.note(end);
        result
    }
}

/// The code of an error that certainly had no effect.
fn refusal<E: ProvideErrorMetadata + std::error::Error + 'static>(
    error: &SdkError<E>,
) -> Option<String> {
    match error {
        SdkError::ServiceError(refused) if refused.raw().status().is_client_error() => {
            refused.err().code().map(str::to_owned)
        }
        error if never_left(error) => Some("ConnectionRefused".to_owned()),
        _ => None,
    }
}

impl RecordingClient {
    /// Sends one message; to a FIFO queue, of this group, with its body as its deduplication id.
    /// Whether it was acknowledged.
    pub async fn send(&self, body: &str, group: Option<&str>) -> bool {
        let deduplication_id = group.map(|_| body.to_owned());
        let message = NewMessage {
            body: body.to_owned(),
            group: group.map(str::to_owned),
            deduplication_id: deduplication_id.clone(),
            delay_millis: None,
        };
        let operation = Operation::Send {
            queue: self.queue.clone(),
            messages: vec![message],
        };
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_message_group_id(group.map(str::to_owned))
            .set_message_deduplication_id(deduplication_id)
            .send();
        let sent = self.recording.call(&self.name, operation, request, |sent| {
            let accepted = Accepted {
                message_id: sent.message_id().unwrap_or_default().to_owned(),
                sequence_number: sent.sequence_number().map(str::to_owned),
            };
            Outcome::Sent {
                messages: vec![Ok(accepted)],
            }
        });
        sent.await.is_ok()
    }

    /// Receives up to ten messages; `None` if nobody knows what.
    pub async fn receive(&self, wait_seconds: u8) -> Option<Vec<Message>> {
        let operation = Operation::Receive {
            queue: self.queue.clone(),
            visibility_millis: None,
            attempt: None,
        };
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10)
            .wait_time_seconds(wait_seconds.into())
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send();
        let received = self
            .recording
            .call(&self.name, operation, request, |received| {
                let messages = received.messages().iter().map(delivery).collect();
                Outcome::Received { messages }
            });
        Some(received.await.ok()?.messages.unwrap_or_default())
    }

    /// Deletes a received message.
    pub async fn delete(&self, message: &Message) {
        let handle = message.receipt_handle().expect("a receipt handle");
        let operation = Operation::Delete {
            queue: self.queue.clone(),
            handles: vec![handle.to_owned()],
        };
        let request = self
            .client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(handle)
            .send();
        let done = self
            .recording
            .call(&self.name, operation, request, |_| Outcome::Deleted {
                refusals: vec![None],
            });
        // However it ended is on record.
        let _ = done.await;
    }

    /// Receives and deletes until nothing comes for as long as each wait lasts, and marks the
    /// queue as drained.
    pub async fn drain(&self, wait_seconds: u8) {
        loop {
            match self.receive(wait_seconds).await {
                Some(messages) if messages.is_empty() => break,
                Some(messages) => {
                    for message in &messages {
                        self.delete(message).await;
                    }
                }
                None => {}
            }
        }
        let queue = self.queue.clone();
        self.recording.note(What::Drained { queue });
    }
}

fn delivery(message: &Message) -> Delivery {
    let attribute = |name: MessageSystemAttributeName| {
        let attributes = message.attributes()?;
        attributes.get(&name).cloned()
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let count = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    Delivery {
        message_id: text(message.message_id()),
        handle: text(message.receipt_handle()),
        body: text(message.body()),
        receive_count: count.expect("it was asked for").parse().expect("a number"),
        group: attribute(MessageSystemAttributeName::MessageGroupId),
        sequence_number: attribute(MessageSystemAttributeName::SequenceNumber),
        dead_letter_source: attribute(MessageSystemAttributeName::DeadLetterQueueSourceArn),
    }
}

/// Whether this names a FIFO queue.
pub fn is_fifo(queue: &str) -> bool {
    queue.strip_suffix(".fifo").is_some()
}

/// Whether nobody was there to take the request.
fn never_left(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nobody panics while recording")
}
