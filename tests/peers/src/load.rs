//! The same load for every peer: so many clients, each with one message under way, which it sends
//! again as soon as it is acknowledged.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use zonemq_bench::{Results, cpu_seconds, resident_bytes};

/// What is asked of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Messages that are under way at any time.
    pub(crate) in_flight: usize,
    /// Not measured.
    pub(crate) warm_up: Duration,
    /// Measured.
    pub(crate) duration: Duration,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    /// Acknowledged in this time.
    pub(crate) messages: u64,
    pub(crate) messages_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Of all servers together, user and kernel.
    pub(crate) server_cpu_seconds: f64,
    /// Of all servers together, at the end.
    pub(crate) server_resident_bytes: u64,
    /// What the load itself took.
    pub(crate) load_cpu_seconds: f64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

/// Sends a message and waits until it is acknowledged.
pub(crate) trait Publish: Send + Sync + 'static {
    fn publish(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

struct Tally {
    latency_micros: Histogram<u64>,
    errors: u64,
    first_error: Option<String>,
}

impl Tally {
    fn new() -> anyhow::Result<Tally> {
        const DIGITS: u8 = 3;
        const LONGEST_MICROS: u64 = 60_000_000;
        Ok(Tally {
            latency_micros: Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS)?,
            errors: 0,
            first_error: None,
        })
    }

    fn count(&mut self, sent: anyhow::Result<()>, micros: u64) {
        match sent {
            Ok(()) => self.latency_micros.saturating_record(micros),
            Err(error) => {
                self.errors += 1;
                self.first_error.get_or_insert(format!("{error:#}"));
            }
        }
    }
}

/// Puts the load on these, dealt out to its clients in turn. All clients live on the thread of the
/// caller, as those of `zonemq bench` live on one.
pub(crate) async fn run<P: Publish>(
    publishers: Vec<P>,
    load: &Load,
    server_pids: &[u32],
) -> anyhow::Result<Measured> {
    let tally = Arc::new(Mutex::new(Tally::new()?));
    let publishers: Vec<Arc<P>> = publishers.into_iter().map(Arc::new).collect();
    let mut clients = JoinSet::new();
    for publisher in publishers.iter().cycle().take(load.in_flight) {
        clients.spawn(send_on_and_on(publisher.clone(), tally.clone()));
    }
    tokio::time::sleep(load.warm_up).await;
    let this = [std::process::id()];
    let servers_before = cpu_seconds(server_pids).context("a server is gone")?;
    let load_before = cpu_seconds(&this).context("this is Linux")?;
    let began = Instant::now();
    // What went wrong before counts all the same.
    locked(&tally).latency_micros.reset();
    tokio::time::sleep(load.duration).await;
    let seconds = began.elapsed().as_secs_f64();
    let tally = std::mem::replace(&mut *locked(&tally), Tally::new()?);
    let servers_after = cpu_seconds(server_pids).context("a server is gone")?;
    let load_after = cpu_seconds(&this).context("this is Linux")?;
    let resident = resident_bytes(server_pids).context("a server is gone")?;
    clients.shutdown().await;
    Ok(Measured {
        seconds,
        messages: tally.latency_micros.len(),
        messages_per_second: float(tally.latency_micros.len()) / seconds,
        p50_ms: float(tally.latency_micros.value_at_quantile(0.5)) / 1000.0,
        p99_ms: float(tally.latency_micros.value_at_quantile(0.99)) / 1000.0,
        server_cpu_seconds: servers_after - servers_before,
        server_resident_bytes: resident,
        load_cpu_seconds: load_after - load_before,
        errors: tally.errors,
        first_error: tally.first_error,
    })
}

async fn send_on_and_on(publisher: Arc<impl Publish>, tally: Arc<Mutex<Tally>>) {
    /// A run with an error does not count, but others may want to know how it goes on.
    const AFTER_AN_ERROR: Duration = Duration::from_millis(100);
    loop {
        let began = Instant::now();
        let sent = publisher.publish().await;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let has_failed = sent.is_err();
        locked(&tally).count(sent, micros);
        if has_failed {
            tokio::time::sleep(AFTER_AN_ERROR).await;
        }
    }
}

impl TryFrom<Results> for Measured {
    type Error = anyhow::Error;

    fn try_from(results: Results) -> anyhow::Result<Measured> {
        let errors = results.error_count();
        let latency = results.send.context("no send was answered")?.latency;
        let servers = results.servers.context("a server is gone")?;
        Ok(Measured {
            seconds: results.seconds,
            messages: results.messages,
            messages_per_second: results.messages_per_second,
            p50_ms: latency.p50_ms,
            p99_ms: latency.p99_ms,
            server_cpu_seconds: servers.cpu_seconds,
            server_resident_bytes: servers.resident_bytes,
            load_cpu_seconds: results.load_cpu_seconds.context("this is Linux")?,
            errors,
            first_error: results.first_error,
        })
    }
}

fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number as a factor.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Takes(Duration);

    impl Publish for Takes {
        async fn publish(&self) -> anyhow::Result<()> {
            tokio::time::sleep(self.0).await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn every_client_has_one_message_under_way() {
        let load = Load {
            in_flight: 8,
            warm_up: Duration::from_millis(50),
            duration: Duration::from_millis(200),
        };
        let publishers = vec![
            Takes(Duration::from_millis(20)),
            Takes(Duration::from_millis(20)),
        ];
        let measured = run(publishers, &load, &[std::process::id()]).await;
        let measured = measured.expect("measured");
        // Ten turns of eight, less what a busy machine takes, and one turn that began before.
        assert!((8..=88).contains(&measured.messages), "{measured:?}");
        assert!(measured.p50_ms >= 19.9, "{measured:?}");
        assert_eq!(measured.errors, 0);
    }
}
