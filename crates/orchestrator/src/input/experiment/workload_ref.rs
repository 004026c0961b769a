//! References to objects of the workload of any kind: `configmap/settings`.

use std::fmt;
use std::str::FromStr;

use rules::names::is_subdomain;

use super::object_ref::ObjectKind;

/// An object by kind and name; a bare name refers to a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadRef {
    /// kubectl's short name of the kind if it has one, else the kind in lower case.
    kind: String,
    /// The name.
    pub name: String,
}

/// An error in a reference of any kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an object; expected `NAME` or `KIND/NAME`, the name in lower-case letters, \
     digits, `-` and `.`"
)]
pub struct InvalidWorkloadRef(String);

/// Kinds and their short names, by `kubectl api-resources`.
const SHORT_NAMES: [(&str, &str); 14] = [
    ("configmap", "cm"),
    ("cronjob", "cj"),
    ("daemonset", "ds"),
    ("deployment", "deploy"),
    ("horizontalpodautoscaler", "hpa"),
    ("ingress", "ing"),
    ("networkpolicy", "netpol"),
    ("persistentvolumeclaim", "pvc"),
    ("pod", "po"),
    ("poddisruptionbudget", "pdb"),
    ("replicaset", "rs"),
    ("service", "svc"),
    ("serviceaccount", "sa"),
    ("statefulset", "sts"),
];

impl WorkloadRef {
    /// Whether it refers to an object of this kind, as its manifest names it.
    pub fn is_kind(&self, kind: &str) -> bool {
        canonical(kind) == self.kind
    }

    /// Whether it refers to the object of this kind and name.
    pub fn is(&self, kind: &str, name: &str) -> bool {
        self.is_kind(kind) && self.name == name
    }

    /// A reference to the object of this kind and name.
    pub(crate) fn to(kind: &str, name: &str) -> Self {
        Self {
            kind: canonical(kind),
            name: name.to_owned(),
        }
    }
}

/// The kind as [`WorkloadRef`] prints it: `deploy` for `Deployment`, `deployments` and `deploy`.
fn canonical(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    let named = SHORT_NAMES
        .iter()
        .find(|(long, short)| kind == *short || kind == *long || kind == plural(long));
    match named {
        // As in other references.
        Some(("pod", _)) => ObjectKind::Pod.short().to_owned(),
        Some((_, short)) => (*short).to_owned(),
        None => kind,
    }
}

fn plural(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}

impl FromStr for WorkloadRef {
    type Err = InvalidWorkloadRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once('/').unwrap_or(("pod", text));
        let is_kind = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_kind || !is_subdomain(name) {
            return Err(InvalidWorkloadRef(text.to_owned()));
        }
        Ok(Self::to(kind, name))
    }
}

impl fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: &str, printed: &str) {
        let object: WorkloadRef = text.parse().unwrap();
        assert!(object.is(kind, "web"), "{text}");
        assert!(!object.is("Service", "web") && !object.is(kind, "api"));
        assert_eq!(object.to_string(), printed);
    }

    #[test]
    fn kinds_have_the_names_that_kubectl_accepts() {
        check("web", "Pod", "pod/web");
        check("deployments/web", "Deployment", "deploy/web");
        check("hpa/web", "HorizontalPodAutoscaler", "hpa/web");
        check("ingresses/web", "Ingress", "ing/web");
        check("networkpolicies/web", "NetworkPolicy", "netpol/web");
        check("ConfigMap/web", "ConfigMap", "cm/web");
        check("Certificate/web", "Certificate", "certificate/web");
        for wrong in ["", "/web", "cm/", "c m/web", "cm/Web", "a/b/c"] {
            assert!(wrong.parse::<WorkloadRef>().is_err(), "{wrong:?}");
        }
    }
}
