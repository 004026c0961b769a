//! Manifests in, references or one clear message out.

use crate::input::source::Source;

use super::*;

fn read(text: &str, namespace: Option<&str>) -> Result<Vec<Manifest>, Problems> {
    let source = Source {
        path: "w.yaml".into(),
        text: text.into(),
    };
    objects(&load::load(&source).unwrap().manifests, namespace)
}

#[test]
fn kinds_are_served_under_their_group() {
    let text = "{ apiVersion: apps/v1, kind: Deployment, metadata: { name: web } }";
    let manifest = read(text, None).unwrap().remove(0);
    assert_eq!(manifest.reference(), "deployment/web");
    assert_eq!(manifest.resource.plural, "deployments");
    assert_eq!(manifest.resource.api_version, "apps/v1");
}

#[test]
fn a_foreign_namespace_is_refused_before_anything_is_written() {
    let text = "{ apiVersion: v1, kind: Pod, metadata: { name: p, namespace: other } }";
    assert!(read(text, Some("other")).is_ok());
    for given in [None, Some("mine")] {
        let message = read(text, given).unwrap_err().to_string();
        assert!(
            message.starts_with(
                "w.yaml:1:15: Pod `p` names the namespace `other`; \
                 expected no namespace, or `-n other` on the command line"
            ),
            "{message}"
        );
    }
}

#[test]
fn what_belongs_to_the_whole_cluster_is_no_workload() {
    let text = "{ apiVersion: v1, kind: Namespace, metadata: { name: team } }";
    let message = read(text, Some("team")).unwrap_err().to_string();
    assert!(
        message.contains("a Namespace belongs to the whole cluster"),
        "{message}"
    );
}

#[test]
fn a_broken_manifest_is_pointed_at() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("w.yaml");
    std::fs::write(&file, "kind: Service\nspec:\n  ports: [80\n").unwrap();
    let message = of_path(&file).unwrap_err().error.to_string();
    assert!(
        message.contains("w.yaml:3:10: unclosed bracket '['"),
        "{message}"
    );
}

/// One message a duplicate: the place of the second item.
fn check_duplicates(text: &str, expected: &[&str]) {
    let found = read(text, None).map_or_else(Problems::into_vec, |_| Vec::new());
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let expected: Vec<String> = expected
        .iter()
        .map(|text| format!("w.yaml:{text}; expected each key once"))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn what_is_twice_in_a_keyed_list_is_refused_before_anything_is_written() {
    let text = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    spec:
      containers:
        - name: c
          ports:
            - { name: http, containerPort: 8080 }
            - { name: admin, containerPort: 8080, protocol: TCP }
            - { name: quic, containerPort: 8080, protocol: UDP }
          env: [{ name: A, value: x }, { name: B }, { name: A, value: y }]
      tolerations: [{ key: a }, { key: a }]
";
    check_duplicates(
        text,
        &[
            "11:15: .spec.template.spec.containers[name=\"c\"].ports: \
             duplicate entries for key [containerPort=8080,protocol=\"TCP\"]",
            "13:53: .spec.template.spec.containers[name=\"c\"].env: duplicate entries for key [name=\"A\"]",
        ],
    );
    let service = "{ apiVersion: v1, kind: Service, metadata: { name: s }, \
                   spec: { ports: [{ port: 0x50 }, { name: x, port: 80 }] } }";
    check_duplicates(
        service,
        &["1:89: .spec.ports: duplicate entries for key [port=80,protocol=\"TCP\"]"],
    );
}

#[test]
fn lists_of_unknown_kinds_may_hold_anything_twice() {
    let text = "{ apiVersion: example.com/v1, kind: Widget, \
                metadata: { name: w, finalizers: [a/b, a/b] }, spec: { volumes: [{ name: a }, { name: a }] } }";
    check_duplicates(
        text,
        &["1:84: .metadata.finalizers: duplicate entries for key [=\"a/b\"]"],
    );
}
