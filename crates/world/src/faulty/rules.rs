//! What goes wrong, as data: rules for links, for the disk and for clients, and the book in which
//! the rules in force stand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Whether something lets through what comes, from the mildest to the hardest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passage {
    /// It does.
    #[default]
    Open,
    /// Nothing arrives now; what was sent arrives after it opens again, as TCP retransmits.
    Held,
    /// What is sent is lost without an error, and the connection stays dumb for ever.
    Swallowed,
    /// Connections are broken off and refused, as by a firewall that rejects.
    Refused,
}

impl Passage {
    /// Whether everything passes.
    pub fn is_open(&self) -> bool {
        *self == Passage::Open
    }
}

/// What a link does to what passes, in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkRule {
    /// Whether anything passes.
    #[serde(skip_serializing_if = "Passage::is_open")]
    pub passage: Passage,
    /// How much later everything arrives.
    #[serde(skip_serializing_if = "is_zero")]
    pub latency_millis: u64,
    /// How much later still, at most, by chance.
    #[serde(skip_serializing_if = "is_zero")]
    pub jitter_millis: u64,
    /// The share of packets that are lost. TCP sends them again, so what is seen of it is a pause.
    #[serde(skip_serializing_if = "is_none")]
    pub loss: f64,
    /// How much passes in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(millis: &u64) -> bool {
    *millis == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(share: &f64) -> bool {
    *share <= 0.0
}

impl LinkRule {
    /// A rule that lets all of it pass, or nothing, and delays nothing.
    pub fn passing(passage: Passage) -> LinkRule {
        LinkRule {
            passage,
            ..LinkRule::default()
        }
    }

    /// Both rules at once.
    #[must_use]
    pub fn and(self, other: LinkRule) -> LinkRule {
        let rates = [self.bytes_per_second, other.bytes_per_second];
        LinkRule {
            passage: self.passage.max(other.passage),
            latency_millis: self.latency_millis.saturating_add(other.latency_millis),
            jitter_millis: self.jitter_millis.saturating_add(other.jitter_millis),
            loss: self.loss.max(other.loss),
            bytes_per_second: rates.into_iter().flatten().min(),
        }
    }
}

/// What a disk does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiskRule {
    /// How much longer each fsync takes.
    #[serde(skip_serializing_if = "is_zero")]
    pub fsync_millis: u64,
    /// Whether there is no space left.
    pub is_full: bool,
}

impl DiskRule {
    /// Both rules at once.
    #[must_use]
    pub fn and(self, other: DiskRule) -> DiskRule {
        DiskRule {
            fsync_millis: self.fsync_millis.saturating_add(other.fsync_millis),
            is_full: self.is_full || other.is_full,
        }
    }
}

/// What happens between a node and its clients. The world does not apply it: on the same port lie
/// the paths by which a fault is undone. Whoever serves clients does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientRule {
    /// Whether requests reach the node.
    #[serde(skip_serializing_if = "Passage::is_open")]
    pub requests: Passage,
    /// Whether what the node answers reaches the client.
    #[serde(skip_serializing_if = "Passage::is_open")]
    pub answers: Passage,
}

impl ClientRule {
    /// Both rules at once.
    #[must_use]
    pub fn and(self, other: ClientRule) -> ClientRule {
        ClientRule {
            requests: self.requests.max(other.requests),
            answers: self.answers.max(other.answers),
        }
    }
}

/// Everything that is wrong with one node's surroundings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    links: BTreeMap<(u64, u64), LinkRule>,
    /// The node's own disk.
    pub disk: DiskRule,
    /// The node's own clients.
    pub clients: ClientRule,
}

impl Rules {
    /// What happens to everything that `from` sends to `to`.
    pub fn link(&self, from: u64, to: u64) -> LinkRule {
        self.links.get(&(from, to)).copied().unwrap_or_default()
    }

    /// Adds a rule to those of a link.
    pub fn add_link(&mut self, from: u64, to: u64, rule: LinkRule) {
        let rules = self.links.entry((from, to)).or_default();
        *rules = rules.and(rule);
    }

    /// Whether a connection can be made: it needs an answer too.
    pub fn can_connect(&self, from: u64, to: u64) -> bool {
        [self.link(from, to), self.link(to, from)]
            .iter()
            .all(|rule| rule.passage.is_open())
    }
}

/// The rules in force. Clones share them.
#[derive(Clone, Debug)]
pub struct RuleBook(Arc<Book>);

#[derive(Debug)]
struct Book {
    /// Nothing is wrong: looked at before each read and write, so it must cost nothing.
    is_calm: AtomicBool,
    rules: watch::Sender<Rules>,
}

impl Default for RuleBook {
    fn default() -> Self {
        RuleBook(Arc::new(Book {
            is_calm: AtomicBool::new(true),
            rules: watch::Sender::new(Rules::default()),
        }))
    }
}

impl RuleBook {
    /// A book without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts other rules in force, at once.
    pub fn set(&self, rules: Rules) {
        let is_calm = rules == Rules::default();
        self.0.rules.send_replace(rules);
        // What saw the old flag sees the new rules at its next look: the change has a moment, and
        // nobody can tell on which side of it he was.
        self.0.is_calm.store(is_calm, Ordering::Release);
    }

    /// Whether no rule is in force.
    pub fn is_calm(&self) -> bool {
        self.0.is_calm.load(Ordering::Acquire)
    }

    /// Looks something up.
    pub fn look<T>(&self, up: impl FnOnce(&Rules) -> T) -> T {
        up(&self.0.rules.borrow())
    }

    /// Waits until the rules are so.
    pub async fn wait_until(&self, is_so: impl FnMut(&Rules) -> bool) {
        // The sender lives as long as this book.
        let _ = self.0.rules.subscribe().wait_for(is_so).await;
    }

    /// Resolves at the next change of the rules after this call, not after its first poll.
    pub fn next_change(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut rules = self.0.rules.subscribe();
        let book = self.clone();
        async move {
            // Held by the future, so that the sender outlives the wait.
            let _book = book;
            let _ = rules.changed().await;
        }
    }

    /// Takes as long as `pause`, or until it is no longer what the rules say.
    pub async fn pause(&self, pause: impl Fn(&Rules) -> Duration) {
        let wanted = self.look(&pause);
        if wanted.is_zero() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wanted) => {}
            () = self.wait_until(|rules| pause(rules) < wanted) => {}
        }
    }
}
