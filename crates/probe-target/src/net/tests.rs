//! The network of the unit tests.

pub(crate) mod memory;

use super::{Connection, Listener, Network};
