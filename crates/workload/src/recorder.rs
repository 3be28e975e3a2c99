//! Writes down what clients ask and are told, as the judge reads it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zonemq_history::event::{Event, Operation, Outcome, What};
use zonemq_history::{Disorder, History};

/// Tells the time since a run began. It never goes back.
#[derive(Clone)]
pub struct Stopwatch(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Stopwatch {
    /// Of whoever runs the scenario.
    pub fn new(elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Stopwatch {
        Stopwatch(Arc::new(elapsed))
    }

    /// The time since the run began.
    pub fn elapsed(&self) -> Duration {
        (self.0)()
    }
}

/// The history of a run as it grows. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    stopwatch: Stopwatch,
    recorded: Arc<Mutex<Recorded>>,
}

#[derive(Default)]
struct Recorded {
    events: Vec<Event>,
    calls: u64,
}

impl Recorder {
    /// An empty history.
    pub fn new(stopwatch: Stopwatch) -> Recorder {
        Recorder {
            stopwatch,
            recorded: Arc::default(),
        }
    }

    /// The time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.stopwatch.elapsed()
    }

    fn locked(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that is no part of a call.
    pub fn note(&self, what: What) {
        let now = u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut recorded = self.locked();
        // Between two steps of a simulation no host is asked for the time.
        let last = recorded.events.last().map_or(0, |event| event.at);
        let at = now.max(last);
        recorded.events.push(Event { at, what });
    }

    /// A client begins a call; the call's name.
    pub fn invoke(&self, client: &str, operation: Operation) -> u64 {
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

    /// The call was answered.
    pub fn ok(&self, call: u64, outcome: Outcome) {
        self.note(What::Ok { call, outcome });
    }

    /// The call was refused.
    pub fn failed(&self, call: u64, code: String) {
        self.note(What::Failed { call, code });
    }

    /// Nobody knows what came of the call.
    pub fn unknown(&self, call: u64, why: String) {
        self.note(What::Unknown { call, why });
    }

    /// What has happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.locked().events.clone()
    }

    /// What has happened so far, for the judge.
    pub fn history(&self) -> Result<History, Disorder> {
        let mut history = History::default();
        for event in self.events() {
            history.push(event)?;
        }
        Ok(history)
    }
}
