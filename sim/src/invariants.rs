//! What must be true of the nodes at every moment, whatever clients see: Raft's safety, as its
//! authors put it ("In Search of an Understandable Consensus Algorithm", figure 3), and that
//! nothing counts as durable that a restart can take away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use zonemq_raft::{Group, GroupStatus, Role};

use crate::cluster::{Cluster, HostIndex};

/// Remembers what was seen, to compare with what is seen later.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    leaders: BTreeMap<u64, HostIndex>,
    /// The last committed entry of each term.
    committed: BTreeMap<u64, u64>,
    /// The term of each applied entry, and who had it first.
    applied: BTreeMap<u64, (u64, HostIndex)>,
    /// The hash of the state after an entry, and who had it first.
    states: BTreeMap<u64, (u64, HostIndex)>,
    hosts: BTreeMap<HostIndex, Known>,
    pub(crate) violations: Vec<String>,
}

/// What is known of a host, whatever becomes of the node that runs on it.
#[derive(Debug, Default)]
struct Known {
    /// Tells one life of the node from the next; not held, for it ends with the node.
    group: Weak<Group>,
    vote_term: u64,
    /// Committed, and durable here, as the leader was told.
    durable: u64,
}

impl Invariants {
    /// Compares where the nodes stand with where they stood. What is on the disks of `destroyed`
    /// hosts may be gone.
    pub(crate) fn check(&mut self, cluster: &Cluster, destroyed: &BTreeSet<HostIndex>) {
        for index in cluster.indexes() {
            let Some(group) = cluster.group(index) else {
                continue;
            };
            let status = group.status();
            if !destroyed.contains(&index) {
                self.check_durability(cluster, index, &group, status);
            }
            self.check_log(cluster, index, status);
            if status.role == Role::Leader {
                self.check_leader(cluster, index, status);
                self.note_durable(cluster, &group, status);
            }
            let last = self.committed.entry(status.committed_term).or_default();
            *last = status.committed_index.max(*last);
        }
    }

    /// What was durable is there after every restart: the vote, and all that counts as committed.
    fn check_durability(
        &mut self,
        cluster: &Cluster,
        index: HostIndex,
        group: &Arc<Group>,
        status: GroupStatus,
    ) {
        let known = self.hosts.entry(index).or_default();
        let (voted, durable) = (known.vote_term, known.durable);
        known.vote_term = voted.max(status.vote_term);
        let life = Arc::downgrade(group);
        let is_new = !known.group.ptr_eq(&life);
        known.group = life;
        let name = &cluster.host(index).name;
        if status.vote_term < voted {
            self.report(format!(
                "durable votes: {name} has voted in term {voted}, and then only knows of term {}",
                status.vote_term
            ));
        }
        if is_new && status.last_log_index < durable {
            self.report(format!(
                "durable before acknowledged: {name} has told that it has entry {durable} on disk, \
                 and starts with a log that ends at {}",
                status.last_log_index
            ));
        }
    }

    fn note_durable(&mut self, cluster: &Cluster, group: &Group, status: GroupStatus) {
        for (node, durable) in group.durable_indexes() {
            let host = cluster
                .indexes()
                .find(|index| cluster.host(*index).id == node);
            if let Some(host) = host {
                // Later entries may yet be cut off for those of another leader.
                let certain = durable.min(status.committed_index);
                let known = self.hosts.entry(host).or_default();
                known.durable = known.durable.max(certain);
            }
        }
    }

    /// At most one leader in a term, and each has all that was committed in earlier terms.
    fn check_leader(&mut self, cluster: &Cluster, index: HostIndex, status: GroupStatus) {
        let term = status.term;
        let mut is_new = false;
        let known = *self.leaders.entry(term).or_insert_with(|| {
            is_new = true;
            index
        });
        let name = &cluster.host(index).name;
        if known != index {
            let other = &cluster.host(known).name;
            self.report(format!(
                "election safety: {other} and {name} both led in term {term}"
            ));
        }
        let committed = self.committed.range(..term).map(|(_, last)| *last).max();
        if is_new && committed.is_some_and(|committed| committed > status.last_log_index) {
            self.report(format!(
                "leader completeness: {name} leads in term {term} with a log that ends at {}, though \
                 entry {} is committed",
                status.last_log_index,
                committed.unwrap_or_default()
            ));
        }
    }

    /// The same entry at the same index.
    fn check_log(&mut self, cluster: &Cluster, index: HostIndex, status: GroupStatus) {
        let (applied, term) = (status.applied_index, status.applied_term);
        let (known, first) = *self.applied.entry(applied).or_insert((term, index));
        if known != term {
            let (one, other) = (&cluster.host(first).name, &cluster.host(index).name);
            self.report(format!(
                "log matching: entry {applied} is of term {known} at {one} and of term {term} at {other}"
            ));
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
