//! `/admin/faults`: sets, lists and undoes faults of this node.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get};
use axum::{Json, Router};
use serde::Serialize;

use super::{Fault, FaultBoard};
use crate::local::{Caller, called_by_a_local_name};

const ALL: &str = "/admin/faults";
const ONE: &str = "/admin/faults/{number}";
/// What a node says on which nothing can be broken.
pub(crate) const FAULTS_ARE_OFF: &str =
    "faults are off on this node: start it with --enable-faults, as `zonemq up` does\n";

/// The paths as this caller finds them. `None` is a node on which nothing can be broken.
pub(crate) fn paths(board: Option<&FaultBoard>, caller: Caller) -> Router {
    let refusal = match (board, caller) {
        (Some(board), Caller::Here) => {
            return Router::new()
                .route(ALL, get(list).post(post).delete(heal))
                .route(ONE, delete(undo))
                .layer(from_fn(called_by_a_local_name))
                .with_state(board.clone());
        }
        (None, _) => FAULTS_ARE_OFF,
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use zonemq_world::faulty::RuleBook;

    use super::*;

    async fn ask(paths: &Router, method: &str, path: &str, body: &str) -> (StatusCode, String) {
        ask_for("127.0.0.1:9324", paths, method, path, body).await
    }

    async fn ask_for(
        host: &str,
        paths: &Router,
        method: &str,
        path: &str,
        body: &str,
    ) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let service = TowerToHyperService::new(paths.clone());
        let answer = service.call(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    const CUT: &str = r#"{"words": "cut n1->n2", "left_millis": 60000,
        "effects": [{"on": "link", "from": 1, "to": 2, "rule": {"passage": "held"}}]}"#;

    #[tokio::test]
    async fn a_fault_is_set_listed_and_undone_from_this_machine() {
        let book = RuleBook::new();
        let here = paths(Some(&FaultBoard::new(1, book.clone())), Caller::Here);
        let (status, told) = ask(&here, "POST", ALL, CUT).await;
        assert_eq!((status, told.as_str()), (StatusCode::OK, r#"{"number":1}"#));
        assert!(!book.look(|rules| rules.can_connect(1, 2)));
        let (_, list) = ask(&here, "GET", ALL, "").await;
        assert!(
            list.contains(r#""number":1,"words":"cut n1->n2""#),
            "{list}"
        );
        assert_eq!(
            ask(&here, "DELETE", "/admin/faults/1", "").await.0,
            StatusCode::NO_CONTENT
        );
        assert!(book.is_calm());
        let (status, told) = ask(&here, "DELETE", "/admin/faults/1", "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{told}");
        assert_eq!(
            ask(&here, "DELETE", ALL, "").await.0,
            StatusCode::NO_CONTENT
        );
        let (status, _) = ask(&here, "POST", ALL, r#"{"words": "", "effects": []}"#).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn a_page_that_gave_its_own_name_this_machines_address_breaks_and_learns_nothing() {
        let board = FaultBoard::new(1, RuleBook::new());
        let here = paths(Some(&board), Caller::Here);
        ask(&here, "POST", ALL, CUT).await;
        for (method, path) in [
            ("GET", ALL),
            ("POST", ALL),
            ("DELETE", ALL),
            ("DELETE", "/admin/faults/1"),
        ] {
            let (status, told) = ask_for("evil.example:9324", &here, method, path, CUT).await;
            assert_eq!(status, StatusCode::FORBIDDEN);
            assert!(told.contains("names another host"), "{told}");
        }
        assert_eq!(board.active().len(), 1, "neither set nor undone");
    }

    #[tokio::test]
    async fn who_calls_from_elsewhere_and_who_asks_a_node_without_faults_is_told_what_to_do() {
        let board = FaultBoard::new(1, RuleBook::new());
        let elsewhere = paths(Some(&board), Caller::Elsewhere);
        let off = paths(None, Caller::Here);
        for (paths, sentence) in [(elsewhere, "127.0.0.1"), (off, "--enable-faults")] {
            for (method, path) in [("GET", ALL), ("POST", ALL), ("DELETE", "/admin/faults/1")] {
                let (status, told) = ask(&paths, method, path, CUT).await;
                assert_eq!(status, StatusCode::FORBIDDEN);
                assert!(told.contains(sentence), "{told}");
            }
        }
        assert_eq!(board.active(), []);
    }
}
