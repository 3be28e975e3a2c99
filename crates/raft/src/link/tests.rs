//! The link against a peer that is played by the test, over connections in memory and with time
//! that the test owns.

use std::io;
use std::sync::Mutex as StdMutex;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;
use crate::connector::{PING_INTERVAL, SILENCE_LIMIT};
use crate::outgoing::Outgoing;

/// A network on which every connect reaches the test.
#[derive(Clone)]
struct ToTest {
    accepted: mpsc::UnboundedSender<DuplexStream>,
}

struct NoListener;

impl zonemq_world::Listener for NoListener {
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
        self.accepted
            .send(theirs)
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(ours)
    }
}

const GROUP: GroupId = GroupId(0);

fn link() -> (Link, mpsc::UnboundedReceiver<DuplexStream>) {
    let (accepted, connections) = mpsc::unbounded_channel();
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let link = Link::start(ToTest { accepted }, 2, address, Hello::new("test", 1, 2));
    (link, connections)
}

/// Takes the next connection and reads its hello.
async fn accept(connections: &mut mpsc::UnboundedReceiver<DuplexStream>) -> DuplexStream {
    let mut stream = connections.recv().await.unwrap();
    let hello = Frame::read_from(&mut stream).await.unwrap();
    assert!(matches!(hello.content, Content::Hello(_)));
    stream
}

/// The next frame that is no ping.
async fn next_frame(stream: &mut DuplexStream) -> Frame {
    loop {
        let frame = Frame::read_from(stream).await.unwrap();
        if frame.content != Content::Ping {
            return frame;
        }
    }
}

