//! The log on a disk that breaks.

mod cached;
mod damage;
mod errors;
mod fake_clock;
mod fake_world;
mod flips;
mod in_place;
mod naive;
mod power_loss;
mod story;
mod torn;

/// Everything on one thread: the same story for the same seed.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(test);
}
