//! `probeflip predict` of experiments: between which times each expectation becomes true, by the
//! closed formula and in runs in virtual time.

use std::{path::Path, thread};

use super::{
    super::run::{self, Checked},
    samples::virtual_run,
};
use crate::{
    check,
    cli::{self, predict::Format},
    exit::{CommandResult, Exit, Failure},
    input::{
        experiment::{Experiment, Operator},
        files::Files,
        load,
    },
    predict::{ExpectationTimes, expectations_json, expectations_markdown, expectations_text},
    report::printer::Printer,
    run::interrupt::Interrupt,
    timeline::Micros,
};

/// The experiments that the input's files hold. Standard input is taken for manifests.
pub(super) fn experiments(input: &cli::Input) -> Result<Vec<Experiment>, Failure> {
    let names = input.names.iter().filter(|_| input.context.is_none());
    let files = names.map(Path::new).filter(|path| path.is_file());
    let mut experiments = Vec::new();
    for path in files {
        // What is no experiment is read again, with its own hints.
        let loaded = load::load(&Files::Disk.read(path)?);
        experiments.extend(loaded.map(|loaded| loaded.experiments).unwrap_or_default());
    }
    Ok(experiments)
}

/// Predicts when the expectations of experiments become true.
pub(super) fn predict(
    experiments: Vec<Experiment>,
    command: &cli::Predict,
    printer: &Printer,
) -> CommandResult {
    check::check_names(&experiments)?;
    let mut rows = Vec::new();
    for experiment in experiments {
        let manifests = run::workload(&experiment, Files::Disk, printer)?;
        let checked = run::check(experiment, Files::Disk, None, printer)?;
        let windows = check::windows(&checked.experiment, &manifests)?;
        let took = took(&checked, command, printer)?;
        let steps = checked.experiment.steps.iter();
        let expectations = steps.flat_map(|step| step.expect.iter().map(move |it| (step, it)));
        for (index, (step, expectation)) in expectations.enumerate() {
            if !matches!(expectation.operator, Operator::Eventually { .. }) {
                continue;
            }
            let names = [
                &*checked.experiment.name.value,
                &*step.name.value,
                &*expectation.id.value,
            ];
            let formula = windows[index].clone().map_err(|why| why.to_string());
            let took: Vec<Option<Micros>> = took.iter().map(|run| run[index]).collect();
            rows.push(ExpectationTimes::new(names, formula, &took));
        }
    }
    match command.output {
        Format::Table => printer.text(&expectations_text(&rows, printer.width()))?,
        Format::Json => printer.data(&expectations_json(&rows))?,
        Format::Markdown => printer.data(&expectations_markdown(&rows))?,
    }
    Ok(Exit::Held)
}

/// When each expectation became true in each run.
fn took(
    checked: &Checked,
    command: &cli::Predict,
    printer: &Printer,
) -> Result<Vec<Vec<Option<Micros>>>, Failure> {
    let seeds = (0..command.samples).map(|sample| command.seed.wrapping_add(sample.into()));
    let seeds: Vec<u64> = seeds.collect();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut took = Vec::new();
    for seeds in seeds.chunks(threads) {
        let name = &checked.experiment.name.value;
        printer.progress(format!(
            "{name}: {} of {} runs",
            took.len(),
            command.samples
        ));
        let runs: Vec<Result<Vec<Option<Micros>>, Failure>> = thread::scope(|scope| {
            let runs = seeds
                .iter()
                .map(|seed| scope.spawn(|| took_in(checked, *seed)));
            let runs: Vec<_> = runs.collect();
            let ended = runs
                .into_iter()
                .map(|run| run.join().expect("a run must not panic"));
            ended.collect()
        });
        for run in runs {
            took.push(run?);
        }
    }
    printer.settle();
    Ok(took)
}

/// When each expectation became true in one run.
fn took_in(checked: &Checked, seed: u64) -> Result<Vec<Option<Micros>>, Failure> {
    let name = &checked.experiment.name.value;
    let (_signals, mut interrupt) = Interrupt::relayed();
    let ran = virtual_run(checked, name, seed, &mut interrupt, &Printer::nowhere())?;
    let steps = ran.judgement.steps.iter();
    let times = steps.flat_map(|step| {
        let findings = step.findings.iter();
        findings.map(move |finding| step.since_acknowledged(finding.at))
    });
    Ok(times.collect())
}