async fn write_frame(stream: &mut DuplexStream, exchange: u64, content: Content) {
    let mut outgoing = Outgoing::default();
    Frame { exchange, content }.write_to(&mut outgoing);
    stream.write_all_buf(&mut outgoing).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_exchange_carries_messages_both_ways_until_both_sides_end() {
    let (link, mut connections) = link();
    let (sender, mut receiver) = link.open(Service::Append, GROUP).unwrap();
    sender.send(Bytes::from_static(b"question")).await.unwrap();
    sender.end().await.unwrap();
    let mut peer = accept(&mut connections).await;
    let exchange = next_frame(&mut peer).await.exchange;
    let question = next_frame(&mut peer).await;
    assert_eq!(
        question.content,
        Content::Message(Bytes::from_static(b"question"))
    );
    assert_eq!(next_frame(&mut peer).await.content, Content::End);
    let answer = Bytes::from_static(b"answer");
    write_frame(&mut peer, exchange, Content::Message(answer.clone())).await;
    write_frame(&mut peer, exchange, Content::End).await;
    assert_eq!(receiver.next().await, Ok(Some(answer)));
    assert_eq!(receiver.next().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_ends_its_exchanges_and_the_next_one_gets_a_new_connection() {
    let (link, mut connections) = link();
    let (_sender, mut receiver) = link.open(Service::Append, GROUP).unwrap();
    let peer = accept(&mut connections).await;
    drop(peer);
    assert_eq!(receiver.next().await, Err(ExchangeError::Disconnected(2)));

    let (_sender, _receiver) = link.open(Service::Append, GROUP).unwrap();
    let mut peer = accept(&mut connections).await;
    let opened = next_frame(&mut peer).await;
    assert_eq!(opened.content, Content::Open(Service::Append, GROUP));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_cannot_be_reached_fails_the_exchange_at_once() {
    let (link, connections) = link();
    drop(connections);
    let (_sender, mut receiver) = link.open(Service::Vote, GROUP).unwrap();
    assert_eq!(receiver.next().await, Err(ExchangeError::Disconnected(2)));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_breaks_the_exchange_off() {
    let (link, mut connections) = link();
    let (_sender, receiver) = link.open(Service::Append, GROUP).unwrap();
    let mut peer = accept(&mut connections).await;
    let opened = next_frame(&mut peer).await;
    drop(receiver);
    let reset = next_frame(&mut peer).await;
    assert_eq!(reset.exchange, opened.exchange);
    assert!(matches!(reset.content, Content::Reset(_)));
}

/// Begins a call, and takes it at the peer.
async fn call(
    link: &Link,
    connections: &mut mpsc::UnboundedReceiver<DuplexStream>,
) -> (
    JoinHandle<Result<Bytes, ExchangeError>>,
    DuplexStream,
    Frame,
) {
    let link = link.clone();
    let question = Bytes::from_static(b"question");
    let calling = async move { link.call(Service::Forward, GROUP, question).await };
    let calling = tokio::spawn(calling);
    let mut peer = accept(connections).await;
    let asked = next_frame(&mut peer).await;
    (calling, peer, asked)
}

#[tokio::test(start_paused = true)]
async fn a_call_is_one_frame_there_and_one_back() {
    let (link, mut connections) = link();
    let (calling, mut peer, asked) = call(&link, &mut connections).await;
    let question = Bytes::from_static(b"question");
    let ask = Content::Ask(Service::Forward, GROUP, question);
    assert_eq!(asked.content, ask);
    let answer = Bytes::from_static(b"answer");
    // What belongs to a call that nobody waits for is no concern of this one.
    let stray = Content::Answer(Bytes::from_static(b"stray"));
    write_frame(&mut peer, asked.exchange + 1, stray).await;
    write_frame(&mut peer, asked.exchange, Content::Answer(answer.clone())).await;
    assert_eq!(calling.await.unwrap(), Ok(answer));
    assert!(link.exchanges.locked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_or_answered_out_of_turn_tells_so() {
    let refused = ExchangeError::Refused(2, "no".to_owned());
    let reset = Content::Reset(Bytes::from_static(b"no"));
    let message = Content::Message(Bytes::from_static(b"more to come"));
    for (said, error) in [(reset, refused), (message, ExchangeError::OutOfTurn(2))] {
        let (link, mut connections) = link();
        let (calling, mut peer, asked) = call(&link, &mut connections).await;
        write_frame(&mut peer, asked.exchange, said).await;
        assert_eq!(calling.await.unwrap(), Err(error));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_with_its_connection() {
    let (link, mut connections) = link();
    let (calling, peer, _) = call(&link, &mut connections).await;
    drop(peer);
    let lost = Err(ExchangeError::Disconnected(2));
    assert_eq!(calling.await.unwrap(), lost);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_breaks_the_call_off() {
    let (link, mut connections) = link();
    let (calling, mut peer, asked) = call(&link, &mut connections).await;
    calling.abort();
    let reset = next_frame(&mut peer).await;
    assert_eq!(reset.exchange, asked.exchange);
    assert!(matches!(reset.content, Content::Reset(_)));
    assert!(link.exchanges.locked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_falls_silent_is_given_up_in_bounded_time() {
    let (link, mut connections) = link();
    let (_sender, mut receiver) = link.open(Service::Append, GROUP).unwrap();
    // The peer takes the bytes and never answers, as behind a partition.
    let _peer = accept(&mut connections).await;
    let started = Instant::now();
    assert_eq!(receiver.next().await, Err(ExchangeError::Disconnected(2)));
    assert!(started.elapsed() <= SILENCE_LIMIT + 3 * PING_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn short_exchanges_that_are_given_up_do_not_keep_a_dumb_connection_alive() {
    let (link, mut connections) = link();
    // Like votes that are asked for again and again: the first connection swallows them all.
    let (_sender, receiver) = link.open(Service::Vote, GROUP).unwrap();
    let _dumb = accept(&mut connections).await;
    drop(receiver);
    let started = Instant::now();
    let next = loop {
        let (_sender, mut receiver) = link.open(Service::Vote, GROUP).unwrap();
        let _ = timeout(Duration::from_millis(200), receiver.next()).await;
        drop(receiver);
        tokio::time::sleep(Duration::from_millis(350)).await;
        match connections.try_recv() {
            Ok(next) => break next,
            Err(_) => assert!(started.elapsed() < 2 * SILENCE_LIMIT, "still dumb"),
        }
    };
    drop(next);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_waited_for_as_long_as_the_peer_answers_pings() {
    let (link, mut connections) = link();
    let (_sender, mut receiver) = link.open(Service::Forward, GROUP).unwrap();
    let mut peer = accept(&mut connections).await;
    let exchange = next_frame(&mut peer).await.exchange;
    let answered = StdMutex::new(false);
    let serving = async {
        for _ in 0..40 {
            let frame = Frame::read_from(&mut peer).await.unwrap();
            assert_eq!(frame.content, Content::Ping);
            write_frame(&mut peer, 0, Content::Pong).await;
        }
        *answered.lock().unwrap() = true;
        let answer = Content::Message(Bytes::from_static(b"late"));
        write_frame(&mut peer, exchange, answer).await;
    };
    let (answer, ()) = tokio::join!(receiver.next(), serving);
    assert!(*answered.lock().unwrap());
    assert_eq!(answer, Ok(Some(Bytes::from_static(b"late"))));
}
