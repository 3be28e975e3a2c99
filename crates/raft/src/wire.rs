//! What nodes say to each other, as frames on a connection.
//!
//! A connection opens with a [`Hello`]. After it, both sides send frames. Most exchanges are a call:
//! one frame asks a [`Service`], one frame answers. In longer ones a caller opens the exchange, both
//! sides send messages in it, and each ends its side. Votes and heartbeats have a connection of their
//! own (a [`Lane`]), so that a large append or a snapshot never delays them.

use std::io;
use std::slice;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};
use zonemq_wal::GroupId;

use crate::outgoing::{self, Outgoing};
use crate::types::NodeId;

/// The largest frame that is accepted.
pub(crate) const MAX_FRAME_BYTES: usize = 32 << 20;

/// Changes when nodes of the old and the new kind can't talk to each other.
const PROTOCOL_VERSION: u32 = 4;

/// One of the connections that a node holds to each peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Votes, heartbeats, transfer of leadership: small and urgent.
    Control,
    /// Log entries.
    Log,
    /// Snapshots: large and in no hurry.
    Snapshot,
    /// Client requests on their way to the leader.
    Request,
}

impl Lane {
    pub(crate) const ALL: [Lane; 4] = [Lane::Control, Lane::Log, Lane::Snapshot, Lane::Request];
}

/// What an exchange is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    PreVote,
    Vote,
    TransferLeader,
    Heartbeat,
    Append,
    Snapshot,
    Forward,
    /// Contents of messages that are damaged at the caller.
    Contents,
    /// The latest snapshot, for a node whose own one is damaged.
    FetchSnapshot,
    /// What the caller said was durable.
    Acknowledged,
    /// The hash of the state after an entry.
    StateHash,
    /// What the node shows of itself to those who watch.
    Look,
}

impl Service {
    pub(crate) fn lane(self) -> Lane {
        match self {
            Service::PreVote
            | Service::Vote
            | Service::TransferLeader
            | Service::Heartbeat
            | Service::Acknowledged
            | Service::StateHash => Lane::Control,
            Service::Append => Lane::Log,
            Service::Snapshot | Service::Contents | Service::FetchSnapshot => Lane::Snapshot,
            Service::Forward | Service::Look => Lane::Request,
        }
    }

    fn to_byte(self) -> u8 {
        match self {
            Service::PreVote => 1,
            Service::Vote => 2,
            Service::TransferLeader => 3,
            Service::Heartbeat => 4,
            Service::Append => 5,
            Service::Snapshot => 6,
            Service::Forward => 7,
            Service::Contents => 8,
            Service::FetchSnapshot => 9,
            Service::Acknowledged => 10,
            Service::StateHash => 11,
            Service::Look => 12,
        }
    }

    fn from_byte(byte: u8) -> Option<Service> {
        [
            Service::PreVote,
            Service::Vote,
            Service::TransferLeader,
            Service::Heartbeat,
            Service::Append,
            Service::Snapshot,
            Service::Forward,
            Service::Contents,
            Service::FetchSnapshot,
            Service::Acknowledged,
            Service::StateHash,
            Service::Look,
        ]
        .into_iter()
        .find(|service| service.to_byte() == byte)
    }
}

/// The first frame of a connection: both ends make sure that they are who the other one means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    version: u32,
    cluster: String,
    pub(crate) from: NodeId,
    to: NodeId,
}

impl Hello {
    pub(crate) fn new(cluster: &str, from: NodeId, to: NodeId) -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            cluster: cluster.to_owned(),
            from,
            to,
        }
    }

    /// Why a node that is `me` in `cluster` must not talk to the sender of this hello, if so.
    pub(crate) fn refusal(&self, cluster: &str, me: NodeId) -> Option<String> {
        if self.version != PROTOCOL_VERSION {
            Some(format!(
                "node {} speaks protocol {}, this node speaks {PROTOCOL_VERSION}: run the same release of zonemq on all nodes",
                self.from, self.version
            ))
        } else if self.cluster != cluster {
            Some(format!(
                "node {} belongs to cluster {}, this node to cluster {cluster}",
                self.from, self.cluster
            ))
        } else if self.to != me {
            Some(format!(
                "node {} meant to reach node {}, this is node {me}",
                self.from, self.to
            ))
        } else {
            None
        }
    }
}

/// A frame. `exchange` is chosen by the side that opened the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) exchange: u64,
    pub(crate) content: Content,
}

