//! The sum of repeated runs of one experiment: verdicts, and times with their percentiles.
//!
//! Percentiles are by nearest rank: each is a time that was measured. A percentile is given only if
//! at least one sample in so many lies beyond it: p50 from 2 samples on, p90 from 10, p99 from 100.

use super::table::{bare_table, is_narrow};
use super::wrap::{columns, hanging, wrapped};
use crate::exit::Exit;
use crate::input::experiment::{Experiment, Operator};
use crate::judge::{Chain, Finding, Judgement, Verdict};
use crate::printable::one_line;
use crate::timeline::{Micros, Place};

/// All runs of one experiment so far.
#[derive(Debug)]
pub(crate) struct Repetition {
    /// Name of the experiment.
    pub(crate) experiment: String,
    /// Where it ran.
    pub(crate) place: Place,
    /// The number of runs that were asked for.
    pub(crate) asked: u32,
    /// The runs that ended, in order.
    pub(crate) runs: Vec<RunSum>,
    /// The measured times, in the order of the experiment.
    measures: Vec<Sampled>,
}

/// One run of a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunSum {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// Its seed, if it had one.
    pub(crate) seed: Option<u64>,
    /// Its exit code.
    pub(crate) exit: Exit,
}

/// The samples of one measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sampled {
    /// The step whose time 0 it counts from; none for a measure of the experiment.
    pub(crate) step: Option<String>,
    /// An id, a link of the chain, or the name of a measure.
    pub(crate) name: String,
    /// Whether it is a link of a chain: shown only if it was seen in a run.
    is_link: bool,
    /// In the order of the runs.
    samples: Vec<Micros>,
}

/// The percentiles, and from how many samples on each is given.
const PERCENTILES: [(u64, usize); 3] = [(50, 2), (90, 10), (99, 100)];

/// What [`Sampled::times`] gives.
pub(super) const HEADS: [&str; 5] = ["min", "p50", "p90", "p99", "max"];

/// The rule above, for people.
const RULE: &str = "in seconds; p50 from 2 samples on, p90 from 10, p99 from 100";

impl Repetition {
    /// A repetition before its first run.
    pub(crate) fn new(experiment: &Experiment, place: &Place, asked: u32) -> Self {
        let row = |step: Option<&str>, name: &str, is_link: bool| Sampled {
            step: step.map(Into::into),
            name: name.to_owned(),
            is_link,
            samples: Vec::new(),
        };
        let mut measures = Vec::new();
        for step in &experiment.steps {
            let named = |name: &str, is_link| row(Some(&step.name.value), name, is_link);
            let becoming = step
                .expect
                .iter()
                .filter(|it| matches!(it.operator, Operator::Eventually { .. }));
            measures.extend(becoming.map(|it| named(&it.id.value, false)));
            measures.extend(Chain::default().links().map(|(name, _)| named(name, true)));
        }
        let own = experiment.measures.iter();
        measures.extend(own.map(|measure| row(None, &measure.name.value, false)));
        Self {
            experiment: experiment.name.value.clone(),
            place: place.clone(),
            asked,
            runs: Vec::new(),
            measures,
        }
    }

    /// Adds a run. Times of a run that is inconclusive, or that an error ended, are left out.
    pub(crate) fn add(&mut self, run: RunSum, judgement: &Judgement) {
        self.runs.push(run);
        if !matches!(run.exit, Exit::Held | Exit::Failed) {
            return;
        }
        for step in &judgement.steps {
            let since = |at: Option<Micros>| step.since_acknowledged(at);
            let passed = |finding: &&Finding| finding.verdict == Some(Verdict::Pass);
            for finding in step.findings.iter().filter(passed) {
                self.sample(Some(&step.name), &finding.id, false, since(finding.at));
            }
            for (name, at) in step.chain.iter().flat_map(Chain::links) {
                self.sample(Some(&step.name), name, true, since(at));
            }
        }
        for measure in &judgement.measures {
            self.sample(None, &measure.name, false, measure.took);
        }
    }

