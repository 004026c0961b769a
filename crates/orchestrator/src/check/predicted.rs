//! Predicts when expectations become true, by the closed formulas of probes.
//!
//! A formula bounds the attempt that decides. What it leads to is seen at the API and by the
//! Service's users a little later.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, Probe as ProbeSettings, Service};
use probe_target::model::{
    behaviour::{Behaviour, Effect, Fault},
    bound::Bounds,
    port_spec::PortState,
    process_fault::ProcessAction,
};
use rules::probe::{ProbeKind, Spec, Window};

use super::manifest_index::ManifestIndex;
use crate::{
    input::{
        experiment::{
            Action, Bound, Condition, ConditionStatus, EndpointsReady, Expectation, Experiment,
            Flip, FlipTarget, NumberRange, Operator, PodReady, Probe, Restarts, Which,
        },
        load::Manifest,
        problem::{Problem, ProblemText, Problems},
    },
    targets::{
        containers,
        flip_plan::{FlipAction, FlipPlan, WantedFlip, plan, selects},
        probe_timing::timing,
        propagation::seen,
    },
};

/// Why no closed formula says when an expectation becomes true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPrediction {
    /// It is not an `eventually`.
    #[error("`{0}` is about all of its time")]
    Operator(&'static str),
    /// It has an `after`.
    #[error("its time begins with `{0}`, not with a flip")]
    Follows(String),
    /// The step does something else.
    #[error("its step flips nothing")]
    NoFlip,
    /// A flip has bounds.
    #[error("the flip of `{0}` does not last")]
    Bounded(String),
    /// A flip affects other probes too.
    #[error("the flip of `{container}` also touches {others}")]
    Shared {
        /// The container.
        container: String,
        /// The other probes.
        others: String,
    },
    /// What the probe meets has no formula.
    #[error("no closed formula says what a probe makes of `{0}`")]
    Behaviour(String),
    /// What is claimed has no formula.
    #[error("no closed formula is about what it claims")]
    Claim,
    /// No flip of the step decides the claim.
    #[error("no flip of its step decides it")]
    Undecided,
}

/// Sets the bounds of all expectations that have `predicted` in place of a time.
pub(crate) fn predict_bounds(
    experiment: &mut Experiment,
    manifests: &[Manifest],
) -> Result<(), Problems> {
    if !experiment.has_predicted_bounds() {
        return Ok(());
    }
    let known = ManifestIndex::read(manifests)?;
    let source = experiment.source.clone();
    let mut problems: Vec<Problem> = Vec::new();
    for step in &mut experiment.steps {
        for expectation in &mut step.expect {
            let places = expectation.operator.predicted();
            let Some(place) = places.first() else {
                continue;
            };
            match window(&step.action, expectation, &known) {
                Ok(window) => {
                    if let Err(fault) = set_bounds(&mut expectation.operator, window) {
                        problems.push(fault.at(&source, *place));
                    }
                }
                Err(why) => {
                    let id = &expectation.id.value;
                    let fault = ProblemText::new(format!("`{id}` cannot be predicted: {why}"));
                    problems.push(
                        fault
                            .expected("a duration such as `10s`")
                            .at(&source, *place),
                    );
                }
            }
        }
    }
    Problems::unless_any(problems, ())
}

/// When each expectation of an experiment becomes true, in their order, by the closed formulas.
pub(crate) fn windows(
    experiment: &Experiment,
    manifests: &[Manifest],
) -> Result<Vec<Result<Window, NoPrediction>>, Problems> {
    let known = ManifestIndex::read(manifests)?;
    let of_step = experiment.steps.iter().flat_map(|step| {
        let expectations = step.expect.iter();
        expectations.map(|expectation| (&step.action, expectation))
    });
    Ok(of_step
        .map(|(action, expectation)| window(action, expectation, &known))
        .collect())
}

fn set_bounds(operator: &mut Operator, window: Window) -> Result<(), ProblemText> {
    let Operator::Eventually {
        not_before, within, ..
    } = operator
    else {
        return Ok(());
    };
    let set = |bound: &mut Bound, time| {
        if bound.predicted.is_some() {
            bound.time = time;
        }
    };
    set(not_before, window.after);
    set(within, window.within);
    if not_before.time <= within.time {
        return Ok(());
    }
    let what = format!("`notBefore` is {not_before}, later than `within`, {within}");
    Err(ProblemText::new(what).expected("`predicted` for both"))
}

