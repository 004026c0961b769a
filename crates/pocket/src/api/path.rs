//! Parses resource paths such as `/api/v1/namespaces/web/pods/a/status`.

use crate::kinds::Kind;

/// The resource that a request path names.
#[derive(Clone, Debug)]
pub(super) struct ResourcePath {
    pub(super) kind: &'static Kind,
    /// Empty for cluster-scoped kinds; `None` for a collection across all namespaces.
    pub(super) namespace: Option<String>,
    /// The name of an object; `None` for a collection.
    pub(super) name: Option<String>,
    pub(super) part: Subresource,
}

impl ResourcePath {
    /// Whether the path is a collection that can be deleted: within one namespace, and not the
    /// namespaces themselves.
    pub(super) fn is_deletable_collection(&self) -> bool {
        // Upstream serves only GET across all namespaces, and a Namespace's storage deletes single
        // objects only: `apiserver/pkg/endpoints/installer.go`, `registerResourceHandlers`.
        self.name.is_none() && self.namespace.is_some() && self.kind.name != "Namespace"
    }
}

/// The part of an object that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subresource {
    /// The object itself.
    Whole,
    Status,
    Scale,
    Log,
    Exec,
    Eviction,
    PortForward,
    /// The subresource by which a namespace controller finalizes a namespace.
    Finalize,
}

impl ResourcePath {
    /// Parses the part of a path after `/api/v1/` or `/apis/GROUP/v1/`.
    pub(super) fn parse(group: &str, rest: &str) -> Option<Self> {
        let segments: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        match segments.as_slice() {
            // A namespace is an object too: these are its subresources, not kinds within it.
            ["namespaces", _, "status" | "finalize"] => cluster(group, &segments),
            ["namespaces", namespace, plural, path @ ..] => {
                let kind = find(group, plural).filter(|kind| kind.namespaced)?;
                within(kind, Some(namespace), path)
            }
            [plural] if find(group, plural)?.namespaced => within(find(group, plural)?, None, &[]),
            _ => cluster(group, &segments),
        }
    }

    /// The name of the object; empty for a collection.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The namespace of the object; empty if there is none.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

fn cluster(group: &str, segments: &[&str]) -> Option<ResourcePath> {
    let (plural, path) = segments.split_first()?;
    let kind = find(group, plural).filter(|kind| !kind.namespaced)?;
    within(kind, Some(""), path)
}

fn within(kind: &'static Kind, namespace: Option<&str>, path: &[&str]) -> Option<ResourcePath> {
    let (name, part) = match path {
        [] => (None, Subresource::Whole),
        [name] => (Some(*name), Subresource::Whole),
        [name, part] => (Some(*name), subresource(kind, part)?),
        _ => return None,
    };
    let namespace = namespace.map(str::to_owned);
    Some(ResourcePath {
        kind,
        namespace,
        name: name.map(str::to_owned),
        part,
    })
}

fn find(group: &str, plural: &str) -> Option<&'static Kind> {
    super::events::view(group, plural).or_else(|| Kind::find(group, plural))
}

fn subresource(kind: &Kind, part: &str) -> Option<Subresource> {
    match part {
        "status" if kind.has_status => Some(Subresource::Status),
        "scale" if kind.has_scale => Some(Subresource::Scale),
        "log" if kind.name == "Pod" => Some(Subresource::Log),
        "exec" if kind.name == "Pod" => Some(Subresource::Exec),
        "eviction" if kind.name == "Pod" => Some(Subresource::Eviction),
        "portforward" if kind.name == "Pod" => Some(Subresource::PortForward),
        "finalize" if kind.name == "Namespace" => Some(Subresource::Finalize),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_objects_collections_and_parts() {
        type Named<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Subresource);
        let check = |group, rest, expected: Option<Named<'_>>| {
            let target = ResourcePath::parse(group, rest);
            let found = target.as_ref().map(|target| {
                let ResourcePath {
                    kind,
                    namespace,
                    name,
                    part,
                } = target;
                (kind.name, namespace.as_deref(), name.as_deref(), *part)
            });
            assert_eq!(found, expected, "{group} {rest}");
        };
        let whole = Subresource::Whole;
        check("", "pods", Some(("Pod", None, None, whole)));
        check(
            "",
            "namespaces/web/pods",
            Some(("Pod", Some("web"), None, whole)),
        );
        check(
            "",
            "namespaces/web/pods/a",
            Some(("Pod", Some("web"), Some("a"), whole)),
        );
        let status = Some(("Pod", Some("web"), Some("a"), Subresource::Status));
        check("", "namespaces/web/pods/a/status", status);
        check("", "namespaces", Some(("Namespace", Some(""), None, whole)));
        check(
            "",
            "namespaces/web",
            Some(("Namespace", Some(""), Some("web"), whole)),
        );
        let finalize = Some(("Namespace", Some(""), Some("web"), Subresource::Finalize));
        check("", "namespaces/web/finalize", finalize);
        check(
            "",
            "nodes/pocket",
            Some(("Node", Some(""), Some("pocket"), whole)),
        );
        let scale = Some(("Deployment", Some("web"), Some("a"), Subresource::Scale));
        check("apps", "namespaces/web/deployments/a/scale", scale);
        check("", "pods/a", None);
        check("", "namespaces/web/nodes", None);
        let log = Some(("Pod", Some("web"), Some("a"), Subresource::Log));
        check("", "namespaces/web/pods/a/log", log);
        check("", "namespaces/web/services/a/log", None);
        check("apps", "namespaces/web/pods", None);
    }
}
