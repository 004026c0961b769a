//! Locks mutexes that stay usable after a panic: their data is never left half changed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, also if a task that held it has panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
