//! The `zonemq` program under test, built from this checkout.

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

fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--package", "zonemq", "--bin", "zonemq"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.status().expect("cargo can be started");
    assert!(built.success(), "cargo could not build zonemq");
    // A test lies in <target>/<profile>/deps/, a program one above.
    let this = std::env::current_exe().expect("a process knows its own path");
    let program = this
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"))
        .expect("it lies in a target folder")
        .join("zonemq");
    assert!(
        program.is_file(),
        "cargo built zonemq, but {} is no file; name it in ZONEMQ_BIN",
        program.display()
    );
    program
}
