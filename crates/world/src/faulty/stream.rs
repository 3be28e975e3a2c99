//! A connection whose bytes pass the rules of its link, in both directions, at the side that
//! dialled it.
//!
//! What is on its way lies in a queue for each direction, with the moment at which it arrives. The
//! queues move when the connection is read or written: both halves belong to one task, as in
//! `zonemq_raft`'s links, which read all the time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::transit::{Transit, Wait};
use super::{LinkRule, Passage, RuleBook};
use crate::Chance;

/// As much as a system's own socket buffers take; more of it holds the writer back.
const TRANSIT_BYTES: usize = 4 << 20;
const READ_BYTES: usize = 16 << 10;
const WRITE_BYTES: usize = 64 << 10;

/// A connection with rules, or a plain one.
#[derive(Debug)]
pub struct FaultyStream<S: Send + 'static, C> {
    /// Gone only while it is dropped.
    wire: Option<S>,
    link: Option<Box<Link<C>>>,
}

/// Between whom a connection is.
#[derive(Debug)]
pub(super) struct Ends<C> {
    pub(super) book: RuleBook,
    pub(super) me: u64,
    pub(super) peer: u64,
    pub(super) chance: C,
}

#[derive(Debug)]
struct Link<C> {
    ends: Ends<C>,
    leaving: Transit,
    arriving: Transit,
    /// How the connection ended, for who reads on.
    end: Option<Result<(), io::ErrorKind>>,
    /// Why nothing can be written any more.
    broken: Option<io::ErrorKind>,
    reader: Wait,
    writer: Wait,
}

impl<S: Send + 'static, C> FaultyStream<S, C> {
    /// A connection that lets everything pass.
    pub(super) fn plain(wire: S) -> Self {
        FaultyStream {
            wire: Some(wire),
            link: None,
        }
    }

    /// A connection that this node dialled.
    pub(super) fn between(wire: S, ends: Ends<C>) -> Self {
        FaultyStream {
            wire: Some(wire),
            link: Some(Box::new(Link {
                ends,
                leaving: Transit::default(),
                arriving: Transit::default(),
                end: None,
                broken: None,
                reader: Wait::default(),
                writer: Wait::default(),
            })),
        }
    }
}

impl<C: Chance> Link<C> {
    /// Whether what is read and written need not be looked at.
    fn is_calm(&self) -> bool {
        self.ends.book.is_calm()
            && self.leaving.is_untouched()
            && self.arriving.is_untouched()
            && self.end.is_none()
    }

    /// The rules there and back, unless one of them breaks the connection off.
    fn rules(&self) -> io::Result<(LinkRule, LinkRule)> {
        let Ends { me, peer, .. } = self.ends;
        let (there, back) = self
            .ends
            .book
            .look(|rules| (rules.link(me, peer), rules.link(peer, me)));
        if [there.passage, back.passage].contains(&Passage::Refused) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok((there, back))
    }

    /// Writes what has passed the link. The moment at which more will have.
    fn deliver<S: AsyncWrite + Unpin>(
        &mut self,
        wire: &mut S,
        (there, back): (LinkRule, LinkRule),
        context: &mut Context<'_>,
    ) -> Option<Instant> {
        match there.passage {
            Passage::Open => {}
            Passage::Swallowed if !self.leaving.is_empty() => self.leaving.swallow(),
            Passage::Swallowed | Passage::Held | Passage::Refused => return None,
        }
        while let Some((due, bytes)) = self.leaving.first() {
            if due > Instant::now() && there != LinkRule::default() {
                return Some(due);
            }
            match Pin::new(&mut *wire).poll_write(context, bytes) {
                Poll::Pending => return None,
                Poll::Ready(Ok(count)) => self.leaving.take(count),
                Poll::Ready(Err(error)) => {
                    self.leaving.swallow();
                    // Else the peer's reset has not come through: the bytes are lost without a word.
                    if back.passage.is_open() {
                        self.broken = Some(error.kind());
                    }
                }
            }
        }
        None
    }

