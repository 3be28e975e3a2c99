//! A disk that keeps, to the byte, what would survive a loss of power, and that can fail.

mod damage;
mod file;
mod open_file;
mod sparse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;
use zonemq_world::{Disk, OpenMode, Urgency};

use self::file::FileState;
pub(crate) use self::open_file::SimFile;
use super::SimChance;
use crate::coverage::Coverage;

/// What a disk writes as a whole or not at all.
pub(crate) const SECTOR_BYTES: u64 = 512;
/// How long a healthy disk takes to make data durable.
const SYNC_TIME: Duration = Duration::from_millis(1);
/// How often an operation on a stalled disk looks whether it may go on.
const STALL_LOOK: Duration = Duration::from_millis(1);

/// What becomes of data that was not synced when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PowerLoss {
    /// All of it is lost.
    LosesUnsynced,
    /// Some sectors of it are there and some are not.
    TearsUnsynced,
}

/// What the disk does wrong at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "faults that are at work or not, each by itself"
)]
pub(crate) struct DiskFaults {
    pub(crate) reads_fail: bool,
    pub(crate) writes_fail: bool,
    /// The next syncs report an error, and what they should have made durable never is.
    pub(crate) syncs_fail: bool,
    pub(crate) is_full: bool,
    /// Nothing begins until this is over.
    pub(crate) is_stalled: bool,
    /// Each operation takes so much longer.
    pub(crate) delay: Duration,
    /// The next write lands beside its place.
    pub(crate) misdirects_next_write: bool,
    /// A planted bug: syncs report success and do nothing.
    pub(crate) syncs_lie: bool,
}

impl DiskFaults {
    /// All of both.
    pub(crate) fn and(self, other: DiskFaults) -> DiskFaults {
        DiskFaults {
            reads_fail: self.reads_fail || other.reads_fail,
            writes_fail: self.writes_fail || other.writes_fail,
            syncs_fail: self.syncs_fail || other.syncs_fail,
            is_full: self.is_full || other.is_full,
            is_stalled: self.is_stalled || other.is_stalled,
            delay: self.delay.max(other.delay),
            misdirects_next_write: self.misdirects_next_write || other.misdirects_next_write,
            syncs_lie: self.syncs_lie || other.syncs_lie,
        }
    }
}

/// One host's disk. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct SimDisk {
    state: Arc<Mutex<DiskState>>,
    chance: SimChance,
    coverage: Coverage,
}

#[derive(Debug, Default)]
struct DiskState {
    faults: DiskFaults,
    /// How many syncs were asked for, of files and of directories.
    syncs: u64,
    /// The one of them that fails, counted from 1.
    failing_sync: Option<u64>,
    files: BTreeMap<u64, FileState>,
    next_file: u64,
    directories: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    /// Changes of names that no `sync_dir` has covered, in order.
    renamings: Vec<Renaming>,
}

/// A name now means another file, or none.
#[derive(Debug)]
struct Renaming {
    changes: Vec<(PathBuf, Option<u64>)>,
}

impl Renaming {
    fn apply(self, names: &mut BTreeMap<PathBuf, u64>) {
        for (name, file) in self.changes {
            match file {
                Some(file) => names.insert(name, file),
                None => names.remove(&name),
            };
        }
    }

    fn is_in(&self, directory: &Path) -> bool {
        let mut names = self.changes.iter().map(|(name, _)| name);
        names.any(|name| name.parent() == Some(directory))
    }
}

impl DiskState {
    fn rename(&mut self, changes: Vec<(PathBuf, Option<u64>)>) {
        Renaming {
            changes: changes.clone(),
        }
        .apply(&mut self.names);
        self.renamings.push(Renaming { changes });
    }

    /// Counts a sync.
    fn begin_sync(&mut self) -> Sync {
        self.syncs += 1;
        if self.failing_sync == Some(self.syncs) {
            Sync::Fails
        } else {
            Sync::AsTheDiskIs
        }
    }

    /// Whether a file lies in the folder of the log.
    fn is_of_log(&self, file: u64) -> bool {
        let mut names = self.names.iter().filter(|(_, number)| **number == file);
        names.any(|(name, _)| name.parent().is_some_and(is_log))
    }

    /// Forgets the files that have no name any more.
    fn collect(&mut self) {
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.files.retain(|number, _| named.contains(number));
    }
}

/// What is decided about a sync before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    Fails,
    AsTheDiskIs,
}

/// Whether a directory is that of the log.
fn is_log(directory: &Path) -> bool {
    directory.ends_with("log")
}

