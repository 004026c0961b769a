//! Dispatches each command of the command line to its implementation.

mod check;
mod completions;
mod diff;
mod down;
mod explain;
mod flip;
mod heal;
mod image;
mod lint;
mod manifest_input;
mod output;
mod pocket_on_port;
mod predict;
mod run;
mod session;
mod shell;
mod stand_in;
mod status;
mod up;
mod watch;

use schemars::Schema;

use crate::{
    cli::{self, Command, Described},
    exit::{CommandResult, Exit, Failure},
    input::schema,
    predict as prediction,
    report::{Paint, json, lint as lint_report, printer::Printer},
    stand_in::Settings,
};
use session::Session;

/// Runs a command and prints its failure, if any. Returns the exit code.
pub fn run(command: Command, printer: &Printer) -> Exit {
    let outcome = match command {
        Command::Run(run) => run::run(&run, printer),
        Command::Check(command) => check::run(&command, printer),
        Command::Judge(judge) => run::judge_again(&judge, printer),
        Command::Up(up) => up_files(&up, printer),
        Command::Down(down) => down_what(&down, printer),
        Command::Predict(command) => predict::run(&command, printer),
        Command::Diff(command) => diff::run(&command, printer),
        Command::StandIn(command) => stand_in::run(&command, printer),
        Command::Lint(command) => lint::run(&command, printer),
        Command::Flip(flip) => flip_what(&flip, printer),
        // Not guarded (`false`): healing only removes flips.
        Command::Heal(heal) => Session::with(&heal.at, printer, false, async |session| {
            heal::run(&heal, session).await
        }),
        Command::Status(status) => Session::with(&status.at, printer, false, async |session| {
            status::run(&status, session).await
        }),
        Command::Pocket(command) => pocket_on_port::run(&command, printer),
        Command::Watch(watch) => watch::run(&watch, printer),
        Command::Image(image) => image::run(&image, printer),
        Command::Schema { of } => schema(of, printer),
        Command::Explain(command) => explain::run(&command, printer),
        Command::Completions { shell } => completions::run(shell, printer),
    };
    outcome.unwrap_or_else(|failure| failure.print(printer))
}

/// Prints help, version or a command-line error from clap.
pub fn not_run(error: &clap::Error, printer: &Printer) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        // The message quotes arguments, which may contain control characters; `note` escapes them.
        printer.note(text.to_string().trim_end());
        return Exit::Usage;
    }
    let text = match printer.paint() {
        Paint::Colour => text.ansi().to_string(),
        Paint::Plain => text.to_string(),
    };
    match printer.data(&text) {
        Ok(()) => Exit::Held,
        Err(error) => Failure::from(error).print(printer),
    }
}

/// Runs `up`. Files are read before the cluster is contacted.
fn up_files(up: &cli::Up, printer: &Printer) -> CommandResult {
    let manifests = if up.stand_in {
        up::load_stand_ins(&up.files, &up.targets.settings(None), printer)?
    } else {
        up::load(&up.files)?
    };
    Session::with(&up.at, printer, true, async |session| {
        up::run(&manifests, session).await
    })
}

/// Runs `flip`. The flip is parsed before the cluster is contacted.
fn flip_what(flip: &cli::Flip, printer: &Printer) -> CommandResult {
    let request = flip::request(flip)?;
    Session::with(&flip.at, printer, true, async |session| {
        flip::run(flip, &request, session).await
    })
}

fn down_what(down: &cli::Down, printer: &Printer) -> CommandResult {
    let manifests = if down.stand_in {
        // The objects are deleted by name, whatever their targets do.
        up::load_stand_ins(&down.files, &Settings::default(), printer)?
    } else {
        up::load(&down.files)?
    };
    let list = down.run.is_none() && manifests.is_empty();
    if list && down.at.context.is_none() {
        down::must_have_context()?;
    }
    // A list deletes nothing, so it is not guarded.
    Session::with(&down.at, printer, !list, async |session| match &down.run {
        Some(id) => down::run(id, session).await,
        None if list => down::list(session).await,
        None => down::files(&manifests, session).await,
    })
}

/// Prints what stand-ins do not keep.
fn note_stand_ins(notes: &[String], printer: &Printer) {
    for note in notes {
        printer.paragraph("note: ", note);
    }
}

/// The schema of a format.
fn schema_of(format: Described) -> Schema {
    match format {
        Described::Experiment => schema::experiment(),
        Described::Run => json::schema(),
        Described::Lint => lint_report::schema(),
        Described::Predict => prediction::schema(),
        Described::PredictExperiments => prediction::expectations_schema(),
    }
}

fn schema(of: Described, printer: &Printer) -> CommandResult {
    let schema = serde_json::to_string_pretty(&schema_of(of));
    printer.data(&(schema.expect("a schema must serialize") + "\n"))?;
    Ok(Exit::Held)
}

#[cfg(test)]
mod tests;
