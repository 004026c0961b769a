//! Runs probe-target's library as the container image `probe-target` in the embedded cluster.
//!
//! Adapts arguments, files, logs and termination to `pocket`'s process interface. `net.rs` adapts
//! the network.

use std::{io, sync::Arc};

use futures::future::BoxFuture;
use pocket::image::{Exit, Image, Memory, Process};

use super::net::Net;

/// The image `probe-target`.
pub(super) fn image() -> Image {
    Image::new("/probe-target", run)
}

fn run(process: Process) -> BoxFuture<'static, Exit> {
    let target = target(process);
    Box::pin(async move {
        let ending = probe_target::run(target).await;
        Exit::code(i32::from(ending.code()))
    })
}

/// Builds a probe-target process in a Pod.
fn target(process: Process) -> probe_target::Process<Net> {
    let arguments = process.command.into_iter().skip(1);
    let files = process.files;
    probe_target::Process {
        arguments: arguments.collect(),
        environment: process.environment,
        network: Net(process.network),
        main: process.is_main,
        instance: process.instance,
        terminate: probe_target::once(process.terminate),
        files: Arc::new(Files(files.clone())),
        effects: Box::new(Own {
            files,
            memory: process.memory,
        }),
        output: Box::new(process.stdout),
        errors: Box::new(process.stderr),
    }
}

/// The effects of a process on its container: termination message and memory use.
struct Own {
    files: pocket::image::files::Files,
    memory: Memory,
}

impl probe_target::Effects for Own {
    fn write_termination_message(&self, message: &str) -> io::Result<()> {
        self.files.write("/dev/termination-log", message.as_bytes())
    }

    fn take_memory(&self, bytes: usize) -> io::Result<()> {
        self.memory.take(bytes as u64);
        Ok(())
    }

    fn free_memory(&self) {
        self.memory.free();
    }
}

/// Implements probe-target's `Files` on a container's files.
struct Files(pocket::image::files::Files);

impl probe_target::Files for Files {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.read(path)
    }

    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        self.0.write(path, contents)
    }
}

#[cfg(test)]
mod tests;
