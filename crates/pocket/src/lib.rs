//! pocket, a Kubernetes cluster in one process: API, controllers, kubelet and proxy.
//!
//! In reading order: [`clock`], the cluster's time; [`net`], its network; [`kinds`], its objects;
//! [`store`], which keeps them; [`registry`], which adds an API server's rules, and [`api_status`],
//! its errors; [`image`], what containers run; [`events`], the Events that components record; then
//! the components: [`controllers`], [`kubelet`], [`proxy`].

mod api;
pub mod api_status;
pub mod clock;
pub mod controllers;
pub mod events;
pub mod image;
pub mod kinds;
pub mod kubelet;
pub mod net;
mod patch;
mod pocket;
pub mod proxy;
pub mod registry;
pub mod store;
mod tasks;

pub use pocket::{Builder, Pocket};

/// The version of Kubernetes that pocket imitates.
pub const KUBERNETES_VERSION: &str = "v1.36.3";
