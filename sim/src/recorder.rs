//! Writes down what clients ask and are told, as the judge reads it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zonemq_history::History;
use zonemq_history::event::{Event, Operation, Outcome, What};

use crate::world;

/// The history of a run as it grows. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    events: Vec<Event>,
    calls: u64,
}

impl Recorder {
    fn locked(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that is no part of a call.
    pub(crate) fn note(&self, what: What) {
        let now = u64::try_from(world::elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut recorded = self.locked();
        // Between two steps no host is asked for the time.
        let last = recorded.events.last().map_or(0, |event| event.at);
        let at = now.max(last);
        recorded.events.push(Event { at, what });
    }

    /// A client begins a call; the call's name.
    pub(crate) fn invoke(&self, client: &str, operation: Operation) -> u64 {
        let call = {
            let mut recorded = self.locked();
            recorded.calls += 1;
            recorded.calls
        };
        let client = client.to_owned();
        self.note(What::Invoke {
            client,
            call,
            operation,
        });
        call
    }

    pub(crate) fn ok(&self, call: u64, outcome: Outcome) {
        self.note(What::Ok { call, outcome });
    }

    pub(crate) fn failed(&self, call: u64, code: String) {
        self.note(What::Failed { call, code });
    }

    pub(crate) fn unknown(&self, call: u64, why: String) {
        self.note(What::Unknown { call, why });
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.locked().events.clone()
    }

    /// What has happened so far, for the judge.
    pub(crate) fn history(&self) -> anyhow::Result<History> {
        let mut history = History::default();
        for event in self.events() {
            history.push(event)?;
        }
        Ok(history)
    }
}
