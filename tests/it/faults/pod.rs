//! Builds the Pod of one trial: one container with one probe.
//!
//! Each trial has its own Pod, since event rate limits apply to all containers of a Pod together.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::row::Row;

/// The kinds of probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Liveness,
    Readiness,
    Startup,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Liveness, Self::Readiness, Self::Startup];

    /// The name of the container. With a capital it is the beginning of the probe's events.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
            Self::Startup => "startup",
        }
    }

    /// `initialDelaySeconds`. The target must listen before the first attempt; for a startup probe
    /// it must also be flipped by then.
    pub(crate) fn delay(self) -> u64 {
        match self {
            Self::Liveness | Self::Readiness => 2,
            Self::Startup => 10,
        }
    }
}

/// The probed port. The target also has the next port.
pub(crate) const PORT: u16 = 8080;

/// The Pod that runs a row with a kind of probe.
pub(crate) fn pod(name: &str, row: &Row, kind: Kind, image: &str) -> Pod {
    let ports = [PORT, PORT + 1];
    let ports = ports.map(|port| format!("--port={port}={}", row.handler.protocol()));
    let arguments = [ports.to_vec(), row.handler.arguments()].concat();
    let suffix = if row.tls { "-tls" } else { "" };
    let (period, timeout) = row.handler.pace();
    let (handler, action) = row.handler.field(PORT);
    let probe = json!({
        handler: action,
        "initialDelaySeconds": kind.delay(),
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": 1,
    });
    let pod = json!({
        "metadata": {"name": name},
        "spec": {
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": kind.name(),
                "image": format!("{image}{suffix}"),
                "imagePullPolicy": "IfNotPresent",
                "args": arguments,
                format!("{}Probe", kind.name()): probe,
            }],
        },
    });
    serde_json::from_value(pod).unwrap()
}
