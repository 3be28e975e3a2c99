//! Calls of clients in a few words, for people.

use zonemq_history::event::{NewMessage, Operation, Outcome};

/// SQS's name of what is called.
pub(crate) fn name(operation: &Operation) -> &'static str {
    match operation {
        Operation::CreateQueue { .. } => "CreateQueue",
        Operation::Send { messages, .. } if messages.len() > 1 => "SendMessageBatch",
        Operation::Send { .. } => "SendMessage",
        Operation::Receive { .. } => "ReceiveMessage",
        Operation::Delete { handles, .. } if handles.len() > 1 => "DeleteMessageBatch",
        Operation::Delete { .. } => "DeleteMessage",
        Operation::ChangeVisibility { .. } => "ChangeMessageVisibility",
        Operation::Purge { .. } => "PurgeQueue",
        Operation::StartMove { .. } => "StartMessageMoveTask",
        Operation::AdvanceClock { .. } => "AdvanceClock",
    }
}

/// What it is called with.
pub(crate) fn input(operation: &Operation) -> String {
    match operation {
        Operation::CreateQueue { queue, .. }
        | Operation::Receive { queue, .. }
        | Operation::Purge { queue } => queue.clone(),
        Operation::Send { queue, messages } => {
            let bodies: Vec<String> = messages.iter().map(message).collect();
            format!("{queue}: {}", bodies.join(", "))
        }
        Operation::Delete { queue, handles } => format!("{queue}: {} handles", handles.len()),
        Operation::ChangeVisibility {
            queue,
            visibility_millis,
            ..
        } => format!("{queue}: hidden for {visibility_millis} ms"),
        Operation::StartMove {
            source,
            destination,
        } => format!(
            "{source} to {}",
            destination.as_deref().unwrap_or("where they came from")
        ),
        Operation::AdvanceClock { millis } => format!("by {millis} ms"),
    }
}

fn message(message: &NewMessage) -> String {
    match &message.group {
        Some(group) => format!("{} in {group}", message.body),
        None => message.body.clone(),
    }
}

/// What the answer says.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Sent { messages } => {
            let told = messages.iter().map(|sent| match sent {
                Ok(accepted) => accepted.message_id.chars().take(8).collect(),
                Err(code) => code.clone(),
            });
            told.collect::<Vec<String>>().join(", ")
        }
        Outcome::Received { messages } if messages.is_empty() => "nothing".to_owned(),
        Outcome::Received { messages } => {
            let told = messages
                .iter()
                .map(|delivery| format!("{} (receive {})", delivery.body, delivery.receive_count));
            told.collect::<Vec<String>>().join(", ")
        }
        Outcome::Deleted { refusals } => {
            let refused: Vec<&str> = refusals.iter().flatten().map(String::as_str).collect();
            if refused.is_empty() {
                "deleted".to_owned()
            } else {
                format!("refused: {}", refused.join(", "))
            }
        }
    }
}
