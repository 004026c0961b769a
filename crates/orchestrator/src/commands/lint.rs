//! `probeflip lint`: what is wrong with manifests, or with what runs in a namespace.

use super::manifest_input::{self, InputError};
use crate::{
    cli::{self, Output},
    cluster::originals,
    exit::{CommandResult, Exit},
    lint::{self, LintOutcome, Severity},
    report::{
        lint::{self as report, Origin},
        printer::Printer,
    },
    stand_in,
};

pub(super) fn run(command: &cli::Lint, printer: &Printer) -> CommandResult {
    let manifests = manifest_input::read(&command.input, &[originals::CRON_JOB])?;
    let outcome = lint::lint(&manifests)?;
    for problem in &outcome.unknown {
        printer.warn(problem.to_string());
    }
    if outcome.workloads + outcome.services == 0 {
        return Err(InputError::NoWorkload.into());
    }
    if !outcome.left_out.is_empty() {
        let counts = stand_in::kind_counts(&outcome.left_out);
        printer.note(format!("note: left out: {counts}"));
    }
    let exit = exit(&outcome, command.fail_on);
    let origin = match command.input.context {
        None => Origin::Files,
        Some(_) => Origin::Cluster,
    };
    match command.output {
        Output::Json => {
            let json = report::json(&outcome, origin, exit as u8);
            let json = serde_json::to_string_pretty(&json).expect("a report must be JSON");
            printer.data(&(json + "\n"))?;
        }
        Output::Text => {
            let least = if command.verbose {
                Severity::Info
            } else {
                Severity::Warning
            };
            // What decides about the exit code is shown.
            let least = least.min(command.fail_on);
            printer.text(&report::text(&outcome, origin, least, printer.width()))?;
        }
    }
    Ok(exit)
}

fn exit(outcome: &LintOutcome, fail_on: Severity) -> Exit {
    let mut findings = outcome.findings.iter();
    if findings.any(|finding| finding.severity >= fail_on) {
        Exit::Failed
    } else {
        Exit::Held
    }
}

#[cfg(test)]
mod tests;
