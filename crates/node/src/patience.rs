//! How long a client's connection may be silent.
//!
//! hyper knows one time limit for a header, and counts it from the answer before. With it, the
//! connections that SDKs keep for their next call would have to end as early as those of somebody
//! who sends a header byte by byte.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A header comes whole within so long of its first byte, the first one of the connection itself.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// From an answer to the next request. Pools of SDKs let go of what they did not use for about as
/// long; and what a client holds open without a word takes one of the connections that there are.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The stream of a client; reading fails when it was silent for too long.
pub(crate) struct Patient<S> {
    stream: S,
    requests: Arc<Requests>,
    /// Whose answers are known to be over.
    answered: u64,
    /// Whether a header has begun.
    in_header: bool,
    /// When silence is over.
    until: Instant,
    timer: Pin<Box<Sleep>>,
}

/// How many requests came through a connection.
#[derive(Default)]
pub(crate) struct Requests {
    begun: AtomicU64,
    answered: AtomicU64,
}

/// A request whose answer is not over.
pub(crate) struct Answering(Arc<Requests>);

impl<S> Patient<S> {
    pub(crate) fn new(stream: S) -> Patient<S> {
        Patient {
            stream,
            requests: Arc::default(),
            answered: 0,
            in_header: true,
            until: Instant::now() + HEADER_TIMEOUT,
            timer: Box::pin(sleep(HEADER_TIMEOUT)),
        }
    }

    pub(crate) fn requests(&self) -> Arc<Requests> {
        self.requests.clone()
    }

    /// Notes what was read, or that nothing was; an error if that is so for too long.
    fn note(&mut self, has_read: bool, context: &mut Context<'_>) -> io::Result<()> {
        let begun = self.requests.begun.load(Relaxed);
        if self.requests.answered.load(Relaxed) < begun {
            // It is not the client who is waited for; or for a body, which has a limit of its own.
            // Put off, so that thousands of receivers are not woken for nothing while they wait.
            self.timer.as_mut().reset(Instant::now() + IDLE_TIMEOUT);
            return Ok(());
        }
        if self.answered < begun {
            self.answered = begun;
            self.in_header = false;
            self.until = Instant::now() + IDLE_TIMEOUT;
        }
        if has_read {
            if !self.in_header {
                self.in_header = true;
                self.until = Instant::now() + HEADER_TIMEOUT;
            }
            return Ok(());
        }
        if self.timer.deadline() != self.until {
            self.timer.as_mut().reset(self.until);
        }
        match self.timer.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl Requests {
    /// A header is there whole.
    pub(crate) fn begin(self: &Arc<Self>) -> Answering {
        self.begun.fetch_add(1, Relaxed);
        Answering(self.clone())
    }
}

impl Answering {
    /// The body of the answer: with its end the answer is over.
    pub(crate) fn with<B: Body>(self, body: B) -> impl Body<Data = B::Data, Error = B::Error> {
        body.map_err(move |error| {
            let _kept_with_the_body = &self;
            error
        })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let read = Pin::new(&mut me.stream).poll_read(context, buffer)?;
        me.note(read.is_ready(), context)?;
        read.map(Ok)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use tokio::time::advance;

    use super::*;

    /// Counts how often a task would be woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_answer_takes_long_is_not_woken_for_its_timer() {
        let woken = Arc::new(Wakes::default());
        let waker = Arc::clone(&woken).into();
        let mut context = Context::from_waker(&waker);
        let (_client, stream) = tokio::io::duplex(64);
        let mut patient = Patient::new(stream);
        let mut read = |patient: &mut Patient<_>| {
            let mut buffer = [0; 64];
            Pin::new(patient).poll_read(&mut context, &mut ReadBuf::new(&mut buffer))
        };
        assert!(read(&mut patient).is_pending());
        let answering = patient.requests().begin();
        assert!(read(&mut patient).is_pending());
        advance(HEADER_TIMEOUT * 2).await;
        tokio::task::yield_now().await;
        assert_eq!(woken.0.load(Relaxed), 0);

        drop(answering);
        assert!(read(&mut patient).is_pending());
        advance(IDLE_TIMEOUT * 2).await;
        tokio::task::yield_now().await;
        assert_eq!(woken.0.load(Relaxed), 1);
        assert!(
            matches!(read(&mut patient), Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::TimedOut)
        );
    }
}
