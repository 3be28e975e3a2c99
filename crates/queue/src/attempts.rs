//! ReceiveRequestAttemptId: a receiver of a FIFO queue that lost the answer asks again and gets
//! the same messages with the same handles.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::MessageKey;
use crate::time::{Millis, Seconds};

const WINDOW: Seconds = Seconds(300);

/// One message of an answer. It is the same delivery as long as both are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) message: MessageKey,
    pub(crate) receive_count: u32,
    pub(crate) hidden_until: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Attempt {
    at: Millis,
    given: Vec<Given>,
}

/// The answers of one queue in the last five minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Attempts {
    by_id: BTreeMap<String, Attempt>,
    by_age: BTreeSet<(Millis, String)>,
}

impl Attempts {
    /// Forgets what is older than the window.
    pub(crate) fn advance(&mut self, now: Millis) {
        while let Some((at, _)) = self.by_age.first()
            && *at + WINDOW <= now
        {
            if let Some((_, id)) = self.by_age.pop_first() {
                self.by_id.remove(&id);
            }
        }
    }

    /// What was given for this id.
    pub(crate) fn find(&self, id: &str) -> Option<&[Given]> {
        self.by_id.get(id).map(|attempt| attempt.given.as_slice())
    }

    /// Remembers what is given now, in place of what was given before.
    pub(crate) fn remember(&mut self, now: Millis, id: &str, given: Vec<Given>) {
        let attempt = Attempt { at: now, given };
        if let Some(before) = self.by_id.insert(id.to_owned(), attempt) {
            self.by_age.remove(&(before.at, id.to_owned()));
        }
        self.by_age.insert((now, id.to_owned()));
    }
}
