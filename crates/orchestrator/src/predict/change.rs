//! Changes of manifests: `--set OBJECT.PATH=VALUE`, and the changes that advice consists of.
//!
//! A path names fields with dots. `[NAME]` is the item of a list with that name, else the item with
//! that number from 0, else the field of a mapping whose name has dots or slashes. The value is
//! YAML as kubectl reads it; `null` removes the field or the item.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::input::{
    experiment::WorkloadRef,
    kubernetes_yaml::{self, Node},
    load::{self, Manifest},
    manifests,
    problem::{Problem, ProblemText, Problems},
    source::{Source, Span},
};

/// A change of one field. In JSON it is text: `spec.replicas=2`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(into = "String")]
#[schemars(with = "String")]
pub(crate) struct Change {
    /// The field, from the object down.
    pub(crate) path: Vec<Part>,
    /// Its new value; null removes it.
    pub(crate) value: Value,
}

/// A part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// `.replicas`
    Field(String),
    /// `[app]`
    Item(String),
}

/// The name of the option in messages.
const OPTION: &str = "--set";

/// The manifests with the options' changes, each made in turn.
pub(crate) fn set(manifests: &[Manifest], options: &[String]) -> Result<Vec<Manifest>, Problems> {
    let mut changed = manifests.to_vec();
    let mut problems = Vec::new();
    for option in options {
        let source = Source {
            path: OPTION.into(),
            text: option.as_str().into(),
        };
        if let Err((span, fault)) = set_one(&mut changed, &source) {
            problems.push(fault.at(&source, span));
        }
    }
    Problems::unless_any(problems, changed)
}

/// A manifest with changes.
pub(crate) fn changed(manifest: &Manifest, changes: &[Change]) -> Result<Manifest, Problems> {
    let mut object = manifest.object.clone();
    for change in changes {
        let parts: Vec<Placed> = change.path.iter().cloned().map(Placed::nowhere).collect();
        put(&mut object, &parts, change.value.clone()).map_err(|(_, fault)| {
            let fault = ProblemText::new(format!("{change}: {fault}"));
            Problems::from(fault.at(&manifest.source, manifest.span))
        })?;
    }
    written_anew(manifest, &object)
}

/// A part of a path and where it is written.
#[derive(Debug, Clone)]
struct Placed {
    part: Part,
    span: Span,
}

impl Placed {
    fn nowhere(part: Part) -> Self {
        let span = Span::default();
        Self { part, span }
    }
}

type Misplaced = (Span, ProblemText);

fn set_one(manifests: &mut [Manifest], source: &Source) -> Result<(), Misplaced> {
    let text = &*source.text;
    let (index, begin) = object(manifests, text)?;
    let (parts, equals) = path(text, begin)?;
    let value = value(source, equals + 1)?;
    let whole = Span {
        start: begin,
        end: equals,
    };
    let manifest = &manifests[index];
    let mut object = manifest.object.clone();
    put(&mut object, &parts, value)?;
    let changed = written_anew(manifest, &object).map_err(|problems| {
        let problems = problems.into_vec();
        let first = problems.first().map(|problem| problem.fault.to_string());
        (whole, ProblemText::new(first.unwrap_or_default()))
    })?;
    let before = manifests::unknown_fields(manifest).len();
    let unknown = manifests::unknown_fields(&changed);
    let misfit = manifests::misfit(&changed).or_else(|| unknown.get(before).cloned());
    if let Some(Problem { fault, .. }) = misfit {
        return Err((whole, *fault));
    }
    manifests[index] = changed;
    Ok(())
}

/// The manifest that an option names, and where its path begins. Names may have dots: the longest
/// name of an object that fits is the one.
fn object(manifests: &[Manifest], text: &str) -> Result<(usize, usize), Misplaced> {
    let fits = |(index, manifest): (usize, &Manifest)| {
        let (kind, rest) = text.split_once('/')?;
        let is_kind = WorkloadRef::to(manifest.kind(), "").is_kind(kind);
        let rest = rest.strip_prefix(manifest.name()).filter(|_| is_kind)?;
        let begin = text.len() - rest.len();
        rest.starts_with('.').then_some((begin, index))
    };
    let fitting: Vec<(usize, usize)> = manifests.iter().enumerate().filter_map(fits).collect();
    let longest = fitting.iter().map(|(begin, _)| *begin).max();
    let mut same = fitting.iter().filter(|(begin, _)| Some(*begin) == longest);
    let end = match text.split_once('/') {
        Some((kind, rest)) => kind.len() + 1 + rest.find(['.', '[', '=']).unwrap_or(rest.len()),
        None => text.find(['.', '[', '=']).unwrap_or(text.len()),
    };
    let span = Span { start: 0, end };
    match (same.next(), same.next()) {
        (Some((begin, index)), None) => Ok((*index, *begin)),
        (Some(_), Some(_)) => {
            let fault = ProblemText::new(format!("several objects are `{}`", &text[..end]));
            Err((span, fault.expected("objects of one namespace")))
        }
        (None, _) => {
            let known = manifests
                .iter()
                .map(|it| WorkloadRef::to(it.kind(), it.name()).to_string());
            let known: Vec<String> = known.collect();
            let found = &text[..end];
            if known.iter().any(|name| name == found) {
                let fault = ProblemText::new(format!("nothing of `{found}` is named"));
                return Err((span, fault.expected("`OBJECT.FIELD=VALUE`")));
            }
            let fault = ProblemText::new(format!("the input has no object `{found}`"));
            let fault = fault.one_of(found, known.iter().map(String::as_str));
            Err((span, fault))
        }
    }
}

