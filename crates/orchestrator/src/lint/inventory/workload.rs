//! A workload: its Pod template, how many Pods it has, and how it replaces them.

use std::time::Duration;

use k8s_openapi::{
    api::{
        apps::v1::{DaemonSetUpdateStrategy, DeploymentStrategy, StatefulSetUpdateStrategy},
        batch::v1::CronJob,
        core::v1::{PodSpec, PodTemplateSpec},
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use rules::{
    rollout::{Amount, Strategy},
    selector::Labels,
};

use super::container::ContainerFacts;
use super::probe::ProbeFacts;
use crate::{
    input::{load::Manifest, problem::Problem},
    stand_in::{self, Disposition, ReplicaMinimums, Workload, within},
};

/// The kind that lint knows beside those of stand-ins.
pub(super) const CRON_JOB: &str = "CronJob";

/// A workload.
#[derive(Debug)]
pub(in crate::lint) struct WorkloadFacts<'a> {
    /// Its place in the inventory.
    pub(in crate::lint) at: usize,
    pub(in crate::lint) manifest: &'a Manifest,
    pub(in crate::lint) pods: PodCount,
    pub(in crate::lint) rollout: Rollout,
    pub(in crate::lint) min_ready: Duration,
    /// `progressDeadlineSeconds` of a Deployment.
    pub(in crate::lint) progress_deadline: Option<Duration>,
    /// `serviceName` of a StatefulSet.
    pub(in crate::lint) governing_service: Option<String>,
    /// The path of its Pod template in the manifest; empty for a Pod.
    pub(in crate::lint) template: &'static str,
    pub(in crate::lint) labels: Labels,
    pub(in crate::lint) spec: PodSpec,
    /// Regular containers, then sidecars, as Kubernetes searches them for a port's name.
    pub(in crate::lint) containers: Vec<ContainerFacts>,
    /// Whether Helm runs it before or after the rest, or as a test.
    is_hook: bool,
}

/// How many Pods a workload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum PodCount {
    /// So many at a time.
    Fixed(u32),
    /// One on each node.
    EveryNode,
    /// Pods that end by themselves.
    Ending,
}

/// How Pods of an old template are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum Rollout {
    Deployment(Strategy),
    /// One after the other, from this ordinal up.
    StatefulSet {
        partition: u32,
    },
    /// So many nodes at a time.
    DaemonSet {
        unavailable: Amount,
    },
    /// By a client that deletes Pods, or never.
    Manual,
}

/// A workload's own fields, taken from its type.
struct Parts {
    template: PodTemplateSpec,
    path: &'static str,
    pods: PodCount,
    rollout: Rollout,
    min_ready: Option<i32>,
    progress_deadline: Option<Duration>,
    governing_service: Option<String>,
}

impl<'a> WorkloadFacts<'a> {
    /// Parses the manifest of a workload.
    pub(super) fn read(
        at: usize,
        kind: &str,
        manifest: &'a Manifest,
        minimums: &ReplicaMinimums,
    ) -> Result<Self, Problem> {
        let minimum = minimums.get(stand_in::namespace(manifest), kind, manifest.name());
        let parts = if kind == CRON_JOB {
            of_cron_job(manifest.typed()?)
        } else {
            of_workload(Workload::parse(kind, manifest)?, minimum)
        };
        let Parts {
            template,
            path,
            pods,
            rollout,
            min_ready,
            progress_deadline,
            governing_service,
        } = parts;
        let metadata = template.metadata.unwrap_or_default();
        let spec = template.spec.unwrap_or_default();
        Ok(Self {
            at,
            manifest,
            pods,
            rollout,
            min_ready: seconds(min_ready),
            progress_deadline,
            governing_service,
            template: path,
            labels: metadata.labels.unwrap_or_default(),
            containers: ContainerFacts::of_pod(&spec, &within(path, "spec")),
            spec,
            is_hook: matches!(stand_in::disposition(manifest), Disposition::Hook),
        })
    }

    /// The namespace that its manifest names.
    pub(in crate::lint) fn namespace(&self) -> Option<&str> {
        stand_in::namespace(self.manifest)
    }

    /// The other container that declares the port which a probe of a container asks, if the
    /// container itself does not.
    pub(in crate::lint) fn asked_sibling(
        &self,
        container: &ContainerFacts,
        probe: &ProbeFacts,
    ) -> Option<&ContainerFacts> {
        let port = probe.own_port()?;
        let mut siblings = self.containers.iter();
        let sibling = siblings.find(|sibling| sibling.declares(port));
        sibling.filter(|_| !container.declares(port))
    }

    /// Whether its Pods stay, so that they are meant to serve.
    pub(in crate::lint) fn stays(&self) -> bool {
        self.pods != PodCount::Ending && !self.is_hook
    }

    /// The Pod's `terminationGracePeriodSeconds`.
    pub(in crate::lint) fn grace(&self) -> Duration {
        let given = stand_in::grace(self.spec.termination_grace_period_seconds);
        let given = given.unwrap_or(stand_in::DEFAULT_GRACE.into());
        Duration::from_secs(u64::try_from(given).unwrap_or_default())
    }

    /// Whether its Pods share the node's network.
    pub(in crate::lint) fn is_on_host(&self) -> bool {
        self.spec.host_network == Some(true)
    }

