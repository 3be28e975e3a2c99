//! Each delivery counts, has a handle of its own, and a message dies when it has been received as
//! often as its queue says.

use std::collections::BTreeMap;

use super::{Report, moment};
use crate::messages::{Delivered, Message, Messages};
use crate::verdict::Invariant;

pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    let mut handles: BTreeMap<&str, &Delivered<'_>> = BTreeMap::new();
    for (body, message) in &messages.by_body {
        check_counts(body, message, report);
        check_deaths(messages, body, message, report);
        check_old_handles(messages, body, message, report);
        for delivered in &message.deliveries {
            let before = handles.insert(&delivered.delivery.handle, delivered);
            if let Some(before) = before
                && !(before.is_attempt && delivered.is_attempt)
            {
                report.add(
                    Invariant::Handles,
                    delivered.call.ended_at,
                    format!(
                        "the deliveries of message {body} to {} at {} and to {} at {} have the \
                         same receipt handle",
                        before.call.client,
                        moment(before.call.ended_at),
                        delivered.call.client,
                        moment(delivered.call.ended_at),
                    ),
                );
            }
        }
    }
}

/// In a FIFO queue, the handle of a delivery is worth nothing once there is another.
fn check_old_handles(
    messages: &Messages<'_>,
    body: &str,
    message: &Message<'_>,
    report: &mut Report,
) {
    for pair in message.deliveries.windows(2) {
        let (old, new) = (&pair[0], &pair[1]);
        let is_fifo = messages.settings(old.queue).fifo && old.queue == new.queue;
        // Receives that overlap need not have taken effect in the order in which they began.
        let is_later = new.delivery.receive_count > old.delivery.receive_count;
        if !is_fifo || !is_later {
            continue;
        }
        // A message that is gone already is deleted without complaint.
        let is_gone_before = |moment: u64| {
            let others = message.deliveries.iter();
            let mut others = others.filter(|other| other.delivery.handle != old.delivery.handle);
            others.any(|other| {
                let mut deletes = messages.deletes_of(other).iter();
                deletes.any(|delete| delete.call.invoked_at < moment)
            }) || messages.may_be_purged(old.queue, old.call.invoked_at, moment)
        };
        let worked = messages.deletes_of(old).iter().find(|delete| {
            delete.is_acknowledged
                && delete.call.invoked_at > new.call.ended_at
                && !is_gone_before(delete.call.ended_at)
        });
        if let Some(delete) = worked {
            report.add(
                Invariant::Handles,
                delete.call.ended_at,
                format!(
                    "message {body} was deleted by {} at {} with the handle of its delivery at {}, \
                     after it was delivered again at {}",
                    delete.call.client,
                    moment(delete.call.ended_at),
                    moment(old.call.ended_at),
                    moment(new.call.ended_at),
                ),
            );
        }
    }
}

/// Of two deliveries, one after the other, the second has the greater count.
fn check_counts(body: &str, message: &Message<'_>, report: &mut Report) {
    for pair in message.deliveries.windows(2) {
        let (first, second) = (&pair[0], &pair[1]);
        let is_after = first.call.ended_at < second.call.invoked_at;
        let is_same = first.delivery.message_id == second.delivery.message_id
            && !(first.is_attempt && second.is_attempt);
        if is_after && is_same && second.delivery.receive_count <= first.delivery.receive_count {
            report.add(
                Invariant::ReceiveCounts,
                second.call.ended_at,
                format!(
                    "message {body} was delivered to {} at {} as delivery {}, and after that to {} \
                     at {} as delivery {}",
                    first.call.client,
                    moment(first.call.ended_at),
                    first.delivery.receive_count,
                    second.call.client,
                    moment(second.call.ended_at),
                    second.delivery.receive_count,
                ),
            );
        }
    }
}

fn check_deaths(messages: &Messages<'_>, body: &str, message: &Message<'_>, report: &mut Report) {
    for delivered in &message.deliveries {
        let count = delivered.delivery.receive_count;
        let settings = messages.settings(delivered.queue);
        if let Some(dead_letters) = &settings.dead_letters
            && count > dead_letters.max_receives
        {
            report.add(
                Invariant::DeadLetters,
                delivered.call.ended_at,
                format!(
                    "message {body} was delivered from {} at {} as delivery {count}, though it \
                     dies after {}",
                    delivered.queue,
                    moment(delivered.call.ended_at),
                    dead_letters.max_receives,
                ),
            );
        }
        let source = delivered.delivery.dead_letter_source.as_deref();
        let Some(most) = source.and_then(|source| messages.settings(source).dead_letters) else {
            continue;
        };
        // It was received that often before it died, and now once more.
        if count <= most.max_receives {
            report.add(
                Invariant::DeadLetters,
                delivered.call.ended_at,
                format!(
                    "message {body} was a dead letter in {} at {}, after {} receives of the {} \
                     that it has",
                    delivered.queue,
                    moment(delivered.call.ended_at),
                    count.saturating_sub(1),
                    most.max_receives,
                ),
            );
        }
    }
}
