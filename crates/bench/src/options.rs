//! What can be asked of a load: plain data with units, and the limits on it.

use std::time::Duration;

use crate::endpoint::Endpoint;

/// A load.
#[derive(Clone, Debug)]
pub struct Options {
    /// Clients are dealt out to them in turn; one whose request fails goes on with the next.
    pub endpoints: Vec<Endpoint>,
    /// Who asks.
    pub credentials: Credentials,
    /// Makes the names of the queues, and the deduplication ids in them, this run's own.
    pub run: String,
    /// What the clients do.
    pub workload: Workload,
    /// Each has one connection and one request under way at a time.
    pub clients: usize,
    /// Clients are dealt out to them in turn.
    pub queues: usize,
    /// What kind of queues.
    pub kind: QueueKind,
    /// Length of each body.
    pub body_bytes: usize,
    /// Messages in a request: 1 takes the operations for single messages.
    pub batch: usize,
    /// How long it goes on.
    pub duration: Duration,
    /// Threads of the load. One takes the least from a server on the same machine.
    pub threads: usize,
    /// Processes of the servers: what they take is told, too.
    pub server_pids: Vec<u32>,
}

/// Who asks, as the `Authorization` header names it. Nothing is signed: this is for servers that
/// let any key in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The id of the access key.
    pub access_key: String,
    /// The region of the credential scope.
    pub region: String,
}

/// What the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// All send.
    Send,
    /// All receive and delete what was put into the queues before the clock started.
    Receive {
        /// So many messages, over all queues.
        fill: u64,
    },
    /// One half sends, the other half receives and deletes.
    Mixed {
        /// So many messages are put there before the clock started, and are kept there: senders
        /// wait for receivers. Without a number, they don't.
        standing: Option<u64>,
    },
    /// All wait in long polls for messages that never come.
    Wait,
}

impl Workload {
    /// Its name in results.
    pub fn as_str(self) -> &'static str {
        match self {
            Workload::Send => "send",
            Workload::Receive { .. } => "receive",
            Workload::Mixed { .. } => "mixed",
            Workload::Wait => "wait",
        }
    }

    /// What is put into the queues before the clock starts.
    pub(crate) fn fill(self) -> Option<u64> {
        match self {
            Workload::Receive { fill } => Some(fill),
            Workload::Mixed { standing } => standing,
            Workload::Send | Workload::Wait => None,
        }
    }
}

/// Standard or FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    /// No order.
    Standard,
    /// Order in each message group.
    Fifo {
        /// Each client goes through all of them, each from another one on.
        groups: u32,
    },
}

/// What was asked for cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A number is out of its bounds.
    #[error("{what}: {given} is not between {least} and {most}")]
    OutOfBounds {
        /// Which number.
        what: &'static str,
        /// What was given.
        given: u64,
        /// The least that can be.
        least: u64,
        /// The most that can be.
        most: u64,
    },
    /// No endpoint was named.
    #[error("there is no endpoint to send requests to")]
    NoEndpoint,
    /// A batch is longer than SQS takes.
    #[error(
        "{batch} bodies of {body_bytes} bytes are more than a request may hold, {MOST_BODY_BYTES} \
         bytes"
    )]
    BatchTooLong {
        /// Messages in a request.
        batch: usize,
        /// Length of each.
        body_bytes: usize,
    },
    /// A queue would have nobody.
    #[error("{queues} queues are too many for {clients} clients: every queue needs {each} of them")]
    TooFewClients {
        /// How many queues.
        queues: usize,
        /// How many clients.
        clients: usize,
        /// How many a queue needs.
        each: usize,
    },
}

/// SQS's limit on one message, and on all messages of a batch together.
const MOST_BODY_BYTES: usize = 1 << 20;
/// SQS's limit.
const MOST_BATCH: usize = 10;
/// More connections than this need more ports than a machine has.
const MOST_CLIENTS: usize = 20_000;
const MOST_QUEUES: usize = 1_000;
const MOST_THREADS: usize = 64;
const MOST_GROUPS: u32 = 1_000_000;
const MOST_FILL: u64 = 1_000_000_000;
const MOST_SECONDS: u64 = 24 * 60 * 60;

