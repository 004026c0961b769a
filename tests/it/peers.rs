//! Tests of `probe-target` over loopback with other programs: curl, gRPC, OpenSSL, kubectl, Go.
//!
//! They run if `PROBEFLIP_TEST_PEERS` names the Python that `tests/peers/install` has set up;
//! otherwise they print that they are skipped.

/// Faults of a route and states of a port, with curl.
mod faults;
/// Statuses, headers, bodies, delays and request sizes, with curl.
mod replies;

/// Bounds (count, sequence, agent), with curl.
mod bounds;

/// gRPC health checks, with gRPC's Python library.
mod grpc;

/// kubectl's YAML parser.
mod kubectl;
/// `/metrics`, with Prometheus' parser.
mod metrics;
/// Go's `net/url`, with which the kubelet builds probe requests.
mod probe_urls;
/// The JSON report, with a JSON Schema validator.
mod report;
/// TLS, with OpenSSL, curl and gRPC's library.
mod secured;

/// Requests of web pages and other clients to the control API.
mod web_pages;

/// Packet captures of each fault.
mod capture;

/// Helper: runs curl and parses its result.
mod curl;
/// Helper: `probe-target` as a process.
mod target;

#[expect(
    clippy::print_stderr,
    reason = "a skipped test must not look like a passed one"
)]
/// The Python with the peers' libraries. Prints that the test is skipped if `PROBEFLIP_TEST_PEERS`
/// is not set.
fn python(test: &str) -> Option<std::path::PathBuf> {
    let python = std::env::var_os("PROBEFLIP_TEST_PEERS").filter(|path| !path.is_empty());
    if python.is_none() {
        eprintln!("{test}: skipped, PROBEFLIP_TEST_PEERS is not set");
    }
    python.map(|python| crate::program::root().join(python))
}
