//! One line on the run of an experiment, and the total of several.

use super::outcomes::Outcomes;
use super::paint::marked;
use super::wrap::{columns, wrapped};
use crate::exit::Exit;
use crate::input::experiment::Experiment;
use crate::judge::{Judgement, Unsteady, Verdict};
use crate::printable::one_line;
use crate::timeline::{Micros, Timeline};

/// One line: the verdict, the experiment, the cluster, the duration and the counts of expectations.
pub(super) fn summary(
    experiment: &Experiment,
    timeline: &Timeline,
    judgement: &Judgement,
) -> String {
    let verdict = marked(Some(judgement.verdict));
    let place = timeline.header().place.to_string();
    let place = one_line(&place);
    let counts = counts(judgement);
    let took = timeline.last();
    let name = one_line(&experiment.name.value);
    format!("{verdict} {name} on {place} in {took} s: {counts}")
}

/// What became of the experiments of a command.
#[derive(Debug)]
pub(crate) struct Total {
    runs: usize,
    outcomes: Outcomes,
    held: usize,
    expectations: usize,
    took: Micros,
}

impl Total {
    /// A total of these experiments before a run is added.
    pub(crate) fn new(outcomes: Outcomes) -> Self {
        Self {
            runs: 0,
            outcomes,
            held: 0,
            expectations: 0,
            took: Micros::ZERO,
        }
    }

    /// What became of each experiment.
    pub(crate) fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// Notes that an experiment ended with this code.
    pub(crate) fn ended(&mut self, name: &str, exit: Exit) {
        self.outcomes.ended(name, exit);
    }

    /// Adds the expectations and the duration of a run.
    pub(crate) fn add_run(&mut self, judgement: &Judgement, took: Micros) {
        let verdicts = verdicts(judgement);
        self.add_counts(count(&verdicts, Some(Verdict::Pass)), verdicts.len(), took);
    }

    /// Adds a run of this duration, in which so many of all expectations held.
    pub(super) fn add_counts(&mut self, held: usize, all: usize, took: Micros) {
        self.runs += 1;
        self.held += held;
        self.expectations += all;
        self.took = Micros(self.took.0 + took.0);
    }

    /// A sentence with the names of the experiments that did not hold.
    pub(crate) fn text(&self, width: Option<u16>) -> String {
        let named = [
            ("failed", self.names(|exit| exit == Exit::Failed)),
            (
                "inconclusive",
                self.names(|exit| exit == Exit::Inconclusive),
            ),
            ("ended by a signal", self.names(Exit::is_signal)),
            ("ended by an error", self.names(is_error)),
        ];
        let named = named.into_iter().filter(|(_, names)| !names.is_empty());
        let mut parts: Vec<(usize, String)> = named
            .map(|(what, names)| (names.len(), format!(" {what}: {}", names.join(", "))))
            .collect();
        let not_run = self.outcomes.not_run().count();
        if not_run > 0 {
            parts.push((not_run, " not run".to_owned()));
        }
        let planned = self.outcomes.len();
        let all = plural(planned, "experiment");
        let expectations = plural(self.expectations, "expectation");
        let (outcome, expectations) = match &parts[..] {
            // An error came before the first.
            [] if planned == 0 => ("no experiment ran".to_owned(), expectations),
            [] => (format!("{all}: all held"), expectations),
            [(first, what), others @ ..] => {
                let others = others.iter();
                let others = others.map(|(count, what)| format!("; {count}{what}"));
                let outcome = format!("{first} of {all}{what}{}", others.collect::<String>());
                (outcome, format!("{} of {expectations} held", self.held))
            }
        };
        let runs = if self.runs > planned - not_run {
            format!(" of {} runs", self.runs)
        } else {
            String::new()
        };
        let text = format!("{outcome}; {expectations}{runs} in {} s", self.took);
        wrapped(&text, columns(width)).join("\n")
    }

    fn names(&self, wanted: impl Fn(Exit) -> bool) -> Vec<&str> {
        let ended = self.outcomes.iter();
        let named = ended.filter(|(_, exit)| exit.is_some_and(&wanted));
        named.map(|(name, _)| name).collect()
    }
}

fn is_error(exit: Exit) -> bool {
    !exit.is_signal() && !matches!(exit, Exit::Held | Exit::Failed | Exit::Inconclusive)
}

