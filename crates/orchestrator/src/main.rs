//! `probeflip`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use orchestrator::{cli::Cli, commands, report::printer::Printer};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

fn main() -> ExitCode {
    let printer = Printer::process();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return commands::not_run(&error, &printer).into(),
    };
    let silent = EnvFilter::builder().with_default_directive(LevelFilter::OFF.into());
    tracing_subscriber::fmt()
        .with_env_filter(silent.from_env_lossy())
        .with_writer(std::io::stderr)
        .init();
    commands::run(cli.command, &printer).into()
}
