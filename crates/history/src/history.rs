//! A history as calls: each with its beginning, its end, and what lay between.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Event, Operation, Outcome, Settings, What};

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was answered.
    Ok(Outcome),
    /// It was refused, and had no effect.
    Failed(String),
    /// Nobody knows. So, too, a call that had not ended when the history did.
    Unknown,
}

/// A call of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name in the history.
    pub number: u64,
    /// Who called.
    pub client: String,
    /// What for.
    pub operation: Operation,
    /// When it began, in microseconds.
    pub invoked_at: u64,
    /// When it ended; never where that is unknown, for its effect may come at any time.
    pub ended_at: u64,
    /// How.
    pub end: End,
}

impl Call {
    /// Whether it has had an effect, or may have one.
    pub fn may_have_effect(&self) -> bool {
        !matches!(self.end, End::Failed(_))
    }
}

/// An event that cannot have happened after those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    /// Two calls have one name.
    #[error("call {0} begins a second time")]
    BegunTwice(u64),
    /// A call ends that has not begun, or has ended.
    #[error("call {0} ends, and is not under way")]
    NotUnderWay(u64),
    /// Time goes back.
    #[error("it happens at {at} µs, before the event on the line above")]
    TimeGoesBack {
        /// The moment of the event.
        at: u64,
    },
}

/// What clients asked and were told.
#[derive(Clone, Debug, Default)]
pub struct History {
    calls: Vec<Call>,
    begun: BTreeSet<u64>,
    /// Where the calls are that have not ended.
    open: BTreeMap<u64, usize>,
    settings: BTreeMap<String, Settings>,
    drained: BTreeMap<String, u64>,
    clocks_err: bool,
    last: u64,
}

impl History {
    /// Adds what happened next.
    pub fn push(&mut self, event: Event) -> Result<(), Disorder> {
        let Event { at, what } = event;
        if at < self.last {
            return Err(Disorder::TimeGoesBack { at });
        }
        self.last = at;
        match what {
            What::Invoke {
                client,
                call,
                operation,
            } => {
                if let Operation::CreateQueue { queue, settings } = &operation {
                    self.settings.insert(queue.clone(), settings.clone());
                }
                if !self.begun.insert(call) {
                    return Err(Disorder::BegunTwice(call));
                }
                self.open.insert(call, self.calls.len());
                self.calls.push(Call {
                    number: call,
                    client,
                    operation,
                    invoked_at: at,
                    ended_at: u64::MAX,
                    end: End::Unknown,
                });
            }
            What::Ok { call, outcome } => self.end(call, at, End::Ok(outcome))?,
            What::Failed { call, code } => self.end(call, at, End::Failed(code))?,
            What::Unknown { call, why: _ } => self.end(call, u64::MAX, End::Unknown)?,
            What::ClocksErr => self.clocks_err = true,
            What::Drained { queue } => {
                self.drained.insert(queue, at);
            }
            What::Healed | What::Note { .. } => {}
        }
        Ok(())
    }

    fn end(&mut self, call: u64, at: u64, end: End) -> Result<(), Disorder> {
        let place = self.open.remove(&call).ok_or(Disorder::NotUnderWay(call))?;
        let ended = &mut self.calls[place];
        ended.ended_at = at;
        ended.end = end;
        Ok(())
    }

    /// All calls in the order in which they began.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The settings of a queue; the defaults of the judge where nobody created it in this history.
    pub fn settings(&self, queue: &str) -> Settings {
        self.settings.get(queue).cloned().unwrap_or_default()
    }

    /// When a queue was drained for the last time.
    pub fn drained_at(&self, queue: &str) -> Option<u64> {
        self.drained.get(queue).copied()
    }

    /// Whether promises about time can be judged.
    pub fn clocks_are_right(&self) -> bool {
        !self.clocks_err
    }
}
