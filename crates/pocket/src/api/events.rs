//! The `events.k8s.io/v1` view of Events: the objects of the core group under other field names.
//!
//! The store holds only the core form.
//!
//! Rule: `pkg/apis/events/v1/conversion.go`.

use std::borrow::Cow;

use serde_json::Value;

use crate::kinds::Kind;
use crate::store::StoredObject;

/// The kind `Event` as the group `events.k8s.io` names it.
pub(super) static VIEW: Kind = Kind::new("events.k8s.io", "Event", "events", &["ev"]);

/// Field names in the core group, and in the view.
const FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// The view, if group and plural are its own.
pub(super) fn view(group: &str, plural: &str) -> Option<&'static Kind> {
    (group == VIEW.group && plural == VIEW.plural).then_some(&VIEW)
}

/// A stored object as JSON in the form of `kind`.
pub(super) fn text<'a>(kind: &Kind, object: &'a StoredObject) -> Cow<'a, str> {
    match kind.group {
        group if group == VIEW.group => present(kind, &object.value()).to_string().into(),
        _ => object.text().into(),
    }
}

/// Converts a stored object to the form of `kind`.
pub(super) fn present(kind: &Kind, object: &Value) -> Value {
    let mut object = object.clone();
    if kind.group == VIEW.group {
        rename(&mut object, "events.k8s.io/v1", FIELDS);
    }
    object
}

/// Converts an object of `kind` to its stored form.
pub(super) fn store(kind: &Kind, mut object: Value) -> Value {
    if kind.group == VIEW.group {
        rename(&mut object, "v1", FIELDS.map(|(core, view)| (view, core)));
    }
    object
}

/// The path in the stored form of a field path of `kind`. Stored paths are accepted too.
///
/// Rule: `pkg/apis/events/v1/conversion.go`, `AddFieldLabelConversionsForEvent`.
pub(super) fn stored_path(kind: &Kind, path: &str) -> String {
    let (first, rest) = path.split_at(path.find('.').unwrap_or(path.len()));
    let mut renamed = FIELDS.iter().filter(|(_, view)| *view == first);
    match renamed.next() {
        Some((core, _)) if kind.group == VIEW.group => format!("{core}{rest}"),
        _ => path.to_owned(),
    }
}

fn rename(object: &mut Value, version: &str, fields: [(&str, &str); 7]) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    object.insert("apiVersion".to_owned(), version.into());
    for (from, to) in fields {
        if let Some(value) = object.remove(from) {
            object.insert(to.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1 as core;

    use super::*;
    use serde_json::json;

    #[test]
    fn the_view_renames_and_back() {
        let stored =
            json!({"apiVersion": "v1", "involvedObject": {"kind": "Pod"}, "message": "hello"});
        let shown = present(&VIEW, &stored);
        let expected = json!({"apiVersion": "events.k8s.io/v1", "regarding": {"kind": "Pod"},
            "note": "hello"});
        assert_eq!(shown, expected);
        assert_eq!(store(&VIEW, shown), stored);
        assert_eq!(present(Kind::of::<core::Event>(), &stored), stored);
    }
}
