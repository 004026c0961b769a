//! A Kubernetes that fits in a process.
//!
//! In reading order: [`clock`], the time everything happens in; [`net`], the network it happens on; [`kinds`], the kinds of
//! objects; [`store`], which keeps them; [`registry`], which makes Kubernetes objects of them, and [`api_status`], how it
//! refuses; [`image`], what containers run; [`events`], what components say about objects; and who acts:
//! [`controllers`], [`kubelet`], [`proxy`].

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
