//! Clean-up of a run: heals targets, then deletes objects, the last first.
//!
//! Each action is entered in the ledger before it is done. A flip is undone when its target
//! acknowledges that or is gone; an object, when it and its descendants are deleted.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::state::RunState;
use crate::{
    cluster::{apply::CreatedObject, remove},
    exit::{Exit, Failure},
    targets::{
        control::Control,
        journal::{self, Journals},
        lease::Leases,
        retry_revert::{Reverted, retry_revert},
        select::NamespaceReader,
    },
    timeline::{Place, What},
};

impl RunState<'_> {
    /// Heals the flipped targets and, unless `keep` is set, deletes the created objects.
    pub(super) async fn revert(&mut self) -> Exit {
        self.journals = Journals::default();
        let exit = self.heal_all().await;
        if self.job.keep {
            self.say_what_is_kept();
            return exit;
        }
        exit.and(self.delete().await)
    }

    /// Heals the targets, the one flipped last first. Continues after a target that cannot be
    /// healed.
    async fn heal_all(&mut self) -> Exit {
        let flipped: Vec<Control> = self.ledger.flips().cloned().collect();
        let mut exit = Exit::Held;
        for control in flipped.iter().rev() {
            if self.heal(control).await {
                self.ledger.healed(control);
            } else {
                exit = Exit::RevertFailed;
            }
        }
        self.leases = Leases::default();
        exit
    }

    async fn heal(&self, control: &Control) -> bool {
        let pods: Api<Pod> = Api::namespaced(self.scope.client().clone(), &self.scope.namespace);
        match retry_revert(&pods, control, async || control.heal().await).await {
            Ok(Reverted::Acknowledged(ack)) => {
                let target = journal::named(control.address(), &ack.instance);
                self.recorder.record(What::Healed { target });
                true
            }
            Ok(Reverted::Gone) => true,
            Err(error) => {
                self.printer.error(&error.into());
                false
            }
        }
    }

    async fn delete(&mut self) -> Exit {
        match self.delete_created().await {
            Ok(()) => {
                self.ledger.deleted();
                Exit::Held
            }
            Err(failure) => {
                failure.print(self.printer);
                Exit::RevertFailed
            }
        }
    }

    /// Deletes the run's own namespace with everything in it, or else the created objects. Looks up
    /// objects without a known UID: a call that was interrupted may have been executed.
    async fn delete_created(&self) -> Result<(), Failure> {
        if self.ledger.has_namespace() {
            return match self.scope.find_namespace().await? {
                Some(uid) => Ok(remove::namespace(&self.scope, &uid).await?),
                None => Ok(()),
            };
        }
        let mut created = self.created.clone();
        for manifest in self.ledger.objects().skip(created.len()) {
            if let Some(uid) = self.scope.find(manifest).await? {
                let manifest = manifest.clone();
                created.push(CreatedObject { manifest, uid });
            }
        }
        Ok(remove::objects(&self.scope, &created).await?)
    }

    /// Exit code of a clean-up that was stopped. On an embedded cluster nothing remains, as it ends
    /// with the process.
    pub(super) fn quit(&self) -> Exit {
        if !matches!(self.cluster.place, Place::Cluster(_)) {
            return Exit::Held;
        }
        self.printer
            .error(&anyhow::anyhow!("quit before everything was undone"));
        Exit::RevertFailed
    }

    /// Prints the commands that finish the clean-up.
    pub(super) fn say_what_remains(&self) {
        let Place::Cluster(context) = &self.cluster.place else {
            // An embedded cluster ends with the process.
            return;
        };
        let namespace = &self.scope.namespace;
        for control in self.ledger.flips() {
            let pod = &control.address().pod;
            self.printer.hint(format!(
                "`probeflip heal {pod} -n {namespace} --context {context}`"
            ));
        }
        if !self.job.keep && self.ledger.has_created() {
            self.printer.hint(self.down(context));
        }
    }

    fn say_what_is_kept(&self) {
        match &self.cluster.place {
            Place::Cluster(context) => {
                self.printer.note(format!(
                    "{}: the objects stay; they go with {}",
                    self.job.experiment.name.value,
                    self.down(context)
                ));
            }
            Place::Pocket | Place::Virtual => {
                self.detail("the objects go with the embedded cluster");
            }
        }
    }

    fn down(&self, context: &str) -> String {
        let (run, namespace) = (self.job.run, &self.scope.namespace);
        match self.job.namespace {
            Some(_) => format!("`probeflip down --run {run} -n {namespace} --context {context}`"),
            None => format!("`probeflip down --run {run} --context {context}`"),
        }
    }

    pub(super) fn reader(&self) -> NamespaceReader {
        NamespaceReader::new(self.scope.client().clone(), &self.scope.namespace)
    }
}
