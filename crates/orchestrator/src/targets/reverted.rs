//! What counts as reverted: the process that was flipped said so, or it is gone and its flips with it.
//!
//! It asks until one of the two is so, or for so long. Who is asked, and in which order, is the caller's business.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use probe_target::model::answer::Ack;

use crate::targets::control::{Control, ControlError};

/// How often a target that does not answer is asked, and the pause in between. A container that is being
/// restarted is back by then.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// How a target was reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reverted {
    /// It said so.
    Acknowledged(Ack),
    /// The process that was flipped has ended.
    Gone,
}

/// Asks until the target says so, or is gone; the last error, where it does neither.
pub async fn reverted(
    pods: &Api<Pod>,
    control: &Control,
    ask: impl AsyncFn() -> Result<Ack, ControlError>,
) -> Result<Reverted, ControlError> {
    let mut attempt = 1;
    loop {
        match ask().await {
            Ok(ack) => return Ok(Reverted::Acknowledged(ack)),
            Err(error) if error.is_another_instance() => return Ok(Reverted::Gone),
            Err(_) if is_gone(pods, control).await => return Ok(Reverted::Gone),
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(error) => tracing::debug!(%error, "not reverted yet"),
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the process at that address has ended, and its flips with it.
pub async fn is_gone(pods: &Api<Pod>, control: &Control) -> bool {
    let address = control.address();
    match pods.get_opt(&address.pod).await {
        Ok(None) => true,
        Ok(Some(pod)) => {
            pod.metadata.uid.as_ref() != Some(&address.uid) || !runs(&pod, &address.container)
        }
        Err(_) => false,
    }
}

/// Whether a container has a process.
fn runs(pod: &Pod, container: &str) -> bool {
    let statuses = pod.status.iter().flat_map(|status| {
        status
            .container_statuses
            .iter()
            .chain(&status.init_container_statuses)
            .flatten()
    });
    let mut states = statuses
        .filter(|status| status.name == container)
        .map(|status| &status.state);
    states.any(|state| state.as_ref().is_some_and(|state| state.running.is_some()))
}
