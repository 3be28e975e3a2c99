//! The SQS API over HTTP: a request in, the router's reply out, in the caller's words.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use zonemq_queue::ids::MessageId;
use zonemq_sqs::{OperationName, OutcomeCode};
use zonemq_world::{Chance, Clock, World};

use crate::admin::NodeState;

/// 1 MiB of message may take six times as much in JSON escapes; then there is the rest.
const MAX_BODY_BYTES: usize = 8 << 20;
/// A client that takes longer to send its body is cut off.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Handles whatever is no path of our own.
pub(crate) async fn handle<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    request: Request<Body>,
) -> Response<Body> {
    let started = node.world.clock().elapsed();
    let request_id = request_id(node.world.chance());
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request is larger than 8 MiB.",
            );
        }
        Err(_) => {
            return refuse(
                StatusCode::REQUEST_TIMEOUT,
                "The request's body did not arrive in time.",
            );
        }
    };
    let request = Request::from_parts(head, body);
    let (operation, response) = answer(&node, &request, &request_id).await;
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
    response.map(Body::from)
}

/// The name of the operation, for logs and metrics, and the response.
async fn answer<W: World>(
    node: &NodeState<W>,
    request: &Request<Bytes>,
    request_id: &str,
) -> (&'static str, Response<Bytes>) {
    let mut call = match zonemq_sqs::decode(request, &node.defaults) {
        Ok(call) => call,
        Err(failure) => {
            let operation = failure.operation.map_or("", OperationName::as_str);
            return (operation, failure.into_response(request_id));
        }
    };
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

/// Refuses a request that cannot be read, before its protocol is known.
fn refuse(status: StatusCode, sentence: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(sentence));
    *response.status_mut() = status;
    response
}

/// A UUID, as AWS gives each request.
fn request_id(chance: &impl Chance) -> String {
    MessageId(chance.next_u128()).to_string()
}
