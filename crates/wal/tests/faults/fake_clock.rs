//! A clock that nobody has to wait for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use zonemq_world::Clock;

/// Time passes only while a sync takes its time.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeClock(Arc<Mutex<Duration>>);

impl FakeClock {
    pub(crate) fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for FakeClock {
    fn now_millis(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}