/// When an expectation becomes true.
fn window(
    action: &Action,
    expectation: &Expectation,
    known: &ManifestIndex,
) -> Result<Window, NoPrediction> {
    let operator = &expectation.operator;
    if !matches!(operator, Operator::Eventually { .. }) {
        return Err(NoPrediction::Operator(operator.word()));
    }
    if let Some(first) = &expectation.after {
        return Err(NoPrediction::Follows(first.value.clone()));
    }
    let Action::Flip(flips) = action else {
        return Err(NoPrediction::NoFlip);
    };
    let claim = Claim::of(&expectation.claim).ok_or(NoPrediction::Claim)?;
    let about = |flip: &&Flip| is_about(&expectation.claim, flip, known);
    let mut decisions = Vec::new();
    for flip in flips.iter().filter(about) {
        decisions.extend(self::decisions(flip, known)?);
    }
    let bounds = claim.bounds(&decisions).ok_or(NoPrediction::Undecided)?;
    if let Some(length) = decisions.iter().filter_map(|it| it.lasts).min()
        && length < bounds.within
    {
        let container = flips.first().map(|flip| flip.container.value.clone());
        return Err(NoPrediction::Bounded(container.unwrap_or_default()));
    }
    Ok(seen(bounds))
}

/// What is claimed, as far as probes decide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    NotReady,
    Ready,
    /// The kubelet kills a container.
    Killed,
}

/// What a flip does to a probe that it fails or passes, and when the probe decides.
#[derive(Debug, Clone, Copy)]
struct Decision {
    probe: Probe,
    fails: bool,
    window: Window,
    /// How long the flip lasts; none if it has no end.
    lasts: Option<Duration>,
}

impl Claim {
    fn of(condition: &Condition) -> Option<Self> {
        let readiness = |is_ready| {
            if is_ready {
                Self::Ready
            } else {
                Self::NotReady
            }
        };
        match condition {
            Condition::Pod { that, .. } => {
                let unchanged = that.restarts.is_none_or(allows_none);
                let by_condition = ["Ready", "ContainersReady"]
                    .iter()
                    .find_map(|name| that.conditions.get(*name));
                let is_ready = match (that.ready, by_condition) {
                    (Some(PodReady::Count { ready, of }), _) => Some(ready == of),
                    (Some(PodReady::Condition(is)), _) => Some(is),
                    (None, Some(ConditionStatus::True)) => Some(true),
                    (None, Some(ConditionStatus::False)) => Some(false),
                    (None, Some(ConditionStatus::Unknown) | None) => None,
                };
                is_ready.filter(|_| unchanged).map(readiness)
            }
            Condition::Container { that, .. } => {
                let of_state = that.state.is_some() || that.reason.is_some();
                let other = of_state || that.started.is_some();
                let unchanged = that.restarts.is_none_or(allows_none) && !other;
                that.ready.filter(|_| unchanged).map(readiness)
            }
            Condition::Endpoints { that, .. } => match that.ready? {
                EndpointsReady::All => Some(Self::Ready),
                EndpointsReady::None => Some(Self::NotReady),
                EndpointsReady::Count { ready, of } => Some(readiness(ready == of)),
                EndpointsReady::Number(NumberRange { least, most }) => match (least, most) {
                    (0, Some(_)) => Some(Self::NotReady),
                    (1.., None) => Some(Self::Ready),
                    _ => None,
                },
            },
            Condition::Event { reason, .. } => (reason == "Killing").then_some(Self::Killed),
            Condition::Controller { .. } | Condition::Traffic { .. } => None,
        }
    }

