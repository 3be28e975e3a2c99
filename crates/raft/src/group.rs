//! One Raft group on this node: what the node proposes to, reads from and asks about.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use openraft::raft::ReadPolicy;
use openraft::raft::linearizable_read::LinearizerOption;
use openraft::{Config, Instant as _, ServerState, SnapshotPolicy};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use zonemq_planted::{Bug, is_planted};
use zonemq_queue::command::{Event, Reply, Request};
use zonemq_queue::state::State;
use zonemq_wal::{GroupId, Progress, RecoveredGroup, Wal};
use zonemq_world::{Disk, Urgency, World};

use crate::acknowledged::Acknowledged;
use crate::comparison::Comparison;
use crate::contact::hears_majority;
use crate::contents::Contents;
use crate::group_store::{GroupStore, Owner, StoreError};
use crate::leadership::Leadership;
use crate::link::Peers;
use crate::look::SeenEntries;
use crate::mending::Mending;
use crate::network::PeerNetwork;
use crate::proposer::{ProposeError, Proposer};
use crate::schedule::snapshot_when_due;
use crate::scrub::{Scrub, ScrubStats};
use crate::services::ServedGroup;
use crate::state_machine::{self, Applied};
use crate::types::{LogId, NodeId, Raft};

const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(2);

/// What a group needs to start.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// Which group.
    pub group: GroupId,
    /// This node.
    pub me: NodeId,
    /// All voters of the cluster, this node among them.
    pub voters: BTreeSet<NodeId>,
    /// Form the cluster if the log is empty. Exactly one node of a new cluster does.
    pub bootstrap: bool,
    /// Where snapshots lie.
    pub snapshots: PathBuf,
    /// A snapshot is taken when the log since the last one has grown to so many bytes, or to twice
    /// the size of a snapshot where that is more; under full load it is let grow to four times as many.
    pub snapshot_log_bytes: u64,
    /// All that is stored is read and checked, with a pause of this length between two times.
    pub scrub_pause: Duration,
    /// The states of all replicas are compared after so many entries.
    pub compare_every: u64,
    /// Counts what has been read of what is stored, until the group is there.
    pub progress: Progress,
}

/// Why a group does not start.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// What it keeps on the disk cannot be read or written.
    #[error(transparent)]
    Store(Box<dyn std::error::Error + Send + Sync>),
    /// openraft refused.
    #[error("Raft does not start: {0}")]
    Raft(String),
}

impl From<StoreError> for GroupError {
    fn from(error: StoreError) -> GroupError {
        GroupError::Store(Box::new(error))
    }
}

/// What a node is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Replicates without a vote.
    Learner,
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

impl Role {
    /// Raft's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Learner => "learner",
            Role::Follower => "follower",
            Role::Candidate => "candidate",
            Role::Leader => "leader",
        }
    }
}

/// Where a node stands in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupStatus {
    /// What this node is.
    pub role: Role,
    /// The term it is in.
    pub term: u64,
    /// The leader of that term, if known.
    pub leader: Option<NodeId>,
    /// Of a leader: whether a majority has answered it lately. Without, nothing is committed.
    pub hears_majority: Option<bool>,
    /// The last entry in its log.
    pub last_log_index: u64,
    /// The last entry that it knows to be committed.
    pub committed_index: u64,
    /// The last entry that it has applied.
    pub applied_index: u64,
    /// The last entry in its snapshot.
    pub snapshot_index: u64,
    /// The term of the last vote that is durable here.
    pub vote_term: u64,
    /// The term of the last entry that it knows to be committed.
    pub committed_term: u64,
    /// The term of the last entry that it has applied.
    pub applied_term: u64,
}

/// One Raft group on this node.
#[derive(Debug)]
pub struct Group {
    config: GroupConfig,
    raft: Raft,
    peers: Peers,
    proposer: Proposer,
    contents: Contents,
    served: ServedGroup,
    applied: Applied,
    leadership: watch::Receiver<Leadership>,
    comparison: Comparison,
    scrubbed: Arc<ScrubStats>,
    seen_entries: SeenEntries,
    _tasks: JoinSet<()>,
}

/// What openraft is told; the reasons for each value stand beside it.
fn raft_config() -> Config {
    Config {
        cluster_name: "zonemq".to_owned(),
        // A follower asks for votes when it has heard nothing for the leader's lease (the upper
        // election time-out) and a random election time-out more: 320 to 400 ms here. So a dead
        // leader is replaced within about 0.4 s, and one that stalls for three heartbeats is not.
        // openraft looks at its timers five times in a heartbeat, which is most of what a node does
        // that has nothing to do.
        heartbeat_interval: 80,
        election_timeout_min: 120,
        election_timeout_max: 200,
        enable_pre_vote: Some(true),
        // A leader that comes back in its own term may have lost entries that are committed, and
        // would reuse their log ids. Never.
        enable_leader_restore: Some(is_planted(Bug::LeaderRestored)),
        // Taken by size, not by count: see `schedule`.
        snapshot_policy: SnapshotPolicy::Never,
        // For followers that are a little behind. Each may be a megabyte, and keeps its segment.
        max_in_snapshot_log_to_keep: 64,
        // A node whose log was damaged has less of it than the leader was told.
        allow_log_reversion: Some(true),
        install_snapshot_timeout: 60_000,
        max_payload_entries: 256,
        backoff: "100ms".to_owned(),
        ..Config::default()
    }
}

