//! `probeflip run` and `probeflip judge`: check files, run or judge experiments, write reports.
//!
//! All input files are read and checked, and all output files created, before the first experiment
//! runs. Each run has its own thread and runtime. Output files are filled after the last one has
//! ended. Results are written however the command ends, if their files could be created.

mod again;
mod apart;
mod collector;
mod ended;
mod listing;
mod output_files;
mod repeat;
mod report_file;
mod result_files;
mod schedule;
mod side_by_side;

use std::{path::Path, thread};

use crate::{
    check,
    cli::{self, On},
    cluster::{self, Cluster, Latencies, guard},
    commands::output,
    exit::{CommandResult, Exit, Failure, HasExitCode},
    input::{
        experiment::Experiment,
        files::{Files, SEED},
        load,
        manifests::{self, Manifest},
    },
    judge,
    random::Random,
    report::{
        self,
        printer::{Printer, Verbosity},
    },
    run::{self, Job, RunResult, Views, exit_of, interrupt::Interrupt},
    stand_in::{self, Settings},
    timeline::{Place, Timeline, file},
};
use again::Options;
use apart::apart;
use collector::Collector;
use ended::Messages;
use listing::Listing;
use output_files::OutputFiles;
use repeat::Repeat;
use result_files::ResultFiles;
use schedule::{Limits, RunKey, Schedule};
use side_by_side::SideBySide;

/// Default seed on `virtual`.
// Fixed, so that runs without `--seed` are equal too.
const VIRTUAL_SEED: u64 = 1;

/// Length of a run's ID.
const ID_LENGTH: usize = 8;

/// Why no experiment was run or judged.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("no experiment in these files; expected `kind: Experiment`")]
    NoExperiment,
    #[error("`--context` is a cluster's, and `--on {0}` is not one")]
    ContextElsewhere(&'static str),
    #[error("`{timeline}` holds no timeline of {experiment}")]
    NoTimeline {
        timeline: String,
        experiment: String,
    },
    #[error("`{path}` is no timeline")]
    Timeline {
        path: String,
        #[source]
        source: file::ReadError,
    },
}

impl HasExitCode for RunError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// An experiment and the objects of its workload.
pub(super) struct Checked {
    pub(super) experiment: Experiment,
    pub(super) objects: Vec<Manifest>,
}

pub(super) fn run(run: &cli::Run, printer: &Printer) -> CommandResult {
    let mut outputs = OutputFiles::create(run)?;
    let exit = run_all(run, &mut outputs, printer);
    let exit = exit.unwrap_or_else(|failure| failure.print(printer));
    Ok(outputs.fill(exit, printer))
}

fn run_all(run: &cli::Run, outputs: &mut OutputFiles, printer: &Printer) -> CommandResult {
    let (place, named) = place(run)?;
    let checked = load_all(run, printer)?;
    if let Place::Cluster(context) = &place {
        guard::may_write(context, named)?;
    }
    let seed = seed(run, &place);
    outputs.create_timelines(run, &checked[0].experiment, seed)?;
    let mut interrupt = Interrupt::catch()?;
    // From the seed, so that equal runs have equal IDs.
    let id = random(seed).suffix(ID_LENGTH);
    say_id(run, &place, &id, printer);
    let repeat = run.repeat.map(|runs| Repeat {
        place: &place,
        runs,
        seed,
    });
    let run_as = |key: RunKey, printer: &Printer, interrupt: &mut Interrupt| {
        let Checked {
            experiment,
            objects,
        } = &checked[key.experiment];
        if let Some(Repeat { runs, .. }) = repeat {
            printer.detail(format!("run {} of {runs}", key.run + 1));
        }
        let seed = seed_of(seed, key.run);
        // On an embedded cluster the ID names nothing that stays.
        let own = seed.filter(|_| repeat.is_some());
        let own = own.map(|seed| random(Some(seed)).suffix(ID_LENGTH));
        let job = Job {
            experiment,
            objects: objects.clone(),
            namespace: run.namespace.as_deref(),
            run: own.as_deref().unwrap_or(&id),
            seed,
            spread_phases: repeat.is_some(),
            keep: run.keep,
            views: Views {
                records: run.timeline.is_some() || run.results.report.is_some(),
                // Of several runs only the sum is printed.
                sections: run.repeat.is_none_or(|runs| runs == 1)
                    && printer.verbosity() != Verbosity::Quiet,
            },
        };
        run_one(&job, &place, run.latencies, interrupt, printer)
    };
    let (limits, messages) = limits(run, &place);
    let apart = apart(&checked, &place, run.namespace.as_deref());
    let mut collector = Collector::new(&checked, repeat, messages, outputs, printer);
    let runs = SideBySide {
        schedule: Schedule::new(run.repeat.unwrap_or(1), apart, limits),
        messages,
        fail_fast: run.fail_fast,
        is_repeated: repeat.is_some(),
        printer,
        run_one: &run_as,
    };
    runs.run(&mut interrupt, &mut collector)?;
    Ok(collector.end())
}

