//! What must be true of the nodes at every moment, whatever clients see.

use std::collections::BTreeMap;

use zonemq_raft::Role;

use crate::cluster::{Cluster, HostIndex};

/// Remembers what was seen, to compare with what is seen later.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    leaders: BTreeMap<u64, HostIndex>,
    /// The hash of the state after an entry, and who had it first.
    states: BTreeMap<u64, (u64, HostIndex)>,
    pub(crate) violations: Vec<String>,
}

impl Invariants {
    /// At most one leader in a term.
    pub(crate) fn check_leaders(&mut self, cluster: &Cluster) {
        for index in cluster.indexes() {
            let Some(status) = cluster.status(index) else {
                continue;
            };
            if status.role != Role::Leader {
                continue;
            }
            let known = *self.leaders.entry(status.term).or_insert(index);
            if known != index {
                let (one, other) = (&cluster.host(known).name, &cluster.host(index).name);
                let term = status.term;
                self.report(format!(
                    "election safety: {one} and {other} both led in term {term}"
                ));
            }
        }
    }

    /// Equal states after equal logs.
    pub(crate) fn check_states(&mut self, cluster: &Cluster) {
        for index in cluster.indexes() {
            let Some(group) = cluster.group(index) else {
                continue;
            };
            let (applied, hash) = group.fingerprint();
            let (known, first) = *self.states.entry(applied).or_insert((hash, index));
            if known != hash {
                let (one, other) = (&cluster.host(first).name, &cluster.host(index).name);
                self.report(format!(
                    "state machine safety: {one} and {other} have applied entry {applied} and differ"
                ));
            }
            cluster.coverage.add("states compared", 1);
        }
    }

    fn report(&mut self, violation: String) {
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}
