//! Kubernetes' decisions as pure functions of state, event and time.
//!
//! The crate has no clock, no runtime and no serialisation. Its dependency table is empty, and
//! every function can be called from a plain test. In reading order:
//!
//! - [`moment`]: points in time.
//! - [`probe`]: when to probe, which URL, and how outcomes become verdicts.
//! - [`url`]: URLs as a kubelet parses them.
//! - [`container`]: instances, states, `started` and `ready`, grace periods.
//! - [`restart`]: which containers a sync of a Pod ends and starts.
//! - [`back_off`]: crash-loop back-off.
//! - [`pod`]: the phase and the conditions of a Pod.
//! - [`event_text`]: the texts of a kubelet's events.
//! - [`expansion`]: `$(VAR)` references in a container's command.
//! - [`event_limits`]: which events are counted, combined or dropped.
//! - [`names`]: the grammars of object names and labels.
//! - [`selector`]: labels and label selectors.
//! - [`endpoints`]: the endpoints of a Service, and which get traffic.
//! - [`proxy`]: when kube-proxy syncs.
//! - [`host_port`]: which host ports of a node are free.
//! - [`scheduling`]: why a Pod does not fit on the node.
//! - [`list_type`]: the keys of list items in server-side apply.
//! - [`replica_set`]: which Pods a ReplicaSet creates and deletes.
//! - [`rollout`]: the steps of a Deployment from one template to the next.
//! - [`stateful_set`]: which Pods a StatefulSet creates and deletes, in which order.
//! - [`daemon_set`]: which Pods a DaemonSet creates and deletes on its node.
//! - [`job`]: when a Job creates and deletes Pods, and when it is finished.
//! - [`disruption`]: which Pods may be evicted.
//! - [`controller_revision`]: the history of a workload's templates.
//! - [`safe_encoding`]: hashes in names.

pub mod back_off;
pub mod container;
mod container_id;
pub mod controller_revision;
pub mod daemon_set;
pub mod disruption;
pub mod endpoints;
pub mod event_limits;
pub mod event_text;
pub mod expansion;
pub mod host_port;
pub mod job;
pub mod list_type;
pub mod moment;
pub mod names;
pub mod pod;
pub mod probe;
pub mod proxy;
pub mod replica_set;
pub mod restart;
mod restart_rules;
pub mod rollout;
pub mod safe_encoding;
pub mod scheduling;
pub mod selector;
pub mod stateful_set;
pub mod taint;
pub mod url;

pub use moment::Moment;
