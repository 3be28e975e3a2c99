//! Group commit: one record is under way at a time; whatever comes meanwhile makes the next one.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::journal::Journal;

/// Requests that wait; more of them wait to wait.
const WAITING: usize = 8192;
/// What a record holds at most.
const GROUP: usize = 4096;
const LENGTH_BYTES: usize = 4;

/// Where requests wait until they are on disk in a majority.
#[derive(Clone)]
pub(crate) struct Commits {
    waiting: mpsc::Sender<Waiting>,
}

struct Waiting {
    bytes: Vec<u8>,
    done: oneshot::Sender<()>,
}

/// A record, and whom to tell that a copy of it is on disk.
type Copy = (Arc<[u8]>, mpsc::Sender<()>);

impl Commits {
    /// With a copy in this journal, and one at each peer.
    pub(crate) fn start(journal: Journal, peers: Vec<TcpStream>) -> Commits {
        let mut nodes = vec![here(journal)];
        nodes.extend(peers.into_iter().map(at_peer));
        let (waiting, inbox) = mpsc::channel(WAITING);
        tokio::spawn(commit_groups(inbox, nodes));
        Commits { waiting }
    }

    /// Resolves when these bytes are on disk in a majority; `None` if that will never be.
    pub(crate) async fn commit(&self, bytes: Vec<u8>) -> Option<()> {
        let (done, committed) = oneshot::channel();
        self.waiting.send(Waiting { bytes, done }).await.ok()?;
        committed.await.ok()
    }
}

async fn commit_groups(mut inbox: mpsc::Receiver<Waiting>, nodes: Vec<mpsc::Sender<Copy>>) {
    let majority = nodes.len() / 2 + 1;
    let mut group = Vec::with_capacity(GROUP);
    while inbox.recv_many(&mut group, GROUP).await > 0 {
        let record = framed(&group);
        let (stored, mut on_disk) = mpsc::channel(nodes.len());
        for node in &nodes {
            if node.send((record.clone(), stored.clone())).await.is_err() {
                return;
            }
        }
        for _ in 0..majority {
            if on_disk.recv().await.is_none() {
                return;
            }
        }
        for waiting in group.drain(..) {
            // A client that is gone is told nothing.
            let _ = waiting.done.send(());
        }
    }
}

/// A group as it goes to peers: its length, then its bytes.
fn framed(group: &[Waiting]) -> Arc<[u8]> {
    let length: usize = group.iter().map(|waiting| waiting.bytes.len()).sum();
    let mut record = Vec::with_capacity(LENGTH_BYTES + length);
    // A group is far shorter than 4 GiB.
    record.extend(u32::try_from(length).unwrap_or_default().to_be_bytes());
    for waiting in group {
        record.extend(&waiting.bytes);
    }
    record.into()
}

/// Copies records into the journal of this node, on a thread of its own.
fn here(mut journal: Journal) -> mpsc::Sender<Copy> {
    let (copies, mut inbox) = mpsc::channel::<Copy>(GROUP);
    std::thread::spawn(move || {
        while let Some((record, stored)) = inbox.blocking_recv() {
            journal.append(&record[LENGTH_BYTES..])?;
            let _ = stored.try_send(());
        }
        io::Result::Ok(())
    });
    copies
}

/// Copies records to a peer.
fn at_peer(mut peer: TcpStream) -> mpsc::Sender<Copy> {
    let (copies, mut inbox) = mpsc::channel::<Copy>(GROUP);
    tokio::spawn(async move {
        while let Some((record, stored)) = inbox.recv().await {
            peer.write_all(&record).await?;
            peer.read_u8().await?;
            let _ = stored.try_send(());
        }
        io::Result::Ok(())
    });
    copies
}
