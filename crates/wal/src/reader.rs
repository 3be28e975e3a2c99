//! Reads what lies in the segments, beside the writer.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use zonemq_world::DiskFile;

use crate::places::{Place, Places, Readable, Spot};
use crate::record::{GroupId, HEADER_BYTES, Header, Kind, PART_BYTES, part_table};
use crate::replay::RecoveredEntry;
use crate::segment::SegmentId;

/// Something that was written cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// What lies there is not what was written, or the disk refuses to say.
    #[error("segment {:016x} cannot be read at byte {offset}: {reason}", segment.0)]
    Damaged {
        /// Where.
        segment: SegmentId,
        /// Where in it.
        offset: u64,
        /// In which way.
        reason: String,
    },
    /// There is no such entry here.
    #[error("entry {0} is not in the log")]
    NotHere(u64),
    /// The log was closed.
    #[error("the log was closed")]
    Closed,
}

/// A stretch of the payload of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPlace {
    /// The entry.
    pub index: u64,
    /// Where in its payload.
    pub offset: u32,
    /// How long.
    pub length: u32,
}

/// What is asked of the readers.
pub(crate) enum Question {
    Entries {
        group: GroupId,
        from: u64,
        until: u64,
        limit_bytes: usize,
        reply: oneshot::Sender<Result<Vec<RecoveredEntry>, ReadError>>,
    },
    Parts {
        group: GroupId,
        places: Vec<PartPlace>,
        reply: oneshot::Sender<Vec<Result<Bytes, ReadError>>>,
    },
}

pub(crate) type SharedPlaces<F> = Arc<RwLock<Places<F>>>;

/// Answers questions until nobody can ask any more.
pub(crate) async fn run<F: DiskFile>(
    places: SharedPlaces<F>,
    mut questions: mpsc::Receiver<Question>,
) {
    while let Some(question) = questions.recv().await {
        // Who asked may have stopped waiting.
        match question {
            Question::Entries {
                group,
                from,
                until,
                limit_bytes,
                reply,
            } => {
                let entries = read_entries(&places, group, from, until, limit_bytes).await;
                let _ = reply.send(entries);
            }
            Question::Parts {
                group,
                places: wanted,
                reply,
            } => {
                let _ = reply.send(read_parts(&places, group, &wanted).await);
            }
        }
    }
}

type Located<P, F> = Option<(P, Arc<Readable<F>>)>;

fn locate<F>(places: &SharedPlaces<F>, group: GroupId, index: u64) -> Located<Place, F> {
    let places = places.read().unwrap_or_else(PoisonError::into_inner);
    let place = places.locate(group, index)?;
    Some((place, places.segment(place.spot().segment)?))
}

fn locate_entry<F>(places: &SharedPlaces<F>, group: GroupId, index: u64) -> Located<Spot, F> {
    let places = places.read().unwrap_or_else(PoisonError::into_inner);
    let spot = places.locate_entry(group, index)?;
    Some((spot, places.segment(spot.segment)?))
}

pub(crate) async fn read_entries<F: DiskFile>(
    places: &SharedPlaces<F>,
    group: GroupId,
    from: u64,
    until: u64,
    limit_bytes: usize,
) -> Result<Vec<RecoveredEntry>, ReadError> {
    let mut entries = Vec::new();
    let mut bytes = 0;
    for index in from..until {
        let Some((spot, segment)) = locate_entry(places, group, index) else {
            return Err(ReadError::NotHere(index));
        };
        let (header, payload) = read_record(&segment, spot).await?;
        let fields = header.fields;
        if fields.kind != Kind::Entry || fields.index != index || fields.group != group {
            return Err(damaged(spot, "another record lies there"));
        }
        bytes += payload.len();
        if bytes > limit_bytes && !entries.is_empty() {
            break;
        }
        entries.push(RecoveredEntry {
            term: fields.term,
            index,
            payload,
        });
    }
    Ok(entries)
}

fn damaged(spot: Spot, reason: &(impl ToString + ?Sized)) -> ReadError {
    ReadError::Damaged {
        segment: spot.segment,
        offset: spot.offset.into(),
        reason: reason.to_string(),
    }
}

async fn read_header<F: DiskFile>(segment: &Readable<F>, spot: Spot) -> Result<Header, ReadError> {
    let bytes = segment
        .file
        .read_at(spot.offset.into(), HEADER_BYTES)
        .await
        .map_err(|error| damaged(spot, &error))?;
    Header::at(&bytes, 0, segment.seed).ok_or_else(|| damaged(spot, "a header is damaged"))
}

async fn read_record<F: DiskFile>(
    segment: &Readable<F>,
    spot: Spot,
) -> Result<(Header, Bytes), ReadError> {
    let header = read_header(segment, spot).await?;
    let start = payload_start(spot);
    let payload = segment
        .file
        .read_at(start, header.payload_bytes)
        .await
        .map_err(|error| damaged(spot, &error))?;
    if header.passes(&payload, segment.seed) {
        Ok((header, payload.into()))
    } else {
        Err(damaged(spot, "a checksum does not match"))
    }
}