    /// Takes over what has come to this node, to be read when it has passed the link.
    fn take_arrivals<S: AsyncRead + Unpin>(
        &mut self,
        wire: &mut S,
        back: LinkRule,
        context: &mut Context<'_>,
    ) {
        // What is held is left to the sender's system, which holds the sender back in the end.
        while back.passage != Passage::Held
            && self.end.is_none()
            && self.arriving.bytes() < TRANSIT_BYTES
        {
            let mut space = vec![0; READ_BYTES];
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut *wire).poll_read(context, &mut buffer) {
                Poll::Pending => return,
                Poll::Ready(Err(error)) => self.end = Some(Err(error.kind())),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.end = Some(Ok(())),
                Poll::Ready(Ok(())) => {
                    let count = buffer.filled().len();
                    space.truncate(count);
                    self.arriving.add(space, &back, &self.ends.chance);
                }
            }
            if back.passage == Passage::Swallowed {
                self.arriving.swallow();
            }
        }
    }

    fn poll_read<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        wire: &mut S,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reader.arm(&self.ends.book);
        let rules = self.rules()?;
        let (_, back) = rules;
        let delivery = self.deliver(wire, rules, context);
        self.take_arrivals(wire, back, context);
        let mut arrival = None;
        if back.passage.is_open() && !self.arriving.is_dumb() {
            match (self.arriving.first(), self.end) {
                (Some((due, _)), _) if due > Instant::now() && back != LinkRule::default() => {
                    arrival = Some(due);
                }
                (Some((_, bytes)), _) => {
                    let count = bytes.len().min(buffer.remaining());
                    buffer.put_slice(&bytes[..count]);
                    self.arriving.take(count);
                    return Poll::Ready(Ok(()));
                }
                (None, Some(end)) => return Poll::Ready(end.map_err(io::Error::from)),
                (None, None) => {}
            }
        }
        let next = [delivery, arrival].into_iter().flatten().min();
        self.reader.register(next, context);
        Poll::Pending
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        wire: &mut S,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writer.arm(&self.ends.book);
        let rules = self.rules()?;
        let (there, _) = rules;
        let delivery = self.deliver(wire, rules, context);
        if let Some(kind) = self.broken {
            return Poll::Ready(Err(kind.into()));
        }
        if self.leaving.bytes() >= TRANSIT_BYTES {
            self.writer.register(delivery, context);
            return Poll::Pending;
        }
        let count = bytes.len().min(WRITE_BYTES);
        self.leaving
            .add(bytes[..count].to_vec(), &there, &self.ends.chance);
        if there.passage == Passage::Swallowed {
            self.leaving.swallow();
        }
        let delivery = self.deliver(wire, rules, context);
        self.writer.register(delivery, context);
        Poll::Ready(Ok(count))
    }

    fn poll_shutdown<S: AsyncWrite + Unpin>(
        &mut self,
        wire: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.writer.arm(&self.ends.book);
        let rules = self.rules()?;
        let delivery = self.deliver(wire, rules, context);
        if self.leaving.is_empty() && rules.0.passage.is_open() {
            return Pin::new(wire).poll_shutdown(context);
        }
        self.writer.register(delivery, context);
        Poll::Pending
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl<S, C> AsyncRead for FaultyStream<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    C: Chance,
{
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wire = this.wire.as_mut().ok_or_else(gone)?;
        match &mut this.link {
            Some(link) if !link.is_calm() => link.poll_read(wire, context, buffer),
            _ => Pin::new(wire).poll_read(context, buffer),
        }
    }
}

impl<S, C> AsyncWrite for FaultyStream<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    C: Chance,
{
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wire = this.wire.as_mut().ok_or_else(gone)?;
        match &mut this.link {
            Some(link) if !link.is_calm() => link.poll_write(wire, context, bytes),
            _ => Pin::new(wire).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is on its way counts as flushed, like what lies in a socket's buffer.
        let wire = self.get_mut().wire.as_mut().ok_or_else(gone)?;
        Pin::new(wire).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wire = this.wire.as_mut().ok_or_else(gone)?;
        match &mut this.link {
            Some(link) if !link.is_calm() => link.poll_shutdown(wire, context),
            _ => Pin::new(wire).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(wire) = &mut this.wire
            && this.link.as_ref().is_none_or(|link| link.is_calm())
        {
            return Pin::new(wire).poll_write_vectored(context, buffers);
        }
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        let bytes = first.map_or(&[][..], |buffer| buffer);
        Pin::new(this).poll_write(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire
            .as_ref()
            .is_some_and(AsyncWrite::is_write_vectored)
    }
}

impl<S: Send + 'static, C> Drop for FaultyStream<S, C> {
    /// The peer does not hear the end of a connection over a link that lets nothing pass.
    fn drop(&mut self) {
        let (Some(wire), Some(link)) = (self.wire.take(), self.link.take()) else {
            return;
        };
        let Ends { book, me, peer, .. } = link.ends;
        let blocks = move |passage| matches!(passage, Passage::Held | Passage::Swallowed);
        if !book.look(|rules| blocks(rules.link(me, peer).passage)) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                book.wait_until(|rules| !blocks(rules.link(me, peer).passage))
                    .await;
                drop(wire);
            });
        }
    }
}