impl Group {
    /// Starts the group from what the log and the latest snapshot hold. What entries make visible
    /// is told to `events`.
    pub async fn start<W: World>(
        world: &W,
        config: GroupConfig,
        wal: Wal,
        recovered: RecoveredGroup,
        peers: Peers,
        events: mpsc::Sender<Vec<Event>>,
    ) -> Result<Group, GroupError> {
        let raft_error = |error: &dyn std::fmt::Display| GroupError::Raft(error.to_string());
        let owner = Owner {
            group: config.group,
            me: config.me,
            voters: &config.voters,
            snapshots: &config.snapshots,
            compare_every: config.compare_every,
            progress: config.progress.clone(),
        };
        let opened = GroupStore::open(world, owner, wal.clone(), recovered, peers.clone(), events);
        let store = opened.await?;
        let log = store.log;
        let openraft_config = raft_config().validate().map_err(|e| raft_error(&e))?;
        assert_eq!(
            openraft_config.enable_leader_restore,
            Some(is_planted(Bug::LeaderRestored)),
            "a restored leader loses committed entries"
        );
        let acknowledged = Acknowledged::default();
        let network = PeerNetwork {
            peers: peers.clone(),
            group: config.group,
            log: log.clone(),
            acknowledged: acknowledged.clone(),
        };
        let raft = Raft::new(
            config.me,
            Arc::new(openraft_config),
            network,
            log.clone(),
            store.machine,
        )
        .await
        .map_err(|e| raft_error(&e))?;

        let mut tasks = JoinSet::new();
        let (told, leadership) = watch::channel(Leadership::default());
        tasks.spawn(tell_leadership(raft.clone(), told));
        let mending = &store.contents.mending;
        let abstention = store.abstention.clone();
        tasks.spawn(abstention.end_when_whole(raft.clone(), mending.clone()));
        let scrubbed = Arc::new(ScrubStats::default());
        let scrub = Scrub {
            raft: raft.clone(),
            wal,
            log: log.clone(),
            mending: mending.clone(),
            stats: scrubbed.clone(),
            pause: config.scrub_pause,
        };
        let spawned = world
            .disk()
            .spawn("scrub", Urgency::Background, scrub.run());
        spawned.map_err(StoreError::Disk)?;
        tasks.spawn(snapshot_when_due(
            raft.clone(),
            log.clone(),
            store.applied.clone(),
            config.snapshot_log_bytes,
        ));
        let applied = store.applied;
        let group = Group {
            proposer: Proposer::start(world, raft.clone(), applied.clone()),
            contents: store.contents,
            served: ServedGroup {
                raft: raft.clone(),
                log,
                applied: applied.clone(),
                arrivals: store.arrivals,
                abstention: store.abstention,
                hashes: store.comparison.hashes.clone(),
                acknowledged,
            },
            comparison: store.comparison,
            scrubbed,
            seen_entries: SeenEntries::default(),
            config,
            raft,
            peers,
            applied,
            leadership,
            _tasks: tasks,
        };
        group.form_cluster().await?;
        Ok(group)
    }

    async fn form_cluster(&self) -> Result<(), GroupError> {
        let raft_error = |error: &dyn std::fmt::Display| GroupError::Raft(error.to_string());
        if !self.config.bootstrap
            || self
                .raft
                .is_initialized()
                .await
                .map_err(|e| raft_error(&e))?
        {
            return Ok(());
        }
        let voters: BTreeSet<NodeId> = self.config.voters.iter().copied().collect();
        self.raft
            .initialize(voters)
            .await
            .map_err(|e| raft_error(&e))
    }

    /// Which group this is.
    pub fn id(&self) -> GroupId {
        self.config.group
    }

    pub(crate) fn served(&self) -> ServedGroup {
        self.served.clone()
    }

    pub(crate) fn seen_entries(&self) -> &SeenEntries {
        &self.seen_entries
    }

    pub(crate) fn mending(&self) -> &Mending {
        &self.contents.mending
    }

    /// Who leads; changes are told as they become known.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// Carries out a request, if this node leads. Resolves when the request is durable on a
    /// majority and applied here.
    pub async fn propose(&self, request: Box<Request>) -> Result<Reply, ProposeError> {
        let reply = self.proposer.propose(request).await?;
        let filled = self.contents.fill(reply).await;
        filled.map_err(|_| ProposeError::Unreadable)
    }

