//! `/console/nodes/{id}`: takes one call of SQS to the node that a page names, and back.
//!
//! A page may talk to the node that it came from and to no other, and a lesson must show what each of
//! them says. So that node asks the other one at its API address, as a client there would: what faults do
//! to clients of that node happens to this call as well. It exists where faults are enabled, which is
//! where a page may change anything.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Full;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;
use zonemq_world::World;

use super::asking::exchange;
use super::relay::allowed;
use crate::admin::NodeState;
use crate::config::Member;

/// Far more than a lesson says; other clients speak to the nodes themselves.
pub(super) const MOST_CALL_BYTES: usize = 64 << 10;
/// Longer than a receiver may wait, and a request look for a leader after it.
const PATIENCE: Duration = Duration::from_secs(30);
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// A call, as the page says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    /// As SQS names it: `SendMessage`.
    operation: String,
    /// What it is given.
    input: Value,
}

/// Why a call goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("there is no node n{0} in this cluster\n")]
    NoSuchNode(u64),
    #[error("n{0} runs on another machine: the page speaks to nodes of this one only\n")]
    FarAway(u64),
    #[error("the operation is no name of one: it has letters only, as in SendMessage\n")]
    NoOperation,
    #[error("n{id} gives no answer: {why}\n")]
    NoAnswer { id: u64, why: String },
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Refusal::NoSuchNode(_) => StatusCode::NOT_FOUND,
            Refusal::FarAway(_) => StatusCode::FORBIDDEN,
            Refusal::NoOperation => StatusCode::BAD_REQUEST,
            Refusal::NoAnswer { .. } => StatusCode::GATEWAY_TIMEOUT,
        };
        (status, self.to_string()).into_response()
    }
}

/// `POST /console/nodes/{id}`: answers what the node answers.
pub(super) async fn pass<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    Path(id): Path<u64>,
    Json(call): Json<Call>,
) -> Response {
    if let Err(refusal) = allowed(&node) {
        return refusal.into_response();
    }
    match passed(&node, id, call).await {
        Ok((status, answer)) => {
            let headers = [
                (CONTENT_TYPE, "application/json"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (status, headers, answer).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn passed<W: World>(
    node: &NodeState<W>,
    id: u64,
    call: Call,
) -> Result<(StatusCode, Bytes), Refusal> {
    let member = nearby(&node.config.members, id)?;
    let request = request(member, call)?;
    let no_answer = |why: String| Refusal::NoAnswer { id, why };
    timeout(PATIENCE, exchange(&node.world, member.api, request))
        .await
        .map_err(|_| no_answer(format!("{} s are over", PATIENCE.as_secs())))?
        .map_err(no_answer)
}

/// The member of this id, if it can be asked from here.
fn nearby(members: &[Member], id: u64) -> Result<&Member, Refusal> {
    let member = members.iter().find(|member| member.id == id);
    let member = member.ok_or(Refusal::NoSuchNode(id))?;
    if member.api.ip().to_canonical().is_loopback() {
        Ok(member)
    } else {
        Err(Refusal::FarAway(id))
    }
}

/// The call as SQS takes it.
fn request(member: &Member, call: Call) -> Result<Request<Full<Bytes>>, Refusal> {
    let Call { operation, input } = call;
    if operation.is_empty() || !operation.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(Refusal::NoOperation);
    }
    Request::post("/")
        .header(HOST, member.api.to_string())
        .header(CONTENT_TYPE, "application/x-amz-json-1.0")
        .header(TARGET, format!("AmazonSQS.{operation}"))
        .body(Full::new(input.to_string().into()))
        .map_err(|_| Refusal::NoOperation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, ip: [u8; 4]) -> Member {
        Member {
            id,
            zone: "a".to_owned(),
            api: (ip, 9324).into(),
            peer: (ip, 9424).into(),
        }
    }

    fn call(json: &str) -> Call {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn only_nodes_of_this_cluster_and_machine_are_spoken_to() {
        let members = [member(1, [127, 0, 0, 1]), member(2, [10, 0, 0, 2])];
        assert_eq!(nearby(&members, 1).unwrap().id, 1);
        assert_eq!(nearby(&members, 2).unwrap_err(), Refusal::FarAway(2));
        assert_eq!(nearby(&members, 7).unwrap_err(), Refusal::NoSuchNode(7));
    }

    #[test]
    fn a_call_is_what_a_client_of_sqs_would_send() {
        let said = call(r#"{"operation": "SendMessage", "input": {"MessageBody": "a \"b\" é"}}"#);
        let request = request(&member(1, [127, 0, 0, 1]), said).unwrap();
        assert_eq!(request.uri(), "/");
        assert_eq!(request.headers()[TARGET], "AmazonSQS.SendMessage");
        assert_eq!(request.headers()[HOST], "127.0.0.1:9324");
        assert_eq!(
            request.headers()[CONTENT_TYPE],
            "application/x-amz-json-1.0"
        );
    }

    #[test]
    fn what_is_no_name_of_an_operation_gets_into_no_header() {
        for operation in ["", "Send Message", r"Send\r\nHost: x", "AmazonSQS.X", "é"] {
            let said = call(&format!(r#"{{"operation": "{operation}", "input": {{}}}}"#));
            let refused = request(&member(1, [127, 0, 0, 1]), said).unwrap_err();
            assert_eq!(refused, Refusal::NoOperation, "{operation}");
        }
    }
}
