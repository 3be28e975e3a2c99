//! The connections of one link: each is made when an exchange begins and there is none, carries what
//! is said both ways, and is given up when the peer falls silent.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use zonemq_world::Network;

use crate::codec;
use crate::crowd::{Found, gather};
use crate::link::OpenExchanges;
use crate::outgoing::Outgoing;
use crate::wire::{Content, Frame, Hello};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
pub(crate) const PING_INTERVAL: Duration = Duration::from_millis(500);
/// A connection on which nothing answers for so long is given up: over a network that swallows
/// bytes, nothing else would ever end it.
pub(crate) const SILENCE_LIMIT: Duration = Duration::from_secs(3);
/// Frames are gathered up to about this size before they are written.
const WRITE_BYTES: usize = 256 << 10;

/// Since when the peer owes a sign of life. Exchanges that are broken off in the meantime do not
/// end it: short ones, each given up after a moment, would otherwise keep a dumb connection for ever.
#[derive(Debug, Default)]
struct Unanswered(Mutex<Option<Instant>>);

impl Unanswered {
    fn locked(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) {
        self.locked().get_or_insert_with(Instant::now);
    }

    fn heard(&self) {
        *self.locked() = None;
    }

    fn silence(&self) -> Duration {
        self.locked()
            .map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Makes connections for one link and serves them, one after the other.
pub(crate) struct Connector<N> {
    pub(crate) network: N,
    pub(crate) address: SocketAddr,
    pub(crate) hello: Hello,
    pub(crate) exchanges: Arc<OpenExchanges>,
}

impl<N: Network> Connector<N> {
    /// Runs until nobody needs the link any more.
    pub(crate) async fn run(self, mut waiting: mpsc::Receiver<Frame>) {
        while let Some(first) = waiting.recv().await {
            // Only a new exchange is worth a connection: the others died with the last one.
            if !matches!(first.content, Content::Open(..) | Content::Ask(..))
                || !self.exchanges.locked().contains_key(&first.exchange)
            {
                continue;
            }
            let result = match timeout(CONNECT_TIMEOUT, self.network.connect(self.address)).await {
                Ok(Ok(stream)) => self.serve(stream, first, &mut waiting).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            if let Err(error) = result {
                tracing::debug!(address = %self.address, %error, "a connection to a peer ended");
            }
            // Drops the senders: every exchange that waits learns that it is disconnected.
            self.exchanges.locked().clear();
        }
    }

    /// Serves one connection until it fails or nobody needs the link any more.
    async fn serve(
        &self,
        stream: N::Stream,
        first: Frame,
        waiting: &mut mpsc::Receiver<Frame>,
    ) -> io::Result<()> {
        let (reader, writer) = tokio::io::split(stream);
        let unanswered = Unanswered::default();
        tokio::select! {
            result = self.read(BufReader::with_capacity(WRITE_BYTES, reader), &unanswered) => result,
            result = self.write(writer, first, waiting, &unanswered) => result,
        }
    }

    async fn read(
        &self,
        mut reader: impl AsyncRead + Unpin,
        unanswered: &Unanswered,
    ) -> io::Result<()> {
        loop {
            let frame = Frame::read_from(&mut reader).await?;
            unanswered.heard();
            if frame.content == Content::Pong {
                continue;
            }
            self.exchanges.take(frame).await;
        }
    }

    async fn write(
        &self,
        mut writer: impl AsyncWrite + Unpin,
        first: Frame,
        waiting: &mut mpsc::Receiver<Frame>,
        unanswered: &Unanswered,
    ) -> io::Result<()> {
        let mut outgoing = Outgoing::default();
        let hello = Content::Hello(codec::encode(&self.hello).into());
        Frame {
            exchange: 0,
            content: hello,
        }
        .write_to(&mut outgoing);
        first.write_to(&mut outgoing);
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Whatever else waits goes out in the same write.
            self.add_waiting(waiting, &mut outgoing);
            if outgoing.has_remaining() {
                unanswered.asked();
                writer.write_all_buf(&mut outgoing).await?;
            }
            tokio::select! {
                frame = waiting.recv() => match frame {
                    Some(frame) => {
                        self.add(&frame, &mut outgoing);
                        if frame.content.comes_in_crowds() {
                            // One write, and one entry at the leader, is for all of them.
                            gather(|| self.add_waiting(waiting, &mut outgoing)).await;
                        }
                    }
                    None => return Ok(()),
                },
                _ = pings.tick() => {
                    let silence = unanswered.silence();
                    if silence > SILENCE_LIMIT {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    // What was broken off is not answered: only a ping tells whether anybody is there.
                    if silence.is_zero() && self.exchanges.locked().is_empty() {
                        continue;
                    }
                    Frame { exchange: 0, content: Content::Ping }.write_to(&mut outgoing);
                }
            }
        }
    }

    /// Adds all that waits to the next write, as far as there is room.
    fn add_waiting(&self, waiting: &mut mpsc::Receiver<Frame>, outgoing: &mut Outgoing) -> Found {
        let mut found = Found::Nobody;
        while outgoing.remaining() < WRITE_BYTES {
            let Ok(frame) = waiting.try_recv() else {
                return found;
            };
            self.add(&frame, outgoing);
            found = Found::Somebody;
        }
        Found::Full
    }

    /// Adds a frame to the next write, unless its exchange died with an earlier connection.
    fn add(&self, frame: &Frame, outgoing: &mut Outgoing) {
        let open = self.exchanges.locked().contains_key(&frame.exchange);
        if open || matches!(frame.content, Content::Reset(_)) {
            frame.write_to(outgoing);
        }
    }
}