    fn sample(&mut self, step: Option<&str>, name: &str, is_link: bool, took: Option<Micros>) {
        let mut rows = self.measures.iter_mut();
        let row = rows
            .find(|row| row.is_link == is_link && row.step.as_deref() == step && row.name == name);
        if let Some(row) = row {
            row.samples.extend(took);
        }
    }

    /// The measured times, in the order of the experiment.
    pub(crate) fn measures(&self) -> impl Iterator<Item = &Sampled> {
        let rows = self.measures.iter();
        rows.filter(|row| !row.is_link || !row.samples.is_empty())
    }

    /// The number of runs with this exit code.
    pub(crate) fn count(&self, exit: Exit) -> usize {
        self.runs.iter().filter(|run| run.exit == exit).count()
    }

    /// The number of runs that an error ended.
    pub(crate) fn errors(&self) -> usize {
        let verdicts = [Exit::Held, Exit::Failed, Exit::Inconclusive];
        self.runs.len() - verdicts.map(|exit| self.count(exit)).iter().sum::<usize>()
    }

    /// The runs that did not pass.
    pub(crate) fn not_passed(&self) -> impl Iterator<Item = &RunSum> {
        self.runs.iter().filter(|run| run.exit != Exit::Held)
    }

    /// The sum as text: the counts, and a table with a line for each measure.
    pub(crate) fn text(&self, width: Option<u16>) -> String {
        let counts = self.counts();
        let counts = counts
            .lines()
            .flat_map(|line| wrapped(line, columns(width)));
        let counts = counts.collect::<Vec<_>>().join("\n");
        if self.measures().next().is_none() {
            return counts;
        }
        let times = if is_narrow(width) {
            self.list(columns(width))
        } else {
            self.table(width)
        };
        let rule = wrapped(RULE, columns(width)).join("\n");
        [counts, times, rule].join("\n\n")
    }

    /// A line of counts, and a line for each kind of runs that did not pass.
    pub(crate) fn counts(&self) -> String {
        let (name, place) = (one_line(&self.experiment), self.place.to_string());
        let runs = match self.runs.len() {
            all if all == self.asked as usize => format!("{all} runs"),
            some => format!("{some} of {} runs", self.asked),
        };
        let mut counts = vec![format!("{} passed", self.count(Exit::Held))];
        let mut lines = Vec::new();
        for (exit, word) in [
            (Exit::Failed, "failed"),
            (Exit::Inconclusive, "inconclusive"),
        ] {
            let of_exit = self.runs.iter().filter(|run| run.exit == exit);
            if self.count(exit) > 0 {
                counts.push(format!("{} {word}", self.count(exit)));
                lines.push(format!("{word}: {}", labels(of_exit)));
            }
        }
        if self.errors() > 0 {
            counts.push(format!("{} ended by an error", self.errors()));
        }
        let first = format!(
            "{name} on {}: {runs}, {}",
            one_line(&place),
            counts.join(", ")
        );
        [vec![first], lines].concat().join("\n")
    }

    /// A heading for each step, and below it two lines for each measure.
    fn list(&self, columns: usize) -> String {
        let mut lines = Vec::new();
        for (step, row) in self.by_step() {
            lines.extend(
                step.iter()
                    .flat_map(|step| wrapped(&one_line(step), columns)),
            );
            let name = format!("{}, n {}", one_line(&row.name), row.number());
            lines.extend(hanging("  ", &name, columns));
            let times = HEADS
                .iter()
                .zip(row.times())
                .filter_map(|(head, at)| at.map(|at| format!("{head} {at}")));
            let times = times.collect::<Vec<_>>().join("  ");
            lines.extend(hanging("      ", &times, columns));
        }
        lines.join("\n")
    }

    /// The measured times, the first of each step with the step.
    fn by_step(&self) -> impl Iterator<Item = (Option<&str>, &Sampled)> {
        let mut before = None;
        self.measures().map(move |row| {
            let step = row.step.as_deref().unwrap_or("measures");
            let shown = (before != Some(step)).then_some(step);
            before = Some(step);
            (shown, row)
        })
    }