/// The parts of the path that begins with the dot at `begin`, and where `=` is.
fn path(text: &str, begin: usize) -> Result<(Vec<Placed>, usize), Misplaced> {
    let mut parts = Vec::new();
    let mut at = begin;
    loop {
        let rest = &text[at..];
        let (part, end) = match rest.chars().next() {
            Some('=') if !parts.is_empty() => return Ok((parts, at)),
            Some('.') => {
                let end = at + 1 + rest[1..].find(['.', '[', '=']).unwrap_or(rest.len() - 1);
                (Part::Field(text[at + 1..end].to_owned()), end)
            }
            Some('[') => {
                let end = rest.find(']').map(|found| at + found + 1).ok_or_else(|| {
                    let fault = ProblemText::new("this bracket is not closed");
                    (
                        Span {
                            start: at,
                            end: text.len(),
                        },
                        fault.expected("`[NAME]`"),
                    )
                })?;
                (Part::Item(text[at + 1..end - 1].to_owned()), end)
            }
            _ => {
                let span = Span {
                    start: at,
                    end: text.len(),
                };
                let fault = ProblemText::new("this sets nothing");
                return Err((span, fault.expected("`OBJECT.PATH=VALUE`")));
            }
        };
        let span = Span { start: at, end };
        if part.name().is_empty() {
            return Err((span, ProblemText::new("this part of the path has no name")));
        }
        parts.push(Placed { part, span });
        at = end;
    }
}

/// The value from `begin` on.
fn value(source: &Source, begin: usize) -> Result<Value, Misplaced> {
    let text = &source.text[begin..];
    let span = Span {
        start: begin,
        end: source.text.len(),
    };
    let node = Node::read(source, span).map_err(|problem| (span, *problem.fault))?;
    let Some(node) = node.filter(|_| !text.trim().is_empty()) else {
        let is_null = text.trim() == "null" || text.trim() == "~";
        let fault = ProblemText::new("there is no value");
        return is_null
            .then_some(Value::Null)
            .ok_or_else(|| (span, fault.expected("a value; `null` removes the field")));
    };
    node.json(source).map_err(|problem| (span, *problem.fault))
}

/// Puts a value at a path of an object, or removes what is there if it is null.
fn put(object: &mut Value, parts: &[Placed], value: Value) -> Result<(), Misplaced> {
    let Some((first, rest)) = parts.split_first() else {
        *object = value;
        return Ok(());
    };
    let is_removal = value.is_null() && rest.is_empty();
    if object.is_null() {
        *object = Value::Object(Map::new());
    }
    let name = first.part.name();
    match (&first.part, object) {
        (_, Value::Object(fields)) => {
            if is_removal {
                return match fields.remove(name) {
                    Some(_) => Ok(()),
                    None => Err((first.span, nothing_there(name, fields.keys()))),
                };
            }
            if value.is_null() && !fields.contains_key(name) {
                return Err((first.span, nothing_there(name, fields.keys())));
            }
            put(fields.entry(name).or_insert(Value::Null), rest, value)
        }
        (Part::Item(_), Value::Array(items)) => {
            let by_name = items.iter().position(|item| item["name"] == *name);
            let by_number = || name.parse().ok().filter(|index| *index < items.len());
            let index = by_name.or_else(by_number).ok_or_else(|| {
                let names = items.iter().filter_map(|item| item["name"].as_str());
                let fault = ProblemText::new(format!("this list has no item `{name}`"));
                (first.span, fault.one_of(name, names))
            })?;
            if is_removal {
                items.remove(index);
                return Ok(());
            }
            put(&mut items[index], rest, value)
        }
        (Part::Field(_), Value::Array(_)) => {
            let fault = ProblemText::new(format!("`{name}` is no item of a list"));
            Err((first.span, fault.expected("`[NAME]` or `[NUMBER]`")))
        }
        (_, there) => {
            let fault = ProblemText::new(format!("there is no `{name}` in the value `{there}`"));
            Err((first.span, fault))
        }
    }
}

