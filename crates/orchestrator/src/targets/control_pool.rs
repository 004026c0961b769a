//! A pool of control clients: one shared connection per container.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};

use crate::targets::{Address, control::Control};

/// The control clients of one namespace. Clones share them.
#[derive(Clone)]
pub(crate) struct ControlPool {
    pods: Api<Pod>,
    controls: Arc<Mutex<BTreeMap<Address, Control>>>,
}

impl ControlPool {
    /// Creates an empty pool.
    pub(crate) fn new(client: Client, namespace: &str) -> Self {
        Self {
            pods: Api::namespaced(client, namespace),
            controls: Arc::default(),
        }
    }

    /// The client for the target at this address.
    pub(crate) fn control(&self, address: &Address) -> Control {
        let mut controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
        let control = controls
            .entry(address.clone())
            .or_insert_with(|| Control::new(self.pods.clone(), address.clone()));
        control.clone()
    }

    /// Forgets the client of a target that is gone.
    pub(crate) fn forget(&self, address: &Address) {
        let mut controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
        controls.remove(address);
    }
}
