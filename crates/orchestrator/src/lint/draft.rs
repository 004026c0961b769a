//! A finding before its rule is known to be in force: it still knows what it is inside of.

use super::finding::{LintFinding, Severity};
use super::inventory::{ContainerFacts, ProbeFacts, ServiceFacts, WorkloadFacts};
use crate::input::{load::Manifest, source::Span};

/// A finding that may still be suppressed.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    subject: Subject<'a>,
    /// The path of the field that it is about, in the manifest.
    path: String,
    /// None for that of the rule.
    severity: Option<Severity>,
    message: String,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    Container(&'a WorkloadFacts<'a>, &'a ContainerFacts),
    Workload(&'a WorkloadFacts<'a>),
    Service(&'a ServiceFacts<'a>),
}

impl<'a> Draft<'a> {
    /// A finding at the object or container itself.
    pub(super) fn new(subject: Subject<'a>, message: String) -> Self {
        let path = match subject {
            Subject::Container(_, container) => container.path.clone(),
            Subject::Workload(_) | Subject::Service(_) => String::new(),
        };
        Self {
            subject,
            path,
            severity: None,
            message,
        }
    }

    /// A finding at a container.
    pub(super) fn of_container(
        workload: &'a WorkloadFacts<'a>,
        container: &'a ContainerFacts,
        message: String,
    ) -> Self {
        Self::new(Subject::Container(workload, container), message)
    }

    /// The same finding with another severity than its rule's.
    pub(super) fn rated(self, severity: Severity) -> Self {
        Self {
            severity: Some(severity),
            ..self
        }
    }

    /// The same finding at a probe of its container.
    pub(super) fn at_probe(self, probe: &ProbeFacts) -> Self {
        self.at(&probe.path)
    }

    /// The same finding at a field.
    pub(super) fn at(self, path: &str) -> Self {
        let path = path.to_owned();
        Self { path, ..self }
    }

    /// The manifest of its object.
    pub(super) fn manifest(&self) -> &'a Manifest {
        match self.subject {
            Subject::Container(workload, _) | Subject::Workload(workload) => workload.manifest,
            Subject::Service(service) => service.manifest,
        }
    }

    /// The path of its object's Pod template; none for a Service.
    pub(super) fn template(&self) -> Option<&'static str> {
        match self.subject {
            Subject::Container(workload, _) | Subject::Workload(workload) => {
                Some(workload.template)
            }
            Subject::Service(_) => None,
        }
    }

    /// Where a comment may stand that suppresses it: at the field, the container or the object.
    pub(super) fn spans(&self) -> Vec<Span> {
        let manifest = self.manifest();
        let mut spans = vec![manifest.place(&self.path), manifest.span];
        if let Subject::Container(_, container) = self.subject {
            spans.push(manifest.place(&container.path));
        }
        spans
    }

    /// The finding of a rule with this id, title and severity.
    pub(super) fn finding(
        self,
        rule: &'static str,
        title: &'static str,
        severity: Severity,
    ) -> LintFinding {
        let manifest = self.manifest();
        let container = match self.subject {
            Subject::Container(_, container) => Some(container.name().to_owned()),
            Subject::Workload(_) | Subject::Service(_) => None,
        };
        let span = if self.path.is_empty() {
            manifest.span
        } else {
            manifest.place(&self.path)
        };
        LintFinding {
            rule,
            title,
            severity: self.severity.unwrap_or(severity),
            kind: manifest.kind().to_owned(),
            name: manifest.name().to_owned(),
            namespace: crate::stand_in::namespace(manifest).map(str::to_owned),
            container,
            source: manifest.source.clone(),
            span,
            message: self.message,
        }
    }
}
