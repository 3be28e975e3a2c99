//! How a run goes: queues are made and perhaps filled, all clients connect, the clock starts, they
//! go on until the time is over, the queues are removed. Clients live on threads of the load's own,
//! each with a runtime of one thread, so that nothing is passed from core to core.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::client::{Client, Role, Shared};
use crate::connection::CallError;
use crate::options::{Options, OptionsError, Workload};
use crate::processes;
use crate::queues::Queues;
use crate::results::{Ended, Measured, Results, counted, ms, quotient};
use crate::tally::{Operation, Tally, interval_of};

/// How often somebody who watches is told.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// A queue that takes no message for so long is not being filled.
const STUCK_AFTER: Duration = Duration::from_secs(30);
/// A server that was filled may put things in order, as long as that took and no longer than this: what
/// it does then has nothing to do with what is measured.
const LONGEST_REST: Duration = Duration::from_secs(3);
/// Clients that connect at one time.
const CONNECTING: usize = 64;
/// Fills are as fast with these as with more.
const FILLING_CLIENTS: usize = 32;

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// What was asked for cannot be.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Nobody is there.
    #[error("{reason}; start a cluster with `zonemq up`, or name another address with --endpoint")]
    Unreachable {
        /// Where, and what the system says.
        reason: String,
    },
    /// The process has no room for so many connections.
    #[error("{reason}; raise the limit on open files (`ulimit -n`) above the number of clients")]
    TooManyOpenFiles {
        /// Where, and what the system says.
        reason: String,
    },
    /// Somebody is there, and does not make queues.
    #[error("no queue could be made: {reason}")]
    Refused {
        /// What was answered.
        reason: String,
    },
    /// Somebody is there who does not speak SQS.
    #[error("this endpoint speaks no SQS: it answered {answer}")]
    NoSqs {
        /// The start of the answer.
        answer: String,
    },
    /// The queues did not take the messages that were to be received.
    #[error("the queues could not be filled: {reason}")]
    NotFilled {
        /// The first error, if there was one.
        reason: String,
    },
    /// It was told to stop before the clock started.
    #[error("it was stopped before there was anything to tell")]
    StoppedEarly,
    /// The system gives no threads.
    #[error("the load cannot start its threads: {0}")]
    Threads(#[from] io::Error),
}

