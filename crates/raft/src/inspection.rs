//! Reads all that a group wants of its log from this node's own disk, asking nobody: for those who
//! have damaged a disk and must know whether it is whole again.

use crate::entry;
use crate::group::Group;

/// What can be read here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Entries that are not purged.
    pub entries: u64,
    /// Contents of messages that are held.
    pub contents: u64,
    /// Of all contents with their places: equal on two nodes that hold the same and can read it.
    pub contents_hash: u32,
    /// What is wanted and cannot be read.
    pub problems: Vec<String>,
}

impl Group {
    /// Reads all entries and contents that are wanted from the disk. Places and contents are in
    /// memory at once: this is not for a store of any size.
    pub async fn inspect(&self) -> Inspection {
        let mut found = Inspection::default();
        self.inspect_entries(&mut found).await;
        self.inspect_contents(&mut found).await;
        found
    }

    /// Whether this node votes: not before the peers were asked what they know of its log, and not
    /// while it lacks any of that.
    pub fn votes(&self) -> bool {
        self.served().abstention.votes_now()
    }

    /// Waits until this node votes.
    pub async fn until_votes(&self) {
        self.served().abstention.until_votes().await;
    }

    async fn inspect_entries(&self, found: &mut Inspection) {
        let mending = self.mending();
        let (first, until) = mending.log.durable_range();
        for index in first..until {
            let read = mending.wal.read_entries(self.id(), index, index + 1, 0);
            match read.await {
                Ok(_) => found.entries += 1,
                Err(problem) => found.problems.push(format!("entry {index}: {problem}")),
            }
        }
    }

    async fn inspect_contents(&self, found: &mut Inspection) {
        let places = self.read(|state| entry::in_log_order(state.content_places()));
        let read = self.mending().log.contents_on_disk(&places).await;
        for (place, read) in places.iter().zip(read) {
            let problem = match entry::whole_content(read) {
                Ok(bytes) => {
                    found.contents += 1;
                    let (index, offset) = (place.index.to_le_bytes(), place.offset.to_le_bytes());
                    for part in [&index[..], &offset, &bytes] {
                        found.contents_hash = crc32c::crc32c_append(found.contents_hash, part);
                    }
                    continue;
                }
                Err(problem) => problem,
            };
            let (index, offset) = (place.index, place.offset);
            found
                .problems
                .push(format!("content at {offset} of entry {index}: {problem}"));
        }
    }
}
