//! A world whose disk can lose its power: what was not synced is then there, or not, sector by
//! sector, as chance will have it.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::task::Id;
use zonemq_world::real::{RealWorld, Tcp};
use zonemq_world::{Chance, Disk, DiskFile, OpenMode, Urgency, World};

use crate::fake_clock::FakeClock;

pub(crate) const SECTOR: usize = 512;

/// A small generator of numbers that look random, the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(Arc::new(Mutex::new(seed)))
    }
}

impl Chance for Dice {
    fn next_u64(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct FakeWorld {
    real: RealWorld,
    disk: FakeDisk,
    dice: Dice,
}

impl FakeWorld {
    pub(crate) fn new(seed: u64) -> Self {
        FakeWorld {
            real: RealWorld::new(),
            disk: FakeDisk::default(),
            dice: Dice::new(seed),
        }
    }

    /// The same machine after the power came back. Whatever still runs of its earlier life
    /// reaches the disk no more.
    pub(crate) fn restarted(&self) -> Self {
        let mut world = self.clone();
        let mut platter = world.disk.platter();
        platter.life += 1;
        platter.power_off_after = None;
        platter.failing_syncs = false;
        platter.failing_operation = None;
        let life = platter.life;
        drop(platter);
        world.disk.life = life;
        world
    }

    pub(crate) fn fake_disk(&self) -> &FakeDisk {
        &self.disk
    }
}

impl World for FakeWorld {
    type Clock = FakeClock;
    type Disk = FakeDisk;
    type Network = Tcp;
    type Chance = Dice;

    fn clock(&self) -> &FakeClock {
        &self.disk.clock
    }
    fn disk(&self) -> &FakeDisk {
        &self.disk
    }
    fn network(&self) -> &Tcp {
        self.real.network()
    }
    fn chance(&self) -> &Dice {
        &self.dice
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct FakeDisk {
    platter: Arc<Mutex<Platter>>,
    clock: FakeClock,
    life: u64,
}

#[derive(Debug, Default)]
struct Platter {
    life: u64,
    files: Vec<FileState>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// So many more operations succeed.
    power_off_after: Option<u64>,
    failing_syncs: bool,
    /// How long each sync takes.
    sync_time: Duration,
    /// The task that stands for the log's thread.
    log_writer: Option<Id>,
    /// After so many more operations one fails, and those after it do not.
    failing_operation: Option<u64>,
    operations: u64,
}

#[derive(Clone, Debug, Default)]
struct FileState {
    durable: Vec<u8>,
    /// What everybody reads.
    current: Vec<u8>,
    /// Written since the last sync, in order. A sync that fails forgets it: it can still be read,
    /// and no other sync will make it durable.
    pending: Vec<(usize, Vec<u8>)>,
    /// Whether nothing of it need be cached.
    is_uncached: bool,
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    let end = offset + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(written);
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|name| name == "log")
}

impl Platter {
    fn segments(&self) -> Vec<usize> {
        let names = self.names.iter();
        let segments = names.filter(|(name, _)| is_segment(name));
        segments.map(|(_, number)| *number).collect()
    }
}

impl FakeDisk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap()
    }

    /// One operation of a machine that has power.
    fn operate(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let mut platter = self.platter();
        if platter.life != self.life {
            return Err(io::Error::other("this machine has crashed"));
        }
        match &mut platter.power_off_after {
            Some(0) => return Err(io::Error::other("the power is off")),
            Some(left) => *left -= 1,
            None => {}
        }
        platter.operations += 1;
        Ok(platter)
    }

    /// Whether the operation that has just begun is the one that fails.
    fn fails(platter: &mut Platter) -> io::Result<()> {
        let Some(left) = &mut platter.failing_operation else {
            return Ok(());
        };
        if *left > 0 {
            *left -= 1;
            return Ok(());
        }
        platter.failing_operation = None;
        Err(io::Error::other("input/output error"))
    }

    /// The operation after so many more fails, and it alone.
    pub(crate) fn fail_operation_after(&self, operations: u64) {
        self.platter().failing_operation = Some(operations);
    }

    /// Whether it has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.platter().failing_operation.is_none()
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> u64 {
        self.platter().operations
    }

    pub(crate) fn power_off_after(&self, operations: u64) {
        self.platter().power_off_after = Some(operations);
    }

    pub(crate) fn take_for_a_sync(&self, time: Duration) {
        self.platter().sync_time = time;
    }

    /// Whether whoever asks runs on the log's thread.
    pub(crate) fn is_log_writer(&self) -> bool {
        self.platter().log_writer == tokio::task::try_id()
    }

    pub(crate) fn fail_syncs(&self) {
        self.platter().failing_syncs = true;
    }

    pub(crate) fn heal(&self) {
        self.platter().failing_syncs = false;
    }

    /// What was not synced is decided now: `keep` is asked for each sector of each write.
    pub(crate) fn lose_power(&self, mut keep: impl FnMut() -> bool) {
        let mut platter = self.platter();
        for file in &mut platter.files {
            for (offset, written) in std::mem::take(&mut file.pending) {
                let mut at = 0;
                while at < written.len() {
                    let to_boundary = SECTOR - (offset + at) % SECTOR;
                    let next = (at + to_boundary).min(written.len());
                    if keep() {
                        put(&mut file.durable, offset + at, &written[at..next]);
                    }
                    at = next;
                }
            }
        }
        for file in &mut platter.files {
            file.current.clone_from(&file.durable);
        }
        if keep() {
            platter.durable_names = platter.names.clone();
        } else {
            platter.names = platter.durable_names.clone();
        }
    }

    /// Of what was not synced in segments only the first so many bytes are there.
    pub(crate) fn lose_power_after_bytes(&self, bytes: usize) {
        let mut left = bytes;
        let mut platter = self.platter();
        for number in platter.segments() {
            let file = &mut platter.files[number];
            for (offset, written) in std::mem::take(&mut file.pending) {
                let kept = written.len().min(left);
                put(&mut file.durable, offset, &written[..kept]);
                left -= kept;
            }
        }
        for file in &mut platter.files {
            file.pending.clear();
            file.current.clone_from(&file.durable);
        }
        platter.names = platter.durable_names.clone();
    }

    /// What was written to segments and not synced, as places in its segment.
    pub(crate) fn pending(&self) -> Vec<std::ops::Range<usize>> {
        let platter = self.platter();
        let segments = platter.segments();
        let pending = segments
            .iter()
            .flat_map(|number| &platter.files[*number].pending);
        pending
            .map(|(offset, written)| *offset..offset + written.len())
            .collect()
    }

    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending().iter().map(ExactSizeIterator::len).sum()
    }

