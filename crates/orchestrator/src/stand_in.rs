//! Stand-ins: workloads in which every container is replaced by the probe target, while everything
//! that decides about probes, lifecycle, rollout and Services is kept.
//!
//! Pure, from manifests to objects and notes. Every field of a Pod template, container, Service and
//! workload is taken apart by name, so that a field which Kubernetes adds does not compile until
//! something is decided about it. What is not kept is noted; an unknown field is an error.

mod claims;
mod container;
mod context;
mod hooks;
mod metadata;
mod namespaces;
mod notes;
mod pod;
mod ports;
mod probes;
mod security;
mod service;
mod settings;
pub(crate) mod shell_sleep;
pub(crate) mod validity;
mod workload;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;
use serde_json::Value;

use crate::{
    cluster::admission,
    input::{
        kubernetes_yaml,
        load::{self, Manifest},
        manifests,
        problem::{Problem, ProblemText, Problems},
        source::Source,
    },
    stand_in::{
        claims::SingleNodeClaims,
        metadata::is_stand_in,
        namespaces::Namespaces,
        notes::{Notes, Topic},
        service::{Selected, convert_service},
    },
};
pub(crate) use metadata::{
    Disposition, POD_TEMPLATES, disposition, namespace, qualified_kind, share_namespace, within,
};
pub(crate) use notes::kind_counts;
pub(crate) use pod::{DEFAULT_GRACE, grace};
pub(crate) use ports::{is_tcp_name, protocol_of_name};
pub(crate) use settings::{IMAGE, LateStart, Settings};
pub(crate) use workload::{KINDS, ReplicaMinimums, Workload};

/// The stand-ins of some manifests.
#[derive(Debug)]
pub(crate) struct StandIns {
    /// The objects to apply, in the order of the manifests. With a namespace in the settings,
    /// Namespace objects come first.
    pub(crate) objects: Vec<Value>,
    /// What was not kept, and what that hides: one line a topic.
    pub(crate) notes: Vec<String>,
}

/// Converts manifests. Applied to its own objects, it changes nothing.
pub(crate) fn convert(manifests: &[Manifest], settings: &Settings) -> Result<StandIns, Problems> {
    let mut notes = Notes::default();
    let parsed = parse_all(manifests, &mut notes)?;
    let originals = parsed.iter().map(|(manifest, _)| *manifest);
    Problems::unless_any(originals.flat_map(admission::refusals).collect(), ())?;
    convert_parsed(manifests, parsed, settings, notes)
}

/// Converts the objects of manifests.
fn convert_parsed(
    manifests: &[Manifest],
    mut parsed: Vec<(&Manifest, Object)>,
    settings: &Settings,
    mut notes: Notes,
) -> Result<StandIns, Problems> {
    let mut problems = Vec::new();
    let minimums = ReplicaMinimums::of(manifests);
    let claims = SingleNodeClaims::of(manifests);
    let sources = parsed.iter().map(|(manifest, _)| *manifest);
    let namespaces = Namespaces::new(settings.namespace.as_deref(), sources.clone());
    problems.extend(namespaces.problems(sources.clone()));
    Problems::unless_any(std::mem::take(&mut problems), ())?;
    let mut objects = namespaces.objects(sources);

    let services: Vec<(Option<String>, Service)> = parsed
        .iter()
        .filter_map(|(_, object)| match object {
            Object::Service(service) => {
                Some((service.metadata.namespace.clone(), service.as_ref().clone()))
            }
            Object::Workload(_) | Object::StandIn(_) => None,
        })
        .collect();
    let mut selected = Vec::new();
    let mut containers = BTreeSet::new();
    for (manifest, object) in &mut parsed {
        match object {
            Object::StandIn(_) => {
                let found = Selected::of_stand_in(manifest);
                let is_ignored = found.is_some() && !settings.options().is_empty();
                notes.add_if(is_ignored, Topic::Already, &place(manifest));
                selected.extend(found);
            }
            Object::Service(_) => {}
            Object::Workload(workload) => {
                let (place, source) = (place(manifest), namespace(manifest));
                minimums.fill(workload, source, &place, &mut notes);
                claims.note(workload, manifest, &place, &mut notes);
                let of_namespace = services.iter().filter(|(of, _)| of.as_deref() == source);
                let services: Vec<&Service> = of_namespace.map(|(_, service)| service).collect();
                let found = workload.convert(&services, settings, &place, &mut notes);
                let found = match found {
                    Ok(found) => found,
                    Err(fault) => {
                        problems.push(fault.at(&manifest.source, manifest.span));
                        continue;
                    }
                };
                containers.extend(found.containers.iter().cloned());
                selected.push(found);
                workload.set_metadata(namespaces.of(manifest), &place, &mut notes);
            }
        }
    }
    Problems::unless_any(problems, ())?;
    check_containers(manifests, settings, &containers)?;
    // Services are converted after all workloads, as they refer to ports by name.
    for (manifest, object) in parsed {
        let namespace = namespaces.of(manifest);
        objects.extend(match object {
            Object::StandIn(object) => Some(Namespaces::moved(object, namespace.as_deref())),
            Object::Workload(workload) => Some(workload.json()),
            Object::Service(service) => {
                let place = place(manifest);
                convert_service(*service, namespace, &selected, &place, &mut notes)
                    .map(|service| workload::json(&service))
            }
        });
    }
    Ok(StandIns {
        objects,
        notes: notes.lines(),
    })
}

