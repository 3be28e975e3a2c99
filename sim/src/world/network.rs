//! Connections that run over turmoil's TCP, through links that can be broken in one direction.
//!
//! What arrives passes the link's rules where it is read: it is delivered at once, later, when the
//! link heals, or never. turmoil itself is left whole: its own partitions know no retransmission,
//! but TCP outlives a short one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use rand::Rng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use zonemq_world::{Listener, Network};

use super::{SimChance, elapsed};
use crate::coverage::Coverage;

/// How much a reader takes off turmoil's hands ahead of time.
const INBOX_BYTES: usize = 4 << 20;
const READ_BYTES: usize = 16 << 10;
/// TCP's first retransmission; each one after it takes twice as long.
const RETRANSMISSION: Duration = Duration::from_millis(200);
const RETRANSMISSIONS: u32 = 6;

/// Whether a link lets bytes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Passage {
    /// It does.
    #[default]
    Open,
    /// Nothing arrives now; what was sent arrives after it opens again, as TCP retransmits.
    Held,
    /// What is sent is lost, and the connection stays dumb for ever, as behind a firewall that
    /// forgot it.
    Swallowed,
}

/// What a link does to what passes, in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LinkRule {
    pub(crate) passage: Passage,
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    /// The share of packets that TCP must send again.
    pub(crate) loss: f64,
    pub(crate) bytes_per_second: Option<f64>,
}

impl LinkRule {
    /// Both rules at once.
    pub(crate) fn and(self, other: LinkRule) -> LinkRule {
        let rates = [self.bytes_per_second, other.bytes_per_second];
        LinkRule {
            passage: self.passage.max(other.passage),
            delay: self.delay + other.delay,
            jitter: self.jitter + other.jitter,
            loss: self.loss.max(other.loss),
            bytes_per_second: rates.into_iter().flatten().reduce(f64::min),
        }
    }
}

#[derive(Debug, Default)]
struct LinkState {
    rule: LinkRule,
    /// Readers and connectors that wait for it to open.
    waiting: Vec<Waker>,
}

/// All links of the simulated network, and the hand that breaks them. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Fabric {
    state: Arc<Mutex<FabricState>>,
    chance: SimChance,
    coverage: Coverage,
}

#[derive(Debug, Default)]
struct FabricState {
    /// By sender and receiver.
    links: BTreeMap<(IpAddr, IpAddr), LinkState>,
    /// Hosts without power: they send and receive nothing.
    dark: BTreeSet<IpAddr>,
}

impl FabricState {
    fn rule(&self, from: IpAddr, to: IpAddr) -> LinkRule {
        let mut rule = self
            .links
            .get(&(from, to))
            .map_or_else(LinkRule::default, |link| link.rule);
        if self.dark.contains(&from) || self.dark.contains(&to) {
            rule.passage = Passage::Held;
        }
        rule
    }