    /// A copy that shares nothing.
    pub(crate) fn copy(&self) -> FakeDisk {
        let platter = self.platter();
        let copy = Platter {
            life: platter.life,
            files: platter.files.clone(),
            names: platter.names.clone(),
            durable_names: platter.durable_names.clone(),
            power_off_after: None,
            failing_syncs: false,
            failing_operation: None,
            operations: 0,
            sync_time: platter.sync_time,
            log_writer: None,
        };
        FakeDisk {
            platter: Arc::new(Mutex::new(copy)),
            clock: FakeClock::default(),
            life: self.life,
        }
    }

    pub(crate) fn flip(&self, path: &Path, at: usize, mask: u8) {
        let mut platter = self.platter();
        let file = platter.names[path];
        platter.files[file].durable[at] ^= mask;
        platter.files[file].current[at] ^= mask;
    }

    pub(crate) fn durable_len(&self, path: &Path) -> usize {
        let platter = self.platter();
        platter.files[platter.names[path]].durable.len()
    }

    /// The files of which nothing need be cached.
    pub(crate) fn uncached(&self) -> Vec<PathBuf> {
        let platter = self.platter();
        let files = platter.names.iter();
        let uncached = files.filter(|(_, number)| platter.files[**number].is_uncached);
        uncached.map(|(path, _)| path.clone()).collect()
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.platter().names.keys().cloned().collect()
    }

    /// Those of segments, in order.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let paths = self.paths().into_iter();
        paths.filter(|path| is_segment(path)).collect()
    }

    pub(crate) fn forget(&self, path: &Path) {
        self.platter().names.remove(path);
    }
}

