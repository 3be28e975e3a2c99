//! What is deleted stays deleted.

use super::{Report, moment};
use crate::messages::Messages;
use crate::verdict::Invariant;

pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    for (body, message) in &messages.by_body {
        // The first moment at which the message is certainly gone from a queue.
        let deleted = message.deliveries.iter().flat_map(|delivered| {
            let deletes = messages.deletes_of(delivered).iter();
            deletes
                .filter(|delete| delete.is_acknowledged)
                .map(move |delete| (delete.call.ended_at, delete.call, delivered))
        });
        let Some((gone_at, delete, of)) = deleted.min_by_key(|(at, ..)| *at) else {
            continue;
        };
        // In a standard queue any handle deletes; only that of the queue where it is now.
        let again = message.deliveries.iter().find(|delivered| {
            delivered.call.invoked_at > gone_at
                && delivered.delivery.message_id == of.delivery.message_id
                && delivered.queue == of.queue
        });
        if let Some(again) = again {
            report.add(
                Invariant::NoResurrection,
                again.call.ended_at,
                format!(
                    "message {body} was deleted by {} at {}, and delivered to {} at {} from a \
                     receive that began at {}",
                    delete.client,
                    moment(gone_at),
                    again.call.client,
                    moment(again.call.ended_at),
                    moment(again.call.invoked_at),
                ),
            );
        }
    }
}
