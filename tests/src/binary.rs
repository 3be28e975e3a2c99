//! The `zonemq` program under test, and the yardstick beside it, built from this checkout.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The program: what `ZONEMQ_BIN` names, or else what cargo builds now, in the profile of the
/// tests.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("ZONEMQ_BIN") {
        Some(path) => {
            let path = PathBuf::from(path);
            assert!(
                path.is_file(),
                "ZONEMQ_BIN names {}, which is no file",
                path.display()
            );
            path
        }
        None => build(),
    })
}

/// Runs `zonemq` with these arguments to its end.
pub fn run(arguments: &[&str]) -> Output {
    Command::new(path())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("zonemq can be started")
}

/// The yardstick, which cargo builds now, in the profile of the tests.
pub fn yardstick() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let what = ["--package", "zonemq-bench", "--example", "yardstick"];
    PATH.get_or_init(|| built(&what, "examples/yardstick"))
}

fn build() -> PathBuf {
    built(&["--package", "zonemq", "--bin", "zonemq"], "zonemq")
}

/// Builds a program, which then lies there below the folder of the profile.
fn built(what: &[&str], place: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet"])
        .args(what)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.status().expect("cargo can be started");
    assert!(built.success(), "cargo could not build {place}");
    // A test lies in <target>/<profile>/deps/, a program one above.
    let this = std::env::current_exe().expect("a process knows its own path");
    let program = this
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"))
        .expect("it lies in a target folder")
        .join(place);
    assert!(
        program.is_file(),
        "cargo built {place}, but {} is no file; name `zonemq` in ZONEMQ_BIN",
        program.display()
    );
    program
}