impl FakeWorld {
    /// The same machine with another disk.
    pub(crate) fn with_disk(&self, disk: FakeDisk) -> Self {
        FakeWorld {
            disk,
            ..self.clone()
        }
    }
}

impl Disk for FakeDisk {
    type File = FakeFile;

    async fn create_dir_all(&self, _path: &Path) -> io::Result<()> {
        self.operate().map(drop)
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let platter = self.operate()?;
        let inside = platter
            .names
            .keys()
            .filter_map(|name| name.strip_prefix(path).ok());
        Ok(inside.map(|name| name.display().to_string()).collect())
    }

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<FakeFile> {
        let mut platter = self.operate()?;
        Self::fails(&mut platter)?;
        let known = platter.names.get(path).copied();
        let number = match (mode, known) {
            (OpenMode::CreateNew, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (OpenMode::CreateNew, None) => {
                platter.files.push(FileState::default());
                let number = platter.files.len() - 1;
                platter.names.insert(path.to_owned(), number);
                number
            }
            (_, Some(number)) => number,
            (_, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        drop(platter);
        Ok(FakeFile {
            disk: self.clone(),
            number,
        })
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut platter = self.operate()?;
        Self::fails(&mut platter)?;
        let number = platter.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        platter.names.insert(to.to_owned(), number);
        Ok(())
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        let mut platter = self.operate()?;
        Self::fails(&mut platter)?;
        let removed = platter.names.remove(path);
        removed.map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    async fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    async fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        let mut platter = self.operate()?;
        Self::fails(&mut platter)?;
        platter.durable_names = platter.names.clone();
        Ok(())
    }

    fn spawn(
        &self,
        name: &str,
        _urgency: Urgency,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let task = tokio::spawn(task);
        if name == "log-writer" {
            self.platter().log_writer = Some(task.id());
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct FakeFile {
    disk: FakeDisk,
    number: usize,
}

impl DiskFile for FakeFile {
    async fn len(&self) -> io::Result<u64> {
        let platter = self.disk.operate()?;
        Ok(platter.files[self.number].current.len() as u64)
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let platter = self.disk.operate()?;
        let offset = usize::try_from(offset).unwrap();
        let bytes = &platter.files[self.number].current;
        let read = bytes.get(offset..offset + length);
        read.map(<[u8]>::to_vec)
            .ok_or(io::ErrorKind::UnexpectedEof.into())
    }

    fn read_cached(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let platter = self.disk.operate().ok()?;
        let offset = usize::try_from(offset).unwrap();
        let bytes = &platter.files[self.number].current;
        bytes.get(offset..offset + length).map(<[u8]>::to_vec)
    }

    async fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // Room for others between any two operations.
        tokio::task::yield_now().await;
        let mut platter = self.disk.operate()?;
        FakeDisk::fails(&mut platter)?;
        let offset = usize::try_from(offset).unwrap();
        let file = &mut platter.files[self.number];
        put(&mut file.current, offset, bytes);
        file.pending.push((offset, bytes.to_vec()));
        Ok(())
    }

    async fn allocate(&self, length: u64) -> io::Result<()> {
        let start = self.len().await?;
        let zeros = vec![0; usize::try_from(length.saturating_sub(start)).unwrap()];
        self.write_at(start, &zeros).await
    }

    async fn sync_data(&self) -> io::Result<()> {
        let takes = self.disk.platter().sync_time;
        self.disk.clock.pass(takes).await;
        let mut platter = self.disk.operate()?;
        let fails = platter.failing_syncs || FakeDisk::fails(&mut platter).is_err();
        let file = &mut platter.files[self.number];
        let pending = std::mem::take(&mut file.pending);
        if fails {
            return Err(io::Error::other("input/output error"));
        }
        for (offset, written) in pending {
            put(&mut file.durable, offset, &written);
        }
        Ok(())
    }

    fn uncache(&self, bytes: Range<u64>) {
        // All of it is in memory: only that it was said counts.
        let file = &mut self.disk.platter().files[self.number];
        file.is_uncached = bytes == (0..file.current.len() as u64);
    }
}