    /// When the first or the last of the decisions makes it true.
    fn bounds(self, decisions: &[Decision]) -> Option<Window> {
        let of = |probe, fails| {
            let own = decisions.iter();
            own.filter(move |it| it.probe == probe && it.fails == fails)
        };
        match self {
            Self::NotReady => {
                // A container that is killed is not ready either.
                let any = of(Probe::Readiness, true).chain(of(Probe::Liveness, true));
                Some(Window {
                    after: any.map(|it| it.window.after).min()?,
                    within: of(Probe::Readiness, true)
                        .map(|it| it.window.within)
                        .min()?,
                })
            }
            Self::Ready => {
                if of(Probe::Readiness, true).next().is_some() {
                    return None;
                }
                Some(Window {
                    after: of(Probe::Readiness, false)
                        .map(|it| it.window.after)
                        .max()?,
                    within: of(Probe::Readiness, false)
                        .map(|it| it.window.within)
                        .max()?,
                })
            }
            Self::Killed => Some(Window {
                after: of(Probe::Liveness, true).map(|it| it.window.after).min()?,
                within: of(Probe::Liveness, true).map(|it| it.window.within).min()?,
            }),
        }
    }
}

fn allows_none(restarts: Restarts) -> bool {
    let (Restarts::Total(number) | Restarts::Delta(number)) = restarts;
    number.contains(0)
}

/// Whether a flip decides about the subject of a condition.
fn is_about(condition: &Condition, flip: &Flip, known: &ManifestIndex) -> bool {
    match condition {
        Condition::Pod { pod, which, .. } => {
            pod.value == flip.pod.value && is_flipped(which.value, flip)
        }
        Condition::Container {
            pod,
            which,
            container,
            ..
        } => {
            let is_own = container.value == flip.container.value;
            pod.value == flip.pod.value && is_own && is_flipped(which.value, flip)
        }
        Condition::Endpoints { services, that } => {
            let needs_all = matches!(that.ready, Some(EndpointsReady::None));
            let pod = known.pods.get(&flip.pod.value);
            let selected = |name: &str| {
                let service = known.services.get(name);
                service
                    .zip(pod)
                    .is_some_and(|(service, pod)| selects(service, pod))
            };
            !(needs_all && flip.pods.is_some()) && services.iter().all(|name| selected(name))
        }
        Condition::Event { of, .. } => {
            let pod = &flip.pod.value;
            of.value.is(pod.kind.name(), &pod.name)
        }
        Condition::Controller { .. } | Condition::Traffic { .. } => false,
    }
}

/// Whether a flip is of all the Pods that a condition is about.
fn is_flipped(which: Which, flip: &Flip) -> bool {
    match which {
        Which::All => flip.pods.is_none(),
        Which::Flipped => true,
        Which::Others => false,
    }
}

/// The probes that a flip fails or passes.
fn decisions(flip: &Flip, known: &ManifestIndex) -> Result<Vec<Decision>, NoPrediction> {
    let name = &flip.container.value;
    // `check` has reported Pods, containers and flips that cannot be.
    let Some((pod, container)) = container(flip, known) else {
        return Ok(Vec::new());
    };
    let services: Vec<Service> = known.services.values().cloned().collect();
    let wish = WantedFlip {
        container: name,
        aim: &flip.aim,
        shared: flip.shared,
    };
    let Ok(FlipPlan { act, touches, .. }) = plan(pod, &services, wish) else {
        return Ok(Vec::new());
    };
    let unknown = || NoPrediction::Behaviour(flip.aim.to_string());
    let (reaction, lasts) = reaction(&act).ok_or_else(unknown)?;
    let decision = |probe: Probe| {
        let (kind, settings) = settings(container, probe)?;
        Some(self::decision(kind, settings, probe, reaction, lasts).ok_or_else(unknown))
    };
    match &flip.aim.value {
        FlipTarget::Probe { probe, .. } if touches.is_empty() => {
            decision(*probe).into_iter().collect()
        }
        FlipTarget::Probe { .. } => Err(NoPrediction::Shared {
            container: name.clone(),
            others: touches.join(", "),
        }),
        FlipTarget::Process(_) => [Probe::Readiness, Probe::Liveness]
            .into_iter()
            .filter_map(decision)
            .collect(),
    }
}

fn container<'k>(flip: &Flip, known: &'k ManifestIndex) -> Option<(&'k Pod, &'k Container)> {
    let pod = known.pods.get(&flip.pod.value)?;
    let mut all = containers(pod);
    let container = all.find(|each| each.name == flip.container.value)?;
    Some((pod, container))
}

fn settings(container: &Container, probe: Probe) -> Option<(ProbeKind, &ProbeSettings)> {
    match probe {
        Probe::Readiness => Some((ProbeKind::Readiness, container.readiness_probe.as_ref()?)),
        Probe::Liveness => Some((ProbeKind::Liveness, container.liveness_probe.as_ref()?)),
        Probe::Startup => None,
    }
}