    /// Reads what is applied here, which may be behind what is committed.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        state_machine::read(&self.applied, read)
    }

    /// The last entry applied here, and the hash of the state after it: the same on every node that
    /// has applied as much.
    pub fn fingerprint(&self) -> (u64, u64) {
        state_machine::fingerprint(&self.applied)
    }

    /// Whether this node leads beyond doubt and has applied all that was committed before this
    /// call. Uses the leader's lease: no message is sent while it holds.
    pub async fn confirm_leadership(&self) -> bool {
        let option: LinearizerOption = ReadPolicy::LeaseRead.into();
        self.raft.ensure_linearizable(option).await.is_ok()
    }

    /// Where this node stands.
    pub fn status(&self) -> GroupStatus {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let index = |log_id: Option<LogId>| log_id.map_or(0, |id| id.index);
        let term = |log_id: Option<LogId>| log_id.map_or(0, |id| id.leader_id.term);
        let role = match metrics.state {
            ServerState::Learner | ServerState::Shutdown => Role::Learner,
            ServerState::Follower => Role::Follower,
            ServerState::Candidate => Role::Candidate,
            ServerState::Leader => Role::Leader,
        };
        let last_answer = metrics.last_quorum_acked.map(|at| at.elapsed());
        let hears = || hears_majority(self.config.voters.len(), last_answer);
        GroupStatus {
            role,
            hears_majority: (role == Role::Leader).then(hears),
            term: metrics.current_term,
            leader: metrics.current_leader,
            last_log_index: metrics.last_log_index.unwrap_or(0),
            committed_index: index(metrics.cluster_committed),
            applied_index: index(metrics.last_applied),
            snapshot_index: index(metrics.snapshot),
            vote_term: metrics.vote.leader_id.term,
            committed_term: term(metrics.cluster_committed),
            applied_term: term(metrics.last_applied),
        }
    }

    /// Waits until it stands like this.
    pub async fn wait_for(&self, is_so: impl Fn(&GroupStatus) -> bool) -> GroupStatus {
        let mut metrics = self.raft.metrics();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            if metrics.changed().await.is_err() {
                // Raft has ended, which is told elsewhere.
                return std::future::pending().await;
            }
        }
    }

    /// While this node leads: the last entry of each node's log of which it was told that it is
    /// durable there. Empty otherwise.
    pub fn durable_indexes(&self) -> Vec<(NodeId, u64)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let nodes = metrics.replication.iter().flatten();
        nodes
            .map(|(node, matching)| (*node, matching.map_or(0, |id| id.index)))
            .collect()
    }

    /// If this node leads, makes the follower that has most of the log the leader. Gives up when that
    /// one is gone too, as where a whole cluster stops, and after two seconds: then the others elect
    /// one when this node is gone.
    pub async fn hand_over_leadership(&self) {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let best = metrics
            .replication
            .iter()
            .flatten()
            .filter(|(node, _)| **node != self.config.me)
            .max_by_key(|(_, matching)| matching.map(|id| id.index));
        let Some((&successor, _)) = best else {
            return;
        };
        let me = self.config.me;
        let mut leadership = self.leadership();
        if self
            .raft
            .trigger()
            .transfer_leader(successor)
            .await
            .is_err()
        {
            return;
        }
        tokio::select! {
            _ = leadership.wait_for(|now| now.leader.is_some_and(|leader| leader != me)) => {
                tracing::info!(successor, "handed leadership over");
            }
            () = self.peers.gone(successor, self.config.group) => {
                tracing::info!(successor, "leadership was not taken over: the successor is gone");
            }
            () = sleep(HAND_OVER_TIMEOUT) => {
                tracing::warn!(successor, "leadership was not taken over in time");
            }
        }
    }

    /// What the scrub has done.
    pub fn scrubbed(&self) -> &ScrubStats {
        &self.scrubbed
    }

    /// Resolves with the reason when this node must not go on: Raft could not read or write what it
    /// must, or the state is not what it should be.
    pub async fn ended(&self) -> String {
        tokio::select! {
            biased;
            reason = self.comparison.failed() => reason,
            reason = self.raft_ended() => reason,
        }
    }

    async fn raft_ended(&self) -> String {
        // They change with the leader alone, and end with Raft: the others change with each entry.
        let mut metrics = self.raft.server_metrics();
        while metrics.changed().await.is_ok() {}
        match &self.raft.metrics().borrow_watched().running_state {
            Err(fatal) => fatal.to_string(),
            Ok(()) => "Raft has ended".to_owned(),
        }
    }

    /// Stops taking part.
    pub async fn stop(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "Raft did not stop cleanly");
        }
    }
}

/// Boils openraft's metrics down to changes of leadership.
async fn tell_leadership(raft: Raft, told: watch::Sender<Leadership>) {
    let mut metrics = raft.server_metrics();
    loop {
        let now = {
            let metrics = metrics.borrow_and_update();
            Leadership {
                term: openraft::vote::RaftVote::leader_id(&metrics.vote).term,
                leader: metrics.current_leader,
            }
        };
        told.send_if_modified(|known| {
            let changed = *known != now;
            *known = now;
            changed
        });
        if metrics.changed().await.is_err() {
            return;
        }
    }
}
