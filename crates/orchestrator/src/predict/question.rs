//! Questions about a workload: what happens when this container, or all of them, fails so.

use std::{fmt, slice, time::Duration};

use clap::ValueEnum;
use k8s_openapi::api::core::v1::Container;
use probe_target::model::{
    duration,
    flip_spec::{FlipSpec, Options},
};
use rules::probe::{ProbeKind, Window};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{command::Command, workload::Workload};
use crate::{
    input::experiment::{FlipTarget, ObjectKind, Probe},
    stand_in,
    targets::{
        containers,
        flip_plan::{FlipAction, FlipPlan, WantedFlip, plan, recipient},
        listener,
        probe_spec::{Asks, ProbeSpec, probes_of},
        probe_timing::{start_timings, timing},
    },
};

/// The longest time for which a run observes what follows.
const LONGEST: Duration = Duration::from_mins(30);

/// What happens to a container.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    ValueEnum,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Its readiness probe fails
    Readiness,
    /// Its liveness probe fails, until the restart and for good
    Liveness,
    /// Pods of a new template never open a port
    Startup,
    /// Its process exits with 1, once and at every start
    Crash,
    /// Its process accepts no connection any more
    Frozen,
    /// A new, healthy template
    Rollout,
}

/// How many Pods of a workload it happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// To one Pod
    One,
    /// To all Pods of the workload, as when something that they share is gone
    All,
}

/// How long a container that fails does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lasting {
    /// Its next start is healthy.
    UntilRestart,
    /// Every later start fails too, if there is one.
    ForGood,
}

/// The questions that are asked.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Of these modes.
    pub(crate) modes: Vec<Mode>,
    /// In these scopes.
    pub(crate) scopes: Vec<Scope>,
}

/// One question.
#[derive(Debug)]
pub(crate) struct Question<'w> {
    /// The workload.
    pub(crate) workload: &'w Workload,
    /// The container that fails; none if the whole template changes.
    pub(crate) container: Option<&'w Container>,
    /// What happens to it.
    pub(crate) mode: Mode,
    /// The probes that fail together, of `Readiness` and `Liveness`: the asked one first.
    pub(crate) probes: Vec<Probe>,
    /// How long it fails.
    pub(crate) lasting: Lasting,
    /// To how many Pods.
    pub(crate) scope: Scope,
    /// Probes of the container that do not notice: they pass all the time.
    pub(crate) blind: Vec<Probe>,
    /// How many questions before it have the same name.
    pub(crate) namesakes: usize,
    /// What the answer assumes about exec probes whose command is not known.
    pub(crate) assumption: Option<&'static str>,
    /// Why it cannot be answered by a run.
    pub(crate) unanswerable: Option<String>,
}

/// Every question about a workload that is wanted, in the order of its containers.
pub(crate) fn questions<'w>(workload: &'w Workload, wanted: &Wanted) -> Vec<Question<'w>> {
    if let Some(why) = workload.not_run() {
        return of_no_run(workload, wanted, &why);
    }
    let mut asked = Vec::new();
    let scopes = scopes(workload, wanted);
    let probes = probes_of(&workload.pod);
    let decides = |probe: &ProbeSpec| probe.probe != Probe::Startup;
    if !probes.iter().any(decides) {
        asked.extend(without_probes(workload, wanted));
    }
    let mut ask = |question: &dyn Fn(Scope) -> Question<'w>| {
        asked.extend(scopes.iter().map(|scope| question(*scope)));
    };
    for container in workload.containers() {
        let own: Vec<&ProbeSpec> = of_container(&probes, container).collect();
        for failing in probe_failures(&own) {
            let modes: Vec<Mode> = failing.iter().filter_map(|probe| mode_of(*probe)).collect();
            if !modes.iter().any(|mode| wanted.modes.contains(mode)) {
                continue;
            }
            let unanswerable = own
                .iter()
                .find(|probe| probe.probe == failing[0])
                .and_then(|probe| not_flipped(workload, probe));
            for lasting in lastings(workload, container, &failing) {
                ask(&|scope| Question {
                    probes: failing.clone(),
                    lasting,
                    unanswerable: unanswerable.clone(),
                    ..Question::of(workload, Some(container), modes[0], scope)
                });
            }
        }
        if wanted.modes.contains(&Mode::Crash) {
            for lasting in [Lasting::UntilRestart, Lasting::ForGood] {
                ask(&|scope| Question {
                    lasting,
                    ..Question::of(workload, Some(container), Mode::Crash, scope)
                });
            }
        }
        if wanted.modes.contains(&Mode::Frozen) {
            for (blind, assumption) in views(workload, container) {
                ask(&|scope| Question {
                    blind: blind.clone(),
                    assumption,
                    ..Question::of(workload, Some(container), Mode::Frozen, scope)
                });
            }
        }
    }
    for mode in [Mode::Startup, Mode::Rollout] {
        if workload.rolls_out() && wanted.modes.contains(&mode) {
            asked.push(Question {
                unanswerable: workload.not_replaced(),
                ..Question::of(workload, None, mode, Scope::All)
            });
        }
    }
    for question in &mut asked {
        question.unanswerable = question.unanswerable.take().or_else(|| question.outlasts());
    }
    asked
}

