//! Compares the requests of probes with those of Go's `net/url` and `net/http`, as in a kubelet.
//!
//! The texts are recorded, so that other tests need no Go; `UPDATE_EXPECT=1` records them again.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use expect_test::expect_file;
use serde_json::{Value, json};

use super::python;
use crate::program::{Ended, root};

const RECORDING: &str = include_str!("../../recordings/probe-urls.jsonl");

#[test]
fn go_asks_what_is_recorded() {
    if python("go_asks_what_is_recorded").is_none() {
        return;
    }
    let mut go = Command::new(root().join("target/peers/probe_urls"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut paths = go.stdin.take().unwrap();
    for line in RECORDING.lines() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        writeln!(paths, "{}", json!({ "path": recorded["path"] })).unwrap();
    }
    drop(paths);
    let ended = Ended::from(go.wait_with_output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    expect_file![root().join("tests/recordings/probe-urls.jsonl")].assert_eq(&ended.stdout);
}