impl Options {
    /// Checks all limits.
    pub fn check(&self) -> Result<(), OptionsError> {
        if self.endpoints.is_empty() {
            return Err(OptionsError::NoEndpoint);
        }
        let each = match self.workload {
            Workload::Mixed { .. } => 2,
            Workload::Send | Workload::Receive { .. } | Workload::Wait => 1,
        };
        within("clients", self.clients, each, MOST_CLIENTS)?;
        within("queues", self.queues, 1, MOST_QUEUES)?;
        within("bytes of a body", self.body_bytes, 1, MOST_BODY_BYTES)?;
        within("messages in a request", self.batch, 1, MOST_BATCH)?;
        within("threads", self.threads, 1, MOST_THREADS)?;
        within("seconds", self.duration.as_secs().max(1), 1, MOST_SECONDS)?;
        if let QueueKind::Fifo { groups } = self.kind {
            within("message groups", groups, 1, MOST_GROUPS)?;
        }
        if let Some(fill) = self.workload.fill() {
            // A batch waits until so many are missing.
            let least = self.batch as u64;
            within("messages to begin with", fill, least, MOST_FILL)?;
        }
        if self.batch * self.body_bytes > MOST_BODY_BYTES {
            return Err(OptionsError::BatchTooLong {
                batch: self.batch,
                body_bytes: self.body_bytes,
            });
        }
        if self.queues * each > self.clients {
            return Err(OptionsError::TooFewClients {
                queues: self.queues,
                clients: self.clients,
                each,
            });
        }
        Ok(())
    }
}

fn within<N: TryInto<u64>>(
    what: &'static str,
    given: N,
    least: N,
    most: N,
) -> Result<(), OptionsError> {
    // What does not fit is larger than any limit.
    let number = |number: N| number.try_into().unwrap_or(u64::MAX);
    let (given, least, most) = (number(given), number(least), number(most));
    if (least..=most).contains(&given) {
        return Ok(());
    }
    Err(OptionsError::OutOfBounds {
        what,
        given,
        least,
        most,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// 64 clients that send to one queue.
    pub(crate) fn options() -> Options {
        Options {
            endpoints: vec!["http://127.0.0.1:9324".parse().expect("an endpoint")],
            credentials: Credentials {
                access_key: "zonemq".to_owned(),
                region: "us-east-1".to_owned(),
            },
            run: "test".to_owned(),
            workload: Workload::Send,
            clients: 64,
            queues: 1,
            kind: QueueKind::Standard,
            body_bytes: 1024,
            batch: 1,
            duration: Duration::from_secs(1),
            threads: 1,
            server_pids: Vec::new(),
        }
    }

    fn refusal(options: &Options) -> String {
        options.check().expect_err("refused").to_string()
    }

    #[test]
    fn what_sqs_would_refuse_is_refused_before_it_is_sent() {
        assert_eq!(options().check(), Ok(()));
        let eleven = Options {
            batch: 11,
            ..options()
        };
        assert_eq!(
            refusal(&eleven),
            "messages in a request: 11 is not between 1 and 10"
        );
        let long = Options {
            batch: 10,
            body_bytes: 200_000,
            ..options()
        };
        assert_eq!(
            refusal(&long),
            "10 bodies of 200000 bytes are more than a request may hold, 1048576 bytes"
        );
        let no_group = Options {
            kind: QueueKind::Fifo { groups: 0 },
            ..options()
        };
        assert_eq!(
            refusal(&no_group),
            "message groups: 0 is not between 1 and 1000000"
        );
    }

    #[test]
    fn every_queue_has_clients_for_both_halves_of_a_mixed_load() {
        let of = |workload, clients, queues| {
            let options = Options {
                workload,
                clients,
                queues,
                ..options()
            };
            options.check()
        };
        assert_eq!(of(Workload::Send, 3, 3), Ok(()));
        let mixed = Workload::Mixed { standing: None };
        assert_eq!(of(mixed, 6, 3), Ok(()));
        assert!(matches!(
            of(mixed, 5, 3),
            Err(OptionsError::TooFewClients { each: 2, .. })
        ));
        assert!(of(mixed, 1, 1).is_err());
    }
}
