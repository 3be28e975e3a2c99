//! What should follow when something of a cluster breaks: functions over a picture of it.
//!
//! `zonemq fault` and the console say it before they act, so that whoever watches has something to
//! hold what happens against.

mod picture;
mod predict;

pub use picture::{NodeState, Picture, PictureNode};
pub use predict::{Leadership, Prediction, ZoneOutlook, predict};

/// `n1, n2`.
pub fn names<'a>(ids: impl IntoIterator<Item = &'a u64>) -> String {
    let names: Vec<String> = ids.into_iter().map(|id| format!("n{id}")).collect();
    names.join(", ")
}
