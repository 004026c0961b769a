//! From a report to test suites and their cases.

use crate::judge::Verdict;
use crate::report::json::{Chain, Error, Expectation, Measure, Repeat, Report, Run, Step};
use crate::timeline::Micros;

/// A test suite.
#[derive(Debug, Default)]
pub(super) struct Suite {
    pub(super) name: String,
    pub(super) file: Option<String>,
    pub(super) started: Option<String>,
    pub(super) took: Micros,
    pub(super) properties: Vec<(String, String)>,
    pub(super) cases: Vec<Case>,
}

/// A test case.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) took: Option<Micros>,
    pub(super) outcome: Outcome,
}

/// What became of a test case.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    NotRun,
    Failed {
        message: String,
        text: String,
    },
    Undecided {
        kind: &'static str,
        message: String,
        text: String,
    },
}

impl Suite {
    pub(super) fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.cases
            .iter()
            .filter(|case| wanted(&case.outcome))
            .count()
    }
}

/// A suite for each run, with the errors of its experiment; then the sums of repeated runs.
pub(super) fn suites(report: &Report) -> Vec<Suite> {
    let mut suites: Vec<(&str, Suite)> = Vec::new();
    for run in &report.experiments {
        let of_several = report
            .repeats
            .iter()
            .any(|it| it.experiment == run.experiment);
        let is_interrupted = report.outcomes.is_interrupted(&run.experiment);
        // An error does not say which of several runs it ended: it has a suite of its own.
        let errors_of = if of_several { "" } else { &run.experiment };
        suites.push((errors_of, suite(run, of_several, is_interrupted)));
    }
    for name in report.outcomes.not_run() {
        suites.push((name, of_not_run(name)));
    }
    for error in &report.errors {
        let name = error.experiment.as_deref().unwrap_or("probeflip");
        let case = of_error(name, error);
        let mut own = suites.iter_mut().rev();
        if let Some((_, suite)) = own.find(|(experiment, _)| *experiment == name) {
            suite.cases.push(case);
        } else {
            let suite = Suite {
                name: name.to_owned(),
                cases: vec![case],
                ..Suite::default()
            };
            suites.push((name, suite));
        }
    }
    let suites = suites.into_iter().map(|(_, suite)| suite);
    suites.chain(report.repeats.iter().map(sum)).collect()
}

/// The suite of an experiment that did not run.
fn of_not_run(name: &str) -> Suite {
    Suite {
        name: name.to_owned(),
        cases: vec![Case {
            class: name.to_owned(),
            name: "run".to_owned(),
            took: None,
            outcome: Outcome::NotRun,
        }],
        ..Suite::default()
    }
}

fn suite(run: &Run, of_several: bool, is_interrupted: bool) -> Suite {
    let label = run
        .seed
        .map_or_else(|| format!("run {}", run.run), |seed| format!("seed {seed}"));
    let name = if of_several {
        format!("{}, {label}", run.experiment)
    } else {
        run.experiment.clone()
    };
    Suite {
        name,
        file: Some(run.file.clone()),
        started: Some(run.started.clone()),
        took: run.took,
        properties: properties(run),
        cases: cases(run, is_interrupted),
    }
}

/// The cases of a run. One that did not pass has a case that says so.
fn cases(run: &Run, is_interrupted: bool) -> Vec<Case> {
    let case = |(name, took, outcome): (String, Option<Micros>, Outcome)| Case {
        class: run.experiment.clone(),
        name,
        took,
        outcome,
    };
    let steps = run.steps.iter().flat_map(of_step);
    let limited = run.measures.iter().filter(|it| it.at_most.is_some());
    let measures = limited.map(|measure| {
        let name = format!("measure: {}", measure.name);
        (name, measure.took, of_measure(measure))
    });
    let start = of_start(run).filter(|_| !is_interrupted);
    let cases = start.into_iter().chain(steps).chain(measures);
    let mut cases: Vec<Case> = cases.map(case).collect();
    let tells = |case: &Case| !matches!(case.outcome, Outcome::Passed | Outcome::NotRun);
    if run.verdict != Verdict::Pass && !cases.iter().any(tells) {
        let message = if is_interrupted {
            "a signal ended the run".to_owned()
        } else {
            format!("the run is {}", run.verdict)
        };
        let outcome = undecided(run.verdict, &message, &[]);
        cases.push(case(("run".to_owned(), None, outcome)));
    }
    cases
}

/// The case of a steady state that was not reached.
fn of_start(run: &Run) -> Option<(String, Option<Micros>, Outcome)> {
    let sentences = || [&run.missing[..], &run.causes].concat();
    let message = "the steady state was not reached";
    let outcome = || undecided(Verdict::Error, message, &sentences());
    (run.verdict == Verdict::Error).then(|| ("steady state".to_owned(), None, outcome()))
}

