//! Retries a revert until the target acknowledges it or the flipped process has ended.
//!
//! A process that has ended counts as reverted, because flips end with their process. The caller
//! chooses the targets and their order.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use probe_target::model::answer::Ack;

use crate::targets::{
    control::{Control, ControlError},
    statuses,
};

/// The number of attempts at a target that does not answer, and the pause between them: enough for
/// a container to restart.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// The way in which a target was reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reverted {
    /// The target acknowledged the revert.
    Acknowledged(Ack),
    /// The flipped process has ended.
    Gone,
}

/// Repeats `ask` until the target acknowledges it or its process is gone. Returns the last error
/// after 20 attempts.
pub(crate) async fn retry_revert(
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

/// Whether the Pod or container at this address is gone or not running. If the API server cannot be
/// asked, `false`.
pub(crate) async fn is_gone(pods: &Api<Pod>, control: &Control) -> bool {
    let address = control.address();
    match pods.get_opt(&address.pod).await {
        Ok(None) => true,
        Ok(Some(pod)) => {
            pod.metadata.uid.as_ref() != Some(&address.uid) || !runs(&pod, &address.container)
        }
        Err(_) => false,
    }
}

/// Whether a container is running according to its status.
fn runs(pod: &Pod, container: &str) -> bool {
    statuses(pod)
        .filter(|status| status.name == container)
        .any(|status| {
            status
                .state
                .as_ref()
                .is_some_and(|state| state.running.is_some())
        })
}
