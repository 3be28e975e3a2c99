//! How much later something arrives, as the dice fall.

use std::time::Duration;

use super::LinkRule;
use crate::Chance;

/// TCP's first retransmission; each one after it takes twice as long.
const RETRANSMISSION: Duration = Duration::from_millis(200);
/// After so many the pause does not grow: a fault is to be seen, not to last for minutes.
const RETRANSMISSIONS: u32 = 6;

/// How much later than without the rule a packet arrives.
pub(super) fn lateness(rule: &LinkRule, chance: &impl Chance) -> Duration {
    let mut late = Duration::from_millis(rule.latency_millis);
    if rule.jitter_millis > 0 {
        let most = Duration::from_millis(rule.jitter_millis);
        late = late.saturating_add(most.mul_f64(share(chance)));
    }
    if rule.loss > 0.0 {
        let mut pause = RETRANSMISSION;
        for _ in 0..RETRANSMISSIONS {
            if share(chance) >= rule.loss {
                break;
            }
            late = late.saturating_add(pause);
            pause *= 2;
        }
    }
    late
}

/// A number from 0 to 1, without 1.
fn share(chance: &impl Chance) -> f64 {
    // As many bits as the fraction of an f64 has.
    const BITS: u32 = 53;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let share = (chance.next_u64() >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64;
    share
}