impl SimDisk {
    pub(crate) fn new(chance: SimChance, coverage: &Coverage) -> SimDisk {
        SimDisk {
            state: Arc::default(),
            chance,
            coverage: coverage.clone(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, DiskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what the disk does wrong.
    pub(crate) fn set_faults(&self, change: impl FnOnce(&mut DiskFaults)) {
        change(&mut self.locked().faults);
    }

    /// Lets one sync fail, counted from 1 over all lives of the node.
    pub(crate) fn fail_sync(&self, number: u64) {
        self.locked().failing_sync = Some(number);
    }

    /// How many syncs were asked for.
    pub(crate) fn syncs(&self) -> u64 {
        self.locked().syncs
    }

    fn count_failed_sync(&self, is_of_log: bool) {
        if is_of_log {
            self.coverage.add("disk: syncs of the log failed", 1);
        }
    }

    /// The power goes: what was not synced is decided now. No node may be running.
    pub(crate) fn lose_power(&self, loss: PowerLoss) {
        let mut state = self.locked();
        let state = &mut *state;
        let mut dropped = 0;
        let mut torn = 0;
        for file in state.files.values_mut() {
            let outcome = file.lose_power(|| match loss {
                PowerLoss::LosesUnsynced => false,
                PowerLoss::TearsUnsynced => self.chance.draw(|dice| dice.random_bool(0.5)),
            });
            dropped += outcome.lost_bytes;
            torn += outcome.torn_writes;
        }
        let renamings = std::mem::take(&mut state.renamings);
        let kept = match loss {
            PowerLoss::LosesUnsynced => 0,
            PowerLoss::TearsUnsynced => self
                .chance
                .draw(|dice| dice.random_range(0..=renamings.len())),
        };
        let forgotten = renamings.len() - kept;
        for renaming in renamings.into_iter().take(kept) {
            renaming.apply(&mut state.durable_names);
        }
        state.names.clone_from(&state.durable_names);
        state.collect();
        self.coverage.add("disk: unsynced bytes lost", dropped);
        self.coverage.add("disk: writes torn", torn);
        self.coverage
            .add("disk: unsynced names lost", forgotten as u64);
    }

    /// Time passes as the disk works, and the disk may fail.
    async fn operate(
        &self,
        work: Duration,
        failure: impl FnOnce(&DiskFaults) -> Option<(&'static str, io::Error)>,
    ) -> io::Result<MutexGuard<'_, DiskState>> {
        while self.locked().faults.is_stalled {
            self.coverage.add("disk: milliseconds stalled", 1);
            sleep(STALL_LOOK).await;
        }
        let delay = self.locked().faults.delay;
        if !delay.is_zero() {
            self.coverage.add("disk: operations delayed", 1);
        }
        let takes = work + delay;
        if takes.is_zero() {
            // Room for others between any two operations.
            tokio::task::yield_now().await;
        } else {
            sleep(takes).await;
        }
        let state = self.locked();
        match failure(&state.faults) {
            Some((what, error)) => {
                self.coverage.add(what, 1);
                Err(error)
            }
            None => Ok(state),
        }
    }

    async fn change(&self) -> io::Result<MutexGuard<'_, DiskState>> {
        self.operate(Duration::ZERO, write_failure).await
    }

    async fn look(&self) -> io::Result<MutexGuard<'_, DiskState>> {
        self.operate(Duration::ZERO, |_| None).await
    }
}

fn input_output_error() -> io::Error {
    io::Error::other("input/output error")
}

fn write_failure(faults: &DiskFaults) -> Option<(&'static str, io::Error)> {
    let failure = ("disk: writes failed", input_output_error());
    faults.writes_fail.then_some(failure)
}

impl SimDisk {
    /// A full disk takes no new file and lets none grow; what is there can be written over.
    fn find_space(&self, state: &DiskState) -> io::Result<()> {
        if !state.faults.is_full {
            return Ok(());
        }
        self.coverage
            .add("disk: writes refused for lack of space", 1);
        Err(io::ErrorKind::StorageFull.into())
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    async fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        // Directories are few and made once: they are durable at once.
        let mut state = self.change().await?;
        state
            .directories
            .extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.look().await?;
        if !state.directories.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = state
            .names
            .keys()
            .filter(|name| name.parent() == Some(path));
        let names = inside.filter_map(|name| name.file_name()?.to_str().map(str::to_owned));
        Ok(names.collect())
    }

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        let mut state = match mode {
            OpenMode::CreateNew => self.change().await?,
            OpenMode::Read | OpenMode::ReadWrite => self.look().await?,
        };
        let known = state.names.get(path).copied();
        let number = match (mode, known) {
            (OpenMode::CreateNew, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (OpenMode::CreateNew, None) => {
                let parent = path
                    .parent()
                    .is_some_and(|parent| state.directories.contains(parent));
                if !parent {
                    return Err(io::ErrorKind::NotFound.into());
                }
                self.find_space(&state)?;
                let number = state.next_file;
                state.next_file += 1;
                state.files.insert(number, FileState::default());
                state.rename(vec![(path.to_owned(), Some(number))]);
                number
            }
            (_, Some(number)) => number,
            (_, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        drop(state);
        Ok(SimFile {
            disk: self.clone(),
            number,
        })
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change().await?;
        let number = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.rename(vec![(from.to_owned(), None), (to.to_owned(), Some(number))]);
        Ok(())
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change().await?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename(vec![(path.to_owned(), None)]);
        Ok(())
    }

    async fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        let is_full = self.look().await?.faults.is_full;
        Ok(if is_full { 0 } else { u64::MAX })
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let sync = self.locked().begin_sync();
        let synced = self.operate(SYNC_TIME, |faults| sync_failure(faults, sync));
        let mut state = match synced.await {
            Ok(state) => state,
            Err(error) => {
                self.count_failed_sync(is_log(path));
                return Err(error);
            }
        };
        if state.faults.syncs_lie {
            return Ok(());
        }
        let state = &mut *state;
        let (covered, rest) = std::mem::take(&mut state.renamings)
            .into_iter()
            .partition(|renaming| renaming.is_in(path));
        state.renamings = rest;
        let covered: Vec<Renaming> = covered;
        for renaming in covered {
            renaming.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn spawn(
        &self,
        _name: &str,
        _urgency: Urgency,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        tokio::spawn(task);
        Ok(())
    }
}

fn sync_failure(faults: &DiskFaults, sync: Sync) -> Option<(&'static str, io::Error)> {
    let failure = ("disk: syncs failed", input_output_error());
    (faults.syncs_fail || sync == Sync::Fails).then_some(failure)
}
