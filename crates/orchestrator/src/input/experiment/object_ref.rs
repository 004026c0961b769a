//! References to objects as kubectl spells them, such as `deploy/web`, without a namespace.

use std::fmt;
use std::str::FromStr;

use rules::names::is_subdomain;

use crate::input::problem::choices;

/// An object by kind and name; a bare name refers to a Pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// The kind.
    pub kind: ObjectKind,
    /// The name.
    pub name: String,
}

/// The kinds an experiment can refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// `pod`
    Pod,
    /// `deploy`
    Deployment,
    /// `rs`
    ReplicaSet,
    /// `sts`
    StatefulSet,
    /// `ds`
    DaemonSet,
    /// `job`
    Job,
    /// `svc`
    Service,
}

impl ObjectKind {
    const ALL: &'static [Self] = &[
        Self::Pod,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::Service,
    ];

    /// The kinds by which an experiment names Pods: the Pod itself, or the workload that made it.
    pub(crate) const OF_PODS: &'static [Self] = &[
        Self::Pod,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
    ];

    /// The value of `kind` in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::Service => "Service",
        }
    }

    /// The short name that [`ObjectRef`] prints before the slash.
    pub fn short(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Deployment => "deploy",
            Self::ReplicaSet => "rs",
            Self::StatefulSet => "sts",
            Self::DaemonSet => "ds",
            Self::Job => "job",
            Self::Service => "svc",
        }
    }

    /// The kind with this name, if objects of it have numbers in their status.
    pub(crate) fn controller(name: &str) -> Option<Self> {
        let mut kinds = Self::ALL.iter().copied();
        kinds.find(|kind| kind.name() == name && !kind.counts().is_empty())
    }

    /// The numbers in the status of a controller: their names in an experiment and their fields.
    pub(crate) fn counts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Deployment => &[
                ("replicas", "replicas"),
                ("updated", "updatedReplicas"),
                ("ready", "readyReplicas"),
                ("available", "availableReplicas"),
            ],
            Self::StatefulSet => &[
                ("replicas", "replicas"),
                ("current", "currentReplicas"),
                ("updated", "updatedReplicas"),
                ("ready", "readyReplicas"),
                ("available", "availableReplicas"),
            ],
            Self::DaemonSet => &[
                ("desired", "desiredNumberScheduled"),
                ("current", "currentNumberScheduled"),
                ("updated", "updatedNumberScheduled"),
                ("ready", "numberReady"),
                ("available", "numberAvailable"),
                ("unavailable", "numberUnavailable"),
                ("misscheduled", "numberMisscheduled"),
            ],
            Self::Pod | Self::ReplicaSet | Self::Job | Self::Service => &[],
        }
    }

    /// Parses a kind as kubectl spells it.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "pod" | "pods" | "po" => Some(Self::Pod),
            "deploy" | "deployment" | "deployments" => Some(Self::Deployment),
            "rs" | "replicaset" | "replicasets" => Some(Self::ReplicaSet),
            "sts" | "statefulset" | "statefulsets" => Some(Self::StatefulSet),
            "ds" | "daemonset" | "daemonsets" => Some(Self::DaemonSet),
            "job" | "jobs" => Some(Self::Job),
            "svc" | "service" | "services" => Some(Self::Service),
            _ => None,
        }
    }
}

/// An error in an object reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObjectRef {
    /// The part before the slash is not a known kind.
    #[error("unknown kind `{word}`; expected {}", kinds(known))]
    Kind {
        /// The part before the slash.
        word: String,
        /// The kinds that the error message lists.
        known: &'static [ObjectKind],
    },
    /// The part before the slash is a kind that does not select Pods.
    #[error("a {} is not a set of Pods; expected {}", kind.name(), kinds(ObjectKind::OF_PODS))]
    NoPods {
        /// The kind.
        kind: ObjectKind,
    },
    /// The name is not a DNS subdomain name.
    #[error(
        "`{0}` is not a name; expected `NAME` or `KIND/NAME` in lower-case letters, digits, `-` and `.`"
    )]
    Name(String),
}

impl ObjectRef {
    /// Parses a reference to a Pod, or to a controller that selects Pods.
    pub fn of_pods(text: &str) -> Result<Self, InvalidObjectRef> {
        let object = Self::among(ObjectKind::OF_PODS, text)?;
        match object.kind {
            kind @ ObjectKind::Service => Err(InvalidObjectRef::NoPods { kind }),
            _ => Ok(object),
        }
    }

    /// Parses `NAME` or `KIND/NAME`; error messages list the `known` kinds.
    fn among(known: &'static [ObjectKind], text: &str) -> Result<Self, InvalidObjectRef> {
        let (kind, name) = match text.split_once('/') {
            Some((word, name)) => {
                let unknown = || InvalidObjectRef::Kind {
                    word: word.into(),
                    known,
                };
                (ObjectKind::parse(word).ok_or_else(unknown)?, name)
            }
            None => (ObjectKind::Pod, text),
        };
        if !is_subdomain(name) {
            return Err(InvalidObjectRef::Name(name.into()));
        }
        Ok(Self {
            kind,
            name: name.into(),
        })
    }
}

impl FromStr for ObjectRef {
    type Err = InvalidObjectRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::among(ObjectKind::ALL, text)
    }
}

/// Lists the kinds for an error message: ``one of `pod`, `deploy` or `rs` ``
fn kinds(known: &[ObjectKind]) -> String {
    let names: Vec<_> = known.iter().map(|kind| kind.short()).collect();
    choices(&names)
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.short(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_kubectl_s_short_names() {
        assert_eq!(
            "deploy/web".parse(),
            Ok(ObjectRef {
                kind: ObjectKind::Deployment,
                name: "web".into()
            })
        );
        assert_eq!(
            "web-abc".parse(),
            Ok(ObjectRef {
                kind: ObjectKind::Pod,
                name: "web-abc".into()
            })
        );
        assert_eq!(
            "Deployment/web".parse::<ObjectRef>().unwrap().to_string(),
            "deploy/web"
        );
    }

    #[test]
    fn what_names_nothing_is_refused() {
        assert_eq!(
            "cj/web".parse::<ObjectRef>(),
            Err(InvalidObjectRef::Kind {
                word: "cj".into(),
                known: ObjectKind::ALL
            })
        );
        for name in [
            "",
            "deploy/",
            "Web",
            "-web",
            "a/b/c",
            "deploy/web ",
            "a..b",
            "a.-b",
        ] {
            assert!(name.parse::<ObjectRef>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn only_kinds_with_pods_are_offered_where_pods_belong() {
        let said = |text: &str| ObjectRef::of_pods(text).map_err(|error| error.to_string());
        for kind in ObjectKind::OF_PODS {
            let text = format!("{}/web", kind.short());
            assert_eq!(said(&text).unwrap().kind, *kind);
        }
        let expected = "expected `pod`, `deploy`, `rs`, `sts`, `ds` or `job`";
        let unknown = format!("unknown kind `cronjob`; {expected}");
        assert_eq!(said("cronjob/web"), Err(unknown));
        let service = format!("a Service is not a set of Pods; {expected}");
        assert_eq!(said("svc/web"), Err(service));
    }
}
