//! The interface of images, the programs that containers run, and the table of images by name.
//!
//! pocket contains no program of its own. The builder of a cluster fills the table. A container's
//! image is found by the last path component of its name, without tag and digest. This module
//! starts nothing.

mod container_log;
pub mod files;
mod logs;
mod memory;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::image::files::Files;
use crate::net::Host;
pub use container_log::ContainerLog;
pub(crate) use container_log::LogLine;
pub(crate) use logs::Logs;
pub use memory::Memory;

/// A program that containers can be made of.
pub trait Image: Send + Sync + 'static {
    /// Runs one process to its end. Dropping the future is SIGKILL: nothing of the process may
    /// remain.
    fn run(&self, process: Process) -> BoxFuture<'static, Exit>;

    /// Runs another process beside a container's main one, as an exec probe does, and captures its
    /// output. Dropping the future is SIGKILL. The default runs the same program and takes the end
    /// of its log as stderr.
    fn exec(&self, process: Process) -> BoxFuture<'static, Output> {
        let log = process.log.clone();
        let run = self.run(process);
        let output = async move {
            Output {
                code: run.await.code,
                stdout: Vec::new(),
                stderr: log.end_of_log().into_bytes(),
            }
        };
        output.boxed()
    }
}

impl<F> Image for F
where
    F: Fn(Process) -> BoxFuture<'static, Exit> + Send + Sync + 'static,
{
    fn run(&self, process: Process) -> BoxFuture<'static, Exit> {
        self(process)
    }
}

/// The parameters of a process.
pub struct Process {
    /// The arguments without the program's name, `$(VAR)` expanded.
    pub arguments: Vec<String>,
    /// The environment; `HOSTNAME` is the Pod's hostname.
    pub environment: BTreeMap<String, String>,
    /// The network from the Pod's address. Containers of a Pod share it, the loopback included.
    pub network: Host,
    /// The Pod's `emptyDir` volumes as the container mounts them.
    pub files: Files,
    /// A unique name of this run.
    pub instance: String,
    /// The termination message and the log, which outlive the process.
    pub log: ContainerLog,
    /// The memory that the process uses.
    pub memory: Memory,
    /// Completes at SIGTERM.
    pub terminate: BoxFuture<'static, ()>,
}

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Process")
            .field("arguments", &self.arguments)
            .field("network", &self.network)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// The exit status of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; 128 + n after signal n.
    pub code: i32,
}

impl Exit {
    /// The exit status with this code.
    pub fn code(code: i32) -> Self {
        Self { code }
    }
}

/// The result of a process whose output was captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The exit code; 128 + n after signal n.
    pub code: i32,
    /// Everything that it wrote to stdout.
    pub stdout: Vec<u8>,
    /// Everything that it wrote to stderr.
    pub stderr: Vec<u8>,
}

/// The table of the cluster's images, by name. An image contains one file: its program, `/NAME`.
#[derive(Clone, Default)]
pub(crate) struct Images(BTreeMap<String, Arc<dyn Image>>);

impl Images {
    /// Adds `image` under `name`, such as `probe-target`.
    pub(crate) fn insert(&mut self, name: &str, image: Arc<dyn Image>) {
        self.0.insert(name.to_owned(), image);
    }

    /// The image of a reference such as `registry.example/team/probe-target:1.0`.
    pub(crate) fn find(&self, reference: &str) -> Option<(&str, &Arc<dyn Image>)> {
        self.0
            .get_key_value(name_of(reference))
            .map(|(name, image)| (name.as_str(), image))
    }

    /// Checks that `program` is the program of the image `name`, whose working directory is the
    /// root. The error says why it is not.
    ///
    /// The texts are those of runc.
    pub(crate) fn look_up(name: &str, program: &str) -> Result<(), String> {
        let path = program.strip_prefix('.').unwrap_or(program);
        if path.strip_prefix('/') == Some(name) {
            return Ok(());
        }
        Err(if program.contains('/') {
            format!("exec: \"{program}\": stat {program}: no such file or directory")
        } else {
            format!("exec: \"{program}\": executable file not found in $PATH")
        })
    }

    /// The names of all images for a message: `probe-target, sleeper`.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        names.join(", ")
    }
}

/// The last path component of a reference, without tag and digest.
fn name_of(reference: &str) -> &str {
    let last = reference.rsplit('/').next().unwrap_or_default();
    last.split(['@', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_path_alone() {
        let check = |program, why: Result<(), &str>| {
            let found = Images::look_up("probe-target", program);
            assert_eq!(found, why.map_err(str::to_owned));
        };
        check("/probe-target", Ok(()));
        check("./probe-target", Ok(()));
        let unlisted = "exec: \"probe-target\": executable file not found in $PATH";
        check("probe-target", Err(unlisted));
        let missing = "exec: \"/bin/sh\": stat /bin/sh: no such file or directory";
        check("/bin/sh", Err(missing));
    }

    #[test]
    fn the_last_path_component_names_the_image() {
        let check = |reference, name| assert_eq!(name_of(reference), name);
        check("probe-target", "probe-target");
        check("probe-target:0.1.0", "probe-target");
        check(
            "localhost:5000/team/probe-target@sha256:00ff",
            "probe-target",
        );
        check(
            "registry.example/probe-target:1@sha256:00ff",
            "probe-target",
        );
    }
}
