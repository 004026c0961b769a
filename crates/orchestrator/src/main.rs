//! `probeflip`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use orchestrator::{cli::Cli, commands, report::printer::Printer};
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

fn main() -> ExitCode {
    let printer = Printer::process();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return commands::not_run(&error, &printer).into(),
    };
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(log)
        .with(logged())
        .init();
    commands::run(cli.command, &printer).into()
}

/// What `RUST_LOG` selects, such as `debug` or `kube=debug,orchestrator=trace`; nothing without it.
fn logged() -> Targets {
    let selected = std::env::var("RUST_LOG").ok();
    // An empty text would parse as the level `error`.
    let selected = selected.filter(|selected| !selected.is_empty());
    let parsed = selected.and_then(|selected| selected.parse().ok());
    parsed.unwrap_or_default()
}
