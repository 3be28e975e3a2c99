//! An open file, as a node reads, writes and syncs it.

use std::io;
use std::ops::Range;
use std::time::Duration;

use rand::Rng;
use zonemq_world::DiskFile;

use super::file::FileState;
use super::{
    DiskFaults, DiskState, SECTOR_BYTES, SYNC_TIME, SimDisk, input_output_error, sync_failure,
};

/// An open file.
#[derive(Debug)]
pub(crate) struct SimFile {
    pub(super) disk: SimDisk,
    pub(super) number: u64,
}

impl SimFile {
    fn of<'s>(&self, state: &'s mut DiskState) -> io::Result<&'s mut FileState> {
        // A file that was removed and whose disk lost its power since.
        let gone = || io::Error::other("the file is gone");
        state.files.get_mut(&self.number).ok_or_else(gone)
    }
}

impl DiskFile for SimFile {
    async fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.look().await?;
        Ok(self.of(&mut state)?.len())
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let failing = |faults: &DiskFaults| {
            let failure = ("disk: reads failed", input_output_error());
            faults.reads_fail.then_some(failure)
        };
        let mut state = self.disk.operate(Duration::ZERO, failing).await?;
        self.of(&mut state)?.read(offset, length)
    }

    fn read_cached(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let is_cached = self.disk.chance.draw(|dice| dice.random_bool(0.5));
        let mut state = self.disk.locked();
        if !is_cached || state.faults.reads_fail {
            return None;
        }
        self.disk.coverage.add("disk: reads from memory", 1);
        self.of(&mut state).ok()?.read(offset, length).ok()
    }

    async fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.change().await?;
        if offset + bytes.len() as u64 > self.of(&mut state)?.len() {
            self.disk.find_space(&state)?;
        }
        let misdirects = std::mem::take(&mut state.faults.misdirects_next_write);
        let file = self.of(&mut state)?;
        if misdirects {
            let room = (file.len() / SECTOR_BYTES).max(1);
            let sector = self.disk.chance.draw(|dice| dice.random_range(0..room));
            self.disk.coverage.add("disk: writes misdirected", 1);
            file.write(sector * SECTOR_BYTES, bytes);
        } else {
            file.write(offset, bytes);
        }
        Ok(())
    }

    async fn allocate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.change().await?;
        let start = self.of(&mut state)?.len();
        if length > start {
            self.disk.find_space(&state)?;
            let added = usize::try_from(length - start).map_err(io::Error::other)?;
            self.of(&mut state)?.write(start, &vec![0; added]);
        }
        Ok(())
    }

    async fn sync_data(&self) -> io::Result<()> {
        // What is written while the disk works is not covered.
        let (covered, sync) = {
            let mut state = self.disk.locked();
            (self.of(&mut state)?.last_write(), state.begin_sync())
        };
        let synced = self
            .disk
            .operate(SYNC_TIME, |faults| sync_failure(faults, sync));
        let synced = synced.await.map(drop);
        let mut state = self.disk.locked();
        if synced.is_err() {
            self.disk.count_failed_sync(state.is_of_log(self.number));
        }
        if state.faults.syncs_lie {
            self.disk.coverage.add("disk: syncs that did nothing", 1);
            return Ok(());
        }
        let file = self.of(&mut state)?;
        match synced {
            Ok(()) => file.sync(covered),
            // The kernel marks the pages clean: no later sync will write them.
            Err(_) => file.forget_unsynced(covered),
        }
        synced
    }

    // All of it is in memory.
    fn uncache(&self, _bytes: Range<u64>) {}
}
