//! All lessons.

mod fifo;
mod leader_loss;
mod lost_response;
mod minority;
mod quorum;
mod visibility;

use crate::Lesson;

/// All of them, in the order in which they build on each other.
pub(crate) const ALL: [Lesson; 6] = [
    quorum::LESSON,
    leader_loss::LESSON,
    minority::LESSON,
    visibility::LESSON,
    fifo::LESSON,
    lost_response::LESSON,
];
