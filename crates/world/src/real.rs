//! The real world: the system's clock, files, TCP and random numbers.

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io;
#[cfg(target_os = "linux")]
use std::io::IoSliceMut;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::{TcpListener, TcpStream};

use crate::{Chance, Clock, Disk, DiskFile, Listener, Network, OpenMode, Urgency, World};

/// The machine that this process runs on.
#[derive(Clone, Debug)]
pub struct RealWorld {
    clock: SystemClock,
    disk: FileSystem,
    network: Tcp,
    chance: OsChance,
}

impl RealWorld {
    /// The machine that this process runs on.
    pub fn new() -> Self {
        RealWorld {
            clock: SystemClock {
                started: Instant::now(),
            },
            disk: FileSystem,
            network: Tcp,
            chance: OsChance,
        }
    }
}

impl Default for RealWorld {
    fn default() -> Self {
        Self::new()
    }
}

impl World for RealWorld {
    type Clock = SystemClock;
    type Disk = FileSystem;
    type Network = Tcp;
    type Chance = OsChance;

    fn clock(&self) -> &SystemClock {
        &self.clock
    }
    fn disk(&self) -> &FileSystem {
        &self.disk
    }
    fn network(&self) -> &Tcp {
        &self.network
    }
    fn chance(&self) -> &OsChance {
        &self.chance
    }
}

/// The system's clock.
#[derive(Clone, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Clock for SystemClock {
    fn now_millis(&self) -> u64 {
        // A clock before 1970 reads as 1970: the state machine clamps stamps to be monotonic.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The system's random numbers.
#[derive(Clone, Debug)]
pub struct OsChance;

impl Chance for OsChance {
    fn next_u64(&self) -> u64 {
        rand::random()
    }
}

/// The file system.
#[derive(Clone, Debug)]
pub struct FileSystem;

impl Disk for FileSystem {
    type File = OpenFile;

    async fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<OpenFile> {
        let mut options = OpenOptions::new();
        options.read(true);
        match mode {
            OpenMode::Read => {}
            OpenMode::ReadWrite => {
                options.write(true);
            }
            OpenMode::CreateNew => {
                options.write(true).create_new(true);
            }
        }
        Ok(OpenFile(options.open(path)?))
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    async fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let space = rustix::fs::statvfs(path)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn spawn(
        &self,
        name: &str,
        urgency: Urgency,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                match urgency {
                    Urgency::Foreground => {}
                    Urgency::Background => give_way(),
                }
                runtime.block_on(task);
            })?;
        Ok(())
    }
}

/// Lets other threads go first from here on. Only Linux takes a niceness for one thread.
fn give_way() {
    const NICENESS: i32 = 10;
    if cfg!(target_os = "linux") {
        // A system that refuses it runs the thread like all others.
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
}

/// A file of the file system.
#[derive(Debug)]
pub struct OpenFile(File);

impl DiskFile for OpenFile {
    async fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    #[cfg(target_os = "linux")]
    fn read_cached(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        let into = &mut [IoSliceMut::new(&mut bytes)];
        let flags = rustix::io::ReadWriteFlags::NOWAIT;
        // Whoever is refused reads it, and waits.
        let read = rustix::io::preadv2(&self.0, into, offset, flags).ok()?;
        (read == length).then_some(bytes)
    }

    #[cfg(not(target_os = "linux"))]
    fn read_cached(&self, _offset: u64, _length: usize) -> Option<Vec<u8>> {
        None
    }

    async fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    #[cfg(target_os = "linux")]
    async fn allocate(&self, length: u64) -> io::Result<()> {
        let flags = rustix::fs::FallocateFlags::empty();
        Ok(rustix::fs::fallocate(&self.0, flags, 0, length)?)
    }

    #[cfg(not(target_os = "linux"))]
    async fn allocate(&self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    #[cfg(target_os = "linux")]
    fn uncache(&self, bytes: Range<u64>) {
        let length = NonZeroU64::new(bytes.end.saturating_sub(bytes.start));
        // Without a length it would be all of the file.
        if length.is_some() {
            let advice = rustix::fs::Advice::DontNeed;
            // Where the file system has no ear for it, all is as it was.
            let _ = rustix::fs::fadvise(&self.0, bytes.start, length, advice);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn uncache(&self, _bytes: Range<u64>) {}
}

/// TCP without Nagle's delay.
#[derive(Clone, Debug)]
pub struct Tcp;

impl Network for Tcp {
    type Stream = TcpStream;
    type Listener = TcpListener;

    async fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind(address).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }
}
