//! Everything that is logged in a run, at the finest level, as a file and as one hash: two runs
//! are the same when their traces are, byte for byte.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use sha2::{Digest, Sha256};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::registry::LookupSpan;

use crate::world;

/// Where the log goes. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    hash: Sha256,
    bytes: u64,
    file: Option<BufWriter<File>>,
}

struct SimulatedTime;

impl FormatTime for SimulatedTime {
    fn format_time(&self, line: &mut Writer<'_>) -> std::fmt::Result {
        write!(line, "{:>12.6}", world::elapsed().as_secs_f64())
    }
}

impl Trace {
    /// Records everything; also in a file if one is named.
    pub(crate) fn begin(file: Option<&Path>) -> anyhow::Result<Trace> {
        let trace = Trace::default();
        if let Some(path) = file {
            let created = File::create(path)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            trace.locked().file = Some(BufWriter::new(created));
        }
        Ok(trace)
    }

    /// What takes the log down.
    pub(crate) fn layer<S: Subscriber + for<'s> LookupSpan<'s>>(&self) -> impl Layer<S> + use<S> {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_timer(SimulatedTime)
            .with_writer(self.clone())
            .with_filter(LevelFilter::TRACE)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hash of all that was recorded, and how much that was.
    pub(crate) fn finish(&self) -> io::Result<(String, u64)> {
        let mut recorded = self.locked();
        if let Some(file) = &mut recorded.file {
            file.flush()?;
        }
        let digest = recorded.hash.clone().finalize();
        let hash = digest.iter().fold(String::new(), |mut hash, byte| {
            // Writing to a string cannot fail.
            let _ = std::fmt::Write::write_fmt(&mut hash, format_args!("{byte:02x}"));
            hash
        });
        Ok((hash, recorded.bytes))
    }
}

impl Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut recorded = self.locked();
        recorded.hash.update(bytes);
        recorded.bytes += bytes.len() as u64;
        if let Some(file) = &mut recorded.file {
            file.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Trace {
    type Writer = Trace;

    fn make_writer(&self) -> Trace {
        self.clone()
    }
}
