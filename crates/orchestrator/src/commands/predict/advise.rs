//! `predict --advise`: tries small changes for the worst findings, in virtual time.
//!
//! A change is tried with few runs of the finding's own question first. One that lowers it is tried
//! with all runs of all questions about the workload, once for all findings that it may lower.

use std::collections::BTreeMap;

use super::{
    asked,
    samples::{Asked, Outcome, Samples},
    workloads,
};
use crate::{
    cli,
    exit::{Exit, Failure},
    input::{kubernetes_yaml, load::Manifest},
    predict::{
        Answer, Candidate, Subject, TriedChange, Workload, candidates, changed, counterpart,
        is_finding, lowers, none_is_worse, strategic_merge,
    },
    printable::one_line,
    report::{hanging, markdown_text, printer::Printer, wrapped},
    run::interrupt::Interrupt,
};

/// The runs of a question with which a change is tried first.
const FEW: u32 = 3;

/// What was tried.
#[derive(Default)]
pub(super) struct Tried {
    /// The changes that help, in the order of the findings.
    pub(super) advice: Vec<TriedChange>,
    /// How many findings there are that nothing lowers.
    unhelped: usize,
    /// The patches of the workloads, one document each.
    pub(super) patches: String,
    /// The exit code of the signal that ended the trial early.
    pub(super) signal: Option<Exit>,
}

impl Tried {
    /// The advice for people, in lines of this width.
    pub(super) fn text(&self, width: usize) -> String {
        self.formatted(|(change, details)| {
            let mut lines = wrapped(&one_line(&change), width);
            for detail in details {
                lines.extend(hanging("  ", &one_line(&detail), width));
            }
            format!("\n{}\n", lines.join("\n"))
        })
    }

    /// The advice as Markdown.
    pub(super) fn markdown(&self) -> String {
        self.formatted(|(change, details)| {
            let details = details.iter();
            let details = details.map(|detail| format!("  - {}\n", markdown_text(detail)));
            format!(
                "\n- {}\n{}",
                markdown_text(&change),
                details.collect::<String>()
            )
        })
    }

    fn formatted(&self, change: impl Fn((String, Vec<String>)) -> String) -> String {
        let changes = self.advice.iter().map(|advice| change(advice.text()));
        let changes: String = changes.collect();
        let text = format!("\nAdvice, each change tried in virtual time:\n{changes}");
        match (self.advice.len(), self.unhelped) {
            (0, 0) => "\nNo finding needs advice.\n".to_owned(),
            (_, 0) => text,
            (0, _) => "\nNo small change lowers a finding.\n".to_owned(),
            (_, number) => text + &format!("\nNo small change lowers {number} more.\n"),
        }
    }
}

/// Tries changes for each finding among the answers about these manifests.
pub(super) fn advise(
    manifests: &[Manifest],
    workloads: &[Workload],
    answers: &[Answer],
    command: &cli::Predict,
    interrupt: &mut Interrupt,
    printer: &Printer,
) -> Result<Tried, Failure> {
    let mut tried = Tried::default();
    for workload in workloads {
        let reference = &workload.reference;
        let name = reference.to_string();
        let of_workload = answers.iter().filter(|answer| answer.workload == name);
        let index = manifests.iter().position(|manifest| {
            (manifest.kind(), manifest.name()) == (reference.kind.name(), &*reference.name)
        });
        let Some(index) = index else { continue };
        let mut trial = Trial {
            manifests,
            index,
            workload,
            before: of_workload.cloned().collect(),
            command,
            interrupt: &mut *interrupt,
            printer,
            known: BTreeMap::new(),
        };
        match trial.run(&mut tried) {
            Ok(()) => {}
            Err(Ended::Signal(signal)) => {
                tried.signal = Some(signal);
                return Ok(tried);
            }
            Err(Ended::Failed(failure)) => return Err(failure),
        }
    }
    Ok(tried)
}

/// Why a trial ended early.
enum Ended {
    Signal(Exit),
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The trial of changes of one workload.
struct Trial<'a> {
    manifests: &'a [Manifest],
    /// Which of them is the workload's.
    index: usize,
    workload: &'a Workload,
    /// The answers about it without a change.
    before: Vec<Answer>,
    command: &'a cli::Predict,
    interrupt: &'a mut Interrupt,
    printer: &'a Printer,
    /// The answers to all questions with a change, by its fields.
    known: BTreeMap<String, Vec<Answer>>,
}

