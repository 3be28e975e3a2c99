//! What is kept of a run: one JSON file, with the rows that are told and the verdict.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use zonemq_tests::speed::figures::median;
use zonemq_tests::speed::machine::Machine;

use crate::load::{Measured, float};
use crate::stage::{Durability, Run, Scale, Subject};

/// A run beside the peers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Which sources were measured, as git describes them.
    pub(crate) revision: String,
    pub(crate) machine: Machine,
    pub(crate) scale: Scale,
    /// The first is ours.
    pub(crate) subjects: Vec<Subject>,
    /// A peer that could not be measured here, and why.
    pub(crate) left_out: Option<String>,
    pub(crate) rows: Vec<Row>,
    /// All that was measured, in order.
    pub(crate) runs: Vec<Run>,
}

/// One load on one subject: medians of the rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) in_flight: usize,
    /// Its place in the list of subjects.
    pub(crate) subject: usize,
    pub(crate) messages_per_second: Option<f64>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// Of all servers together.
    pub(crate) server_cpu_micros_per_message: Option<f64>,
    /// Of the load.
    pub(crate) load_cpu_micros_per_message: Option<f64>,
    /// Of all servers together.
    pub(crate) server_resident_mib: Option<f64>,
    /// Our rate in each round over this one's, where nothing went wrong with either.
    pub(crate) ahead: Vec<f64>,
    /// The median of them.
    pub(crate) median_ahead: Option<f64>,
}

/// Makes rows of runs, in the order in which they were measured.
pub(crate) fn rows(subjects: usize, scale: &Scale, runs: &[Run]) -> Vec<Row> {
    let mut rows = Vec::new();
    for in_flight in &scale.in_flight {
        rows.extend((0..subjects).map(|subject| row(*in_flight, subject, scale, runs)));
    }
    rows
}

fn row(in_flight: usize, subject: usize, scale: &Scale, runs: &[Run]) -> Row {
    let measured = |subject: usize, round: u32| {
        let mut runs = runs.iter();
        let run =
            runs.find(|run| (run.in_flight, run.subject, run.round) == (in_flight, subject, round));
        run.map(|run| &run.measured).filter(|it| it.errors == 0)
    };
    let of = |value: fn(&Measured) -> f64| {
        let rounds = (0..scale.rounds).filter_map(|round| measured(subject, round));
        let values: Vec<f64> = rounds.map(value).filter(|it| it.is_finite()).collect();
        median(&values)
    };
    let ratio = |round| {
        let (ours, theirs) = (measured(0, round)?, measured(subject, round)?);
        let ratio = ours.messages_per_second / theirs.messages_per_second;
        Some(ratio).filter(|it| it.is_finite())
    };
    let ahead: Vec<f64> = (0..scale.rounds).filter_map(ratio).collect();
    Row {
        in_flight,
        subject,
        messages_per_second: of(|it| it.messages_per_second),
        p50_ms: of(|it| it.p50_ms),
        p99_ms: of(|it| it.p99_ms),
        server_cpu_micros_per_message: of(|it| 1e6 * it.server_cpu_seconds / float(it.messages)),
        load_cpu_micros_per_message: of(|it| 1e6 * it.load_cpu_seconds / float(it.messages)),
        server_resident_mib: of(|it| float(it.server_resident_bytes >> 10) / 1024.0),
        median_ahead: median(&ahead),
        ahead,
    }
}

impl Record {
    /// Whether we are ahead of every peer that promises what we promise, under each load.
    pub(crate) fn is_ahead(&self) -> bool {
        let mut judged = self.rows.iter().filter(|row| self.is_judged(row));
        judged.all(|row| row.median_ahead.is_some_and(|ahead| ahead >= 1.0))
    }

    /// Whether a row is a peer's of the same durability.
    pub(crate) fn is_judged(&self, row: &Row) -> bool {
        row.subject != 0 && self.subjects[row.subject].durability == Durability::OnDisk
    }

    /// Writes it, with the folder that it lies in.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(file, text + "\n")
            .with_context(|| format!("{} cannot be written", file.display()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    /// Zonemq, a peer that syncs and one that does not, at these rates in each round.
    pub(crate) fn record(rounds: &[[f64; 3]]) -> Record {
        let subject = |name: &str, durability| Subject {
            name: name.to_owned(),
            durability,
            clients: String::new(),
        };
        let subjects = vec![
            subject("zonemq", Durability::OnDisk),
            subject("careful", Durability::OnDisk),
            subject("hasty", Durability::InPageCache),
        ];
        let scale = Scale {
            rounds: u32::try_from(rounds.len()).expect("few"),
            warm_up: Duration::ZERO,
            run: Duration::from_secs(1),
            in_flight: vec![64],
            body_bytes: 1024,
            rabbitmq_connections: 1,
            nats_connections: 1,
        };
        let rates = rounds.iter().flatten().copied().enumerate();
        let runs: Vec<Run> = rates
            .map(|(place, rate)| Run {
                round: u32::try_from(place / subjects.len()).expect("few"),
                in_flight: 64,
                subject: place % subjects.len(),
                measured: measured(rate),
            })
            .collect();
        Record {
            revision: String::new(),
            machine: Machine::default(),
            rows: rows(subjects.len(), &scale, &runs),
            scale,
            subjects,
            left_out: None,
            runs,
        }
    }

    fn measured(rate: f64) -> Measured {
        Measured {
            seconds: 1.0,
            messages: 1000,
            messages_per_second: rate,
            p50_ms: 1.0,
            p99_ms: 2.0,
            server_cpu_seconds: 0.5,
            server_resident_bytes: 3 << 20,
            load_cpu_seconds: 0.25,
            errors: 0,
            first_error: None,
        }
    }

    #[test]
    fn the_median_of_the_ratios_within_rounds_counts() {
        let record = record(&[[30.0, 10.0, 60.0], [80.0, 20.0, 20.0], [20.0, 10.0, 10.0]]);
        let medians: Vec<Option<f64>> = record.rows.iter().map(|row| row.median_ahead).collect();
        assert_eq!(medians, [Some(1.0), Some(3.0), Some(2.0)]);
        assert_eq!(record.rows[0].messages_per_second, Some(30.0));
        assert_eq!(record.rows[1].server_cpu_micros_per_message, Some(500.0));
        assert_eq!(record.rows[1].server_resident_mib, Some(3.0));
    }

    #[test]
    fn only_who_promises_the_same_is_judged() {
        assert!(record(&[[20.0, 10.0, 40.0]]).is_ahead());
        assert!(!record(&[[20.0, 30.0, 10.0]]).is_ahead());
    }

    #[test]
    fn a_run_with_errors_does_not_count() {
        let mut record = record(&[[20.0, 10.0, 10.0]]);
        record.runs[1].measured.errors = 1;
        record.rows = rows(record.subjects.len(), &record.scale, &record.runs);
        assert_eq!(record.rows[1].median_ahead, None);
        assert!(!record.is_ahead(), "nobody knows");
    }
}
