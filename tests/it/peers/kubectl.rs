//! Compares kubectl's YAML parser with its recording, used by unit tests of `kubernetes_yaml`.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

const RECORDED: &str =
    include_str!("../../../crates/orchestrator/src/input/kubernetes_yaml/recorded.tsv");

#[test]
fn kubectl_reads_yaml_as_recorded() {
    if super::python("kubectl_reads_yaml_as_recorded").is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("object.yaml");
    for line in RECORDED.lines() {
        let (yaml, expected) = line.split_once('\t').unwrap();
        let object = format!("apiVersion: v1\nkind: X\nmetadata: {{ name: a }}\na: {yaml}\n");
        fs::write(&file, object).unwrap();
        let found = read(&file).map(|object| object["a"].clone());
        assert_eq!(found, serde_json::from_str(expected).ok(), "{yaml}");
    }
}

/// A file as kubectl parses it without a server; none if kubectl refuses it.
fn read(file: &Path) -> Option<Value> {
    let mut kubectl = Command::new("kubectl");
    kubectl.args(["annotate", "--local", "a=b", "--output=json", "--filename"]);
    let output = kubectl
        .arg(file)
        .output()
        .expect("kubectl must be installed");
    let object = serde_json::from_slice(&output.stdout);
    output.status.success().then(|| object.unwrap())
}
