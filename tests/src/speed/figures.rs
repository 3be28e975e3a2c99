//! Figures: ratios of runs of one round, their median over the rounds, and what they must be.

use serde::{Deserialize, Serialize};
use zonemq_bench::Results;

use super::cases::{
    BATCH_64, IDLE_MANY, IDLE_ONE, LONG_BACKLOG, MIXED_64, SEND_1, SEND_64, SEND_64_FIFO,
    SEND_64_FOLLOWER, SEND_256, SHORT_BACKLOG, YARDSTICK_BATCH_64, YARDSTICK_SEND_1,
    YARDSTICK_SEND_64, YARDSTICK_SEND_256,
};

/// One case of one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Counted from 0. Cases that are measured once have round 0.
    pub round: u32,
    /// Its name.
    pub case: String,
    /// Whether the same node led after it as before.
    pub leader_stayed: bool,
    /// What it measured.
    pub results: Results,
}

impl Run {
    /// Whether something went wrong in it: then its figure is no measurement.
    pub fn is_marred(&self) -> bool {
        !self.leader_stayed || self.results.error_count() > 0
    }
}

/// What a figure must be, and what it should be one day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// As much, or more.
    AtLeast {
        /// Less is a failure.
        must: f64,
        /// Worth working for.
        aim: f64,
    },
    /// As much, or less.
    AtMost {
        /// More is a failure.
        must: f64,
        /// Worth working for.
        aim: f64,
    },
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Bound::AtLeast { must, .. } => value >= must,
            Bound::AtMost { must, .. } => value <= must,
        }
    }
}

/// What came of one measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub measure: String,
    /// What it must be.
    pub bound: Bound,
    /// What it was in each round in which nothing went wrong.
    pub rounds: Vec<f64>,
    /// The median of them; nothing where there was no such round.
    pub median: Option<f64>,
    /// Whether it is as it must be.
    pub holds: bool,
}

/// A measure: how a round's runs become a number.
struct Measure {
    name: &'static str,
    bound: Bound,
    of: fn(&Round<'_>) -> Option<f64>,
}

const fn at_least(must: f64, aim: f64) -> Bound {
    Bound::AtLeast { must, aim }
}

const fn at_most(must: f64, aim: f64) -> Bound {
    Bound::AtMost { must, aim }
}

const MEASURES: [Measure; 11] = [
    Measure {
        name: "sends, 64 clients: rate / yardstick",
        bound: at_least(0.6, 1.0),
        of: |round| round.ratio(rate, SEND_64, YARDSTICK_SEND_64),
    },
    Measure {
        name: "sends, 256 clients: rate / yardstick",
        bound: at_least(0.6, 1.0),
        of: |round| round.ratio(rate, SEND_256, YARDSTICK_SEND_256),
    },
    Measure {
        name: "batches of 10, 64 clients: rate / yardstick",
        bound: at_least(0.6, 1.0),
        of: |round| round.ratio(rate, BATCH_64, YARDSTICK_BATCH_64),
    },
    Measure {
        name: "sends, 1 client: p50 / yardstick's",
        bound: at_most(1.5, 1.1),
        of: |round| round.ratio(send_p50, SEND_1, YARDSTICK_SEND_1),
    },
    Measure {
        name: "send, receive, delete, 32+32: rate / yardstick's send-64",
        bound: at_least(0.25, 0.5),
        of: |round| round.ratio(rate, MIXED_64, YARDSTICK_SEND_64),
    },
    Measure {
        name: "receive+delete, long backlog / short",
        bound: at_least(0.9, 1.0),
        of: |round| round.ratio(rate, LONG_BACKLOG, SHORT_BACKLOG),
    },
    Measure {
        name: "sends, 64 clients: at a follower / at the leader",
        bound: at_least(0.8, 0.95),
        of: |round| round.ratio(rate, SEND_64_FOLLOWER, SEND_64),
    },
    Measure {
        name: "sends, 64 clients: FIFO, 64 groups / standard",
        bound: at_least(0.8, 0.95),
        of: |round| round.ratio(rate, SEND_64_FIFO, SEND_64),
    },
    Measure {
        name: "messages per CPU-second, send-64 / yardstick's",
        bound: at_least(0.4, 0.7),
        of: |round| round.ratio(per_cpu_second, SEND_64, YARDSTICK_SEND_64),
    },
    Measure {
        name: "idle long polls: CPU, % of a core",
        bound: at_most(5.0, 1.0),
        of: |round| {
            let results = round.results(IDLE_MANY)?;
            let servers = results.servers.as_ref()?;
            Some(100.0 * servers.cpu_seconds / results.seconds)
        },
    },
    Measure {
        name: "idle long polls: memory over that with one, MiB",
        bound: at_most(200.0, 100.0),
        of: |round| Some(round.resident_mib(IDLE_MANY)? - round.resident_mib(IDLE_ONE)?),
    },
];

/// Makes figures of runs, one for each measure.
pub fn figures(runs: &[Run]) -> Vec<Figure> {
    let rounds = runs.iter().map(|run| run.round + 1).max().unwrap_or(0);
    let figure = |measure: &Measure| {
        let values = (0..rounds).filter_map(|number| (measure.of)(&Round { runs, number }));
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let median = median(&values);
        Figure {
            measure: measure.name.to_owned(),
            bound: measure.bound,
            holds: median.is_some_and(|value| measure.bound.holds(value)),
            rounds: values,
            median,
        }
    };
    MEASURES.iter().map(figure).collect()
}

/// The one in the middle, or between the two there.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        Some(upper)
    } else {
        Some(f64::midpoint(sorted[middle - 1], upper))
    }
}

struct Round<'r> {
    runs: &'r [Run],
    number: u32,
}

impl Round<'_> {
    /// The results of a case in this round, unless something went wrong in it.
    fn results(&self, case: &str) -> Option<&Results> {
        let mut runs = self.runs.iter();
        let run = runs.find(|run| run.round == self.number && run.case == case)?;
        (!run.is_marred()).then_some(&run.results)
    }

    fn ratio(&self, value: fn(&Results) -> Option<f64>, of: &str, to: &str) -> Option<f64> {
        Some(value(self.results(of)?)? / value(self.results(to)?)?)
    }

    fn resident_mib(&self, case: &str) -> Option<f64> {
        const KIBIBYTE: u64 = 1024;
        let bytes = self.results(case)?.servers.as_ref()?.resident_bytes;
        // Fewer than 2^32 kibibytes are exact.
        let kibibytes = u32::try_from(bytes / KIBIBYTE).ok()?;
        Some(f64::from(kibibytes) / 1024.0)
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "one of several values, which may be missing"
)]
fn rate(results: &Results) -> Option<f64> {
    Some(results.messages_per_second)
}

fn send_p50(results: &Results) -> Option<f64> {
    Some(results.send.as_ref()?.latency.p50_ms)
}

fn per_cpu_second(results: &Results) -> Option<f64> {
    Some(results.servers.as_ref()?.messages_per_cpu_second)
}

#[cfg(test)]
pub(super) mod tests;
