//! Makes the queues of a run before it, and removes them after it.

use bytes::Bytes;
use serde_json::json;

use crate::connection::{Action, CallError, Connection};
use crate::load::BenchError;
use crate::options::{Options, QueueKind};
use crate::response_body::{queue_url, start_of};

/// A cluster that elects a leader refuses for a moment.
const TRIES: usize = 5;

/// The queues of a run.
pub(crate) struct Queues {
    connection: Connection,
    pub(crate) urls: Vec<String>,
}

impl Queues {
    /// Creates them. Those that were made before one could not be are removed again.
    pub(crate) async fn create(options: &Options) -> Result<Queues, BenchError> {
        all_endpoints_answer(options).await?;
        let mut queues = Queues {
            connection: Connection::of_client(options, 0),
            urls: Vec::new(),
        };
        for number in 0..options.queues {
            match queues.create_one(options, number).await {
                Ok(url) => queues.urls.push(url),
                Err(error) => {
                    queues.delete().await;
                    return Err(error);
                }
            }
        }
        Ok(queues)
    }

    async fn create_one(&mut self, options: &Options, number: usize) -> Result<String, BenchError> {
        let name = format!("zonemq-bench-{}-{number}", options.run);
        let question = match options.kind {
            QueueKind::Standard => json!({ "QueueName": name }),
            QueueKind::Fifo { .. } => json!({
                "QueueName": format!("{name}.fifo"),
                "Attributes": { "FifoQueue": "true" },
            }),
        };
        let body = Bytes::from(question.to_string());
        let answer = self.call_with_tries(Action::CreateQueue, &body).await?;
        queue_url(&answer).ok_or_else(|| BenchError::NoSqs {
            answer: start_of(&answer),
        })
    }

    /// Removes them all; those that could not be removed are returned.
    pub(crate) async fn delete(&mut self) -> Vec<String> {
        let mut left_behind = Vec::new();
        for url in std::mem::take(&mut self.urls) {
            let body = Bytes::from(json!({ "QueueUrl": url }).to_string());
            let deleted = self.call_with_tries(Action::DeleteQueue, &body).await;
            if deleted.is_err() {
                left_behind.push(url);
            }
        }
        left_behind
    }

    async fn call_with_tries(&mut self, action: Action, body: &Bytes) -> Result<Bytes, CallError> {
        let mut tries = 1;
        loop {
            match self.connection.call(action, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(CallError::Refused { status, .. }) if !status.is_client_error() => {}
                Err(CallError::BrokenOff { .. }) => {}
                Err(error) => return Err(error),
            }
            if tries == TRIES {
                return self.connection.call(action, body.clone()).await;
            }
            tries += 1;
        }
    }
}

/// Of several endpoints, all must be there: a figure of fewer would be another one.
async fn all_endpoints_answer(options: &Options) -> Result<(), BenchError> {
    for client in 0..options.endpoints.len() {
        Connection::of_client(options, client).open().await?;
    }
    Ok(())
}
