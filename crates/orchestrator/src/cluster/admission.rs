//! What every API server refuses of a manifest, before anything is applied.

use serde_json::{Value, json};

use crate::input::{
    load::Manifest,
    problem::{Problem, ProblemText},
};

/// The kind whose objects make Jobs, which the embedded cluster lacks.
const CRON_JOB: &str = "CronJob";

/// The fields for which every API server refuses an object, with their places.
///
/// They are those of the embedded cluster's API server, without what only that one lacks. An object
/// with a UID comes from a cluster, which has accepted it.
pub(crate) fn refusals(manifest: &Manifest) -> Vec<Problem> {
    let kind = manifest.kind();
    if manifest.object["metadata"]["uid"].is_string() {
        return Vec::new();
    }
    let (object, prefix) = match kind {
        CRON_JOB => (job_of(&manifest.object), "spec.jobTemplate."),
        _ => (manifest.object.clone(), ""),
    };
    let refused = pocket::refused_fields(&object);
    let problem = |(field, why): (String, String)| {
        let field = format!("{prefix}{field}");
        let what = format!("an API server refuses this {kind}: {field}: {why}");
        ProblemText::new(what).at(&manifest.source, manifest.place(&field))
    };
    refused.into_iter().map(problem).collect()
}

/// A Job as the object makes them.
fn job_of(cron_job: &Value) -> Value {
    let mut spec = cron_job["spec"]["jobTemplate"]["spec"].clone();
    // The labels that a Job generates are its own concern.
    if let Some(metadata) = spec.pointer_mut("/template/metadata") {
        metadata["labels"] = Value::Null;
    }
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": "of-cron-job" },
        "spec": spec,
    })
}
