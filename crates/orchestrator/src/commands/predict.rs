//! `probeflip predict`: asks every question about the workloads of manifests in virtual time.
//!
//! The runs share the processors, each with a runtime of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    manifest_input::{self, InputError},
    run::Checked,
};
use crate::{
    cli::{self, predict::Format},
    cluster::Latencies,
    error_chain,
    exit::{CommandResult, Exit, Failure, HasExitCode},
    input::{
        experiment::{Rate, TrafficThat},
        files::Files,
        load,
        problem::Problems,
        source::Source,
    },
    predict::{self, Answer, Basis, Impact, Question, Wanted, Workload, Written},
    report::printer::Printer,
    run::{Job, Views, interrupt::Interrupt},
    stand_in,
    timeline::Place,
};

/// Why nothing is predicted.
#[derive(Debug, thiserror::Error)]
enum PredictError {
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl HasExitCode for PredictError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// A question, and the experiment that asks it or why none can.
struct Asked<'w> {
    question: Question<'w>,
    experiment: Result<Prepared, String>,
}

/// An experiment that can run.
struct Prepared {
    written: Written,
    checked: Checked,
}

pub(super) fn run(command: &cli::Predict, printer: &Printer) -> CommandResult {
    let manifests = manifest_input::read(&command.input, &[])?;
    let settings = command.targets.settings(None);
    let (stand_ins, notes) = stand_in::manifests(&manifests, &settings)?;
    super::note_stand_ins(&notes, printer);
    let workloads = Workload::all(&stand_ins, &manifests).map_err(Problems::from)?;
    if workloads.is_empty() {
        return Err(InputError::NoWorkload.into());
    }
    let wanted = Wanted {
        modes: command.mode.clone(),
        scopes: command.scope.clone(),
    };
    let questions = workloads
        .iter()
        .flat_map(|workload| predict::questions(workload, &wanted));
    let is_asked = |question: &Question<'_>| {
        command.only.is_empty() || command.only.contains(&predict::name(question))
    };
    let asked: Vec<Asked<'_>> = questions
        .filter(is_asked)
        .map(|question| asked(question, command.rate, printer))
        .collect();
    if let Some(folder) = &command.experiments {
        keep(&asked, folder)?;
    }
    let answers = answers(&asked, command, printer);
    match command.output {
        Format::Table => printer.text(&predict::text(&answers, printer.width()))?,
        Format::Json => printer.data(&predict::json(basis(command), &answers, Exit::Held))?,
        Format::Markdown => printer.data(&predict::markdown(&answers))?,
    }
    Ok(Exit::Held)
}

fn basis(command: &cli::Predict) -> Basis {
    Basis {
        samples: command.samples,
        seed: command.seed,
        rate_per_second: command.rate.per_second(),
    }
}

/// How long a steady state must last at this rate, so that enough requests show it.
fn settle(rate: Rate) -> Duration {
    let requests = TrafficThat::MIN_REQUESTS;
    Duration::from_secs(requests.div_ceil(rate.per_second().into()) + 1)
}

fn asked<'w>(question: Question<'w>, rate: Rate, printer: &Printer) -> Asked<'w> {
    let experiment = match &question.unanswerable {
        Some(why) => Err(why.clone()),
        None => {
            prepared(&question, rate, printer).map_err(|why| error_chain::text(why.error.as_ref()))
        }
    };
    Asked {
        question,
        experiment,
    }
}

fn prepared(question: &Question<'_>, rate: Rate, printer: &Printer) -> Result<Prepared, Failure> {
    let written = predict::written(question, rate, settle(rate));
    let source = Source {
        path: format!("{}.yaml", written.name).into(),
        text: written.text.as_str().into(),
    };
    let mut experiments = load::load(&source)?.experiments;
    let experiment = experiments.pop().expect("the text must hold an experiment");
    let checked = super::run::check(experiment, Files::Embedded, None, printer)?;
    Ok(Prepared { written, checked })
}

/// Writes the experiments into a folder, which is created.
fn keep(asked: &[Asked<'_>], folder: &Path) -> Result<(), PredictError> {
    let written = |path: PathBuf, result: io::Result<()>| {
        result.map_err(|source| PredictError::Write { path, source })
    };
    written(folder.to_owned(), fs::create_dir_all(folder))?;
    let prepared = asked
        .iter()
        .filter_map(|asked| asked.experiment.as_ref().ok());
    for Prepared { written: it, .. } in prepared {
        let path = folder.join(format!("{}.yaml", it.name));
        written(path.clone(), fs::write(path, &it.text))?;
    }
    Ok(())
}

/// Runs every sample of every question on all processors.
fn answers(asked: &[Asked<'_>], command: &cli::Predict, printer: &Printer) -> Vec<Answer> {
    let samples = command.samples as usize;
    let next = AtomicUsize::new(0);
    let total = asked.len() * samples;
    let results: Vec<Mutex<Vec<Result<Impact, String>>>> =
        asked.iter().map(|_| Mutex::default()).collect();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= total {
                return;
            }
            printer.progress(format!("run {} of {total}", index + 1));
            let (which, sample) = (index / samples, index % samples);
            let seed = command.seed.wrapping_add(sample as u64);
            let impact = sample_of(&asked[which], seed);
            let mut taken = results[which]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            taken.push(impact);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism()
            .map_or(1, usize::from)
            .min(total)
        {
            scope.spawn(work);
        }
    });
    printer.settle();
    let answers = asked.iter().zip(results).map(|(asked, results)| {
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        Answer::of(&asked.question, &results)
    });
    answers.collect()
}

/// Runs one sample of a question.
fn sample_of(asked: &Asked<'_>, seed: u64) -> Result<Impact, String> {
    let prepared = asked.experiment.as_ref().map_err(Clone::clone)?;
    let Prepared { written, checked } = prepared;
    let job = Job {
        experiment: &checked.experiment,
        objects: checked.objects.clone(),
        namespace: None,
        run: &written.name,
        seed: Some(seed),
        spread_phases: true,
        keep: false,
        views: Views::default(),
    };
    let printer = Printer::to(Box::new(io::sink()), Box::new(io::sink()));
    let (_signals, mut interrupt) = Interrupt::relayed();
    let place = Place::Virtual;
    match super::run::run_one(&job, &place, Latencies::Node, &mut interrupt, &printer) {
        Ok(ran) => Impact::of(&written.effects, &ran.judgement).map_err(|why| {
            let first = printer.take_errors().into_iter().next();
            first.map_or(why, |error| error.message)
        }),
        Err(failure) => Err(error_chain::text(failure.error.as_ref())),
    }
}
