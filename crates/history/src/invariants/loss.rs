//! What was acknowledged is delivered until it is deleted.
//!
//! Receivers drain a queue by receiving and deleting until nothing comes. So after that, each
//! acknowledged message must have been deleted, or nearly: a delete was asked for.

use super::{Report, moment};
use crate::messages::{Message, Messages, Send};
use crate::verdict::Invariant;

pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    for (body, message) in &messages.by_body {
        let Some(send) = message.acknowledged() else {
            continue;
        };
        let Some(drained_at) = all_drained_at(messages, send) else {
            continue;
        };
        if send.call.ended_at > drained_at || is_excused(messages, message, send) {
            continue;
        }
        let id = send.accepted.map_or("", |accepted| &accepted.message_id);
        let last = match message.deliveries.last() {
            None => "was never delivered".to_owned(),
            Some(last) => format!(
                "was delivered last at {} to {}, which did not delete it",
                moment(last.call.ended_at),
                last.call.client
            ),
        };
        report.add(
            Invariant::NoLoss,
            drained_at,
            format!(
                "message {body} ({id}) was acknowledged to {} at {}, {last}, and is not in the \
                 queue {}, which was drained at {}",
                send.call.client,
                moment(send.call.ended_at),
                send.queue,
                moment(drained_at),
            ),
        );
    }
}

/// When the queue and those to which its messages go had been drained; never if one was not.
fn all_drained_at(messages: &Messages<'_>, send: &Send<'_>) -> Option<u64> {
    let mut drained_at = messages.history.drained_at(send.queue)?;
    if let Some(dead_letters) = messages.settings(send.queue).dead_letters {
        drained_at = drained_at.min(messages.history.drained_at(&dead_letters.queue)?);
    }
    Some(drained_at)
}

fn is_excused(messages: &Messages<'_>, message: &Message<'_>, send: &Send<'_>) -> bool {
    let settings = messages.settings(send.queue);
    let dead_letters = settings.dead_letters.map(|dead| dead.queue);
    let may_expire = settings.retention_millis.is_some();
    let is_purged = |queue: &str| messages.may_be_purged(queue, send.call.invoked_at, u64::MAX);
    // A duplicate of another message: that one answers for it.
    let is_duplicate = message.deliveries.is_empty()
        && messages.settings(send.queue).fifo
        && is_delivered_under_another_body(messages, send);
    may_expire
        || is_duplicate
        || is_purged(send.queue)
        || dead_letters.is_some_and(|queue| is_purged(&queue))
        || messages.may_be_deleted_before(message, u64::MAX)
}

/// Whether another body was sent under the same deduplication id.
fn is_delivered_under_another_body(messages: &Messages<'_>, send: &Send<'_>) -> bool {
    let Some(id) = &send.message.deduplication_id else {
        return false;
    };
    messages.by_body.values().any(|other| {
        other.sends.iter().any(|other| {
            other.queue == send.queue
                && other.message.deduplication_id.as_ref() == Some(id)
                && other.message.body != send.message.body
        })
    })
}
