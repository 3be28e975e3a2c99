//! Delays, retention and purges.

use super::{CLOCK_ERROR, Report, moment};
use crate::history::End;
use crate::messages::Messages;
use crate::verdict::Invariant;

/// Nothing is delivered before its delay has ended, or after its retention period.
pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    for (body, message) in &messages.by_body {
        let ([send], Some(first)) = (message.sends.as_slice(), message.deliveries.first()) else {
            continue;
        };
        let settings = messages.settings(send.queue);
        let delay = match send.message.delay_millis {
            Some(own) if !settings.fifo => own,
            Some(_) | None => settings.delay_millis,
        };
        let advanced = messages.advanced_between(send.call.invoked_at, first.call.ended_at);
        let longest = first.call.ended_at.saturating_sub(send.call.invoked_at) + advanced;
        if longest + CLOCK_ERROR < delay * 1000 && first.queue == send.queue {
            report.add(
                Invariant::Delay,
                first.call.ended_at,
                format!(
                    "message {body} was sent from {} on with a delay of {}, and delivered by {}",
                    moment(send.call.invoked_at),
                    moment(delay * 1000),
                    moment(first.call.ended_at),
                ),
            );
        }
        let Some(retention) = settings.retention_millis else {
            continue;
        };
        let late = message.deliveries.iter().find(|delivered| {
            let advanced = messages
                .advances
                .iter()
                .filter(|(call, _)| {
                    matches!(call.end, End::Ok(_))
                        && call.invoked_at > send.call.ended_at
                        && call.ended_at < delivered.call.invoked_at
                })
                .map(|(_, millis)| millis * 1000)
                .sum::<u64>();
            let shortest = delivered.call.invoked_at.saturating_sub(send.call.ended_at) + advanced;
            delivered.queue == send.queue && shortest > retention * 1000 + CLOCK_ERROR
        });
        if let Some(late) = late {
            report.add(
                Invariant::Retention,
                late.call.ended_at,
                format!(
                    "message {body} was accepted by {}, kept for {}, and delivered from {} on",
                    moment(send.call.ended_at),
                    moment(retention * 1000),
                    moment(late.call.invoked_at),
                ),
            );
        }
    }
}

/// Nothing that was there at a purge is delivered after it.
pub(super) fn check_purges(messages: &Messages<'_>, report: &mut Report) {
    for purge in &messages.purges {
        if !matches!(purge.call.end, End::Ok(_)) {
            continue;
        }
        for (body, message) in &messages.by_body {
            let was_there = message.sends.iter().any(|send| {
                send.queue == purge.queue && send.call.ended_at < purge.call.invoked_at
            });
            let is_only_send = message.sends.len() == 1;
            let again = message.deliveries.iter().find(|delivered| {
                delivered.queue == purge.queue && delivered.call.invoked_at > purge.call.ended_at
            });
            // Where it may have been elsewhere at the time of the purge, nothing is certain.
            let comes_back = messages
                .moves
                .iter()
                .any(|task| task.destination.is_none_or(|queue| queue == purge.queue));
            let is_elsewhere = message
                .deliveries
                .iter()
                .any(|all| all.queue != purge.queue);
            let stayed = !comes_back && !is_elsewhere;
            if let Some(again) = again
                && was_there
                && is_only_send
                && stayed
            {
                report.add(
                    Invariant::Purge,
                    again.call.ended_at,
                    format!(
                        "message {body} was in the queue {} when it was purged at {}, and was \
                         delivered to {} at {}",
                        purge.queue,
                        moment(purge.call.ended_at),
                        again.call.client,
                        moment(again.call.ended_at),
                    ),
                );
            }
        }
    }
}