/// What a frame says about its exchange, or about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The first frame of a connection: an encoded [`Hello`].
    Hello(Bytes),
    /// A call: begins an exchange, is the one message of its caller, and ends the caller's side.
    Ask(Service, GroupId, Bytes),
    /// The one message that answers a call, and the end of the exchange.
    Answer(Bytes),
    /// Begins an exchange of any number of messages.
    Open(Service, GroupId),
    /// A message in it.
    Message(Bytes),
    /// A message that lies in several places, and is put together as it is written: a
    /// [`Content::Message`] to whoever reads it.
    Parts(Vec<Bytes>),
    /// The sender has nothing more to say in it.
    End,
    /// The sender broke it off; the text says why.
    Reset(Bytes),
    /// Are you there?
    Ping,
    /// Yes.
    Pong,
}

impl Content {
    /// Whether many like it may come at the same moment, each from a caller of its own.
    pub(crate) fn comes_in_crowds(&self) -> bool {
        matches!(self, Content::Ask(..) | Content::Answer(_))
    }
}

impl Frame {
    /// Appends the frame to what is about to be written.
    pub(crate) fn write_to(&self, out: &mut Outgoing) {
        let (kind, asked, body): (u8, _, &[Bytes]) = match &self.content {
            Content::Hello(hello) => (1, None, slice::from_ref(hello)),
            Content::Open(service, group) => (2, Some((service, group)), &[]),
            Content::Message(message) => (3, None, slice::from_ref(message)),
            Content::Parts(parts) => (3, None, parts),
            Content::End => (4, None, &[]),
            Content::Reset(reason) => (5, None, slice::from_ref(reason)),
            Content::Ping => (6, None, &[]),
            Content::Pong => (7, None, &[]),
            Content::Ask(service, group, message) => {
                (8, Some((service, group)), slice::from_ref(message))
            }
            Content::Answer(message) => (9, None, slice::from_ref(message)),
        };
        let body_bytes = body.iter().map(Bytes::len).sum::<usize>();
        let length = 1 + 8 + asked.map_or(0, |_| ASKED_BYTES) + body_bytes;
        assert!(length <= MAX_FRAME_BYTES, "a frame of {length} bytes");
        let shared = body.iter().filter(|part| outgoing::is_large(part));
        out.reserve(4 + length - shared.map(Bytes::len).sum::<usize>());
        // The assertion above bounds it.
        out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        out.put_u8(kind);
        out.put_u64(self.exchange);
        if let Some((service, group)) = asked {
            out.put_u8(service.to_byte());
            out.put_u32(group.0);
        }
        for part in body {
            out.put(part);
        }
    }

    /// Reads the next frame. Not cancel-safe: a dropped read loses its place in the stream.
    pub(crate) async fn read_from(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
        let length = stream.read_u32().await? as usize;
        if !(9..=MAX_FRAME_BYTES).contains(&length) {
            return Err(malformed("length"));
        }
        let kind = stream.read_u8().await?;
        let exchange = stream.read_u64().await?;
        let body = read_body(stream, length - 9).await?;
        let content = match kind {
            1 => Content::Hello(body),
            2 => {
                let (service, group) = asked(&body)?;
                Content::Open(service, group)
            }
            3 => Content::Message(body),
            4 => Content::End,
            5 => Content::Reset(body),
            6 => Content::Ping,
            7 => Content::Pong,
            8 => {
                let (service, group) = asked(&body)?;
                Content::Ask(service, group, body.slice(ASKED_BYTES..))
            }
            9 => Content::Answer(body),
            _ => return Err(malformed("kind")),
        };
        Ok(Frame { exchange, content })
    }
}

/// What a service and its group take in a frame.
const ASKED_BYTES: usize = 1 + 4;

/// Which service of which group a frame asks for.
fn asked(body: &[u8]) -> io::Result<(Service, GroupId)> {
    let asked = body.first_chunk::<ASKED_BYTES>();
    asked
        .and_then(|&[service, a, b, c, d]| {
            let group = GroupId(u32::from_be_bytes([a, b, c, d]));
            Some((Service::from_byte(service)?, group))
        })
        .ok_or_else(|| malformed("service"))
}

