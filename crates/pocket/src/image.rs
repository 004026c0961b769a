//! Images: the programs that containers run and the files that they start with; the table of
//! images by name.
//!
//! pocket contains no program of its own. The builder of a cluster fills the table. A container's
//! image is found by the last path component of its name, without tag and digest. This module
//! starts nothing.

mod container_log;
pub mod files;
mod logs;
mod memory;
mod program;
mod running;
mod streams;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::image::files::{Directory, Files};
pub(crate) use container_log::{ContainerLog, LogLine};
pub(crate) use logs::Logs;
pub use memory::Memory;
pub use program::{Background, Exit, Process, Program};
pub(crate) use running::{Running, StartProcess};
pub(crate) use streams::Streams;
pub use streams::{Reader, Stdin, Writer};

/// What containers are made of: programs by path, a default command, and files.
#[derive(Clone)]
pub struct Image(Arc<Contents>);

#[derive(Clone)]
struct Contents {
    programs: BTreeMap<String, Arc<dyn Program>>,
    entrypoint: Vec<String>,
    arguments: Vec<String>,
    directories: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// An image with one program, which is its entrypoint, such as `/probe-target`.
    pub fn new(path: &str, program: impl Program) -> Self {
        let contents = Contents {
            programs: BTreeMap::new(),
            entrypoint: vec![path.to_owned()],
            arguments: Vec::new(),
            directories: Vec::new(),
            files: BTreeMap::new(),
        };
        Self(Arc::new(contents)).program(path, program)
    }

    /// Adds a program at this absolute path.
    #[must_use]
    pub fn program(self, path: &str, program: impl Program) -> Self {
        let program = Arc::new(program);
        self.with(|contents| drop(contents.programs.insert(path.to_owned(), program)))
    }

    /// The arguments of a container that has neither a command nor arguments (`CMD`).
    #[must_use]
    pub fn arguments(self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        self.with(|contents| contents.arguments = arguments.collect())
    }

    /// Adds an empty directory.
    #[must_use]
    pub fn directory(self, path: &str) -> Self {
        self.with(|contents| contents.directories.push(path.to_owned()))
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, path: &str, bytes: &[u8]) -> Self {
        self.with(|contents| drop(contents.files.insert(path.to_owned(), bytes.to_vec())))
    }

    fn with(mut self, change: impl FnOnce(&mut Contents)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The command of a container with this command and these arguments.
    ///
    /// Rule: containerd's `internal/cri/opts/spec_opts.go`, `WithProcessArgs`: a command replaces
    /// the image's arguments too.
    pub(crate) fn command(&self, command: &[String], arguments: &[String]) -> Vec<String> {
        let (own, default): (_, &[String]) = if command.is_empty() {
            (&self.0.entrypoint[..], &self.0.arguments)
        } else {
            (command, &[])
        };
        let rest = if arguments.is_empty() {
            default
        } else {
            arguments
        };
        [own, rest].concat()
    }

    /// The program that a container's process with this name and `$PATH` runs. A program that is
    /// not found is an error, whose text is that of runc.
    pub(crate) fn look_up(
        &self,
        name: &str,
        path: &str,
        files: &Files,
    ) -> Result<Arc<dyn Program>, String> {
        let found = |path: &str| self.0.programs.get(&files.absolute(path)).cloned();
        if name.contains('/') {
            let missing = || format!("exec: \"{name}\": stat {name}: no such file or directory");
            return found(name).ok_or_else(missing);
        }
        let mut folders = path.split(':').filter(|_| !name.is_empty());
        let program = folders.find_map(|folder| found(&format!("{folder}/{name}")));
        program.ok_or_else(|| format!("exec: \"{name}\": executable file not found in $PATH"))
    }

    /// The files of a new container: what the image contains, and the mount points of a runtime. A
    /// program is an empty file there.
    pub fn files(&self, read_only: bool) -> Files {
        Files::of(self.root(), read_only)
    }

    fn root(&self) -> Directory {
        let root = Directory::default();
        let given = self.0.directories.iter().map(String::as_str);
        RUNTIME_DIRECTORIES
            .into_iter()
            .chain(given)
            .for_each(|path| root.make(path));
        let programs = self.0.programs.keys().map(|path| (path, &[][..]));
        let files = self.0.files.iter().map(|(path, bytes)| (path, &bytes[..]));
        for (path, bytes) in programs.chain(files) {
            root.put(path, bytes);
        }
        root
    }
}

/// The directories that a container runtime mounts or makes.
const RUNTIME_DIRECTORIES: [&str; 4] = ["/dev", "/etc", "/proc", "/sys"];

impl fmt::Debug for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Image")
            .field("programs", &self.0.programs.keys())
            .finish_non_exhaustive()
    }
}