/// How many runs may be under way at a time, and where they print. In virtual time, repeated runs
/// share the processors.
fn limits(run: &cli::Run, place: &Place) -> (Limits, Messages) {
    let experiments = run.parallel;
    if run.repeat.is_some() && *place == Place::Virtual {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let limits = Limits {
            experiments,
            of_one: processors,
            runs: processors.max(experiments),
        };
        return (limits, Messages::Errors);
    }
    let limits = Limits {
        experiments,
        of_one: 1,
        runs: experiments,
    };
    match experiments {
        1 => (limits, Messages::Live),
        _ => (limits, Messages::Held),
    }
}

/// Prints the run's ID. On a cluster that is what `down --run` takes if the run is killed. Runs
/// side by side have an ID each, and leave nothing that an ID would name.
fn say_id(run: &cli::Run, place: &Place, id: &str, printer: &Printer) {
    let line = format!("run {id}");
    match place {
        Place::Cluster(_) => printer.note(line),
        Place::Virtual if run.repeat.is_some() => {}
        Place::Pocket | Place::Virtual => printer.detail(line),
    }
}

/// Whether to skip the remaining experiments: after a signal, or an error that the next experiment
/// would meet too.
fn stops(exit: Exit) -> bool {
    matches!(
        exit,
        Exit::Interrupted | Exit::Terminated | Exit::RevertFailed | Exit::Refused
    )
}

pub(super) fn run_one(
    job: &Job<'_>,
    place: &Place,
    latencies: Latencies,
    interrupt: &mut Interrupt,
    printer: &Printer,
) -> Result<RunResult, Failure> {
    // Anew from the seed, so that a result does not depend on the experiments before it.
    let mut random = random(job.seed);
    cluster::runtime(place)?.block_on(async {
        let cluster = tokio::select! {
            biased;
            exit = interrupt.next() => {
                return Err(Failure::new(exit, "interrupted before anything was done"));
            }
            cluster = Cluster::connect(place.clone(), latencies, &mut random) => cluster?,
        };
        run::run(job, &cluster, &mut random, interrupt, printer).await
    })
}

/// The cluster to run on, and whether the user named it.
fn place(run: &cli::Run) -> Result<(Place, bool), Failure> {
    match (run.on, &run.context) {
        (Some(On::Pocket), Some(_)) => Err(RunError::ContextElsewhere("pocket").into()),
        (Some(On::Virtual), Some(_)) => Err(RunError::ContextElsewhere("virtual").into()),
        (_, Some(context)) => Ok((Place::Cluster(context.clone()), true)),
        (Some(On::Cluster), None) => Ok((Place::Cluster(cluster::current_context()?), false)),
        (Some(On::Virtual), None) => Ok((Place::Virtual, true)),
        (Some(On::Pocket) | None, None) => Ok((Place::Pocket, true)),
    }
}

/// The seed of the run. On clusters it is ignored: names come from the operating system.
fn seed(run: &cli::Run, place: &Place) -> Option<u64> {
    match place {
        Place::Virtual => Some(run.seed.unwrap_or(VIRTUAL_SEED)),
        Place::Pocket => run.seed,
        Place::Cluster(_) => None,
    }
}

/// The seed of the run with this number from 0 of a repetition, from that of its first run.
fn seed_of(first: Option<u64>, index: u32) -> Option<u64> {
    first.map(|first| first.wrapping_add(index.into()))
}

fn random(seed: Option<u64>) -> Random {
    seed.map_or_else(Random::from_system, Random::seeded)
}

/// Reads and checks all files; stops at the first invalid file.
fn load_all(run: &cli::Run, printer: &Printer) -> Result<Vec<Checked>, Failure> {
    let (files, paths) = if run.files.is_empty() {
        (Files::Embedded, vec![Path::new(SEED)])
    } else {
        (Files::Disk, run.files.iter().map(AsRef::as_ref).collect())
    };
    let mut checked = Vec::new();
    let mut sources = Vec::new();
    for path in paths {
        sources.extend(files.sources(path)?);
    }
    for source in sources {
        let load::Loaded {
            experiments,
            manifests,
        } = load::load(&source)?;
        let path = &source.path;
        if let Some(warning) = unused(path, &experiments, &manifests) {
            printer.warn(warning);
        }
        if experiments.is_empty() {
            printer.detail(format!(
                "skipped `{}`: it holds no experiment",
                path.display()
            ));
        }
        for experiment in experiments {
            checked.push(check(experiment, files, run.namespace.as_deref(), printer)?);
        }
    }
    if checked.is_empty() {
        return Err(RunError::NoExperiment.into());
    }
    check::check_names(checked.iter().map(|checked| &checked.experiment))?;
    Ok(checked)
}

