//! The loop of controllers with a queue: takes in changes, acts on one object, or waits.
//!
//! It knows neither the kinds nor the actions.

use super::informer::Key;
use crate::api_status::ApiError;

/// A controller that works through a queue of objects.
pub(super) trait Reconcile {
    /// Takes in all changes, and queues the objects they concern.
    fn catch_up(&mut self);

    /// The next object to act on, if one is due.
    fn next(&mut self) -> Option<Key>;

    /// Acts on one object, which may be gone.
    fn sync(&mut self, key: &Key);

    /// Waits until there is a change or a queued object is due.
    fn wait(&mut self) -> impl Future<Output = ()> + Send;
}

/// Runs a controller forever. It yields after each object so that all controllers get their turn.
pub(super) async fn drive(mut controller: impl Reconcile) {
    loop {
        controller.catch_up();
        match controller.next() {
            Some(key) => controller.sync(&key),
            None => controller.wait().await,
        }
        tokio::task::yield_now().await;
    }
}

/// Ignores a refused write: the object has changed or is gone, and that change queues it again.
pub(super) fn ignore_refusal<T>(written: Result<T, ApiError>) {
    if let Err(error) = written {
        tracing::debug!(%error, "write refused; the next change queues the object again");
    }
}
