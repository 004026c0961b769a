//! Whole Pods on a paused clock: what a client of the API sees of them, and what their programs
//! experience.

mod endings;
mod exec;
mod faults;
mod hooks;
mod probes;
mod refusals;
mod restarts;
mod sidecars;
mod status;
mod volumes;
mod world;

use std::time::Duration;

use serde_json::json;

use world::{container, pod, probe};

const SECOND: Duration = Duration::from_secs(1);

/// A readiness probe with a period of 2 s and a failure threshold of 3.
fn seed() -> serde_json::Value {
    let both = |name: &str, port: u16| {
        container(
            name,
            port,
            &json!({
                "livenessProbe": probe(port, "/livez", &json!({"periodSeconds": 2})),
                "readinessProbe": probe(port, "/readyz", &json!({"periodSeconds": 2})),
            }),
        )
    };
    pod(
        &json!({"terminationGracePeriodSeconds": 2, "containers": [both("a", 8080), both("b",
            8081)]}),
    )
}
