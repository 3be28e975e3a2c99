//! `/console/events`: the picture of the cluster as server-sent events, whenever it has changed.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use zonemq_world::World;

use super::gathering::{MOST_VIEWERS, Viewer};
use crate::admin::NodeState;

/// A viewer that takes nothing for so long is dropped. It never gets what it missed: only what is.
const PATIENCE: Duration = Duration::from_secs(3);

/// `GET /console/events`
pub(super) async fn events<W: World>(State(node): State<Arc<NodeState<W>>>) -> Response {
    let Some(viewer) = node.console.join() else {
        let sentence = format!("{MOST_VIEWERS} watch already, which is the most: close one\n");
        return (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    };
    let (pictures, taken) = mpsc::channel(1);
    tokio::spawn(show(viewer, pictures, node.router.stopping.clone()));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Body::new(Pictures(taken))).into_response()
}

/// Passes pictures on until the viewer goes, is too slow, or the node stops.
async fn show(mut viewer: Viewer, to: mpsc::Sender<Bytes>, mut stopping: watch::Receiver<bool>) {
    let shown = async {
        loop {
            let picture = viewer.pictures.borrow_and_update().clone();
            if !picture.is_empty()
                && !matches!(timeout(PATIENCE, to.send(picture)).await, Ok(Ok(())))
            {
                return;
            }
            if viewer.pictures.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = shown => {}
        () = to.closed() => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

/// The body of the answer: ends when nobody shows any more.
struct Pictures(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pictures {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.poll_recv(context);
        next.map(|picture| picture.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::gathering::Console;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_viewer_that_takes_nothing_is_dropped_and_one_that_takes_sees_the_latest() {
        let console = Console::default();
        let (_stop, stopping) = watch::channel(false);
        let begin = || {
            let (to, taken) = mpsc::channel(1);
            let viewer = console.join().unwrap();
            (tokio::spawn(show(viewer, to, stopping.clone())), taken)
        };
        let (slow, _not_taken) = begin();
        let (quick, mut taken) = begin();
        for number in 1..=3_u8 {
            console.show(Bytes::from(vec![number]));
            assert_eq!(taken.recv().await, Some(Bytes::from(vec![number])));
        }
        slow.await.expect("it ends by itself");
        assert!(!quick.is_finished());
        drop(taken);
        quick.await.expect("it ends when its viewer goes");
    }

    #[tokio::test]
    async fn nobody_watches_a_node_that_stops() {
        let console = Console::default();
        let (stop, stopping) = watch::channel(false);
        let (to, mut taken) = mpsc::channel(1);
        let showing = tokio::spawn(show(console.join().unwrap(), to, stopping));
        stop.send_replace(true);
        assert_eq!(taken.recv().await, None);
        showing.await.unwrap();
    }
}
