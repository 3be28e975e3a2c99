//! All bits that are flipped, and what each of them says.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zonemq_wal::{Record, Stretch, Stretched, stretches};
use zonemq_world::World;

use super::scene::Scene;

/// Behind its last byte that is not zero, a file is full of zeros for what comes; in so many of
/// these bytes bits are flipped, too: a header that strayed there would be read.
const PADDING_BYTES: u64 = 64;

/// One bit of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) byte: u64,
    pub(super) bit: u8,
    pub(super) saying: Saying,
    /// Whether the next start reads this file whole. It passes segments over in which all entries
    /// are purged, but for their headers.
    pub(super) is_read: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            file, byte, bit, ..
        } = self;
        let file = file.display();
        write!(f, "bit {bit} of byte {byte} of {file} ({})", self.saying)
    }
}

impl Place {
    /// Whether the name of its file ends so.
    pub(super) fn is_in(&self, end: &str) -> bool {
        self.file.to_string_lossy().ends_with(end)
    }

    /// Whether damage here must be told. What else may be damaged without a word is judged by what
    /// the node holds afterwards.
    pub(super) fn must_be_told(&self) -> bool {
        match self.saying {
            Saying::Header | Saying::Entry | Saying::LatestVote | Saying::Snapshot => true,
            Saying::End | Saying::Zeros | Saying::Summary | Saying::NotBegun => false,
            Saying::Head
            | Saying::Segments
            | Saying::PurgedEntry
            | Saying::Kept
            | Saying::OlderVote
            | Saying::Other => self.is_read,
        }
    }
}

/// What a bit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Saying {
    /// One of the two headers of a segment.
    Header,
    /// The head of a write.
    Head,
    /// The mark at the end of a write, which is asked for only where the write cannot be read.
    End,
    /// Which segments there are, one of two copies.
    Segments,
    /// An entry that is not purged.
    Entry,
    /// An entry that is; messages that are held may lie in it.
    PurgedEntry,
    /// Contents of purged entries that were written anew.
    Kept,
    /// One of the two copies of the vote that counts.
    LatestVote,
    /// A copy of one that no longer does.
    OlderVote,
    /// One of two copies of a note, a purge or a truncation.
    Other,
    /// Nothing: what fills a record up, the rest of a segment's first block, and what lies behind
    /// the end of the data.
    Zeros,
    /// The summary of a segment.
    Summary,
    /// A segment that is being made ready.
    NotBegun,
    /// The snapshot.
    Snapshot,
}

impl fmt::Display for Saying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Saying::Header => "segment headers, both copies",
            Saying::Head => "heads of writes",
            Saying::End => "end marks of writes",
            Saying::Segments => "lists of segments, both copies",
            Saying::Entry => "entries that are not purged",
            Saying::PurgedEntry => "purged entries",
            Saying::Kept => "kept contents",
            Saying::LatestVote => "the latest vote, both copies",
            Saying::OlderVote => "earlier votes",
            Saying::Other => "notes, purges, truncations",
            Saying::Zeros => "zeros",
            Saying::Summary => "summaries",
            Saying::NotBegun => "the next segment",
            Saying::Snapshot => "snapshot",
        })
    }
}

/// A file whose bits are flipped.
struct StoredFile {
    path: PathBuf,
    /// Bits in so many of its bytes.
    bytes: u64,
    is_read: bool,
    /// What lies where; elsewhere lies `otherwise`.
    stretches: Vec<(Range<usize>, Saying)>,
    otherwise: Saying,
}

/// All bits that are flipped: file by file, byte by byte.
pub(super) struct Stored {
    files: Vec<StoredFile>,
}

