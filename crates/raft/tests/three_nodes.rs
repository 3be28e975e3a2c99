//! Three nodes of one group in one process, on real files and loopback connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use zonemq_queue::command::{Command, Cooldown, Outcome, Reply, Request};
use zonemq_queue::ids::{QueueKey, RequestId, SessionId};
use zonemq_queue::message::{Content, NewMessage};
use zonemq_raft::{
    Forwarded, Group, GroupConfig, GroupId, GroupStatus, PeerServer, Peers, ProposeError,
};
use zonemq_wal::{Options, Record, Wal};
use zonemq_world::real::RealWorld;
use zonemq_world::{Chance, Network, World};

const GROUP: GroupId = GroupId(0);
const PATIENCE: Duration = Duration::from_secs(20);

struct TestNode {
    group: Group,
    peers: Peers,
    wal: Wal,
    server: PeerServer,
}

impl TestNode {
    async fn stop(self) {
        drop(self.server);
        self.group.stop().await;
        self.wal.close().await;
    }
}

/// Below the ports that systems give to outgoing connections: one of those could take the port of
/// a node that is not started yet, or is down.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

async fn free_addresses() -> BTreeMap<u64, SocketAddr> {
    let world = RealWorld::new();
    let mut addresses = BTreeMap::new();
    let mut held = Vec::new();
    while held.len() < 3 {
        let any = world.chance().next_u64() % PORTS.len() as u64;
        let port = PORTS.start + u16::try_from(any).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if let Ok(listener) = world.network().bind(address).await {
            held.push(listener);
            addresses.insert(held.len() as u64, address);
        }
    }
    addresses
}

async fn start(id: u64, addresses: &BTreeMap<u64, SocketAddr>, folder: &Path) -> TestNode {
    let world = RealWorld::new();
    // Of its own: where another test had this port before, its nodes may still call.
    let cluster = folder.display().to_string();
    let folder = folder.join(format!("n{id}"));
    let options = Options {
        segment_bytes: 1 << 20,
        progress: zonemq_wal::Progress::default(),
        directory: folder.join("log"),
    };
    let (wal, mut recovered) = Wal::open(&world, options).await.unwrap();
    let peers = Peers::new(&world, &cluster, id, addresses);
    let (events_sender, mut events) = mpsc::channel(16);
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let config = GroupConfig {
        // After a few dozen messages.
        snapshot_log_bytes: 4 << 10,
        scrub_pause: Duration::from_secs(1),
        compare_every: 4,
        progress: zonemq_wal::Progress::default(),
        group: GROUP,
        me: id,
        voters: BTreeSet::from([1, 2, 3]),
        bootstrap: id == 1,
        snapshots: folder.join("snapshots"),
    };
    let recovered = recovered.groups.remove(&GROUP).unwrap_or_default();
    let listener = world.network().bind(addresses[&id]).await.unwrap();
    let group = Group::start(
        &world,
        config,
        wal.clone(),
        recovered,
        peers.clone(),
        events_sender,
    )
    .await
    .unwrap();
    let (passed_on, _) = mpsc::channel(1);
    let (looks, mut looked_at) = mpsc::channel::<Forwarded>(1);
    tokio::spawn(async move {
        while let Some(Forwarded { request, reply, .. }) = looked_at.recv().await {
            let answer = format!("n{id}: {}", String::from_utf8_lossy(&request));
            reply.send(answer.into()).await;
        }
    });
    let server =
        PeerServer::start::<RealWorld>(listener, &cluster, id, &[&group], passed_on, looks);
    TestNode {
        group,
        peers,
        wal,
        server,
    }
}

async fn start_all(
    addresses: &BTreeMap<u64, SocketAddr>,
    folder: &Path,
) -> BTreeMap<u64, TestNode> {
    let mut nodes = BTreeMap::new();
    for id in 1..=3 {
        nodes.insert(id, start(id, addresses, folder).await);
    }
    nodes
}