fn nothing_there<'k>(name: &str, known: impl Iterator<Item = &'k String>) -> ProblemText {
    let fault = ProblemText::new(format!("there is no `{name}` to remove"));
    fault.one_of(name, known.map(String::as_str))
}

/// The manifest of another object, whose positions are in its own text.
fn written_anew(manifest: &Manifest, object: &Value) -> Result<Manifest, Problems> {
    let path = manifest.source.path.display().to_string();
    let suffix = ", changed";
    let path = path.strip_suffix(suffix).unwrap_or(&path);
    let source = Source {
        path: format!("{path}{suffix}").into(),
        text: kubernetes_yaml::text(object).into(),
    };
    let mut read = load::load(&source)?.manifests;
    let only = read.pop().filter(|_| read.is_empty());
    only.ok_or_else(|| {
        let fault = ProblemText::new("this is no Kubernetes object any more");
        fault.at(&source, Span::default()).into()
    })
}

/// The strategic merge patch that makes changes of an object: with its kind and name, so that it is
/// a patch of a kustomization too.
///
/// Rule: items of containers are merged by name, as `patchMergeKey` in
/// `staging/src/k8s.io/api/core/v1/types.go` says.
pub(crate) fn strategic_merge(object: &Value, changes: &[Change]) -> Value {
    let mut metadata = json!({ "name": object["metadata"]["name"] });
    if let Some(namespace) = object["metadata"].get("namespace") {
        metadata["namespace"] = namespace.clone();
    }
    let mut patch = json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "metadata": metadata,
    });
    for change in changes {
        let mut at = &mut patch;
        for part in &change.path {
            at = match part {
                Part::Field(name) => &mut at[name],
                Part::Item(name) => item(at, name),
            };
        }
        *at = change.value.clone();
    }
    patch
}

/// The item of a patch's list with this name, which is added if it is missing.
fn item<'p>(list: &'p mut Value, name: &str) -> &'p mut Value {
    if !list.is_array() {
        *list = json!([]);
    }
    let items = list.as_array_mut().expect("it must be a list");
    let found = items.iter().position(|item| item["name"] == name);
    let index = found.unwrap_or_else(|| {
        items.push(json!({ "name": name }));
        items.len() - 1
    });
    &mut items[index]
}

impl Part {
    fn name(&self) -> &str {
        match self {
            Self::Field(name) | Self::Item(name) => name,
        }
    }
}

impl Change {
    /// A change of the field at a path without brackets of more than one level: `spec.replicas`.
    pub(crate) fn of(path: &[&str], value: Value) -> Self {
        let part = |word: &&str| match word.strip_prefix('[') {
            Some(name) => Part::Item(name.trim_end_matches(']').to_owned()),
            None => Part::Field((*word).to_owned()),
        };
        let path = path.iter().map(part).collect();
        Self { path, value }
    }
}

/// As in `--set`, without the object: `spec.replicas=2`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.path.iter().enumerate() {
            match part {
                Part::Field(name) if index == 0 => f.write_str(name)?,
                Part::Field(name) => write!(f, ".{name}")?,
                Part::Item(name) => write!(f, "[{name}]")?,
            }
        }
        write!(f, "={}", self.value)
    }
}

