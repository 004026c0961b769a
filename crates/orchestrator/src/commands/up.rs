//! `probeflip up`: applies a workload and waits until it is available.
//!
//! All objects get the run ID `up`, so the command can be repeated, and `probeflip down` deletes
//! them.

mod rollout;
mod unwatched;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use futures::StreamExt as _;

use super::session::Session;
use crate::{
    cluster::{apply::RunNamespace, ownership, watches},
    exit::{CommandResult, Exit, Failure},
    input::{
        load,
        manifests::{self, Manifest},
    },
    judge::first_failure,
    report::printer::Printer,
    run::interrupt::Interrupt,
    stand_in::{self, Settings},
    timeline::{Record, WatchedObject, recorder::Recorder, snapshot::Snapshot},
};

/// How long a workload may take to become available; allows for slow image pulls.
const AVAILABLE_TIMEOUT: Duration = Duration::from_mins(5);

/// Reads the manifests of all files. Does not contact the cluster.
pub(super) fn load(files: &[PathBuf]) -> Result<Vec<load::Manifest>, Failure> {
    let mut manifests = Vec::new();
    for file in files {
        manifests.extend(manifests::of_path(file)?);
    }
    Ok(manifests)
}

/// The same of their stand-ins, whose notes go to the printer.
pub(super) fn load_stand_ins(
    files: &[PathBuf],
    settings: &Settings,
    printer: &Printer,
) -> Result<Vec<load::Manifest>, Failure> {
    let (stand_ins, notes) = stand_in::manifests(&load(files)?, settings)?;
    super::note_stand_ins(&notes, printer);
    Ok(stand_ins)
}

pub(super) async fn run(manifests: &[load::Manifest], session: Session<'_>) -> CommandResult {
    let manifests = manifests::objects(manifests, Some(&session.namespace))?;
    let mut interrupt = Interrupt::catch()?;
    let scope = RunNamespace::new(
        session.cluster.client.clone(),
        &session.namespace,
        ownership::UP,
    );
    let mut snapshot = Snapshot::default();
    tokio::select! {
        biased;
        exit = interrupt.next() => Ok(exit),
        outcome = apply(&session, &scope, &manifests, &mut snapshot) => outcome,
        () = tokio::time::sleep(AVAILABLE_TIMEOUT) => {
            let mut why = vec![format!("not available after {AVAILABLE_TIMEOUT:?}")];
            why.extend(missing(&snapshot, &manifests));
            Err(Failure::new(Exit::Infrastructure, why.join("; ")))
        }
    }
}

async fn apply(
    session: &Session<'_>,
    scope: &RunNamespace,
    manifests: &[Manifest],
    snapshot: &mut Snapshot,
) -> CommandResult {
    scope.check(manifests).await?;
    // This timeline is only followed in memory and never written.
    let header = session
        .cluster
        .header("", ownership::UP, &session.namespace, None);
    let recorder = Recorder::start(header);
    // `unwatched` follows the kinds that only some workloads have.
    let _watches = watches::open(scope.client(), &scope.namespace, &[], &recorder).await?;
    let mut created = BTreeSet::new();
    for manifest in manifests {
        created.insert(scope.apply(manifest).await?.uid);
        session
            .printer
            .note(format!("applied {}", manifest.reference()));
    }
    let mut unwatched = unwatched::follow(scope, manifests);
    loop {
        let failure = recorder.read(|timeline| {
            let fresh = snapshot.catch_up(timeline);
            let objects = fresh.iter().filter_map(Record::existing);
            first_failure::among(objects, snapshot, &created)
        });
        if let Some(failure) = failure {
            return Err(Failure::hinted(
                failure.clone(),
                failure.hint(&session.cluster.place),
            ));
        }
        if missing(snapshot, manifests).is_empty() {
            session.printer.note("available");
            return Ok(Exit::Held);
        }
        tokio::select! {
            biased;
            () = recorder.grown() => {}
            Some(seen) = unwatched.next() => {
                recorder.record(seen?);
            }
        }
    }
}

/// The objects that are not available yet, and why: `deployment/web: 1 of 2 pods are available`.
fn missing(snapshot: &Snapshot, manifests: &[Manifest]) -> Vec<String> {
    let missing = manifests.iter().filter_map(|manifest| {
        let seen = snapshot.get(&manifest.resource.kind, &manifest.name);
        let seen = seen.map(WatchedObject::value);
        let missing = rollout::missing(manifest, seen.as_ref())?;
        Some(format!("{}: {missing}", manifest.reference()))
    });
    missing.collect()
}

#[cfg(test)]
mod tests;
