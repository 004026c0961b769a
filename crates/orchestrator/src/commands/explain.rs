//! `probeflip explain`: a field of the formats that `probeflip schema` describes.

use clap::ValueEnum as _;

use crate::{
    cli::{self, Described},
    exit::{CommandResult, Exit, Failure, HasExitCode},
    input::{problem::ProblemText, schema::SchemaField},
    report::{explain, printer::Printer},
};

/// How many paths a hint names.
const MOST_PATHS: usize = 3;

/// There is no such field.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UnknownField(ProblemText);

impl HasExitCode for UnknownField {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

pub(super) fn run(command: &cli::Explain, printer: &Printer) -> CommandResult {
    let mut names: Vec<&str> = command.field.split('.').collect();
    let format = match Described::from_str(names[0], false) {
        Ok(format) => {
            names.remove(0);
            format
        }
        Err(_) => Described::Experiment,
    };
    let schema = super::schema_of(format).to_value();
    let word = format.to_possible_value();
    let word = word.expect("every format must have a name");
    let field = find(&SchemaField::root(word.get_name(), &schema), &names)?;
    let text = if command.recursive {
        explain::tree(&field)
    } else {
        explain::field(&field, printer.width())
    };
    printer.text(&text)?;
    Ok(Exit::Held)
}

/// The field at a path, which may leave out `spec`.
fn find<'s>(root: &SchemaField<'s>, names: &[&str]) -> Result<SchemaField<'s>, Failure> {
    let first = names.first();
    let is_own = first.is_none_or(|first| root.field(name(first)).is_ok());
    let start = root.field("spec").ok().filter(|_| !is_own);
    let mut field = start.unwrap_or_else(|| root.clone());
    for part in names {
        let found = field.field(name(part));
        field = found
            .map_err(|problem| Failure::hinted(UnknownField(problem), hint(root, name(part))))?;
    }
    Ok(field)
}

/// A part of a path, which may mark a list: `steps[]`.
fn name(part: &str) -> &str {
    part.trim_end_matches("[]")
}

/// Where fields of that name are.
fn hint(root: &SchemaField<'_>, name: &str) -> Option<String> {
    let below = root.below().into_iter();
    let same = below.filter(|(field, _)| field.name() == name);
    let paths: Vec<String> = same
        .map(|(field, _)| format!("`{}`", field.path()))
        .collect();
    let listed = paths.get(..MOST_PATHS).unwrap_or(&paths).join(", ");
    match paths.len() {
        0 => None,
        1..=MOST_PATHS => Some(format!("that name is at {listed}")),
        count => Some(format!(
            "that name is at {listed} and {} other places",
            count - MOST_PATHS
        )),
    }
}
