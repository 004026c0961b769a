//! One-line YAML examples for each field of an experiment, quoted by error messages.

use crate::input::problem::ProblemText;

/// Placeholder in an example for a field that has its own row.
#[cfg(test)]
const LEFT_OUT: &str = "…";

/// Path suffixes and an example of the value there. The first matching row wins.
const EXAMPLES: &[(&str, &str)] = &[
    ("metadata", "{ name: b-fails }"),
    ("spec", "{ workload: …, steadyState: …, steps: … }"),
    ("spec.workload", "{ files: [deploy.yaml, service.yaml] }"),
    ("workload.files", "[deploy.yaml, service.yaml]"),
    (
        "workload.objects",
        "[{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings } }]",
    ),
    (
        "spec.traffic",
        "[{ name: users, service: web, port: 80, rate: 10/s }]",
    ),
    (
        "spec.traffic[]",
        "{ name: users, service: web, port: 80, rate: 10/s }",
    ),
    ("spec.steadyState", "{ within: 60s, require: … }"),
    (
        "steadyState.require",
        "[{ pod: deploy/web, that: { ready: 2/2 } }]",
    ),
    ("require[]", "{ pod: deploy/web, that: { ready: 2/2 } }"),
    ("spec.steps", "[{ name: b fails, flip: …, expect: … }]"),
    ("spec.steps[]", "{ name: b fails, flip: …, expect: … }"),
    (
        "flip",
        "{ pod: deploy/web, container: b, probe: readiness, to: 404 }",
    ),
    (
        "flip[]",
        "{ pod: deploy/web, container: b, probe: readiness, to: 404 }",
    ),
    ("flip.to", "{ fault: stall-body, bytes: 100 }"),
    ("flip[].to", "{ fault: stall-body, bytes: 100 }"),
    ("flip.process", "{ fault: exit, code: 3 }"),
    ("flip[].process", "{ fault: exit, code: 3 }"),
    (
        "patch",
        "{ object: deploy/web, merge: { spec: { replicas: 2 } } }",
    ),
    ("delete", "{ pod: deploy/web, pods: 1 }"),
    ("wait", "10s"),
    ("event", "{ reason: Unhealthy, of: deploy/web }"),
    ("reason", "Unhealthy"),
    ("of", "deploy/web"),
    ("patch.merge", "{ spec: { replicas: 2 } }"),
    (
        "expect",
        "[{ id: one-of-two, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s } }]",
    ),
    (
        "expect[]",
        "{ id: one-of-two, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s } }",
    ),
    (
        "spec.measure",
        "[{ name: noticed, from: flip, to: one-of-two, atMost: 10s }]",
    ),
    (
        "spec.measure[]",
        "{ name: noticed, from: flip, to: one-of-two, atMost: 10s }",
    ),
    ("measure[].from", "{ firstFailed: users }"),
    ("measure[].to", "{ recovered: users }"),
    ("change", "{ pod: deploy/web, that: { ready: 1/2 } }"),
    ("atMost", "10s"),
    ("that", "{ ready: 1/2 }"),
    ("that.conditions", "{ ContainersReady: false }"),
    ("that.ready", "1/2"),
    ("that.restarts", "{ delta: 1 }"),
    ("restarts.delta", "{ atLeast: 1 }"),
    ("that.addresses", "{ atLeast: 2 }"),
    ("that.replicas", "{ atLeast: 2 }"),
    ("that.updated", "{ atLeast: 2 }"),
    ("that.available", "{ atLeast: 2 }"),
    ("that.outcome", "[refused, timeout]"),
    ("that.failed", "{ atMost: 1% }"),
    ("that.longestFailure", "{ atMost: 2s }"),
    ("eventually", "{ within: 10s, hold: 3s }"),
    ("always", "{ for: 10s }"),
    ("never", "{ for: 10s }"),
    ("observe", "{ for: 10s }"),
    ("endpoints", "[web]"),
    ("traffic", "[users]"),
    ("within", "60s"),
    ("notBefore", "3s"),
    ("hold", "5s"),
    ("timeout", "1s"),
    ("delay", "2s"),
    ("for", "10s"),
    ("flip.after", "10s"),
    ("flip[].after", "10s"),
    ("after", "one-of-two"),
    ("pods", "1"),
    ("which", "flipped"),
    ("every", "30s"),
    ("rate", "10/s"),
    ("steps[].name", "b fails"),
    ("metadata.name", "b-fails"),
    ("traffic[].name", "users"),
    ("service", "web"),
    ("port", "80"),
    ("id", "one-of-two"),
    ("pod", "deploy/web"),
    ("container", "b"),
    ("probe", "readiness"),
    ("object", "deploy/web"),
    ("deployment", "web"),
    ("statefulset", "web"),
    ("daemonset", "agent"),
    ("that.desired", "{ atLeast: 2 }"),
    ("that.current", "{ atLeast: 2 }"),
    ("that.unavailable", "{ atMost: 1 }"),
    ("that.misscheduled", "{ atMost: 1 }"),
    ("endpoints[]", "web"),
    ("traffic[]", "users"),
];

