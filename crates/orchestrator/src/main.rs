//! `probeflip`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use orchestrator::{
    cli::Cli,
    commands,
    report::printer::{Printer, Printing},
};
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// A run allocates millions of small pieces, all on one thread. With glibc's allocator the virtual
/// minute of `benches/scale` takes half as long again, and more a Pod the more there are.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printer = Printer::process(Printing::default());
            return commands::not_run(&error, &printer).into();
        }
    };
    let printer = Printer::process(cli.command.printing());
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(log)
        .with(logged(&printer))
        .init();
    commands::run(cli.command, &printer).into()
}

/// The log records that `RUST_LOG` selects, such as `debug` or `kube=debug,orchestrator=trace`;
/// none without it. An invalid value is reported and selects none.
fn logged(printer: &Printer) -> Targets {
    let selected = std::env::var("RUST_LOG").unwrap_or_default();
    // An empty text would parse as the level `error`.
    if selected.is_empty() {
        return Targets::default();
    }
    selected.parse().unwrap_or_else(|error| {
        printer.warn(format!("RUST_LOG=`{selected}` selects nothing: {error}"));
        Targets::default()
    })
}
