//! The command line of `probeflip flip`. Its options are the fields of probe-target's table.

use std::str::FromStr;

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, Parser as _,
    builder::StringValueParser,
};
use probe_target::{
    ParseError,
    model::{
        field::{EVERY, FOR, Field, FieldType, PROTOCOL, Part},
        flip_spec::{self, FlipSpec},
        parse_error::Reason,
        process_fault::{self, ProcessFault},
        shorthand,
    },
};

use super::{
    Cli, Where,
    completion::{self, offering},
};
use crate::{
    exit::{Exit, Failure},
    input::{
        experiment::{FlipTarget, ObjectRef, Probe},
        problem::ProblemText,
    },
};

/// `probeflip flip`
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub struct Flip {
    /// A Pod, or all Pods of a workload such as `deploy/web`
    #[arg(
        value_name = "POD|KIND/NAME",
        hide_possible_values = true,
        value_parser = offering(ObjectRef::of_pods, completion::kinds_of_pods))]
    pub subject: ObjectRef,
    /// The container to flip
    #[arg(short, long, value_name = "CONTAINER")]
    pub container: String,
    /// `liveness`, `readiness` or `startup`, or `process`
    #[arg(
        value_name = "PROBE",
        hide_possible_values = true,
        value_parser = offering(Target::from_str, completion::probes))]
    pub probe: Target,
    /// One of the words below; for a probe also several, with commas: one for each request
    #[arg(
        value_name = "BEHAVIOUR",
        hide_possible_values = true,
        value_parser = offering(StringValueParser::new(), completion::behaviours))]
    pub behaviour: String,
    /// Permit a flip that other probes or ports meet too
    #[arg(long)]
    pub shared: bool,
    /// Which cluster and namespace
    #[command(flatten)]
    pub at: Where,
    /// The fields of the flip
    #[command(flatten)]
    pub options: Options,
}

/// The values of the options that set a field of the flip.
#[derive(Debug)]
pub struct Options(Vec<(&'static Field, Vec<String>)>);

/// The target in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One of its probes.
    Probe(Probe),
    /// Its process.
    Process,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("process", _) => Ok(Self::Process),
            (_, Ok(probe)) => Ok(Self::Probe(probe)),
            (_, Err(_)) => {
                Err("expected `liveness`, `readiness`, `startup` or `process`".to_owned())
            }
        }
    }
}

fn after_help() -> String {
    format!(
        "{}\n\n\
         A tcp probe sees `pass`, `fail` and `refuse`. A grpc probe sees `pass` (SERVING), \
         `fail` (NOT_SERVING), 404 (NOT_FOUND), 501 (UNIMPLEMENTED), `hang`, `close`, `reset`, and \
         the state of its port. An exec probe sees what its `probe-target check` asks for.\n\n\
         {}\n\n\
         Examples:\n  \
         probeflip flip deploy/web -c b readiness 503 --for 30s\n  \
         probeflip flip deploy/web -c b liveness stall-body --bytes 100 --count 3\n  \
         probeflip flip deploy/web -c b readiness 503,503,200 --every 10s\n  \
         probeflip flip deploy/web -c b process exit --code 3",
        shorthand::table(),
        process_fault::table()
    )
}

impl Flip {
    /// Parses the target and what it meets.
    pub fn target(&self) -> Result<FlipTarget, Failure> {
        let options = self
            .options
            .fields()
            .map_err(|error| self.rejected(&error))?;
        let target = match self.probe {
            Target::Probe(probe) => FlipSpec::read(FlipSpec::words(&self.behaviour), options)
                .map(|to| FlipTarget::Probe { probe, to }),
            Target::Process => {
                let process = self.behaviour.as_str().into();
                ProcessFault::read_beside(process, options).map(FlipTarget::Process)
            }
        };
        target.map_err(|error| self.rejected(&error))
    }

