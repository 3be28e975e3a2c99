//! The other side of the links: takes connections of peers and serves what they ask.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use zonemq_world::{Listener, Network, World};

use crate::codec;
use crate::exchanges::{Exchanges, Forwarded, Served};
use crate::group::Group;
use crate::outgoing::Outgoing;
use crate::types::NodeId;
use crate::wire::{Content, Frame, Hello};

const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Peers ping while they wait for something. A connection that is silent for so long is of no use
/// to anybody, and may be one whose other end is long gone.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
const WAITING_FRAMES: usize = 1024;
const WRITE_BYTES: usize = 256 << 10;
const MAX_CONNECTIONS: usize = 1024;

/// Serves the peers of this node. Stops when dropped.
#[derive(Debug)]
pub struct PeerServer {
    _tasks: JoinSet<()>,
}

/// What every connection needs to know.
struct Server {
    cluster: String,
    me: NodeId,
    served: Arc<Served>,
}

impl PeerServer {
    /// Serves `groups` on `listener`; what is forwarded goes to `forwarded`, looks to `looks`.
    pub fn start<W: World>(
        listener: <W::Network as Network>::Listener,
        cluster: &str,
        me: NodeId,
        groups: &[&Group],
        forwarded: mpsc::Sender<Forwarded>,
        looks: mpsc::Sender<Forwarded>,
    ) -> PeerServer {
        let groups = groups.iter().map(|group| (group.id(), group.served()));
        let server = Arc::new(Server {
            cluster: cluster.to_owned(),
            me,
            served: Arc::new(Served {
                groups: groups.collect(),
                forwarded,
                looks,
            }),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server));
        PeerServer { _tasks: tasks }
    }
}

async fn accept<L>(listener: L, server: Arc<Server>)
where
    L: Listener,
    L::Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, address)) => {
                    let server = server.clone();
                    connections.spawn(async move {
                        if let Err(error) = serve_connection(stream, &server).await {
                            tracing::debug!(%address, %error, "a connection of a peer ended");
                        }
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: the next accept would fail at once.
                    tracing::warn!(%error, "cannot accept a connection of a peer");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection<S>(stream: S, server: &Server) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut reader = BufReader::with_capacity(WRITE_BYTES, reader);
    let first = timeout(HELLO_TIMEOUT, Frame::read_from(&mut reader)).await??;
    let Content::Hello(hello) = first.content else {
        return Err(io::Error::other("the first frame is not a hello"));
    };
    let hello: Hello = codec::decode(&hello).map_err(io::Error::other)?;
    if let Some(reason) = hello.refusal(&server.cluster, server.me) {
        tracing::warn!(%reason, "refused a connection of a peer");
        return Err(io::Error::other(reason));
    }
    let (frames, waiting) = mpsc::channel(WAITING_FRAMES);
    tokio::select! {
        result = read(reader, hello.from, frames, server.served.clone()) => result,
        result = write(writer, waiting) => result,
    }
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    peer: NodeId,
    frames: mpsc::Sender<Frame>,
    served: Arc<Served>,
) -> io::Result<()> {
    let mut exchanges = Exchanges::new(served, peer, frames.clone());
    loop {
        let Frame { exchange, content } =
            timeout(SILENCE_LIMIT, Frame::read_from(&mut reader)).await??;
        match content {
            Content::Ask(service, group, message) => {
                exchanges.ask(exchange, service, group, message).await;
            }
            Content::Open(service, group) => exchanges.open(exchange, service, group),
            Content::Message(message) => exchanges.message(exchange, message).await,
            Content::End => exchanges.end(exchange),
            Content::Reset(_) => exchanges.reset(exchange),
            Content::Ping => {
                let pong = Frame {
                    exchange,
                    content: Content::Pong,
                };
                if frames.send(pong).await.is_err() {
                    return Ok(());
                }
            }
            Content::Hello(_) | Content::Parts(_) | Content::Answer(_) | Content::Pong => {
                return Err(io::Error::other("a frame out of turn"));
            }
        }
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut waiting: mpsc::Receiver<Frame>,
) -> io::Result<()> {
    let mut outgoing = Outgoing::default();
    while let Some(frame) = waiting.recv().await {
        frame.write_to(&mut outgoing);
        if frame.content.comes_in_crowds() {
            // Whoever is ready to answer does so first: one write is for all of them.
            yield_now().await;
        }
        while outgoing.remaining() < WRITE_BYTES {
            let Ok(frame) = waiting.try_recv() else { break };
            frame.write_to(&mut outgoing);
        }
        writer.write_all_buf(&mut outgoing).await?;
    }
    Ok(())
}
