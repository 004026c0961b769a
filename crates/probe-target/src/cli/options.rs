//! Command-line options as tables of name, environment variable and help, parsed by common code.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::model::duration;
use crate::model::field::Field;
use crate::model::parse_error::ParseError;

/// The grammar of one command.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// The usage line after `probe-target `.
    pub(crate) usage: &'static str,
    /// A description in one line.
    pub(crate) about: &'static str,
    /// The maximum number of operands; each command checks the minimum itself.
    pub(crate) operands: usize,
    /// Whether every option that sets a field of a flip is one of its options.
    pub(crate) fields: bool,
    pub(crate) options: &'static [Spec],
    /// The help text below the options.
    pub(crate) notes: &'static str,
}

/// The specification of one option.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// The placeholder of its value in the help text; empty for a flag.
    pub(crate) value: &'static str,
    /// Whether it may be repeated. In the environment, values are separated by commas or spaces, or
    /// by semicolons if values contain spaces.
    pub(crate) many: bool,
    pub(crate) help: Cow<'static, str>,
}

impl Spec {
    /// An option that may be given once.
    pub(crate) const fn new(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self {
            name,
            value,
            many: false,
            help: Cow::Borrowed(help),
        }
    }

    /// An option that may be repeated.
    pub(crate) const fn many(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self {
            name,
            value,
            many: true,
            help: Cow::Borrowed(help),
        }
    }
}

/// The parsed options; the command line overrides the environment.
#[derive(Debug)]
pub(crate) struct Options {
    values: Vec<(&'static str, String)>,
    pub(crate) operands: Vec<String>,
    /// Only from the environment, so that process lists do not show it.
    pub(crate) token: Option<String>,
}

impl Options {
    pub(crate) fn parse(
        grammar: &'static Grammar,
        arguments: &[String],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ParseError> {
        let mut options = Self {
            values: Vec::new(),
            operands: Vec::new(),
            token: given(environment, "PROBE_TARGET_TOKEN").map(str::to_owned),
        };
        let specs: Vec<Spec> = grammar.options().collect();
        options.read(&specs, arguments)?;
        for spec in &specs {
            options.fill(spec, environment);
        }
        match options.operands.get(grammar.operands) {
            Some(extra) => Err(ParseError::new(
                "",
                format!("unexpected argument `{extra}`"),
            )),
            None => Ok(options),
        }
    }

    /// All values of an option.
    pub(crate) fn many(&mut self, name: &'static str) -> Vec<String> {
        let taken = self.values.extract_if(.., |(known, _)| *known == name);
        taken.map(|(_, value)| value).collect()
    }

    /// Whether a flag is set.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        let value = self.one(name);
        value.is_some_and(|value| !matches!(value.as_str(), "false" | "0"))
    }

    /// The unparsed value of an option; the last one counts.
    pub(crate) fn one(&mut self, name: &'static str) -> Option<String> {
        self.many(name).pop()
    }

    /// The parsed value of an option.
    pub(crate) fn read_as<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ParseError> {
        let value = self.one(name).map(|text| read(&text));
        value
            .transpose()
            .map_err(|message| ParseError::new(format!("--{name}"), message))
    }

    /// The next operand.
    pub(crate) fn operand(&mut self, what: &str) -> Result<String, ParseError> {
        if self.operands.is_empty() {
            return Err(ParseError::new("", format!("{what} is missing")));
        }
        Ok(self.operands.remove(0))
    }

    fn read(&mut self, specs: &[Spec], arguments: &[String]) -> Result<(), ParseError> {
        let unreadable = |error: lexopt::Error| ParseError::new("", error.to_string());
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next().map_err(unreadable)? {
            let spec = match argument {
                Arg::Value(value) => {
                    self.operands.push(value.string().map_err(unreadable)?);
                    continue;
                }
                Arg::Long(name) => specs.iter().find(|spec| spec.name == name),
                Arg::Short(_) => None,
            };
            let Some(spec) = spec else {
                return Err(unreadable(argument.unexpected()));
            };
            let value = match spec.value {
                "" => "true".to_owned(),
                _ => parser
                    .value()
                    .and_then(lexopt::ValueExt::string)
                    .map_err(unreadable)?,
            };
            self.values.push((spec.name, value));
        }
        Ok(())
    }

    /// Takes an option from the environment unless the command line has it.
    fn fill(&mut self, spec: &Spec, environment: &BTreeMap<String, String>) {
        let Some(value) = given(environment, &spec.variable()) else {
            return;
        };
        if self.values.iter().any(|(known, _)| *known == spec.name) {
            return;
        }
        let separator = |c: char| match spec.many {
            true if spec.value.contains(' ') => c == ';',
            many => many && (c == ',' || c.is_whitespace()),
        };
        let values = value.split(separator).filter(|value| !value.is_empty());
        self.values
            .extend(values.map(|value| (spec.name, value.trim().to_owned())));
    }
}

/// The value of a variable, except for one that the kubelet sets for a Service named
/// `probe-target`: `PROBE_TARGET_PORT=tcp://10.0.0.1:80`.
fn given<'a>(environment: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    let value = environment.get(name)?.as_str();
    let of_service = name == "PROBE_TARGET_PORT" && value.contains("://");
    Some(value).filter(|value| !value.is_empty() && !of_service)
}

/// Parses a duration above zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = duration::parse(text).filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("must be a duration such as 30s or 1m30s, not `{text}`"))
}

impl Spec {
    /// The environment variable that sets this option, for example `PROBE_TARGET_PORTS` for
    /// `--port`.
    fn variable(&self) -> String {
        let name = self.name.replace('-', "_").to_ascii_uppercase();
        let plural = match self.many {
            true if name.ends_with('S') => "ES",
            true => "S",
            false => "",
        };
        format!("PROBE_TARGET_{name}{plural}")
    }
}

impl Grammar {
    /// All options: those of a flip's fields first.
    pub(crate) fn options(&self) -> impl Iterator<Item = Spec> {
        let fields = Field::options().filter(|_| self.fields);
        let fields = fields.map(|field| Spec {
            name: field.option,
            value: field.takes.placeholder(),
            many: field.is_list(),
            help: field.option_help().into(),
        });
        fields.chain(self.options.iter().cloned())
    }

    pub(crate) fn help(&self) -> String {
        let mut lines = vec![
            self.about.to_owned(),
            String::new(),
            format!("Usage: probe-target {}", self.usage),
            String::new(),
            "Options:".to_owned(),
        ];
        lines.extend(self.options().map(|spec| {
            let option = format!("--{} {}", spec.name, spec.value);
            let help = spec.help.replace('\n', "\n      ");
            format!(
                "  {} [env: {}]\n      {help}",
                option.trim_end(),
                spec.variable()
            )
        }));
        lines.push("  --help\n      Print this text".to_owned());
        if !self.notes.is_empty() {
            lines.extend([String::new(), self.notes.to_owned()]);
        }
        lines.join("\n") + "\n"
    }
}
