//! Request bodies in YAML for the embedded cluster, read as manifests are.

use std::path::PathBuf;

use serde_json::Value;

use crate::input::kubernetes_yaml::Node;
use crate::input::problem::Problem;
use crate::input::source::{Source, Span};

/// The JSON that a body stands for; null if it is empty. An error names the line.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let source = Source {
        path: PathBuf::from("body"),
        text: text.into(),
    };
    let whole = Span {
        start: 0,
        end: text.len(),
    };
    let json = Node::read(&source, whole).and_then(|node| match node {
        Some(node) => node.json(&source),
        None => Ok(Value::Null),
    });
    json.map_err(|problem| shown(&problem))
}

fn shown(problem: &Problem) -> String {
    let (line, _) = problem.position();
    format!("line {line}: {}", problem.fault)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_read_as_kubectl_reads_a_manifest() {
        let parsed = parse("kind: ConfigMap\ndata: {a: no, b: 0644}\n");
        assert_eq!(
            parsed,
            Ok(json!({"kind": "ConfigMap", "data": {"a": false, "b": 420}}))
        );
        assert_eq!(parse(""), Ok(Value::Null));
        let error = parse("a: 1\nb: [").unwrap_err();
        assert!(error.starts_with("line "), "{error}");
    }
}