/// The questions about a workload that no run answers.
fn of_no_run<'w>(workload: &'w Workload, wanted: &Wanted, why: &str) -> Vec<Question<'w>> {
    let is_asked = |mode: &&Mode| match mode {
        Mode::Readiness => containers(&workload.pod).any(|it| it.readiness_probe.is_some()),
        Mode::Liveness => containers(&workload.pod).any(|it| it.liveness_probe.is_some()),
        Mode::Crash | Mode::Frozen => true,
        Mode::Startup | Mode::Rollout => workload.rolls_out(),
    };
    let modes = wanted.modes.iter().filter(is_asked);
    modes
        .map(|mode| Question {
            unanswerable: Some(why.to_owned()),
            ..Question::of(workload, None, *mode, Scope::All)
        })
        .collect()
}

/// The row of a workload that has nothing of what the wanted modes are about, for input without any
/// other.
pub(crate) fn of_no_mode<'w>(workload: &'w Workload, wanted: &Wanted) -> Option<Question<'w>> {
    let mode = *wanted.modes.first()?;
    let why = match mode {
        Mode::Readiness => "no container has a readiness probe".to_owned(),
        Mode::Liveness => "no container has a liveness probe".to_owned(),
        Mode::Crash | Mode::Frozen => "it has no container that serves".to_owned(),
        Mode::Startup | Mode::Rollout => {
            let kind = workload.reference.kind.name();
            format!("nothing replaces the Pods of a {kind} by those of a new template")
        }
    };
    Some(Question {
        unanswerable: Some(why),
        ..Question::of(workload, None, mode, Scope::All)
    })
}

/// The row of a workload whose probes could not fail, as there are none.
fn without_probes<'w>(workload: &'w Workload, wanted: &Wanted) -> Option<Question<'w>> {
    let modes = [Mode::Readiness, Mode::Liveness].into_iter();
    let mode = modes.clone().find(|mode| wanted.modes.contains(mode))?;
    let why = "no container has a readiness or liveness probe: Kubernetes notices nothing but the \
               end of a process";
    Some(Question {
        unanswerable: Some(why.to_owned()),
        ..Question::of(workload, None, mode, Scope::All)
    })
}

fn of_container<'p>(
    probes: &'p [ProbeSpec],
    container: &Container,
) -> impl Iterator<Item = &'p ProbeSpec> {
    let name = container.name.clone();
    probes.iter().filter(move |probe| probe.container == name)
}

/// The mode in which this probe fails.
fn mode_of(probe: Probe) -> Option<Mode> {
    match probe {
        Probe::Readiness => Some(Mode::Readiness),
        Probe::Liveness => Some(Mode::Liveness),
        Probe::Startup => None,
    }
}

