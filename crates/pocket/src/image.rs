//! The seam behind an image name: what runs when a container starts.
//!
//! pocket knows no program itself. Whoever builds a cluster fills a table of images; a container finds its own by the last
//! path component of its image's name. Nothing here starts anything.

pub mod files;
mod memory;
mod remains;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::image::files::Files;
use crate::net::Host;
pub use memory::Memory;
pub use remains::Remains;

/// A program that containers can be made of.
pub trait Image: Send + Sync + 'static {
    /// Runs one process to its end. Dropping the future is SIGKILL: nothing of the process may be left then.
    fn run(&self, process: Process) -> BoxFuture<'static, Exit>;

    /// Runs a further process beside a container's main one, as an exec probe does, and keeps what it said. Dropping
    /// the future is SIGKILL. By default the same program, the end of whose log is what it said.
    fn exec(&self, process: Process) -> BoxFuture<'static, Output> {
        let remains = process.remains.clone();
        let run = self.run(process);
        let output = async move {
            Output {
                code: run.await.code,
                stdout: Vec::new(),
                stderr: remains.end_of_log().into_bytes(),
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

/// What a process is started with.
pub struct Process {
    /// Its arguments, without the program's name, `$(VAR)` expanded.
    pub arguments: Vec<String>,
    /// Its environment; `HOSTNAME` is the Pod's name.
    pub environment: BTreeMap<String, String>,
    /// The network from the Pod's address. Containers of a Pod share it, the loopback included.
    pub network: Host,
    /// What its Pod's empty directories hold, where the container mounts them.
    pub files: Files,
    /// Names this run of the process and no other.
    pub instance: String,
    /// What outlives it.
    pub remains: Remains,
    /// The memory it takes.
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

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its code; 128 + n if it died of signal n.
    pub code: i32,
}

impl Exit {
    /// The end with this code.
    pub fn code(code: i32) -> Self {
        Self { code }
    }
}

/// What a process came to whose output was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Its code; 128 + n if it died of signal n.
    pub code: i32,
    /// All that it wrote to stdout.
    pub stdout: Vec<u8>,
    /// All that it wrote to stderr.
    pub stderr: Vec<u8>,
}

/// The images that a cluster has, by name. The only file of an image is its program, `/NAME`.
#[derive(Clone, Default)]
pub struct Images(BTreeMap<String, Arc<dyn Image>>);

impl Images {
    /// Makes `image` known as `name`, such as `probe-target`.
    pub fn insert(&mut self, name: &str, image: Arc<dyn Image>) {
        self.0.insert(name.to_owned(), image);
    }

    /// The image behind a reference such as `registry.example/team/probe-target:1.0`.
    pub fn find(&self, reference: &str) -> Option<(&str, &Arc<dyn Image>)> {
        self.0
            .get_key_value(name_of(reference))
            .map(|(name, image)| (name.as_str(), image))
    }

    /// Finds `program` in the image called `name`, whose working directory is the root, or says why there is none.
    ///
    /// The words are those of runc.
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

    /// What can be run, for a message: `probe-target, sleeper`.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        names.join(", ")
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
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
