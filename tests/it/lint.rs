//! `probeflip lint`: the shapes and what must be found in them, examples as in Kubernetes'
//! documentation, suppression, exit codes and bad input.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;

use crate::program::{Ended, probeflip, root, run};

/// A finding: `PL10 Deployment/web/app`.
type Found = BTreeSet<String>;

/// Lints files, with the report as JSON.
fn lint(file: &Path) -> Value {
    let ended = run(["lint", "--output", "json", file.to_str().unwrap()]);
    assert!(ended.code <= 1, "{}: {}", file.display(), ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Lints a text from standard input.
fn lint_text(text: &str, options: &[&str]) -> Ended {
    let mut lint = probeflip();
    let lint = lint.args(["lint", "-"]).args(options).stdin(Stdio::piped());
    let mut child = lint
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    child.wait_with_output().unwrap().into()
}

fn found(report: &Value) -> Found {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| {
            let text = |field: &str| finding[field].as_str().unwrap_or_default();
            let container = match text("container") {
                "" => String::new(),
                container => format!("/{container}"),
            };
            let (rule, kind, name) = (text("rule"), text("kind"), text("name"));
            format!("{rule} {kind}/{name}{container}")
        })
        .collect()
}

/// What `tests/shapes/lint.txt` says about a shape: what must be found, and what may be.
struct Expected {
    shape: String,
    must: Found,
    may: Found,
}

impl Expected {
    fn read() -> Vec<Self> {
        let text = fs::read_to_string(root().join("tests/shapes/lint.txt")).unwrap();
        let mut all: Vec<Self> = Vec::new();
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let Some(line) = line.strip_prefix("  ") else {
                all.push(Self {
                    shape: line.to_owned(),
                    must: Found::new(),
                    may: Found::new(),
                });
                continue;
            };
            let shape = all.last_mut().unwrap();
            let mut words = line.split(' ');
            let findings = match words.next() {
                Some("must") => &mut shape.must,
                Some("may") => &mut shape.may,
                other => panic!("{other:?} in lint.txt"),
            };
            let rule = words.next().unwrap();
            findings.extend(words.map(|subject| format!("{rule} {subject}")));
        }
        all
    }
}

#[test]
fn shapes_have_the_findings_that_they_must_and_no_others() {
    let all = Expected::read();
    let files = fs::read_dir(root().join("tests/shapes")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let shapes = files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    assert_eq!(shapes.count(), all.len(), "lint.txt must have every shape");
    for Expected { shape, must, may } in all {
        let found = found(&lint(Path::new(&format!("tests/shapes/{shape}.yaml"))));
        let missing: Vec<_> = must.difference(&found).collect();
        let others = found
            .iter()
            .filter(|each| !must.contains(*each) && !may.contains(*each));
        let others: Vec<_> = others.collect();
        assert!(missing.is_empty(), "{shape} lacks {missing:?}");
        assert!(others.is_empty(), "{shape} has {others:?}");
    }
}

/// Manifests of the structure that the examples of kubernetes.io have: each names its example,
/// `content/en/examples/…` of `kubernetes/website`.
#[test]
fn examples_of_kubernetes_documentation_have_no_error_and_no_warning() {
    let folder = root().join("tests/it/lint/examples");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        let report = lint(&file);
        let findings = report["findings"].as_array().unwrap();
        let bad: Vec<_> = findings
            .iter()
            .filter(|each| each["severity"] != "info")
            .collect();
        assert!(bad.is_empty(), "{}: {bad:#?}", file.display());
        assert!(report["workloads"].as_u64() > Some(0), "{}", file.display());
    }
}

/// A container whose only fault is of severity `error`, `warning` and `info` each.
const FAULTY: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /readyz, port: http } }
          image: web:1
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
";

#[test]
fn the_exit_code_follows_the_least_severity_that_fails() {
    let worker = "tests/shapes/certs.yaml";
    let check = |arguments: &[&str], expected: i32| {
        let ended = run([&["lint"], arguments].concat());
        assert_eq!(ended.code, expected, "{arguments:?}: {}", ended.stderr);
    };
    // The worst finding is a warning.
    check(&[worker], 0);
    check(&[worker, "--fail-on", "error"], 0);
    check(&[worker, "--fail-on", "warning"], 1);
    check(&[worker, "--fail-on", "info"], 1);
    check(&["tests/shapes/mistakes.yaml"], 1);
    check(&["tests/shapes/missing.yaml"], 2);
    check(&[], 2);
}