/// The example for the value at this path.
pub(super) fn example(path: &str) -> Option<&'static str> {
    let ends = |end: &str| {
        path.strip_suffix(end)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let found = EXAMPLES.iter().find(|(end, _)| ends(end));
    found.map(|(_, example)| *example)
}

/// The error text for a missing field at this path, with an example of it if there is one.
pub(super) fn missing(path: &str) -> ProblemText {
    let field = path.rsplit('.').next().unwrap_or_default();
    let fault = ProblemText::new(format!("missing field `{field}`"));
    match example(path) {
        Some(example) => fault.expected(format!("one such as `{field}: {example}`")),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;
    use crate::input::experiment::Spanned;
    use crate::input::experiment::written::{
        self, AnyOf, FailedBudget, Number, OneOrMany, RestartsClaim, Scalar, That, Tree,
    };
    use crate::input::schema;

    /// The example with everything in its place that it leaves out.
    fn whole(path: &str) -> String {
        let short = example(path).unwrap_or_else(|| panic!("no example of {path}"));
        let fields: Vec<String> = short
            .split(", ")
            .map(|field| {
                let Some(name) = field
                    .trim_end_matches(" }]")
                    .trim_end_matches(" }")
                    .strip_suffix(": …")
                else {
                    return field.to_owned();
                };
                let name = name.trim_start_matches("[{ ").trim_start_matches("{ ");
                let item = if short.starts_with('[') { "[]" } else { "" };
                field.replace(LEFT_OUT, &whole(&format!("{path}{item}.{name}")))
            })
            .collect();
        fields.join(", ")
    }

    fn check<T: DeserializeOwned>(path: &str) {
        let example = whole(path);
        let read: Result<Spanned<T>, _> = serde_saphyr::from_str(&example);
        if let Err(error) = read {
            panic!("{path}: {example}: {error}");
        }
    }

    #[test]
    fn examples_can_be_read() {
        check::<written::Metadata>("metadata");
        check::<written::Spec>("spec");
        check::<written::Workload>("spec.workload");
        check::<Vec<String>>("spec.workload.files");
        check::<Vec<Value>>("spec.workload.objects");
        check::<Vec<written::TrafficClient>>("spec.traffic");
        check::<written::TrafficClient>("spec.traffic[]");
        check::<written::SteadyState>("spec.steadyState");
        check::<Vec<Spanned<written::Claim>>>("spec.steadyState.require");
        check::<written::Claim>("spec.steadyState.require[]");
        check::<Vec<Spanned<written::Step>>>("spec.steps");
        check::<written::Step>("spec.steps[]");
        check::<OneOrMany<written::Flip>>("spec.steps[].flip");
        check::<written::Flip>("spec.steps[].flip[]");
        check::<Tree>("spec.steps[].flip.to");
        check::<Tree>("spec.steps[].flip.process");
        check::<written::Patch>("spec.steps[].patch");
        check::<written::Delete>("spec.steps[].delete");
        check::<written::Event>("spec.steps[].expect[].event");
        check::<Vec<Spanned<written::Expectation>>>("spec.steps[].expect");
        check::<written::Expectation>("spec.steps[].expect[]");
        check::<Vec<written::Measure>>("spec.measure");
        check::<written::Measure>("spec.measure[]");
        check::<written::Mark>("spec.measure[].from");
        check::<written::Mark>("spec.measure[].to");
        check::<written::Claim>("spec.measure[].to.change");
        check::<That>("spec.steps[].expect[].that");
        check::<RestartsClaim>("spec.steps[].expect[].that.restarts");
        check::<Number>("spec.steps[].expect[].that.ready");
        check::<Number>("spec.steps[].expect[].that.available");
        check::<AnyOf>("spec.steps[].expect[].that.outcome");
        check::<FailedBudget>("spec.steps[].expect[].that.failed");
        check::<FailedBudget>("spec.steps[].expect[].that.longestFailure");
        check::<written::Becoming>("spec.steps[].expect[].eventually");
        check::<written::Lasting>("spec.steps[].expect[].always");
        check::<Vec<Scalar>>("spec.steps[].expect[].traffic");
    }

    /// Everything that the schema says is a mapping or a list has an example.
    #[test]
    fn every_mapping_and_list_has_an_example() {
        let root = schema::experiment().to_value();
        let mut found = 0;
        let mut next = vec![(String::new(), root.clone())];
        while let Some((path, node)) = next.pop() {
            for field in schema::properties(&root, &node) {
                let Some(value) = schema::field(&root, &node, &field) else {
                    continue;
                };
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{field}");
                let item = schema::item(&root, value);
                if item.is_some() || !schema::properties(&root, value).is_empty() {
                    assert!(example(&path).is_some(), "no example of {path}");
                    found += 1;
                }
                if let Some(item) = item.filter(|item| !schema::properties(&root, item).is_empty())
                {
                    let path = format!("{path}[]");
                    assert!(example(&path).is_some(), "no example of {path}");
                    next.push((path, item.clone()));
                }
                // What a target takes there is probe-target's.
                if !matches!(field.as_str(), "to" | "process") {
                    next.push((path, value.clone()));
                }
            }
        }
        assert!(found > 20, "{found} found");
    }
}
