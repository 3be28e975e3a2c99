//! All lessons, in the order in which they build on each other.

mod fifo;
mod leader_loss;
mod lost_response;
mod minority;
mod quorum;
mod visibility;

use super::lesson::Lesson;

/// All of them.
pub(super) const ALL: [&Lesson; 6] = [
    &quorum::LESSON,
    &leader_loss::LESSON,
    &minority::LESSON,
    &visibility::LESSON,
    &fifo::LESSON,
    &lost_response::LESSON,
];

/// The lesson of this name.
pub(super) fn named(name: &str) -> Option<&'static Lesson> {
    ALL.into_iter().find(|lesson| lesson.name == name)
}