impl Stored {
    pub(super) fn of(scene: &Scene) -> Stored {
        let disk = scene.cluster.host(scene.damaged).world.disk();
        let last = scene.before.map_or(0, |before| before.last_log_index);
        // The log ends with its last entry, and has no gaps.
        let first = (last + 1).saturating_sub(scene.whole.entries);
        let mut segments = Vec::new();
        for (path, bytes) in disk.files() {
            let bytes = Bytes::from(bytes);
            let told = stretches(&file_name(&path), &bytes);
            segments.push((path, bytes, told));
        }
        let told = segments.iter().filter_map(|(.., told)| told.as_ref());
        let last_vote = told.clone().flatten().rev().find_map(vote_of).cloned();
        let purged_at_opening = told.clone().next_back().and_then(|told| purged_at(told));
        let mut is_read = false;
        let files = segments.into_iter().map(|(path, bytes, told)| {
            let end = bytes.iter().rposition(|byte| *byte != 0);
            let end = end.map_or(0, |last| last as u64 + 1);
            let sayings = told.as_ref().map(|told| {
                is_read |= told.iter().any(|stretch| {
                    matches!(stretch.what, Stretched::Record(Record::Entry { index, .. })
                        if purged_at_opening.is_none_or(|purged| index > purged))
                });
                let saying = |stretch: &Stretch| {
                    // Each segment repeats it; what is passed over is not what counts.
                    let is_last = is_read && vote_of(stretch) == last_vote.as_ref();
                    (stretch.bytes.clone(), saying_of(stretch, first, is_last))
                };
                told.iter().map(saying).collect()
            });
            StoredFile {
                bytes: (bytes.len() as u64).min(end + PADDING_BYTES),
                is_read: is_read || told.is_none(),
                stretches: sayings.unwrap_or_default(),
                otherwise: otherwise(&path),
                path,
            }
        });
        Stored {
            files: files.collect(),
        }
    }

    pub(super) fn bits(&self) -> u64 {
        self.files.iter().map(|file| file.bytes * 8).sum()
    }

    pub(super) fn place(&self, mut number: u64) -> Option<Place> {
        for file in &self.files {
            if number < file.bytes * 8 {
                let byte = number / 8;
                let at = usize::try_from(byte).ok()?;
                let mut stretches = file.stretches.iter();
                let stretch = stretches.find(|(stretch, _)| stretch.contains(&at));
                return Some(Place {
                    file: file.path.clone(),
                    byte,
                    bit: u8::try_from(number % 8).ok()?,
                    saying: stretch.map_or(file.otherwise, |(_, saying)| *saying),
                    is_read: file.is_read,
                });
            }
            number -= file.bytes * 8;
        }
        None
    }

    pub(super) fn summary(&self, scene: &Scene) -> String {
        let files = self.files.iter().map(|file| {
            let (bytes, path) = (file.bytes, file.path.display());
            let records = file.stretches.iter().filter(|(_, saying)| {
                !matches!(
                    saying,
                    Saying::Header | Saying::Head | Saying::End | Saying::Segments
                )
            });
            let records = match records.count() {
                0 => String::new(),
                count => format!(", {count} records"),
            };
            format!("  {bytes:>8} bytes of {path}{records}\n")
        });
        let files: String = files.collect();
        format!(
            "{} stores {} bits, with {} entries that are not purged and the contents of {} messages:\n{}",
            scene.cluster.host(scene.damaged).name,
            self.bits(),
            scene.whole.entries,
            scene.whole.contents,
            files.trim_end()
        )
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn vote_of(stretch: &Stretch) -> Option<&Bytes> {
    match &stretch.what {
        Stretched::Record(Record::Vote { payload, .. }) => Some(payload),
        _ => None,
    }
}

/// What the opening of a segment, its first write, says of what is purged.
fn purged_at(told: &[Stretch]) -> Option<u64> {
    let opening = told
        .iter()
        .take_while(|stretch| stretch.what != Stretched::End);
    let purges = opening.filter_map(|stretch| match &stretch.what {
        Stretched::Record(Record::PurgeThrough { index, .. }) => Some(*index),
        _ => None,
    });
    purges.last()
}

fn saying_of(stretch: &Stretch, first: u64, is_last_vote: bool) -> Saying {
    match &stretch.what {
        Stretched::Header => Saying::Header,
        Stretched::Head => Saying::Head,
        Stretched::End => Saying::End,
        Stretched::Segments => Saying::Segments,
        Stretched::Record(record) => match record {
            Record::Entry { index, .. } if *index >= first => Saying::Entry,
            Record::Entry { .. } => Saying::PurgedEntry,
            Record::Kept { .. } => Saying::Kept,
            Record::Vote { .. } if is_last_vote => Saying::LatestVote,
            Record::Vote { .. } => Saying::OlderVote,
            Record::Note { .. } | Record::PurgeThrough { .. } | Record::TruncateAfter { .. } => {
                Saying::Other
            }
        },
    }
}

/// What lies in a file where no stretch of a segment does.
fn otherwise(path: &Path) -> Saying {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("summary") => Saying::Summary,
        Some("unfinished") => Saying::NotBegun,
        Some("snapshot") => Saying::Snapshot,
        _ => Saying::Zeros,
    }
}
