//! Runs probe-target's library as the container image `probe-target` in the embedded cluster.
//!
//! Adapts arguments, files, logs and termination to `pocket`'s process interface. `net.rs` adapts
//! the network.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use pocket::image::{ContainerLog, Exit, Image, Memory, Output, Process};

use super::net::Net;

/// The image `probe-target`.
pub(super) struct ProbeTarget;

impl Image for ProbeTarget {
    fn run(&self, process: Process) -> BoxFuture<'static, Exit> {
        let log = || Box::new(Log(process.log.clone()));
        let (output, errors) = (log(), log());
        let target = target(process, true, output, errors);
        Box::pin(async move {
            let ending = probe_target::run(target).await;
            Exit::code(i32::from(ending.code()))
        })
    }

    fn exec(&self, process: Process) -> BoxFuture<'static, Output> {
        let (stdout, stderr) = (Said::default(), Said::default());
        let (output, errors) = (Box::new(stdout.clone()), Box::new(stderr.clone()));
        let target = target(process, false, output, errors);
        Box::pin(async move {
            let ending = probe_target::run(target).await;
            Output {
                code: i32::from(ending.code()),
                stdout: stdout.take(),
                stderr: stderr.take(),
            }
        })
    }
}

/// Builds a probe-target process in a Pod: the container's main one if `main`, else an exec.
fn target(
    process: Process,
    main: bool,
    output: Box<dyn io::Write + Send>,
    errors: Box<dyn io::Write + Send>,
) -> probe_target::Process<Net> {
    probe_target::Process {
        arguments: process.arguments,
        environment: process.environment,
        network: Net(process.network),
        main,
        instance: process.instance,
        terminate: probe_target::once(process.terminate),
        files: Arc::new(Files(process.files)),
        effects: Box::new(Own {
            log: process.log,
            memory: process.memory,
        }),
        output,
        errors,
    }
}

/// The effects of a process on its container: termination message and memory use.
struct Own {
    log: ContainerLog,
    memory: Memory,
}

impl probe_target::Effects for Own {
    fn write_termination_message(&self, message: &str) -> io::Result<()> {
        self.log.set_termination_message(message);
        Ok(())
    }

    fn take_memory(&self, bytes: usize) -> io::Result<()> {
        self.memory.take(bytes as u64);
        Ok(())
    }

    fn free_memory(&self) {
        self.memory.free();
    }
}

/// The log of a container.
struct Log(ContainerLog);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Captures stdout or stderr of an exec.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
