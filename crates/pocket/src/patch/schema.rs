//! Which lists are sets of things with an identity, and which maps are one value.
//!
//! Two protocols ask, and they differ: strategic merge knows one key a list, server-side apply may need several.
//! A place is the list of field names on the way to it, without indices.
//!
//! Rule: `patchMergeKey`, `patchStrategy`, `listType`, `listMapKey` and `mapType` in `staging/src/k8s.io/api`.

/// What a list is to a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// One value: replaced as a whole.
    Atomic,
    /// A set of simple values.
    Set,
    /// Items are the same if these fields are; a field left out has its default.
    Keyed(&'static [Key]),
}

/// A field that identifies an item, and its default.
pub(super) type Key = (&'static str, Option<&'static str>);

const NAME: &[Key] = &[("name", None)];
const MOUNT_PATH: &[Key] = &[("mountPath", None)];
const DEVICE_PATH: &[Key] = &[("devicePath", None)];
const IP: &[Key] = &[("ip", None)];
const TYPE: &[Key] = &[("type", None)];
const UID: &[Key] = &[("uid", None)];
const TOPOLOGY: &[Key] = &[("topologyKey", None), ("whenUnsatisfiable", None)];
const CONTAINER_PORT: &[Key] = &[("containerPort", None), ("protocol", Some("TCP"))];
const SERVICE_PORT: &[Key] = &[("port", None), ("protocol", Some("TCP"))];

/// Lists whose items have names.
const NAMED: [&str; 8] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
    "env",
    "imagePullSecrets",
    "schedulingGates",
    "resourceClaims",
];

/// What the list at `place` is to server-side apply.
pub(super) fn list(place: &[&str]) -> List {
    match place {
        ["metadata", "finalizers"] => List::Set,
        ["metadata", "ownerReferences"] => List::Keyed(UID),
        [
            ..,
            "containers" | "initContainers" | "ephemeralContainers",
            "ports",
        ] => List::Keyed(CONTAINER_PORT),
        ["spec", "ports"] => List::Keyed(SERVICE_PORT),
        ["status", "conditions"] => List::Keyed(TYPE),
        ["status", "podIPs" | "hostIPs"] | [.., "hostAliases"] => List::Keyed(IP),
        [.., last] if NAMED.contains(last) => List::Keyed(NAME),
        [.., "volumeMounts"] => List::Keyed(MOUNT_PATH),
        [.., "volumeDevices"] => List::Keyed(DEVICE_PATH),
        [.., "topologySpreadConstraints"] => List::Keyed(TOPOLOGY),
        _ => List::Atomic,
    }
}

/// The one field by which strategic merge tells the items at `place` apart.
pub(super) fn merge_key(place: &[&str]) -> Option<&'static str> {
    match list(place) {
        List::Keyed([(key, _), ..]) => Some(key),
        List::Keyed([]) | List::Atomic | List::Set => None,
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
