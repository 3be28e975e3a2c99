//! The HTTP server under the API: takes connections, bounds them, and lets them finish when the
//! node stops.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

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

/// Connections of clients at one time; more of them wait to be accepted.
const MAX_CONNECTIONS: usize = 20_000;
/// A client that takes longer to say what it wants is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
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
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADERS_BYTES.max(1 << 20))
        .pipeline_flush(true);
    let graceful = GracefulShutdown::new();
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
                let service = service_fn(move |request| {
                    let answer = answer(caller, request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let connection = server.serve_connection(TokioIo::new(stream), service);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    let _permit = permit;
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a client's connection ended");
                    }
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
