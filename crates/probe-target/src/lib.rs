//! The server under probe: a tiny program whose ports, paths and faults are set at runtime over HTTP.
//! Generic over [`Network`], so that the very code of the image also runs on streams in memory. It knows no socket and no wall clock.
//!
//! What it can be told and what it answers, as values: [`word`], [`behaviour`], [`opening`], [`process_fault`], [`bound`], [`route_path`],
//! [`request_target`], [`flips`], [`boots`], [`plan`], [`wire`].
//! What it decides: `world`, over `layers`. What it does: `serve` (a `port` task for each port, `http` for each connection, `life` for the process, `control`
//! beside them, `target` between them), `traffic`, and the small commands `check` and `remote`.

pub mod behaviour;
pub mod boots;
pub mod bound;
pub mod chance;
pub mod duration;
pub mod fault;
pub mod flips;
pub mod moment;
pub mod opening;
pub mod place;
pub mod plan;
pub mod process_fault;
pub mod request_target;
pub mod route_path;
pub mod wire;
pub mod word;

mod begun;
mod buffered;
mod call;
mod check;
mod cli;
mod client;
mod clock;
mod control;
mod events;
mod exchange;
mod failure;
mod fields;
mod head;
mod health;
mod http;
mod http1;
mod http2;
mod identity;
mod invalid;
mod json;
mod keeper;
mod layers;
mod life;
mod limit;
mod log;
mod metrics;
mod net;
mod panel;
mod percent;
mod port;
mod process;
mod remote;
mod reply;
mod room;
mod script;
mod serve;
mod shared;
mod tally;
mod target;
mod tcp;
mod tls;
mod traffic;
mod web_page;
mod world;

pub use cli::check::{Check, Kind, asked};
pub use invalid::Invalid;
pub use net::{Connection, Listener, Network};
pub use process::{Effects, Ending, Files, Process, Terminate, once};

use cli::Command;
use failure::Failure;

/// Runs one invocation to its end and says how it ends: with 0, 1 for what did not work, 2 for what was not understood, or as it was told.
///
/// All tasks belong to the future: dropping it is SIGKILL. What they held is released as soon as the runtime has polled them once more.
pub async fn run<N: Network>(mut process: Process<N>) -> Ending {
    match command(&mut process).await {
        Ok(said) => {
            // Whoever closed stdout does not want it.
            _ = process.output.write_all(said.as_bytes());
            _ = process.output.flush();
            Ending::Code(0)
        }
        Err(Failure::Told(ending)) => ending,
        Err(failure) => {
            let mut said = format!("error: {failure}");
            if let Failure::Usage(_) = failure {
                said += "\nhint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options";
            }
            process.say(&said);
            if process.main {
                process.conclude(&said);
            }
            failure.ending()
        }
    }
}

async fn command<N: Network>(process: &mut Process<N>) -> Result<String, Failure> {
    match cli::parse(&process.arguments, &process.environment)? {
        Command::Say(text) => Ok(text),
        Command::Serve(serve) => serve::run(serve, process).await.map(|()| String::new()),
        Command::Traffic(traffic) => traffic::run(traffic, process).await,
        Command::Check(check) => check::run(check, &process.network).await,
        Command::Control(control) => remote::run(control, process).await,
    }
}
