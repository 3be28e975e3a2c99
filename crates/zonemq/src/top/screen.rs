//! The terminal: a screen of our own, and the keys that end it. What it was like is put back.

use std::io::{self, Write};

use anyhow::Context;
use console::{Key, Term};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

use crate::stop_signal::StopSignal;

const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// The terminal while it is ours.
pub(super) struct Screen {
    terminal: Term,
    before: Option<Termios>,
}

impl Screen {
    pub(super) fn take() -> anyhow::Result<Screen> {
        // Reading keys changes it, and whoever ends us may do so in the middle of that.
        let before = tcgetattr(io::stdin()).ok();
        let terminal = Term::stdout();
        let screen = Screen { terminal, before };
        write(ENTER)?;
        Ok(screen)
    }

    /// Puts a text in place of what is shown.
    pub(super) fn draw(&self, text: &str) -> anyhow::Result<()> {
        let (rows, columns) = self.terminal.size();
        // A line that is too long would push the others down.
        let lines = text.lines().take(usize::from(rows).saturating_sub(1));
        let mut out = HOME.to_owned();
        for line in lines {
            out.push_str(&console::truncate_str(line, columns.into(), "…"));
            out.push_str(CLEAR_LINE);
            out.push_str("\r\n");
        }
        out.push_str(CLEAR_BELOW);
        write(&out)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write(LEAVE);
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("the terminal cannot be written to")
}

/// Resolves when the person has had enough: q, Escape or Ctrl-C, or a signal.
pub(super) async fn quit(stop: &mut StopSignal) {
    let (told, pressed) = oneshot::channel();
    // It waits for a key until the process ends.
    std::thread::spawn(move || {
        let keyboard = Term::stdout();
        while let Ok(key) = keyboard.read_key_raw() {
            if matches!(key, Key::Char('q') | Key::Escape | Key::CtrlC) {
                let _ = told.send(());
                return;
            }
        }
    });
    tokio::select! {
        // Without a keyboard only signals end it.
        Ok(()) = pressed => {}
        () = stop.received() => {}
    }
}
