//! Makes the report's data of a finished run.

use std::collections::BTreeMap;

use zonemq_history::event::{Event, What};
use zonemq_report::{Call, CallEnd, Rpc, Timeline, Verdict as Shown};

use crate::case::Case;
use crate::observer::{Seen, micros};
use crate::run::{Finished, Verdict};
use crate::scenario::Scenario;
use crate::words;

/// More than this makes a page slow.
const MOST_RPCS: usize = 60_000;
const MOST_CALLS: usize = 30_000;
const MOST_PROGRESS: usize = 60_000;

/// All that the page shows.
pub(crate) fn timeline(
    case: &Case,
    scenario: &Scenario,
    finished: &Finished,
    mut seen: Seen,
) -> Timeline {
    let mut left_out = Vec::new();
    limit_rpcs(&mut seen.rpcs, &mut left_out);
    let mut calls = calls(&finished.events, &finished.client_zones);
    limit(&mut calls, MOST_CALLS, "calls of clients", &mut left_out);
    limit(
        &mut seen.progress,
        MOST_PROGRESS,
        "positions of logs",
        &mut left_out,
    );
    let healed = finished.events.iter().find_map(|event| match event.what {
        What::Healed => Some(event.at),
        _ => None,
    });
    Timeline {
        scenario: case.scenario.clone(),
        teaches: scenario.teaches.trim().to_owned(),
        seed: Some(case.seed),
        replay: Some(case.replay_line()),
        verdict: match &finished.verdict {
            Verdict::Pass => Shown::Pass,
            Verdict::Violation(violations) => Shown::Violation {
                violations: violations.clone(),
            },
            Verdict::Unknown(reason) => Shown::Unknown {
                reason: reason.clone(),
            },
        },
        summary: finished.summary.clone(),
        end: micros(finished.simulated),
        healed,
        nodes: finished.nodes.clone(),
        roles: seen.roles,
        faults: finished.faults.clone(),
        progress: seen.progress,
        rpcs: seen.rpcs,
        calls,
        logs: seen.logs,
        coverage: finished.coverage.clone().into_iter().collect(),
        left_out,
    }
}

fn limit<T>(items: &mut Vec<T>, most: usize, what: &str, left_out: &mut Vec<String>) {
    if items.len() > most {
        left_out.push(format!("{} {what}, the last ones", items.len() - most));
        items.truncate(most);
    }
}

/// Heartbeats tell the least.
fn limit_rpcs(rpcs: &mut Vec<Rpc>, left_out: &mut Vec<String>) {
    if rpcs.len() > MOST_RPCS {
        let before = rpcs.len();
        rpcs.retain(|rpc| !rpc.kind.starts_with("heartbeat"));
        left_out.push(format!(
            "{} heartbeats and their answers",
            before - rpcs.len()
        ));
    }
    limit(rpcs, MOST_RPCS, "messages between nodes", left_out);
}

fn calls(events: &[Event], zones: &BTreeMap<String, String>) -> Vec<Call> {
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