/// Which probes of a container do not notice that it is frozen: those that ask another host, and
/// exec probes as far as their commands are known, or both possibilities.
fn views(workload: &Workload, container: &Container) -> Vec<(Vec<Probe>, Option<&'static str>)> {
    let whose = |does| workload.probes_whose(&container.name, does);
    let (mut blind, unknown) = (whose(Command::Looks), whose(Command::Unknown));
    blind.extend(whose(Command::Elsewhere));
    blind.extend(workload.probes_elsewhere(&container.name));
    if unknown.is_empty() {
        return vec![(blind, None)];
    }
    let all = blind.iter().chain(&unknown).copied().collect();
    vec![
        (blind, Some("if the command asks it")),
        (all, Some("if the command does not")),
    ]
}

/// The wanted scopes; one is all of a single Pod.
fn scopes(workload: &Workload, wanted: &Wanted) -> Vec<Scope> {
    if workload.replicas == 1 && !wanted.scopes.is_empty() {
        return vec![Scope::All];
    }
    wanted.scopes.clone()
}

/// How long probes that fail together may do so. Where no restart follows, or where it does not
/// heal, as another container opens the port, they fail for good.
fn lastings(workload: &Workload, container: &Container, failing: &[Probe]) -> Vec<Lasting> {
    let opener = recipient(&workload.pod, &container.name, &failure_of(failing[0]));
    if failing.contains(&Probe::Liveness) && opener == container.name {
        vec![Lasting::UntilRestart, Lasting::ForGood]
    } else {
        vec![Lasting::ForGood]
    }
}

/// The flip that fails a probe.
pub(super) fn failure_of(probe: Probe) -> FlipTarget {
    let to = FlipSpec::read("fail".into(), Options::default());
    FlipTarget::Probe {
        probe,
        to: to.expect("`fail` must be a behaviour"),
    }
}

/// The probes of a container that fail, each with those that fail together with it: those that ask
/// the same, and all that ask a port that is closed, as a tcp probe sees nothing else.
fn probe_failures(own: &[&ProbeSpec]) -> Vec<Vec<Probe>> {
    let fails_with = |asked: &ProbeSpec, other: &ProbeSpec| match asked.asks {
        Asks::Tcp { port } => other.asks.port() == Some(port),
        _ => other.asks == asked.asks,
    };
    let mut failures: Vec<Vec<Probe>> = Vec::new();
    for probe in [Probe::Readiness, Probe::Liveness] {
        let Some(asked) = own.iter().find(|each| each.probe == probe) else {
            continue;
        };
        let others = own.iter().filter(|other| {
            let decides = matches!(other.probe, Probe::Readiness | Probe::Liveness);
            decides && other.probe != probe && fails_with(asked, other)
        });
        let together: Vec<Probe> = [probe]
            .into_iter()
            .chain(others.map(|other| other.probe))
            .collect();
        let is_known = |known: &Vec<Probe>| {
            known.len() == together.len() && known.iter().all(|probe| together.contains(probe))
        };
        // Joint failures of probes that ask the same are one row.
        if !failures.iter().any(is_known) {
            failures.push(together);
        }
    }
    failures
}

/// Why no flip fails a probe as what it asks would.
fn not_flipped(workload: &Workload, probe: &ProbeSpec) -> Option<String> {
    let elsewhere = workload.asked_elsewhere(&probe.container, probe.probe);
    let asks = match &probe.asks {
        Asks::Foreign(what) => Some(what),
        Asks::Http { .. } | Asks::Tcp { .. } | Asks::Grpc { .. } => elsewhere,
    };
    asks.map(|what| format!("the {} probe asks {what}", probe.probe))
}

impl<'w> Question<'w> {
    /// A question without probes, whose answer assumes nothing.
    fn of(
        workload: &'w Workload,
        container: Option<&'w Container>,
        mode: Mode,
        scope: Scope,
    ) -> Self {
        Self {
            workload,
            container,
            mode,
            probes: Vec::new(),
            lasting: Lasting::ForGood,
            scope,
            blind: Vec::new(),
            namesakes: 0,
            assumption: None,
            unanswerable: None,
        }
    }

