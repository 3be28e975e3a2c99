//! What can go wrong.

use std::fmt;

use serde::Deserialize;

/// A kind of fault. `amount` is its strength where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The process dies and starts again afterwards.
    Kill,
    /// The machine loses its power, and with it everything that was not synced.
    PowerLoss,
    /// The machine loses its power, and some sectors of what was not synced are there.
    TornPowerLoss,
    /// The process dies again and again; `amount`: milliseconds between.
    RestartStorm,
    /// One node after the other is restarted; `amount`: milliseconds that each is down.
    RollingRestart,
    /// The machine stalls: its disk stands still and nothing passes its network card.
    Pause,
    /// Disk and network of the machine are slow; `amount`: milliseconds.
    SlowNode,

    /// No node reaches the target, and it reaches none. Clients still do.
    Isolate,
    /// Neither nodes nor clients outside reach the target.
    IsolateFromAll,
    /// The nodes fall into two halves, by chance.
    Halves,
    /// Each node reaches only its two neighbours.
    Ring,
    /// Two halves that only one node still connects.
    Bridge,
    /// Each node is alone.
    AllApart,
    /// The target hears nothing from other nodes, but they hear it.
    CutInbound,
    /// The target is heard by no other node, but hears them.
    CutOutbound,
    /// Clients do not reach the target.
    CutClients,
    /// What the target answers to clients is lost on the way.
    LoseResponses,
    /// Everything on the way is lost for ever, and connections stay open and dumb.
    HalfOpen,
    /// Everything takes longer; `amount`: milliseconds.
    Delay,
    /// Everything takes longer by chance; `amount`: milliseconds at most.
    Jitter,
    /// Packets are lost and sent again; `amount`: the share.
    Loss,
    /// `amount`: bytes per second.
    SlowLink,

    /// fsync reports an error, and what it should have written never is.
    SyncError,
    /// Writes fail.
    WriteError,
    /// Reads fail.
    ReadError,
    /// There is no space left.
    DiskFull,
    /// Each operation takes longer; `amount`: milliseconds.
    SlowDisk,
    /// The node is restarted after one bit of what it wrote has flipped.
    BitFlip,
    /// One write lands in another place, and the node is restarted after it.
    MisdirectedWrite,

    /// The clock is set forward, or back where `amount` is negative: milliseconds.
    ClockJump,
    /// The clock gains, or loses where `amount` is negative: microseconds per second.
    ClockDrift,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 31] = [
        Kind::Kill,
        Kind::PowerLoss,
        Kind::TornPowerLoss,
        Kind::RestartStorm,
        Kind::RollingRestart,
        Kind::Pause,
        Kind::SlowNode,
        Kind::Isolate,
        Kind::IsolateFromAll,
        Kind::Halves,
        Kind::Ring,
        Kind::Bridge,
        Kind::AllApart,
        Kind::CutInbound,
        Kind::CutOutbound,
        Kind::CutClients,
        Kind::LoseResponses,
        Kind::HalfOpen,
        Kind::Delay,
        Kind::Jitter,
        Kind::Loss,
        Kind::SlowLink,
        Kind::SyncError,
        Kind::WriteError,
        Kind::ReadError,
        Kind::DiskFull,
        Kind::SlowDisk,
        Kind::BitFlip,
        Kind::MisdirectedWrite,
        Kind::ClockJump,
        Kind::ClockDrift,
    ];

    /// Whether it can take what was durable from a node, so that only one node may ever have it:
    /// no replicated log survives the loss of two copies of three.
    pub fn destroys_durable_data(self) -> bool {
        matches!(self, Kind::BitFlip | Kind::MisdirectedWrite)
    }

    /// Whether it can happen to the link between two nodes.
    pub fn befalls_links(self) -> bool {
        matches!(
            self,
            Kind::Isolate
                | Kind::HalfOpen
                | Kind::Delay
                | Kind::Jitter
                | Kind::Loss
                | Kind::SlowLink
        )
    }

    /// The least and the most `amount` where chance decides.
    pub fn amounts(self) -> (f64, f64) {
        match self {
            Kind::RestartStorm => (100.0, 1500.0),
            Kind::RollingRestart => (100.0, 2000.0),
            Kind::Delay => (5.0, 400.0),
            Kind::SlowNode | Kind::Jitter => (5.0, 200.0),
            Kind::Loss => (0.01, 0.3),
            Kind::SlowLink => (20_000.0, 1_000_000.0),
            Kind::SlowDisk => (2.0, 300.0),
            Kind::ClockJump => (-60_000.0, 60_000.0),
            Kind::ClockDrift => (-200_000.0, 200_000.0),
            Kind::Kill
            | Kind::PowerLoss
            | Kind::TornPowerLoss
            | Kind::Pause
            | Kind::Isolate
            | Kind::IsolateFromAll
            | Kind::Halves
            | Kind::Ring
            | Kind::Bridge
            | Kind::AllApart
            | Kind::CutInbound
            | Kind::CutOutbound
            | Kind::CutClients
            | Kind::LoseResponses
            | Kind::HalfOpen
            | Kind::SyncError
            | Kind::WriteError
            | Kind::ReadError
            | Kind::DiskFull
            | Kind::BitFlip
            | Kind::MisdirectedWrite => (0.0, 0.0),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name as scenarios write it, made of the variant's own.
        for (at, letter) in format!("{self:?}").char_indices() {
            if letter.is_uppercase() && at > 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}
