//! Manifests in, references or one clear message out.

use super::*;

fn references(text: &str) -> Vec<String> {
    parse(text, "w.yaml")
        .unwrap()
        .iter()
        .map(Manifest::reference)
        .collect()
}

fn refused(text: &str) -> String {
    parse(text, "w.yaml").unwrap_err().to_string()
}

#[test]
fn documents_lists_and_empty_documents() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: web }
---
---
apiVersion: v1
kind: List
items:
  - { apiVersion: apps/v1, kind: Deployment, metadata: { name: web } }
";
    assert_eq!(references(text), ["service/web", "deployment/web"]);
}

#[test]
fn kinds_are_served_under_their_group() {
    let text = "{ apiVersion: apps/v1, kind: Deployment, metadata: { name: web } }";
    let manifest = parse(text, "w.yaml").unwrap().remove(0);
    assert_eq!(manifest.resource.plural, "deployments");
    assert_eq!(manifest.resource.api_version, "apps/v1");
}

#[test]
fn what_is_not_an_object_is_said() {
    assert!(refused("hello").contains("`apiVersion` or `kind` is missing"));
    assert!(
        refused("{ apiVersion: v1, kind: Pod, metadata: {} }").contains("without `metadata.name`")
    );
    assert!(
        refused("{ apiVersion: v1, kind: Namespace, metadata: { name: x } }")
            .contains("whole cluster")
    );
    assert!(
        refused("{ apiVersion: probeflip.dev/v1alpha1, kind: Experiment }")
            .contains("an experiment")
    );
    assert!(refused("a: [").contains("not valid YAML"));
}

#[test]
fn a_foreign_namespace_is_refused_before_anything_is_written() {
    let text = "{ apiVersion: v1, kind: Pod, metadata: { name: p, namespace: other } }";
    let manifests = parse(text, "w.yaml").unwrap();
    assert!(check_namespace(&manifests, Some("other")).is_ok());
    for given in [None, Some("mine")] {
        let message = check_namespace(&manifests, given).unwrap_err().to_string();
        assert_eq!(
            message,
            "w.yaml: pod/p names the namespace `other`; leave it out, or say `-n other`"
        );
    }
}
