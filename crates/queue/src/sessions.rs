//! The memory of requests: a retry gets the reply of the first try and has no effect.
//!
//! Raft's dissertation, section 6.3: each router is a client session that numbers its requests
//! and says which ones it has finished with, so the memory holds only what is open.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use zonemq_planted::{Bug, is_planted};

use crate::command::{CommandError, Outcome, Reply, Request};
use crate::ids::{RequestId, SessionId};
use crate::message::ContentPlace;
use crate::time::Millis;

/// A session that asks for nothing in this time is forgotten. Far longer than any retry.
const IDLE_LIMIT_MILLIS: u64 = 600_000;
/// More sessions than nodes are restarted in that time.
const SESSION_LIMIT: usize = 10_000;

/// All sessions. Moments are on the leaders' own clock: advancing the queues' clock by days must
/// not make retries count twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sessions {
    by_id: BTreeMap<SessionId, Session>,
    by_last_use: BTreeSet<(Millis, SessionId)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Session {
    last_used: Millis,
    finished_below: u64,
    replies: BTreeMap<u64, Reply<ContentPlace>>,
}

/// A part of the memory, small beside a piece of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum SessionsPart {
    Session {
        id: SessionId,
        last_used: Millis,
        finished_below: u64,
    },
    Reply(RequestId, Box<Reply<ContentPlace>>),
}

impl SessionsPart {
    /// About what it takes when it is encoded, rather too much than too little.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            SessionsPart::Session { .. } => 32,
            SessionsPart::Reply(_, reply) => match reply.as_ref() {
                Ok(Outcome::Received(messages)) => 64 + messages.len() * 512,
                Ok(Outcome::Sent(results)) => 64 + results.len() * 64,
                Ok(_) | Err(_) => 512,
            },
        }
    }
}

impl Sessions {
    /// The reply to a request that needs no execution: it was executed, or given up.
    pub(crate) fn settled(
        &mut self,
        wall: Millis,
        request: &Request,
    ) -> Option<Reply<ContentPlace>> {
        let session = self.touch(wall, request.id.session);
        session.finished_below = session.finished_below.max(request.finished_below);
        while let Some((&sequence, _)) = session.replies.first_key_value()
            && sequence < session.finished_below
        {
            session.replies.pop_first();
        }
        if request.id.sequence < session.finished_below {
            return Some(Err(CommandError::RequestAbandoned));
        }
        session.replies.get(&request.id.sequence).cloned()
    }

    /// Remembers the reply to a request that has just been executed.
    pub(crate) fn remember(&mut self, request: &Request, reply: Reply<ContentPlace>) {
        if let Some(session) = self.by_id.get_mut(&request.id.session)
            && !is_planted(Bug::RequestIdsForgotten)
        {
            session.replies.insert(request.id.sequence, reply);
        }
    }

    fn touch(&mut self, wall: Millis, id: SessionId) -> &mut Session {
        let session = self.by_id.entry(id).or_insert_with(|| {
            self.by_last_use.insert((wall, id));
            Session {
                last_used: wall,
                finished_below: 0,
                replies: BTreeMap::new(),
            }
        });
        // The requests of one entry have one moment.
        if session.last_used != wall {
            self.by_last_use.remove(&(session.last_used, id));
            self.by_last_use.insert((wall, id));
            session.last_used = wall;
        }
        session
    }

    /// Forgets sessions that nobody uses.
    pub(crate) fn expire(&mut self, wall: Millis) {
        while let Some(&(last_used, id)) = self.by_last_use.first()
            && (wall.millis_since(last_used) >= IDLE_LIMIT_MILLIS
                || self.by_id.len() > SESSION_LIMIT)
        {
            self.by_last_use.pop_first();
            self.by_id.remove(&id);
        }
    }

    /// How many replies are remembered.
    pub(crate) fn replies(&self) -> usize {
        let sessions = self.by_id.values();
        sessions.map(|session| session.replies.len()).sum()
    }

    /// All of it; each session before its replies.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = SessionsPart> + Send {
        self.by_id.into_iter().flat_map(|(id, session)| {
            let head = SessionsPart::Session {
                id,
                last_used: session.last_used,
                finished_below: session.finished_below,
            };
            let replies = session.replies.into_iter().map(move |(sequence, reply)| {
                let request = RequestId {
                    session: id,
                    sequence,
                };
                SessionsPart::Reply(request, Box::new(reply))
            });
            std::iter::once(head).chain(replies)
        })
    }

    /// Takes the next part; nothing if it does not fit.
    pub(crate) fn restore(&mut self, part: SessionsPart) -> Option<()> {
        match part {
            SessionsPart::Session {
                id,
                last_used,
                finished_below,
            } => {
                self.touch(last_used, id).finished_below = finished_below;
            }
            SessionsPart::Reply(request, reply) => {
                let session = self.by_id.get_mut(&request.session)?;
                session.replies.insert(request.sequence, *reply);
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    fn request(session: u64, sequence: u64, finished_below: u64) -> Request {
        Request {
            id: RequestId {
                session: SessionId(session),
                sequence,
            },
            finished_below,
            command: Command::AdvanceClock { millis: 0 },
        }
    }

    fn execute(sessions: &mut Sessions, wall: u64, request: &Request) {
        assert_eq!(sessions.settled(Millis(wall), request), None);
        sessions.remember(request, Ok(Outcome::Done));
    }

    #[test]
    fn replies_are_remembered_until_their_router_has_finished_with_them() {
        let mut sessions = Sessions::default();
        for sequence in 1..=3 {
            execute(&mut sessions, 0, &request(1, sequence, 0));
        }
        let done = Some(Ok(Outcome::Done));
        assert_eq!(sessions.settled(Millis(0), &request(1, 1, 0)), done);
        execute(&mut sessions, 0, &request(1, 4, 3));
        let abandoned = Some(Err(CommandError::RequestAbandoned));
        assert_eq!(sessions.settled(Millis(0), &request(1, 2, 0)), abandoned);
        assert_eq!(sessions.settled(Millis(0), &request(1, 3, 0)), done);
    }

    #[test]
    fn there_is_a_limit_to_sessions_and_the_one_longest_unused_goes_first() {
        let mut sessions = Sessions::default();
        for session in 0..=SESSION_LIMIT as u64 {
            execute(&mut sessions, session, &request(session, 1, 0));
        }
        sessions.expire(Millis(SESSION_LIMIT as u64));
        assert_eq!(sessions.by_id.len(), SESSION_LIMIT);
        let done = Some(Ok(Outcome::Done));
        assert_eq!(sessions.settled(Millis(0), &request(0, 1, 0)), None);
        assert_eq!(sessions.settled(Millis(0), &request(1, 1, 0)), done);
    }
}
