//! The workloads and Services of the input, and which Service leads to which container.

mod container;
mod handler;
mod probe;
mod service;
mod workload;

pub(super) use container::ContainerFacts;
pub(super) use handler::{Handler, is_own_host};
pub(super) use probe::ProbeFacts;
use service::Labelled;
pub(super) use service::{Backend, ServiceFacts, Target};
pub(super) use workload::{PodCount, Rollout, WorkloadFacts};

use std::collections::BTreeMap;

use super::finding::Severity;
use crate::{
    cluster::admission,
    input::{
        load::Manifest,
        manifests,
        problem::{Problem, Problems},
    },
    stand_in::{self, Disposition, ReplicaMinimums, validity},
};

/// Everything that rules look at.
#[derive(Debug, Default)]
pub(super) struct Inventory<'a> {
    pub(super) workloads: Vec<WorkloadFacts<'a>>,
    pub(super) services: Vec<ServiceFacts<'a>>,
    /// The Services that select each workload's Pods, and the workload's place among the backends.
    selecting: Vec<Vec<(usize, usize)>>,
    /// How many objects of other kinds there are, by kind.
    pub(super) left_out: BTreeMap<String, usize>,
}

impl<'a> Inventory<'a> {
    /// Reads manifests. Kinds other than workloads and Services, and objects that a controller
    /// makes, are skipped.
    pub(super) fn read(manifests: &'a [Manifest]) -> Result<Self, Problems> {
        let minimums = ReplicaMinimums::of(manifests);
        let mut inventory = Self::default();
        let mut problems = Vec::new();
        for manifest in manifests {
            if let Err(found) = inventory.take(manifest, &minimums) {
                problems.extend(found.into_vec());
            }
        }
        Problems::unless_any(problems, ())?;
        let Self {
            workloads,
            services,
            selecting,
            left_out: _,
        } = &mut inventory;
        selecting.resize(workloads.len(), Vec::new());
        let labelled = Labelled::new(workloads);
        for (at, service) in services.iter_mut().enumerate() {
            service.resolve(&labelled);
            for (place, backend) in service.backends.iter().enumerate() {
                selecting[backend.workload].push((at, place));
            }
        }
        Ok(inventory)
    }

    fn take(&mut self, manifest: &'a Manifest, minimums: &ReplicaMinimums) -> Result<(), Problems> {
        validity::check_rendered(manifest)?;
        let kind = stand_in::qualified_kind(manifest);
        if !stand_in::KINDS.contains(&kind.as_str()) && kind != workload::CRON_JOB {
            // Its minimum is read.
            if kind != "HorizontalPodAutoscaler" {
                *self.left_out.entry(kind).or_default() += 1;
            }
            return Ok(());
        }
        if matches!(stand_in::disposition(manifest), Disposition::Owned) {
            return Ok(());
        }
        Problems::unless_any(manifests::unknown_fields(manifest), ())?;
        if kind == "Service" {
            self.services.push(ServiceFacts::read(manifest)?);
        } else {
            let at = self.workloads.len();
            let workload = WorkloadFacts::read(at, &kind, manifest, minimums)?;
            self.workloads.push(workload);
        }
        Ok(())
    }

    /// What an API server refuses of the objects.
    pub(super) fn refusals(&self) -> Vec<Problem> {
        let workloads = self.workloads.iter().map(|workload| workload.manifest);
        let services = self.services.iter().map(|service| service.manifest);
        workloads
            .chain(services)
            .flat_map(admission::refusals)
            .collect()
    }

    /// All containers that run: regular ones and sidecars.
    pub(super) fn containers(&self) -> impl Iterator<Item = (&WorkloadFacts<'a>, &ContainerFacts)> {
        self.workloads.iter().flat_map(|workload| {
            let containers = workload.containers.iter();
            containers.map(move |container| (workload, container))
        })
    }

    /// All probes of all containers.
    pub(super) fn probes(
        &self,
    ) -> impl Iterator<Item = (&WorkloadFacts<'a>, &ContainerFacts, &ProbeFacts)> {
        self.containers().flat_map(|(workload, container)| {
            let probes = container.probes.iter();
            probes.map(move |probe| (workload, container, probe))
        })
    }

    /// The Services that select a workload's Pods, with the ports that they lead to.
    pub(super) fn selecting(
        &self,
        workload: &WorkloadFacts<'_>,
    ) -> impl Iterator<Item = (&ServiceFacts<'a>, &Backend)> {
        let selecting = self.selecting.get(workload.at).into_iter().flatten();
        selecting.map(|(service, backend)| {
            let service = &self.services[*service];
            (service, &service.backends[*backend])
        })
    }

    /// The Services that select a workload's Pods and send nothing to a Pod that is not Ready.
    pub(super) fn gated(&self, workload: &WorkloadFacts<'_>) -> Vec<&ServiceFacts<'a>> {
        let selecting = self.selecting(workload).map(|(service, _)| service);
        selecting
            .filter(|service| !service.publishes_unready)
            .collect()
    }

    /// The names of [`gated`](Self::gated) Services.
    pub(super) fn gated_names(&self, workload: &WorkloadFacts<'_>) -> Vec<&str> {
        let gated = self.gated(workload).into_iter();
        gated.map(ServiceFacts::name).collect()
    }

    /// The [`gated`](Self::gated) Services whose TCP ports lead to a container, each with one of
    /// those ports.
    pub(super) fn serving(
        &self,
        workload: &WorkloadFacts<'_>,
        container: &ContainerFacts,
    ) -> Vec<(&ServiceFacts<'a>, &Target)> {
        let at = container.at;
        let selecting = self.selecting(workload);
        selecting
            .filter(|(service, _)| !service.publishes_unready)
            .filter_map(|(service, backend)| {
                let mut targets = backend.targets.iter();
                let own = targets.find(|target| target.is_tcp && target.owner == Some(at))?;
                Some((service, own))
            })
            .collect()
    }

    /// A severity, or `info` if no Service selects the workload's Pods: then no user's requests
    /// depend on them.
    pub(super) fn if_served(&self, workload: &WorkloadFacts<'_>, severity: Severity) -> Severity {
        if self.selecting(workload).next().is_some() {
            severity
        } else {
            Severity::Info
        }
    }
}