    fn table(&self, width: Option<u16>) -> String {
        let mut table = bare_table(width);
        table.set_header(["step", "measure", "n"].into_iter().chain(HEADS));
        for (step, row) in self.by_step() {
            let times = row
                .times()
                .map(|at| at.map_or_else(String::new, |at| at.to_string()));
            let [min, p50, p90, p99, max] = times;
            let n = row.samples.len().to_string();
            let (shown, name) = (
                one_line(step.unwrap_or_default()).into_owned(),
                one_line(&row.name).into_owned(),
            );
            table.add_row([shown, name, n, min, p50, p90, p99, max]);
        }
        table.trim_fmt()
    }
}

impl Sampled {
    /// Number of samples.
    pub(crate) fn number(&self) -> usize {
        self.samples.len()
    }

    /// The shortest time, p50, p90, p99 and the longest time; none where there are too few samples.
    pub(crate) fn times(&self) -> [Option<Micros>; 5] {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        let [p50, p90, p99] = PERCENTILES.map(|(percent, least)| {
            (sorted.len() >= least).then(|| nearest_rank(&sorted, percent))
        });
        [
            sorted.first().copied(),
            p50,
            p90,
            p99,
            sorted.last().copied(),
        ]
    }
}

/// The smallest sample that at least `percent` of the samples do not exceed.
fn nearest_rank(sorted: &[Micros], percent: u64) -> Micros {
    let rank = (sorted.len() as u64 * percent).div_ceil(100);
    let index = usize::try_from(rank)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    sorted[index.min(sorted.len() - 1)]
}

/// `seeds 7, 31`, or `runs 2, 3` without seeds.
fn labels<'a>(runs: impl Iterator<Item = &'a RunSum>) -> String {
    let runs: Vec<&RunSum> = runs.collect();
    let what = match (runs.iter().all(|run| run.seed.is_some()), runs.len()) {
        (true, 1) => "seed",
        (true, _) => "seeds",
        (false, 1) => "run",
        (false, _) => "runs",
    };
    let labels: Vec<String> = runs.iter().map(|run| run.label()).collect();
    format!("{what} {}", labels.join(", "))
}

impl RunSum {
    /// The seed, or the number of a run without one.
    pub(crate) fn label(&self) -> String {
        self.seed
            .map_or_else(|| self.number.to_string(), |seed| seed.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(number: u64) -> Sampled {
        Sampled {
            step: None,
            name: "m".into(),
            is_link: false,
            samples: (1..=number).rev().map(Micros).collect(),
        }
    }

    #[test]
    fn a_percentile_needs_a_sample_beyond_it() {
        let check = |number: u64, expected: [Option<u64>; 5]| {
            assert_eq!(
                sampled(number).times().map(|at| at.map(|at| at.0)),
                expected,
                "{number}"
            );
        };
        check(0, [None; 5]);
        check(1, [Some(1), None, None, None, Some(1)]);
        check(2, [Some(1), Some(1), None, None, Some(2)]);
        check(9, [Some(1), Some(5), None, None, Some(9)]);
        check(10, [Some(1), Some(5), Some(9), None, Some(10)]);
        check(99, [Some(1), Some(50), Some(90), None, Some(99)]);
        check(100, [Some(1), Some(50), Some(90), Some(99), Some(100)]);
    }

    #[test]
    fn runs_are_named_by_their_seeds() {
        let run = |number, seed| RunSum {
            number,
            seed,
            exit: Exit::Failed,
        };
        assert_eq!(labels([run(2, Some(8))].iter()), "seed 8");
        assert_eq!(
            labels([run(2, Some(8)), run(3, Some(9))].iter()),
            "seeds 8, 9"
        );
        assert_eq!(labels([run(2, None), run(3, None)].iter()), "runs 2, 3");
    }
}
