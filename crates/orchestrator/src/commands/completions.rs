//! `probeflip completions`: a completion script for a shell.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _, builder::PossibleValue};
use clap_complete::Shell;

use crate::{
    cli::Cli,
    exit::{CommandResult, Exit},
    report::printer::Printer,
};

pub(super) fn run(shell: Shell, printer: &Printer) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "probeflip", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Fish {
        script += &fish_words(&Cli::command());
    }
    printer.data(&script)?;
    Ok(Exit::Held)
}

/// The words of arguments without an option, which `clap_complete` offers in other shells only.
fn fish_words(program: &Command) -> String {
    let mut lines = String::new();
    for command in program.get_subcommands() {
        for argument in command.get_positionals() {
            let values = argument.get_possible_values();
            let words: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            if !words.is_empty() {
                let (name, words) = (command.get_name(), words.join(" "));
                // Writing to a string does not fail.
                _ = writeln!(
                    lines,
                    "complete -c probeflip -n \"__fish_probeflip_using_subcommand {name}\" \
                     -f -a \"{words}\""
                );
            }
        }
    }
    lines
}
