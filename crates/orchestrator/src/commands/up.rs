//! `probeflip up`: applies a workload and waits until it is available.
//!
//! It uses the one ID `up`, so it can be repeated; what it made is `probeflip down`'s to delete.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use serde_json::Value;

use super::{Bench, Outcome};
use crate::{
    apply::Site,
    exit::{Exit, Failure},
    first_failure,
    interrupt::Interrupt,
    latest::Latest,
    load, observe, ownership,
    recorder::Recorder,
    timeline::{FORMAT, Header},
    workload::{self, Manifest},
};

/// How long a workload may take to become available: a slow image pull, and some.
const PATIENCE: Duration = Duration::from_mins(5);

/// Reads all files before anything is touched.
pub(super) fn load(files: &[PathBuf]) -> Result<Vec<load::Manifest>, Failure> {
    let mut manifests = Vec::new();
    for file in files {
        manifests.extend(workload::of_path(file)?);
    }
    Ok(manifests)
}

pub(super) async fn run(manifests: &[load::Manifest], bench: Bench<'_>) -> Outcome {
    let manifests = workload::objects(manifests, Some(&bench.namespace))?;
    let mut interrupt = Interrupt::catch()?;
    let site = Site::new(
        bench.cluster.client.clone(),
        &bench.namespace,
        ownership::UP,
    );
    tokio::select! {
        biased;
        exit = interrupt.next() => Ok(exit),
        outcome = apply(&bench, &site, &manifests) => outcome,
        () = tokio::time::sleep(PATIENCE) => {
            Err(Failure::new(Exit::Infrastructure, format!("not available after {PATIENCE:?}")))
        }
    }
}

async fn apply(bench: &Bench<'_>, site: &Site, manifests: &[Manifest]) -> Outcome {
    site.check(manifests).await?;
    let recorder = Recorder::start(header(bench));
    let _watches = observe::open(site.client(), &site.namespace, &recorder).await?;
    let mut made = BTreeSet::new();
    for manifest in manifests {
        made.insert(site.apply(manifest).await?.uid);
        bench
            .printer
            .note(format!("applied {}", manifest.reference()));
    }
    let mut latest = Latest::default();
    loop {
        let failure = recorder.read(|timeline| first_failure::among(&mut latest, timeline, &made));
        if let Some(failure) = failure {
            return Err(Failure::hinted(
                failure.clone(),
                failure.hint(&bench.cluster.place),
            ));
        }
        if manifests
            .iter()
            .all(|manifest| is_available(&latest, manifest))
        {
            bench.printer.note("available");
            return Ok(Exit::Held);
        }
        recorder.grown().await;
    }
}

/// Whether an object does what it is there for; most kinds do as soon as they exist.
fn is_available(latest: &Latest, manifest: &Manifest) -> bool {
    let kind = manifest.resource.kind.as_str();
    match (kind, latest.get(kind, &manifest.name)) {
        ("Deployment", deployment) => deployment.is_some_and(is_rolled_out),
        ("Pod", pod) => pod.is_some_and(is_ready),
        _ => true,
    }
}

fn is_rolled_out(deployment: &Value) -> bool {
    let wanted = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
    let status = &deployment["status"];
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    count("observedGeneration")
        >= deployment["metadata"]["generation"]
            .as_i64()
            .unwrap_or_default()
        && ["replicas", "updatedReplicas", "availableReplicas"]
            .iter()
            .all(|field| count(field) == wanted)
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|each| each["type"] == "Ready" && each["status"] == "True")
}

/// Nobody will read this timeline; it is only watched growing.
fn header(bench: &Bench<'_>) -> Header {
    Header {
        timeline: FORMAT,
        experiment: String::new(),
        place: bench.cluster.place.clone(),
        kubernetes: bench.cluster.version.clone(),
        probeflip: env!("CARGO_PKG_VERSION").to_owned(),
        run: ownership::UP.to_owned(),
        namespace: bench.namespace.clone(),
        seed: None,
        started: bench.cluster.date.clone(),
    }
}
