//! A Kubernetes that fits in a process.
//!
//! In reading order: the time everything happens in, the network it happens on, the kinds of objects there
//! are, the store that keeps them, the registry that makes Kubernetes objects of them, and how it refuses;
//! then the images that containers are made of, the files these see, and what components say about objects; last who acts:
//! the controllers and the service proxy.

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

/// The version of Kubernetes that pocket is like.
pub const KUBERNETES_VERSION: &str = "v1.36.3";
