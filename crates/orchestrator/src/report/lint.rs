//! Findings of lint as text and as JSON.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use crate::{
    input::source::Lines,
    lint::{LintFinding, LintOutcome, Severity},
    printable::one_line,
    report::{columns, hanging, plural, wrapped},
};

/// The version of the JSON format.
const FORMAT: u32 = 1;

/// Width of text that no terminal limits.
const WIDTH: usize = 100;

/// What `probeflip lint --output json` writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LintReport {
    /// The version of this format: 1. A later version may add fields.
    lint: u32,
    /// Version of this program.
    probeflip: String,
    /// The exit code of the command.
    exit: u8,
    /// How many workloads were checked.
    workloads: usize,
    /// How many Services were checked.
    services: usize,
    /// How many objects of kinds that lint does not know were left out, by kind.
    left_out: BTreeMap<String, usize>,
    /// How many findings are suppressed by annotations and comments.
    suppressed: usize,
    /// The findings of every severity, by file and position.
    findings: Vec<ReportedFinding>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ReportedFinding {
    /// The rule's id, such as `PL05`; `docs/lint.md` has a section for each.
    rule: String,
    /// What the rule finds, in general.
    title: String,
    /// How bad it is.
    severity: Severity,
    /// The object's kind.
    kind: String,
    /// The object's name.
    name: String,
    /// The namespace that the object names; null if it names none.
    namespace: Option<String>,
    /// The container; null if the finding is about the object.
    container: Option<String>,
    /// The file; null for what was read from a cluster.
    file: Option<String>,
    /// The line in the file, from 1; null for what was read from a cluster.
    line: Option<usize>,
    /// The column in the line, in characters from 1; null for what was read from a cluster.
    column: Option<usize>,
    /// What, when, why, and what to change.
    message: String,
}

/// Where the manifests were read from, which decides what their positions are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Files.
    Files,
    /// A cluster, whose objects have no lines.
    Cluster,
}

/// The report for machines.
pub(crate) fn json(outcome: &LintOutcome, origin: Origin, exit: u8) -> LintReport {
    let mut positions = Positions::default();
    LintReport {
        lint: FORMAT,
        probeflip: env!("CARGO_PKG_VERSION").to_owned(),
        exit,
        workloads: outcome.workloads,
        services: outcome.services,
        left_out: outcome.left_out.clone(),
        suppressed: outcome.suppressed,
        findings: outcome
            .findings
            .iter()
            .map(|each| finding(each, origin, positions.of(each)))
            .collect(),
    }
}

/// The lines of each file, so that many findings have their positions soon.
#[derive(Default)]
struct Positions(BTreeMap<PathBuf, Lines>);

impl Positions {
    fn of(&mut self, finding: &LintFinding) -> (usize, usize) {
        let source = &finding.source;
        if !self.0.contains_key(&source.path) {
            self.0.insert(source.path.clone(), Lines::of(source));
        }
        self.0[&source.path].position(source, finding.span)
    }
}

fn finding(finding: &LintFinding, origin: Origin, position: (usize, usize)) -> ReportedFinding {
    let position = (origin == Origin::Files).then_some(position);
    let file = finding.source.path.display().to_string();
    ReportedFinding {
        rule: finding.rule.to_owned(),
        title: finding.title.to_owned(),
        severity: finding.severity,
        kind: finding.kind.clone(),
        name: finding.name.clone(),
        namespace: finding.namespace.clone(),
        container: finding.container.clone(),
        file: position.map(|_| file),
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
        message: finding.message.clone(),
    }
}

/// The report for people: a paragraph for each finding of at least this severity, and the counts.
pub(crate) fn text(
    outcome: &LintOutcome,
    origin: Origin,
    least: Severity,
    width: Option<u16>,
) -> String {
    let width = width.map_or(WIDTH, |width| columns(Some(width)));
    let mut text = String::new();
    let mut positions = Positions::default();
    for finding in outcome
        .findings
        .iter()
        .filter(|each| each.severity >= least)
    {
        text += &paragraph(finding, origin, positions.of(finding), width);
        text.push('\n');
    }
    text + &wrapped(&summary(outcome, least), width).join("\n") + "\n"
}

/// `shop.yaml:3:5: error PL10 deployment/shop container web`, then the message, indented.
fn paragraph(
    finding: &LintFinding,
    origin: Origin,
    position: (usize, usize),
    width: usize,
) -> String {
    let place = match origin {
        Origin::Files => finding.source.place_of(position),
        Origin::Cluster => one_line(&finding.source.path.to_string_lossy()).into_owned(),
    };
    let severity = finding.severity.word();
    let (kind, name) = (finding.kind.to_lowercase(), one_line(&finding.name));
    let mut text = format!("{place}: {severity} {} {kind}/{name}", finding.rule);
    if let Some(namespace) = finding
        .namespace
        .as_deref()
        .filter(|_| origin == Origin::Files)
    {
        write!(text, " of {}", one_line(namespace)).expect("a String must take text");
    }
    if let Some(container) = &finding.container {
        write!(text, " container {}", one_line(container)).expect("a String must take text");
    }
    let headline = wrapped(&text, width);
    let message = hanging("    ", &one_line(&finding.message), width);
    let lines = headline.into_iter().chain(message);
    lines.map(|line| line + "\n").collect()
}

fn summary(outcome: &LintOutcome, least: Severity) -> String {
    let count = |severity| {
        let findings = outcome.findings.iter();
        findings.filter(|each| each.severity == severity).count()
    };
    let (errors, warnings, infos) = (
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Info),
    );
    let mut parts = vec![plural(errors, "error"), plural(warnings, "warning")];
    if least == Severity::Info {
        parts.push(plural(infos, "info"));
    } else if infos > 0 {
        parts.push(format!("{} more with -v", plural(infos, "info")));
    }
    if outcome.suppressed > 0 {
        parts.push(format!("{} suppressed", outcome.suppressed));
    }
    let workloads = plural(outcome.workloads, "workload");
    let services = plural(outcome.services, "Service");
    format!("{workloads}, {services}: {}", parts.join(", "))
}

/// The schema of [`LintReport`], as it is written: what may be null is there.
pub(crate) fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings
        .into_generator()
        .into_root_schema_for::<LintReport>()
}
