//! Executes one step: sends its action to all targets, then waits for the judge's decision.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;

use super::{ledger::Undo, state::RunState};
use crate::{
    cluster::remove,
    exit::{Exit, Failure, HasExitCode},
    input::experiment::{Action, Delete, Flip, ObjectRef, Patch, Spanned, WorkloadRef},
    targets::{
        control::{Control, ControlError},
        flip::{FlipError, FlipRequest, PreparedFlip},
        flip_plan::recipient,
        journal, target,
    },
    timeline::{BoundPod, WatchedObject, What, recorder::Recorder, snapshot::Snapshot},
};

/// Why a step's action could not be executed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("step `{step}`: {subject} means no Pod any more")]
    NoPods { step: String, subject: ObjectRef },
    #[error("step `{step}`: it takes {wanted} Pods of {subject}, and only {left} exist")]
    TooFewPods {
        step: String,
        subject: ObjectRef,
        wanted: u32,
        left: usize,
    },
    #[error("step `{step}`: {object} was not made by this run; only what it made can be patched")]
    NotOfThisRun { step: String, object: WorkloadRef },
}

impl HasExitCode for StepError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoPods { .. } | Self::TooFewPods { .. } => Exit::Infrastructure,
            Self::NotOfThisRun { .. } => Exit::Refused,
        }
    }
}

