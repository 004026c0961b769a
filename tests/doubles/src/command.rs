//! One run of a program.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;

use crate::{io::Io, system::System};

/// What a program gets.
pub(crate) struct Command {
    pub(crate) system: Arc<dyn System>,
    /// As it was given.
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) io: Io,
    /// Runs other programs.
    pub(crate) run: Run,
}

/// Runs a program to its end. Returns its exit code, or nothing if there is none of this name.
pub(crate) type Run = fn(Command) -> BoxFuture<'static, Option<i32>>;

/// The number of a signal, written as a name, a name with `SIG`, or a number.
pub(crate) fn signal_number(name: &str) -> Option<i32> {
    Some(match name.trim_start_matches("SIG") {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "KILL" => 9,
        "USR1" => 10,
        "USR2" => 12,
        "TERM" => 15,
        number => number.parse().ok()?,
    })
}
