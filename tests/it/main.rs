//! All whole-system tests in one binary; the list of modules is the table of contents.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::needless_raw_string_hashes,
    reason = "expectations are written by a program"
)]

/// Checks of the workspace itself: crate dependencies, versions, first lines of files.
mod tidy;

/// Interfaces that users depend on: file fields, JSON, options, control API.
mod contracts;

/// Seed experiments with a wrong expectation must fail.
mod broken;
/// Preconditions of verdicts: reached flips, up-to-date statuses, observed changes.
mod evidence;
/// The experiments of `manifests` in virtual time, pocket and a real cluster: equal verdicts and
/// stories.
mod experiments;
/// How close the bounds of those experiments are.
mod late_kubelet;
/// Effects of one step on the next.
mod steps;
/// Stories: what timelines show wherever and whenever they are recorded.
mod story;

/// How a kubelet reacts to every fault: the tables of docs/faults.md.
mod faults;
/// Probes with every kind of path.
mod probe_paths;

/// What chance decides in virtual time.
mod latencies;
/// How long things take in virtual time and on a node: docs/timing.md.
mod timing;

/// Container terminations, and the statuses that report them.
mod ends;
/// Lifecycle hooks, in virtual time and on a real cluster.
mod hooks;
/// Restart policies and rules of single containers, in virtual time and on a real cluster.
mod restart_rules;
/// Stand-ins of charts: notes, ports, and how their Pods come up, in virtual time, on pocket and
/// on a real cluster.
mod shapes;
/// Workloads other than Deployments, in virtual time and on a real cluster.
mod workloads;

/// pocket as a library for tests of controllers.
mod library;

/// README.md and docs/: commands, outputs, experiments, links.
mod documents;

/// `lint`: shapes, examples of the documentation, suppression, bad input.
mod lint;

/// Requests that pocket refuses as a node does.
mod bad_requests;
/// `check`, `explain`, `help`, and completions in shells.
mod checks;
/// The commands other than `run`.
mod commands;
/// Clean-up on a real cluster after signals and kills.
mod interruptions;
/// `pocket`: the embedded cluster on a port.
mod on_a_port;
/// Runs whose API server becomes unreachable.
mod outages;
/// Several experiments at a time: equal results, `--fail-fast` and signals.
mod parallel;
/// `predict`: severities, and the closed formulas of what it samples.
mod predict;
/// `predict` of changed configurations and of experiments, its advice, and `diff`.
mod predict_changes;
/// `predict --report`: its page, and where it goes.
mod predict_report;
/// Predictions and what a node shows: docs/predictions-on-a-node.md.
mod predictions;
/// Escaping of terminal output, and output that cannot be written.
mod printed;
/// Runs that a cluster or a kubeconfig stops: error messages and exit codes.
mod refusals;
/// Repeated runs: seeds, sums, files, exit codes and signals.
mod repeats;
/// JSON reports of runs without a verdict.
mod reports;
/// What commands write as JSON, against the published schemas.
mod schemas;
/// `watch` on a terminal: lanes, flips, signals, job control.
mod watch;

/// `probe-target` tested with curl, a Python gRPC library, a packet capture and other programs.
mod peers;

/// Helper: a namespace of a real cluster.
mod namespace;
/// Helper: containers of the probe target, and waits for their Pods.
mod pods;
/// Helper: runs the programs as processes.
mod program;
/// Helper: a relay that breaks the connections to an API server.
mod relay;
/// Helper: a running `probeflip` process.
mod running;
/// Helper: a program on a terminal.
mod terminal;
