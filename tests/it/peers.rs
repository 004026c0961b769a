//! Real peers against the real `probe-target` over loopback: what they make of each fault is what its name says.
//! They run when `PROBEFLIP_TEST_PEERS` names the Python that `tests/peers/install` has made; else they say that they are skipped.

/// What curl gets from the faults of a route and from the states of a port.
mod faults;
/// Statuses, headers, bodies, delays and requests of every size.
mod replies;

/// Bounds as a client meets them: count, sequence, agent.
mod bounds;

/// gRPC health, asked for by a library of another language.
mod grpc;

/// kubectl's YAML.
mod kubectl;
/// Prometheus' parser.
mod metrics;
/// Go's `net/url`, with which a kubelet makes requests of probes.
mod probe_urls;
/// A JSON Schema validator.
mod report;
/// TLS, by OpenSSL, curl and gRPC's library.
mod secured;

/// The control address, asked by web pages and by everybody else.
mod web_pages;

/// The packets of each fault.
mod capture;

/// curl, and what it says came of a request.
mod curl;
/// `probe-target` as a process.
mod target;

#[expect(
    clippy::print_stderr,
    reason = "a skipped test must not look like a passed one"
)]
/// The Python that has the peers' libraries, if peers are installed; else says so.
fn python(test: &str) -> Option<std::path::PathBuf> {
    let python = std::env::var_os("PROBEFLIP_TEST_PEERS").filter(|path| !path.is_empty());
    if python.is_none() {
        eprintln!("{test}: skipped, PROBEFLIP_TEST_PEERS is not set");
    }
    python.map(|python| crate::program::root().join(python))
}
