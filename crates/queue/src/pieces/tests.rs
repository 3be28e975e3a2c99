use std::collections::BTreeMap;

use super::*;
use crate::command::{Batch, Command, Cooldown, Request};
use crate::ids::{RequestId, SessionId};
use crate::message::{Content, ContentPlace, NewMessage};
use crate::time::{Millis, Seconds};

fn encode(piece: &Piece) -> Vec<u8> {
    bincode::serde::encode_to_vec(piece, bincode::config::standard()).expect("a piece")
}

fn decode(bytes: &[u8]) -> Piece {
    let (piece, _) =
        bincode::serde::decode_from_slice(bytes, bincode::config::standard()).expect("a piece");
    piece
}

fn queue(name: &str) -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "eu-central-1".to_owned(),
        name: name.to_owned(),
    }
}

/// A message of a group that it shares with another one, and with a deduplication id of its own.
fn message(queue: &QueueKey, number: u64) -> NewMessage {
    let is_fifo = queue.is_fifo();
    NewMessage {
        content: Content {
            body: "body".into(),
            attributes: BTreeMap::new(),
            trace_header: None,
            sender_id: "000000000000".to_owned(),
            deduplication_id: is_fifo.then(|| number.to_string()),
        },
        delay: (!is_fifo && number.is_multiple_of(3)).then_some(Seconds(900)),
        message_group: Some(format!("group-{}", number / 2)),
    }
}

/// Applies these commands as one batch, of a session that finishes with nothing.
fn apply(state: &mut State, session: u64, commands: Vec<Command>) {
    let requests = (1..).zip(commands).map(|(sequence, command)| Request {
        id: RequestId {
            session: SessionId(session),
            sequence,
        },
        finished_below: 0,
        command,
    });
    let batch = Batch {
        stamp: Millis(1_700_000_000_000),
        nonce: u128::MAX - u128::from(session),
        requests: requests.collect(),
    };
    let count = batch.requests.iter().map(|request| match &request.command {
        Command::SendMessages { messages, .. } => messages.len(),
        _ => 0,
    });
    // The widest numbers there are.
    let place = ContentPlace {
        index: u64::MAX,
        offset: u32::MAX,
        length: u32::MAX,
    };
    let places = vec![place; count.sum()];
    let applied = state.apply(&batch, &places);
    assert!(applied.replies.iter().all(Result::is_ok));
}

/// A standard and a FIFO queue with many messages, some delayed and some in flight.
fn state() -> State {
    let mut state = State::default();
    for (session, name) in (1..).zip(["orders", "orders.fifo"]) {
        let queue = queue(name);
        let mut commands = vec![Command::CreateQueue {
            queue: queue.clone(),
            attributes: Box::default(),
            tags: BTreeMap::new(),
            cooldown: Cooldown::Off,
        }];
        commands.extend((0..1_000).map(|number| {
            Command::SendMessages {
                queue: queue.clone(),
                messages: (0..10)
                    .map(|at| message(&queue, number * 10 + at))
                    .collect(),
            }
        }));
        commands.extend((0..10).map(|number| Command::ReceiveMessages {
            queue: queue.clone(),
            max_messages: 10,
            visibility_timeout: None,
            wait_time: Some(Seconds(0)),
            attempt: queue.is_fifo().then(|| number.to_string()),
        }));
        apply(&mut state, session, commands);
    }
    state
}

fn assemble(pieces: impl IntoIterator<Item = Piece>) -> Result<State, AssemblyError> {
    let mut assembly = Assembly::default();
    for piece in pieces {
        assembly.push(piece)?;
    }
    assembly.finish()
}

#[test]
fn a_state_of_any_size_is_in_small_pieces_and_the_same_again() {
    let state = state();
    let pieces: Vec<Vec<u8>> = state.clone().into_pieces().map(|it| encode(&it)).collect();
    let largest = pieces.iter().map(Vec::len).max().expect("pieces");
    let all: usize = pieces.iter().map(Vec::len).sum();
    assert!(largest <= 256 * 1024, "{largest}");
    let few = all.div_ceil(256 * 1024) * 3;
    assert!(
        pieces.len() <= few,
        "{} pieces for {all} bytes",
        pieces.len()
    );
    let restored = assemble(pieces.iter().map(|bytes| decode(bytes))).expect("all pieces");
    assert_eq!(restored.hash(), state.hash());
    assert_eq!(restored, state);
}

#[test]
fn the_empty_state_is_one_piece() {
    let pieces: Vec<Piece> = State::default().into_pieces().collect();
    assert_eq!(pieces.len(), 1);
    assert_eq!(assemble(pieces), Ok(State::default()));
}

#[test]
fn a_piece_that_is_missing_twice_there_or_too_much_is_noticed() {
    let pieces: Vec<Piece> = state().into_pieces().collect();
    let count = pieces.len();
    assert!(count > 4);
    for at in 0..count - 1 {
        let mut without = pieces.clone();
        without.remove(at);
        let error = assemble(without).expect_err("one is missing");
        let number = at as u64;
        let expected = AssemblyError::OutOfOrder {
            expected: number,
            found: number + 1,
        };
        assert_eq!(error, expected);
    }
    let cut = assemble(pieces[..count - 1].iter().cloned());
    let pieces_there = count as u64 - 1;
    assert_eq!(
        cut,
        Err(AssemblyError::Incomplete {
            pieces: pieces_there
        })
    );
    let twice = pieces.iter().chain(&pieces[count - 1..]).cloned();
    assert!(matches!(
        assemble(twice),
        Err(AssemblyError::OutOfOrder { .. })
    ));
    assert_eq!(assemble([]), Err(AssemblyError::Incomplete { pieces: 0 }));
}

#[test]
fn pieces_of_two_states_do_not_fit_together() {
    let of_one: Vec<Piece> = state().into_pieces().collect();
    // A second beginning in place of the second piece.
    let mut mixed = of_one.clone();
    mixed[1].parts.clone_from(&of_one[0].parts);
    let does_not_fit = AssemblyError::DoesNotFit { number: 1 };
    assert_eq!(assemble(mixed), Err(does_not_fit));
}
