//! Records for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use zonemq_bench::Results;

use super::figures::{Bound, Figure, Run, median};
use super::record::Record;

/// Stands where nothing was measured.
const NOTHING: &str = "-";

/// A record in two tables: what was measured, and the figures that it makes, beside those of an
/// earlier record, if there is one.
pub fn told(record: &Record, before: Option<&Record>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_runs(&mut out, &record.runs);
    let _ = write_figures(&mut out, &record.figures, before);
    let _ = write_marred(&mut out, &record.runs);
    out
}

fn write_runs(out: &mut String, runs: &[Run]) -> std::fmt::Result {
    writeln!(
        out,
        "{:<30} {:>11} {:>9} {:>9} {:>10} {:>10} {:>7}",
        "medians", "messages/s", "p50 ms", "p99 ms", "msg/CPU-s", "RSS MiB", "errors"
    )?;
    let mut cases: Vec<&str> = Vec::new();
    let mut by_case: BTreeMap<&str, Vec<&Results>> = BTreeMap::new();
    for run in runs {
        if !by_case.contains_key(run.case.as_str()) {
            cases.push(&run.case);
        }
        by_case.entry(&run.case).or_default().push(&run.results);
    }
    for case in cases {
        let results = by_case.get(case).map(Vec::as_slice).unwrap_or_default();
        let of = |value: fn(&Results) -> Option<f64>| {
            let values: Vec<f64> = results.iter().filter_map(|it| value(it)).collect();
            median(&values)
        };
        let errors: u64 = results.iter().map(|it| it.error_count()).sum();
        writeln!(
            out,
            "{case:<30} {:>11} {:>9} {:>9} {:>10} {:>10} {errors:>7}",
            shown(of(|it| Some(it.messages_per_second)), 0),
            shown(of(|it| Some(it.send.as_ref()?.latency.p50_ms)), 2),
            shown(of(|it| Some(it.send.as_ref()?.latency.p99_ms)), 2),
            shown(
                of(|it| Some(it.servers.as_ref()?.messages_per_cpu_second)),
                0
            ),
            shown(of(|it| mib(it.servers.as_ref()?.resident_bytes)), 0),
        )?;
    }
    writeln!(out)
}

fn write_figures(
    out: &mut String,
    figures: &[Figure],
    before: Option<&Record>,
) -> std::fmt::Result {
    writeln!(
        out,
        "{:<56} {:>8} {:>8} {:>8} {:>17} {:>8}",
        "figure", "must", "aim", "median", "least to most", "before"
    )?;
    for figure in figures {
        let (sign, must, aim) = match figure.bound {
            Bound::AtLeast { must, aim } => (">=", must, aim),
            Bound::AtMost { must, aim } => ("<=", must, aim),
        };
        let lowest = figure.rounds.iter().copied().reduce(f64::min);
        let highest = figure.rounds.iter().copied().reduce(f64::max);
        let range = format!("{} to {}", shown(lowest, 2), shown(highest, 2));
        writeln!(
            out,
            "{:<56} {sign:>3}{:>5} {:>8} {:>8} {range:>17} {:>8} {}",
            figure.measure,
            must,
            aim,
            shown(figure.median, 2),
            shown(before.and_then(|it| it.median(&figure.measure)), 2),
            if figure.holds { "ok" } else { "MISSED" },
        )?;
    }
    Ok(())
}

fn write_marred(out: &mut String, runs: &[Run]) -> std::fmt::Result {
    for run in runs.iter().filter(|run| run.is_marred()) {
        let errors = run.results.error_count();
        let why = match (&run.results.first_error, run.leader_stayed) {
            (Some(error), _) => format!("{errors} errors, the first: {error}"),
            (None, false) => "another node led after it".to_owned(),
            (None, true) => format!("{errors} errors"),
        };
        let (case, round) = (&run.case, run.round + 1);
        writeln!(out, "{case}, round {round}, does not count: {why}")?;
    }
    Ok(())
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.digits$}"))
}

fn mib(bytes: u64) -> Option<f64> {
    Some(f64::from(u32::try_from(bytes >> 20).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speed::cases::{SEND_64, Scale, YARDSTICK_SEND_64};
    use crate::speed::figures::{figures, tests::run};
    use crate::speed::machine::Machine;

    fn record(rate: f64) -> Record {
        let runs = vec![run(0, YARDSTICK_SEND_64, 100.0), run(0, SEND_64, rate)];
        Record {
            revision: String::new(),
            profile: "release".to_owned(),
            machine: Machine::default(),
            scale: Scale::quick(),
            figures: figures(&runs),
            runs,
        }
    }

    fn line<'t>(told: &'t str, start: &str) -> Vec<&'t str> {
        let line = told.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no line {start} in\n{told}"));
        line[start.len()..].split_whitespace().collect()
    }

    #[test]
    fn a_figure_stands_beside_what_it_must_be_and_what_it_was() {
        let told = told(&record(50.0), Some(&record(70.0)));
        let sends = line(&told, "sends, 64 clients: rate / yardstick");
        let shown = [
            ">=", "0.6", "1", "0.50", "0.50", "to", "0.50", "0.70", "MISSED",
        ];
        assert_eq!(sends, shown);
        let rates = line(&told, "yardstick: 64 send");
        assert_eq!(rates, ["100", "-", "-", "100", "100", "0"]);
    }

    #[test]
    fn a_run_that_does_not_count_is_told_with_its_reason() {
        let mut record = record(70.0);
        record.runs[1].leader_stayed = false;
        let told = told(&record, None);
        let reason = "64 send, round 1, does not count: another node led after it";
        assert!(told.lines().any(|line| line == reason), "{told}");
    }
}
