//! Which lists strategic merge takes apart, and which maps are one value. Lists of server-side apply are in
//! [`rules::list_type`].
//!
//! A place is the list of field names on the way to it, without indices.
//!
//! Rule: `patchMergeKey`, `patchStrategy` and `mapType` in `staging/src/k8s.io/api`.

pub(super) use rules::list_type::{Key, List, list};

/// The one field by which strategic merge tells the items at `place` apart.
pub(super) fn merge_key(place: &[&str]) -> Option<&'static str> {
    match (place, list(place)) {
        (["status", "hostIPs"], _) => Some("ip"),
        (_, List::Keyed([key, ..])) if !place.ends_with(&["resources", "claims"]) => Some(key.name),
        _ => None,
    }
}

/// Whether strategic merge unites the simple values at `place`.
pub(super) fn is_set(place: &[&str]) -> bool {
    list(place) == List::Set
}

/// Maps that belong to one manager as a whole.
pub(super) fn is_atomic_map(place: &[&str]) -> bool {
    let references = [
        "fieldRef",
        "resourceFieldRef",
        "configMapKeyRef",
        "secretKeyRef",
        "nodeSelector",
        "involvedObject",
    ];
    match place {
        [.., "selector" | "labelSelector"] => true,
        [.., last] => references.contains(last),
        [] => false,
    }
}

/// Maps with keys of the user's choice, where one key says nothing about its neighbours.
pub(super) fn is_free_map(place: &[&str]) -> bool {
    matches!(
        place,
        [
            ..,
            "labels" | "annotations" | "data" | "stringData" | "limits" | "requests"
        ]
    )
}
