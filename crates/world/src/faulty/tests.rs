//! Rules on connections in memory, with time that the test owns.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::*;
use crate::{Chance, Listener, Network};

/// The dice always fall on the same number.
#[derive(Clone, Debug)]
struct Always(u64);

impl Chance for Always {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

/// A network on which every connect reaches the test.
#[derive(Clone)]
struct ToTest(mpsc::UnboundedSender<DuplexStream>);

struct NoListener;

impl Listener for NoListener {
    type Stream = DuplexStream;
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
    async fn accept(&self) -> io::Result<(DuplexStream, SocketAddr)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Network for ToTest {
    type Stream = DuplexStream;
    type Listener = NoListener;
    async fn bind(&self, _address: SocketAddr) -> io::Result<NoListener> {
        Err(io::ErrorKind::Unsupported.into())
    }
    async fn connect(&self, _address: SocketAddr) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        self.0
            .send(theirs)
            .map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }
}

const LONG: Duration = Duration::from_mins(1);

/// Node 1 of two, which dials node 2: the test.
struct Dialler {
    network: FaultyNetwork<ToTest, Always>,
    book: RuleBook,
    connections: mpsc::UnboundedReceiver<DuplexStream>,
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 2))
}

fn dialler() -> Dialler {
    let (accepted, connections) = mpsc::unbounded_channel();
    let book = RuleBook::new();
    let breakable = Breakable {
        book: book.clone(),
        me: 1,
        nodes: BTreeMap::from([(address(), 2)]),
    };
    Dialler {
        network: FaultyNetwork::new(ToTest(accepted), Always(0), Some(Arc::new(breakable))),
        book,
        connections,
    }
}

impl Dialler {
    async fn connected(&mut self) -> (FaultyStream<DuplexStream, Always>, DuplexStream) {
        let ours = self.network.connect(address()).await.unwrap();
        (ours, self.connections.recv().await.unwrap())
    }

    fn rule(&self, from: u64, to: u64, rule: LinkRule) {
        let mut rules = Rules::default();
        rules.add_link(from, to, rule);
        self.book.set(rules);
    }

    fn pass(&self, from: u64, to: u64, passage: Passage) {
        self.rule(from, to, LinkRule::passing(passage));
    }

    fn heal(&self) {
        self.book.set(Rules::default());
    }
}

async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 64];
    let count = timeout(LONG, stream.read(&mut bytes)).await.ok()?.unwrap();
    bytes.truncate(count);
    Some(bytes)
}

/// Reads at the far end while the near end is read too, as its owner does.
async fn read_far(
    near: &mut FaultyStream<DuplexStream, Always>,
    far: &mut DuplexStream,
) -> Option<Vec<u8>> {
    tokio::select! {
        bytes = read(far) => bytes,
        _ = async { loop { near.read_u8().await.unwrap(); } } => None,
    }
}

