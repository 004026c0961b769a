//! The double of `agnhost`, with the subcommands that the tests of nodes use.

mod connections;
mod flags;
mod grpc;
mod http;
mod netexec;
mod servers;

use flags::Flags;

use crate::{
    command::Command,
    io::Sink,
    system::{Stream, System},
};

/// Runs a subcommand; `pause` without one.
pub(crate) async fn run(command: Command) -> i32 {
    let Command {
        system,
        name,
        arguments,
        io,
        ..
    } = command;
    let subcommand = arguments.first().map_or("help", String::as_str);
    let flags = Flags(arguments.get(1..).unwrap_or_default());
    let server = async {
        match subcommand {
            "test-webserver" => servers::test_webserver(&system, &flags).await,
            "liveness" => servers::liveness(&system).await,
            "grpc-health-checking" => grpc::run(&system, &flags).await,
            "netexec" => netexec::run(&system, &flags).await,
            _ => 1,
        }
    };
    match subcommand {
        "pause" => pause(&*system).await,
        "entrypoint-tester" => {
            let words = [&[name][..], &arguments].concat().join(" ");
            let line = format!("[{words}]\n");
            i32::from(io.output.write(&*system, line.as_bytes()).is_err())
        }
        "test-webserver" | "liveness" | "grpc-health-checking" => tokio::select! {
            biased;
            () = system.terminated() => TERMINATED,
            code = server => code,
        },
        "netexec" => server.await,
        unknown => {
            let why = format!("Error: unknown command {unknown:?} for \"app\"\n");
            drop(io.error.write(&*system, why.as_bytes()));
            1
        }
    }
}

/// The exit code of a Go program with the process ID 1 that does not handle SIGTERM: the kernel
/// spares it, and the runtime ends it.
const TERMINATED: i32 = 2;

/// `pause`: waits for SIGTERM, and says that it came.
async fn pause(system: &dyn System) -> i32 {
    let output = Sink::Standard(Stream::Output);
    drop(output.write(system, b"Paused\n"));
    let terminated = system.terminated();
    drop(output.write(system, b"Signals registered\n"));
    terminated.await;
    let environment = system.environment();
    let path = environment.get("TERMINATION_MESSAGE_PATH");
    let path = path.filter(|path| !path.is_empty());
    let message = b"exiting because of signal \"terminated\"\n";
    drop(system.write(path.map_or("/dev/termination-log", String::as_str), message));
    drop(output.write(system, message));
    TERMINATED
}
