//! `/admin/faults`: sets, lists and undoes faults of this node.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get};
use axum::{Json, Router};
use serde::Serialize;

use super::{Fault, FaultBoard};

const ALL: &str = "/admin/faults";
const ONE: &str = "/admin/faults/{number}";

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// This machine.
    Here,
    /// Another one.
    Elsewhere,
}

/// The paths as this caller finds them. `None` is a node on which nothing can be broken.
pub(crate) fn paths(board: Option<&FaultBoard>, caller: Caller) -> Router {
    let refusal = match (board, caller) {
        (Some(board), Caller::Here) => {
            return Router::new()
                .route(ALL, get(list).post(post).delete(heal))
                .route(ONE, delete(undo))
                .with_state(board.clone());
        }
        (None, _) => {
            "faults are off on this node: start it with --enable-faults, as `zonemq up` does\n"
        }
        (Some(_), Caller::Elsewhere) => {
            "faults are set from the node's own machine only: ask it at 127.0.0.1 there\n"
        }
    };
    let refuse = any(move || async move { (StatusCode::FORBIDDEN, refusal) });
    Router::new().route(ALL, refuse.clone()).route(ONE, refuse)
}

/// What is active. Stable: tools read it.
#[derive(Debug, Serialize)]
struct Active {
    faults: Vec<Fault>,
}

async fn list(State(board): State<FaultBoard>) -> Json<Active> {
    Json(Active {
        faults: board.active(),
    })
}

/// Answers `{"number": ...}`.
async fn post(State(board): State<FaultBoard>, Json(fault): Json<Fault>) -> Response {
    match board.post(fault) {
        Ok(number) => Json(serde_json::json!({ "number": number })).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn undo(State(board): State<FaultBoard>, Path(number): Path<u64>) -> Response {
    if board.undo(number) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let sentence = format!("no fault {number} is active on this node\n");
        (StatusCode::NOT_FOUND, sentence).into_response()
    }
}

async fn heal(State(board): State<FaultBoard>) -> StatusCode {
    board.heal();
    StatusCode::NO_CONTENT
}