    /// How the row names what happens: `readiness`, `liveness, for good`, `crash, once`, `frozen`.
    pub(crate) fn what(&self) -> String {
        let words: Vec<&str> = self.probes.iter().map(|probe| probe.word()).collect();
        let restarts = self.probes.contains(&Probe::Liveness);
        let what = match self.mode {
            Mode::Readiness | Mode::Liveness if !words.is_empty() => words.join("+"),
            mode => mode.to_string(),
        };
        let more = match (self.mode, self.lasting) {
            _ if self.container.is_none() => None,
            (Mode::Crash, Lasting::UntilRestart) => Some("once"),
            (Mode::Crash, Lasting::ForGood) => Some("at every start"),
            (_, Lasting::UntilRestart) => Some("until the restart"),
            (_, Lasting::ForGood) if restarts => Some("for good"),
            (_, Lasting::ForGood) => self.assumption,
        };
        more.map_or(what.clone(), |more| format!("{what}, {more}"))
    }

    /// How the row names the container: `deploy/web/app`.
    pub(crate) fn subject(&self) -> String {
        let reference = &self.workload.reference;
        match self.container {
            Some(container) => format!("{reference}/{}", container.name),
            None => reference.to_string(),
        }
    }

    /// How many Pods it happens to, in words.
    pub(crate) fn pods(&self) -> String {
        match (
            self.workload.reference.kind,
            self.scope,
            self.workload.replicas,
        ) {
            (ObjectKind::DaemonSet, _, _) => "on that node".to_owned(),
            (ObjectKind::Job, _, _) => "its Pods".to_owned(),
            (_, _, 0) => "none".to_owned(),
            _ if self.workload.is_paused() => "none".to_owned(),
            (_, Scope::All, 1) => "the only one".to_owned(),
            (_, Scope::One, replicas) => format!("one of {replicas}"),
            (_, Scope::All, replicas) => format!("all {replicas}"),
        }
    }

    /// How long what follows is observed, and what follows a revert: from the probes' settings,
    /// at most 30 minutes.
    pub(crate) fn observed_for(&self) -> Duration {
        const MARGIN: Duration = Duration::from_secs(10);
        // What a second restart waits at the least.
        const BACK_OFF: Duration = Duration::from_secs(20);
        let lasts = match self.mode {
            Mode::Liveness | Mode::Readiness if self.fails_again() => self.backs_off_within(),
            Mode::Readiness | Mode::Liveness | Mode::Frozen => {
                self.noticed_within() + self.restart()
            }
            Mode::Crash if self.fails_again() => self.restart() + BACK_OFF,
            Mode::Crash => self.restart(),
            Mode::Rollout => self.workload.replicas * (self.restart() + self.min_ready()),
            Mode::Startup => match self.workload.reference.kind {
                ObjectKind::Deployment => self.progress_deadline() + self.restart(),
                _ => self.workload.replicas * self.restart(),
            },
        };
        (lasts + MARGIN).min(LONGEST)
    }

    /// Why no run answers: what happens may begin after the longest observation.
    fn outlasts(&self) -> Option<String> {
        let notice = self.noticed_within();
        let starts = self.starts_within();
        let delay = self.longest_delay();
        let (what, needs) = if notice > LONGEST {
            ("the probes that notice it decide", notice)
        } else if starts > LONGEST {
            ("a Pod becomes ready", starts)
        } else if delay > LONGEST {
            ("a liveness probe begins", delay)
        } else {
            return None;
        };
        Some(format!(
            "{what} within {}; a run observes {} at the most",
            duration::format(needs),
            duration::format(LONGEST)
        ))
    }

    /// How long the Pods are ready before something happens: until every liveness probe is asked.
    pub(crate) fn settles_for(&self) -> Duration {
        let liveness = containers(&self.workload.pod).filter_map(|it| it.liveness_probe.as_ref());
        let delays = liveness.map(|probe| timing(ProbeKind::Liveness, probe).initial_delay);
        match self.mode {
            Mode::Readiness | Mode::Liveness | Mode::Frozen => delays.max().unwrap_or_default(),
            Mode::Startup | Mode::Crash | Mode::Rollout => Duration::ZERO,
        }
    }

