//! Puts a node together, starts it and stops it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use zonemq_raft::{Group, GroupConfig, GroupError, PeerServer, Peers};
use zonemq_sqs::Defaults;
use zonemq_wal::{OpenError, Options, Wal};
use zonemq_world::{Chance, World};

use crate::admin::NodeState;
use crate::config::NodeConfig;
use crate::console::{self, Console};
use crate::faults;
use crate::leader::LeaderService;
use crate::listening::listen;
use crate::metrics::Metrics;
use crate::move_pump;
use crate::paths::Paths;
use crate::router::{GROUP, Router};
use crate::session::Session;
use crate::space::Space;
use crate::traffic::Traffic;
use crate::turns::Turns;
use crate::waiters::Waiters;
use crate::{forward, http, stored};

const WAITING_FORWARDED: usize = 1024;
const WAITING_EVENTS: usize = 1024;
/// Looks of peers are answered one after the other; each peer asks for one at a time.
const WAITING_LOOKS: usize = 8;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken, or is none of this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The list of members has no entry for this node.
    #[error(
        "node n{0} is not among the members that it was given: name it there, with its addresses"
    )]
    NotAMember(u64),
    /// The log does not open.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The Raft group does not start.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The system gives no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    group: Arc<Group>,
    wal: Wal,
    stop: watch::Sender<bool>,
    /// Serves clients; ends after `stop`.
    serving: JoinSet<()>,
    /// Wakes receivers and serves peers; ends when dropped.
    background: JoinSet<()>,
    peer_server: PeerServer,
}

impl Node {
    /// Opens the node's folder and starts to serve.
    pub async fn start<W: World>(world: W, config: NodeConfig) -> Result<Node, StartError> {
        let own = config.members.iter().find(|member| member.id == config.id);
        let own = own.ok_or(StartError::NotAMember(config.id))?;
        // A taken port is found out before anything is written.
        let api_listener = listen(&world, config.api).await?;
        let peer_listener = listen(&world, own.peer).await?;

        let mut metrics = Metrics::new();
        let log_options = Options {
            segment_bytes: config.segment_bytes,
            progress: config.progress.clone(),
            directory: stored::log_folder(&config.data),
        };
        let (wal, mut recovered) = Wal::open(&world, log_options).await?;
        metrics.watch_log(wal.stats());
        let addresses: BTreeMap<u64, SocketAddr> = config
            .members
            .iter()
            .map(|member| (member.id, member.peer))
            .collect();
        let peers = Peers::new(&world, &config.cluster, config.id, &addresses);
        let (applied_events, events) = mpsc::channel(WAITING_EVENTS);
        let log = recovered.groups.remove(&GROUP).unwrap_or_default();
        let group = Group::start(
            &world,
            group_config(&config),
            wal.clone(),
            log,
            peers.clone(),
            applied_events,
        )
        .await?;
        let group = Arc::new(group);

        let (stop, stopping) = watch::channel(false);
        let waiters = Waiters::default();
        let space = Space::default();
        space
            .watch(&world, config.data.clone(), config.segment_bytes, &group)
            .map_err(StartError::Thread)?;
        let leader = LeaderService {
            group: group.clone(),
            waiters: waiters.clone(),
            clock: world.clock().clone(),
            space: space.clone(),
            traffic: Traffic::default(),
            turns: Turns::default(),
        };
        let (passed_on, forwarded) = mpsc::channel(WAITING_FORWARDED);
        let (looks, looked_at) = mpsc::channel(WAITING_LOOKS);
        let mut background = JoinSet::new();
        background.spawn(waiters.clone().run(world.clock().clone(), events));
        background.spawn(forward::serve(leader.clone(), forwarded));
        let peer_server = PeerServer::start::<W>(
            peer_listener,
            &config.cluster,
            config.id,
            &[&group],
            passed_on,
            looks,
        );

        let session = Arc::new(Session::new(world.chance().next_u64()));
        background.spawn(faults::keep_time(config.faults.clone()));
        background.spawn(move_pump::run(config.id, group.clone(), session.clone()));
        let router = Router {
            me: config.id,
            voters: addresses.len(),
            session,
            peers,
            leader,
            request_timeout: config.request_timeout,
            stopping: stopping.clone(),
        };
        let state = Arc::new(NodeState {
            defaults: Defaults {
                account: config.account.clone(),
                region: config.region.clone(),
                cooldown: config.cooldown,
            },
            world,
            config,
            group: group.clone(),
            router,
            waiters,
            metrics,
            console: Console::default(),
        });
        background.spawn(console::serve(state.clone(), looked_at));
        background.spawn(console::run(state.clone()));
        let mut serving = JoinSet::new();
        let paths = Arc::new(Paths::new(state));
        let answer = move |caller, request| paths.clone().answer(caller, request);
        serving.spawn(http::serve(api_listener, answer, stopping));
        Ok(Node {
            group,
            wal,
            stop,
            serving,
            background,
            peer_server,
        })
    }

    /// The Raft group that this node serves.
    pub fn group(&self) -> &Arc<Group> {
        &self.group
    }

    /// Resolves with the reason when the disk has failed: the node must not go on.
    pub async fn failed(&self) -> String {
        let mut failure = self.wal.failure();
        let log_failed = async {
            match failure.wait_for(Option::is_some).await {
                Ok(failure) => failure
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                Err(_) => "the task that writes the log has ended".to_owned(),
            }
        };
        tokio::select! {
            // The log first: when it fails, Raft ends because of that.
            biased;
            reason = log_failed => reason,
            reason = self.group.ended() => reason,
        }
    }

    /// Hands leadership over if this node leads, lets running requests finish, and stops.
    pub async fn shutdown(mut self) {
        self.group.hand_over_leadership().await;
        // The receiver lives in the serving task.
        let _ = self.stop.send(true);
        while self.serving.join_next().await.is_some() {}
        drop(self.peer_server);
        self.background.shutdown().await;
        self.group.stop().await;
        self.wal.close().await;
    }
}

fn group_config(config: &NodeConfig) -> GroupConfig {
    GroupConfig {
        group: GROUP,
        me: config.id,
        voters: config.members.iter().map(|member| member.id).collect(),
        bootstrap: config.bootstrap,
        snapshots: stored::snapshots_folder(&config.data),
        snapshot_log_bytes: config.snapshot_log_bytes,
        scrub_pause: config.scrub_pause,
        compare_every: config.compare_every,
        progress: config.progress.clone(),
    }
}
