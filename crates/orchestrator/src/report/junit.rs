//! Results as JUnit XML: a test suite for each run, and a test case for each expectation and for
//! each measure that has a limit.
//!
//! What failed is a `failure`. What is inconclusive is an `error`, as nothing is known of it, and
//! what did not run is `skipped`. A suite whose run did not pass has at least one failure or error.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::json::{Chain, Error, Expectation, Measure, Repeat, Report, Run, Step};
use crate::judge::Verdict;
use crate::printable::{lines, one_line};
use crate::timeline::Micros;

/// The results of a command.
pub(crate) fn junit(report: &Report) -> Vec<u8> {
    write(&suites(report)).expect("memory must take what is written")
}

/// A test suite.
#[derive(Debug, Default)]
struct Suite {
    name: String,
    file: Option<String>,
    started: Option<String>,
    took: Micros,
    properties: Vec<(String, String)>,
    cases: Vec<Case>,
}

/// A test case.
#[derive(Debug)]
struct Case {
    class: String,
    name: String,
    took: Option<Micros>,
    outcome: Outcome,
}

/// What became of a test case.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
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
    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.cases
            .iter()
            .filter(|case| wanted(&case.outcome))
            .count()
    }
}

fn suites(report: &Report) -> Vec<Suite> {
    let repeated = |name: &str| {
        report
            .repeats
            .iter()
            .any(|repeat| repeat.experiment == name)
    };
    let mut suites: Vec<(&str, Suite)> = Vec::new();
    for run in &report.experiments {
        let label = run
            .seed
            .map_or_else(|| format!("run {}", run.run), |seed| format!("seed {seed}"));
        let name = if repeated(&run.experiment) {
            format!("{}, {label}", run.experiment)
        } else {
            run.experiment.clone()
        };
        suites.push((&run.experiment, suite(run, name)));
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

fn suite(run: &Run, name: String) -> Suite {
    let mut suite = Suite {
        name,
        file: Some(run.file.clone()),
        started: Some(run.started.clone()),
        took: run.took,
        properties: properties(run),
        cases: Vec::new(),
    };
    let case = |name: String, took, outcome| Case {
        class: run.experiment.clone(),
        name,
        took,
        outcome,
    };
    if run.verdict == Verdict::Error {
        let outcome = undecided(
            Verdict::Error,
            "the steady state was not reached",
            &[&run.missing[..], &run.causes].concat(),
        );
        suite
            .cases
            .push(case("steady state".to_owned(), None, outcome));
    }
    for step in &run.steps {
        let expected = step.expectations.iter().filter(|it| !it.observed);
        suite.cases.extend(expected.map(|it| {
            case(
                format!("{}: {}", step.name, it.id),
                it.at,
                of_expectation(it),
            )
        }));
        if let [first, ..] = &step.unreached[..] {
            let outcome = undecided(Verdict::Inconclusive, first, &step.unreached);
            suite
                .cases
                .push(case(format!("{}: flips", step.name), None, outcome));
        }
    }
    let limited = run
        .measures
        .iter()
        .filter(|measure| measure.at_most.is_some());
    suite.cases.extend(limited.map(|measure| {
        case(
            format!("measure: {}", measure.name),
            measure.took,
            of_measure(measure),
        )
    }));
    let tells = suite.count(|outcome| !matches!(outcome, Outcome::Passed | Outcome::NotRun)) > 0;
    if run.verdict != Verdict::Pass && !tells {
        let message = format!("the run is {}", run.verdict);
        let outcome = undecided(run.verdict, &message, &[]);
        suite.cases.push(case("run".to_owned(), None, outcome));
    }
    suite
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

fn write(suites: &[Suite]) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let element = writer
        .create_element("testsuites")
        .with_attribute(("name", "probeflip"));
    element
        .write_inner_content(|writer| suites.iter().try_for_each(|it| write_suite(writer, it)))?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_suite(writer: &mut Writer<Vec<u8>>, suite: &Suite) -> io::Result<()> {
    let failures = suite.count(|outcome| matches!(outcome, Outcome::Failed { .. }));
    let errors = suite.count(|outcome| matches!(outcome, Outcome::Undecided { .. }));
    let skipped = suite.count(|outcome| *outcome == Outcome::NotRun);
    let mut element = writer
        .create_element("testsuite")
        .with_attribute(("name", &*attribute(&suite.name)))
        .with_attribute(("tests", &*suite.cases.len().to_string()))
        .with_attribute(("failures", &*failures.to_string()))
        .with_attribute(("errors", &*errors.to_string()))
        .with_attribute(("skipped", &*skipped.to_string()))
        .with_attribute(("time", &*suite.took.to_string()));
    if let Some(started) = &suite.started {
        element = element.with_attribute(("timestamp", &*attribute(started)));
    }
    if let Some(file) = &suite.file {
        element = element.with_attribute(("file", &*attribute(file)));
    }
    element.write_inner_content(|writer| {
        if !suite.properties.is_empty() {
            let element = writer.create_element("properties");
            element.write_inner_content(|writer| {
                suite.properties.iter().try_for_each(|(name, value)| {
                    let element = writer.create_element("property");
                    let element = element.with_attribute(("name", &*attribute(name)));
                    let element = element.with_attribute(("value", &*attribute(value)));
                    element.write_empty().map(drop)
                })
            })?;
        }
        suite
            .cases
            .iter()
            .try_for_each(|case| write_case(writer, case))
    })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, case: &Case) -> io::Result<()> {
    let mut element = writer
        .create_element("testcase")
        .with_attribute(("classname", &*attribute(&case.class)))
        .with_attribute(("name", &*attribute(&case.name)));
    if let Some(took) = case.took {
        element = element.with_attribute(("time", &*took.to_string()));
    }
    let (name, kind, message, text) = match &case.outcome {
        Outcome::Passed => return element.write_empty().map(drop),
        Outcome::NotRun => ("skipped", None, "not run", ""),
        Outcome::Failed { message, text } => ("failure", Some("fail"), &**message, &**text),
        Outcome::Undecided {
            kind,
            message,
            text,
        } => ("error", Some(*kind), &**message, &**text),
    };
    element.write_inner_content(|writer| {
        let mut element = writer
            .create_element(name)
            .with_attribute(("message", &*attribute(message)));
        if let Some(kind) = kind {
            element = element.with_attribute(("type", kind));
        }
        match text {
            "" => element.write_empty().map(drop),
            _ => element
                .write_text_content(BytesText::new(&legal(&lines(text))))
                .map(drop),
        }
    })?;
    Ok(())
}

/// A value on one line, in characters that XML may contain.
fn attribute(value: &str) -> String {
    legal(&one_line(value))
}

/// Replaces the characters that XML 1.0 forbids and that are no control characters.
fn legal(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
pub(super) mod tests;
