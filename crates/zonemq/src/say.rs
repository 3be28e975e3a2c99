//! What a command says: the only place that writes to the standard output, and to the error output.
//!
//! A reader may go before all is said, as `head` does. What a command was asked to do it does all the
//! same, to its own exit code: a fault would otherwise be half done, and a verdict lost.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// `println!` for a reader who may have gone.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::say::line(format_args!($($words)*))
    };
}
pub(crate) use say;

/// `eprintln!` for the same, in this program's name.
macro_rules! complain {
    ($($words:tt)*) => {
        $crate::say::pass_on(format!("zonemq: {}\n", format_args!($($words)*)).as_bytes())
    };
}
pub(crate) use complain;

/// Writes one line, or several.
pub(crate) fn line(words: Arguments<'_>) {
    heard(writeln!(io::stdout().lock(), "{words}"));
}

/// The same of words that bring their own ends of lines.
pub(crate) fn text(words: &str) {
    heard(io::stdout().lock().write_all(words.as_bytes()));
}

/// Asks somebody who shall answer in the same line. Without a reader nobody will: an error.
pub(crate) fn ask(question: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(question.as_bytes())?;
    out.flush()
}

/// A complaint, as it is. Where nobody reads the standard error, nobody is left to tell.
pub(crate) fn pass_on(complaint: &[u8]) {
    let _ = io::stderr().lock().write_all(complaint);
}

fn heard(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // A full disk, most likely. Unwinding mends and stops what the command has begun.
        panic!("what zonemq has to say cannot be written: {error}");
    }
}