    /// Parses the words that follow the container on the command line.
    pub(crate) fn of_words(pod: &str, container: &str, words: &[String]) -> Result<Self, Failure> {
        let before = ["probeflip", "flip", pod, "--container", container];
        let words = before.into_iter().chain(words.iter().map(String::as_str));
        let usage = |message: &str| Failure::new(Exit::Usage, message);
        let parsed = Cli::try_parse_from(words).map_err(|error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            usage(first.trim_start_matches("error: "))
        })?;
        match parsed.command {
            super::Command::Flip(flip) if flip.at.is_default() => Ok(*flip),
            _ => Err(usage("expected a probe, a behaviour and its options")),
        }
    }

    /// Whether it ends by itself: at a time, unless it begins again, or with the process.
    pub fn ends(&self, target: &FlipTarget) -> bool {
        let timed = self.options.has(&FOR) && !self.options.has(&EVERY);
        timed || matches!(target, FlipTarget::Process(fault) if fault.ends())
    }

    fn rejected(&self, error: &ParseError) -> Failure {
        let mut path = error.field.split('.');
        let field = if matches!(error.reason, Reason::Missing(_)) {
            // It is inside `process`, as no option sets it.
            let name = path.next_back().unwrap_or_default();
            Field::options().find(|field| field.name == name)
        } else {
            let name = path.next().unwrap_or_default();
            let mut given = self.options.0.iter().map(|(field, _)| *field);
            given.find(|field| field.name == name)
        };
        let what = match field {
            Some(field) => format!("`--{}`", field.option),
            None => format!("`{}`", self.behaviour),
        };
        let problem = match &error.reason {
            Reason::UnknownField { .. } => {
                ProblemText::new(format!("{what} means nothing beside `{}`", self.behaviour))
            }
            reason => ProblemText::rejected(&what, reason),
        };
        Failure::new(Exit::Usage, problem.to_string())
    }
}

impl Options {
    fn has(&self, field: &Field) -> bool {
        self.0.iter().any(|(known, _)| known.name == field.name)
    }

    fn fields(&self) -> Result<flip_spec::Options, ParseError> {
        let fields = self.0.iter().map(|(field, texts)| {
            let value = field.value(texts.clone())?;
            Ok((field.name.to_owned(), value))
        });
        fields.collect()
    }

    /// The fields with an option. The protocol is the port's, not a probe's.
    fn all() -> impl Iterator<Item = &'static Field> {
        Field::options().filter(|field| field.name != PROTOCOL.name)
    }
}

impl Args for Options {
    fn augment_args(command: Command) -> Command {
        command.args(Self::all().map(|field| {
            let argument = Arg::new(field.option).long(field.option);
            let argument = argument.help(field.option_help());
            let argument = argument.help_heading(match field.part {
                Part::Beside => "Bounds",
                Part::To | Part::Process | Part::Own => "Details",
            });
            if field.takes == FieldType::Flag {
                return argument.action(ArgAction::SetTrue);
            }
            let action = if field.is_list() {
                ArgAction::Append
            } else {
                ArgAction::Set
            };
            argument
                .action(action)
                .value_name(field.takes.placeholder())
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Options {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = Self::all().filter_map(|field| {
            if field.takes == FieldType::Flag {
                let set = matches.get_flag(field.option);
                return set.then(|| (field, vec!["true".to_owned()]));
            }
            let texts = matches.get_many::<String>(field.option)?;
            Some((field, texts.cloned().collect()))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_after_the_container_are_those_of_the_command() {
        let of_words = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Flip::of_words("web-1", "b", &words).map_err(|failure| failure.error.to_string())
        };
        let flip = of_words("readiness 503 --for 30s --shared").unwrap();
        assert_eq!(
            (flip.subject.name.as_str(), flip.container.as_str()),
            ("web-1", "b")
        );
        assert_eq!((flip.behaviour.as_str(), flip.shared), ("503", true));
        let refused = |line: &str, expected: &str| {
            let error = of_words(line).unwrap_err();
            assert!(error.starts_with(expected), "{line}: {error}");
        };
        refused(
            "readiness 503 --fro 30s",
            "unexpected argument '--fro' found",
        );
        refused("none 503", "invalid value 'none'");
        refused("readiness 503 -n other", "expected a probe, a behaviour");
        refused("", "the following required arguments");
    }
}
