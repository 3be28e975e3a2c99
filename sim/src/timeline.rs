//! Makes the report's data of a finished run.

use zonemq_history::event::What;
use zonemq_report::{Rpc, Timeline, Verdict as Shown};
use zonemq_scenario::Scenario;
use zonemq_workload::calls;

use crate::case::Case;
use crate::observer::{Seen, micros};
use crate::run::{Finished, Verdict};

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