/// A warning about objects in an experiment's file: they look like its workload, but are only
/// applied if the workload names the file.
pub(super) fn unused(
    path: &Path,
    experiments: &[Experiment],
    manifests: &[load::Manifest],
) -> Option<String> {
    let nothing = experiments.is_empty() || manifests.is_empty();
    if nothing || experiments.iter().any(manifests::is_in_own_file) {
        return None;
    }
    let path = path.display();
    let name = manifests[0].name();
    let (objects, kind) = (manifests.len(), manifests[0].kind());
    let what = match objects {
        1 => format!("{kind} `{name}`"),
        _ => format!("{objects} objects, {kind} `{name}` first"),
    };
    Some(format!(
        "`{path}` also holds {what}: no workload of its experiments names this file, so that is \
         not applied"
    ))
}

pub(super) fn check(
    mut experiment: Experiment,
    files: Files,
    namespace: Option<&str>,
    printer: &Printer,
) -> Result<Checked, Failure> {
    let manifests = workload(&experiment, files, printer)?;
    let objects = manifests::objects(&manifests, namespace)?;
    check::check(&experiment, &manifests)?;
    check::check_patches(&experiment, &manifests)?;
    check::predict_bounds(&mut experiment, &manifests)?;
    Ok(Checked {
        experiment,
        objects,
    })
}

/// The manifests of an experiment's workload, or their stand-ins.
pub(super) fn workload(
    experiment: &Experiment,
    files: Files,
    printer: &Printer,
) -> Result<Vec<load::Manifest>, Failure> {
    let manifests = manifests::of_experiment(experiment, files)?;
    if !experiment.stand_in {
        return Ok(manifests);
    }
    let (stand_ins, notes) = stand_in::manifests(&manifests, &Settings::default())?;
    match printer.verbosity() {
        Verbosity::Verbose => super::note_stand_ins(&notes, printer),
        Verbosity::Normal if !notes.is_empty() => {
            let name = &experiment.name.value;
            let notes = notes.len();
            printer.note(format!(
                "note: {name}: stand-ins do not keep everything; `-v` prints {notes} notes"
            ));
        }
        Verbosity::Normal | Verbosity::Quiet => {}
    }
    Ok(stand_ins)
}

/// Judges recorded timelines again, each with the experiment of the same name.
pub(super) fn judge_again(again: &cli::Judge, printer: &Printer) -> CommandResult {
    output::check(&again.outputs(), &[&again.file, &again.timeline])?;
    let mut results = ResultFiles::create(&again.results, Options::default())?;
    let exit = judge_all(again, &mut results, printer);
    let exit = exit.unwrap_or_else(|failure| failure.print(printer));
    results.add_errors(printer.take_errors());
    Ok(results.fill(exit, printer))
}

fn judge_all(again: &cli::Judge, results: &mut ResultFiles, printer: &Printer) -> CommandResult {
    let mut experiments = load::load(&Files::Disk.read(&again.file)?)?.experiments;
    if experiments.is_empty() {
        return Err(RunError::NoExperiment.into());
    }
    check::check_names(&experiments)?;
    for experiment in experiments
        .iter_mut()
        .filter(|it| it.has_predicted_bounds())
    {
        let manifests = workload(experiment, Files::Disk, printer)?;
        check::predict_bounds(experiment, &manifests)?;
    }
    let timelines = read_timelines(&again.timeline)?;
    let mut listing = Listing::new(experiments.iter(), printer);
    let judged = judge_each(&experiments, &timelines, again, results, &mut listing);
    results.set_outcomes(listing.outcomes());
    let exit = judged?;
    listing.end()?;
    Ok(exit)
}

fn judge_each(
    experiments: &[Experiment],
    timelines: &[Timeline],
    again: &cli::Judge,
    results: &mut ResultFiles,
    listing: &mut Listing<'_>,
) -> CommandResult {
    let mut exit = Exit::Held;
    for experiment in experiments {
        let name = &experiment.name.value;
        let of_name = |timeline: &&Timeline| timeline.header().experiment == *name;
        let Some(timeline) = timelines.iter().find(of_name) else {
            let timeline = again.timeline.display().to_string();
            return Err(RunError::NoTimeline {
                timeline,
                experiment: name.clone(),
            }
            .into());
        };
        let judgement = judge::judge(experiment, timeline);
        let ran = RunResult {
            timeline: timeline.clone(),
            sections: report::sections(experiment, timeline),
            exit: exit_of(judgement.verdict),
            judgement,
        };
        exit = exit.and(ran.exit);
        results.add_run(experiment, &ran);
        listing.add(experiment, &ran)?;
    }
    Ok(exit)
}

pub(super) fn read_timelines(path: &Path) -> Result<Vec<Timeline>, Failure> {
    let source = Files::Disk.read(path)?;
    let timelines = file::read(&source.text);
    Ok(timelines.map_err(|source| RunError::Timeline {
        path: path.display().to_string(),
        source,
    })?)
}
