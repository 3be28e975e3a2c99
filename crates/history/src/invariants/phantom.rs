//! What is delivered was sent, and is what was sent.

use std::collections::BTreeMap;

use super::{Report, moment};
use crate::messages::Messages;
use crate::verdict::Invariant;

pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    for (body, message) in &messages.by_body {
        let Some(first) = message.deliveries.first() else {
            continue;
        };
        let delivered = format!(
            "message {body} was delivered to {} at {}",
            first.call.client,
            moment(first.call.ended_at)
        );
        let at = first.call.ended_at;
        if message.sends.iter().all(|send| send.is_refused) {
            let why = if message.sends.is_empty() {
                "nobody has sent it"
            } else {
                "its sender was told that it is refused"
            };
            report.add(Invariant::NoPhantom, at, format!("{delivered}, and {why}"));
            continue;
        }
        if message.first_tried_at().is_some_and(|tried| tried > at) {
            let story = format!("{delivered}, before anybody sent it");
            report.add(Invariant::NoPhantom, at, story);
        }
        for delivery in &message.deliveries {
            let id = delivery.delivery.message_id.as_str();
            let known = *bodies.entry(id).or_insert(body);
            if known != *body {
                let story =
                    format!("messages {known} and {body} were both delivered under the id {id}");
                report.add(Invariant::Integrity, delivery.call.ended_at, story);
            }
        }
        let ids = |id: &str| {
            message
                .sends
                .iter()
                .filter_map(|send| send.accepted)
                .any(|a| a.message_id == id)
        };
        // A move task gives new ids, and a send of which nothing is known may have given one.
        let all_known = message.sends.iter().all(|send| send.accepted.is_some());
        if all_known && messages.moves.is_empty() && !ids(&first.delivery.message_id) {
            let story = format!(
                "{delivered} under the id {}, which is not the one that its sender was told",
                first.delivery.message_id
            );
            report.add(Invariant::Integrity, at, story);
        }
    }
}
