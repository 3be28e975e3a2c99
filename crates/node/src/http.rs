//! The HTTP server under the API: takes connections, bounds them, and lets them finish when the
//! node stops.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use zonemq_world::Listener;

use crate::patience::{HEADER_TIMEOUT, IDLE_TIMEOUT, Patient};
use crate::turns::Turns;

/// Connections of clients at one time; more of them wait to be accepted.
const MAX_CONNECTIONS: usize = 20_000;
const MAX_HEADERS_BYTES: usize = 64 << 10;
/// What runs when the node stops gets so long to finish.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

/// Serves connections until `stopping` turns true, then lets running requests finish. `answer` is
/// asked with the address of the caller.
pub(crate) async fn serve<L, A, F, B>(listener: L, answer: A, mut stopping: watch::Receiver<bool>)
where
    L: Listener,
    L::Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    A: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut server = http1::Builder::new();
    server
        // `Patient` knows a header that is late from a connection that rests, and is asked again
        // after an answer only because there is a limit here as well.
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT + HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADERS_BYTES.max(1 << 20))
        .pipeline_flush(true);
    let graceful = GracefulShutdown::new();
    // Of its own: an end must not wait for a turn that the connection's own last request has been
    // given, which nobody goes on with any more.
    let turns = Turns::default();
    let connections = std::sync::Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Never closed.
        let Ok(permit) = connections.clone().acquire_owned().await else {
            break;
        };
        let accepted: io::Result<_> = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        match accepted {
            Ok((stream, caller)) => {
                let answer = answer.clone();
                let stream = Patient::new(stream);
                let requests = stream.requests();
                let service = service_fn(move |request| {
                    let answering = requests.begin();
                    // Mapped: an `async` block would be twice as large as the future it awaits,
                    // and thousands of receivers wait in here.
                    answer(caller, request)
                        .map(|answer| Ok::<_, Infallible>(answer.map(|body| answering.with(body))))
                });
                let connection = server.serve_connection(TokioIo::new(stream), service);
                // Boxed: it is there for longer than it is awaited, and the task is no larger for it.
                let mut connection = Box::pin(graceful.watch(connection));
                let turns = turns.clone();
                tokio::spawn(async move {
                    let _permit = permit;
                    if let Err(error) = (&mut connection).await {
                        tracing::debug!(%error, "a client's connection ended");
                    }
                    // Only then is it dropped, which is most of what an end costs.
                    turns.take().await;
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: the next accept would fail at once.
                tracing::warn!(%error, "cannot accept a client's connection");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if timeout(FINISH_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish before the node stopped");
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use bytes::Bytes;
    use hyper::body::{Frame, SizeHint};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::{Mutex, mpsc};
    use tokio::time::{Instant, Sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Takes connections that lie in memory: only there does time pass as the tests want it.
    struct InMemory(Mutex<mpsc::Receiver<DuplexStream>>);

    impl Listener for InMemory {
        type Stream = DuplexStream;

        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(SocketAddr::from(([127, 0, 0, 1], 1)))
        }

        async fn accept(&self) -> io::Result<(DuplexStream, SocketAddr)> {
            match self.0.lock().await.recv().await {
                Some(stream) => Ok((stream, self.local_addr()?)),
                None => std::future::pending().await,
            }
        }
    }

    /// The body `ok`, after a while.
    struct Late(Option<Pin<Box<Sleep>>>);

    impl Body for Late {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let Some(wait) = &mut self.0 else {
                return Poll::Ready(None);
            };
            ready!(wait.as_mut().poll(context));
            self.0 = None;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"ok")))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_none()
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(2)
        }
    }

    /// A client of a server whose answer takes so long to begin, and so long again to end.
    async fn client(takes: Duration) -> (DuplexStream, watch::Sender<bool>) {
        let (connect, connections) = mpsc::channel(1);
        let (stop, stopping) = watch::channel(false);
        let answer = move |_, _| async move {
            sleep(takes).await;
            Response::new(Late(Some(Box::pin(sleep(takes)))))
        };
        let listener = InMemory(Mutex::new(connections));
        tokio::spawn(serve(listener, answer, stopping));
        let (here, there) = duplex(1 << 16);
        connect.send(there).await.expect("the server takes it");
        (here, stop)
    }

    async fn say(client: &mut DuplexStream, words: &str) {
        client
            .write_all(words.as_bytes())
            .await
            .expect("it listens");
    }

    /// Reads one answer.
    async fn hear(client: &mut DuplexStream) {
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\nok") {
            let read = client.read_buf(&mut heard).await.expect("it answers");
            assert!(read > 0, "closed after {}", String::from_utf8_lossy(&heard));
        }
    }

    /// How long the server stands it that nothing more is said.
    async fn closed_after(client: &mut DuplexStream) -> Duration {
        let began = Instant::now();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("an end");
        assert_eq!(rest, b"");
        // The timer counts whole milliseconds.
        Duration::from_secs(began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_rests_for_a_minute_between_requests_and_no_longer() {
        let (mut client, _stop) = client(Duration::ZERO).await;
        for _ in 0..3 {
            say(&mut client, "GET / HTTP/1.1\r\n\r\n").await;
            hear(&mut client).await;
            sleep(IDLE_TIMEOUT * 9 / 10).await;
        }
        say(&mut client, "GET / HTTP/1.1\r\n\r\n").await;
        hear(&mut client).await;
        assert_eq!(closed_after(&mut client).await, IDLE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_comes_byte_by_byte_is_cut_off_ten_seconds_after_its_first_byte() {
        let (mut client, _stop) = client(Duration::ZERO).await;
        for rest in [Duration::ZERO, IDLE_TIMEOUT / 2] {
            // On a new connection as well as on one that has rested.
            sleep(rest).await;
            say(&mut client, "GET / HTTP/1.1\r\n").await;
            sleep(HEADER_TIMEOUT * 9 / 10).await;
            say(&mut client, "\r\n").await;
            hear(&mut client).await;
        }
        sleep(IDLE_TIMEOUT / 2).await;
        say(&mut client, "GET / HTTP/1.1\r\n").await;
        for _ in 1..HEADER_TIMEOUT.as_secs() {
            sleep(SECOND).await;
            say(&mut client, "X: y\r\n").await;
        }
        assert_eq!(closed_after(&mut client).await, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn who_connects_says_something_within_ten_seconds() {
        let (mut client, _stop) = client(Duration::ZERO).await;
        assert_eq!(closed_after(&mut client).await, HEADER_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_take_longer_than_a_client_may_be_silent() {
        let (mut client, _stop) = client(IDLE_TIMEOUT * 2).await;
        say(&mut client, "GET / HTTP/1.1\r\n\r\n").await;
        hear(&mut client).await;
        assert_eq!(closed_after(&mut client).await, IDLE_TIMEOUT);
    }
}
