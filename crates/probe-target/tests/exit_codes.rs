//! The exit codes of the process: one command line for each that needs no listener.
//!
//! As a test of the package it has `probe-target` built, which `tests/it` runs as well.

use std::process::Command;

#[test]
fn a_command_ends_with_the_code_of_its_outcome() {
    for (code, command) in [
        (0, "--help"),
        (1, "check tcp 127.0.0.1:1"),
        (2, "--no-such-option"),
        (2, "serve --port 0"),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_probe-target"));
        let ended = program.args(command.split(' ')).output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{command}: {stderr}");
    }
}