async fn leader_known_to(node: &TestNode) -> u64 {
    let mut leadership = node.group.leadership();
    let known = timeout(PATIENCE, leadership.wait_for(|now| now.leader.is_some()));
    known.await.unwrap().unwrap().leader.unwrap()
}

fn queue() -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        name: "orders".to_owned(),
    }
}

fn request(sequence: u64, command: Command) -> Request {
    Request {
        id: RequestId {
            session: SessionId(1),
            sequence,
        },
        finished_below: 0,
        command,
    }
}

fn create(sequence: u64) -> Request {
    let command = Command::CreateQueue {
        queue: queue(),
        attributes: Box::default(),
        tags: BTreeMap::new(),
        cooldown: Cooldown::Off,
    };
    request(sequence, command)
}

fn send(sequence: u64, body: &'static str) -> Request {
    let message = NewMessage {
        content: Content {
            body: Bytes::from_static(body.as_bytes()),
            attributes: BTreeMap::new(),
            trace_header: None,
            sender_id: "tester".to_owned(),
            deduplication_id: None,
        },
        delay: None,
        message_group: None,
    };
    let command = Command::SendMessages {
        queue: queue(),
        messages: vec![message],
    };
    request(sequence, command)
}

async fn propose(nodes: &BTreeMap<u64, TestNode>, request: Request) -> Reply {
    loop {
        let any = nodes.values().next().unwrap();
        let leader = leader_known_to(any).await;
        if let Some(node) = nodes.get(&leader) {
            match node.group.propose(Box::new(request.clone())).await {
                Ok(reply) => return reply,
                Err(ProposeError::NotLeader { .. } | ProposeError::Unknown) => {}
                Err(ProposeError::Stopped) => panic!("the node stopped"),
                Err(ProposeError::Unreadable) => panic!("a content cannot be read"),
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until all nodes have applied all that any of them has now, and tells how far that is.
async fn caught_up(nodes: &BTreeMap<u64, TestNode>) -> u64 {
    let last = nodes
        .values()
        .map(|node| node.group.status().last_log_index);
    let last = last.max().unwrap();
    for node in nodes.values() {
        node.group
            .wait_for(|status| status.applied_index >= last)
            .await;
    }
    last
}

/// Waits until all nodes have applied as much as the one that has applied most, and compares.
async fn assert_equal_state(nodes: &BTreeMap<u64, TestNode>) {
    let hashes = async {
        loop {
            let target = caught_up(nodes).await;
            let all = nodes
                .values()
                .map(|node| node.group.status().last_log_index);
            if all.max() == Some(target) {
                return nodes
                    .values()
                    .map(|node| node.group.read(zonemq_queue::state::State::hash))
                    .collect::<BTreeSet<u64>>();
            }
        }
    };
    let hashes = timeout(PATIENCE, hashes).await.expect("replicas catch up");
    assert_eq!(hashes.len(), 1, "replicas differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_leader_acknowledged_is_on_all_nodes_and_survives_restarts_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = free_addresses().await;
    let mut nodes = start_all(&addresses, folder.path()).await;
    assert_eq!(propose(&nodes, create(1)).await, Ok(Outcome::Exists));
    let first = propose(&nodes, send(2, "one")).await;
    assert!(matches!(&first, Ok(Outcome::Sent(sent)) if sent[0].is_ok()));
    assert_equal_state(&nodes).await;

    for (_, node) in std::mem::take(&mut nodes) {
        node.stop().await;
    }
    nodes = start_all(&addresses, folder.path()).await;
    // A retry of what was acknowledged before finds its first reply.
    assert_eq!(propose(&nodes, send(2, "one")).await, first);
    let described = propose(
        &nodes,
        request(3, Command::GetQueueAttributes { queue: queue() }),
    )
    .await;
    assert!(
        matches!(&described, Ok(Outcome::Described(description)) if description.visible == 1),
        "{described:?}"
    );
    assert_equal_state(&nodes).await;
    for (_, node) in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_shows_the_same_entries_and_contents_and_is_asked_over_its_link() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = free_addresses().await;
    let nodes = start_all(&addresses, folder.path()).await;
    propose(&nodes, create(1)).await.unwrap();
    for sequence in 2..5 {
        propose(&nodes, send(sequence, "one")).await.unwrap();
    }
    assert_equal_state(&nodes).await;
    for node in nodes.values() {
        let seen = node.group.last_entries(3).await.unwrap();
        assert_eq!(seen.len(), 3);
        assert_eq!(seen, nodes[&1].group.last_entries(3).await.unwrap());
        // What was seen before is told once more, with what came before it.
        let more = node.group.last_entries(200).await.unwrap();
        let indexes: Vec<u64> = more.iter().map(|entry| entry.index).collect();
        assert!(indexes.is_sorted_by(|a, b| a + 1 == *b), "{indexes:?}");
        assert_eq!(more[more.len() - 3..], seen[..]);
        // A follower may apply what is durable on the others before it is so here.
        let is_durable = |_: &GroupStatus| node.group.durable_index() >= seen[2].index;
        let durable = node.group.wait_for(is_durable);
        timeout(PATIENCE, durable)
            .await
            .expect("it becomes durable");
        let messages = node.group.read(|state| state.peek(&queue(), 10)).unwrap();
        let content = node.group.content_at(messages[2].content).await.unwrap();
        assert_eq!(content.body, "one");
    }
    for (from, to) in [(1, 2), (2, 3), (3, 1)] {
        let question = Bytes::from_static(b"what is there?");
        let asked = nodes[&from].peers.look(to, GROUP, question);
        let answer = timeout(PATIENCE, asked).await.unwrap().unwrap();
        assert_eq!(answer, format!("n{to}: what is there?"));
    }
    for node in nodes.into_values() {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_moves_to_a_follower_when_it_is_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = free_addresses().await;
    let nodes = start_all(&addresses, folder.path()).await;
    assert_eq!(propose(&nodes, create(1)).await, Ok(Outcome::Exists));
    assert_equal_state(&nodes).await;
    let old = leader_known_to(&nodes[&1]).await;
    nodes[&old].group.hand_over_leadership().await;
    let new = leader_known_to(&nodes[&old]).await;
    assert_ne!(new, old);
    // Once it has heard from a majority in its own term, it knows that it leads.
    assert_eq!(propose(&nodes, create(2)).await, Ok(Outcome::Exists));
    assert!(nodes[&new].group.confirm_leadership().await);
    assert!(!nodes[&old].group.confirm_leadership().await);
    for (_, node) in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_not_held_for_a_successor_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = free_addresses().await;
    let mut nodes = start_all(&addresses, folder.path()).await;
    assert_eq!(propose(&nodes, create(1)).await, Ok(Outcome::Exists));
    let leader = leader_known_to(&nodes[&1]).await;
    let leader = nodes.remove(&leader).unwrap();
    for (_, node) in nodes {
        node.stop().await;
    }
    // The time after which it gives up in any case is twice as long.
    let handed_over = leader.group.hand_over_leadership();
    let given_up = timeout(Duration::from_secs(1), handed_over).await;
    given_up.expect("nobody is there to take it");
    leader.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lost_entries_below_its_snapshot_votes_when_it_has_their_contents_again() {
    const BODY: &str = "a body of which a bit flips, and which is a good deal longer than what a \
        snapshot says of each message, so that one of a few dozen like it is due as soon as somebody \
        looks, and not only after many more of them";
    let folder = tempfile::tempdir().unwrap();
    let addresses = free_addresses().await;
    let mut nodes = start_all(&addresses, folder.path()).await;
    assert_eq!(propose(&nodes, create(1)).await, Ok(Outcome::Exists));
    for sequence in 2..60 {
        let sent = propose(&nodes, send(sequence, BODY)).await;
        assert!(matches!(sent, Ok(Outcome::Sent(_))));
    }
    let follower = leader_known_to(&nodes[&1]).await % 3 + 1;
    let group = &nodes[&follower].group;
    let snapshot = group.wait_for(|status| status.snapshot_index >= 30);
    timeout(PATIENCE, snapshot).await.expect("a snapshot");
    assert_equal_state(&nodes).await;
    let whole = nodes[&follower].group.inspect().await;
    nodes.remove(&follower).unwrap().stop().await;

    let log = folder
        .path()
        .join(format!("n{follower}/log/{:016x}.log", 1));
    let mut bytes = std::fs::read(&log).unwrap();
    let body = bytes
        .windows(BODY.len())
        .position(|at| at == BODY.as_bytes());
    bytes[body.unwrap()] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    nodes.insert(follower, start(follower, &addresses, folder.path()).await);
    let votes = nodes[&follower].group.until_votes();
    timeout(PATIENCE, votes).await.expect("it votes again");
    let again = nodes[&follower].group.inspect().await;
    assert_eq!(again.problems, Vec::<String>::new());
    assert_eq!(
        (again.contents, again.contents_hash),
        (58, whole.contents_hash)
    );
    for (_, node) in nodes {
        node.stop().await;
    }
}

/// Lets a stopped node's log hold its last two entries in the wrong order: what it applies then is
/// what a replica applies whose memory has failed.
async fn swap_the_last_two_entries(node: u64, folder: &Path) {
    let options = Options {
        segment_bytes: 1 << 20,
        progress: zonemq_wal::Progress::default(),
        directory: folder.join(format!("n{node}/log")),
    };
    let (wal, recovered) = Wal::open(&RealWorld::new(), options).await.unwrap();
    let last = recovered.groups[&GROUP].entries.back().unwrap().index;
    let read = wal.read_entries(GROUP, last - 1, last + 1, usize::MAX);
    let entries = read.await.unwrap();
    let mut records = vec![Record::TruncateAfter {
        group: GROUP,
        index: Some(last - 2),
    }];
    let payloads = entries.iter().rev().map(|entry| entry.payload.clone());
    let swapped = entries.iter().zip(payloads);
    records.extend(swapped.map(|(entry, payload)| Record::Entry {
        group: GROUP,
        term: entry.term,
        index: entry.index,
        payload,
    }));
    let (done, durable) = oneshot::channel();
    wal.append(records, Box::new(|result| drop(done.send(result))));
    durable.await.unwrap().unwrap();
    wal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_alone_with_its_state_stops_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = free_addresses().await;
    let mut nodes = start_all(&addresses, folder.path()).await;
    assert_eq!(propose(&nodes, create(1)).await, Ok(Outcome::Exists));
    for (sequence, body) in [(2, "short"), (3, "a longer one")] {
        let sent = propose(&nodes, send(sequence, body)).await;
        assert!(matches!(sent, Ok(Outcome::Sent(_))));
    }
    assert_equal_state(&nodes).await;
    let odd = leader_known_to(&nodes[&1]).await % 3 + 1;
    nodes.remove(&odd).unwrap().stop().await;
    swap_the_last_two_entries(odd, folder.path()).await;
    let odd = start(odd, &addresses, folder.path()).await;

    let mut sequence = 4;
    let traffic = async {
        loop {
            let sent = propose(&nodes, send(sequence, "more")).await;
            assert!(matches!(sent, Ok(Outcome::Sent(_))));
            sequence += 1;
            // A replica that falls far behind compares states that nobody remembers any more.
            caught_up(&nodes).await;
        }
    };
    let reason = tokio::select! {
        reason = timeout(PATIENCE, odd.group.ended()) => reason.expect("it stops"),
        () = traffic => unreachable!("traffic goes on for ever"),
    };
    assert!(reason.contains("its memory may be faulty"), "{reason}");
    odd.stop().await;
    let sent = propose(&nodes, send(sequence, "after it")).await;
    assert!(matches!(sent, Ok(Outcome::Sent(_))));
    assert_equal_state(&nodes).await;
    for (_, node) in nodes {
        node.stop().await;
    }
}
