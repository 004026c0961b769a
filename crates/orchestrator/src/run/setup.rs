//! Set-up of a run: namespace, workload, traffic clients, and the wait for the steady state.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::PostParams};
use serde_json::json;

use super::state::RunState;
use crate::{
    cluster::{ownership, watches},
    exit::{Exit, Failure, HasExitCode},
    input::{
        experiment::{Action, Condition, Experiment, Mark, ObjectRef},
        manifests::Manifest,
    },
    judge::{SteadyState, first_failure, obstacles::obstacles},
    report::plural,
    run::{ledger::Undo, traffic},
    timeline::{Place, Record, What},
};

/// Why the set-up failed.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("cannot create the namespace `{name}`")]
    Namespace {
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("the steady state was not reached: {}", missing.join("; "))]
    NotSteady { missing: Vec<String> },
}

impl HasExitCode for SetupError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

impl RunState<'_> {
    /// Opens the watches, then applies the workload and after it the traffic clients.
    pub(super) async fn set_up(&mut self) -> Result<(), Failure> {
        let makes_namespace = self.makes_namespace().await?;
        self.watches = Some(
            watches::open(
                self.scope.client(),
                &self.scope.namespace,
                &self.job.objects,
                &self.recorder,
            )
            .await?,
        );
        self.scope.check(&self.job.objects).await?;
        if makes_namespace {
            self.create_namespace().await?;
        }
        for manifest in &self.job.objects {
            self.apply(manifest).await?;
        }
        self.detail(format!(
            "{} applied to namespace `{}`",
            plural(self.created.len(), "object"),
            self.scope.namespace
        ));
        self.send_traffic().await?;
        self.recorder.record(What::Applied);
        Ok(())
    }

    /// Waits for the steady state, then binds subjects to their Pods. Fails at once on a permanent
    /// failure of the workload.
    pub(super) async fn steady_state(&mut self) -> Result<(), Failure> {
        let mut checked = 0;
        loop {
            self.check_first_failures(&mut checked)?;
            let now = self.recorder.now();
            match self
                .recorder
                .read(|timeline| self.judge.steady_state(timeline, now))
            {
                SteadyState::Reached { .. } => break,
                SteadyState::Missed { missing } => {
                    let causes = self.recorder.read(obstacles);
                    let missing = missing.into_iter().chain(causes).collect();
                    return Err(SetupError::NotSteady { missing }.into());
                }
                SteadyState::Waiting { look_again_at } => {
                    self.wait(look_again_at, "waiting for the steady state")
                        .await;
                }
            }
        }
        for subject in subjects(self.job.experiment) {
            let pods = self.judge.pods(&subject);
            self.recorder.record(What::Bound {
                subject: subject.to_string(),
                pods,
            });
        }
        let at = self.recorder.record(What::Steady);
        self.follow_targets();
        self.detail(format!("steady after {at} s"));
        Ok(())
    }

    /// Whether the run creates its namespace. A namespace that the user named must exist on a
    /// cluster; on an embedded cluster it is created unless it exists.
    async fn makes_namespace(&self) -> Result<bool, Failure> {
        if self.job.namespace.is_none() {
            return Ok(true);
        }
        let exists = self.cluster.must_have(&self.scope.namespace).await;
        match &self.cluster.place {
            Place::Cluster(_) => Ok(exists.map(|()| false)?),
            Place::Pocket | Place::Virtual => Ok(exists.is_err()),
        }
    }

    async fn create_namespace(&mut self) -> Result<(), Failure> {
        let name = self.scope.namespace.clone();
        let mut namespace = json!({ "metadata": { "name": name } });
        ownership::stamp(&mut namespace, self.job.run);
        let namespace: Namespace =
            serde_json::from_value(namespace).expect("a namespace of ours must be an object");
        let api: Api<Namespace> = Api::all(self.scope.client().clone());
        self.ledger.push(Undo::Namespace);
        let created = api.create(&PostParams::default(), &namespace).await;
        created.map(drop).map_err(|source| {
            if matches!(source, kube::Error::Api(_)) {
                self.ledger.pop();
            }
            let source = Box::new(source);
            SetupError::Namespace { name, source }.into()
        })
    }

    async fn apply(&mut self, manifest: &Manifest) -> Result<String, Failure> {
        self.ledger.push(Undo::Object(manifest.clone()));
        let created = self.scope.apply(manifest).await?;
        let uid = created.uid.clone();
        self.created.push(created);
        Ok(uid)
    }

    async fn send_traffic(&mut self) -> Result<(), Failure> {
        let clients = &self.job.experiment.traffic;
        if clients.is_empty() {
            return Ok(());
        }
        // As stored by the API, with the cluster IPs assigned at their creation.
        let services = self.reader().services().await?;
        let pod = traffic::pod(clients, &services, &self.job.objects)?;
        self.scope.check(std::slice::from_ref(&pod)).await?;
        let uid = self.apply(&pod).await?;
        for address in traffic::addresses(clients, &uid) {
            let control = self.controls.control(&address);
            self.journals.follow_client(control, self.recorder.clone());
        }
        Ok(())
    }

    /// Fails if a record shows a permanent failure; skips the first `checked` records.
    fn check_first_failures(&mut self, checked: &mut usize) -> Result<(), Failure> {
        let created = self
            .created
            .iter()
            .map(|created| created.uid.clone())
            .collect();
        let judge = &mut self.judge;
        let failure = self.recorder.read(|timeline| {
            judge.catch_up(timeline);
            let fresh = &timeline.records()[*checked..];
            *checked = timeline.records().len();
            let objects = fresh.iter().filter_map(Record::existing);
            first_failure::among(objects, judge.snapshot(), &created)
        });
        match failure {
            None => Ok(()),
            Some(failure) => {
                let hint = failure.hint(&self.cluster.place);
                Err(Failure::hinted(failure, hint))
            }
        }
    }
}

/// The distinct Pod subjects that the experiment names.
fn subjects(experiment: &Experiment) -> BTreeSet<ObjectRef> {
    let steps = experiment.steps.iter();
    let flipped = steps.clone().flat_map(|step| match &step.action {
        Action::Flip(flips) => flips.iter().map(|flip| flip.pod.value.clone()).collect(),
        Action::Delete(delete) => vec![delete.pod.value.clone()],
        Action::Patch(_) | Action::Wait(_) => Vec::new(),
    });
    let expected = steps.flat_map(|step| step.expect.iter().map(|expectation| &expectation.claim));
    let marks = experiment.measures.iter().flat_map(|it| [&it.from, &it.to]);
    let measured = marks.filter_map(|mark| match mark {
        Mark::Change(condition) => Some(condition),
        _ => None,
    });
    let required = experiment
        .steady_state
        .require
        .iter()
        .chain(expected)
        .chain(measured)
        .filter_map(|condition| match condition {
            Condition::Pod { pod, .. } | Condition::Container { pod, .. } => {
                Some(pod.value.clone())
            }
            Condition::Endpoints { .. }
            | Condition::Controller { .. }
            | Condition::Event { .. }
            | Condition::Traffic { .. } => None,
        });
    flipped.chain(required).collect()
}