impl Trial<'_> {
    fn run(&mut self, tried: &mut Tried) -> Result<(), Ended> {
        let findings = self.before.iter().filter(|answer| is_finding(answer));
        let findings: Vec<Answer> = findings.cloned().collect();
        let mut advice = Vec::new();
        for finding in findings {
            match self.best(&finding)? {
                Some(best) => advice.push(best),
                None => tried.unhelped += 1,
            }
        }
        if let Some(patch) = self.patch(&advice)? {
            let between = if tried.patches.is_empty() {
                ""
            } else {
                "---\n"
            };
            tried.patches += between;
            tried.patches += &patch;
        }
        tried.advice.extend(advice);
        Ok(())
    }

    /// The smallest change that lowers a finding and makes no other row worse.
    fn best(&mut self, finding: &Answer) -> Result<Option<TriedChange>, Ended> {
        let subject = Subject {
            mode: finding.mode,
            container: finding.container.as_deref(),
            probes: &finding.probes,
        };
        for candidate in candidates(&self.manifests[self.index], self.workload, subject) {
            if !self.promises(finding, &candidate)? {
                continue;
            }
            let after = self.all(&candidate)?;
            let lowered = counterpart(finding, &after).filter(|after| lowers(finding, after));
            if let Some(lowered) = lowered
                && none_is_worse(&self.before, &after)
            {
                return Ok(Some(TriedChange {
                    after: lowered.clone(),
                    before: finding.clone(),
                    candidate,
                }));
            }
        }
        Ok(None)
    }

    /// Whether a few runs of a finding's question look better with a change.
    fn promises(&mut self, finding: &Answer, candidate: &Candidate) -> Result<bool, Ended> {
        let few = FEW.min(self.command.samples);
        let after = self.answers(candidate, few, |asked| {
            let row = [Answer::of(&asked.question, &[])];
            counterpart(finding, &row).is_some()
        })?;
        Ok(counterpart(finding, &after).is_some_and(|after| lowers(finding, after)))
    }

    /// All answers about the workload with a change.
    fn all(&mut self, candidate: &Candidate) -> Result<Vec<Answer>, Ended> {
        let key = format!("{:?}", candidate.changes);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let answers = self.answers(candidate, self.command.samples, |_| true)?;
        self.known.insert(key, answers.clone());
        Ok(answers)
    }

    /// The answers to the wanted questions about the changed workload.
    fn answers(
        &mut self,
        candidate: &Candidate,
        samples: u32,
        is_wanted: impl Fn(&Asked<'_>) -> bool,
    ) -> Result<Vec<Answer>, Ended> {
        let mut manifests = self.manifests.to_vec();
        manifests[self.index] = changed(&manifests[self.index], &candidate.changes)?;
        let settings = self.command.targets.settings(None);
        let (mut workloads, _) = workloads(&manifests, &settings)?;
        workloads.retain(|workload| workload.reference == self.workload.reference);
        let mut asked = asked(&workloads, self.command, self.printer);
        asked.retain(is_wanted);
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let samples = Samples::new(&asked, samples, self.command.seed);
        let Outcome { answers, signal } = samples.run(self.interrupt, self.printer, |_| Ok(()))?;
        signal.map_or(Ok(answers), |signal| Err(Ended::Signal(signal)))
    }

    /// The patch that makes the changes of all advice at once. If they do not hold together, the
    /// last ones are left out.
    fn patch(&mut self, advice: &[TriedChange]) -> Result<Option<String>, Ended> {
        let mut chosen: Vec<&TriedChange> = advice.iter().collect();
        while !chosen.is_empty() {
            let mut changes = Vec::new();
            for change in chosen.iter().flat_map(|advice| &advice.candidate.changes) {
                if !changes.contains(change) {
                    changes.push(change.clone());
                }
            }
            let together = Candidate {
                what: String::new(),
                needs: None,
                changes,
            };
            let after = self.all(&together)?;
            let is_lowered = |advice: &&TriedChange| {
                let after = counterpart(&advice.before, &after);
                after.is_some_and(|after| lowers(&advice.before, after))
            };
            if chosen.iter().all(is_lowered) && none_is_worse(&self.before, &after) {
                let object = &self.manifests[self.index].object;
                let patch = strategic_merge(object, &together.changes);
                return Ok(Some(kubernetes_yaml::text(&patch)));
            }
            chosen.pop();
        }
        Ok(None)
    }
}
