//! Prints a page to look at: `sample > page.html`. `sample large` is as much as a page must bear,
//! `sample pass` a run without a counterexample, `sample empty` one in which nothing happened.

use std::io::Write as _;

use zonemq_report::{Timeline, Verdict, render};

mod story;

fn main() -> std::io::Result<()> {
    let timeline = match std::env::args().nth(1).as_deref() {
        None => story::leader_kill(story::Size::Readable),
        Some("large") => story::leader_kill(story::Size::Large),
        Some("pass") => Timeline {
            verdict: Verdict::Pass,
            ..story::leader_kill(story::Size::Readable)
        },
        Some("empty") => Timeline::default(),
        Some(other) => {
            return Err(std::io::Error::other(format!("no sample is named {other}")));
        }
    };
    std::io::stdout().write_all(render(&timeline).as_bytes())
}
