//! The fields by which objects of a kind can be selected, as an API server lists them.
//!
//! Rule: `pkg/apis/core/v1/conversion.go`, `pkg/apis/events/v1/conversion.go`,
//! `pkg/apis/batch/v1/conversion.go`, `k8s.io/apimachinery/pkg/runtime/conversion.go`.

use super::events;
use crate::kinds::Kind;

/// The fields of every kind.
const METADATA: [&str; 2] = ["metadata.name", "metadata.namespace"];

/// The path of a selected field in a stored object, or why the kind cannot be selected by it.
pub(super) fn selectable(kind: &Kind, field: &str) -> Result<String, String> {
    let own = own_fields(kind);
    if METADATA.contains(&field) || own.is_some_and(|own| own.contains(&field)) {
        return Ok(match (kind.name, field) {
            ("Event", "source") => "source.component".to_owned(),
            ("Job", "status.successful") => "status.succeeded".to_owned(),
            _ => events::stored_path(kind, field),
        });
    }
    Err(match own {
        Some(_) => format!("field label not supported: {field}"),
        None => format!(
            "{field:?} is not a known field selector: only \"metadata.name\", \
             \"metadata.namespace\""
        ),
    })
}

/// The fields of a kind beside its name; `None` if it has no list of its own.
fn own_fields(kind: &Kind) -> Option<&'static [&'static str]> {
    Some(match (kind.group, kind.name) {
        ("", "Event") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "Namespace") => &["status.phase"],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Pod") => &[
            "spec.hostNetwork",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.nominatedNodeName",
            "status.phase",
            "status.podIP",
            "status.podIPs",
        ],
        ("", "Secret") => &["type"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("batch", "Job") => &["status.successful"],
        ("events.k8s.io", "Event") => &[
            "reason",
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reportingController",
            "type",
        ],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_fields_are_refused_in_the_words_of_a_node() {
        let check = |group, plural, field, expected: Result<&str, &str>| {
            let kind = events::view(group, plural)
                .or_else(|| Kind::find(group, plural))
                .unwrap();
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(selectable(kind, field), expected, "{plural} {field}");
        };
        check("", "pods", "spec.nodeName", Ok("spec.nodeName"));
        check(
            "",
            "pods",
            "spec.priority",
            Err("field label not supported: spec.priority"),
        );
        check("", "services", "metadata.name", Ok("metadata.name"));
        check("", "events", "source", Ok("source.component"));
        check(
            "events.k8s.io",
            "events",
            "regarding.name",
            Ok("involvedObject.name"),
        );
        check(
            "events.k8s.io",
            "events",
            "note",
            Err("field label not supported: note"),
        );
        check("batch", "jobs", "status.successful", Ok("status.succeeded"));
        let unknown = "\"status.replicas\" is not a known field selector: only \"metadata.name\", \
                       \"metadata.namespace\"";
        check("apps", "deployments", "status.replicas", Err(unknown));
    }
}
