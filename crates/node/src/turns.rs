//! Turns for what crowds of clients do in one moment.
//!
//! A runtime polls its tasks in the order in which they become ready. When ten thousand receivers
//! come, have waited long enough or go at once, Raft's own tasks would wait behind all of them, and
//! the peers elect another leader. So each takes a turn first: few go on before whatever else is
//! ready has been polled, too.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// So many go on at one time: well below a millisecond's work.
const AT_ONE_TIME: usize = 8;

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Turns {
        Turns(Arc::new(Semaphore::new(AT_ONE_TIME)))
    }
}

impl Turns {
    /// Resolves when it is the caller's turn; in the order in which they asked. Whoever asks goes on
    /// until it resolves, or drops it: a turn that was given and not taken is one less for all others.
    pub(crate) async fn take(&self) {
        // Never closed.
        let _turn = self.0.acquire().await;
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[tokio::test]
    async fn whatever_is_ready_is_polled_again_before_more_than_a_few_of_a_crowd_go_on() {
        const CROWD: usize = 1000;
        let turns = Turns::default();
        let gone_on = Arc::new(AtomicUsize::new(0));
        for _ in 0..CROWD {
            let (turns, gone_on) = (turns.clone(), gone_on.clone());
            tokio::spawn(async move {
                turns.take().await;
                gone_on.fetch_add(1, Relaxed);
            });
        }
        let mut before = 0;
        while before < CROWD {
            yield_now().await;
            let now = gone_on.load(Relaxed);
            assert!(now - before <= AT_ONE_TIME, "{before} and then {now}");
            before = now;
        }
    }
}