impl RunState<'_> {
    /// Executes a step to its end.
    pub(super) async fn step(&mut self, number: usize) -> Result<(), Failure> {
        let step = &self.job.experiment.steps[number];
        let name = self.step_name(number);
        // Before the step's beginning, so that restarts until then are not counted as the step's.
        if let Action::Flip(flips) = &step.action {
            self.spread_phase(number, flips).await;
            self.await_running(&name, flips).await?;
        }
        let chosen = match &step.action {
            Action::Flip(flips) => {
                let chosen = flips.iter();
                let chosen = chosen.map(|flip| self.chosen(&name, &flip.pod, flip.pods.as_ref()));
                chosen.collect::<Result<Vec<_>, _>>()?
            }
            Action::Delete(Delete { pod, pods }) => {
                vec![self.chosen(&name, pod, pods.as_ref())?]
            }
            Action::Patch(_) | Action::Wait(_) => Vec::new(),
        };
        self.recorder.record(What::StepStart {
            step: number,
            name: name.clone(),
            pods: bound(chosen.iter().flatten()),
        });
        match &step.action {
            Action::Flip(flips) => self.flip(number, flips, &chosen).await?,
            Action::Patch(patch) => self.patch(number, patch).await?,
            Action::Delete(_) => self.delete_pods(number, &chosen.concat()).await?,
            Action::Wait(_) => {
                self.recorder.record(What::Sending { step: number });
                let (step, patched) = (number, None);
                self.recorder.record(What::Acknowledged { step, patched });
            }
        }
        self.detail(format!("{} s  {name}", self.recorder.now()));
        self.decided(number, &name).await;
        self.recorder.record(What::StepEnd { step: number });
        Ok(())
    }

    fn step_name(&self, number: usize) -> String {
        self.job.experiment.steps[number].name.value.clone()
    }

    /// Waits until the step can end.
    async fn decided(&mut self, step: usize, name: &str) {
        loop {
            let now = self.recorder.now();
            let state = self
                .recorder
                .read(|timeline| self.judge.step(timeline, step, now));
            if state.decided {
                return;
            }
            self.wait(state.look_again_at, name).await;
        }
    }

    async fn patch(&mut self, step: usize, patch: &Patch) -> Result<(), Failure> {
        let object = &patch.object.value;
        let Some(created) = self.created.iter().find(|created| created.is(object)) else {
            let (step, object) = (self.step_name(step), object.clone());
            return Err(StepError::NotOfThisRun { step, object }.into());
        };
        self.recorder.record(What::Sending { step });
        let patched = Some(self.scope.patch(created, &patch.merge).await?);
        self.recorder.record(What::Acknowledged { step, patched });
        Ok(())
    }

    /// Deletes Pods with their grace period, the first by name first.
    async fn delete_pods(&mut self, step: usize, pods: &[Pod]) -> Result<(), Failure> {
        for pod in pods {
            self.recorder.record(What::Sending { step });
            remove::pod(&self.scope, &pod.metadata).await?;
            let patched = None;
            self.recorder.record(What::Acknowledged { step, patched });
        }
        Ok(())
    }

    /// Prepares all flips of a step, then sends them together.
    async fn flip(
        &mut self,
        step: usize,
        flips: &[Flip],
        chosen: &[Vec<Pod>],
    ) -> Result<(), Failure> {
        let mut prepared = Vec::new();
        for (flip, pods) in flips.iter().zip(chosen) {
            prepared.extend(self.prepare(flip, pods).await?);
        }
        let pods = Api::namespaced(self.scope.client().clone(), &self.scope.namespace);
        let targets = prepared.iter().map(|each| (&each.control, &*each.instance));
        self.leases.hold(&pods, targets).await?;
        for PreparedFlip { control, .. } in &prepared {
            let control = control.clone();
            // Another Pod than at the steady state, if that one is gone.
            self.journals
                .follow_target(control.clone(), self.recorder.clone());
            self.ledger.push(Undo::Flips { control });
        }
        let recorder = &self.recorder;
        try_join_all(prepared.iter().map(|each| send(recorder, step, each))).await?;
        for each in prepared {
            self.supersede(each).await?;
        }
        Ok(())
    }

    async fn prepare(&mut self, flip: &Flip, pods: &[Pod]) -> Result<Vec<PreparedFlip>, Failure> {
        let request = request(flip);
        let services: Vec<Service> = self.caught_up().all("Service");
        let recorder = &self.recorder;
        let ask = async |control: Control| journal::state(&control, recorder).await;
        let prepared = pods
            .iter()
            .map(|pod| PreparedFlip::prepare(&self.controls, pod, &services, &request, ask));
        let prepared: Result<Vec<_>, FlipError> = try_join_all(prepared).await;
        Ok(prepared?)
    }

    /// Withdraws an earlier flip of the same probe, unless the new flip or another probe's has
    /// replaced it. This follows the new flip, so that the probe never gets the base in between.
    async fn supersede(&mut self, prepared: PreparedFlip) -> Result<(), Failure> {
        if let Some(earlier) = self.active_flips.replace(prepared) {
            earlier.withdraw().await?;
        }
        Ok(())
    }

    /// Starts to read the journals of the targets that a step flips, including their earlier
    /// entries. Whether a flip was reached is read from them; no verdict needs other journals.
    pub(super) fn follow_targets(&mut self) {
        for step in &self.job.experiment.steps {
            let Action::Flip(flips) = &step.action else {
                continue;
            };
            for flip in flips {
                let pods = self.first_pods(&flip.pod, flip.pods.as_ref());
                // Containers that are not targets are refused when the flip is prepared.
                let addresses = pods
                    .iter()
                    .flat_map(|pod| target(pod, &recipient(pod, &flip.container, &flip.aim)));
                for address in addresses {
                    let control = self.controls.control(&address);
                    self.journals.follow_target(control, self.recorder.clone());
                }
            }
        }
    }

    /// The Pods that a step takes, by name. Fewer than it is to take are an error.
    fn chosen(
        &mut self,
        step: &str,
        subject: &ObjectRef,
        wanted: Option<&Spanned<u32>>,
    ) -> Result<Vec<Pod>, StepError> {
        let pods = self.first_pods(subject, wanted);
        let (step, subject) = (step.to_owned(), subject.clone());
        match wanted.map(|wanted| wanted.value) {
            _ if pods.is_empty() => Err(StepError::NoPods { step, subject }),
            Some(wanted) if pods.len() < wanted as usize => Err(StepError::TooFewPods {
                step,
                subject,
                wanted,
                left: pods.len(),
            }),
            _ => Ok(pods),
        }
    }

    /// So many of a subject's Pods that exist now and are not being deleted, the first by name. All
    /// that exist if `wanted` is `None`.
    pub(super) fn first_pods(
        &mut self,
        subject: &ObjectRef,
        wanted: Option<&Spanned<u32>>,
    ) -> Vec<Pod> {
        let most = wanted.map_or(usize::MAX, |wanted| wanted.value as usize);
        let snapshot = self.caught_up();
        let known = snapshot.pods(subject).into_iter().flatten();
        let left = known.filter(|pod| wanted.is_none() || !pod.deleting);
        let objects = left.filter_map(|pod| snapshot.pod_object(&pod.uid));
        let parsed = objects.filter_map(WatchedObject::parsed);
        parsed.take(most).collect()
    }

    fn caught_up(&mut self) -> &Snapshot {
        let judge = &mut self.judge;
        self.recorder.read(|timeline| judge.catch_up(timeline));
        judge.snapshot()
    }
}

/// The Pods' names and UIDs, each once, by name.
fn bound<'p>(pods: impl Iterator<Item = &'p Pod>) -> Vec<BoundPod> {
    let named = pods.filter_map(|pod| {
        let metadata = &pod.metadata;
        Some((metadata.name.clone()?, metadata.uid.clone()?))
    });
    let named: BTreeSet<(String, String)> = named.collect();
    let bound = named.into_iter().map(|(name, uid)| BoundPod { name, uid });
    bound.collect()
}

fn request(flip: &Flip) -> FlipRequest {
    FlipRequest {
        container: flip.container.value.clone(),
        aim: flip.aim.value.clone(),
        shared: flip.shared,
        leased: true,
    }
}

async fn send(
    recorder: &Recorder,
    step: usize,
    prepared: &PreparedFlip,
) -> Result<(), ControlError> {
    let sent = recorder.record(What::Sending { step });
    let ack = prepared.send().await?;
    recorder.record(What::Flip(Box::new(prepared.record(sent, &ack))));
    let patched = None;
    recorder.record(What::Acknowledged { step, patched });
    Ok(())
}
