//! Faults between a node and its clients. They are applied to requests rather than to connections:
//! the paths that undo a fault lie on the same port.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use axum::middleware::Next;
use zonemq_world::faulty::{Passage, RuleBook, Rules};

use super::FaultBoard;

/// Lets a request to the node and its answer back, as far as the rules let them.
pub(crate) async fn pass(
    State(board): State<FaultBoard>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    get_through(board.book(), |rules| rules.clients.requests).await;
    let answer = next.run(request).await;
    get_through(board.book(), |rules| rules.clients.answers).await;
    answer
}

/// Waits as long as nothing passes; for ever where it is lost, which ends when the client goes.
async fn get_through(book: &RuleBook, passage: impl Fn(&Rules) -> Passage) {
    if book.is_calm() {
        return;
    }
    match book.look(&passage) {
        Passage::Open => {}
        Passage::Held => {
            book.wait_until(|rules| passage(rules) != Passage::Held)
                .await;
        }
        Passage::Swallowed | Passage::Refused => std::future::pending().await,
    }
}
