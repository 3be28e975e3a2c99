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
pub(crate) struct Attempt {
    at: Millis,
    given: Vec<Given>,
}

impl Attempt {
    /// About what it takes when it is encoded, rather too much than too little.
    pub(crate) fn size_bytes(&self) -> usize {
        16 + self.given.len() * 32
    }
}

/// The answers of one queue in the last five minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
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
        self.restore(id.to_owned(), Attempt { at: now, given });
    }

    /// All of them, by id.
    pub(crate) fn into_iter(self) -> impl Iterator<Item = (String, Attempt)> + Send {
        self.by_id.into_iter()
    }

    pub(crate) fn restore(&mut self, id: String, attempt: Attempt) {
        let at = attempt.at;
        if let Some(before) = self.by_id.insert(id.clone(), attempt) {
            self.by_age.remove(&(before.at, id.clone()));
        }
        self.by_age.insert((at, id));
    }
}
