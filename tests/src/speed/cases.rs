//! What is measured: each case is one load on one subject.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zonemq_bench::{QueueKind, Workload};

/// How much of everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// How often each case is measured; the median counts.
    pub rounds: u32,
    /// How long each time.
    pub run: Duration,
    /// Receivers that wait for nothing.
    pub idle_clients: usize,
    /// How long they do.
    pub idle_run: Duration,
    /// Messages that wait in the short and in the long queue.
    pub backlogs: (u64, u64),
}

impl Scale {
    /// As the figures are meant.
    pub fn full() -> Scale {
        Scale {
            rounds: 3,
            run: Duration::from_secs(3),
            idle_clients: 10_000,
            // As long as a long poll: each receiver asks once in it, no matter when.
            idle_run: Duration::from_secs(20),
            backlogs: (1_000, 1_000_000),
        }
    }

    /// A few seconds, which show that the set runs. Its figures say nothing.
    pub fn quick() -> Scale {
        Scale {
            rounds: 1,
            // Long enough for a busy machine to carry something in each case.
            run: Duration::from_secs(1),
            idle_clients: 100,
            idle_run: Duration::from_millis(500),
            backlogs: (100, 1_000),
        }
    }
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What the machine can do at most.
    Yardstick,
    /// All clients at the node that leads.
    Leader,
    /// All clients at one node that does not.
    Follower,
    /// Clients dealt out to all nodes.
    AllNodes,
}

/// One load on one subject.
#[derive(Clone, Debug)]
pub struct Case {
    /// Names it in figures and records.
    pub name: &'static str,
    /// Who is measured.
    pub subject: Subject,
    /// What the clients do.
    pub workload: Workload,
    /// How many there are.
    pub clients: usize,
    /// Messages in a request.
    pub batch: usize,
    /// Standard or FIFO.
    pub kind: QueueKind,
    /// How long.
    pub duration: Duration,
}

pub(super) const YARDSTICK_SEND_1: &str = "yardstick: 1 sends";
pub(super) const SEND_1: &str = "1 sends";
pub(super) const YARDSTICK_SEND_64: &str = "yardstick: 64 send";
pub(super) const SEND_64: &str = "64 send";
pub(super) const SEND_64_FOLLOWER: &str = "64 send to a follower";
pub(super) const SEND_64_FIFO: &str = "64 send to 64 FIFO groups";
pub(super) const YARDSTICK_SEND_256: &str = "yardstick: 256 send";
pub(super) const SEND_256: &str = "256 send";
pub(super) const YARDSTICK_BATCH_64: &str = "yardstick: 64 send tens";
pub(super) const BATCH_64: &str = "64 send tens";
pub(super) const MIXED_64: &str = "32 send, 32 receive + delete";
pub(super) const SHORT_BACKLOG: &str = "the same, short backlog";
pub(super) const LONG_BACKLOG: &str = "the same, long backlog";
pub(super) const IDLE_ONE: &str = "one waits";
pub(super) const IDLE_MANY: &str = "many wait";

/// Message groups of the FIFO case.
const FIFO_GROUPS: u32 = 64;
/// SQS's longest batch.
const BATCH: usize = 10;

impl Case {
    fn sends(name: &'static str, subject: Subject, clients: usize, scale: &Scale) -> Case {
        Case {
            name,
            subject,
            workload: Workload::Send,
            clients,
            batch: 1,
            kind: QueueKind::Standard,
            duration: scale.run,
        }
    }

    fn mixed(name: &'static str, standing: Option<u64>, scale: &Scale) -> Case {
        Case {
            workload: Workload::Mixed { standing },
            ..Case::sends(name, Subject::Leader, 64, scale)
        }
    }

    fn waits(name: &'static str, clients: usize, duration: Duration) -> Case {
        Case {
            name,
            subject: Subject::AllNodes,
            workload: Workload::Wait,
            clients,
            batch: 1,
            kind: QueueKind::Standard,
            duration,
        }
    }
}

/// Waiting receivers: one, to know what the cluster takes without, and many.
pub fn idle(scale: &Scale) -> Vec<Case> {
    vec![
        Case::waits(IDLE_ONE, 1, scale.run),
        Case::waits(IDLE_MANY, scale.idle_clients, scale.idle_run),
    ]
}

/// Each beside the yardstick's, or beside the case that it is compared with.
pub fn beside_the_yardstick(scale: &Scale) -> Vec<Case> {
    let sends = |name, subject, clients| Case::sends(name, subject, clients, scale);
    let tens = |name, subject| Case {
        batch: BATCH,
        ..sends(name, subject, 64)
    };
    vec![
        sends(YARDSTICK_SEND_1, Subject::Yardstick, 1),
        sends(SEND_1, Subject::Leader, 1),
        sends(YARDSTICK_SEND_64, Subject::Yardstick, 64),
        sends(SEND_64, Subject::Leader, 64),
        sends(SEND_64_FOLLOWER, Subject::Follower, 64),
        Case {
            kind: QueueKind::Fifo {
                groups: FIFO_GROUPS,
            },
            ..sends(SEND_64_FIFO, Subject::Leader, 64)
        },
        Case::mixed(MIXED_64, None, scale),
        sends(YARDSTICK_SEND_256, Subject::Yardstick, 256),
        sends(SEND_256, Subject::Leader, 256),
        tens(YARDSTICK_BATCH_64, Subject::Yardstick),
        tens(BATCH_64, Subject::Leader),
    ]
}

/// The same load before a short and a long backlog, which it keeps as long as it is.
pub fn backlogs(scale: &Scale) -> Vec<Case> {
    let (short, long) = scale.backlogs;
    vec![
        Case::mixed(SHORT_BACKLOG, Some(short), scale),
        Case::mixed(LONG_BACKLOG, Some(long), scale),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_cases_have_the_same_name() {
        let scale = Scale::full();
        let all = [idle(&scale), beside_the_yardstick(&scale), backlogs(&scale)].concat();
        let names: BTreeSet<&str> = all.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn every_case_of_the_yardstick_is_followed_by_the_same_load_on_the_cluster() {
        let cases = beside_the_yardstick(&Scale::full());
        for pair in cases.windows(2) {
            if let [yardstick, cluster] = pair
                && yardstick.subject == Subject::Yardstick
            {
                assert_eq!(yardstick.name, format!("yardstick: {}", cluster.name));
                assert_eq!(yardstick.clients, cluster.clients);
                assert_eq!(yardstick.batch, cluster.batch);
                assert_eq!(yardstick.workload, cluster.workload);
            }
        }
    }
}