impl From<Change> for String {
    fn from(change: Change) -> Self {
        change.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHART: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, annotations: { a.b/c: old } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - { name: app, image: app:1, readinessProbe: { tcpSocket: { port: 80 } } }
        - { name: '1', image: app:1 }
---
apiVersion: v1
kind: Service
metadata: { name: web.v2 }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
";

    fn manifests() -> Vec<Manifest> {
        let source = Source {
            path: "chart.yaml".into(),
            text: CHART.into(),
        };
        load::load(&source).unwrap().manifests
    }

    #[track_caller]
    fn check(option: &str, pointer: &str, expected: &Value) {
        let changed = set(&manifests(), &[option.to_owned()]).unwrap();
        let found = changed.iter().find_map(|it| it.object.pointer(pointer));
        assert_eq!(found.unwrap_or(&Value::Null), expected, "{option}");
    }

    #[track_caller]
    fn refuse(option: &str, expected: &str) {
        let problems = set(&manifests(), &[option.to_owned()]).unwrap_err();
        let lines = problems.as_slice().iter().map(ToString::to_string);
        assert_eq!(lines.collect::<Vec<_>>().join("\n"), expected);
    }

    const PROBE: &str = "/spec/template/spec/containers/0/readinessProbe";

    #[test]
    fn a_path_names_a_field() {
        check("deploy/web.spec.replicas=3", "/spec/replicas", &json!(3));
        check(
            "Deployment/web.spec.replicas=3",
            "/spec/replicas",
            &json!(3),
        );
        check(
            "deploy/web.spec.template.spec.containers[app].readinessProbe.periodSeconds=2",
            &format!("{PROBE}/periodSeconds"),
            &json!(2),
        );
        check(
            "deploy/web.spec.template.spec.containers[0].lifecycle.preStop={sleep: {seconds: 5}}",
            "/spec/template/spec/containers/0/lifecycle/preStop/sleep/seconds",
            &json!(5),
        );
    }

    #[test]
    fn a_name_comes_before_a_number() {
        let pointer = "/spec/template/spec/containers/1/image";
        check(
            "deploy/web.spec.template.spec.containers[1].image=x",
            pointer,
            &json!("x"),
        );
        check(
            "svc/web.v2.spec.ports[0].port=81",
            "/spec/ports/0/port",
            &json!(81),
        );
    }

    #[test]
    fn brackets_name_a_field_with_dots() {
        let pointer = "/metadata/annotations/a.b~1c";
        check(
            "deploy/web.metadata.annotations[a.b/c]=x=y",
            pointer,
            &json!("x=y"),
        );
    }

    #[test]
    fn null_removes() {
        check(
            "deploy/web.spec.template.spec.containers[app].readinessProbe=null",
            PROBE,
            &Value::Null,
        );
        refuse(
            "deploy/web.spec.template.spec.containers[app].livenessProbe=null",
            "--set:1:46: there is no `livenessProbe` to remove; expected `image`, `name` or \
             `readinessProbe`; did you mean `readinessProbe`?",
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        refuse(
            "deploy/wed.spec.replicas=1",
            "--set:1:1: the input has no object `deploy/wed`; expected `deploy/web` or \
             `svc/web.v2`; did you mean `deploy/web`?",
        );
        refuse(
            "deploy/web",
            "--set:1:1: nothing of `deploy/web` is named; expected `OBJECT.FIELD=VALUE`",
        );
        refuse(
            "deploy/web.spec.template.spec.containers[ap].image=x",
            "--set:1:41: this list has no item `ap`; expected `app` or `1`; did you mean `app`?",
        );
        refuse(
            "deploy/web.spec.replicas.many=1",
            "--set:1:25: there is no `many` in the value `2`",
        );
        refuse(
            "deploy/web.spec.template.spec.containers.app.image=x",
            "--set:1:41: `app` is no item of a list; expected `[NAME]` or `[NUMBER]`",
        );
        refuse(
            "deploy/web.spec.replicas",
            "--set:1:25: this sets nothing; expected `OBJECT.PATH=VALUE`",
        );
        refuse(
            "deploy/web.spec.replicas=",
            "--set:1:26: there is no value; expected a value; `null` removes the field",
        );
        refuse(
            "deploy/web.spec.replica=3",
            "--set:1:11: unknown field `spec.replica` of a Deployment",
        );
        refuse(
            "deploy/web.spec.replicas=many",
            "--set:1:11: Deployment `web` cannot be read: spec.replicas is the text `many`; \
             expected a whole number of at most 2147483647",
        );
    }

    #[test]
    fn changes_are_a_patch_by_name() {
        let container = ["spec", "template", "spec", "containers", "[app]"];
        let at = |field: &[&str], value| Change::of(&[&container[..], field].concat(), value);
        let changes = [
            at(&["lifecycle", "preStop", "sleep", "seconds"], json!(2)),
            at(&["readinessProbe", "periodSeconds"], json!(5)),
            Change::of(&["spec", "minReadySeconds"], json!(5)),
        ];
        let patch = strategic_merge(&manifests()[0].object, &changes);
        let expected = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": "web" },
            "spec": {
                "minReadySeconds": 5,
                "template": { "spec": { "containers": [{
                    "name": "app",
                    "lifecycle": { "preStop": { "sleep": { "seconds": 2 } } },
                    "readinessProbe": { "periodSeconds": 5 },
                }] } },
            },
        });
        assert_eq!(patch, expected);
        let manifest = changed(&manifests()[0], &changes).unwrap();
        assert_eq!(manifest.object["spec"]["minReadySeconds"], 5);
    }
}
