//! The namespace of each stand-in: never that of its original.

use std::collections::BTreeSet;

use rules::names::is_label;
use serde_json::{Value, json};

use super::metadata::{MARK, is_stand_in, namespace};
use crate::input::{
    load::Manifest,
    problem::{Problem, ProblemText},
};

/// The namespaces of the input, and where their objects go.
pub(super) struct Namespaces {
    target: Option<String>,
    /// Those that objects of the input are in; `None` is that of objects that name none.
    sources: BTreeSet<Option<String>>,
}

impl Namespaces {
    /// All objects of the input, which go to `target`. Several namespaces go to `target-SOURCE`
    /// each.
    pub(super) fn new<'a>(
        target: Option<&str>,
        manifests: impl Iterator<Item = &'a Manifest>,
    ) -> Self {
        let sources = manifests.map(|manifest| namespace(manifest).map(str::to_owned));
        Self {
            target: target.map(str::to_owned),
            sources: sources.collect(),
        }
    }

    /// Where an object goes.
    pub(super) fn of(&self, manifest: &Manifest) -> Option<String> {
        let target = self.target.as_deref()?;
        let Some(source) = namespace(manifest).filter(|_| self.sources.len() > 1) else {
            return Some(target.to_owned());
        };
        let is_there = source == target || source.starts_with(&format!("{target}-"));
        if is_there && is_stand_in(&manifest.object) {
            return Some(source.to_owned());
        }
        Some(format!("{target}-{source}"))
    }

    /// Objects that would go to where they come from, or nowhere.
    pub(super) fn problems<'a>(
        &self,
        manifests: impl Iterator<Item = &'a Manifest>,
    ) -> Vec<Problem> {
        let mut names = BTreeSet::new();
        let problem = |manifest: &'a Manifest| {
            let at = |fault: ProblemText| Some(fault.at(&manifest.source, manifest.span));
            let Some(target) = self.of(manifest) else {
                let name = (manifest.kind(), manifest.name());
                if names.insert(name) || self.sources.len() == 1 {
                    return None;
                }
                let what = format!("a second {} `{}`, of another namespace", name.0, name.1);
                return at(ProblemText::new(what).expected("objects of one namespace"));
            };
            if is_stand_in(&manifest.object) {
                return None;
            }
            if namespace(manifest) == Some(target.as_str()) {
                let what = format!("this object is in the namespace `{target}` itself");
                let expected = "another namespace for its stand-in";
                return at(ProblemText::new(what).expected(expected));
            }
            if is_label(&target) {
                return None;
            }
            at(ProblemText::new(format!(
                "`{target}` is too long for a namespace"
            )))
        };
        manifests.filter_map(problem).collect()
    }

    /// A stand-in in its namespace.
    pub(super) fn moved(mut object: Value, namespace: Option<&str>) -> Value {
        match namespace {
            Some(namespace) => object["metadata"]["namespace"] = namespace.into(),
            None => {
                if let Some(metadata) = object["metadata"].as_object_mut() {
                    metadata.remove("namespace");
                }
            }
        }
        object
    }

    /// A Namespace object for each namespace that objects of the input go to.
    pub(super) fn objects<'a>(&self, manifests: impl Iterator<Item = &'a Manifest>) -> Vec<Value> {
        let names: BTreeSet<String> = manifests.filter_map(|manifest| self.of(manifest)).collect();
        names.iter().map(|name| namespace_object(name)).collect()
    }
}

/// The Namespace object of stand-ins.
fn namespace_object(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": name, "annotations": { (MARK): "true" } },
    })
}