/// Parts of entries as they lie there: what is in a part is for its owner to check. Those that lie
/// side by side, as the messages of one entry do, are read at once.
pub(crate) async fn read_parts<F: DiskFile>(
    places: &SharedPlaces<F>,
    group: GroupId,
    wanted: &[PartPlace],
) -> Vec<Result<Bytes, ReadError>> {
    let mut parts = Vec::with_capacity(wanted.len());
    for wanted in wanted.chunk_by(|one, next| one.index == next.index) {
        let located = locate(places, group, wanted[0].index);
        let Some((place, segment)) = located else {
            parts.extend(
                wanted
                    .iter()
                    .map(|part| Err(ReadError::NotHere(part.index))),
            );
            continue;
        };
        match find(&segment, place, wanted).await {
            Ok(found) => {
                for side_by_side in found.chunk_by(Found::is_followed_by) {
                    // What was not kept may still be in the entry.
                    if let [Found { part, start: None }] = side_by_side
                        && let Some((spot, segment)) = locate_entry(places, group, part.index)
                    {
                        let found = Found::in_entry(spot, *part);
                        parts.extend(read_found(&segment, spot, &[found]).await);
                    } else {
                        parts.extend(read_found(&segment, place.spot(), side_by_side).await);
                    }
                }
            }
            Err(error) => parts.extend(wanted.iter().map(|_| Err(error.clone()))),
        }
    }
    parts
}

/// A part of an entry as it lies there, if the system has it in memory.
pub(crate) fn read_cached<F: DiskFile>(
    places: &SharedPlaces<F>,
    group: GroupId,
    wanted: PartPlace,
) -> Option<Bytes> {
    match locate(places, group, wanted.index)? {
        (Place::Entry(spot), segment) => {
            let start = Found::in_entry(spot, wanted).start?;
            let read = segment.file.read_cached(start, wanted.length as usize);
            read.map(Bytes::from)
        }
        // Old, and behind a table that would be read first.
        (Place::Kept(_), _) => None,
    }
}

/// Where a part lies in its segment.
#[derive(Clone, Copy)]
struct Found {
    part: PartPlace,
    /// Nowhere, if the record does not hold it.
    start: Option<u64>,
}

impl Found {
    fn in_entry(spot: Spot, part: PartPlace) -> Found {
        let start = Some(payload_start(spot) + u64::from(part.offset));
        Found { part, start }
    }

    fn is_followed_by(&self, next: &Found) -> bool {
        let end = self.start.map(|start| start + u64::from(self.part.length));
        end.is_some() && end == next.start
    }
}

/// Parts that lie side by side, or one that is nowhere.
async fn read_found<F: DiskFile>(
    segment: &Readable<F>,
    spot: Spot,
    found: &[Found],
) -> Vec<Result<Bytes, ReadError>> {
    let read = async |found: &[Found]| {
        let start = found[0].start;
        let start = start.ok_or(ReadError::NotHere(found[0].part.index))?;
        let lengths = found.iter().map(|found| found.part.length as usize);
        let read = segment.file.read_at(start, lengths.sum()).await;
        read.map(Bytes::from).map_err(|error| damaged(spot, &error))
    };
    match read(found).await {
        Ok(mut bytes) => {
            let lengths = found.iter().map(|found| found.part.length as usize);
            lengths.map(|length| Ok(bytes.split_to(length))).collect()
        }
        Err(error) if found.len() == 1 => vec![Err(error)],
        // Perhaps only one of them cannot be read.
        Err(_) => {
            let mut parts = Vec::with_capacity(found.len());
            for one in found.chunks(1) {
                parts.push(read(one).await);
            }
            parts
        }
    }
}

/// Where parts of one entry lie in the segment.
async fn find<F: DiskFile>(
    segment: &Readable<F>,
    place: Place,
    wanted: &[PartPlace],
) -> Result<Vec<Found>, ReadError> {
    let wanted = wanted.iter().copied();
    match place {
        Place::Entry(spot) => Ok(wanted.map(|part| Found::in_entry(spot, part)).collect()),
        Place::Kept(spot) => {
            let kept = read_kept_table(segment, spot).await?;
            let found = wanted.map(|part| {
                let wanted = (part.offset, part.length as usize);
                let kept = kept
                    .iter()
                    .find(|kept| (kept.offset, kept.length) == wanted);
                let start = kept.map(|kept| payload_start(spot) + kept.start);
                Found { part, start }
            });
            Ok(found.collect())
        }
    }
}

/// Where the payload of a record begins in its segment.
fn payload_start(spot: Spot) -> u64 {
    u64::from(spot.offset) + HEADER_BYTES as u64
}

/// One of the parts that a record keeps.
struct Kept {
    /// Where it lay in its entry.
    offset: u32,
    length: usize,
    /// Where it lies in the payload of the record.
    start: u64,
}

async fn read_kept_table<F: DiskFile>(
    segment: &Readable<F>,
    spot: Spot,
) -> Result<Vec<Kept>, ReadError> {
    let header = read_header(segment, spot).await?;
    let payload = payload_start(spot);
    let read = |length: usize| async move {
        segment
            .file
            .read_at(payload, length.min(header.payload_bytes))
            .await
            .map_err(|error| damaged(spot, &error))
    };
    let count = read(4).await?;
    let count = count
        .first_chunk()
        .map_or(0, |count| u32::from_le_bytes(*count)) as usize;
    let table_bytes = count
        .checked_mul(PART_BYTES)
        .and_then(|bytes| bytes.checked_add(4))
        .filter(|bytes| *bytes <= header.payload_bytes)
        .ok_or_else(|| damaged(spot, "a table of parts is damaged"))?;
    let (table, start) = part_table(&read(table_bytes).await?)
        .ok_or_else(|| damaged(spot, "a table of parts is damaged"))?;
    let mut start = start as u64;
    let table = table.into_iter().map(|(offset, length)| {
        let kept = Kept {
            offset,
            length,
            start,
        };
        start += length as u64;
        kept
    });
    Ok(table.collect())
}
