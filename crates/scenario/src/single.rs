//! A scenario for each kind of fault, made of the kind alone.

use crate::kind::Kind;

/// The prefix of the names of scenarios that are one kind of fault: `kind:kill`.
pub const PREFIX: &str = "kind:";

const RESTARTS_OF_N1: &str = r#"
[[fault]]
kind = "kill"
target = "n1"
at = 2.1
every = 3.0
lasts = 0.2
"#;

/// A scenario in which the leader meets one kind of fault again and again.
pub fn of_kind(kind: Kind) -> String {
    // One node alone may lose what was durable. And it reads only when it starts.
    let (target, and) = match kind {
        Kind::ReadError => ("n1", RESTARTS_OF_N1),
        _ if kind.destroys_durable_data() => ("n1", ""),
        _ => ("leader", ""),
    };
    // A write is torn only if the power goes within the millisecond in which it becomes durable, and
    // if it touches two sectors.
    let (every, lasts) = match kind {
        Kind::TornPowerLoss => (0.7, 0.3),
        _ => (3.0, 1.2),
    };
    format!(
        r#"
teaches = "What a cluster does when its leader meets one kind of fault, {kind}, again and again."

[workload]
lanes = ["standard", "fifo"]
senders = 3
receivers = 2
send_pause_millis = 5

[run]
seconds = 12

[[fault]]
kind = "{kind}"
target = "{target}"
at = 2.0
every = {every:.1}
lasts = {lasts}
{and}"#
    )
}
