//! What the judge says.

use std::fmt;

use crate::history::{End, History};
use crate::invariants;
use crate::messages::Messages;

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// An acknowledged message is delivered until it is deleted, purged or expired.
    NoLoss,
    /// Nothing is delivered that nobody sent, or that was refused.
    NoPhantom,
    /// A message keeps its id, and an id has one message.
    Integrity,
    /// While a delivery is hidden, nobody else gets the message.
    VisibilityExclusivity,
    /// What is deleted is never delivered again.
    NoResurrection,
    /// Messages of a group come in their order, and none while an earlier one is in flight.
    GroupOrder,
    /// Sequence numbers of a group grow.
    SequenceNumbers,
    /// In five minutes, one deduplication id is one message.
    Deduplication,
    /// Each delivery counts, by one.
    ReceiveCounts,
    /// A message dies when it was received as often as its queue says, not before and not after.
    DeadLetters,
    /// A message is in one queue at a time.
    OneQueue,
    /// A delayed message is hidden until its time.
    Delay,
    /// A message is gone when its retention period is over.
    Retention,
    /// What a purge was asked for is gone.
    Purge,
    /// A receipt handle is of one delivery.
    Handles,
}

impl Invariant {
    /// Its name, as reports have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Invariant::NoLoss => "no loss",
            Invariant::NoPhantom => "no phantom",
            Invariant::Integrity => "integrity",
            Invariant::VisibilityExclusivity => "visibility exclusivity",
            Invariant::NoResurrection => "no resurrection",
            Invariant::GroupOrder => "group order",
            Invariant::SequenceNumbers => "sequence numbers",
            Invariant::Deduplication => "deduplication",
            Invariant::ReceiveCounts => "receive counts",
            Invariant::DeadLetters => "dead letters",
            Invariant::OneQueue => "one queue",
            Invariant::Delay => "delay",
            Invariant::Retention => "retention",
            Invariant::Purge => "purge",
            Invariant::Handles => "handles",
        }
    }
}

/// A broken promise with what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub invariant: Invariant,
    /// The smallest story that shows it, in plain words.
    pub story: String,
    /// When it became certain, in microseconds.
    pub at: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant.as_str(), self.story)
    }
}

/// What the judge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No promise was broken.
    Pass(Summary),
    /// These were, the first first.
    Violated(Summary, Vec<Violation>),
    /// Nothing can be said.
    Unknown(String),
}

/// What was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Calls that were answered, refused, and those of which nobody knows.
    pub answered: u64,
    /// Refused.
    pub refused: u64,
    /// Unknown.
    pub unknown: u64,
    /// Messages of which a sender was told that they are accepted.
    pub acknowledged: u64,
    /// Messages that were delivered at least once.
    pub delivered: u64,
    /// Deliveries after the first.
    pub redeliveries: u64,
    /// Messages whose fate is certain, because their queue was drained.
    pub accounted_for: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls answered, {} refused, {} unknown; {} messages acknowledged, {} delivered \
             ({} redeliveries), {} accounted for in drained queues",
            self.answered,
            self.refused,
            self.unknown,
            self.acknowledged,
            self.delivered,
            self.redeliveries,
            self.accounted_for,
        )
    }
}

/// Judges a history.
pub fn judge(history: &History) -> Verdict {
    if history.calls().is_empty() {
        return Verdict::Unknown("the history has no calls".to_owned());
    }
    let messages = Messages::of(history);
    let mut violations = invariants::check(&messages);
    violations.sort_by_key(|violation| (violation.at, violation.invariant));
    let summary = summary(&messages);
    if !violations.is_empty() {
        return Verdict::Violated(summary, violations);
    }
    if summary.acknowledged > 0 && summary.accounted_for == 0 {
        return Verdict::Unknown(
            "no queue was drained at the end, so nobody knows whether messages are lost".to_owned(),
        );
    }
    Verdict::Pass(summary)
}

fn summary(messages: &Messages<'_>) -> Summary {
    let mut summary = Summary::default();
    for call in messages.history.calls() {
        *match call.end {
            End::Ok(_) => &mut summary.answered,
            End::Failed(_) => &mut summary.refused,
            End::Unknown => &mut summary.unknown,
        } += 1;
    }
    for message in messages.by_body.values() {
        let deliveries = message.deliveries.len() as u64;
        if let Some(send) = message.acknowledged() {
            summary.acknowledged += 1;
            let is_drained = messages.history.drained_at(send.queue).is_some();
            summary.accounted_for += u64::from(is_drained);
        }
        summary.delivered += u64::from(deliveries > 0);
        summary.redeliveries += deliveries.saturating_sub(1);
    }
    summary
}
