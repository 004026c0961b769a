//! The runs of all questions, on all processors, each with a runtime of its own.

use std::{
    num::NonZero,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use super::super::run::{self, Checked};
use crate::{
    cluster::{self, Latencies},
    error_chain,
    exit::{Exit, Failure},
    input::{experiment::Rate, files::Files, load, source::Source},
    predict::{self, Answer, Impact, NoImpact, Question, Written},
    report::printer::{PrintError, Printer},
    run::{Job, RunResult, Views, interrupt::Interrupt},
    timeline::Place,
};

/// The reason of a row of which no run has ended before a signal.
const INTERRUPTED: &str = "interrupted before a run of it has ended";

/// A question, and the experiment that asks it or why none can.
pub(super) struct Asked<'w> {
    pub(super) question: Question<'w>,
    experiment: Result<Prepared, String>,
}

/// An experiment that can run.
struct Prepared {
    written: Written,
    checked: Checked,
}

impl<'w> Asked<'w> {
    /// Writes and checks the experiment of a question.
    pub(super) fn new(
        question: Question<'w>,
        rate: Rate,
        settle: Duration,
        printer: &Printer,
    ) -> Self {
        let experiment = match &question.unanswerable {
            Some(why) => Err(why.clone()),
            None => prepared(&question, rate, settle, printer)
                .map_err(|why| error_chain::text(why.error.as_ref())),
        };
        Self {
            question,
            experiment,
        }
    }

    /// Its experiment as text, if there is one.
    pub(super) fn written(&self) -> Option<&Written> {
        let prepared = self.experiment.as_ref().ok()?;
        Some(&prepared.written)
    }

    /// Whether both ask about the same objects, which become ready or do not.
    fn shares_objects(&self, other: &Self) -> bool {
        let (one, two) = (&self.question, &other.question);
        (&one.workload.reference, &one.blind) == (&two.workload.reference, &two.blind)
    }
}

fn prepared(
    question: &Question<'_>,
    rate: Rate,
    settle: Duration,
    printer: &Printer,
) -> Result<Prepared, Failure> {
    // Within its initial delay, a probe that fails is not asked.
    let settle = settle.max(question.longest_delay());
    let written = predict::written(question, rate, settle);
    let source = Source {
        path: format!("{}.yaml", written.name).into(),
        text: written.text.as_str().into(),
    };
    let mut experiments = load::load(&source)?.experiments;
    let experiment = experiments.pop().expect("the text must hold an experiment");
    let checked = run::check(experiment, Files::Embedded, None, printer)?;
    Ok(Prepared { written, checked })
}

/// What came of the questions.
pub(super) struct Outcome {
    /// An answer to each question.
    pub(super) answers: Vec<Answer>,
    /// The exit code of the signal that ended the work early.
    pub(super) signal: Option<Exit>,
}

type Sample = Result<Impact, NoImpact>;

/// How often the progress is shown while no run ends.
const PROGRESS: Duration = Duration::from_secs(1);

/// What the collector waits for.
enum Next {
    Signal(Exit),
    Sample((usize, Sample)),
    /// Every worker has ended.
    End,
    Later,
}

/// The runs of all questions, in the order of their rows.
pub(super) struct Samples<'a> {
    asked: &'a [Asked<'a>],
    /// The number of runs of each question.
    runs: usize,
    seed: u64,
    /// The next run.
    next: AtomicUsize,
    /// The first question about the same objects, and its first run, of each question.
    first: Vec<usize>,
    firsts: Vec<OnceLock<Sample>>,
    /// Where the runs that are under way take signals.
    signals: Mutex<Vec<UnboundedSender<Exit>>>,
}

