//! The SQS API over HTTP: a request in, the router's reply out, in the caller's words.

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;
use zonemq_queue::ids::MessageId;
use zonemq_sqs::{Call, Failure, OperationName, OutcomeCode, Unreadable};
use zonemq_world::{Chance, Clock, World};

use crate::admin::NodeState;

/// 1 MiB of message may take six times as much in JSON escapes; then there is the rest.
const MAX_BODY_BYTES: usize = 8 << 20;
/// A client that takes longer to send its body is cut off.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Of a body that is too large, so much more is read, and for so long, only to be dropped.
const DROPPED_BYTES: usize = 64 << 20;
const DROPPED_WITHIN: Duration = Duration::from_secs(5);

/// Handles whatever is no path of our own.
pub(crate) async fn handle<W: World>(
    node: &NodeState<W>,
    request: Request<Incoming>,
) -> Response<Bytes> {
    let started = node.world.clock().elapsed();
    let request_id = request_id(node.world.chance());
    let (head, body) = request.into_parts();
    let call = read(node, head, take_in(body).await);
    let (operation, response) = match call {
        Ok(call) => answer(node, call, &request_id).await,
        Err(failure) => {
            let operation = failure.operation.map_or("", OperationName::as_str);
            (operation, failure.into_response(&request_id))
        }
    };
    let took = node.world.clock().elapsed().saturating_sub(started);
    let outcome = response
        .extensions()
        .get()
        .map_or("", |OutcomeCode(code)| code);
    node.metrics.answered(operation, outcome, took);
    if response.status().is_server_error() {
        tracing::warn!(request_id, operation, outcome, ?took, "request failed");
    } else {
        tracing::debug!(request_id, operation, outcome, ?took, "request answered");
    }
    response
}

/// The whole body of a request.
async fn take_in(mut body: Incoming) -> Result<Bytes, Unreadable> {
    let whole = Limited::new(&mut body, MAX_BODY_BYTES).collect();
    match timeout(BODY_TIMEOUT, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            drop_rest(body).await;
            Err(Unreadable::TooLarge {
                limit_bytes: MAX_BODY_BYTES,
            })
        }
        Ok(Err(_)) => Err(Unreadable::BrokenOff),
        Err(_) => Err(Unreadable::TooSlow),
    }
}

/// A connection that is closed while its client still sends is reset, and the client may never see
/// the answer: so what it still sends is read, within bounds.
async fn drop_rest(mut body: Incoming) {
    let dropping = async {
        let mut dropped = 0;
        while dropped < DROPPED_BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            dropped += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // Whoever is slower is reset.
    let _ = timeout(DROPPED_WITHIN, dropping).await;
}

/// What a request asks for. Its headers, and what they were read into, end here: thousands of
/// receivers may wait, and have no use for them.
fn read<W: World>(
    node: &NodeState<W>,
    head: Parts,
    body: Result<Bytes, Unreadable>,
) -> Result<Call, Failure> {
    match body {
        Ok(body) => zonemq_sqs::decode(&Request::from_parts(head, body), &node.defaults),
        Err(why) => {
            let request = Request::from_parts(head, Bytes::new());
            Err(Failure::unreadable(&request, why))
        }
    }
}

/// The name of the operation, for logs and metrics, and the response.
async fn answer<W: World>(
    node: &NodeState<W>,
    mut call: Call,
    request_id: &str,
) -> (&'static str, Response<Bytes>) {
    let operation = call.operation().as_str();
    let response = match call.take_command() {
        None => call.answer(None, request_id),
        Some(command) => match node.router.execute(command).await {
            Ok(reply) => call.answer(Some(reply), request_id),
            Err(unavailable) => call.unavailable(&unavailable.to_string(), request_id),
        },
    };
    (operation, response)
}

/// A UUID, as AWS gives each request.
fn request_id(chance: &impl Chance) -> String {
    MessageId(chance.next_u128()).to_string()
}
