//! Label selectors and field selectors of lists and watches.
//!
//! Rule: `k8s.io/apimachinery/pkg/fields`; the labels of a kind's fields: `selectable_fields.rs`.

use std::collections::BTreeMap;

use rules::selector::Selector;
use serde_json::Value;

use super::query::Query;
use super::selectable_fields::selectable;
use crate::api_status::ApiError;
use crate::kinds::Kind;
use crate::store::StoredObject;

/// The conditions that a shown object meets.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// `None` or empty: all namespaces.
    namespace: Option<String>,
    labels: Selector,
    fields: Vec<FieldTerm>,
}

/// One comparison of a field selector.
#[derive(Clone, Debug)]
struct FieldTerm {
    /// A JSON pointer.
    pointer: String,
    value: String,
    equal: bool,
    /// Whether the field is true or false, and false if absent.
    is_switch: bool,
}

/// The fields that are true or false.
const SWITCHES: [&str; 2] = ["spec.hostNetwork", "spec.unschedulable"];

impl Selection {
    /// The selection of a request for objects of `kind` within `namespace`.
    pub(super) fn parse(
        kind: &Kind,
        namespace: Option<&str>,
        query: &Query,
    ) -> Result<Self, ApiError> {
        let labels = query.label_selector.parse().map_err(|error| {
            ApiError::bad_request(format!("unable to parse label selector: {error}"))
        })?;
        let terms = query
            .field_selector
            .split(',')
            .filter(|term| !term.is_empty());
        let fields = terms
            .map(|term| FieldTerm::parse(kind, term))
            .collect::<Result<_, _>>()?;
        let namespace = namespace
            .filter(|namespace| !namespace.is_empty())
            .map(str::to_owned);
        Ok(Self {
            namespace,
            labels,
            fields,
        })
    }

    /// Whether the object meets all conditions.
    pub(super) fn matches(&self, object: &StoredObject) -> bool {
        let is_in = |namespace: &String| object.namespace() == namespace;
        // Only field selectors need the whole object parsed.
        self.namespace.as_ref().is_none_or(is_in)
            && (self.labels.is_empty() || self.labels.matches(&labels(&object.metadata())))
            && (self.fields.is_empty() || self.matches_fields(&object.value()))
    }

    fn matches_fields(&self, object: &Value) -> bool {
        self.fields.iter().all(|term| term.matches(object))
    }
}

impl FieldTerm {
    fn parse(kind: &Kind, term: &str) -> Result<Self, ApiError> {
        // `!=` contains `=`, so it is tried first, and `==` before `=`.
        let unequal = term
            .split_once("!=")
            .map(|(path, value)| (path, value, false));
        let equal = || term.split_once("==").or_else(|| term.split_once('='));
        let Some((path, value, equal)) =
            unequal.or_else(|| equal().map(|(path, value)| (path, value, true)))
        else {
            return Err(ApiError::bad_request(format!(
                "invalid selector: '{term}'; can't understand '{term}'"
            )));
        };
        let stored = selectable(kind, path).map_err(ApiError::bad_request)?;
        Ok(Self {
            pointer: format!("/{}", stored.replace('.', "/")),
            is_switch: SWITCHES.contains(&path),
            value: value.to_owned(),
            equal,
        })
    }

    fn matches(&self, object: &Value) -> bool {
        let found = match object.pointer(&self.pointer) {
            None | Some(Value::Null) if self.is_switch => "false".to_owned(),
            // An absent field is the empty text, as in Go.
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        (found == self.value) == self.equal
    }
}

fn labels(metadata: &Value) -> BTreeMap<String, String> {
    let labels = metadata["labels"].as_object().into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::events;
    use serde_json::json;

    fn pods() -> &'static Kind {
        Kind::find("", "pods").unwrap()
    }

    fn query(labels: &str, fields: &str) -> Query {
        Query {
            label_selector: labels.to_owned(),
            field_selector: fields.to_owned(),
            ..Query::default()
        }
    }

    #[test]
    fn labels_fields_and_namespace_must_all_match() {
        let pod = json!({
            "metadata": {"name": "a", "namespace": "default", "labels": {"app": "web"}},
            "spec": {"nodeName": "pocket"},
        });
        let pod = StoredObject::new(&pod);
        let check = |labels: &str, fields: &str, expected: bool| {
            let selection =
                Selection::parse(pods(), Some("default"), &query(labels, fields)).unwrap();
            assert_eq!(selection.matches(&pod), expected, "{labels} {fields}");
        };
        check("", "", true);
        check("app=web", "metadata.name=a", true);
        check("app in (api)", "", false);
        check("", "metadata.name==b", false);
        check("", "spec.nodeName!=,metadata.namespace=default", true);
        check("", "status.phase=Running", false);
        assert!(
            !Selection::parse(pods(), Some("other"), &query("", ""))
                .unwrap()
                .matches(&pod)
        );
    }

    #[test]
    fn malformed_selectors_are_bad_requests() {
        let check = |labels, fields| {
            assert_eq!(
                Selection::parse(pods(), None, &query(labels, fields))
                    .unwrap_err()
                    .code,
                400
            );
        };
        check("app in", "");
        check("", "metadata.name");
        check("", "spec.priority=1");
    }

    #[test]
    fn a_switch_that_is_absent_is_off() {
        let pod = StoredObject::new(&json!({"metadata": {"name": "a"}, "spec": {}}));
        let check = |fields, expected| {
            let selection = Selection::parse(pods(), None, &query("", fields)).unwrap();
            assert_eq!(selection.matches(&pod), expected, "{fields}");
        };
        check("spec.hostNetwork=false", true);
        check("spec.hostNetwork=true", false);
        check("spec.nodeName=", true);
    }

    #[test]
    fn events_are_selected_by_the_names_of_their_group() {
        let event = json!({"involvedObject": {"kind": "Pod"}, "reason": "Killing"});
        let event = StoredObject::new(&event);
        let check = |group: &str, fields: &str, expected: bool| {
            let kind = match group {
                "" => Kind::find("", "events").unwrap(),
                group => events::view(group, "events").unwrap(),
            };
            let selection = Selection::parse(kind, None, &query("", fields)).unwrap();
            assert_eq!(selection.matches(&event), expected, "{group} {fields}");
        };
        check("events.k8s.io", "regarding.kind=Pod,reason=Killing", true);
        check("events.k8s.io", "regarding.kind=Node", false);
        check("", "involvedObject.kind=Pod", true);
    }
}
