//! In five minutes, one deduplication id is one message.

use std::collections::BTreeMap;

use super::{CLOCK_ERROR, Report, moment};
use crate::messages::{Messages, Send};
use crate::verdict::Invariant;

const WINDOW: u64 = 300_000_000;

/// Queue, group where ids count in each group, and id.
type Key<'h> = (&'h str, Option<&'h str>, &'h str);

pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    let mut by_key: BTreeMap<Key<'_>, Vec<&Send<'_>>> = BTreeMap::new();
    for send in messages.by_body.values().flat_map(|message| &message.sends) {
        let settings = messages.settings(send.queue);
        let Some(id) = send.message.deduplication_id.as_deref() else {
            continue;
        };
        if !settings.fifo || send.accepted.is_none() {
            continue;
        }
        let group = send.message.group.as_deref();
        let group = group.filter(|_| settings.deduplicates_by_group);
        by_key
            .entry((send.queue, group, id))
            .or_default()
            .push(send);
    }
    for ((queue, _, id), mut sends) in by_key {
        sends.sort_by_key(|send| send.call.invoked_at);
        for pair in sends.windows(2) {
            let (Some(one), Some(other)) = (pair[0].accepted, pair[1].accepted) else {
                continue;
            };
            let (since, until) = (pair[0].call.invoked_at, pair[1].call.ended_at);
            let longest = until.saturating_sub(since) + messages.advanced_between(since, until);
            let is_within = longest + CLOCK_ERROR < WINDOW;
            if is_within && one != other && !messages.may_be_purged(queue, since, until) {
                report.add(
                    Invariant::Deduplication,
                    until,
                    format!(
                        "deduplication id {id} of {queue} was accepted as message {} by {} and as \
                         message {} by {}",
                        one.message_id,
                        moment(pair[0].call.ended_at),
                        other.message_id,
                        moment(until),
                    ),
                );
            }
        }
    }
}
