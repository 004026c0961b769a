//! probe-target, the server under probe: its ports, paths and faults are set at runtime over HTTP.
//! The library is generic over [`Network`], so that the code of the image also runs on in-memory
//! streams. It uses no socket and no wall clock.
//!
//! In reading order: [`model`], the configuration and API types; `state`, what is in force at a
//! moment; `target`, the state as its tasks share it; `server`, the data ports; `control`, the
//! control API; `serve`, the lifecycle of one target; `client`, the client commands.

pub mod request_target;

mod cli;
pub(crate) mod client;
mod clock;
mod control;
mod failure;
pub mod model;
mod mutex;
mod net;
mod process;
mod serve;
pub(crate) mod server;
mod state;
mod target;

pub use cli::check::{Check, CheckKind, asked};
pub use model::parse_error::ParseError;
pub use net::{Connection, Listener, Network};
pub use process::{Effects, Ending, Files, Process, Terminate, once};

use std::future::poll_fn;
use std::io::ErrorKind;

use cli::Command;
use failure::Failure;

/// Runs one invocation and returns how it ends: 0 for success, 1 for a failure, 2 for invalid
/// usage, or as a process fault has set it.
///
/// All tasks belong to the future: dropping it acts like SIGKILL. The runtime releases the tasks'
/// resources when it polls them the next time.
pub async fn run<N: Network>(mut process: Process<N>) -> Ending {
    match command(&mut process).await {
        Ok(output) => {
            let written = process.output.write_all(output.as_bytes());
            match written.and_then(|()| process.output.flush()) {
                Ok(()) => Ending::Code(0),
                // A reader that has left wants no more.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ending::Code(0),
                Err(error) => {
                    process
                        .print_error(&format!("error: cannot write to standard output: {error}"));
                    Ending::Code(1)
                }
            }
        }
        Err(Failure::Ended(ending)) => ending,
        Err(failure) => {
            let mut message = format!("error: {failure}");
            if let Failure::Usage(_) = failure {
                message += "\nhint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options";
            }
            process.print_error(&message);
            if process.main {
                process.write_termination_message(&message);
            }
            failure.ending()
        }
    }
}

/// Waits as `exit` says; returns how the process ends.
async fn exited(exit: cli::exit::Exit, terminate: &mut Terminate) -> Ending {
    let sigterm = poll_fn(|task| terminate(task));
    match tokio::time::timeout(exit.after, sigterm).await {
        // As a program ends that does not handle SIGTERM: it has not done what it was started for.
        Ok(()) => Ending::Code(cli::exit::INTERRUPTED),
        Err(_) => Ending::Code(exit.code),
    }
}

async fn command<N: Network>(process: &mut Process<N>) -> Result<String, Failure> {
    match cli::parse(&process.arguments, &process.environment)? {
        Command::Say(text) => Ok(text),
        Command::Serve(serve) => serve::run(serve, process).await.map(|()| String::new()),
        Command::Exit(exit) => Err(Failure::Ended(exited(exit, &mut process.terminate).await)),
        Command::Traffic(traffic) => client::traffic::run(traffic, process).await,
        Command::Check(check) => client::check::run(check, &process.network).await,
        Command::Control(control) => client::control::run(control, process).await,
    }
}
