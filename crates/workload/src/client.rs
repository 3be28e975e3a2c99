//! A client of the cluster that speaks SQS as JSON over HTTP, over whatever network it is given.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use zonemq_world::Network;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It certainly had no effect.
    #[error("{0}")]
    Failed(String),
    /// It may have had its effect, now or later.
    #[error("nobody knows what came of it: {0}")]
    Unknown(String),
}

/// What is called.
#[derive(Clone, Copy)]
enum To<'c> {
    /// An operation of SQS.
    Operation(&'c str),
    /// A path of the administrator's.
    Path(&'c str),
}

/// One client's way into the cluster: one connection at a time, to the next node when one fails.
pub struct Client<N: Network> {
    network: N,
    nodes: Vec<SocketAddr>,
    /// Which of them is spoken to.
    at: usize,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl<N: Network> Client<N> {
    /// Begins with the node at place `first`.
    pub fn new(network: N, nodes: Vec<SocketAddr>, first: usize) -> Client<N> {
        Client {
            network,
            at: first % nodes.len(),
            nodes,
            connection: None,
        }
    }

    /// Calls an operation of SQS and waits for its result.
    pub async fn call(
        &mut self,
        operation: &str,
        input: &Value,
        within: Duration,
    ) -> Result<Value, CallError> {
        self.exchange(To::Operation(operation), input, within).await
    }

    /// Calls a path of the administrator's and waits for its result.
    pub async fn post(
        &mut self,
        path: &str,
        input: &Value,
        within: Duration,
    ) -> Result<Value, CallError> {
        self.exchange(To::Path(path), input, within).await
    }

    async fn exchange(
        &mut self,
        to: To<'_>,
        input: &Value,
        within: Duration,
    ) -> Result<Value, CallError> {
        let deadline = Instant::now() + within;
        let result = self.attempt(to, input, deadline).await;
        if let Err(CallError::Unknown(_) | CallError::Failed(_)) = &result
            && self.connection.is_none()
        {
            self.at = (self.at + 1) % self.nodes.len();
        }
        result
    }

    async fn attempt(
        &mut self,
        to: To<'_>,
        input: &Value,
        deadline: Instant,
    ) -> Result<Value, CallError> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect(deadline).await?,
        };
        let node = self.nodes[self.at];
        let request = match to {
            To::Operation(name) => Request::post("/")
                .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
                .header("x-amz-target", format!("AmazonSQS.{name}")),
            To::Path(path) => Request::post(path).header(header::CONTENT_TYPE, "application/json"),
        };
        let request = request
            .header(header::HOST, node.to_string())
            .body(Full::new(Bytes::from(input.to_string())))
            .map_err(|error| CallError::Failed(error.to_string()))?;
        // From here on the node may have heard.
        let unknown = |error: &dyn std::fmt::Display| CallError::Unknown(error.to_string());
        let exchange = async {
            let response = connection
                .send_request(request)
                .await
                .map_err(|e| unknown(&e))?;
            let status = response.status();
            let body = response
                .into_body()
                .collect()
                .await
                .map_err(|e| unknown(&e))?;
            Ok((status, body.to_bytes()))
        };
        let (status, body) = match timeout_at(deadline, exchange).await {
            Ok(answer) => answer?,
            Err(elapsed) => return Err(unknown(&elapsed)),
        };
        if status.is_server_error() {
            return Err(CallError::Unknown(
                String::from_utf8_lossy(&body).into_owned(),
            ));
        }
        self.connection = Some(connection);
        if !status.is_success() {
            return Err(CallError::Failed(
                String::from_utf8_lossy(&body).into_owned(),
            ));
        }
        serde_json::from_slice(&body).or_else(|error| {
            // Some operations answer nothing at all.
            if body.is_empty() {
                Ok(Value::Null)
            } else {
                Err(unknown(&error))
            }
        })
    }

    async fn connect(&mut self, deadline: Instant) -> Result<SendRequest<Full<Bytes>>, CallError> {
        let failed = |error: &dyn std::fmt::Display| CallError::Failed(error.to_string());
        let deadline = deadline.min(Instant::now() + CONNECT_TIMEOUT);
        let connect = async {
            let stream = self.network.connect(self.nodes[self.at]).await;
            let stream = stream.map_err(|e| failed(&e))?;
            handshake(TokioIo::new(stream))
                .await
                .map_err(|e| failed(&e))
        };
        let connected = timeout_at(deadline, connect).await;
        let (sender, connection) = connected.map_err(|e| failed(&e))??;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a client's connection ended");
            }
        });
        Ok(sender)
    }
}
