//! `zonemq node`: one server, until it is told to stop or its disk fails.

use std::fs;
use std::io;
use std::mem::ManuallyDrop;
use std::time::Duration;

use anyhow::Context;
use tracing::{error, info};
use tracing_subscriber::EnvFilter;
use zonemq_node::{Cooldown, Fault, FaultBoard, Member, Node, NodeConfig, Progress, StartError};
use zonemq_world::faulty::{Breakable, FaultyWorld, RuleBook};
use zonemq_world::real::RealWorld;

use crate::args::{LogFormat, MemberArg, NodeArgs, Switch};
use crate::cluster::{node_lock, store_folder};
use crate::failure::Failure;
use crate::identity::Identity;
use crate::lock::{self, Held};
use crate::orphan::orphaned;
use crate::reading;
use crate::stop_signal::StopSignal;

/// What is logged where neither `ZONEMQ_LOG` nor `RUST_LOG` says it.
const DEFAULT_LOG: &str = "info,openraft=warn";
/// Longer than this a node does not hand over leadership: the others elect without it.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: NodeArgs) -> Result<(), Failure> {
    start_log(args.log_format);
    let me = members_agree(&args)?.clone();
    // Free when this process has ended, and not while some of its tasks still do.
    let _held = ManuallyDrop::new(claim_folder(&args, &me)?);
    let mut stop = StopSignal::catch().context("signals cannot be caught")?;
    let mut orphaned = Box::pin(orphaned(args.stop_with.clone()));

    let book = args.enable_faults.then(RuleBook::new);
    let world = breakable(&args, book.as_ref());
    let progress = Progress::default();
    let config = NodeConfig {
        faults: board(&args, book)?,
        ..config(&args, &me, progress.clone())
    };
    let node = Node::start(world, config);
    let node = tokio::select! {
        node = reading::shown(&progress, node) => node.map_err(failed_start)?,
        // Nothing was promised to anyone yet.
        () = stop.received() => return Ok(()),
    };
    info!(node = me.id, zone = me.zone, api = %me.api, peer = %me.peer, "started");

    let reason = tokio::select! {
        failure = node.failed() => {
            error!(failure, "the disk failed: this node stops");
            return Err(Failure::Disk(failure));
        }
        () = stop.received() => "signal",
        () = &mut orphaned => "the process that supervises this cluster ended",
    };
    info!(reason, "stopping");
    tokio::select! {
        () = node.shutdown() => info!("stopped"),
        () = tokio::time::sleep(SHUTDOWN_WITHIN) => error!("did not stop in time: leaving"),
        () = stop.received() => info!("told twice to stop: leaving at once"),
    }
    Ok(())
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("ZONEMQ_LOG")
        .or_else(|_| EnvFilter::try_from_default_env())
        .unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => log
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .init(),
        LogFormat::Json => log.json().init(),
    }
}

fn config(args: &NodeArgs, me: &MemberArg, progress: Progress) -> NodeConfig {
    NodeConfig {
        progress,
        segment_bytes: NodeConfig::SEGMENT_BYTES,
        snapshot_log_bytes: NodeConfig::SNAPSHOT_LOG_BYTES,
        scrub_pause: args.service.scrub_pause.0,
        compare_every: NodeConfig::COMPARE_EVERY,
        cluster: args.cluster.clone(),
        id: me.id,
        zone: me.zone.clone(),
        pid: std::process::id(),
        api: me.api,
        // Our own files lie above: the node decides by an empty folder whether it is new.
        data: store_folder(&args.data),
        members: args
            .members
            .iter()
            .map(|member| Member {
                id: member.id,
                zone: member.zone.clone(),
                api: member.api,
                peer: member.peer,
            })
            .collect(),
        bootstrap: args.bootstrap,
        request_timeout: args.service.request_timeout.0,
        account: args.service.account.clone(),
        region: args.service.region.clone(),
        cooldown: match args.service.aws_cooldowns.unwrap_or(Switch::On) {
            Switch::On => Cooldown::Minute,
            Switch::Off => Cooldown::Off,
        },
        faults: None,
    }
}

/// The real world, with rules around it where the node may be broken on purpose.
fn breakable(args: &NodeArgs, book: Option<&RuleBook>) -> FaultyWorld<RealWorld> {
    let breakable = book.map(|book| Breakable {
        book: book.clone(),
        me: args.id,
        nodes: args
            .members
            .iter()
            .map(|member| (member.peer, member.id))
            .collect(),
    });
    FaultyWorld::new(RealWorld::new(), breakable)
}

/// Where faults stand, with those that are active from the start.
fn board(args: &NodeArgs, book: Option<RuleBook>) -> Result<Option<FaultBoard>, Failure> {
    let Some(book) = book else { return Ok(None) };
    let board = FaultBoard::new(args.id, book);
    let active = args.active_faults.as_deref().unwrap_or("[]");
    let active: Vec<Fault> = serde_json::from_str(active).map_err(|error| {
        Failure::Usage(format!("--active-faults is no list of faults: {error}"))
    })?;
    for fault in active {
        board
            .post(fault)
            .map_err(|error| Failure::Usage(format!("--active-faults: {error}")))?;
    }
    Ok(Some(board))
}

/// Checks the list of members and finds this node in it.
fn members_agree(args: &NodeArgs) -> Result<&MemberArg, Failure> {
    for (index, member) in args.members.iter().enumerate() {
        if args.members[..index]
            .iter()
            .any(|other| other.id == member.id)
        {
            return Err(Failure::Usage(format!(
                "two members have the id {}",
                member.id
            )));
        }
    }
    args.members
        .iter()
        .find(|member| member.id == args.id)
        .ok_or_else(|| Failure::Usage(format!("node {} is not among the --member list", args.id)))
}

/// Locks the node's folder, and checks or writes whose it is.
fn claim_folder(args: &NodeArgs, me: &MemberArg) -> Result<Held, Failure> {
    let shown = args.data.display();
    fs::create_dir_all(&args.data).with_context(|| format!("{shown} cannot be made"))?;
    let held = lock::take(&node_lock(&args.data))
        .with_context(|| format!("{shown} cannot be locked"))?
        .ok_or_else(|| Failure::Usage(format!("another node runs on {shown}")))?;
    let wanted = Identity {
        cluster: args.cluster.clone(),
        id: me.id,
        zone: me.zone.clone(),
    };
    match Identity::read(&args.data)? {
        Some(found) if found == wanted => Ok(held),
        Some(found) => Err(Failure::Usage(format!(
            "{shown} belongs to node {} of zone {} in cluster {}, not to node {} of zone {} in \
             cluster {}",
            found.id, found.zone, found.cluster, wanted.id, wanted.zone, wanted.cluster
        ))),
        None if store_folder(&args.data).exists() => Err(Failure::Usage(format!(
            "{shown} holds data but no identity.json that says whose it is"
        ))),
        None => {
            wanted.write(&args.data)?;
            Ok(held)
        }
    }
}

/// What a start that failed means for the caller.
fn failed_start(error: StartError) -> Failure {
    match error {
        StartError::Listen { .. } | StartError::NotAMember(_) => Failure::Usage(error.to_string()),
        StartError::Log(_) => Failure::Disk(error.to_string()),
        StartError::Group(_) | StartError::Thread(_) => Failure::Runtime(error.into()),
    }
}
