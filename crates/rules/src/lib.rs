//! What Kubernetes would decide, as pure functions of state, event and time.
//!
//! No clock, no runtime, no serialisation: the dependency table is empty, and every function here can
//! be called from a plain test. Read the modules in this order:
//!
//! - [`moment`]: the only notion of time.
//! - [`probe`]: when to probe, where, and what outcomes add up to.
//! - [`url`]: URLs as a node reads them.
//! - [`container`]: instances, states, started and ready, grace.
//! - [`restart`]: what one sync of a Pod ends and starts.
//! - [`back_off`]: the wait before a container that keeps ending is started again.
//! - [`pod`]: phase and conditions.
//! - [`event_text`]: what a node says about all that.
//! - [`expansion`]: what a container's command refers to.
//! - [`event_limits`]: how much of it a node lets through.
//! - [`selector`]: labels, and what picks objects by them.
//! - [`endpoints`]: which Pods a Service sends to.
//! - [`proxy`]: when a service proxy looks again.
//! - [`host_port`]: which ports of a node are free.
//! - [`scheduling`]: why a Pod fits nowhere.
//! - [`list_type`]: which items of a list are the same.
//! - [`replica_set`]: which Pods to create, and which to delete first.
//! - [`rollout`]: how a Deployment gets from one template to the next.

pub mod back_off;
pub mod container;
mod container_id;
pub mod endpoints;
pub mod event_limits;
pub mod event_text;
pub mod expansion;
pub mod host_port;
pub mod list_type;
pub mod moment;
pub mod pod;
pub mod probe;
pub mod proxy;
pub mod replica_set;
pub mod restart;
pub mod rollout;
pub mod scheduling;
pub mod selector;
pub mod url;

pub use moment::Moment;
