//! Shows how far the reading of a node's store is, when it takes longer than a second: a bar on a
//! terminal, and lines in a log.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::info;
use zonemq_node::Progress;

/// What is done by then is not worth a word.
const QUIET: Duration = Duration::from_secs(1);
/// Between two steps of the bar, of which every tenth is a line of the log.
const STEP: Duration = Duration::from_millis(200);
const STEPS_IN_A_LINE: u32 = 10;
const BAR: &str = "reading what is stored {wide_bar} {bytes} of {total_bytes}, {eta} left";

/// Does this work, which counts in `progress`.
pub(crate) async fn shown<T>(progress: &Progress, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let mut steps = interval_at(Instant::now() + QUIET, STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut bar = None;
    let mut step = 0;
    loop {
        tokio::select! {
            done = &mut work => {
                bar.inspect(ProgressBar::finish_and_clear);
                return done;
            }
            _ = steps.tick() => {}
        }
        let (read, of) = (progress.done_bytes(), progress.total_bytes());
        if io::stderr().is_terminal() {
            let bar = bar.get_or_insert_with(new_bar);
            bar.set_length(of);
            bar.set_position(read);
        } else if step % STEPS_IN_A_LINE == 0 {
            info!(read, of, "reading what is stored");
        }
        step += 1;
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(BAR) {
        Ok(style) => bar.with_style(style),
        // The text is ours, and a bar of another look does as well.
        Err(_) => bar,
    }
}
