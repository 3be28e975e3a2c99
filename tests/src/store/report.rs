//! Figures as they are measured, each held against what it must be.

use std::fmt::Display;
use std::time::Duration;

/// The lines of one check. Each is printed when it is known: a check of half an hour that fails at
/// its end has told what it saw.
#[derive(Debug)]
pub struct Report {
    figures: u32,
    missed: Vec<String>,
}

impl Report {
    /// An empty report, whose head is printed.
    pub fn begin(title: &str) -> Report {
        println!("{title}");
        line("check", "figure", "seen", "");
        Report {
            figures: 0,
            missed: Vec::new(),
        }
    }

    /// A figure that must hold.
    pub fn figure(&mut self, check: &str, figure: impl Display, seen: impl Display, holds: bool) {
        self.figures += 1;
        let seen = seen.to_string();
        line(
            check,
            &figure.to_string(),
            &seen,
            if holds { "ok" } else { "MISSED" },
        );
        if !holds {
            self.missed.push(format!("{check}: {figure}, seen {seen}"));
        }
    }

    /// A number that must not exceed this one.
    pub fn at_most(&mut self, check: &str, limit: f64, seen: f64, unit: &str) {
        let figure = format!("at most {} {unit}", Short(limit));
        let holds = seen <= limit;
        self.figure(check, figure, format!("{} {unit}", Short(seen)), holds);
    }

    /// Something worth knowing that nothing is asked of.
    pub fn note(&mut self, check: &str, seen: impl Display) {
        line(check, "-", &seen.to_string(), "");
    }

    /// What was missed, one figure each.
    pub fn missed(&self) -> &[String] {
        &self.missed
    }

    /// Tells the verdict, and whether every figure holds. A check without figures shows nothing.
    pub fn end(&self) -> bool {
        let (figures, missed) = (self.figures, self.missed.len());
        if missed == 0 && figures > 0 {
            println!("All {figures} figures hold.");
        } else {
            println!("{missed} of {figures} figures were missed.");
        }
        missed == 0 && figures > 0
    }
}

fn line(check: &str, figure: &str, seen: &str, verdict: &str) {
    println!("{check:<52} {figure:<24} {seen:<24} {verdict}");
}

/// A number with as many digits as tell something.
struct Short(f64);

impl Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.0.abs() < 10.0 { 2 } else { 0 };
        write!(f, "{:.digits$}", self.0)
    }
}

/// Bytes in MiB.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// So many of something in a second.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 messages")]
pub fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_holds_only_if_something_was_measured_and_nothing_missed() {
        let mut report = Report::begin("a check");
        assert!(!report.end());
        report.at_most("size", 2.0, 2.0, "MiB");
        assert!(report.end());
        report.at_most("size", 2.0, 2.1, "MiB");
        assert!(!report.end());
        assert_eq!(report.missed(), ["size: at most 2.00 MiB, seen 2.10 MiB"]);
    }
}
