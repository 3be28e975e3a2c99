//! Makes the report's data of a run on real processes.

use std::collections::BTreeMap;
use std::time::Duration;

use zonemq_history::event::{Event, What};
use zonemq_report::{Fault, Node, Timeline, Verdict};
use zonemq_scenario::Scenario;
use zonemq_workload::calls;

use super::hand::Said;
use super::observer::Seen;
use super::stage::Stage;

/// More than this makes a page slow.
const MOST_CALLS: usize = 30_000;

/// What is known when a run is over.
pub(super) struct Ended {
    pub(super) verdict: Verdict,
    pub(super) summary: String,
    /// What clients asked and were told.
    pub(super) events: Vec<Event>,
    pub(super) seen: Seen,
    /// Where each client is.
    pub(super) zones: BTreeMap<String, String>,
    pub(super) took: Duration,
}

/// All that the page shows.
pub(super) fn timeline(
    title: String,
    scenario: &Scenario,
    stage: &Stage,
    ended: Ended,
    all: &[Said],
) -> Timeline {
    let mut left_out = vec![
        "what nodes told one another, and what they logged: the simulator sees that".to_owned(),
    ];
    let mut calls = calls(&ended.events, &ended.zones);
    if calls.len() > MOST_CALLS {
        left_out.push(format!(
            "{} calls of clients, the last ones",
            calls.len() - MOST_CALLS
        ));
        calls.truncate(MOST_CALLS);
    }
    if ended.seen.left_out > 0 {
        left_out.push(format!(
            "{} positions of logs, the last ones",
            ended.seen.left_out
        ));
    }
    let healed = ended.events.iter().find_map(|event| match event.what {
        What::Healed => Some(event.at),
        _ => None,
    });
    let end = micros(ended.took);
    let nodes = stage.cluster.nodes.iter();
    let ids: Vec<u64> = nodes.clone().map(|node| node.id).collect();
    Timeline {
        scenario: title,
        teaches: scenario.teaches.trim().to_owned(),
        verdict: ended.verdict,
        summary: ended.summary,
        end,
        healed,
        nodes: nodes
            .map(|node| Node {
                name: node.name(),
                zone: node.zone.clone(),
            })
            .collect(),
        roles: ended.seen.roles,
        faults: all
            .iter()
            .filter_map(|said| shown(said, &ids, healed.unwrap_or(end)))
            .collect(),
        progress: ended.seen.progress,
        calls,
        coverage: coverage(all),
        left_out,
        ..Timeline::default()
    }
}

/// A word that was said, as a span on the page.
fn shown(said: &Said, ids: &[u64], healed: u64) -> Option<Fault> {
    let set = said.done.as_ref().ok()?;
    let places = set.nodes.iter();
    let places = places.filter_map(|id| ids.iter().position(|known| known == id));
    Some(Fault {
        number: said.number,
        kind: said.kind.to_string(),
        words: format!("{} for {:.2} s", set.words, said.lasts.as_secs_f64()),
        nodes: places.collect(),
        from: micros(said.at),
        to: micros(said.at + said.lasts).min(healed),
    })
}

/// How often each kind of fault was set, and how often it could not be.
fn coverage(all: &[Said]) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for said in all {
        let what = match said.done {
            Ok(_) => format!("fault: {}", said.kind),
            Err(_) => format!("fault that was not possible: {}", said.kind),
        };
        *counts.entry(what).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}
