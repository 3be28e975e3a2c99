//! The scenarios that every program knows by name.

/// Their names with their texts.
pub const BUNDLED: &[(&str, &str)] = &[
    ("smoke", include_str!("../scenarios/smoke.toml")),
    ("everything", include_str!("../scenarios/everything.toml")),
    ("retention", include_str!("../scenarios/retention.toml")),
    ("leader-kill", include_str!("../scenarios/leader-kill.toml")),
    (
        "leader-restart",
        include_str!("../scenarios/leader-restart.toml"),
    ),
    (
        "leader-in-the-minority",
        include_str!("../scenarios/leader-in-the-minority.toml"),
    ),
    ("halves", include_str!("../scenarios/halves.toml")),
    ("one-way", include_str!("../scenarios/one-way.toml")),
    ("one-link", include_str!("../scenarios/one-link.toml")),
    ("bridge", include_str!("../scenarios/bridge.toml")),
    ("all-apart", include_str!("../scenarios/all-apart.toml")),
    (
        "zone-power-loss",
        include_str!("../scenarios/zone-power-loss.toml"),
    ),
    (
        "power-loss-of-all",
        include_str!("../scenarios/power-loss-of-all.toml"),
    ),
    ("power-cuts", include_str!("../scenarios/power-cuts.toml")),
    ("slow-votes", include_str!("../scenarios/slow-votes.toml")),
    (
        "lost-response",
        include_str!("../scenarios/lost-response.toml"),
    ),
    (
        "failing-disks",
        include_str!("../scenarios/failing-disks.toml"),
    ),
    ("sync-calls", include_str!("../scenarios/sync-calls.toml")),
    ("bit-rot", include_str!("../scenarios/bit-rot.toml")),
    ("slow-leader", include_str!("../scenarios/slow-leader.toml")),
    ("stalled", include_str!("../scenarios/stalled.toml")),
    ("lossy", include_str!("../scenarios/lossy.toml")),
    ("clocks", include_str!("../scenarios/clocks.toml")),
    (
        "rolling-restart",
        include_str!("../scenarios/rolling-restart.toml"),
    ),
    ("swarm", include_str!("../scenarios/swarm.toml")),
];
