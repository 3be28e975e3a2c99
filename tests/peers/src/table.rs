//! Records for people.

use std::fmt::Write;

use crate::record::{Record, Row};
use crate::stage::Durability;

/// Stands where nothing was measured.
const NOTHING: &str = "-";
/// To be ahead is a must; this is worth working for.
const AIM: f64 = 3.0;

/// A record as a table for each load, how it was taken, and the verdict.
pub(crate) fn told(record: &Record) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    for in_flight in &record.scale.in_flight {
        let _ = write_load(&mut out, record, *in_flight);
    }
    let _ = write_clients(&mut out, record);
    let _ = write_marred(&mut out, record);
    let _ = write_verdict(&mut out, record);
    out
}

fn write_load(out: &mut String, record: &Record, in_flight: usize) -> std::fmt::Result {
    let scale = &record.scale;
    writeln!(
        out,
        "{in_flight} in flight, bodies of {} bytes, medians of {} rounds of {} s",
        scale.body_bytes,
        scale.rounds,
        scale.run.as_secs_f64()
    )?;
    writeln!(
        out,
        "{:<40} {:>10} {:>7} {:>7} {:>8} {:>14} {:>8} {:>8} {:>7}  acknowledged when",
        "",
        "messages/s",
        "p50 ms",
        "p99 ms",
        "zonemq/",
        "least to most",
        "CPU µs",
        "load µs",
        "RSS MiB"
    )?;
    for row in rows_of(record, in_flight) {
        let subject = &record.subjects[row.subject];
        let (ahead, range) = if row.subject == 0 {
            (NOTHING.to_owned(), NOTHING.to_owned())
        } else {
            let least = row.ahead.iter().copied().reduce(f64::min);
            let most = row.ahead.iter().copied().reduce(f64::max);
            (
                shown(row.median_ahead, 2),
                format!("{} to {}", shown(least, 2), shown(most, 2)),
            )
        };
        writeln!(
            out,
            "{:<40} {:>10} {:>7} {:>7} {ahead:>8} {range:>14} {:>8} {:>8} {:>7}  {}",
            subject.name,
            shown(row.messages_per_second, 0),
            shown(row.p50_ms, 2),
            shown(row.p99_ms, 2),
            shown(row.server_cpu_micros_per_message, 0),
            shown(row.load_cpu_micros_per_message, 0),
            shown(row.server_resident_mib, 0),
            durability(subject.durability),
        )?;
    }
    writeln!(out)
}

fn write_clients(out: &mut String, record: &Record) -> std::fmt::Result {
    for subject in &record.subjects {
        writeln!(out, "{}: {}", subject.name, subject.clients)?;
    }
    writeln!(
        out,
        "CPU: of all three servers for a message; load: of the clients, who share the machine."
    )
}

fn write_marred(out: &mut String, record: &Record) -> std::fmt::Result {
    for run in record.runs.iter().filter(|run| run.measured.errors > 0) {
        writeln!(
            out,
            "{}, {} in flight, round {}, does not count: {} errors, the first: {}",
            record.subjects[run.subject].name,
            run.in_flight,
            run.round + 1,
            run.measured.errors,
            run.measured.first_error.as_deref().unwrap_or_default()
        )?;
    }
    Ok(())
}

fn write_verdict(out: &mut String, record: &Record) -> std::fmt::Result {
    writeln!(out)?;
    for row in record.rows.iter().filter(|row| record.is_judged(row)) {
        writeln!(
            out,
            "{:<40} {:>4} in flight  must >= 1  aim {AIM}  is {:>6}  {}",
            record.subjects[row.subject].name,
            row.in_flight,
            shown(row.median_ahead, 2),
            verdict(row)
        )?;
    }
    if let Some(left_out) = &record.left_out {
        writeln!(out, "Not measured, so not judged: {left_out}")?;
    }
    Ok(())
}

fn verdict(row: &Row) -> &'static str {
    match row.median_ahead {
        Some(ahead) if ahead >= AIM => "ok, as aimed at",
        Some(ahead) if ahead >= 1.0 => "ok",
        _ => "MISSED",
    }
}

fn rows_of(record: &Record, in_flight: usize) -> impl Iterator<Item = &Row> {
    let rows = record.rows.iter();
    rows.filter(move |row| row.in_flight == in_flight)
}

fn durability(durability: Durability) -> &'static str {
    match durability {
        Durability::OnDisk => "on disk (fsync) on a majority",
        Durability::InPageCache => "in the page cache of a majority, synced every 2 min",
    }
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    #[test]
    fn each_queue_stands_beside_its_promise_and_the_judged_ones_beside_the_verdict() {
        let told = told(&record(&[[20.0, 10.0, 40.0]]));
        let lines = |start: &str| {
            let lines = told.lines().filter(|line| line.starts_with(start));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let careful = lines("careful ");
        assert!(careful[0].contains(" 2.00 "), "{told}");
        assert!(
            careful[0].ends_with("on disk (fsync) on a majority"),
            "{told}"
        );
        assert!(careful[1].ends_with("is   2.00  ok"), "{told}");
        let hasty = lines("hasty ");
        assert_eq!(hasty.len(), 1, "{told}");
        assert!(hasty[0].contains(" 0.50 "), "{told}");
    }
}
