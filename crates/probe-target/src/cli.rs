//! Parses arguments and environment into typed commands. By hand on lexopt, as clap is large.
//! It opens no file and runs nothing.

pub(crate) mod check;
pub(crate) mod control;
pub(crate) mod exit;
pub(crate) mod options;
pub(crate) mod serve;
pub(crate) mod traffic;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::model::parse_error::ParseError;
use crate::model::{process_fault, shorthand};
use options::{Grammar, Options};

/// A parsed command.
#[derive(Debug)]
pub(crate) enum Command {
    Serve(serve::Serve),
    Exit(exit::Exit),
    Check(check::Check),
    Control(control::Control),
    Traffic(traffic::Traffic),
    /// Prints a text.
    Say(String),
}

/// The grammars of all commands, in the order of the help text.
const COMMANDS: [(&str, &Grammar); 8] = [
    ("serve", &serve::GRAMMAR),
    ("exit", &exit::GRAMMAR),
    ("check", &check::GRAMMAR),
    ("flip", &control::FLIP),
    ("heal", &control::HEAL),
    ("state", &control::STATE),
    ("journal", &control::JOURNAL),
    ("traffic", &traffic::GRAMMAR),
];

/// Parses arguments without the program's name.
pub(crate) fn parse(
    arguments: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<Command, ParseError> {
    let (name, rest) = match arguments.split_first() {
        Some((first, rest)) if !first.starts_with('-') => (first.as_str(), rest),
        _ => ("serve", arguments),
    };
    // Without a command, `--help` lists all commands.
    let bare = rest.len() == arguments.len();
    match arguments.first().map(String::as_str) {
        Some("--help" | "-h" | "help") => return Ok(Command::Say(overview())),
        Some("--version" | "-V") if bare => return Ok(Command::Say(version())),
        _ => {}
    }
    let known = COMMANDS.iter().find(|(known, _)| *known == name);
    let Some((name, grammar)) = known else {
        let known = COMMANDS.map(|(name, _)| name).join(", ");
        let message = format!("no command `{name}`, expected one of {known}");
        return Err(ParseError::new("", message));
    };
    if rest
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        let more = match *name {
            "flip" => format!(
                "\n{}\n\n{}\n\n{EXAMPLES}",
                shorthand::table(),
                process_fault::table()
            ),
            _ => String::new(),
        };
        return Ok(Command::Say(grammar.help() + &more));
    }
    let options = Options::parse(grammar, rest, environment)?;
    Ok(match *name {
        "serve" => Command::Serve(serve::Serve::new(options)?),
        "exit" => Command::Exit(exit::Exit::new(options)?),
        "check" => Command::Check(check::Check::new(options)?),
        "traffic" => Command::Traffic(traffic::Traffic::new(options)?),
        name => Command::Control(control::Control::new(name, options)?),
    })
}

const EXAMPLES: &str = "\
A STATE of a port is refuse, open, closed, blackhole, stop-accepting or reset.
A path is percent-encoded and matches decoded request paths: /a%3Fb matches
`/a?b`. /a/* matches every path that begins with /a/. The exact path goes
first, then the longest wildcard. A flip goes before the base.
On grpc, /SERVICE stands for the path: pass is SERVING, fail NOT_SERVING, 404
the error NOT_FOUND, 501 UNIMPLEMENTED.

Examples:
  probe-target flip 8080/readyz 503 --for 30s
  probe-target flip /livez 503,503,200 --every 10s --agent kube-probe/
  probe-target flip '8080/api/*' 500
  probe-target flip 9000/my.Service fail
  probe-target flip 8080 fail
  probe-target flip 8080 blackhole --for 10s
  probe-target flip 9090 open --protocol grpc
  probe-target flip process exit --code 3 --message 'out of luck'
  probe-target flip process signal --signal SIGSEGV
  probe-target flip process sigterm --delay 20s --fail 8080/readyz
  probe-target flip process memory --bytes 64Mi --for 1m
";

/// Parses a numeric address. The static binary does not resolve names.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().ok().ok_or_else(|| {
        format!(
            "must be a numeric address such as 127.0.0.1:8080, not `{text}`; names are not resolved"
        )
    })
}

fn version() -> String {
    concat!("probe-target ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

fn overview() -> String {
    let commands = COMMANDS.map(|(name, grammar)| format!("  {name:8} {}\n", grammar.about));
    format!(
        "The server under probe: its paths, ports and process fail on demand\n\n\
         Usage: probe-target [COMMAND] …\n\n\
         Commands:\n{}\n\
         Without a command it serves. `probe-target COMMAND --help` says more.\n\
         {}\n",
        commands.concat(),
        shorthand::table(),
    )
}

#[cfg(test)]
mod tests;
