//! What the judge takes for a broken promise, what it must not, and how fast it is.

mod judging;
mod speed;
mod talk;
