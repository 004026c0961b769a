//! Claims whose volume one node at a time may mount, and the rollouts that they block.

use std::collections::BTreeSet;

use k8s_openapi::{
    api::apps::v1::DeploymentStrategy, apimachinery::pkg::util::intstr::IntOrString,
};

use super::metadata;
use super::notes::{Notes, Topic};
use super::workload::Workload;
use crate::input::load::Manifest;

/// The claims of the input whose volume one node at a time may mount, by namespace and name.
// kubernetes.io/docs › Persistent Volumes › Access Modes.
pub(super) struct SingleNodeClaims(BTreeSet<(Option<String>, String)>);

impl SingleNodeClaims {
    pub(super) fn of(manifests: &[Manifest]) -> Self {
        let claims = manifests.iter().filter(|manifest| {
            let modes = manifest.object.pointer("/spec/accessModes");
            let modes = modes.and_then(|modes| modes.as_array());
            let is_single = |modes: &Vec<_>| {
                modes
                    .iter()
                    .all(|mode| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod")
            };
            manifest.kind() == "PersistentVolumeClaim" && modes.is_some_and(is_single)
        });
        let key = |claim: &Manifest| (namespace(claim), claim.name().to_owned());
        Self(claims.map(key).collect())
    }

    /// Notes the claims of a Deployment whose new Pods start beside the old ones.
    pub(super) fn note(
        &self,
        workload: &Workload,
        manifest: &Manifest,
        place: &str,
        notes: &mut Notes,
    ) {
        let Workload::Deployment(deployment) = workload else {
            return;
        };
        if !surges(deployment.spec.strategy.as_ref()) {
            return;
        }
        let pod = deployment.spec.template.spec.iter();
        let volumes = pod.flat_map(|pod| pod.volumes.iter().flatten());
        let claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
        for claim in claims {
            let name = &claim.claim_name;
            let is_single = self.0.contains(&(namespace(manifest), name.clone()));
            notes.add_if(is_single, Topic::Claims, &format!("{place} {name}"));
        }
    }
}

fn namespace(manifest: &Manifest) -> Option<String> {
    metadata::namespace(manifest).map(str::to_owned)
}

/// Whether a rollout creates Pods before it deletes any, as it does by default.
fn surges(strategy: Option<&DeploymentStrategy>) -> bool {
    let Some(strategy) = strategy else {
        return true;
    };
    let rolling = strategy.rolling_update.as_ref();
    let is_zero = match rolling.and_then(|rolling| rolling.max_surge.as_ref()) {
        Some(IntOrString::Int(number)) => *number == 0,
        Some(IntOrString::String(share)) => share == "0%",
        None => false,
    };
    strategy.type_.as_deref() != Some("Recreate") && !is_zero
}
