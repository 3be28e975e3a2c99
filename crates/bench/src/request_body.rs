//! Writes requests. All bodies of a run are alike but for their first digits, which say when the
//! message was sent; each client writes into a buffer of its own, again and again.

use std::fmt::Write;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use crate::connection::Action;
use crate::options::{Options, QueueKind};
use crate::response_body::ReceivedMessage;

/// Digits of the moment of sending: microseconds since the run began, in hexadecimal.
const STAMP_DIGITS: usize = 12;

/// Writes all requests of one client to one queue.
pub(crate) struct RequestBodies {
    /// The beginning of each: the queue's URL.
    head: String,
    buffer: BytesMut,
    sends: Sends,
}

/// What goes into sends.
struct Sends {
    batch: usize,
    body_bytes: usize,
    filler: String,
    fifo: Option<Fifo>,
}

/// Where the messages of a client go in a FIFO queue.
struct Fifo {
    groups: u64,
    /// Before the number, in deduplication ids.
    prefix: String,
    first_group: u64,
    sent: u64,
}

impl RequestBodies {
    /// For this client, on this queue.
    pub(crate) fn new(options: &Options, client: usize, queue_url: &str) -> RequestBodies {
        let fifo = match options.kind {
            QueueKind::Standard => None,
            QueueKind::Fifo { groups } => Some(Fifo {
                groups: u64::from(groups.max(1)),
                prefix: format!("{}-{client}", options.run),
                first_group: client as u64,
                sent: 0,
            }),
        };
        let filler = options.body_bytes.saturating_sub(STAMP_DIGITS);
        RequestBodies {
            head: format!("{{\"QueueUrl\":{}", Value::from(queue_url)),
            buffer: BytesMut::new(),
            sends: Sends {
                batch: options.batch,
                body_bytes: options.body_bytes,
                filler: "x".repeat(filler),
                fifo,
            },
        }
    }

    /// The next message, or batch of so many.
    pub(crate) fn send(&mut self, batch: usize, since_epoch: Duration) -> (Action, Bytes) {
        self.write(|out, sends| {
            if batch == 1 {
                out.push_str(",");
                sends.message(out, since_epoch);
                return Action::SendMessage;
            }
            out.push_str(",\"Entries\":[");
            for entry in 0..batch {
                let comma = if entry == 0 { "" } else { "," };
                out.push(format_args!("{comma}{{\"Id\":\"{entry}\","));
                sends.message(out, since_epoch);
                out.push_str("}");
            }
            out.push_str("]");
            Action::SendMessageBatch
        })
    }

    /// A receive of as many messages as a batch holds.
    pub(crate) fn receive(&mut self, wait_seconds: u32) -> (Action, Bytes) {
        self.write(|out, sends| {
            out.push(format_args!(
                ",\"MaxNumberOfMessages\":{},\"WaitTimeSeconds\":{wait_seconds}",
                sends.batch
            ));
            Action::ReceiveMessage
        })
    }

    /// The delete of what was received.
    pub(crate) fn delete(&mut self, received: &[ReceivedMessage<'_>]) -> (Action, Bytes) {
        self.write(|out, sends| match received {
            [only] if sends.batch == 1 => {
                out.push_str(",");
                out.push_handle(only);
                Action::DeleteMessage
            }
            _ => {
                out.push_str(",\"Entries\":[");
                for (entry, message) in received.iter().enumerate() {
                    let comma = if entry == 0 { "" } else { "," };
                    out.push(format_args!("{comma}{{\"Id\":\"{entry}\","));
                    out.push_handle(message);
                    out.push_str("}");
                }
                out.push_str("]");
                Action::DeleteMessageBatch
            }
        })
    }

    fn write(&mut self, write: impl FnOnce(&mut Out<'_>, &mut Sends) -> Action) -> (Action, Bytes) {
        let mut out = Out(&mut self.buffer);
        out.push_str(&self.head);
        let action = write(&mut out, &mut self.sends);
        out.push_str("}");
        // The buffer is used again once the connection has let go of this.
        (action, self.buffer.split().freeze())
    }
}

impl Sends {
    fn message(&mut self, out: &mut Out<'_>, since_epoch: Duration) {
        out.push_str("\"MessageBody\":\"");
        if self.body_bytes >= STAMP_DIGITS {
            let micros = since_epoch.as_micros();
            out.push(format_args!("{micros:0STAMP_DIGITS$x}"));
            out.push_str(&self.filler);
        } else {
            out.push(format_args!("{:x>1$}", "", self.body_bytes));
        }
        out.push_str("\"");
        if let Some(fifo) = &mut self.fifo {
            let group = (fifo.first_group + fifo.sent) % fifo.groups;
            out.push(format_args!(
                ",\"MessageGroupId\":\"g{group}\",\"MessageDeduplicationId\":\"{}-{}\"",
                fifo.prefix, fifo.sent
            ));
            fifo.sent += 1;
        }
    }
}

/// When a message was sent, if its body is long enough to say so.
pub(crate) fn sent_at(body: &str) -> Option<Duration> {
    let micros = u64::from_str_radix(body.get(..STAMP_DIGITS)?, 16).ok()?;
    Some(Duration::from_micros(micros))
}

/// A buffer of text; writing to it cannot fail.
struct Out<'b>(&'b mut BytesMut);

impl Out<'_> {
    fn push_str(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // It grows as needed.
        let _ = self.0.write_fmt(text);
    }

