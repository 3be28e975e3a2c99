//! While a delivery is hidden, nobody else gets the message.

use super::{CLOCK_ERROR, Report, moment};
use crate::messages::{Delivered, Messages};
use crate::verdict::Invariant;

pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    for (body, message) in &messages.by_body {
        for (place, first) in message.deliveries.iter().enumerate() {
            // Sorted by their beginnings: the next one overlaps if any does.
            let Some(second) = message.deliveries.get(place + 1) else {
                break;
            };
            if overlap(messages, first, second) {
                report.add(
                    Invariant::VisibilityExclusivity,
                    second.call.ended_at,
                    format!(
                        "message {body} was delivered to {} between {} and {}, hidden for {}, and \
                         delivered to {} between {} and {}",
                        first.call.client,
                        moment(first.call.invoked_at),
                        moment(first.call.ended_at),
                        moment(first.visibility_micros),
                        second.call.client,
                        moment(second.call.invoked_at),
                        moment(second.call.ended_at),
                    ),
                );
            }
        }
    }
}

/// Whether the message was hidden for both at once, however the two receives came to be ordered.
fn overlap(messages: &Messages<'_>, one: &Delivered<'_>, other: &Delivered<'_>) -> bool {
    if one.queue != other.queue || one.delivery.message_id != other.delivery.message_id {
        return false;
    }
    if one.is_attempt && other.is_attempt {
        return false;
    }
    let latest = one.call.ended_at.max(other.call.ended_at);
    let earliest = one.call.invoked_at.min(other.call.invoked_at);
    let is_touched = [one, other].into_iter().any(|delivered| {
        let deletes = messages.deletes_of(delivered).iter();
        let changes = messages.changes.get(delivered.delivery.handle.as_str());
        deletes
            .map(|delete| delete.call.invoked_at)
            .any(|at| at < latest)
            || changes.is_some_and(|calls| calls.iter().any(|call| call.invoked_at < latest))
    });
    let advanced = messages.advanced_between(earliest, latest);
    let is_apart = |first: &Delivered<'_>, second: &Delivered<'_>| {
        let longest = second.call.ended_at.saturating_sub(first.call.invoked_at);
        longest + advanced + CLOCK_ERROR >= first.visibility_micros
    };
    !is_touched
        && !messages.may_be_purged(one.queue, earliest, latest)
        && !is_apart(one, other)
        && !is_apart(other, one)
}
