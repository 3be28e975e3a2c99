//! Results for people.

use std::fmt::Write;

use zonemq_bench::{Ended, Latency, Results};

use crate::table;

/// What a run measured, in a few lines.
pub(super) fn told(results: &Results) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, results);
    out
}

fn write(out: &mut String, results: &Results) -> std::fmt::Result {
    let mut table = table::with_header([
        "",
        "requests",
        "messages",
        "messages/s",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
    ]);
    for (name, operation) in results.operations() {
        let mut row = vec![
            name.to_owned(),
            operation.requests.to_string(),
            operation.messages.to_string(),
            format!("{:.0}", operation.messages_per_second),
        ];
        row.extend(latencies(&operation.latency));
        table.add_row(row);
    }
    if let Some(latency) = &results.send_to_receive {
        let mut row = vec!["send to receive".to_owned()];
        row.extend(std::iter::repeat_n(String::new(), 3));
        row.extend(latencies(latency));
        table.add_row(row);
    }
    table::align_numbers(&mut table, 1);
    writeln!(out, "{table}")?;

    let why = match results.ended {
        Ended::Time => "",
        Ended::Drained => ", until all was deleted",
        Ended::Interrupted => ", then it was stopped",
    };
    writeln!(
        out,
        "{:.0} messages/s: {} in {:.1} s{why}; {} receives brought nothing; {} errors.",
        results.messages_per_second,
        results.messages,
        results.seconds,
        results.empty_receives,
        results.error_count()
    )?;
    if let Some(servers) = &results.servers {
        writeln!(
            out,
            "The servers took {:.2} s of CPU ({:.0} messages for each) and {} MiB of memory.",
            servers.cpu_seconds,
            servers.messages_per_cpu_second,
            servers.resident_bytes >> 20
        )?;
    }
    for (kind, count) in &results.errors {
        writeln!(out, "{count} times: {kind}")?;
    }
    if let Some(error) = &results.first_error {
        writeln!(out, "The first error: {error}")?;
    }
    Ok(())
}

fn latencies(latency: &Latency) -> impl Iterator<Item = String> {
    let Latency {
        p50_ms,
        p90_ms,
        p99_ms,
        p99_9_ms,
        max_ms,
        ..
    } = latency;
    let shown = [p50_ms, p90_ms, p99_ms, p99_9_ms, max_ms];
    shown.map(|value| format!("{value:.2}")).into_iter()
}
