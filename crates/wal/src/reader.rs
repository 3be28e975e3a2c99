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
                let mut parts = Vec::with_capacity(wanted.len());
                for place in wanted {
                    parts.push(read_part(&places, group, place).await);
                }
                let _ = reply.send(parts);
            }
        }
    }
}

type Located<F> = Option<(Place, Arc<Readable<F>>)>;

fn locate<F>(places: &SharedPlaces<F>, group: GroupId, index: u64) -> Located<F> {
    let places = places.read().unwrap_or_else(PoisonError::into_inner);
    let place = places.locate(group, index)?;
    Some((place, places.segment(place.spot().segment)?))
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
        let Some((Place::Entry(spot), segment)) = locate(places, group, index) else {
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
    let start = u64::from(spot.offset) + HEADER_BYTES as u64;
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

/// The bytes as they lie there: what is in a part is for its owner to check.
pub(crate) async fn read_part<F: DiskFile>(
    places: &SharedPlaces<F>,
    group: GroupId,
    wanted: PartPlace,
) -> Result<Bytes, ReadError> {
    let Some((place, segment)) = locate(places, group, wanted.index) else {
        return Err(ReadError::NotHere(wanted.index));
    };
    let spot = place.spot();
    let payload = u64::from(spot.offset) + HEADER_BYTES as u64;
    let start = match place {
        Place::Entry(_) => payload + u64::from(wanted.offset),
        Place::Kept(_) => payload + find_kept(&segment, spot, wanted).await?,
    };
    let bytes = segment
        .file
        .read_at(start, wanted.length as usize)
        .await
        .map_err(|error| damaged(spot, &error))?;
    Ok(bytes.into())
}

/// Where a part lies in the payload of a record that keeps some.
async fn find_kept<F: DiskFile>(
    segment: &Readable<F>,
    spot: Spot,
    wanted: PartPlace,
) -> Result<u64, ReadError> {
    let header = read_header(segment, spot).await?;
    let payload = u64::from(spot.offset) + HEADER_BYTES as u64;
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
    let (table, mut start) = part_table(&read(table_bytes).await?)
        .ok_or_else(|| damaged(spot, "a table of parts is damaged"))?;
    for (offset, length) in table {
        if offset == wanted.offset && length == wanted.length as usize {
            return Ok(start as u64);
        }
        start += length;
    }
    Err(ReadError::NotHere(wanted.index))
}
