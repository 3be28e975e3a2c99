//! The threads on which a node's tasks run.

use std::io;
use std::num::NonZero;

use tokio::runtime::{Builder, Runtime};

/// On a single thread, so many tasks run between two looks at the sockets. More come along in each
/// look then, and go on together: with tokio's 61, a follower's clients lose a twentieth.
const TASKS_BETWEEN_LOOKS: u32 = 256;

/// A runtime on so many threads, or on as many as there are cores.
pub(crate) fn runtime(threads: Option<NonZero<usize>>) -> io::Result<Runtime> {
    match threads.map(NonZero::get) {
        // Nothing is handed to another thread, and nobody has to be woken for it: a follower's
        // clients gain a twentieth by that.
        Some(1) => Builder::new_current_thread()
            .event_interval(TASKS_BETWEEN_LOOKS)
            .enable_all()
            .build(),
        Some(threads) => Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build(),
        None => Runtime::new(),
    }
}

/// For one node of several on this machine. The leader does about as much as all others together;
/// with more threads than cores, each hop of a request between two of them costs a wake-up, which
/// is a quarter of the time of a single send.
pub(crate) fn of_one_among_several() -> NonZero<usize> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    NonZero::new(cores / 2).unwrap_or(NonZero::<usize>::MIN)
}