/// What a probe makes of what it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaction {
    Passes,
    FailsAtOnce,
    /// It waits out its timeout.
    Hangs,
    /// It waits out its timeout, unless it only connects.
    NotAccepted,
}

/// What a probe makes of a flip, and how long the flip lasts.
///
/// Rule: `pkg/probe/http/http.go`, `DoHTTPProbe`, and `docs/faults.md`.
fn reaction(act: &FlipAction) -> Option<(Reaction, Option<Duration>)> {
    let reaction = match act {
        FlipAction::Route { gets, .. } => of_behaviour(gets),
        FlipAction::Port(spec) if spec.protocol.is_none() => match spec.state {
            PortState::Open => Some(Reaction::Passes),
            PortState::Closed => Some(Reaction::FailsAtOnce),
            PortState::Blackhole => Some(Reaction::NotAccepted),
            PortState::StopAccepting | PortState::Reset => None,
        },
        FlipAction::Port(_) => None,
        FlipAction::Process(fault) => match fault.act {
            ProcessAction::StopAccepting => Some(Reaction::NotAccepted),
            _ => None,
        },
    };
    let Bounds { length, .. } = act.bounds();
    let only_length = Bounds {
        length: *length,
        ..Bounds::default()
    };
    let (reaction, bounds) = (reaction?, act.bounds());
    (*bounds == only_length).then_some((reaction, *length))
}

fn of_behaviour(behaviour: &Behaviour) -> Option<Reaction> {
    let is_plain = behaviour.then.is_empty() && behaviour.delay.is_zero();
    if !is_plain || behaviour.agent.is_some() {
        return None;
    }
    match &behaviour.effect {
        Effect::Reply(reply) => match reply.status {
            200..300 => Some(Reaction::Passes),
            400.. => Some(Reaction::FailsAtOnce),
            _ => None,
        },
        Effect::Fault(Fault::Hang, _) => Some(Reaction::Hangs),
        Effect::Fault(Fault::Close | Fault::Malformed, _) => Some(Reaction::FailsAtOnce),
        Effect::Fault(..) => None,
    }
}