/// So many bytes, into memory that was not cleared first.
async fn read_body(stream: &mut (impl AsyncRead + Unpin), length: usize) -> io::Result<Bytes> {
    let mut body = BytesMut::with_capacity(length);
    while body.len() < length {
        let rest = length - body.len();
        if stream.read_buf(&mut (&mut body).limit(rest)).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(body.freeze())
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a frame with an impossible {what}"),
    )
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    fn written(frame: &Frame) -> Bytes {
        let mut outgoing = Outgoing::default();
        frame.write_to(&mut outgoing);
        outgoing.copy_to_bytes(outgoing.remaining())
    }

    async fn round_trip(content: Content) -> Frame {
        let frame = Frame {
            exchange: 7,
            content,
        };
        let bytes = written(&frame);
        let read = Frame::read_from(&mut bytes.as_ref()).await.unwrap();
        assert_eq!(read, frame);
        read
    }

    #[tokio::test]
    async fn every_kind_of_frame_is_read_as_it_was_written() {
        round_trip(Content::Hello(Bytes::from_static(b"hello"))).await;
        for byte in 1..=12 {
            let service = Service::from_byte(byte).unwrap();
            round_trip(Content::Open(service, GroupId(3))).await;
            let question = Bytes::from_static(b"question");
            round_trip(Content::Ask(service, GroupId(3), question)).await;
            round_trip(Content::Ask(service, GroupId(3), Bytes::new())).await;
        }
        round_trip(Content::Answer(Bytes::from_static(b"answer"))).await;
        round_trip(Content::Message(Bytes::from_static(b"message"))).await;
        round_trip(Content::Message(Bytes::new())).await;
        round_trip(Content::End).await;
        round_trip(Content::Reset(Bytes::from_static(b"reason"))).await;
        round_trip(Content::Ping).await;
        round_trip(Content::Pong).await;
    }

    #[tokio::test]
    async fn a_message_in_parts_is_read_as_one() {
        let parts = [&b"mess"[..], b"", b"age"].map(Bytes::from_static);
        let bytes = written(&Frame {
            exchange: 7,
            content: Content::Parts(parts.to_vec()),
        });
        let read = Frame::read_from(&mut bytes.as_ref()).await.unwrap();
        let message = Content::Message(Bytes::from_static(b"message"));
        assert_eq!(read.content, message);
    }

    #[tokio::test]
    async fn a_frame_that_ends_early_is_an_error() {
        let bytes = written(&Frame {
            exchange: 7,
            content: Content::Message(Bytes::from_static(b"message")),
        });
        let mut short = &bytes[..bytes.len() - 1];
        let error = Frame::read_from(&mut short).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn the_bytes_of_a_frame_stay_as_they_are() {
        let bytes = written(&Frame {
            exchange: 0x0102,
            content: Content::Open(Service::Append, GroupId(1)),
        });
        assert_eq!(
            bytes.as_ref(),
            [0, 0, 0, 14, 2, 0, 0, 0, 0, 0, 0, 1, 2, 5, 0, 0, 0, 1]
        );
        let bytes = written(&Frame {
            exchange: 0x0102,
            content: Content::Ask(Service::Forward, GroupId(1), Bytes::from_static(b"?!")),
        });
        assert_eq!(
            bytes.as_ref(),
            [
                0, 0, 0, 16, 8, 0, 0, 0, 0, 0, 0, 1, 2, 7, 0, 0, 0, 1, b'?', b'!'
            ]
        );
    }

    #[tokio::test]
    async fn a_call_that_names_no_service_is_an_error() {
        for body in [
            &[8, 0, 0, 0, 0, 0, 0, 1, 2, 7, 0, 0, 0][..],
            &[8, 0, 0, 0, 0, 0, 0, 1, 2, 99, 0, 0, 0, 1],
        ] {
            let mut bytes = BytesMut::new();
            bytes.put_u32(u32::try_from(body.len()).unwrap());
            bytes.put_slice(body);
            let error = Frame::read_from(&mut bytes.as_ref()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[tokio::test]
    async fn a_frame_longer_than_the_limit_is_refused_before_it_is_read() {
        let mut bytes: &[u8] = &[0xff; 16];
        let error = Frame::read_from(&mut bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_hello_from_another_cluster_or_for_another_node_is_refused() {
        let hello = Hello::new("blue", 1, 2);
        assert_eq!(hello.refusal("blue", 2), None);
        assert!(hello.refusal("green", 2).unwrap().contains("green"));
        assert!(hello.refusal("blue", 3).unwrap().contains("node 3"));
    }
}
