//! Which lists strategic merge merges by item, and which maps are atomic.
//!
//! The lists of server-side apply are in [`rules::list_type`]. A place is the list of field names
//! on a path, without indices.
//!
//! Rule: `patchMergeKey`, `patchStrategy` and `mapType` in `staging/src/k8s.io/api`.

pub(super) use rules::list_type::{List, list};

/// The field by which strategic merge identifies the items at `place`.
pub(super) fn merge_key(place: &[&str]) -> Option<&'static str> {
    match (place, list(place)) {
        // Merged by strategic merge only: for server-side apply this list is atomic.
        (["status", "hostIPs"], _) => Some("ip"),
        // `claims` has a key for server-side apply only.
        (_, List::Keyed([key, ..])) if !place.ends_with(&["resources", "claims"]) => Some(key.name),
        _ => None,
    }
}

/// Whether strategic merge unites the simple values at `place` as a set.
pub(super) fn is_set(place: &[&str]) -> bool {
    list(place) == List::Set
}

/// Whether the map at `place` is atomic: one manager owns it as a whole.
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

/// Whether the map at `place` has user-defined keys, which are independent of one another.
pub(super) fn is_free_map(place: &[&str]) -> bool {
    matches!(
        place,
        [
            ..,
            "labels" | "annotations" | "data" | "stringData" | "limits" | "requests"
        ]
    )
}
