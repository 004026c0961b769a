//! A probe's numbers, with Kubernetes' defaults.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use rules::probe::{ProbeKind, Spec, Threshold};

/// The numbers of the probes that a container passes before it is ready, in their order.
pub(crate) fn start_timings(container: &Container) -> impl Iterator<Item = Spec> {
    let probes = [
        (ProbeKind::Startup, &container.startup_probe),
        (ProbeKind::Readiness, &container.readiness_probe),
    ];
    let given = probes.into_iter();
    given.filter_map(|(kind, probe)| Some(timing(kind, probe.as_ref()?)))
}

/// The numbers of a probe in a manifest.
///
/// A zero means the default, as for the API server.
///
/// Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Probe`.
pub(crate) fn timing(kind: ProbeKind, probe: &Probe) -> Spec {
    let number = |given: Option<i32>, default: u32| {
        let given = given.and_then(|given| u32::try_from(given).ok());
        given.filter(|given| *given > 0).unwrap_or(default)
    };
    let time = |given, default| Duration::from_secs(number(given, default).into());
    let threshold =
        |given, default| Threshold::new(number(given, default)).unwrap_or(Threshold::ONE);
    let grace = probe.termination_grace_period_seconds;
    Spec {
        kind,
        initial_delay: time(probe.initial_delay_seconds, 0),
        period: time(probe.period_seconds, 10),
        timeout: time(probe.timeout_seconds, 1),
        success: threshold(probe.success_threshold, 1),
        failure: threshold(probe.failure_threshold, 3),
        grace: grace.map(|grace| Duration::from_secs(u64::try_from(grace).unwrap_or_default())),
    }
}