/// The table of the cluster's images, by name.
#[derive(Clone, Default)]
pub(crate) struct Images(BTreeMap<String, Image>);

impl Images {
    /// Adds `image` under `name`, such as `probe-target`.
    pub(crate) fn insert(&mut self, name: &str, image: Image) {
        self.0.insert(name.to_owned(), image);
    }

    /// The image of a reference such as `registry.example/team/probe-target:1.0`.
    pub(crate) fn find(&self, reference: &str) -> Option<&Image> {
        self.0.get(name_of(reference))
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
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    fn done(_: Process) -> BoxFuture<'static, Exit> {
        async { Exit::code(0) }.boxed()
    }

    #[track_caller]
    fn check_look_up(name: &str, directory: &str, why: Result<(), &str>) {
        let image = Image::new("/probe-target", done).program("/bin/sh", done);
        let mut files = image.files(false);
        files.enter(directory);
        let found = image.look_up(name, "/usr/bin:/bin", &files);
        assert_eq!(found.map(drop), why.map_err(str::to_owned));
    }

    #[test]
    fn a_program_is_found_by_its_path_or_in_the_search_path() {
        check_look_up("/probe-target", "/", Ok(()));
        check_look_up("./probe-target", "/", Ok(()));
        check_look_up("./sh", "/bin", Ok(()));
        check_look_up("sh", "/", Ok(()));
        let unlisted = "exec: \"probe-target\": executable file not found in $PATH";
        check_look_up("probe-target", "/", Err(unlisted));
        let missing = "exec: \"/bin/cat\": stat /bin/cat: no such file or directory";
        check_look_up("/bin/cat", "/", Err(missing));
        let unnamed = "exec: \"\": executable file not found in $PATH";
        check_look_up("", "/", Err(unnamed));
    }

    #[test]
    fn a_command_replaces_the_arguments_of_the_image() {
        let image = Image::new("/agnhost", done).arguments(&["pause"]);
        let check = |command: &[&str], arguments: &[&str], expected: &[&str]| {
            let [command, arguments] =
                [command, arguments].map(|words| words.iter().map(|&word| word.to_owned()));
            let command: Vec<String> = command.collect();
            let arguments: Vec<String> = arguments.collect();
            assert_eq!(image.command(&command, &arguments), expected);
        };
        check(&[], &[], &["/agnhost", "pause"]);
        check(&[], &["liveness"], &["/agnhost", "liveness"]);
        check(&["/bin/sh"], &[], &["/bin/sh"]);
        check(&["/bin/sh"], &["-c"], &["/bin/sh", "-c"]);
    }

    #[test]
    fn a_container_starts_with_the_files_of_its_image() {
        let image = Image::new("/bin/sh", done)
            .directory("/tmp")
            .file("/etc/motd", b"hi");
        let files = image.files(false);
        assert_eq!(
            files.list("/").unwrap(),
            ["bin", "dev", "etc", "proc", "sys", "tmp"]
        );
        assert_eq!(files.list("/bin").unwrap(), ["sh"]);
        assert_eq!(files.read("/etc/motd").unwrap(), b"hi");
        files.write("/tmp/a", b"").unwrap();
        assert!(image.files(false).read("/tmp/a").is_err());
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
