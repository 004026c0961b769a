//! Tests of `/metrics` with Prometheus' own parser.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::{curl, python, target::Target};
use crate::program::{Ended, root};

#[test]
fn prometheus_reads_the_metrics_whatever_a_path_is_called() {
    let Some(python) = python("prometheus_reads_the_metrics_whatever_a_path_is_called") else {
        return;
    };
    let target = Target::start(&["http"]);
    target.lay("/x", r#"{"status":503}"#);
    for path in ["/x", "/x", "/a%22b%5C%0A"] {
        curl::ask(&[target.url(path)]);
    }
    let metrics = curl::ask(&[target.control_url("/metrics")]);
    let mut parser = Command::new(python)
        .arg(root().join("tests/peers/metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = parser.stdin.take().unwrap();
    input.write_all(&metrics.printed).unwrap();
    drop(input);
    let ended = Ended::from(parser.wait_with_output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let requests: Vec<_> = ended
        .stdout
        .lines()
        .filter(|line| line.starts_with("probe_target_requests_total "))
        .collect();
    let counted = |path: &str, count: &str| {
        requests
            .iter()
            .any(|line| line.contains(path) && line.ends_with(count))
    };
    assert!(counted("('path', '/x')", " 2"), "{requests:#?}");
    // Paths are percent-encoded, so that no label needs an escape.
    assert!(counted("('path', '/a%22b%5C%0A')", " 1"), "{requests:#?}");
}