pub(crate) fn plural(count: usize, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {word}{s}")
}

/// The verdicts of all expectations that are more than observed.
fn verdicts(judgement: &Judgement) -> Vec<Option<Verdict>> {
    let findings = judgement.steps.iter().flat_map(|step| &step.findings);
    let expected = findings.filter(|finding| !finding.observed);
    expected.map(|finding| finding.verdict).collect()
}

fn count(verdicts: &[Option<Verdict>], wanted: Option<Verdict>) -> usize {
    verdicts
        .iter()
        .filter(|verdict| **verdict == wanted)
        .count()
}

pub(super) fn counts(judgement: &Judgement) -> String {
    if let Some(unsteady) = judgement.unsteady {
        let why = match unsteady {
            Unsteady::NotApplied => "its workload was not applied",
            Unsteady::NeverReached => "the steady state was never reached",
            Unsteady::CutOff => "the timeline ends before the steady state is reached",
        };
        return why.into();
    }
    let verdicts = verdicts(judgement);
    let all = verdicts.len();
    if all == 0 {
        return "nothing was expected".into();
    }
    let held = count(&verdicts, Some(Verdict::Pass));
    let mut parts = vec![format!("{held} of {} held", plural(all, "expectation"))];
    for (wanted, word) in [
        (Some(Verdict::Fail), "failed"),
        (Some(Verdict::Inconclusive), "inconclusive"),
        (None, "not run"),
    ] {
        let count = count(&verdicts, wanted);
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let measures = judgement.measures.iter();
    for (wanted, word) in [
        (Verdict::Fail, "failed"),
        (Verdict::Inconclusive, "inconclusive"),
    ] {
        let of_verdict = measures.clone().filter(|it| it.verdict == Some(wanted));
        match of_verdict.count() {
            0 => {}
            count => parts.push(format!("{} {word}", plural(count, "measure"))),
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(planned: usize, ended: &[(&str, Exit)]) -> Total {
        let names = (ended.len()..planned).map(|number| format!("x{number}"));
        let ended_names = ended.iter().map(|(name, _)| (*name).to_owned());
        let mut total = Total::new(Outcomes::none_of(ended_names.chain(names)));
        for (name, exit) in ended {
            total.ended(name, *exit);
        }
        Total {
            runs: ended.len(),
            held: 2 * ended.iter().filter(|(_, exit)| *exit == Exit::Held).count(),
            expectations: 2 * ended.len(),
            took: Micros(12_345_000),
            ..total
        }
    }

    fn check(planned: usize, ended: &[(&str, Exit)], expected: &str) {
        assert_eq!(total(planned, ended).text(None), expected);
    }

    #[test]
    fn what_did_not_hold_is_named() {
        let all = [("a", Exit::Held), ("b", Exit::Held)];
        check(
            2,
            &all,
            "2 experiments: all held; 4 expectations in 12.345 s",
        );
        check(0, &[], "no experiment ran; 0 expectations in 12.345 s");
        let one = [("a", Exit::Held)];
        check(
            1,
            &one,
            "1 experiment: all held; 2 expectations in 12.345 s",
        );
        let mut repeated = total(1, &one);
        repeated.runs = 5;
        let expected = "1 experiment: all held; 2 expectations of 5 runs in 12.345 s";
        assert_eq!(repeated.text(None), expected);
        let some = [
            ("a", Exit::Held),
            ("b", Exit::Failed),
            ("c", Exit::Inconclusive),
            ("d", Exit::Failed),
            ("e", Exit::Infrastructure),
            ("f", Exit::Interrupted),
        ];
        check(
            8,
            &some,
            "2 of 8 experiments failed: b, d; 1 inconclusive: c; 1 ended by a signal: f; 1 ended by \
             an error: e; 2 not run; 2 of 12 expectations held in 12.345 s",
        );
    }

    #[test]
    fn a_total_fits_the_terminal() {
        let names: Vec<String> = (0..9)
            .map(|number| format!("experiment-{number}"))
            .collect();
        let ended: Vec<_> = names.iter().map(|name| (&**name, Exit::Failed)).collect();
        for width in [20, 60, 80] {
            let text = total(9, &ended).text(Some(width));
            assert!(
                text.lines().all(|line| line.len() <= width.into()),
                "{text}"
            );
        }
    }
}
