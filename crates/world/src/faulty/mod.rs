//! A world around another one, which can be broken on purpose: links between nodes that lose or
//! delay what passes, and a disk that takes its time. Neither Raft nor the log know of it.
//!
//! Rules are data ([`Rules`]), and who has the [`RuleBook`] changes them. A connection belongs to
//! the node that dialled it, which knows both ends by the address: there, both what leaves and what
//! arrives passes the rules. So both ends of a link are told its rules, and the listener's side of a
//! connection lets everything through. While no rule is in force, a read or a write costs one look
//! at one flag more than without this; without a book, not even that.

mod disk;
mod lateness;
mod network;
mod rules;
mod stream;
#[cfg(test)]
mod tests;
mod transit;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

pub use self::disk::{FaultyDisk, FaultyFile};
pub use self::network::{FaultyListener, FaultyNetwork};
pub use self::rules::{ClientRule, DiskRule, LinkRule, Passage, RuleBook, Rules};
pub use self::stream::FaultyStream;
use crate::World;

/// What a node must know to be broken: its rules, and who is where.
#[derive(Clone, Debug)]
pub struct Breakable {
    /// The rules, which may change at any time.
    pub book: RuleBook,
    /// This node.
    pub me: u64,
    /// Where each node listens for its peers. What is dialled elsewhere passes no rules.
    pub nodes: BTreeMap<SocketAddr, u64>,
}

/// Another world, with rules for its network and its disk.
#[derive(Clone, Debug)]
pub struct FaultyWorld<W: World> {
    inner: W,
    disk: FaultyDisk<W::Disk>,
    network: FaultyNetwork<W::Network, W::Chance>,
}

impl<W: World> FaultyWorld<W> {
    /// Puts rules around `inner`; `None` leaves it as it is, for ever.
    pub fn new(inner: W, breakable: Option<Breakable>) -> Self {
        let breakable = breakable.map(Arc::new);
        let book = breakable.as_ref().map(|breakable| breakable.book.clone());
        FaultyWorld {
            disk: FaultyDisk::new(inner.disk().clone(), book),
            network: FaultyNetwork::new(inner.network().clone(), inner.chance().clone(), breakable),
            inner,
        }
    }
}

impl<W: World> World for FaultyWorld<W> {
    type Clock = W::Clock;
    type Disk = FaultyDisk<W::Disk>;
    type Network = FaultyNetwork<W::Network, W::Chance>;
    type Chance = W::Chance;

    fn clock(&self) -> &W::Clock {
        self.inner.clock()
    }
    fn disk(&self) -> &Self::Disk {
        &self.disk
    }
    fn network(&self) -> &Self::Network {
        &self.network
    }
    fn chance(&self) -> &W::Chance {
        self.inner.chance()
    }
}
