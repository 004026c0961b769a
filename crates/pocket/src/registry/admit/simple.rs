//! Defaults and checks of kinds with few rules: Namespace, EndpointSlice, Event, and others.

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    Endpoints, Event, Namespace, NamespaceSpec, NamespaceStatus, Node, ReplicationController,
    ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::fields;
use super::names::Names;
use super::pipeline::Admit;
use crate::api_status::FieldErrors;

/// The label by which selectors find a namespace by its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Admit for Namespace {
    const NAME: Names = Names::Label;

    fn begin(&mut self) {
        let spec = self.spec.get_or_insert_with(NamespaceSpec::default);
        // The namespace controller removes it once the namespace is empty.
        spec.finalizers = Some(vec!["kubernetes".to_owned()]);
        self.status = Some(NamespaceStatus {
            phase: Some("Active".to_owned()),
            ..NamespaceStatus::default()
        });
    }

    fn complete(&mut self) {
        // On updates too: the label cannot be removed. Rule: `pkg/apis/core/v1/defaults.go`,
        // `SetDefaults_Namespace`.
        if let Some(name) = self.metadata.name.clone() {
            self.metadata
                .labels
                .get_or_insert_default()
                .insert(NAME_LABEL.to_owned(), name);
        }
    }
}

impl Admit for EndpointSlice {
    fn complete(&mut self) {
        for port in self.ports.iter_mut().flatten() {
            port.name.get_or_insert_default();
            fields::text(&mut port.protocol, "TCP");
        }
    }

    fn check(&self, errors: &mut FieldErrors) {
        if self.address_type.is_empty() {
            errors.required("addressType", "");
        } else {
            let types = ["FQDN", "IPv4", "IPv6"];
            fields::check_choice("addressType", Some(&self.address_type), &types, errors);
        }
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let (now, before) = (&self.address_type, &before.address_type);
        fields::check_immutable("addressType", now, before, errors);
    }
}

impl Admit for ControllerRevision {
    fn check(&self, errors: &mut FieldErrors) {
        if self.data.0.is_null() {
            errors.required("data", "data is mandatory");
        }
        fields::check_not_negative("revision", self.revision, errors);
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        fields::check_immutable("data", &self.data, &before.data, errors);
    }
}

/// Rule: `pkg/apis/coordination/validation/validation.go`, `ValidateLeaseSpec`.
impl Admit for Lease {
    fn check(&self, errors: &mut FieldErrors) {
        let Some(spec) = &self.spec else { return };
        errors.within("spec", |errors| {
            if let Some(seconds) = spec.lease_duration_seconds.filter(|it| *it <= 0) {
                errors.invalid("leaseDurationSeconds", seconds, "must be greater than 0");
            }
            if let Some(number) = spec.lease_transitions.filter(|it| *it < 0) {
                let why = "must be greater than or equal to 0";
                errors.invalid("leaseTransitions", number, why);
            }
        });
    }
}

/// Rule: `pkg/apis/core/validation/validation.go`, `validateNodeTaints`.
impl Admit for Node {
    fn check(&self, errors: &mut FieldErrors) {
        let taints = self
            .spec
            .iter()
            .flat_map(|spec| spec.taints.iter().flatten());
        for (place, taint) in taints.enumerate() {
            errors.within(&format!("metadata.taints[{place}]"), |errors| {
                if !TAINT_EFFECTS.contains(&taint.effect.as_str()) {
                    errors.unsupported("effect", &taint.effect, &TAINT_EFFECTS);
                }
            });
        }
    }
}

const TAINT_EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

impl Admit for Endpoints {}
impl Admit for ServiceAccount {}

impl Admit for ReplicationController {
    fn check(&self, errors: &mut FieldErrors) {
        errors.lacking(|errors| {
            let why = "pocket runs no ReplicationControllers: use a Deployment or a ReplicaSet";
            errors.forbidden("spec", why);
        });
    }
}

impl Admit for Event {
    fn check(&self, errors: &mut FieldErrors) {
        let about = self.involved_object.namespace.as_deref();
        // An Event about an object without a namespace, such as the node, lives in `default`.
        let about = about.unwrap_or("default");
        if self.metadata.namespace.as_deref() != Some(about) {
            let why = "does not match event.namespace";
            errors.invalid("involvedObject.namespace", about, why);
        }
    }
}
