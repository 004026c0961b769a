//! Questions about a workload: what happens when this container, or all of them, fails so.

use std::{fmt, time::Duration};

use clap::ValueEnum;
use k8s_openapi::api::core::v1::Container;
use rules::probe::{ProbeKind, Window};
use schemars::JsonSchema;
use serde::Serialize;

use super::{command::Command, workload::Workload};
use crate::{
    input::experiment::{ObjectKind, Probe},
    targets::{
        probe_spec::{Asks, ProbeSpec, probes_of},
        probe_timing::timing,
    },
};

/// What happens to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Its readiness probe fails
    Readiness,
    /// Its liveness probe fails until the container is restarted
    Liveness,
    /// Pods of a new template never open a port
    Startup,
    /// Its process exits with 1, once
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
    /// To how many Pods.
    pub(crate) scope: Scope,
    /// Exec probes of the container that do not notice: they pass all the time.
    pub(crate) blind: Vec<Probe>,
    /// What the answer assumes about exec probes whose command is not known.
    pub(crate) assumption: Option<&'static str>,
    /// Why it cannot be answered by a run.
    pub(crate) unanswerable: Option<String>,
}

/// Every question about a workload that is wanted, in the order of its containers.
pub(crate) fn questions<'w>(workload: &'w Workload, wanted: &Wanted) -> Vec<Question<'w>> {
    if workload.reference.kind == ObjectKind::Job {
        return Vec::new();
    }
    let scopes = scopes(workload, wanted);
    let mut asked = Vec::new();
    let ask = |container, mode, probes: &[Probe], scope, unanswerable: Option<String>| Question {
        workload,
        container,
        mode,
        probes: probes.to_vec(),
        scope,
        blind: Vec::new(),
        assumption: None,
        unanswerable,
    };
    let probes = probes_of(&workload.pod);
    for container in workload.containers() {
        let own = probes
            .iter()
            .filter(|probe| probe.container == container.name);
        let own: Vec<&ProbeSpec> = own.collect();
        for (mode, together) in probe_failures(&own) {
            let is_wanted = |mode| wanted.modes.contains(&mode);
            let is_joint = together.len() > 1;
            if !(is_wanted(mode) || is_joint && is_wanted(Mode::Liveness)) {
                continue;
            }
            let why = own
                .iter()
                .find(|probe| together[0] == probe.probe)
                .and_then(|probe| foreign(probe));
            for scope in &scopes {
                asked.push(ask(Some(container), mode, &together, *scope, why.clone()));
            }
        }
        for scope in scopes
            .iter()
            .filter(|_| wanted.modes.contains(&Mode::Crash))
        {
            asked.push(ask(Some(container), Mode::Crash, &[], *scope, None));
        }
        for scope in scopes
            .iter()
            .filter(|_| wanted.modes.contains(&Mode::Frozen))
        {
            for (blind, assumption) in views(workload, container) {
                asked.push(Question {
                    blind,
                    assumption,
                    ..ask(Some(container), Mode::Frozen, &[], *scope, None)
                });
            }
        }
    }
    for mode in [Mode::Startup, Mode::Rollout] {
        if workload.rolls_out() && wanted.modes.contains(&mode) {
            asked.push(ask(None, mode, &[], Scope::All, None));
        }
    }
    asked
}

/// Which exec probes of a container do not notice that it is frozen: as far as their commands are
/// known, or both possibilities.
fn views(workload: &Workload, container: &Container) -> Vec<(Vec<Probe>, Option<&'static str>)> {
    let whose = |does| workload.probes_whose(&container.name, does);
    let (looking, unknown) = (whose(Command::Looks), whose(Command::Unknown));
    if unknown.is_empty() {
        return vec![(looking, None)];
    }
    let all = looking.iter().chain(&unknown).copied().collect();
    vec![
        (looking, Some("if the command asks it")),
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

/// Which probes of a container fail, and together with which: those that ask the same.
fn probe_failures(own: &[&ProbeSpec]) -> Vec<(Mode, Vec<Probe>)> {
    let find = |probe: Probe| own.iter().find(|each| each.probe == probe);
    let (readiness, liveness) = (find(Probe::Readiness), find(Probe::Liveness));
    match (readiness, liveness) {
        (Some(one), Some(other)) if one.asks == other.asks => {
            vec![(Mode::Readiness, vec![Probe::Readiness, Probe::Liveness])]
        }
        (readiness, liveness) => {
            let readiness = readiness.map(|_| (Mode::Readiness, vec![Probe::Readiness]));
            let liveness = liveness.map(|_| (Mode::Liveness, vec![Probe::Liveness]));
            readiness.into_iter().chain(liveness).collect()
        }
    }
}

fn foreign(probe: &ProbeSpec) -> Option<String> {
    match &probe.asks {
        Asks::Foreign(what) => Some(format!("the {} probe asks {what}", probe.probe)),
        Asks::Http { .. } | Asks::Tcp { .. } | Asks::Grpc { .. } => None,
    }
}

impl Question<'_> {
    /// How the row names what happens: `readiness`, `readiness+liveness`, `frozen`.
    pub(crate) fn what(&self) -> String {
        match self.mode {
            Mode::Readiness | Mode::Liveness => {
                let words: Vec<&str> = self.probes.iter().map(|probe| probe.word()).collect();
                words.join("+")
            }
            mode => match self.assumption {
                None => mode.to_string(),
                Some(assumption) => format!("{mode}, {assumption}"),
            },
        }
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
            (_, Scope::All, 1) => "the only one".to_owned(),
            (_, Scope::One, replicas) => format!("one of {replicas}"),
            (_, Scope::All, replicas) => format!("all {replicas}"),
        }
    }

    /// How long what follows is observed, and what follows a revert: from the probes' settings,
    /// at most 30 minutes.
    pub(crate) fn observed_for(&self) -> Duration {
        const MOST: Duration = Duration::from_mins(30);
        const MARGIN: Duration = Duration::from_secs(10);
        let lasts = match self.mode {
            Mode::Readiness | Mode::Liveness | Mode::Frozen => {
                self.noticed_within() + self.restart()
            }
            Mode::Crash => self.restart(),
            Mode::Rollout => self.workload.replicas * (self.restart() + self.min_ready()),
            Mode::Startup => match self.workload.reference.kind {
                ObjectKind::Deployment => self.progress_deadline() + self.restart(),
                _ => self.workload.replicas * self.restart(),
            },
        };
        (lasts + MARGIN).min(MOST)
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
        let fails = |probe: Probe| match self.mode {
            Mode::Readiness | Mode::Liveness => self.probes.contains(&probe),
            Mode::Frozen => !self.blind.contains(&probe),
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
        let spec = self.workload.pod.spec.as_ref();
        let grace = spec.and_then(|spec| spec.termination_grace_period_seconds);
        let grace = grace
            .and_then(|grace| u64::try_from(grace).ok())
            .unwrap_or(30);
        let of_container = |container: &Container| {
            let probes = [
                (ProbeKind::Startup, &container.startup_probe),
                (ProbeKind::Readiness, &container.readiness_probe),
            ];
            let specs = probes
                .into_iter()
                .filter_map(|(kind, probe)| Some(timing(kind, probe.as_ref()?)));
            specs
                .map(|spec| spec.first_success_window(spec.timeout).within)
                .sum::<Duration>()
        };
        let ready = self.workload.containers().map(of_container).max();
        Duration::from_secs(grace) + ready.unwrap_or_default() + START
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
