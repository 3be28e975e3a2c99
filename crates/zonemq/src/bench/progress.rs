//! Shows on a terminal how far a load is; elsewhere nothing.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use zonemq_bench::Progress;

/// A bar on standard error.
pub(super) struct Display {
    bar: ProgressBar,
    duration: Duration,
}

impl Display {
    /// For a load of this duration.
    pub(super) fn new(duration: Duration) -> Display {
        let bar = ProgressBar::no_length();
        // The template is a constant; without it, the bar looks plainer.
        if let Ok(style) = ProgressStyle::with_template("{prefix:>8} {bar:24} {msg}") {
            bar.set_style(style);
        }
        Display { bar, duration }
    }

    /// Shows what is known now.
    pub(super) fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Filling { done, of } => {
                let (shown_done, shown_of) = (HumanCount(done), HumanCount(of));
                let message = format!("{shown_done} of {shown_of} messages");
                self.draw("filling", done, of, message);
            }
            Progress::Running {
                elapsed,
                messages,
                messages_per_second,
                p50_ms,
                p99_ms,
                errors,
            } => {
                let message = format!(
                    "{:.1} s  {messages_per_second:.0} messages/s  p50 {p50_ms:.2} ms  p99 \
                     {p99_ms:.2} ms  {} messages  {} errors",
                    elapsed.as_secs_f64(),
                    HumanCount(messages),
                    HumanCount(errors)
                );
                self.draw("running", ms(elapsed), ms(self.duration), message);
            }
            Progress::Cleaning => self.draw("removing", 1, 1, "the queues".to_owned()),
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn draw(&self, stage: &'static str, done: u64, of: u64, message: String) {
        self.bar.set_prefix(stage);
        self.bar.set_length(of);
        self.bar.set_position(done.min(of));
        self.bar.set_message(message);
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
