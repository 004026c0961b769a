//! The keys that identify the items of each list of Kubernetes' own kinds.
//!
//! A place is the list of field names on the path to a list, without indices. The merge keys of
//! strategic merge are not here.
//!
//! Rule: `listType` and `listMapKey` in `staging/src/k8s.io/api`, with the defaults in
//! `client-go/applyconfigurations/internal/internal.go`.

/// How server-side apply treats a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Atomic: replaced as a whole.
    Atomic,
    /// A set of simple values.
    Set,
    /// Items with equal values in these fields are the same item.
    Keyed(&'static [Key]),
}

/// A field that identifies an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The field's name.
    pub name: &'static str,
    /// The value of an absent field, as JSON; `None` if an item without the field has no identity.
    pub default: Option<&'static str>,
}

const fn key(name: &'static str, default: &'static str) -> Key {
    Key {
        name,
        default: Some(default),
    }
}

const NAME: &[Key] = &[key("name", "\"\"")];
const SECRET: &[Key] = &[Key {
    name: "name",
    default: None,
}];
const MOUNT_PATH: &[Key] = &[key("mountPath", "\"\"")];
const DEVICE_PATH: &[Key] = &[key("devicePath", "\"\"")];
const IP: &[Key] = &[key("ip", "\"\"")];
const TYPE: &[Key] = &[key("type", "\"\"")];
const UID: &[Key] = &[key("uid", "\"\"")];
const TOPOLOGY: &[Key] = &[key("topologyKey", "\"\""), key("whenUnsatisfiable", "\"\"")];
const CONTAINER_PORT: &[Key] = &[key("containerPort", "0"), key("protocol", "\"TCP\"")];
const SERVICE_PORT: &[Key] = &[key("port", "0"), key("protocol", "\"TCP\"")];

/// Lists in a Pod's spec and in its containers whose items are identified by `name`.
const NAMED: [&str; 7] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
    "env",
    "schedulingGates",
    "resourceClaims",
];

/// How server-side apply treats the list at `place`.
pub fn list(place: &[&str]) -> List {
    match place {
        [.., "metadata", "finalizers"]
        | ["spec", "podCIDRs"]
        | [.., "restartPolicyRules", "exitCodes", "values"] => List::Set,
        [.., "metadata", "ownerReferences"] => List::Keyed(UID),
        [
            ..,
            "containers" | "initContainers" | "ephemeralContainers",
            "ports",
        ] => List::Keyed(CONTAINER_PORT),
        // Those of a Service. The ports of an endpoint slice are at the top and atomic.
        ["spec", "ports"] => List::Keyed(SERVICE_PORT),
        ["status", "conditions" | "addresses"] => List::Keyed(TYPE),
        ["status", "podIPs"] | [.., "hostAliases"] => List::Keyed(IP),
        ["secrets"] => List::Keyed(SECRET),
        // The list of the same name at the top of a ServiceAccount is atomic, hence `spec`.
        [.., "spec", "imagePullSecrets"] | [.., "resources", "claims"] => List::Keyed(NAME),
        [.., last] if NAMED.contains(last) => List::Keyed(NAME),
        [.., "volumeMounts"] => List::Keyed(MOUNT_PATH),
        [.., "volumeDevices"] => List::Keyed(DEVICE_PATH),
        [.., "topologySpreadConstraints"] => List::Keyed(TOPOLOGY),
        _ => List::Atomic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_their_keys() {
        let check = |place: &str, expected: &[&str]| {
            let place: Vec<&str> = place.split('.').collect();
            let keys = match list(&place) {
                List::Atomic => vec![],
                List::Set => vec!["="],
                List::Keyed(keys) => keys.iter().map(|key| key.name).collect(),
            };
            assert_eq!(keys, expected, "{place:?}");
        };
        let template = "spec.template.spec.containers";
        check(template, &["name"]);
        check(&format!("{template}.ports"), &["containerPort", "protocol"]);
        check(&format!("{template}.args"), &[]);
        check(&format!("{template}.envFrom"), &[]);
        check("spec.template.metadata.finalizers", &["="]);
        check(
            &format!("{template}.restartPolicyRules.exitCodes.values"),
            &["="],
        );
        check("spec.ports", &["port", "protocol"]);
        // An endpoint slice's.
        check("ports", &[]);
        check("spec.imagePullSecrets", &["name"]);
        // A service account's.
        check("imagePullSecrets", &[]);
        check("secrets", &["name"]);
        check("spec.tolerations", &[]);
        check("spec.readinessGates", &[]);
    }
}
