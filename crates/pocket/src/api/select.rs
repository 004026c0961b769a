//! Label selectors and field selectors of lists and watches.
//!
//! Rule: `k8s.io/apimachinery/pkg/fields`; the labels of a kind's fields: `selectable_fields.rs`.

use std::collections::BTreeMap;

use rules::selector::{ParseError, Selector};
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
        let labels = query.label_selector.parse();
        let labels =
            labels.map_err(|error: ParseError| ApiError::bad_request(error.to_string()))?;
        let fields = field_terms(kind, &query.field_selector).map_err(ApiError::bad_request)?;
        let namespace = namespace
            .filter(|namespace| !namespace.is_empty())
            .map(str::to_owned);
        Ok(Self {
            namespace,
            labels,
            fields,
        })
    }

    /// Whether there is no condition but the namespace.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
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

/// Rule: `k8s.io/apimachinery/pkg/fields/selector.go`, `parseSelector`: terms are read in
/// alphabetical order.
fn field_terms(kind: &Kind, selector: &str) -> Result<Vec<FieldTerm>, String> {
    let mut parts = split_terms(selector);
    parts.sort_unstable();
    let mut terms = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let unknown = || format!("invalid selector: '{selector}'; can't understand '{part}'");
        let (path, equal, value) = split_term(part).ok_or_else(unknown)?;
        let value = unescape(value)?;
        // A term that compares nothing with nothing always holds.
        if path.is_empty() && value.is_empty() && equal {
            continue;
        }
        let stored = selectable(kind, path)?;
        terms.push(FieldTerm {
            pointer: format!("/{}", stored.replace('.', "/")),
            is_switch: SWITCHES.contains(&path),
            value,
            equal,
        });
    }
    Ok(terms)
}

/// The terms between commas; a comma after a backslash is part of a term.
fn split_terms(selector: &str) -> Vec<&str> {
    let (mut terms, mut start, mut is_escaped) = (Vec::new(), 0, false);
    for (place, sign) in selector.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if sign == '\\' {
            is_escaped = true;
        } else if sign == ',' {
            terms.push(&selector[start..place]);
            start = place + 1;
        }
    }
    terms.push(&selector[start..]);
    terms
}

/// Field, whether the values must be equal, and value, by the first operator.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    let place = term.find(['!', '=']).filter(|place| {
        let rest = &term[*place..];
        rest.starts_with('=') || rest.starts_with("!=")
    })?;
    let (path, rest) = term.split_at(place);
    let operators = [("!=", false), ("==", true), ("=", true)];
    let mut operators = operators.into_iter();
    operators.find_map(|(operator, equal)| {
        let value = rest.strip_prefix(operator)?;
        Some((path, equal, value))
    })
}

fn unescape(value: &str) -> Result<String, String> {
    let mut result = String::new();
    let mut signs = value.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next() {
                Some(sign @ ('\\' | ',' | '=')) => result.push(sign),
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!(
                        "invalid field selector: invalid escape sequence: \\{other}"
                    ));
                }
            },
            ',' | '=' => {
                let number = u32::from(sign);
                return Err(format!(
                    "invalid field selector: unescaped character in value: {number}"
                ));
            }
            sign => result.push(sign),
        }
    }
    Ok(result)
}

impl FieldTerm {
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