    /// What else fails with the probes of the row, in sentences.
    pub(crate) fn also(&self) -> Vec<String> {
        let Some(plan) = self.plan() else {
            return Vec::new();
        };
        let is_other = |touched: &&String| {
            let mut own = self.probes.iter().map(|probe| {
                let name = self
                    .container
                    .map_or("", |container| container.name.as_str());
                format!("the {probe} probe of `{name}` ")
            });
            !own.any(|own| touched.starts_with(&own))
        };
        let touched = plan.touches.iter().filter(is_other);
        let touched = touched.map(|other| format!("{other} fails too"));
        let port = plan.port.unwrap_or_default();
        let closed = plan
            .closes
            .iter()
            .map(|service| format!("port {port} is closed: requests to {service} fail"));
        touched
            .chain(closed)
            .chain(self.asked_by_clients(&plan))
            .collect()
    }

    /// What a failure of `/` means for clients, as many probes ask the page that users see.
    fn asked_by_clients(&self, plan: &FlipPlan) -> Option<String> {
        let route = plan.act.route().map(ToString::to_string);
        if route.as_deref() != Some("/") || !matches!(plan.act, FlipAction::Route { .. }) {
            return None;
        }
        let pods = slice::from_ref(&self.workload.pod);
        let services = self
            .workload
            .services
            .iter()
            .zip(&self.workload.typed_services);
        let asked = services.filter(|(service, object)| {
            let port = service.port.and_then(|port| u16::try_from(port).ok());
            let leads_to = port.and_then(|port| listener(object, port, pods));
            leads_to.is_some_and(|leads_to| Some(leads_to.port) == plan.port)
        });
        let names: Vec<&str> = asked.map(|(service, _)| service.name.as_str()).collect();
        (!names.is_empty()).then(|| {
            format!(
                "the probe asks `/`, as the clients of {} do: their requests fail with it",
                names.join(" and ")
            )
        })
    }

    /// The flip that fails its probes.
    pub(super) fn plan(&self) -> Option<FlipPlan> {
        let wanted = WantedFlip {
            container: &self.container?.name,
            aim: &failure_of(*self.probes.first()?),
            shared: true,
        };
        plan(&self.workload.pod, &self.workload.typed_services, wanted).ok()
    }

    /// The longest time until restarts wait. A kubelet that kills a container starts the next one
    /// at once if the end before is longer ago than the back-off, which doubles with each restart.
    ///
    /// Rule: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `doBackOff`.
    fn backs_off_within(&self) -> Duration {
        const FIRST: Duration = Duration::from_secs(10);
        const LONGEST: Duration = Duration::from_mins(5);
        let cycle = self.noticed_within() + self.restart() + self.first_attempt();
        if cycle > LONGEST {
            return 2 * cycle;
        }
        let mut lasts = 2 * cycle;
        let mut back_off = FIRST;
        while back_off <= cycle {
            back_off *= 2;
            lasts += cycle;
        }
        lasts
    }

    /// How long a revert is observed.
    pub(crate) fn reverted_for(&self) -> Duration {
        const MARGIN: Duration = Duration::from_secs(10);
        self.workload.replicas * self.restart() + MARGIN
    }

    /// Whether the container fails again after its restart.
    pub(crate) fn fails_again(&self) -> bool {
        let is_killed = self.mode == Mode::Crash || self.probes.contains(&Probe::Liveness);
        self.lasting == Lasting::ForGood && is_killed && self.container.is_some()
    }

    /// The longest time from a start to the first attempt of the liveness probe. If the startup
    /// probe asks what fails, it decides, with all of its attempts.
    fn first_attempt(&self) -> Duration {
        let Some(container) = self.container else {
            return Duration::ZERO;
        };
        let liveness = container.liveness_probe.as_ref();
        let delay = liveness.map(|probe| timing(ProbeKind::Liveness, probe).initial_delay);
        let startup = container.startup_probe.as_ref();
        let budget = startup.map(|probe| {
            let spec = timing(ProbeKind::Startup, probe);
            spec.startup_budget(spec.timeout).within
        });
        delay.unwrap_or_default() + budget.unwrap_or_default()
    }

