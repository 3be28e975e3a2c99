//! From a name or a text to a scenario, and what is wrong with it in a sentence.

use std::io;

use crate::bundled::BUNDLED;
use crate::kind::Kind;
use crate::scenario::Scenario;
use crate::single::{PREFIX, of_kind};

const FILE_END: &str = ".toml";

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Nobody knows the name.
    #[error("there is no scenario {0}: a file's name ends in .toml, and the bundled ones are {known}", known = known())]
    Unknown(String),
    /// Nobody knows the kind of fault.
    #[error("there is no kind of fault of the name in {0}: kind:kill is one")]
    NoKind(String),
    /// The file is not there, or is no text.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// Its name.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The text is no scenario.
    #[error("{file}, line {line}: {problem}")]
    Wrong {
        /// Its name.
        file: String,
        /// From 1 on.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
}

fn known() -> String {
    let names: Vec<&str> = BUNDLED.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// A bundled scenario by its name, one of a single kind of fault as `kind:kill`, or one in a file,
/// which `read` reads.
pub fn load(
    name: &str,
    read: impl FnOnce(&str) -> io::Result<String>,
) -> Result<Scenario, ScenarioError> {
    if let Some((_, text)) = BUNDLED.iter().find(|(known, _)| *known == name) {
        return parse(name, text);
    }
    if let Some(wanted) = name.strip_prefix(PREFIX) {
        let mut kinds = Kind::ALL.into_iter();
        let kind = kinds.find(|kind| wanted == kind.to_string());
        let kind = kind.ok_or_else(|| ScenarioError::NoKind(name.to_owned()))?;
        return parse(name, &of_kind(kind));
    }
    if !name.ends_with(FILE_END) {
        return Err(ScenarioError::Unknown(name.to_owned()));
    }
    let text = read(name).map_err(|source| ScenarioError::Unreadable {
        file: name.to_owned(),
        source,
    })?;
    parse(name, &text)
}

/// Reads a scenario; `file` names it in errors.
pub fn parse(file: &str, text: &str) -> Result<Scenario, ScenarioError> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.as_bytes().iter().take(start);
        ScenarioError::Wrong {
            file: file.to_owned(),
            line: before.filter(|byte| **byte == b'\n').count() + 1,
            problem: error.message().to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse("mine.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        let told = refused("teaches = \"\"\n\n[workload]\nsenders = 2\nlane = []\n");
        assert!(
            told.starts_with("mine.toml, line 5: unknown field `lane`"),
            "{told}"
        );
        let told =
            refused("teaches = \"\"\n[[fault]]\nkind = \"kil\"\ntarget = \"n1\"\nat = 1.0\n");
        assert!(
            told.starts_with("mine.toml, line 3: unknown variant `kil`"),
            "{told}"
        );
        let told =
            refused("teaches = \"\"\n[[fault]]\nkind = \"kill\"\ntarget = \"nobody\"\nat = 1.0\n");
        assert!(
            told.starts_with("mine.toml, line 4: \"nobody\" is no target"),
            "{told}"
        );
        let told = refused("teaches = \"\"\n[run\n");
        assert!(told.starts_with("mine.toml, line 2: "), "{told}");
    }

    #[test]
    fn a_cluster_is_neither_empty_nor_huge() {
        for (zones, each) in [(0, 1), (1, 0), (27, 1), (4, 4), (255, 255)] {
            let told = refused(&format!(
                "teaches = \"\"\n[cluster]\nzones = {zones}\nnodes_per_zone = {each}\n"
            ));
            assert!(
                told.ends_with("a cluster has 1 to 26 zones and 1 to 15 nodes"),
                "{told}"
            );
        }
    }

    #[test]
    fn what_a_link_cannot_suffer_is_refused_in_a_sentence() {
        let scenario = |kind| {
            format!("teaches = \"\"\n[[fault]]\nkind = \"{kind}\"\ntarget = \"n1->n2\"\nat = 1.0")
        };
        assert!(parse("mine.toml", &scenario("delay")).is_ok());
        let told = refused(&scenario("kill"));
        let problem = "mine.toml, line 2: kill cannot happen to the link n1->n2";
        assert!(told.starts_with(problem), "{told}");
    }

    #[test]
    fn every_bundled_scenario_can_be_read_and_teaches_something() {
        for (name, text) in BUNDLED {
            let scenario = parse(name, text).unwrap_or_else(|error| panic!("{error}"));
            assert!(scenario.teaches.len() > 100, "{name} teaches nothing");
        }
    }

    #[test]
    fn a_name_is_a_bundled_scenario_a_kind_of_fault_or_a_file() {
        let nobody_reads = |_: &str| -> io::Result<String> { panic!("nothing is read") };
        assert!(load("smoke", nobody_reads).is_ok());
        for kind in Kind::ALL {
            let scenario = load(&format!("kind:{kind}"), nobody_reads).expect("it is known");
            assert!(scenario.kinds().contains(&kind), "{kind}");
        }
        let told = load("kind:nothing", nobody_reads).unwrap_err().to_string();
        assert!(told.contains("no kind of fault"), "{told}");
        let told = load("nonsense", nobody_reads).unwrap_err().to_string();
        assert!(told.starts_with("there is no scenario nonsense"), "{told}");
        let absent = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
        let told = load("absent.toml", absent).unwrap_err().to_string();
        assert!(told.starts_with("absent.toml cannot be read"), "{told}");
        let there = |_: &str| Ok("teaches = \"\"".to_owned());
        assert!(load("there.toml", there).is_ok());
    }
}