    fn wait(&mut self, from: IpAddr, to: IpAddr, waker: &Waker) {
        let waiting = &mut self.links.entry((from, to)).or_default().waiting;
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    fn wake_all(&mut self) {
        for link in self.links.values_mut() {
            link.waiting.drain(..).for_each(Waker::wake);
        }
    }
}

impl Fabric {
    pub(crate) fn new(seed: u64, coverage: &Coverage) -> Fabric {
        Fabric {
            state: Arc::default(),
            chance: SimChance::new(seed, "network"),
            coverage: coverage.clone(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, FabricState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what happens to everything that `from` sends to `to`.
    pub(crate) fn set(&self, from: IpAddr, to: IpAddr, rule: LinkRule) {
        let mut state = self.locked();
        state.links.entry((from, to)).or_default().rule = rule;
        state.wake_all();
    }

    /// Cuts a host off without a word to its peers, or connects it again.
    pub(crate) fn set_power(&self, host: IpAddr, is_on: bool) {
        let mut state = self.locked();
        if is_on {
            state.dark.remove(&host);
        } else {
            state.dark.insert(host);
        }
        state.wake_all();
    }

    fn rule(&self, from: IpAddr, to: IpAddr) -> LinkRule {
        self.locked().rule(from, to)
    }

    /// Resolves when both directions are open: a connection needs an answer.
    async fn passable(&self, from: IpAddr, to: IpAddr) {
        let mut was_blocked = false;
        poll_fn(|context| {
            let mut state = self.locked();
            for (from, to) in [(from, to), (to, from)] {
                if state.rule(from, to).passage != Passage::Open {
                    if !was_blocked {
                        self.coverage.add("network: connects blocked", 1);
                        was_blocked = true;
                    }
                    state.wait(from, to, context.waker());
                    return Poll::Pending;
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// How long a packet takes beyond the time that every packet takes.
    fn lateness(&self, rule: &LinkRule) -> Duration {
        let mut late = rule.delay;
        if !rule.jitter.is_zero() {
            late += rule
                .jitter
                .mul_f64(self.chance.draw(rand::Rng::random::<f64>));
        }
        if rule.loss > 0.0 {
            let mut pause = RETRANSMISSION;
            for _ in 0..RETRANSMISSIONS {
                if !self.chance.draw(|dice| dice.random_bool(rule.loss)) {
                    break;
                }
                self.coverage.add("network: packets lost", 1);
                late += pause;
                pause *= 2;
            }
        }
        if !late.is_zero() {
            self.coverage.add("network: packets delayed", 1);
        }
        late
    }
}

/// The network as one host sees it.
#[derive(Clone, Debug)]
pub(crate) struct SimNetwork {
    fabric: Fabric,
    me: IpAddr,
}

impl SimNetwork {
    pub(crate) fn new(fabric: &Fabric, me: IpAddr) -> SimNetwork {
        SimNetwork {
            fabric: fabric.clone(),
            me,
        }
    }

    fn stream(&self, inner: turmoil::net::TcpStream, peer: IpAddr) -> SimStream {
        SimStream {
            inner,
            fabric: self.fabric.clone(),
            me: self.me,
            peer,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            last_due: Duration::ZERO,
            has_ended: false,
            is_dumb: false,
            timer: None,
            space: vec![0; READ_BYTES].into(),
        }
    }
}

impl Network for SimNetwork {
    type Stream = SimStream;
    type Listener = SimListener;

    async fn bind(&self, address: SocketAddr) -> io::Result<SimListener> {
        // turmoil binds to the host's own address only, and asks not to be told which it is.
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
        Ok(SimListener {
            inner: turmoil::net::TcpListener::bind(any).await?,
            network: self.clone(),
        })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<SimStream> {
        self.fabric.passable(self.me, address.ip()).await;
        let there = self.fabric.rule(self.me, address.ip());
        let back = self.fabric.rule(address.ip(), self.me);
        let late = self.fabric.lateness(&there) + self.fabric.lateness(&back);
        if !late.is_zero() {
            sleep(late).await;
        }
        let stream = turmoil::net::TcpStream::connect(address).await?;
        Ok(self.stream(stream, address.ip()))
    }
}

/// A bound listener.
pub(crate) struct SimListener {
    inner: turmoil::net::TcpListener,
    network: SimNetwork,
}

impl Listener for SimListener {
    type Stream = SimStream;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let bound = self.inner.local_addr()?;
        Ok(SocketAddr::new(self.network.me, bound.port()))
    }

    async fn accept(&self) -> io::Result<(SimStream, SocketAddr)> {
        let (stream, peer) = self.inner.accept().await?;
        Ok((self.network.stream(stream, peer.ip()), peer))
    }
}

/// What turmoil has delivered and the reader has not.
enum Arrival {
    Bytes(Bytes),
    End(io::Result<()>),
}

/// A connection.
pub(crate) struct SimStream {
    inner: turmoil::net::TcpStream,
    fabric: Fabric,
    me: IpAddr,
    peer: IpAddr,
    /// In order, with the moment at which each may be read.
    inbox: VecDeque<(Duration, Arrival)>,
    inbox_bytes: usize,
    last_due: Duration,
    has_ended: bool,
    /// Something on it was lost: nothing arrives any more.
    is_dumb: bool,
    timer: Option<Pin<Box<Sleep>>>,
    space: Box<[u8]>,
}

impl SimStream {
    /// Takes over what turmoil has delivered.
    fn take_arrivals(&mut self, context: &mut Context<'_>) {
        while !self.has_ended && self.inbox_bytes < INBOX_BYTES {
            let mut buffer = ReadBuf::new(&mut self.space);
            let arrival = match Pin::new(&mut self.inner).poll_read(context, &mut buffer) {
                Poll::Pending => return,
                Poll::Ready(Err(error)) => Arrival::End(Err(error)),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => Arrival::End(Ok(())),
                Poll::Ready(Ok(())) => Arrival::Bytes(Bytes::copy_from_slice(buffer.filled())),
            };
            self.arrive(arrival);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let rule = self.fabric.rule(self.peer, self.me);
        let length = match &arrival {
            Arrival::Bytes(bytes) => bytes.len(),
            Arrival::End(_) => 0,
        };
        self.has_ended = matches!(arrival, Arrival::End(_));
        match rule.passage {
            Passage::Open => {}
            Passage::Held => self.fabric.coverage.add("network: packets held", 1),
            Passage::Swallowed => self.is_dumb = true,
        }
        if self.is_dumb {
            self.fabric.coverage.add("network: packets swallowed", 1);
            return;
        }
        let mut due = elapsed() + self.fabric.lateness(&rule);
        // Packets overtake one another on the way, but TCP hands them over in order.
        due = due.max(self.last_due);
        if let Some(rate) = rule.bytes_per_second {
            #[expect(clippy::cast_precision_loss, reason = "some kilobytes")]
            let takes = length as f64 / rate;
            due += Duration::from_secs_f64(takes);
            self.fabric
                .coverage
                .add("network: bytes throttled", length as u64);
        }
        self.last_due = due;
        self.inbox_bytes += length;
        self.inbox.push_back((due, arrival));
    }

    /// Ready when the first arrival may be read.
    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some((due, _)) = self.inbox.front() else {
            return Poll::Pending;
        };
        let mut state = self.fabric.locked();
        if state.rule(self.peer, self.me).passage != Passage::Open {
            state.wait(self.peer, self.me, context.waker());
            return Poll::Pending;
        }
        drop(state);
        let now = elapsed();
        if *due > now {
            let mut timer = Box::pin(sleep(due.saturating_sub(now)));
            if timer.as_mut().poll(context).is_pending() {
                self.timer = Some(timer);
                return Poll::Pending;
            }
        }
        self.timer = None;
        Poll::Ready(())
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.take_arrivals(context);
        ready!(this.poll_due(context));
        match this.inbox.front_mut() {
            Some((_, Arrival::Bytes(bytes))) => {
                let length = bytes.len().min(buffer.remaining());
                buffer.put_slice(&bytes[..length]);
                bytes.advance(length);
                this.inbox_bytes -= length;
                if bytes.is_empty() {
                    this.inbox.pop_front();
                }
                Poll::Ready(Ok(()))
            }
            // It stays, so that it is read again.
            Some((_, Arrival::End(Ok(())))) => Poll::Ready(Ok(())),
            Some((_, Arrival::End(Err(error)))) => Poll::Ready(Err(error.kind().into())),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.inner).poll_write(context, bytes)) {
            // The peer's reset has not come through: the bytes are lost without a word.
            Err(_) if self.fabric.rule(self.peer, self.me).passage != Passage::Open => {
                Poll::Ready(Ok(bytes.len()))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