/// The cases of a step's expectations, and of flips that prove nothing.
fn of_step(step: &Step) -> Vec<(String, Option<Micros>, Outcome)> {
    let expected = step.expectations.iter().filter(|it| !it.observed);
    let expected = expected.map(|it| {
        let name = format!("{}: {}", step.name, it.id);
        (name, it.at, of_expectation(it))
    });
    let flips = step.unreached.first().map(|first| {
        let outcome = undecided(Verdict::Inconclusive, first, &step.unreached);
        (format!("{}: flips", step.name), None, outcome)
    });
    expected.chain(flips).collect()
}

fn of_expectation(expectation: &Expectation) -> Outcome {
    let Expectation {
        expected,
        seen,
        requests,
        ..
    } = expectation;
    let requests = requests.iter().map(|counts| {
        let longest = counts.longest_failure;
        format!(
            "\n{} {} of {} failed, longest failure {longest} s",
            counts.client, counts.failed, counts.sent
        )
    });
    let text = format!("expected  {expected}\nseen      {seen}");
    of_verdict(
        expectation.verdict,
        seen,
        text + &requests.collect::<String>(),
    )
}

fn of_measure(measure: &Measure) -> Outcome {
    let Measure {
        from,
        to,
        took,
        at_most,
        why,
        ..
    } = measure;
    let seconds =
        |time: &Option<Micros>| time.map_or_else(|| "-".into(), |time| format!("{time} s"));
    let message = match why {
        Some(why) => why.clone(),
        None => format!("took {}", seconds(took)),
    };
    let text = format!(
        "expected  {from} → {to} in at most {}\nseen      {message}",
        seconds(at_most)
    );
    of_verdict(measure.verdict, &message, text)
}

fn of_verdict(verdict: Option<Verdict>, message: &str, text: String) -> Outcome {
    let message = message.to_owned();
    match verdict {
        Some(Verdict::Pass) => Outcome::Passed,
        Some(Verdict::Fail) => Outcome::Failed { message, text },
        Some(verdict @ (Verdict::Inconclusive | Verdict::Error)) => Outcome::Undecided {
            kind: verdict.word(),
            message,
            text,
        },
        None => Outcome::NotRun,
    }
}

fn undecided(verdict: Verdict, message: &str, sentences: &[String]) -> Outcome {
    Outcome::Undecided {
        kind: verdict.word(),
        message: message.to_owned(),
        text: sentences.join("\n"),
    }
}

fn of_error(experiment: &str, error: &Error) -> Case {
    let hints = error.hints.iter().map(|hint| format!("\nhint: {hint}"));
    Case {
        class: experiment.to_owned(),
        name: "error".to_owned(),
        took: None,
        outcome: Outcome::Undecided {
            kind: "error",
            message: error.message.clone(),
            text: error.message.clone() + &hints.collect::<String>(),
        },
    }
}

/// Where it ran, the chains of its steps, its measures, and what it only observes.
fn properties(run: &Run) -> Vec<(String, String)> {
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut properties = vec![
        property("place", &run.place.to_string()),
        property("kubernetes", &run.kubernetes),
        property("namespace", &run.namespace),
        property("run", &run.run),
    ];
    properties.extend(run.seed.map(|seed| property("seed", &seed.to_string())));
    let seconds = |name: String, time: Micros| (name, format!("{time} s"));
    for Step {
        name,
        expectations,
        chain,
        ..
    } in &run.steps
    {
        let links = chain.iter().flat_map(Chain::links);
        properties
            .extend(links.filter_map(|(link, at)| Some(seconds(format!("{name}: {link}"), at?))));
        let observed = expectations.iter().filter(|it| it.observed);
        properties.extend(observed.map(|it| (format!("{name}: {}", it.id), it.seen.clone())));
    }
    let measures = run.measures.iter();
    properties
        .extend(measures.filter_map(|it| Some(seconds(format!("measure: {}", it.name), it.took?))));
    properties
}

/// The percentiles of repeated runs, as properties of a suite without cases.
fn sum(repeat: &Repeat) -> Suite {
    let times = repeat.measures.iter().flat_map(|measure| {
        let step = measure.step.as_deref().unwrap_or("measure");
        let name = format!("{step}: {}", measure.name);
        let times = measure.named().into_iter();
        times.filter_map(move |(percentile, at)| {
            Some((format!("{name} {percentile}"), format!("{} s", at?)))
        })
    });
    Suite {
        name: format!("{}, {} runs", repeat.experiment, repeat.runs),
        properties: times.collect(),
        ..Suite::default()
    }
}