    /// Handles are opaque: they may need escapes.
    fn push_handle(&mut self, message: &ReceivedMessage<'_>) {
        let handle = Value::from(message.receipt_handle.as_ref());
        self.push(format_args!("\"ReceiptHandle\":{handle}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::tests::options;

    fn json(request: &(Action, Bytes)) -> Value {
        serde_json::from_slice(&request.1).expect("JSON")
    }

    #[test]
    fn a_body_has_the_length_that_was_asked_for_and_says_when_it_was_sent() {
        for body_bytes in [1, 11, 12, 13, 1024] {
            let options = Options {
                body_bytes,
                ..options()
            };
            let mut bodies = RequestBodies::new(&options, 0, "http://h/0/q");
            let at = Duration::from_micros(1_234_567);
            let request = bodies.send(1, at);
            assert_eq!(request.0, Action::SendMessage);
            let request = json(&request);
            let body = request["MessageBody"].as_str().expect("text");
            assert_eq!(body.len(), body_bytes);
            assert_eq!(request["QueueUrl"], "http://h/0/q");
            let expected = (body_bytes >= STAMP_DIGITS).then_some(at);
            assert_eq!(sent_at(body), expected);
        }
    }

    #[test]
    fn messages_of_a_fifo_queue_go_through_all_groups_and_are_never_duplicates() {
        let options = Options {
            kind: QueueKind::Fifo { groups: 2 },
            ..options()
        };
        let mut bodies = RequestBodies::new(&options, 5, "u");
        let request = bodies.send(3, Duration::ZERO);
        assert_eq!(request.0, Action::SendMessageBatch);
        let entries = json(&request)["Entries"].clone();
        let of = |name: &str| -> Vec<String> {
            let entries = entries.as_array().expect("entries").iter();
            let texts = entries.map(|entry| entry[name].as_str().expect("text").to_owned());
            texts.collect()
        };
        assert_eq!(of("MessageGroupId"), ["g1", "g0", "g1"]);
        assert_eq!(of("Id"), ["0", "1", "2"]);
        assert_eq!(
            of("MessageDeduplicationId"),
            ["test-5-0", "test-5-1", "test-5-2"]
        );
    }

    #[test]
    fn what_was_received_alone_is_deleted_alone_and_a_batch_in_a_batch() {
        let message = |handle: &'static str| ReceivedMessage {
            receipt_handle: handle.into(),
            body: "".into(),
        };
        let mut single = RequestBodies::new(&options(), 0, "u");
        let request = single.delete(&[message("a\"b")]);
        assert_eq!(request.0, Action::DeleteMessage);
        assert_eq!(json(&request)["ReceiptHandle"], "a\"b");

        let batches = Options {
            batch: 10,
            ..options()
        };
        let mut batches = RequestBodies::new(&batches, 0, "u");
        let request = batches.delete(&[message("a"), message("b")]);
        assert_eq!(request.0, Action::DeleteMessageBatch);
        assert_eq!(json(&request)["Entries"][1]["ReceiptHandle"], "b");
        assert_eq!(json(&batches.receive(20))["MaxNumberOfMessages"], 10);
    }
}