#[test]
fn text_shows_errors_and_warnings_and_counts_the_rest() {
    let ended = lint_text(FAULTY, &[]);
    assert_eq!(ended.code, 1);
    let text = &ended.stdout;
    assert!(
        text.starts_with("-:12:11: error PL22 deployment/web container app\n    There is one Pod"),
        "{text}"
    );
    let summary = "1 workload, 1 Service: 1 error, 0 warnings, 1 info more with -v\n";
    assert!(text.ends_with(summary), "{text}");
    assert!(!text.contains("PL20"), "{text}");
    let all = lint_text(FAULTY, &["-v"]).stdout;
    assert!(
        all.contains(": info PL20 deployment/web container app\n"),
        "{all}"
    );
    assert!(all.ends_with("1 error, 0 warnings, 1 info\n"), "{all}");
    // What makes the command fail is shown.
    assert_eq!(lint_text(FAULTY, &["--fail-on", "info"]).stdout, all);
}

#[test]
fn annotations_and_comments_suppress_findings() {
    let annotated = |before: &str, after: &str| FAULTY.replacen(before, after, 1);
    let object = annotated(
        "metadata: { name: web }",
        "metadata: { name: web, annotations: { lint.probeflip.dev/ignore: 'PL22, PL20' } }",
    );
    let template = annotated(
        "metadata: { labels: { app: web } }",
        "metadata: { labels: { app: web }, annotations: { lint.probeflip.dev/ignore: PL22 } }",
    );
    let above = annotated(
        "          readinessProbe:",
        "          # lint.probeflip.dev/ignore: PL22 as it is a demo\n          readinessProbe:",
    );
    let beside = annotated(
        "- name: app",
        "- name: app # lint.probeflip.dev/ignore: PL22, PL20",
    );
    let whole = format!("# lint.probeflip.dev/ignore: PL22\n# the demo\n{FAULTY}");
    for (text, left) in [
        (&object, "0 infos, 2 suppressed\n"),
        (&template, "1 info, 1 suppressed\n"),
        (&above, "1 info, 1 suppressed\n"),
        (&beside, "0 infos, 2 suppressed\n"),
        (&whole, "1 info, 1 suppressed\n"),
    ] {
        let ended = lint_text(text, &["-v"]);
        let end = format!("1 workload, 1 Service: 0 errors, 0 warnings, {left}");
        assert!(ended.stdout.ends_with(&end), "{text}\n{}", ended.stdout);
        assert_eq!(ended.code, 0, "{text}");
        assert_eq!(ended.stderr, "", "{text}");
    }
    // A comment elsewhere, or about another rule, suppresses nothing.
    let elsewhere = annotated("---\n", "# lint.probeflip.dev/ignore: PL22\n---\n");
    let other = annotated(
        "- name: app",
        "- name: app # lint.probeflip.dev/ignore: PL05",
    );
    for text in [&elsewhere, &other] {
        assert_eq!(lint_text(text, &[]).code, 1, "{text}");
    }
}

#[test]
fn a_suppression_of_no_rule_is_a_warning() {
    let text = FAULTY.replacen(
        "- name: app",
        "- name: app # lint.probeflip.dev/ignore: PL99",
        1,
    );
    let ended = lint_text(&text, &[]);
    assert_eq!(
        ended.stderr,
        "warning: -:10:21: `PL99` suppresses nothing: lint has no such rule; expected an id such as PL05\n"
    );
    let text = FAULTY.replacen(
        "metadata: { name: web }",
        "metadata: { name: web, annotations: { lint.probeflip.dev/ignore: PL5 } }",
        1,
    );
    let ended = lint_text(&text, &[]);
    assert!(
        ended.stderr.starts_with("warning: -:3:39: `PL5`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn input_that_cannot_be_checked_is_an_error_with_its_place() {
    let check = |text: &str, expected: &str| {
        let ended = lint_text(text, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{text}");
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    };
    check(
        &FAULTY.replacen("name: web }", "name: '{{ .Release.Name }}' }", 1),
        "-:3:13: this is a template that was not rendered; expected the output of `helm template`",
    );
    check(
        &format!("{FAULTY}---\n{FAULTY}"),
        "there is another Deployment `web` in the input",
    );
    check(
        &FAULTY.replacen("readinessProbe", "readyProbe", 1),
        "-:12:11: unknown field `spec.template.spec.containers[0].readyProbe` of a Deployment",
    );
    check(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\n",
        "the input has no workload and no Service",
    );
    check(
        &FAULTY.replacen("containerPort: 8080", "containerPort: web", 1),
        "Deployment `web` cannot be read",
    );
}

#[test]
fn json_names_what_it_is_about() {
    let report = lint(Path::new("tests/shapes/blog.yaml"));
    assert_eq!(report["lint"], 1);
    assert_eq!(report["exit"], 1);
    let findings = report["findings"].as_array().unwrap();
    let of = |rule: &str| findings.iter().find(|each| each["rule"] == rule).unwrap();
    let service = of("PL05");
    assert_eq!(service["kind"], "Service");
    assert!(service["container"].is_null() && service["namespace"].is_null());
    assert_eq!(service["file"], "tests/shapes/blog.yaml");
    assert!(service["line"].as_u64() > Some(1));
    assert_eq!(of("PL01")["container"], "metrics");
}
