//! Timing and `User-Agent` of a Pod's probes, read from its spec.

use std::time::Duration;

use probe_target::model::answer::recorded_text;
use serde_json::Value;

/// The timing of a probe, and how its requests are recognized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbeSettings {
    pub(super) period: Duration,
    pub(super) timeout: Duration,
    pub(super) initial_delay: Duration,
    /// Whether it is a gRPC probe.
    pub(super) is_grpc: bool,
    agent: Agent,
}

/// The user agent of a probe's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Agent {
    /// The user agent starts with this text.
    Prefix(&'static str),
    /// The user agent set in `httpHeaders`. If it is empty, the kubelet sends no user agent.
    Header(String),
}

/// The kubelet's user agent starts with this: `kube-probe/MAJOR.MINOR`, for gRPC followed by
/// grpc-go's own (pkg/probe/http/request.go and pkg/probe/grpc/grpc.go).
const KUBELET: &str = "kube-probe/";

/// The user agent of `probe-target check`, which exec probes run, starts with this.
const CHECK: &str = "probe-target-check/";

impl ProbeSettings {
    /// The probe of a Pod's container: `readiness`. None for a tcp probe, which sends no request.
    pub(super) fn of(pod: &Value, container: &str, probe: &str) -> Option<Self> {
        let spec = &pod["spec"];
        let lists = [&spec["containers"], &spec["initContainers"]];
        let mut containers = lists.into_iter().filter_map(Value::as_array).flatten();
        let container = containers.find(|each| each["name"] == *container)?;
        Self::read(&container[format!("{probe}Probe")])
    }

    fn read(probe: &Value) -> Option<Self> {
        let seconds = |field: &str, absent: u64| {
            let seconds = probe[field].as_u64();
            Duration::from_secs(seconds.filter(|seconds| *seconds > 0).unwrap_or(absent))
        };
        let agent = if probe["httpGet"].is_object() {
            header(&probe["httpGet"]).map_or(Agent::Prefix(KUBELET), Agent::Header)
        } else if probe["grpc"].is_object() {
            Agent::Prefix(KUBELET)
        } else if probe["exec"].is_object() {
            Agent::Prefix(CHECK)
        } else {
            return None;
        };
        Some(Self {
            period: seconds("periodSeconds", 10),
            timeout: seconds("timeoutSeconds", 1),
            initial_delay: seconds("initialDelaySeconds", 0),
            is_grpc: probe["grpc"].is_object(),
            agent,
        })
    }

    /// Whether a request with this user agent may have been sent by the probe.
    pub(super) fn sends(&self, agent: Option<&str>) -> bool {
        match &self.agent {
            Agent::Prefix(prefix) => agent.is_some_and(|agent| agent.starts_with(prefix)),
            Agent::Header(header) => {
                trimmed(agent.unwrap_or_default()) == trimmed(recorded_text(header))
            }
        }
    }
}

/// The user agent set in a probe's `httpHeaders`. Of several, the kubelet sends the first.
///
/// Go trims it when it writes the request: net/http/request.go, `Request.write`.
fn header(http_get: &Value) -> Option<String> {
    let headers = http_get["httpHeaders"].as_array()?;
    let agent = headers.iter().find(|header| {
        let name = header["name"].as_str().unwrap_or_default();
        name.eq_ignore_ascii_case("User-Agent")
    })?;
    Some(trimmed(agent["value"].as_str().unwrap_or_default()).to_owned())
}

/// Without white space at its ends. Line breaks are never sent.
fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(probe: &Value) -> ProbeSettings {
        ProbeSettings::read(probe).unwrap()
    }

    #[test]
    fn what_is_left_out_has_kubernetes_defaults() {
        let bare = spec(&json!({ "httpGet": { "port": 80 } }));
        assert_eq!(
            (bare.period, bare.timeout, bare.initial_delay),
            (
                Duration::from_secs(10),
                Duration::from_secs(1),
                Duration::ZERO
            )
        );
        assert_eq!(
            ProbeSettings::read(&json!({ "tcpSocket": { "port": 80 } })),
            None
        );
        assert_eq!(ProbeSettings::read(&Value::Null), None);
    }

    #[test]
    fn the_requests_of_a_probe_are_known_by_their_user_agent() {
        let check = |probe: &Value, ours: &[Option<&str>], others: &[Option<&str>]| {
            let probe = spec(probe);
            assert!(ours.iter().all(|agent| probe.sends(*agent)), "{probe:?}");
            assert!(!others.iter().any(|agent| probe.sends(*agent)), "{probe:?}");
        };
        let kubelet = Some("kube-probe/1.36");
        let exec = Some("probe-target-check/0.1.0");
        check(
            &json!({ "httpGet": {} }),
            &[kubelet],
            &[exec, None, Some("curl/8")],
        );
        check(
            &json!({ "grpc": {} }),
            &[Some("kube-probe/1.36 grpc-go/1.79.3")],
            &[exec, None],
        );
        check(&json!({ "exec": {} }), &[exec], &[kubelet, None]);
        let named = |value: &str| {
            json!({ "httpGet": { "httpHeaders": [
                { "name": "X-A", "value": "b" }, { "name": "user-agent", "value": value },
            ]}})
        };
        check(&named("mine"), &[Some("mine")], &[kubelet, None]);
        check(&named(""), &[None], &[kubelet, Some("mine")]);
        check(&named(" lead"), &[Some("lead")], &[None]);
        check(&named("two words\t "), &[Some("two words")], &[None]);
        let long = "m".repeat(300);
        check(&named(&long), &[Some(&long[..256])], &[Some(&long[..255])]);
    }
}
