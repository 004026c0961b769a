//! Checks that the subjects of conditions exist in the workload.

use k8s_openapi::api::core::v1::Pod;

use super::Checker;
use super::manifest_index::ManifestIndex;
use crate::input::experiment::{Condition, ObjectRef, Spanned};
use crate::input::problem::ProblemText;
use crate::targets::containers;

/// Reports every subject that does not exist.
pub(super) fn check(checker: &mut Checker<'_>, known: &ManifestIndex, condition: &Condition) {
    match condition {
        Condition::Pod { pod, .. } => {
            self::pod(checker, known, pod);
        }
        Condition::Container { pod, container, .. } => {
            if let Some(pod) = self::pod(checker, known, pod) {
                self::container(checker, pod, container);
            }
        }
        Condition::Endpoints { services, .. } => {
            for service in services {
                if !known.services.contains_key(&service.value) {
                    checker.unknown(
                        service.span,
                        "Service",
                        service,
                        known.services.keys().map(String::as_str),
                    );
                }
            }
        }
        Condition::Controller { kind, name, .. } => {
            if !known.controllers(*kind).any(|known| known == name.value) {
                checker.unknown(name.span, kind.name(), name, known.controllers(*kind));
            }
        }
        Condition::Event { of, .. } => {
            if !known.references().any(|known| known == of.value) {
                let names: Vec<String> =
                    known.references().map(|known| known.to_string()).collect();
                let fault = ProblemText::new(format!("the workload has no `{}`", of.value));
                let names = names.iter().map(String::as_str);
                checker.fault(of.span, fault.one_of(&of.to_string(), names));
            }
        }
        // `input::load` has already checked that the clients exist.
        Condition::Traffic { .. } => {}
    }
}

/// The Pod or Pod template that a reference refers to. Reports an unknown one.
pub(super) fn pod<'k>(
    checker: &mut Checker<'_>,
    known: &'k ManifestIndex,
    reference: &Spanned<ObjectRef>,
) -> Option<&'k Pod> {
    let pod = known.pods.get(&reference.value);
    if pod.is_none() {
        let names: Vec<String> = known.pods.keys().map(ToString::to_string).collect();
        let word = reference.to_string();
        checker.unknown(
            reference.span,
            reference.kind.name(),
            &word,
            names.iter().map(String::as_str),
        );
    }
    pod
}

/// Whether the Pod has this container. Reports an unknown one.
pub(super) fn container(checker: &mut Checker<'_>, pod: &Pod, name: &Spanned<String>) -> bool {
    let names = || containers(pod).map(|container| container.name.as_str());
    let exists = names().any(|known| known == name.value);
    if !exists {
        checker.unknown(name.span, "container", name, names());
    }
    exists
}
