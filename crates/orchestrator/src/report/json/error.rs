//! An error in the report for machines: its causes, and the places of files it is about.

use schemars::JsonSchema;
use serde::Serialize;

use crate::check::NotCreated;
use crate::error_chain;
use crate::input::problem::{self, Problems};

/// Something that went wrong before, during or after a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Error {
    /// The experiment that was running; null before the first and after the last.
    pub(crate) experiment: Option<String>,
    /// Everything in one text, as on a terminal, but without lines of files.
    pub(crate) message: String,
    /// The messages of the error: what failed, then its causes, the deepest last. For invalid
    /// files, one message per problem.
    pub(crate) causes: Vec<String>,
    /// The places in files that it is about; empty if it is about none.
    pub(crate) problems: Vec<Problem>,
    /// What would help: commands, or what to change.
    pub(crate) hints: Vec<String>,
}

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// The file, as it was named on the command line or in an experiment.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column, from 1, in characters.
    pub(crate) column: usize,
    /// What is wrong, what was expected, and a suggestion if there is one.
    pub(crate) message: String,
}

impl Error {
    /// An error, outside of any experiment and without hints.
    pub(crate) fn new(error: &anyhow::Error) -> Self {
        let problems: Vec<Problem> = problems(error).iter().map(Problem::new).collect();
        let (message, causes) = if problems.is_empty() {
            (
                error_chain::text(error.as_ref()),
                error_chain::chain(error.as_ref()),
            )
        } else {
            let all: Vec<String> = problems.iter().map(Problem::to_string).collect();
            (all.join("\n"), all)
        };
        Self {
            experiment: None,
            message,
            causes,
            problems,
            hints: Vec::new(),
        }
    }
}

/// The problems that an error consists of.
fn problems(error: &anyhow::Error) -> &[problem::Problem] {
    let has_problems = |cause: &'_ (dyn std::error::Error + 'static)| {
        let problems = cause.downcast_ref::<Problems>();
        problems.is_some() || cause.downcast_ref::<NotCreated>().is_some()
    };
    let Some(cause) = error.chain().find(|cause| has_problems(*cause)) else {
        return &[];
    };
    match cause.downcast_ref::<NotCreated>() {
        Some(refused) => refused.problems().as_slice(),
        None => cause
            .downcast_ref::<Problems>()
            .map_or(&[], Problems::as_slice),
    }
}

impl Problem {
    fn new(problem: &problem::Problem) -> Self {
        let (line, column) = problem.position();
        Self {
            file: problem.source.path.display().to_string(),
            line,
            column,
            message: problem.fault.to_string(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
        } = self;
        write!(f, "{file}:{line}:{column}: {message}")
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::exit::Failure;
    use crate::input::experiment::Source;
    use crate::input::load::load;

    #[test]
    fn every_cause_is_told() {
        let error = anyhow::Error::new(io::Error::other("disk on fire"));
        let error = Error::new(&error.context("cannot read `a`").context("cannot run"));
        let causes = ["cannot run", "cannot read `a`", "disk on fire"];
        assert_eq!(error.causes, causes);
        assert_eq!(error.message, causes.join(": "));
        assert_eq!(error.problems, []);
    }

    #[test]
    fn every_problem_of_a_file_has_its_place() {
        let source = Source {
            path: "é.yaml".into(),
            text: "kind: Pod\n---\nkind: [\n---\nkind: Servce\n".into(),
        };
        let failure = Failure::from(load(&source).unwrap_err());
        let error = Error::new(&failure.error);
        let places: Vec<_> = error
            .problems
            .iter()
            .map(|problem| (problem.file.as_str(), problem.line, problem.column))
            .collect();
        assert_eq!(places[0], ("é.yaml", 1, 7));
        assert_eq!(places.len(), 3);
        assert_eq!(error.causes.len(), 3);
        assert!(!error.message.contains('|'), "{}", error.message);
    }
}
