//! A file that records are appended to and synced: as long as it will ever be from the start, since
//! a file that grows syncs slower, and written again from its beginning when it is full.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const LENGTH_BYTES: u64 = 64 << 20;

pub(crate) struct Journal {
    file: File,
    end: u64,
}

impl Journal {
    pub(crate) fn create(path: &Path) -> io::Result<Journal> {
        const STEP_BYTES: usize = 1 << 20;
        let mut open = OpenOptions::new();
        let file = open.create(true).truncate(true).write(true).open(path)?;
        let zeros = vec![0; STEP_BYTES];
        for offset in (0..LENGTH_BYTES).step_by(STEP_BYTES) {
            file.write_all_at(&zeros, offset)?;
        }
        file.sync_all()?;
        Ok(Journal { file, end: 0 })
    }

    pub(crate) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let length = record.len() as u64;
        if self.end + length > LENGTH_BYTES {
            self.end = 0;
        }
        self.file.write_all_at(record, self.end)?;
        self.end += length;
        self.file.sync_data()
    }
}