    /// The closed formula of how long the probes take that notice, if they fail at once or hang:
    /// from the first that may to the last that must.
    pub(crate) fn windows(&self) -> Vec<(Probe, Window)> {
        let Some(container) = self.container else {
            return Vec::new();
        };
        let probes = [
            (
                Probe::Readiness,
                ProbeKind::Readiness,
                &container.readiness_probe,
            ),
            (
                Probe::Liveness,
                ProbeKind::Liveness,
                &container.liveness_probe,
            ),
        ];
        // The port of another container's process answers, and the system completes the
        // connections of a process that does not accept them.
        let asks_it = |probe: Probe| {
            recipient(&self.workload.pod, &container.name, &failure_of(probe)) == container.name
        };
        let is_tcp = |probe: Probe| {
            let specs = probes_of(&self.workload.pod);
            let mut own = of_container(&specs, container);
            own.any(|spec| spec.probe == probe && matches!(spec.asks, Asks::Tcp { .. }))
        };
        let fails = |probe: Probe| match self.mode {
            Mode::Readiness | Mode::Liveness => self.probes.contains(&probe),
            Mode::Frozen => !self.blind.contains(&probe) && asks_it(probe) && !is_tcp(probe),
            Mode::Startup | Mode::Crash | Mode::Rollout => false,
        };
        let probes = probes.into_iter().filter(|(probe, ..)| fails(*probe));
        probes
            .filter_map(|(probe, kind, written)| {
                let spec = timing(kind, written.as_ref()?);
                let answer = match self.mode {
                    Mode::Frozen => spec.timeout,
                    _ => Duration::ZERO,
                };
                Some((probe, spec.failure_window(answer)))
            })
            .collect()
    }

    /// The longest time in which probes that fail are noticed.
    fn noticed_within(&self) -> Duration {
        let windows = self.windows().into_iter();
        windows
            .map(|(_, window)| window.within)
            .max()
            .unwrap_or_default()
    }

    /// The longest time from the end of a process to a Pod that is ready again.
    fn restart(&self) -> Duration {
        const START: Duration = Duration::from_secs(10);
        self.grace() + self.starts_within() + START
    }

    /// The longest time from the start of a Pod's healthy containers until all are ready.
    fn starts_within(&self) -> Duration {
        let of_container = |container: &Container| {
            start_timings(container)
                .map(|spec| spec.first_success_window(spec.timeout).within)
                .sum::<Duration>()
        };
        let ready = self.workload.containers().map(of_container).max();
        ready.unwrap_or_default()
    }

    /// The Pods' grace period.
    pub(super) fn grace(&self) -> Duration {
        let spec = self.workload.pod.spec.as_ref();
        let grace = spec.and_then(|spec| spec.termination_grace_period_seconds);
        let grace = grace.and_then(|grace| u64::try_from(grace).ok());
        Duration::from_secs(grace.unwrap_or(stand_in::DEFAULT_GRACE.into()))
    }

    /// The longest time from a container's start in which its probes are not asked yet.
    pub(crate) fn longest_delay(&self) -> Duration {
        let delay = |container: &Container| {
            let probe = container.liveness_probe.as_ref()?;
            Some(timing(ProbeKind::Liveness, probe).initial_delay)
        };
        let delays = self.workload.containers().filter_map(delay);
        delays.max().unwrap_or_default()
    }

    fn min_ready(&self) -> Duration {
        self.seconds("/spec/minReadySeconds").unwrap_or_default()
    }

    // The default of a Deployment: pkg/apis/apps/v1/defaults.go, SetDefaults_Deployment.
    fn progress_deadline(&self) -> Duration {
        let given = self.seconds("/spec/progressDeadlineSeconds");
        given.unwrap_or(Duration::from_mins(10))
    }

    fn seconds(&self, pointer: &str) -> Option<Duration> {
        let seconds = self.workload.objects[0].pointer(pointer)?.as_u64()?;
        Some(Duration::from_secs(seconds))
    }
}

/// The word on the command line.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
            Self::Startup => "startup",
            Self::Crash => "crash",
            Self::Frozen => "frozen",
            Self::Rollout => "rollout",
        })
    }
}
