//! The queues that clients use, and who the clients are: each lane exercises a promise.

use serde::Deserialize;
use zonemq_history::event::{DeadLetters, Settings};

const VISIBILITY_MILLIS: u64 = 3_000;

/// A group of queues with its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// A standard queue; some receivers forget to delete, some change the visibility.
    Standard,
    /// A FIFO queue with several groups; senders try again under the same deduplication id.
    Fifo,
    /// A queue whose messages often die, its dead-letter queue, and tasks that move them on.
    DeadLetters,
    /// Messages that come later.
    Delays,
    /// A queue that is purged now and then.
    Purges,
    /// Messages that expire, because somebody advances the clock.
    Retention,
}

/// What a client of a lane does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Who sends.
    Sender,
    /// Who receives and deletes.
    Receiver,
    /// Who purges, moves or advances the clock.
    Administrator,
}

impl Lane {
    /// Its queues with their settings. Those that others need come first.
    pub fn queues(self) -> Vec<(&'static str, Settings)> {
        let standard = Settings {
            visibility_millis: VISIBILITY_MILLIS,
            ..Settings::default()
        };
        match self {
            Lane::Standard => vec![("work", standard)],
            Lane::Fifo => vec![(
                "ordered.fifo",
                Settings {
                    fifo: true,
                    ..standard
                },
            )],
            Lane::DeadLetters => vec![
                ("dead", standard.clone()),
                (
                    "mortal",
                    Settings {
                        dead_letters: Some(DeadLetters {
                            queue: "dead".to_owned(),
                            max_receives: 2,
                        }),
                        ..standard.clone()
                    },
                ),
                ("moved", standard),
            ],
            Lane::Delays => vec![(
                "later",
                Settings {
                    delay_millis: 2_000,
                    ..standard
                },
            )],
            Lane::Purges => vec![("wiped", standard)],
            Lane::Retention => vec![(
                "brief",
                Settings {
                    retention_millis: Some(60_000),
                    ..standard
                },
            )],
        }
    }

    /// Whether somebody purges, moves or advances the clock.
    pub fn has_administrator(self) -> bool {
        match self {
            Lane::DeadLetters | Lane::Purges | Lane::Retention => true,
            Lane::Standard | Lane::Fifo | Lane::Delays => false,
        }
    }

    /// Where its senders send.
    pub fn target(self) -> &'static str {
        match self {
            Lane::Standard => "work",
            Lane::Fifo => "ordered.fifo",
            Lane::DeadLetters => "mortal",
            Lane::Delays => "later",
            Lane::Purges => "wiped",
            Lane::Retention => "brief",
        }
    }

    /// The part of its deliveries that receivers do not delete.
    pub fn forgetfulness(self, queue: &str) -> f64 {
        match (self, queue) {
            (Lane::DeadLetters, "mortal" | "dead") => 0.7,
            (Lane::Retention, _) => 0.8,
            _ => 0.1,
        }
    }
}

/// How many clients, and how fast they are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Load {
    /// What they do.
    pub lanes: Vec<Lane>,
    /// Of each lane.
    pub senders: u64,
    /// Of each lane.
    pub receivers: u64,
    /// Between two sends of one sender.
    pub send_pause_millis: u64,
}

impl Default for Load {
    fn default() -> Self {
        Load {
            lanes: vec![Lane::Standard],
            senders: 2,
            receivers: 2,
            send_pause_millis: 20,
        }
    }
}

impl Load {
    /// Every client, lane by lane.
    pub fn roles(&self) -> Vec<(Lane, Role)> {
        let mut roles = Vec::new();
        for &lane in &self.lanes {
            roles.extend((0..self.senders).map(|_| (lane, Role::Sender)));
            roles.extend((0..self.receivers).map(|_| (lane, Role::Receiver)));
            roles.extend(
                lane.has_administrator()
                    .then_some((lane, Role::Administrator)),
            );
        }
        roles
    }
}