impl From<CallError> for BenchError {
    fn from(error: CallError) -> Self {
        /// EMFILE: this process has as many files open as it may.
        const TOO_MANY_OPEN_FILES: i32 = 24;
        let reason = error.to_string();
        match error {
            CallError::Unreachable { source, .. }
                if source.raw_os_error() == Some(TOO_MANY_OPEN_FILES) =>
            {
                BenchError::TooManyOpenFiles { reason }
            }
            CallError::Unreachable { .. } => BenchError::Unreachable { reason },
            CallError::BrokenOff { .. }
            | CallError::TimedOut { .. }
            | CallError::Refused { .. } => BenchError::Refused { reason },
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// Queues get the messages that are received later.
    Filling {
        /// Messages that are there.
        done: u64,
        /// Messages that will be.
        of: u64,
    },
    /// The clock runs.
    Running {
        /// Since when.
        elapsed: Duration,
        /// Messages so far.
        messages: u64,
        /// In the last moments.
        messages_per_second: f64,
        /// Half of the requests that count took no longer, so far.
        p50_ms: f64,
        /// So far.
        p99_ms: f64,
        /// So far.
        errors: u64,
    },
    /// The queues are being removed.
    Cleaning,
}

/// Runs a load until its time is over or `stop` resolves, and removes its queues.
pub async fn run(
    options: &Options,
    stop: impl Future<Output = ()>,
    mut tell: impl FnMut(Progress),
) -> Result<Results, BenchError> {
    options.check()?;
    let mut stop = pin!(stop);
    let mut queues = tokio::select! {
        queues = Queues::create(options) => queues?,
        () = &mut stop => return Err(BenchError::StoppedEarly),
    };
    let results = run_on(options, &queues.urls, stop, &mut tell).await;
    tell(Progress::Cleaning);
    let left_behind = queues.delete().await;
    let mut results = results?;
    results.left_behind = left_behind;
    Ok(results)
}

async fn run_on<Stop: Future<Output = ()>>(
    options: &Options,
    queue_urls: &[String],
    mut stop: Pin<&mut Stop>,
    tell: &mut impl FnMut(Progress),
) -> Result<Results, BenchError> {
    let epoch = Instant::now();
    if let Some(fill) = options.workload.fill() {
        fill_queues(options, queue_urls, epoch, fill, stop.as_mut(), tell).await?;
    }
    let role = |client| Role::of(options.workload, client);
    let mut crew = Crew::gather(options, queue_urls, epoch, role)?;
    tokio::select! {
        () = crew.all_connected() => {}
        () = &mut stop => return Err(BenchError::StoppedEarly),
    }
    let load = [std::process::id()];
    let server_cpu = processes::cpu_seconds(&options.server_pids);
    let load_cpu = processes::cpu_seconds(&load);
    let started = SystemTime::now();
    let begun = crew.begin();

    let mut watcher = Watcher::new(begun);
    let ended = loop {
        let elapsed = begun.elapsed();
        let Some(rest) = options.duration.checked_sub(elapsed) else {
            break Ended::Time;
        };
        tokio::select! {
            () = tokio::time::sleep(rest.min(TELL_EVERY)) => {}
            () = &mut stop => break Ended::Interrupted,
        }
        let tally = crew.tally();
        tell(watcher.look(options, &tally));
        if let Workload::Receive { fill } = options.workload
            && tally.of(Operation::Delete).messages >= fill
        {
            break Ended::Drained;
        }
    };
    let took = begun.elapsed();
    let used = |before: Option<f64>, pids: &[u32]| Some(processes::cpu_seconds(pids)? - before?);
    let server_cpu_seconds = used(server_cpu, &options.server_pids);
    let load_cpu_seconds = used(load_cpu, &load);
    let server_resident_bytes = processes::resident_bytes(&options.server_pids);
    let tally = crew.dismiss();
    let took = match ended {
        // What came after the last message was waiting for others.
        Ended::Drained => tally.of(Operation::Delete).last,
        Ended::Time | Ended::Interrupted => took,
    };
    let measured = Measured {
        started,
        took,
        ended,
        interval: interval_of(options.duration),
        server_cpu_seconds,
        server_resident_bytes,
        load_cpu_seconds,
    };
    Ok(Results::new(options, &tally, &measured))
}

/// Puts messages into the queues, evenly, and leaves them alone for a moment.
async fn fill_queues<Stop: Future<Output = ()>>(
    options: &Options,
    queue_urls: &[String],
    epoch: Instant,
    fill: u64,
    mut stop: Pin<&mut Stop>,
    tell: &mut impl FnMut(Progress),
) -> Result<(), BenchError> {
    let queues = options.queues as u64;
    let shares = (0..queues).map(|queue| fill / queues + u64::from(queue < fill % queues));
    let shares: Vec<_> = shares
        .map(|share| Arc::new(AtomicU64::new(share)))
        .collect();
    let filling = Options {
        clients: FILLING_CLIENTS.max(options.queues),
        workload: Workload::Send,
        ..options.clone()
    };
    let role = |client: usize| Role::Fill(shares[client % shares.len()].clone());
    let crew = Crew::gather(&filling, queue_urls, epoch, role)?;
    let begun = crew.begin();
    let (mut done, mut progressed) = (0, Instant::now());
    while done < fill {
        tokio::select! {
            () = tokio::time::sleep(TELL_EVERY) => {}
            () = &mut stop => return Err(BenchError::StoppedEarly),
        }
        let tally = crew.tally();
        let now = tally.of(Operation::Send).messages;
        if now > done {
            (done, progressed) = (now, Instant::now());
        }
        if progressed.elapsed() > STUCK_AFTER {
            let silence = format!("nothing was accepted for {} s", STUCK_AFTER.as_secs());
            return Err(BenchError::NotFilled {
                reason: tally.first_error.unwrap_or(silence),
            });
        }
        tell(Progress::Filling { done, of: fill });
    }
    crew.dismiss();
    let rest = begun.elapsed().min(LONGEST_REST);
    tokio::select! {
        () = tokio::time::sleep(rest) => Ok(()),
        () = &mut stop => Err(BenchError::StoppedEarly),
    }
}

/// All clients of a run, on their threads. They end when it is dropped.
struct Crew {
    threads: Vec<CrewThread>,
    connected: mpsc::Receiver<()>,
    start: watch::Sender<Option<Instant>>,
    interval: Duration,
}

struct CrewThread {
    tally: Arc<Mutex<Tally>>,
    /// The thread's clients end when this is dropped.
    stop: mpsc::Sender<()>,
    handle: JoinHandle<()>,
}

impl Crew {
    /// Starts all threads; their clients connect and wait.
    fn gather(
        options: &Options,
        queue_urls: &[String],
        epoch: Instant,
        role: impl Fn(usize) -> Role,
    ) -> Result<Crew, BenchError> {
        let (start, begun) = watch::channel(None);
        let (ready, connected) = mpsc::channel(1);
        let interval = interval_of(options.duration);
        let shared = Arc::new(Shared {
            options: options.clone(),
            queue_urls: queue_urls.to_vec(),
            epoch,
            begun,
            connecting: Semaphore::new(CONNECTING),
            deleted: Semaphore::new(0),
        });
        let threads = options.threads.min(options.clients);
        let threads = (0..threads).map(|thread| {
            let tally = Arc::new(Mutex::new(Tally::new(interval)));
            // In pairs, so that each thread has senders and receivers of a mixed load.
            let mine = (0..options.clients).filter(|client| client / 2 % threads == thread);
            let clients: Vec<_> = mine
                .map(|number| {
                    let client = Client {
                        shared: shared.clone(),
                        number,
                        tally: tally.clone(),
                        ready: Some(ready.clone()),
                    };
                    (client, role(number))
                })
                .collect();
            CrewThread::start(clients, tally)
        });
        Ok(Crew {
            threads: threads.collect::<io::Result<_>>()?,
            connected,
            start,
            interval,
        })
    }

    /// Waits until every client has connected or failed to.
    async fn all_connected(&mut self) {
        // Nobody sends: the last client drops the last sender.
        let _ = self.connected.recv().await;
    }

    /// Starts the clock.
    fn begin(&self) -> Instant {
        let now = Instant::now();
        self.start.send_replace(Some(now));
        now
    }

    /// What all clients did until now.
    fn tally(&self) -> Tally {
        let mut sum = Tally::new(self.interval);
        for thread in &self.threads {
            sum.add(&thread.tally.lock().unwrap_or_else(PoisonError::into_inner));
        }
        sum
    }

    /// Ends all clients, and tells what they did. Requests that are under way do not count.
    fn dismiss(self) -> Tally {
        let tally = self.tally();
        for CrewThread { stop, handle, .. } in self.threads {
            drop(stop);
            // A panic of the load has been printed by then.
            let _ = handle.join();
        }
        tally
    }
}

impl CrewThread {
    fn start(clients: Vec<(Client, Role)>, tally: Arc<Mutex<Tally>>) -> io::Result<CrewThread> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, mut stopped) = mpsc::channel(1);
        let run = async move {
            let mut running = JoinSet::new();
            for (client, role) in clients {
                running.spawn(client.run(role));
            }
            tokio::select! {
                None::<()> = stopped.recv() => {}
                () = async { while running.join_next().await.is_some() {} } => {}
            }
        };
        let handle = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || runtime.block_on(run))?;
        Ok(CrewThread {
            tally,
            stop,
            handle,
        })
    }
}

/// Remembers what it told last, to tell what came since.
struct Watcher {
    at: Instant,
    begun: Instant,
    messages: u64,
    per_second: f64,
}

impl Watcher {
    fn new(begun: Instant) -> Watcher {
        Watcher {
            at: begun,
            begun,
            messages: 0,
            per_second: 0.0,
        }
    }

    fn look(&mut self, options: &Options, tally: &Tally) -> Progress {
        /// How much of the rate that is shown is new each time; the rest calms it.
        const NEW: f64 = 0.3;
        let counted = tally.of(counted(options.workload));
        let now = Instant::now();
        let latest = quotient(
            counted.messages.saturating_sub(self.messages),
            (now - self.at).as_secs_f64(),
        );
        self.per_second = if self.at == self.begun {
            latest
        } else {
            self.per_second.mul_add(1.0 - NEW, latest * NEW)
        };
        (self.at, self.messages) = (now, counted.messages);
        Progress::Running {
            elapsed: now - self.begun,
            messages: counted.messages,
            messages_per_second: self.per_second,
            p50_ms: ms(counted.latency.value_at_quantile(0.5)),
            p99_ms: ms(counted.latency.value_at_quantile(0.99)),
            errors: tally.error_count(),
        }
    }
}