/// When a probe decides, if a formula says so.
fn decision(
    kind: ProbeKind,
    settings: &ProbeSettings,
    probe: Probe,
    reaction: Reaction,
    lasts: Option<Duration>,
) -> Option<Decision> {
    let spec: Spec = timing(kind, settings);
    // The command of an exec probe has a timeout of its own.
    let waits = (settings.exec.is_none()).then_some(spec.timeout);
    let only_connects = settings.tcp_socket.is_some();
    let failing = |answer| Some((true, spec.failure_window(answer)));
    let (fails, window) = match reaction {
        Reaction::Passes => Some((false, spec.recovery_window(Duration::ZERO))),
        Reaction::FailsAtOnce => failing(Duration::ZERO),
        Reaction::NotAccepted if only_connects => None,
        Reaction::Hangs | Reaction::NotAccepted => failing(waits?),
    }?;
    Some(Decision {
        probe,
        fails,
        window,
        lasts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{load::load, source::Source};

    const DEPLOYMENT: &str = include_str!("../../../../manifests/seed/deploy.yaml");
    const SERVICES: &str = include_str!("../../../../manifests/seed/svc-2.yaml");

    /// The bounds of an expectation after these flips, or the problem's text. The probes of the
    /// seed have period 2, threshold 3 and timeout 1.
    #[track_caller]
    fn check(flip: &str, claim: &str, expected: &str) {
        check_bounds(
            flip,
            claim,
            "notBefore: predicted, within: predicted",
            expected,
        );
    }

    #[track_caller]
    fn check_bounds(flip: &str, claim: &str, bounds: &str, expected: &str) {
        let text = format!(
            "apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: {{ name: web }}
spec:
  workload: {{ files: [deploy.yaml, svc-2.yaml] }}
  steadyState: {{ require: [{{ pod: deploy/web, that: {{ ready: 2/2 }} }}] }}
  steps:
    - name: first
      {flip}
      expect:
        - {{ id: other, pod: deploy/web, that: {{ ready: 2/2 }}, eventually: {{ within: 10s }} }}
        - {{ id: it, {claim}, eventually: {{ {bounds} }} }}
"
        );
        let load = |path: &str, text: &str| {
            let text = text.into();
            load(&Source {
                path: path.into(),
                text,
            })
            .unwrap()
        };
        let mut experiment = load("web.yaml", &text).experiments.remove(0);
        let mut manifests = load("deploy.yaml", DEPLOYMENT).manifests;
        manifests.extend(load("svc-2.yaml", SERVICES).manifests);
        let found = match predict_bounds(&mut experiment, &manifests) {
            Err(problems) => {
                let problem = &problems.as_slice()[0];
                assert_eq!(&text[problem.span.range()], "predicted");
                problem.fault.to_string()
            }
            Ok(()) => match experiment.steps[0].expect[1].operator {
                Operator::Eventually {
                    not_before, within, ..
                } => format!("{not_before} to {within}"),
                _ => unreachable!(),
            },
        };
        assert_eq!(found, expected);
    }

    #[track_caller]
    fn refuse(flip: &str, claim: &str, why: &str) {
        let expected = "expected a duration such as `10s`";
        check(
            flip,
            claim,
            &format!("`it` cannot be predicted: {why}; {expected}"),
        );
    }

    const FAILS: &str = "flip: { pod: deploy/web, container: b, probe: readiness, to: fail }";
    const NOT_READY: &str = "pod: deploy/web, that: { ready: 1/2 }";

    #[test]
    fn a_failure_takes_as_many_attempts_as_the_threshold() {
        let window = "3.5s (predicted) to 7.5s (predicted)";
        check(FAILS, NOT_READY, window);
        check(
            FAILS,
            "endpoints: [web-a, web-b], that: { ready: false }",
            window,
        );
        check(
            FAILS,
            "pod: deploy/web, container: b, that: { ready: false }",
            window,
        );
        let kills = "flip: { pod: deploy/web, container: b, probe: liveness, to: 500 }";
        check(kills, "event: { reason: Killing, of: deploy/web }", window);
    }

    #[test]
    fn attempts_that_time_out_take_longer() {
        let hangs = "flip: { pod: deploy/web, container: b, probe: readiness, to: hang }";
        check(hangs, NOT_READY, "4.5s (predicted) to 8.5s (predicted)");
        let frozen = "flip: { pod: deploy/web, container: b, process: stop-accepting }";
        check(frozen, NOT_READY, "4.5s (predicted) to 8.5s (predicted)");
    }

    #[test]
    fn a_recovery_takes_one_success() {
        let passes = "flip: { pod: deploy/web, container: b, probe: readiness, to: pass }";
        let ready = "pod: deploy/web, that: { ready: 2/2 }";
        check(passes, ready, "0s (predicted) to 3.5s (predicted)");
    }

    #[test]
    fn one_bound_can_be_given() {
        check_bounds(
            FAILS,
            NOT_READY,
            "within: predicted",
            "0s to 7.5s (predicted)",
        );
        let bounds = "notBefore: predicted, within: 2s";
        let what = "`notBefore` is 3.5s (predicted), later than `within`, 2s";
        let expected = format!("{what}; expected `predicted` for both");
        check_bounds(FAILS, NOT_READY, bounds, &expected);
    }

    #[test]
    fn where_no_formula_is_the_place_is_named() {
        refuse("wait: 1s", NOT_READY, "its step flips nothing");
        refuse(
            FAILS,
            "pod: deploy/web, that: { restarts: 1 }",
            "no closed formula is about what it claims",
        );
        refuse(
            FAILS,
            "pod: deploy/web, container: a, that: { ready: false }",
            "no flip of its step decides it",
        );
        let slow = "flip: { pod: deploy/web, container: b, probe: readiness, to: slow-head }";
        refuse(
            slow,
            NOT_READY,
            "no closed formula says what a probe makes of `slow-head`",
        );
        let brief = "flip: { pod: deploy/web, container: b, probe: readiness, to: fail, for: 5s }";
        refuse(brief, NOT_READY, "the flip of `b` does not last");
        check_bounds(
            FAILS,
            NOT_READY,
            "after: other, within: predicted",
            "`it` cannot be predicted: its time begins with `other`, not with a \
             flip; expected a duration such as `10s`",
        );
    }
}
