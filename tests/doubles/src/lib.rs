//! Test doubles of the images that Kubernetes' own tests run: `agnhost`, `busybox` and `pause`.
//!
//! They are written once, against [`system::System`]. [`on_node`] runs them as a process of a
//! real node, [`in_pocket`] as programs of pocket. What passes on both is no easier than the
//! originals.
//!
//! Rule: `test/images/agnhost` of Kubernetes, and the shells of Debian and busybox.

mod agnhost;
mod command;
mod http_get;
#[cfg(feature = "pocket")]
pub mod in_pocket;
mod io;
pub mod on_node;
mod pause;
pub mod programs;
mod shell;
pub mod system;
mod tools;
