//! Faults between a node and its clients. They are applied to requests rather than to connections:
//! the paths that undo a fault lie on the same port.

use zonemq_world::faulty::{Passage, Rules};

use super::FaultBoard;

/// Lets a client's request come to the node, as far as the rules let it. Nothing lies between a
/// client and a node that cannot be broken.
pub(crate) async fn let_request_in(board: Option<&FaultBoard>) {
    get_through(board, |rules| rules.clients.requests).await;
}

/// The same for the answer on its way back.
pub(crate) async fn let_answer_out(board: Option<&FaultBoard>) {
    get_through(board, |rules| rules.clients.answers).await;
}

/// Waits as long as nothing passes; for ever where it is lost, which ends when the client goes.
async fn get_through(board: Option<&FaultBoard>, passage: impl Fn(&Rules) -> Passage) {
    let Some(book) = board.map(FaultBoard::book).filter(|book| !book.is_calm()) else {
        return;
    };
    match book.look(&passage) {
        Passage::Open => {}
        Passage::Held => {
            Box::pin(book.wait_until(|rules| passage(rules) != Passage::Held)).await;
        }
        Passage::Swallowed | Passage::Refused => std::future::pending().await,
    }
}
