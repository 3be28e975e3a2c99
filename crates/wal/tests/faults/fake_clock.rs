//! A clock that nobody has to wait for, unless it is held.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::yield_now;
use zonemq_world::Clock;

/// Time passes only while a sync takes its time.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeClock {
    elapsed: Arc<Mutex<Duration>>,
    is_held: Arc<AtomicBool>,
}

impl FakeClock {
    /// No sync ends until it goes on.
    pub(crate) fn hold(&self) {
        self.is_held.store(true, Ordering::SeqCst);
    }

    pub(crate) fn go_on(&self) {
        self.is_held.store(false, Ordering::SeqCst);
    }

    /// Others go first, at least once.
    pub(crate) async fn pass(&self, time: Duration) {
        yield_now().await;
        while self.is_held.load(Ordering::SeqCst) {
            yield_now().await;
        }
        *self.elapsed.lock().unwrap() += time;
    }
}

impl Clock for FakeClock {
    fn now_millis(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }
}
