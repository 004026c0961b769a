//! Admission of StatefulSets: defaults and checks.
//!
//! Rule: `pkg/apis/apps/v1/defaults.go`, `SetDefaults_StatefulSet`, and
//! `pkg/apis/apps/validation/validation.go`, `ValidateStatefulSetSpec`.

use k8s_openapi::api::apps::v1::{
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetSpec, StatefulSetStatus,
    StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{PodTemplateSpec, Volume};
use serde_json::json;

use super::names::{self, Names};
use super::pipeline::Admit;
use super::{fields, pod, workload};
use crate::api_status::FieldErrors;

const ROLLING_UPDATE: &str = "RollingUpdate";
const ON_DELETE: &str = "OnDelete";

impl Admit for StatefulSet {
    // Its Pods' names are host names, so the longer names of other kinds are of no use.
    const NAME: Names = Names::Label;

    fn begin(&mut self) {
        let available_replicas = Some(0);
        self.status = Some(StatefulSetStatus {
            available_replicas,
            ..StatefulSetStatus::default()
        });
    }

    fn complete(&mut self) {
        let spec = &mut self.spec;
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        fields::text(&mut spec.pod_management_policy, "OrderedReady");
        complete_strategy(spec.update_strategy.get_or_insert_default());
        let retention = spec
            .persistent_volume_claim_retention_policy
            .get_or_insert_default();
        fields::text(&mut retention.when_deleted, "Retain");
        fields::text(&mut retention.when_scaled, "Retain");
        workload::complete_template(&mut spec.template);
    }

    fn check(&self, errors: &mut FieldErrors) {
        errors.within("spec", |errors| check(&self.spec, errors));
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let before = &before.spec;
        let allowed = StatefulSetSpec {
            selector: before.selector.clone(),
            service_name: before.service_name.clone(),
            pod_management_policy: before.pod_management_policy.clone(),
            volume_claim_templates: before.volume_claim_templates.clone(),
            ..self.spec.clone()
        };
        if self.spec != allowed {
            errors.forbidden("spec", IMMUTABLE);
        }
    }
}

const IMMUTABLE: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', \
    'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' \
    and 'minReadySeconds' are forbidden";

fn complete_strategy(strategy: &mut StatefulSetUpdateStrategy) {
    // Only a strategy without a type gets a partition: `type: RollingUpdate` alone does not.
    if strategy.type_.as_deref().unwrap_or_default().is_empty() {
        strategy.type_ = Some(ROLLING_UPDATE.to_owned());
        strategy
            .rolling_update
            .get_or_insert_with(RollingUpdateStatefulSetStrategy::default);
    }
    if let Some(rolling) = &mut strategy.rolling_update {
        if strategy.type_.as_deref() == Some(ROLLING_UPDATE) {
            rolling.partition.get_or_insert(0);
        }
        // An API server drops it without a word while `MaxUnavailableStatefulSet` is off.
        rolling.max_unavailable = None;
    }
}

fn check(spec: &StatefulSetSpec, errors: &mut FieldErrors) {
    let policy = spec.pod_management_policy.as_deref().unwrap_or_default();
    if !["OrderedReady", "Parallel"].contains(&policy) {
        let why = "must be 'OrderedReady' or 'Parallel'";
        errors.invalid("podManagementPolicy", policy, why);
    }
    check_strategy(spec, errors);
    let retention = spec.persistent_volume_claim_retention_policy.iter();
    for retention in retention {
        errors.within("persistentVolumeClaimRetentionPolicy", |errors| {
            let policies = ["Retain", "Delete"];
            let (deleted, scaled) = (&retention.when_deleted, &retention.when_scaled);
            fields::check_choice("whenDeleted", deleted.as_ref(), &policies, errors);
            fields::check_choice("whenScaled", scaled.as_ref(), &policies, errors);
        });
    }
    // Refused although Kubernetes allows them: pocket has no volumes that outlive a Pod.
    if spec
        .volume_claim_templates
        .as_ref()
        .is_some_and(|all| !all.is_empty())
    {
        errors.lacking(|errors| {
            errors.forbidden("volumeClaimTemplates", "pocket has no persistent volumes");
        });
    }
    fields::check_not_negative("replicas", spec.replicas, errors);
    fields::check_not_negative("minReadySeconds", spec.min_ready_seconds, errors);
    let start = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start);
    fields::check_not_negative("ordinals.start", start, errors);
    let service = spec.service_name.as_deref().unwrap_or_default();
    if !service.is_empty() {
        let why = Names::Label.refuse(service);
        names::refused("serviceName", service, &why, errors);
    }
    workload::check_selector(&spec.selector, &spec.template, errors);
    let template = with_claims(spec);
    errors.within("template", |errors| {
        pod::check_template(&template, "StatefulSet", errors);
    });
}

/// The template with a volume for each claim, which containers may mount.
///
/// Rule: `ValidatePodTemplateSpecForStatefulSet`.
fn with_claims(spec: &StatefulSetSpec) -> PodTemplateSpec {
    let mut template = spec.template.clone();
    let pod = template.spec.get_or_insert_default();
    let claims = spec.volume_claim_templates.iter().flatten();
    for name in claims.filter_map(|claim| claim.metadata.name.as_ref()) {
        let volumes = pod.volumes.get_or_insert_default();
        if volumes.iter().all(|volume| volume.name != *name) {
            volumes.push(Volume {
                name: name.clone(),
                ..Volume::default()
            });
        }
    }
    template
}

fn check_strategy(spec: &StatefulSetSpec, errors: &mut FieldErrors) {
    let Some(strategy) = &spec.update_strategy else {
        return;
    };
    match strategy.type_.as_deref() {
        Some(ROLLING_UPDATE) => {
            let rolling = strategy.rolling_update.as_ref();
            let partition = rolling.and_then(|rolling| rolling.partition);
            let field = "updateStrategy.rollingUpdate.partition";
            fields::check_not_negative(field, partition, errors);
        }
        Some(ON_DELETE) => {
            if let Some(rolling) = &strategy.rolling_update {
                let why = "only allowed for updateStrategy 'RollingUpdate'";
                errors.invalid("updateStrategy.rollingUpdate", json!(rolling), why);
            }
        }
        _ => {
            let why = "must be 'RollingUpdate' or 'OnDelete'";
            // As the internal type prints it.
            let (of, rolling) = (json!(strategy.type_), json!(strategy.rolling_update));
            let shown = format!("{{\"Type\":{of},\"RollingUpdate\":{rolling}}}");
            errors.invalid_shown("updateStrategy", &shown, why);
        }
    }
}