    /// Its Pods in words: `all 3 Pods`, `the only Pod`.
    pub(in crate::lint) fn all_pods(&self) -> String {
        match self.pods {
            PodCount::Fixed(1) => "the only Pod".to_owned(),
            PodCount::Fixed(count) => format!("all {count} Pods"),
            PodCount::EveryNode => "the Pods of all nodes".to_owned(),
            PodCount::Ending => "its Pods".to_owned(),
        }
    }

    /// The path of a field of the Pod's specification in the manifest.
    pub(in crate::lint) fn spec_path(&self, field: &str) -> String {
        within(self.template, &format!("spec.{field}"))
    }
}

fn of_workload(workload: Workload, minimum: Option<i32>) -> Parts {
    let fixed = |replicas: Option<i32>| {
        let replicas = replicas.or(minimum).unwrap_or(1);
        PodCount::Fixed(u32::try_from(replicas).unwrap_or_default())
    };
    let bare = |template, pods| Parts {
        template,
        path: "spec.template",
        pods,
        rollout: Rollout::Manual,
        min_ready: None,
        progress_deadline: None,
        governing_service: None,
    };
    match workload {
        Workload::Deployment(object) => {
            let spec = object.spec;
            // Rule: `pkg/apis/apps/v1/defaults.go`, `SetDefaults_Deployment`.
            let deadline = spec.progress_deadline_seconds.or(Some(600));
            Parts {
                rollout: Rollout::Deployment(strategy(spec.strategy.unwrap_or_default())),
                min_ready: spec.min_ready_seconds,
                progress_deadline: Some(seconds(deadline)),
                ..bare(spec.template, fixed(spec.replicas))
            }
        }
        Workload::StatefulSet(object) => {
            let spec = object.spec;
            Parts {
                rollout: ordered(spec.update_strategy.unwrap_or_default()),
                min_ready: spec.min_ready_seconds,
                governing_service: spec.service_name,
                ..bare(spec.template, fixed(spec.replicas))
            }
        }
        Workload::DaemonSet(object) => {
            let spec = object.spec;
            Parts {
                rollout: by_node(spec.update_strategy.unwrap_or_default()),
                min_ready: spec.min_ready_seconds,
                ..bare(spec.template, PodCount::EveryNode)
            }
        }
        Workload::ReplicaSet(object) => {
            let template = object.spec.template.unwrap_or_default();
            bare(template, fixed(object.spec.replicas))
        }
        Workload::Job(object) => {
            let template = object.spec.unwrap_or_default().template;
            bare(template, PodCount::Ending)
        }
        Workload::Pod(object) => Parts {
            path: "",
            ..bare(
                PodTemplateSpec {
                    metadata: Some(object.metadata),
                    spec: object.spec,
                },
                PodCount::Fixed(1),
            )
        },
    }
}

fn of_cron_job(object: CronJob) -> Parts {
    let job = object.spec.job_template.spec.unwrap_or_default();
    Parts {
        template: job.template,
        path: "spec.jobTemplate.spec.template",
        pods: PodCount::Ending,
        rollout: Rollout::Manual,
        min_ready: None,
        progress_deadline: None,
        governing_service: None,
    }
}

/// Rule: `pkg/apis/apps/v1/defaults.go`, `SetDefaults_Deployment`.
fn strategy(written: DeploymentStrategy) -> Strategy {
    if written.type_.as_deref() == Some("Recreate") {
        return Strategy::Recreate;
    }
    let rolling = written.rolling_update.unwrap_or_default();
    let quarter = Amount::Percent(25);
    Strategy::RollingUpdate {
        surge: amount(rolling.max_surge.as_ref(), quarter),
        unavailable: amount(rolling.max_unavailable.as_ref(), quarter),
    }
}

fn ordered(written: StatefulSetUpdateStrategy) -> Rollout {
    if written.type_.as_deref() == Some("OnDelete") {
        return Rollout::Manual;
    }
    let partition = written.rolling_update.and_then(|rolling| rolling.partition);
    let partition = u32::try_from(partition.unwrap_or_default()).unwrap_or_default();
    Rollout::StatefulSet { partition }
}

/// Rule: `pkg/apis/apps/v1/defaults.go`, `SetDefaults_DaemonSet`.
fn by_node(written: DaemonSetUpdateStrategy) -> Rollout {
    if written.type_.as_deref() == Some("OnDelete") {
        return Rollout::Manual;
    }
    let rolling = written.rolling_update.unwrap_or_default();
    let unavailable = amount(rolling.max_unavailable.as_ref(), Amount::Number(1));
    Rollout::DaemonSet { unavailable }
}

fn amount(written: Option<&IntOrString>, default: Amount) -> Amount {
    match written {
        None => default,
        Some(IntOrString::Int(number)) => {
            Amount::Number(u32::try_from(*number).unwrap_or_default())
        }
        Some(IntOrString::String(text)) => {
            let percent = text.strip_suffix('%').and_then(|text| text.parse().ok());
            percent.map_or(default, Amount::Percent)
        }
    }
}

fn seconds(given: Option<i32>) -> Duration {
    Duration::from_secs(u64::try_from(given.unwrap_or_default()).unwrap_or_default())
}
