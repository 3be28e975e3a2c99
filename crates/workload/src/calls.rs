//! What clients did, as a report shows it.

use std::collections::BTreeMap;

use zonemq_history::event::{Event, What};
use zonemq_report::{Call, CallEnd};

use crate::words;

/// The calls of a history, by their beginning; `zones` says where each client is.
pub fn calls(events: &[Event], zones: &BTreeMap<String, String>) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut places: BTreeMap<u64, usize> = BTreeMap::new();
    for Event { at, what } in events {
        let (call, end, told) = match what {
            What::Invoke {
                client,
                call,
                operation,
            } => {
                places.insert(*call, calls.len());
                calls.push(Call {
                    number: *call,
                    client: client.clone(),
                    zone: zones.get(client).cloned().unwrap_or_default(),
                    operation: words::name(operation).to_owned(),
                    words: words::input(operation),
                    from: *at,
                    to: None,
                    end: CallEnd::Unknown,
                    told: "it never ended".to_owned(),
                });
                continue;
            }
            What::Ok { call, outcome } => (call, CallEnd::Ok, words::outcome(outcome)),
            What::Failed { call, code } => (call, CallEnd::Failed, code.clone()),
            What::Unknown { call, why } => (call, CallEnd::Unknown, why.clone()),
            What::ClocksErr | What::Healed | What::Drained { .. } | What::Note { .. } => continue,
        };
        if let Some(call) = places.get(call).and_then(|place| calls.get_mut(*place)) {
            call.to = Some(*at);
            call.end = end;
            call.told = told;
        }
    }
    calls
}
