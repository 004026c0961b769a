//! Predictions beside what a node shows: docs/predictions-on-a-node.md.
//!
//! `just predictions-on-node` runs the experiments that predict writes for [`ROWS`] on a node,
//! several at once, and stores predictions and observations in `tests/recordings`. Every other run
//! writes the page from the recording and checks what predictions promise. On a node, six rows are
//! predicted and observed anew.

mod node;
mod page;
mod row;

use std::fs;

use expect_test::expect_file;
use tempfile::TempDir;

use self::{
    node::Node,
    page::page,
    row::{Recording, Row},
};
use crate::program::{cluster, root};

/// The rows of the page: a chart of `tests/shapes`, and names of experiments.
#[rustfmt::skip]
const ROWS: [(&str, &[&str]); 7] = [
    ("webshop", &[
        "emailservice-server-readiness-liveness-until-the-restart-all",
        "emailservice-server-crash-once-all",
        "emailservice-server-crash-at-every-start-all",
        "emailservice-server-frozen-all",
        "emailservice-rollout-all",
        "recommendationservice-server-crash-once-all",
        "recommendationservice-server-frozen-all",
        "recommendationservice-rollout-all",
        "checkoutservice-server-frozen-all",
        "checkoutservice-server-crash-once-all",
        "checkoutservice-rollout-all",
        "currencyservice-server-crash-once-all",
        "currencyservice-server-crash-at-every-start-all",
        "currencyservice-rollout-all",
        "loadgenerator-main-frozen-all",
        "loadgenerator-main-crash-once-all",
        "loadgenerator-main-crash-at-every-start-all",
        "loadgenerator-rollout-all",
        "store-cart-redis-frozen-all",
        "store-cart-rollout-all",
        "frontend-rollout-all",
    ]),
    ("log-agent", &[
        "agent-agent-readiness-all",
        "agent-agent-frozen-all",
        "agent-agent-liveness-until-the-restart-all",
        "agent-agent-crash-once-all",
        "agent-rotator-frozen-all",
        "agent-rotator-crash-once-all",
        "agent-rollout-all",
        "agent-startup-all",
    ]),
    ("sidecars", &[
        "api-api-readiness-one",
        "api-api-readiness-all",
        "api-shipper-frozen-one",
        "api-search-crash-once-one",
        "cache-redis-crash-once-one",
        "api-rollout-all",
    ]),
    ("web", &[
        "web-nginx-readiness-one",
        "web-nginx-readiness-all",
        "web-nginx-crash-once-one",
    ]),
    ("certs", &[
        "certs-cainjector-certs-cainjector-frozen-all",
        "certs-rollout-all",
    ]),
    ("mistakes", &[
        "recreate-rollout-all",
        "late-liveness-rollout-all",
        "kills-first-app-readiness-liveness-until-the-restart-one",
    ]),
    ("worker", &[
        "scheduler-rollout-all",
        "scheduler-scheduler-frozen-all",
    ]),
];

/// How often each of them is run, in virtual time and on a node alike: of more runs the worst is
/// worse.
const REPEATS: u32 = 5;

/// How many of them at once: a node of two processors is late for more.
const AT_ONCE: usize = 2;

/// Rows that end within two minutes and whose severity chance does not decide.
#[rustfmt::skip]
const QUICK_ROWS: [(&str, &[&str]); 3] = [
    ("webshop", &[
        "emailservice-server-crash-at-every-start-all",
        "loadgenerator-main-frozen-all",
    ]),
    ("log-agent", &[
        "agent-agent-readiness-all",
        "agent-agent-liveness-until-the-restart-all",
        "agent-agent-frozen-all",
    ]),
    ("mistakes", &["recreate-rollout-all"]),
];

/// Predictions and what the node showed.
const RECORDING: &str = "tests/recordings/predictions-1.36.3.json";

#[test]
fn the_page_holds_predictions_against_the_recorded_node() {
    let recording = fs::read_to_string(root().join(RECORDING)).unwrap();
    let recording: Recording = serde_json::from_str(&recording).unwrap();
    expect_file!["../../docs/predictions-on-a-node.md"].assert_eq(&page(&recording));
    assert!(recording.rows.len() >= 40, "{}", recording.rows.len());
    assert_kept(&recording.rows);
}

#[test]
#[ignore = "takes two hours and replaces the recording; `just predictions-on-node` runs it"]
fn a_node_is_recorded() {
    let cluster = cluster("a_node_is_recorded").expect("PROBEFLIP_TEST_KUBECONFIG must be set");
    // Runs of an earlier call that was interrupted are not made again.
    let folder = root().join("target/predictions");
    let node = Node::new(&cluster, &folder);
    let text = fs::read_to_string(root().join(RECORDING)).unwrap();
    let earlier: Recording = serde_json::from_str(&text).unwrap();
    let parts = std::env::var("PROBEFLIP_TEST_ROWS").unwrap_or_default();
    let is_wanted = |name: &str| parts.split(',').any(|part| name.contains(part));
    let rows = ROWS.iter().flat_map(|(shape, names)| {
        let (anew, kept): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| is_wanted(name));
        let mut rows = node.rows(&[(shape, &anew)], REPEATS, AT_ONCE);
        rows.extend(node.predicted_anew(shape, &kept, &earlier));
        rows.sort_by_key(|row| names.iter().position(|name| *name == row.name()));
        rows
    });
    let recording = Recording {
        machine: std::env::var("PROBEFLIP_TEST_MACHINE").unwrap_or_else(|_| "unnamed".to_owned()),
        rows: rows.collect(),
        ..earlier
    };
    let text = serde_json::to_string(&recording).unwrap() + "\n";
    fs::write(root().join(RECORDING), text).unwrap();
}

#[test]
fn a_node_shows_what_six_rows_predict() {
    let Some(cluster) = cluster("a_node_shows_what_six_rows_predict") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let node = Node::new(&cluster, folder.path());
    let rows = node.rows(&QUICK_ROWS, 1, 6);
    assert_eq!(rows.len(), 6);
    assert_kept(&rows);
    let lost: Vec<_> = rows.iter().flat_map(Row::unexpected_losses).collect();
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Predictions are kept if 95 % of the times lie within their bounds and every severity is as
/// predicted.
#[track_caller]
fn assert_kept(rows: &[Row]) {
    let times: Vec<_> = rows.iter().flat_map(Row::bounded_times).collect();
    let outside = times.iter().filter(|time| !time.is_within());
    let outside: Vec<String> = outside.map(ToString::to_string).collect();
    assert!(!times.is_empty());
    let share = outside.len() * 100 / times.len();
    assert!(
        share < 5,
        "{} of {}: {outside:#?}",
        outside.len(),
        times.len()
    );
    let severities = rows
        .iter()
        .filter(|row| row.severity() != row.observed_severity());
    let other: Vec<_> = severities.map(Row::summary).collect();
    assert!(other.is_empty(), "{other:#?}");
}
