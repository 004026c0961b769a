//! The loop of the controllers that work through a queue: see what changed, act on one object, or wait.
//! It knows neither what is watched nor what is done about it.

use super::Key;

/// A controller that works through a queue of objects.
pub(super) trait Reconcile {
    /// Takes in what changed, and queues the objects it concerns.
    fn catch_up(&mut self);

    /// The next object to act on, if one is due.
    fn next(&mut self) -> Option<Key>;

    /// Acts on one object, which may be gone.
    fn sync(&mut self, key: &Key);

    /// Waits until something changed or is due.
    fn wait(&mut self) -> impl Future<Output = ()> + Send;
}

/// Runs a controller for good. It yields after each object, so that all controllers get their turn.
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
