//! What is kept of a run of the set: one JSON file. Its shape only grows, so that files of
//! different days can be compared.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::cases::Scale;
use super::figures::{Figure, Run};
use super::machine::Machine;

/// A run of the set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which sources were measured, as git describes them.
    pub revision: String,
    /// `release` or `debug`: figures of the latter say nothing.
    pub profile: String,
    /// Where.
    pub machine: Machine,
    /// How much of everything.
    pub scale: Scale,
    /// What came of it.
    pub figures: Vec<Figure>,
    /// All that was measured, in order.
    pub runs: Vec<Run>,
}

impl Record {
    /// Writes it, with the folder that it lies in.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let cannot = || format!("{} cannot be written", file.display());
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).with_context(cannot)?;
        }
        let text = serde_json::to_string_pretty(self)?;
        fs::write(file, text + "\n").with_context(cannot)
    }

    /// Reads what was written.
    pub fn read(file: &Path) -> anyhow::Result<Record> {
        let text = fs::read_to_string(file);
        let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is no record of this set", file.display()))
    }

    /// The median of a measure, if it was measured.
    pub fn median(&self, measure: &str) -> Option<f64> {
        let mut figures = self.figures.iter();
        figures.find(|figure| figure.measure == measure)?.median
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speed::figures::{figures, tests::run};

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("bench").join("record.json");
        let runs = vec![run(0, "64 send", 70.0)];
        let record = Record {
            revision: "abc".to_owned(),
            profile: "release".to_owned(),
            machine: Machine::default(),
            scale: Scale::quick(),
            figures: figures(&runs),
            runs,
        };
        record.write(&file).expect("written");
        assert_eq!(Record::read(&file).expect("read"), record);
        assert!(Record::read(folder.path()).is_err());
    }
}
