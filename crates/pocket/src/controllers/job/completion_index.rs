//! The completion indexes of an Indexed Job's Pods.
//!
//! Rule: `pkg/controller/job/indexed_job_utils.go`, `getCompletionIndex`.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;

use crate::controllers::counts;

/// The label and annotation of a Pod that hold its index.
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The number of indexes of an Indexed Job.
pub(super) fn completions(job: &Job) -> Option<u32> {
    let spec = job.spec.as_ref()?;
    let is_indexed = spec.completion_mode.as_deref() == Some("Indexed");
    is_indexed.then(|| counts::from_api(spec.completions))
}

/// The index of a Pod, if the Job has it.
pub(super) fn index(pod: &Pod, completions: u32) -> Option<u32> {
    let index = number_of(pod, INDEX)?;
    (index < completions).then_some(index)
}

/// The number that an annotation of a Pod holds.
pub(super) fn number_of(pod: &Pod, annotation: &str) -> Option<u32> {
    let annotations = pod.metadata.annotations.as_ref()?;
    annotations.get(annotation)?.parse().ok()
}
