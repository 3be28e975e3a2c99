//! What a node needs from outside: time, a disk, a network and chance.
//!
//! Everything below the `zonemq` binary reaches the outside through these traits and through
//! tokio's timers alone. The real world lies in [`real`]; the simulator brings its own, and so
//! runs the same node, byte for byte. [`faulty`] is a world around another one, which can be
//! broken on purpose.

pub mod faulty;
pub mod real;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

/// The four things together; a node is generic over this one parameter.
pub trait World: Clone + Send + Sync + 'static {
    /// Wall-clock time.
    type Clock: Clock;
    /// Durable files.
    type Disk: Disk;
    /// Connections between nodes and from clients.
    type Network: Network;
    /// Random numbers.
    type Chance: Chance;

    /// The wall clock of this node.
    fn clock(&self) -> &Self::Clock;
    /// The disk of this node.
    fn disk(&self) -> &Self::Disk;
    /// The network as this node sees it.
    fn network(&self) -> &Self::Network;
    /// This node's source of random numbers.
    fn chance(&self) -> &Self::Chance;
}

/// A wall clock. It may jump and skew; nothing but the leader's stamp may depend on it.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_millis(&self) -> u64;

    /// Time that passed since some fixed moment of this process; never goes back. For measuring.
    fn elapsed(&self) -> Duration;
}

/// A source of random numbers.
pub trait Chance: Clone + Send + Sync + 'static {
    /// 64 random bits.
    fn next_u64(&self) -> u64;

    /// 128 random bits.
    fn next_u128(&self) -> u128 {
        u128::from(self.next_u64()) << 64 | u128::from(self.next_u64())
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    ReadWrite,
    /// A file that must not exist yet, for reading and writing. Durable only after the
    /// directory was synced too.
    CreateNew,
}

/// Who waits for a task that does disk work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Clients.
    Foreground,
    /// Nobody: clients go first where there are not enough processors for all.
    Background,
}

/// Files on a disk that may fail.
///
/// The methods are asynchronous so that a simulated disk can be slow. The real ones block: call
/// them from a task started with [`Disk::spawn`], and from one that serves requests only where it has
/// nothing else to do and the disk has not been slow.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;

    /// Creates the directory and its parents where they are missing.
    fn create_dir_all(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// The names of the files in a directory, sorted.
    fn list(&self, path: &Path) -> impl Future<Output = io::Result<Vec<String>>> + Send;
    /// Opens a file.
    fn open(
        &self,
        path: &Path,
        mode: OpenMode,
    ) -> impl Future<Output = io::Result<Self::File>> + Send;
    /// Renames a file over whatever has the new name. Durable after [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// Removes a file. Durable after [`Disk::sync_dir`].
    fn remove(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// The bytes that can still be written on the disk that holds this directory.
    fn free_bytes(&self, path: &Path) -> impl Future<Output = io::Result<u64>> + Send;
    /// Makes creations, renames and removals in this directory durable.
    fn sync_dir(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;
    /// Runs a task that does disk work: on a thread of its own here, as an ordinary task in the
    /// simulator. `name` labels the thread.
    fn spawn(
        &self,
        name: &str,
        urgency: Urgency,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()>;
}

/// An open file, addressed by position.
#[expect(
    clippy::len_without_is_empty,
    reason = "nobody asks a file whether it is empty"
)]
pub trait DiskFile: Send + Sync + 'static {
    /// The length in bytes.
    fn len(&self) -> impl Future<Output = io::Result<u64>> + Send;
    /// Reads exactly `length` bytes from `offset`; `UnexpectedEof` where the file is shorter.
    fn read_at(
        &self,
        offset: u64,
        length: usize,
    ) -> impl Future<Output = io::Result<Vec<u8>>> + Send;
    /// The same, if the system has all of it in memory: it does not wait for the disk.
    fn read_cached(&self, offset: u64, length: usize) -> Option<Vec<u8>>;
    /// Writes all bytes at `offset`, growing the file where needed. Durable after
    /// [`DiskFile::sync_data`].
    fn write_at(&self, offset: u64, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;
    /// Gives the file this length, with blocks on the disk that read as zeros until they are
    /// written. `Unsupported` where the system cannot.
    fn allocate(&self, length: u64) -> impl Future<Output = io::Result<()>> + Send;
    /// fdatasync: everything written so far is durable once this returns. An error means that it
    /// may never be: the file must not be trusted or synced again.
    fn sync_data(&self) -> impl Future<Output = io::Result<()>> + Send;
    /// Says that nobody will read these bytes soon, so that the system need not keep what is durable
    /// of them in memory, in place of what is read. A hint: nothing fails or is lost by it.
    fn uncache(&self, bytes: Range<u64>);
}

/// A network of stream connections.
pub trait Network: Clone + Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// A bound listener.
    type Listener: Listener<Stream = Self::Stream>;

    /// Listens on an address; port 0 picks a free one.
    fn bind(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;
    /// Connects. The caller sets the deadline.
    fn connect(&self, address: SocketAddr)
    -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Accepts connections.
pub trait Listener: Send + Sync + 'static {
    /// A connection.
    type Stream;

    /// The address that was bound.
    fn local_addr(&self) -> io::Result<SocketAddr>;
    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}
