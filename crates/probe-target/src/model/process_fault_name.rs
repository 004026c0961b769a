//! The names of process faults, in JSON, URLs and on command lines.

pub(crate) const EXIT: &str = "exit";
pub(crate) const SIGNAL: &str = "signal";
pub(crate) const SIGTERM: &str = "sigterm";
pub(crate) const MEMORY: &str = "memory";
pub(crate) const STOP_ACCEPTING: &str = "stop-accepting";

pub(crate) const NAMES: [&str; 5] = [EXIT, SIGNAL, SIGTERM, MEMORY, STOP_ACCEPTING];