impl<'a> Samples<'a> {
    pub(super) fn new(asked: &'a [Asked<'a>], samples: u32, seed: u64) -> Self {
        let first = |asked_for: &Asked<'_>| {
            let mut all = asked.iter();
            let is_first =
                |each: &Asked<'_>| each.experiment.is_ok() && each.shares_objects(asked_for);
            all.position(is_first).unwrap_or(0)
        };
        Self {
            asked,
            runs: samples as usize,
            seed,
            next: AtomicUsize::new(0),
            first: asked.iter().map(first).collect(),
            firsts: asked.iter().map(|_| OnceLock::new()).collect(),
            signals: Mutex::default(),
        }
    }

    /// Runs all samples, and hands each answer to `each` in the order of the rows, as soon as it
    /// is known. A signal ends the runs; questions without a run are then not judged.
    pub(super) fn run(
        &self,
        interrupt: &mut Interrupt,
        printer: &Printer,
        each: impl FnMut(&Answer) -> Result<(), PrintError>,
    ) -> Result<Outcome, Failure> {
        let total = self.asked.len() * self.runs;
        let threads = thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(total);
        let (sender, finished) = unbounded_channel();
        thread::scope(|scope| {
            for _ in 0..threads {
                let sender = sender.clone();
                scope.spawn(move || self.work(&sender));
            }
            drop(sender);
            let collected = self.collect(interrupt, finished, printer, each);
            // After an error of the output too.
            self.stop(Exit::Interrupted);
            collected
        })
    }

    fn work(&self, finished: &UnboundedSender<(usize, Sample)>) {
        let (signal, mut interrupt) = Interrupt::relayed();
        lock(&self.signals).push(signal);
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.asked.len() * self.runs {
                return;
            }
            let sample = self.sample(index, &mut interrupt);
            if finished.send((index, sample)).is_err() {
                return;
            }
        }
    }

    /// Begins no further run, and ends those under way.
    fn stop(&self, signal: Exit) {
        self.next
            .store(self.asked.len() * self.runs, Ordering::Relaxed);
        for runs in &*lock(&self.signals) {
            // A worker that has ended takes no signal.
            runs.send(signal).ok();
        }
    }

    fn collect(
        &self,
        interrupt: &mut Interrupt,
        mut finished: UnboundedReceiver<(usize, Sample)>,
        printer: &Printer,
        mut each: impl FnMut(&Answer) -> Result<(), PrintError>,
    ) -> Result<Outcome, Failure> {
        let runtime = cluster::runtime(&Place::Pocket)?;
        let mut results: Vec<Vec<(usize, Sample)>> = vec![Vec::new(); self.asked.len()];
        let mut answers: Vec<Answer> = Vec::new();
        let mut ended = 0;
        let begun = Instant::now();
        let signal = loop {
            printer.progress(self.progress(ended, answers.len(), begun.elapsed()));
            let next = runtime.block_on(async {
                tokio::select! {
                    biased;
                    signal = interrupt.next() => Next::Signal(signal),
                    sample = finished.recv() => sample.map_or(Next::End, Next::Sample),
                    () = tokio::time::sleep(PROGRESS) => Next::Later,
                }
            });
            let (index, sample) = match next {
                Next::Signal(signal) => break Some(signal),
                Next::End => break None,
                Next::Later => continue,
                Next::Sample(ended) => ended,
            };
            ended += 1;
            results[index / self.runs].push((index, sample));
            while answers.len() < results.len() && results[answers.len()].len() == self.runs {
                let row = answers.len();
                answers.push(self.answer(row, &mut results[row]));
                each(&answers[row])?;
            }
        };
        printer.settle();
        if let Some(signal) = signal {
            self.stop(signal);
        }
        for row in answers.len()..results.len() {
            answers.push(self.answer(row, &mut results[row]));
            each(&answers[row])?;
        }
        Ok(Outcome { answers, signal })
    }

    /// The answer of the runs that have ended.
    fn answer(&self, row: usize, results: &mut [(usize, Sample)]) -> Answer {
        let question = &self.asked[row].question;
        if results.is_empty() {
            return Answer::not_judged(question, INTERRUPTED.to_owned());
        }
        results.sort_by_key(|(index, _)| *index);
        let samples: Vec<Sample> = results.iter().map(|(_, sample)| sample.clone()).collect();
        Answer::of(question, &samples)
    }

    /// How far the work is. A run of hundreds of Pods takes long, so that the time shows that it
    /// goes on.
    fn progress(&self, ended: usize, row: usize, since: Duration) -> String {
        let total = self.asked.len() * self.runs;
        let now = self.asked.get(row).map(|asked| &asked.question);
        let now = now.map_or_else(String::new, |question| {
            format!(": {} {}", question.subject(), question.what())
        });
        format!(
            "{ended} of {total} runs after {} s, row {} of {}{now}",
            since.as_secs(),
            row + 1,
            self.asked.len()
        )
    }

    /// The result of a run. A workload that never becomes ready is tried once: in the first run of
    /// the first question about its objects.
    fn sample(&self, index: usize, interrupt: &mut Interrupt) -> Sample {
        let (row, sample) = (index / self.runs, index % self.runs);
        let first = self.first[row];
        let seed = |sample: usize| self.seed.wrapping_add(sample as u64);
        let run_of_first = || sample_of(&self.asked[first], seed(0), &mut *interrupt);
        let tried = self.firsts[first].get_or_init(run_of_first);
        let is_tried = (row, sample) == (first, 0) || matches!(tried, Err(NoImpact::NeverReady(_)));
        match &self.asked[row].experiment {
            Err(why) => Err(NoImpact::Failed(why.clone())),
            Ok(_) if is_tried => tried.clone(),
            Ok(_) => sample_of(&self.asked[row], seed(sample), interrupt),
        }
    }
}

/// Runs one sample of a question.
fn sample_of(asked: &Asked<'_>, seed: u64, interrupt: &mut Interrupt) -> Sample {
    let prepared = asked.experiment.as_ref();
    let Prepared { written, checked } = prepared.map_err(|why| NoImpact::Failed(why.clone()))?;
    let printer = Printer::nowhere();
    match virtual_run(checked, &written.name, seed, interrupt, &printer) {
        Ok(ran) => Impact::of(&written.effects, &ran.judgement).map_err(|why| {
            let first = printer.take_errors().into_iter().next();
            first.map_or(why, |error| NoImpact::Failed(error.message))
        }),
        Err(failure) => Err(NoImpact::Failed(error_chain::text(failure.error.as_ref()))),
    }
}

/// Runs an experiment in virtual time, with a phase of its own for each seed. With even seeds,
/// other workloads keep the proxy busy.
pub(super) fn virtual_run(
    checked: &Checked,
    name: &str,
    seed: u64,
    interrupt: &mut Interrupt,
    printer: &Printer,
) -> Result<RunResult, Failure> {
    let job = Job {
        experiment: &checked.experiment,
        objects: checked.objects.clone(),
        namespace: None,
        run: name,
        seed: Some(seed),
        spread_phases: true,
        keep: false,
        views: Views::default(),
    };
    run::run_one(&job, &Place::Virtual, latencies(seed), interrupt, printer)
}

/// An idle proxy takes a change at once and the next a second later, a busy one takes both in the
/// same sync: the one loses more requests in a quick restart, the other in a rollout.
fn latencies(seed: u64) -> Latencies {
    match seed % 2 {
        0 => Latencies::Busy,
        _ => Latencies::Node,
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
