//! What kubectl makes of YAML, recorded, and where fields are.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::*;

/// One YAML value a line and, after a tab, the JSON that kubectl makes of it, or `refused`. A
/// peer's test compares it with kubectl itself.
const RECORDED: &str = include_str!("recorded.tsv");

fn read(text: &str) -> Result<Node, Problem> {
    let node = Node::read(&source(text), whole(text))?;
    Ok(node.expect("the text must have content"))
}

fn whole(text: &str) -> Span {
    Span {
        start: 0,
        end: text.len(),
    }
}

fn source(text: &str) -> Source {
    Source {
        path: "w.yaml".into(),
        text: text.into(),
    }
}

fn value(text: &str) -> Result<Value, String> {
    let value = read(text).and_then(|node| node.json(&source(text)));
    value.map_err(|problem| problem.to_string())
}

#[test]
fn scalars_merges_and_keys_are_read_as_kubectl_reads_them() {
    for line in RECORDED.lines() {
        let (yaml, expected) = line.split_once('\t').unwrap();
        let found = value(&format!("a: {yaml}\n"));
        match serde_json::from_str::<Value>(expected) {
            Ok(expected) => assert_eq!(found, Ok(json!({ "a": expected })), "{yaml}"),
            Err(_) => assert!(found.is_err(), "{yaml}: {found:?}"),
        }
    }
}

#[test]
fn blocks_and_quotes_are_text() {
    let text = "a: |\n  0644\nb: >-\n  yes\nc: 1\n  2\nd: 'no'\ne: \"\\x41\"\n";
    let expected = json!({"a": "0644\n", "b": "yes", "c": "1 2", "d": "no", "e": "A"});
    assert_eq!(value(text).unwrap(), expected);
}

#[test]
fn an_alias_is_what_it_names() {
    let text = "a: &a { mode: 0644 }\nb: *a\nc: { <<: *a, x: on }\n";
    let expected = json!({"a": {"mode": 420}, "b": {"mode": 420}, "c": {"mode": 420, "x": true}});
    assert_eq!(value(text).unwrap(), expected);
}

#[test]
fn what_kubectl_would_drop_or_could_not_send_is_refused() {
    let check = |text: &str, expected: &str| assert_eq!(value(text).unwrap_err(), expected);
    check(
        "a: 1\nb: { c: 1, c: 2 }",
        "w.yaml:2:12: `c` stands here twice",
    );
    check("yes: 1\non: 2", "w.yaml:2:1: `true` stands here twice");
    check(
        "a: [1, .inf]",
        "w.yaml:1:8: `.inf` is not a number in JSON; expected a finite number",
    );
    check("a: !!int yes", "w.yaml:1:10: `yes` is not a `!!int`");
    check(
        "a: &a [*a]",
        "w.yaml:1:8: this alias is inside what it names",
    );
}

#[test]
fn aliases_cannot_fill_the_memory() {
    let first = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let text = (1..10).fold(first, |text, level| {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("{text}a{level}: &a{level} [{items}]\n")
    });
    let refused = value(&text).unwrap_err();
    assert!(
        refused.ends_with("the aliases of this document add too much"),
        "{refused}"
    );
}

#[test]
fn fields_are_found_by_their_path() {
    let text = "\
spec:
  containers:
    - name: a
      ports: [{ containerPort: 80 }]
  nodeSelector: { example.com/zone: x, example.com: y }
";
    let node = read(text).unwrap();
    let check = |path: &str, line: usize, column: usize| {
        let found = source(text).position(node.place(path));
        assert_eq!(found, (line, column), "{path}");
    };
    check("spec.containers[0].ports[0].containerPort", 4, 17);
    check("spec.containers[0].ports[0]", 4, 15);
    check("spec.containers[0].image", 3, 7);
    check("spec.containers[7].image", 2, 3);
    check("spec.nodeSelector.example.com/zone", 5, 19);
    check("spec.nodeSelector[example.com]", 5, 40);
    check("status", 1, 1);
}

#[test]
fn what_does_not_fit_is_pointed_at() {
    let text = "\
spec:
  securityContext: { fsGroup: 0644 }
  containers:
    - name: a
      args: [--quick, 08]
      livenessProbe: { periodSeconds: 2s }
";
    let misfit = |text: &str| {
        let (span, why) = read(text).unwrap().typed::<Pod>().unwrap_err();
        (source(text).position(span), why)
    };
    let wrong = "spec.containers[0].args[1] is the number 8; expected text";
    assert_eq!(misfit(text), ((5, 23), wrong.to_owned()));
    let text = text.replace("08", "'08'");
    let wrong = "spec.containers[0].livenessProbe.periodSeconds is the text `2s`; \
                 expected a whole number of at most 2147483647";
    assert_eq!(misfit(&text), ((6, 39), wrong.to_owned()));
    let large = text.replace("2s", "2147483648");
    let wrong = "spec.containers[0].livenessProbe.periodSeconds is the number 2147483648; \
                 expected a whole number of at most 2147483647";
    assert_eq!(misfit(&large), ((6, 39), wrong.to_owned()));
    let wrong = "spec is a list; expected a mapping";
    assert_eq!(misfit("spec: []"), ((1, 7), wrong.to_owned()));
    let pod: Pod = read(&text.replace("2s", "2")).unwrap().typed().unwrap();
    let context = pod.spec.unwrap().security_context.unwrap();
    assert_eq!(context.fs_group, Some(420));
}

/// Recorded from an API server 1.36.3, which was sent such a Pod.
#[test]
fn null_gives_the_zero_value() {
    let text = "\
metadata: { name: p, annotations: { c: , d: e } }
spec:
  hostNetwork: ~
  nodeName:
  volumes: ~
  containers:
    - { name: ~, args: [~, x], env: [~], ports: null, livenessProbe: ~ }
";
    let pod: Pod = read(text).unwrap().typed().unwrap();
    let annotations = pod.metadata.annotations.unwrap();
    assert_eq!(annotations["c"], "");
    let spec = pod.spec.unwrap();
    assert_eq!(
        (spec.host_network, spec.node_name, spec.volumes),
        (None, None, None)
    );
    let container = &spec.containers[0];
    assert_eq!(
        container.args.as_deref(),
        Some(&[String::new(), "x".to_owned()][..])
    );
    assert_eq!(container.env.as_ref().unwrap()[0].name, "");
    assert_eq!(container.name, "");
}
