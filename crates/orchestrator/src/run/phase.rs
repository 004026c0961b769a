//! The delay before a step's flips that spreads their phase within the flipped probes' period.
//!
//! A single run has a fixed phase: a Pod becomes Ready at a probe, and what follows until the flip
//! takes the same time in every run. So the kubelet's next attempt is always as far away.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, Probe as ProbeSpec};

use super::state::RunState;
use crate::{
    input::experiment::{Flip, FlipTarget, Phase, Probe},
    targets::containers,
    timeline::What,
};

/// The period of a probe that names none.
///
/// Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Probe`.
const DEFAULT_PERIOD: Duration = Duration::from_secs(10);

impl RunState<'_> {
    /// Waits for a random part of the flipped probes' period, unless the step's phase is fixed.
    pub(super) async fn spread_phase(&mut self, step: usize, flips: &[Flip]) {
        let spread = self.job.experiment.steps[step].phase == Phase::Spread;
        if !spread || self.phases.is_none() {
            return;
        }
        let period = longest(flips.iter().flat_map(|flip| {
            let pods = self.first_pods(&flip.pod.value, flip.pods.as_ref());
            pods.into_iter().map(|pod| period(&pod, flip))
        }));
        let Some(random) = self.phases.as_mut().filter(|_| !period.is_zero()) else {
            return;
        };
        let delay = random.below(period);
        let began = self.recorder.record(What::Phase {
            step,
            period: period.into(),
            delay: delay.into(),
        });
        self.recorder.until(began + delay).await;
    }
}

/// The period of the probe that a flip is about. A flip of the process is about all probes of its
/// container.
fn period(pod: &Pod, flip: &Flip) -> Duration {
    let container = containers(pod).find(|it| it.name == flip.container.value);
    let probes = container.map_or([const { None }; 3], |container| match &flip.aim.value {
        FlipTarget::Probe { probe, .. } => [probe_of(container, *probe), None, None],
        FlipTarget::Process(_) => {
            [Probe::Readiness, Probe::Liveness, Probe::Startup].map(|it| probe_of(container, it))
        }
    });
    longest(probes.into_iter().flatten().map(|probe| {
        let seconds = probe.period_seconds.and_then(|it| u64::try_from(it).ok());
        seconds.map_or(DEFAULT_PERIOD, Duration::from_secs)
    }))
}

fn probe_of(container: &Container, probe: Probe) -> Option<&ProbeSpec> {
    match probe {
        Probe::Liveness => container.liveness_probe.as_ref(),
        Probe::Readiness => container.readiness_probe.as_ref(),
        Probe::Startup => container.startup_probe.as_ref(),
    }
}

fn longest(periods: impl Iterator<Item = Duration>) -> Duration {
    periods.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::cluster::{self, Cluster, Latencies};
    use crate::input::{files::Files, load, manifests, source::Source};
    use crate::random::Random;
    use crate::report::printer::Printer;
    use crate::run::{self, Job, Views, interrupt::Interrupt};
    use crate::timeline::{Micros, Place};

    const EXPERIMENT: &str = "\
apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: { name: e }
spec:
  workload:
    objects:
      - apiVersion: v1
        kind: Pod
        metadata: { name: web }
        spec:
          containers:
            - name: a
              image: probe-target
              args: [--port=8080]
              readinessProbe: { httpGet: { path: /r, port: 8080 }, periodSeconds: 7 }
              livenessProbe: { tcpSocket: { port: 8080 } }
  steadyState: { require: [{ pod: pod/web, that: { ready: 1/1 } }] }
  steps:
    - name: step
      PHASE
      flip: { pod: pod/web, container: a, FLIP }
      expect: [{ id: x, pod: pod/web, that: { ready: 1/1 }, always: { for: 1s } }]
";

    /// The period and delay of the flip, in milliseconds, and how long after the steady state its
    /// step began.
    fn flip(phase: &str, flip: &str, spread_phases: bool, seed: u64) -> (Option<[u64; 2]>, u64) {
        let text = EXPERIMENT.replace("PHASE", phase).replace("FLIP", flip);
        let path = "e.yaml".into();
        let experiment = load::load(&Source {
            path,
            text: text.into(),
        })
        .unwrap()
        .experiments;
        let experiment = &experiment[0];
        let manifests = manifests::of_experiment(experiment, Files::Disk).unwrap();
        let job = Job {
            experiment,
            objects: manifests::objects(&manifests, None).unwrap(),
            namespace: None,
            run: "test",
            seed: Some(seed),
            spread_phases,
            keep: false,
            views: Views {
                records: true,
                sections: false,
            },
        };
        let printer = Printer::nowhere();
        let ran = cluster::runtime(&Place::Virtual).unwrap().block_on(async {
            let mut random = Random::seeded(seed);
            let cluster = Cluster::connect(Place::Virtual, Latencies::None, &mut random)
                .await
                .unwrap();
            let (_keep, mut interrupt) = Interrupt::relayed();
            let ran = run::run(&job, &cluster, &mut random, &mut interrupt, &printer);
            Box::pin(ran).await
        });
        let (mut phase, mut steady, mut began) = (None, Micros::ZERO, Micros::ZERO);
        for record in ran.unwrap().timeline.records() {
            match record.what {
                What::Steady => steady = record.at,
                What::Phase { period, delay, .. } => {
                    phase = Some([period, delay].map(|it| it.0 / 1000));
                }
                What::StepStart { .. } => began = record.at,
                _ => {}
            }
        }
        (phase, Micros::from(began.since(steady)).0 / 1000)
    }

    #[test]
    fn flips_are_made_at_random_moments_of_the_flipped_probe_s_period() {
        let mut delays = Vec::new();
        for seed in 1..=20 {
            let (phase, waited) = flip("", "probe: readiness, to: 500", true, seed);
            let [period, delay] = phase.unwrap();
            assert_eq!((period, waited), (7_000, delay));
            delays.push(delay);
        }
        let part = |from, to| delays.iter().any(|delay| (from..to).contains(delay));
        assert!(
            part(0, 2_500) && part(2_500, 4_500) && part(4_500, 7_000),
            "{delays:?}"
        );
    }

    #[test]
    fn of_several_probes_the_longest_period_counts() {
        let (phase, _) = flip("", "process: stop-accepting", true, 1);
        assert_eq!(phase.unwrap()[0], 10_000);
    }

    #[test]
    fn single_runs_and_fixed_phases_wait_for_nothing() {
        let readiness = "probe: readiness, to: 500";
        assert_eq!(flip("", readiness, false, 1), (None, 0));
        assert_eq!(flip("phase: fixed", readiness, true, 1), (None, 0));
        assert!(flip("phase: spread", readiness, true, 1).0.is_some());
    }
}
