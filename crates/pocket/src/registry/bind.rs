//! Binding of a Pod to a node: writes spec and status in one write and keeps the generation.
//!
//! Rule: `pkg/registry/core/pod/storage/storage.go`, `BindingREST`.

use k8s_openapi::api::core::v1::{Pod, PodCondition};

use super::state::Registry;
use crate::api_status::ApiError;
use crate::kinds::{Kind, untyped};
use crate::store::Key;

impl Registry {
    /// Binds a Pod to a node.
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` if the Pod is already bound or being deleted.
    pub(crate) fn bind(&self, namespace: &str, name: &str, node: &str) -> Result<(), ApiError> {
        let kind = Kind::of::<Pod>();
        let mut state = self.state();
        let current = state.current(kind, namespace, name)?;
        let mut pod = Pod::clone(&current.typed());
        if pod.metadata.deletion_timestamp.is_some() {
            let why = format!("pod {name} is being deleted, cannot be assigned to a host");
            return Err(ApiError::conflict(kind, name, &why));
        }
        let spec = pod.spec.get_or_insert_default();
        if let Some(bound) = &spec.node_name {
            let why = format!("pod {name} is already assigned to node \"{bound}\"");
            return Err(ApiError::conflict(kind, name, &why));
        }
        spec.node_name = Some(node.to_owned());
        let scheduled = PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "True".to_owned(),
            observed_generation: pod.metadata.generation,
            last_transition_time: Some(self.clock().time()),
            ..PodCondition::default()
        };
        let conditions = pod
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        conditions.retain(|condition| condition.type_ != scheduled.type_);
        conditions.push(scheduled);
        // One write: no watcher sees the node without the condition.
        let key = Key::new(kind.plural, namespace, name);
        state.store.put(key, untyped(&pod));
        Ok(())
    }
}