/// Converts manifests into manifests, for those that go on to apply and check them. Their positions
/// are in the stand-ins' own text.
pub(crate) fn manifests(
    manifests: &[Manifest],
    settings: &Settings,
) -> Result<(Vec<Manifest>, Vec<String>), Problems> {
    let StandIns { objects, notes } = convert(manifests, settings)?;
    let from = manifests.first().map(|manifest| &manifest.source.path);
    let from = from.map_or_else(String::new, |path| path.display().to_string());
    let source = Source {
        path: format!("stand-ins of {from}").into(),
        text: text(&objects).into(),
    };
    Ok((load::load(&source)?.manifests, notes))
}

/// The objects as YAML documents.
pub(crate) fn text(objects: &[Value]) -> String {
    let documents: Vec<String> = objects.iter().map(kubernetes_yaml::text).collect();
    documents.join("---\n")
}

/// An object that has a part in the stand-ins.
enum Object {
    Workload(Box<Workload>),
    Service(Box<Service>),
    /// A stand-in already, which stays as it is.
    StandIn(Value),
}

/// Parses the manifests that have a part in the stand-ins.
fn parse_all<'a>(
    manifests: &'a [Manifest],
    notes: &mut Notes,
) -> Result<Vec<(&'a Manifest, Object)>, Problems> {
    let mut problems = Vec::new();
    let mut parsed = Vec::new();
    for manifest in manifests {
        match parse(manifest, notes) {
            Ok(Some(object)) => parsed.push((manifest, object)),
            Ok(None) => {}
            Err(found) => problems.extend(found.into_vec()),
        }
    }
    Problems::unless_any(problems, parsed)
}

/// Parses a manifest; `None` if it is left out, which is noted.
fn parse(manifest: &Manifest, notes: &mut Notes) -> Result<Option<Object>, Problems> {
    validity::check_rendered(manifest)?;
    if is_stand_in(&manifest.object) {
        if manifest.kind() == "Namespace" {
            return Ok(None);
        }
        return Ok(Some(Object::StandIn(manifest.object.clone())));
    }
    let kind = qualified_kind(manifest);
    if !KINDS.contains(&kind.as_str()) {
        notes.leave_out(&kind);
        return Ok(None);
    }
    match disposition(manifest) {
        Disposition::Kept => {}
        Disposition::Hook => {
            notes.add(Topic::HelmHooks, place(manifest));
            return Ok(None);
        }
        Disposition::Owned => {
            notes.leave_out_owned(&kind);
            return Ok(None);
        }
    }
    Problems::unless_any(manifests::unknown_fields(manifest), ())?;
    let object = if kind == "Service" {
        Object::Service(Box::new(manifest.typed()?))
    } else {
        Object::Workload(Box::new(Workload::parse(&kind, manifest)?))
    };
    Ok(Some(object))
}

/// An object in notes: `deployment/web`, with its namespace if the manifest names one.
fn place(manifest: &Manifest) -> String {
    let name = format!("{}/{}", manifest.kind().to_lowercase(), manifest.name());
    match namespace(manifest) {
        None => name,
        Some(namespace) => format!("{name} of {namespace}"),
    }
}

/// Rejects `--start-after` of a container that no workload has.
fn check_containers(
    manifests: &[Manifest],
    settings: &Settings,
    containers: &BTreeSet<String>,
) -> Result<(), Problems> {
    let missing = settings.start_after.containers.keys();
    let missing = missing.filter(|name| !containers.contains(*name));
    let problems: Vec<Problem> = missing
        .zip(manifests.iter().cycle())
        .map(|(name, manifest)| {
            let names = containers.iter().map(String::as_str);
            ProblemText::new(format!(
                "`--start-after {name}=…`: no workload has this container"
            ))
            .one_of(name, names)
            .at(&manifest.source, manifest.span)
        })
        .collect();
    Problems::unless_any(problems, ())
}

#[cfg(test)]
mod tests;
