//! What time brings about in a queue by itself: ends of delays and time-outs, messages that expire,
//! duplicates that are forgotten. A command that touches the queue carries it out.

/// Steps of upkeep in one batch: some ten milliseconds. Whoever applies batches also answers
/// heartbeats, and would be taken for dead while a queue drops the millions of messages that have
/// expired since somebody last asked for one.
const STEPS_IN_A_BATCH: u32 = 20_000;

/// The upkeep that one batch may still do, in all queues that it touches. The next batch goes on.
#[derive(Debug)]
pub(crate) struct Upkeep {
    steps_left: u32,
}

impl Upkeep {
    pub(crate) fn of_a_batch() -> Upkeep {
        Upkeep {
            steps_left: STEPS_IN_A_BATCH,
        }
    }

    #[cfg(test)]
    pub(crate) fn of(steps: u32) -> Upkeep {
        Upkeep { steps_left: steps }
    }

    /// Whether there may be one more step, which is taken then.
    pub(crate) fn takes_a_step(&mut self) -> bool {
        let left = self.steps_left.checked_sub(1);
        self.steps_left = left.unwrap_or(0);
        left.is_some()
    }
}
