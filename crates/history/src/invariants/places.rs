//! A message is in one queue at a time: a dead letter is no longer where it died, and what a move
//! task moves is no longer where it was.

use std::collections::BTreeSet;

use super::{Report, moment};
use crate::messages::{Delivered, Message, Messages};
use crate::verdict::Invariant;

pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    for (body, message) in &messages.by_body {
        // Clients that try a send again in a standard queue make two messages of one body.
        if message.sends.len() > 1 {
            continue;
        }
        let ids: BTreeSet<&str> = message
            .deliveries
            .iter()
            .map(|delivered| delivered.delivery.message_id.as_str())
            .collect();
        if ids.len() > messages.moves.len() + 1 {
            let last = message.deliveries.last().map_or(0, |d| d.call.ended_at);
            let story = format!(
                "message {body} was delivered under {} ids, though only {} move tasks were begun",
                ids.len(),
                messages.moves.len()
            );
            report.add(Invariant::OneQueue, last, story);
        }
        check_way(body, message, report);
    }
}

/// A message goes from queue to queue, and comes back under another id only.
fn check_way(body: &str, message: &Message<'_>, report: &mut Report) {
    // For each life of the message in a queue, its earliest certain sign.
    let mut left: Vec<(&Delivered<'_>, &Delivered<'_>)> = Vec::new();
    for pair in message.deliveries.windows(2) {
        let is_other_life = life(&pair[0]) != life(&pair[1]);
        if is_other_life && pair[0].call.ended_at < pair[1].call.invoked_at {
            left.push((&pair[0], &pair[1]));
        }
    }
    for (before, after) in left {
        let back = message.deliveries.iter().find(|delivered| {
            life(delivered) == life(before) && delivered.call.invoked_at > after.call.ended_at
        });
        if let Some(back) = back {
            report.add(
                Invariant::OneQueue,
                back.call.ended_at,
                format!(
                    "message {body} was delivered from {} at {}, then from {} at {}, and then \
                     again from {} at {}",
                    before.queue,
                    moment(before.call.ended_at),
                    after.queue,
                    moment(after.call.ended_at),
                    back.queue,
                    moment(back.call.ended_at),
                ),
            );
        }
    }
}

fn life<'h>(delivered: &Delivered<'h>) -> (&'h str, &'h str) {
    (delivered.queue, &delivered.delivery.message_id)
}
