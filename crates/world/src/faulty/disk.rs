//! A disk whose syncs take longer, or that has no space left.

use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::{RuleBook, Rules};
use crate::{Disk, DiskFile, OpenMode, Urgency};

/// A disk with rules.
#[derive(Clone, Debug)]
pub struct FaultyDisk<D> {
    inner: D,
    book: Option<RuleBook>,
}

impl<D> FaultyDisk<D> {
    pub(super) fn new(inner: D, book: Option<RuleBook>) -> Self {
        FaultyDisk { inner, book }
    }
}

fn sync_pause(rules: &Rules) -> Duration {
    Duration::from_millis(rules.disk.fsync_millis)
}

async fn before_sync(book: Option<&RuleBook>) {
    if let Some(book) = book.filter(|book| !book.is_calm()) {
        book.pause(sync_pause).await;
    }
}

fn is_full(book: Option<&RuleBook>) -> bool {
    book.is_some_and(|book| !book.is_calm() && book.look(|rules| rules.disk.is_full))
}

fn no_space() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl<D: Disk> Disk for FaultyDisk<D> {
    type File = FaultyFile<D::File>;

    async fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir_all(path).await
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.inner.list(path).await
    }

    async fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File> {
        if mode == OpenMode::CreateNew && is_full(self.book.as_ref()) {
            return Err(no_space());
        }
        Ok(FaultyFile {
            inner: self.inner.open(path, mode).await?,
            book: self.book.clone(),
        })
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to).await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path).await
    }

    async fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        if is_full(self.book.as_ref()) {
            return Ok(0);
        }
        self.inner.free_bytes(path).await
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        before_sync(self.book.as_ref()).await;
        self.inner.sync_dir(path).await
    }

    fn spawn(
        &self,
        name: &str,
        urgency: Urgency,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.inner.spawn(name, urgency, task)
    }
}

/// A file on a disk with rules.
#[derive(Debug)]
pub struct FaultyFile<F> {
    inner: F,
    book: Option<RuleBook>,
}

impl<F: DiskFile> DiskFile for FaultyFile<F> {
    async fn len(&self) -> io::Result<u64> {
        self.inner.len().await
    }

    async fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.inner.read_at(offset, length).await
    }

    fn read_cached(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        self.inner.read_cached(offset, length)
    }

    async fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // A full disk still takes what goes where a file has its space already.
        if is_full(self.book.as_ref()) {
            let end = offset.saturating_add(bytes.len() as u64);
            if end > self.inner.len().await? {
                return Err(no_space());
            }
        }
        self.inner.write_at(offset, bytes).await
    }

    async fn allocate(&self, length: u64) -> io::Result<()> {
        if is_full(self.book.as_ref()) && length > self.inner.len().await? {
            return Err(no_space());
        }
        self.inner.allocate(length).await
    }

    async fn sync_data(&self) -> io::Result<()> {
        before_sync(self.book.as_ref()).await;
        self.inner.sync_data().await
    }

    fn uncache(&self, bytes: Range<u64>) {
        self.inner.uncache(bytes);
    }
}