#[tokio::test(start_paused = true)]
async fn without_rules_bytes_pass_both_ways() {
    let (mut near, mut far) = dialler().connected().await;
    near.write_all(b"there").await.unwrap();
    assert_eq!(read(&mut far).await.unwrap(), b"there");
    far.write_all(b"back").await.unwrap();
    assert_eq!(read(&mut near).await.unwrap(), b"back");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_on_the_way_there_arrives_when_the_link_is_open_again() {
    let mut dialler = dialler();
    let (mut near, mut far) = dialler.connected().await;
    dialler.pass(1, 2, Passage::Held);
    near.write_all(b"one").await.unwrap();
    near.write_all(b"two").await.unwrap();
    assert_eq!(read_far(&mut near, &mut far).await, None);
    // The other direction is open.
    far.write_all(b"back").await.unwrap();
    assert_eq!(read(&mut near).await.unwrap(), b"back");
    dialler.heal();
    assert_eq!(read_far(&mut near, &mut far).await.unwrap(), b"onetwo");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_on_the_way_back_wakes_its_reader_when_the_link_is_open_again() {
    let mut dialler = dialler();
    let (mut near, mut far) = dialler.connected().await;
    dialler.pass(2, 1, Passage::Held);
    far.write_all(b"back").await.unwrap();
    // Nor is the end of the connection seen.
    drop(far);
    assert_eq!(read(&mut near).await, None);
    let book = dialler.book.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        book.set(Rules::default());
    });
    let began = Instant::now();
    assert_eq!(read(&mut near).await.unwrap(), b"back");
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!(read(&mut near).await.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_lost_something_stays_dumb_without_an_error() {
    let mut dialler = dialler();
    let (mut near, mut far) = dialler.connected().await;
    dialler.pass(1, 2, Passage::Swallowed);
    near.write_all(b"lost").await.unwrap();
    dialler.heal();
    near.write_all(b"after it").await.unwrap();
    assert_eq!(read_far(&mut near, &mut far).await, None);
    let (mut near, mut far) = dialler.connected().await;
    near.write_all(b"anew").await.unwrap();
    assert_eq!(read(&mut far).await.unwrap(), b"anew");
}

#[tokio::test(start_paused = true)]
async fn latency_delays_each_direction_and_a_healed_link_delivers_at_once() {
    let mut dialler = dialler();
    let (mut near, mut far) = dialler.connected().await;
    let slow = LinkRule {
        latency_millis: 200,
        ..LinkRule::default()
    };
    dialler.rule(1, 2, slow);
    let began = Instant::now();
    near.write_all(b"there").await.unwrap();
    assert_eq!(read_far(&mut near, &mut far).await.unwrap(), b"there");
    assert_eq!(began.elapsed().as_millis(), 200);
    far.write_all(b"back").await.unwrap();
    assert_eq!(read(&mut near).await.unwrap(), b"back");
    assert_eq!(began.elapsed().as_millis(), 200);
    near.write_all(b"healed").await.unwrap();
    dialler.heal();
    assert_eq!(read_far(&mut near, &mut far).await.unwrap(), b"healed");
    assert_eq!(began.elapsed().as_millis(), 200);
}

#[tokio::test(start_paused = true)]
async fn loss_shows_as_the_pause_of_a_retransmission_and_a_rate_as_its_time() {
    let mut dialler = dialler();
    let (mut near, mut far) = dialler.connected().await;
    // Every packet is lost six times: 200 ms, and twice as long each time.
    dialler.rule(
        2,
        1,
        LinkRule {
            loss: 0.01,
            ..LinkRule::default()
        },
    );
    let began = Instant::now();
    far.write_all(b"lost six times").await.unwrap();
    assert_eq!(read(&mut near).await.unwrap(), b"lost six times");
    assert_eq!(began.elapsed().as_millis(), 200 * 63);
    dialler.rule(
        1,
        2,
        LinkRule {
            bytes_per_second: Some(10),
            ..LinkRule::default()
        },
    );
    let began = Instant::now();
    near.write_all(b"20 bytes, 2 seconds.").await.unwrap();
    assert_eq!(
        read_far(&mut near, &mut far).await.unwrap(),
        b"20 bytes, 2 seconds."
    );
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connect_waits_for_both_directions_and_is_refused_where_the_rule_says_so() {
    let mut dialler = dialler();
    dialler.pass(2, 1, Passage::Held);
    let connect = dialler.network.connect(address());
    assert!(timeout(LONG, connect).await.is_err());
    dialler.pass(2, 1, Passage::Refused);
    let refused = dialler.network.connect(address()).await;
    assert_eq!(
        refused.unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
    dialler.heal();
    let (mut near, _far) = dialler.connected().await;
    dialler.pass(1, 2, Passage::Refused);
    assert_eq!(
        near.read_u8().await.unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
}

#[tokio::test(start_paused = true)]
async fn the_peer_does_not_hear_the_end_of_a_connection_over_a_cut_link() {
    let mut dialler = dialler();
    let (near, mut far) = dialler.connected().await;
    dialler.pass(1, 2, Passage::Held);
    drop(near);
    assert_eq!(read(&mut far).await, None);
    dialler.heal();
    assert_eq!(read(&mut far).await.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn a_sync_is_slow_as_long_as_the_rule_says_so() {
    let book = RuleBook::new();
    let mut rules = Rules::default();
    rules.disk.fsync_millis = 60_000;
    book.set(rules);
    let began = Instant::now();
    let pause = |rules: &Rules| Duration::from_millis(rules.disk.fsync_millis);
    let healed = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        book.set(Rules::default());
    };
    tokio::join!(book.pause(pause), healed);
    assert_eq!(began.elapsed().as_secs(), 1);
}

#[test]
fn rules_add_up_and_the_harder_passage_wins() {
    let mut rules = Rules::default();
    rules.add_link(1, 2, LinkRule::passing(Passage::Held));
    rules.add_link(
        1,
        2,
        LinkRule {
            latency_millis: 5,
            ..LinkRule::default()
        },
    );
    let rule = rules.link(1, 2);
    assert_eq!((rule.passage, rule.latency_millis), (Passage::Held, 5));
    assert_eq!(rules.link(2, 1), LinkRule::default());
    assert!(!rules.can_connect(2, 1));
}
