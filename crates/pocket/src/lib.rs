//! pocket, a Kubernetes cluster in one process: API, controllers, kubelet and proxy.
//!
//! In reading order: `clock`, the cluster's time; `subnets`, its addresses; [`net`], its network;
//! `kinds`, its objects; `store`, which keeps them; `registry`, which adds an API server's rules,
//! and `api_status`, its errors; `spdy`, the framing of kubectl's streams; `api` and `serve`, which
//! offer all of them over HTTP; [`image`], what containers run; `events`, the Events that
//! components record; then the components: `controllers`, `kubelet`, `proxy`.

mod api;
mod api_status;
mod clock;
mod controllers;
mod events;
pub mod image;
mod kinds;
mod kubelet;
mod latencies;
pub mod net;
mod patch;
mod pocket;
mod proxy;
mod registry;
mod serve;
mod spdy;
mod store;
mod subnets;
mod tasks;

pub use latencies::Latencies;
pub use pocket::{Builder, Pocket, refused_fields};
pub use subnets::Subnets;
