//! Parses a flip's target and behaviour with probe-target's parser and locates its errors.

use probe_target::ParseError;
use probe_target::model::process_fault::ProcessFault;
use probe_target::model::shorthand::Shorthand;
use serde_json::{Map, Value, json};

use super::diagnostics::Diagnostics;
use crate::input::experiment::written::{Flip, Scalar, Tree};
use crate::input::experiment::{BESIDE, Behaviour, FlipTarget, Probe, Span, Spanned, To};
use crate::input::problem::ProblemText;

/// Parses the flip's target. The second value is the span of the behaviour (`to` or `process`).
pub(super) fn aim(
    reader: &mut Diagnostics<'_>,
    said: &Flip,
) -> Option<(Spanned<FlipTarget>, Span)> {
    match (&said.probe, &said.to, &said.process) {
        (Some(probe), Some(to), None) => at_probe(reader, said, probe, to),
        (None, None, Some(process)) => at_process(reader, said, process),
        (probe, to, process) => {
            let what = match (probe, to, process) {
                (Some(_), None, None) => "this flip does not say what the probe gets",
                (None, Some(_), None) => "this flip does not say which probe",
                (None, None, None) => "this flip does nothing",
                _ => "this flip is both of a probe and of the process",
            };
            let fault = ProblemText::new(what).expected("`probe` and `to`, or `process`");
            match process {
                Some(process) => reader.fault_at_key(process.span, fault),
                None => reader.fault_around(said.container.span, fault),
            }
        }
    }
}

fn at_probe(
    reader: &mut Diagnostics<'_>,
    said: &Flip,
    probe: &Spanned<Scalar>,
    to: &Spanned<Tree>,
) -> Option<(Spanned<FlipTarget>, Span)> {
    let probes =
        [Probe::Liveness, Probe::Readiness, Probe::Startup].map(|probe| (probe.word(), probe));
    let meant = reader.choice(probe, "a probe", &probes);
    let read = word_or_object(reader, to);
    // The fields beside `to` are checked even if `to` is invalid, so that one run reports all
    // errors.
    let behaviour = Behaviour::new(
        read.clone().unwrap_or(To::Word(Shorthand::Pass)),
        beside(said),
    );
    let behaviour = understood(reader, said, ("to", to), behaviour);
    if let (Some(behaviour), Some(probability)) = (&behaviour, &said.probability)
        && behaviour.is_never()
    {
        let fault = ProblemText::new("`probability`: no request is ever given this");
        return reader.fault(probability.span, fault.expected("more than 0, up to 1"));
    }
    let (Some(behaviour), Some(probe_meant)) = (behaviour, meant.filter(|_| read.is_some())) else {
        return None;
    };
    let aim = FlipTarget::Probe {
        probe: probe_meant,
        to: behaviour,
    };
    let aim = Spanned {
        value: aim,
        span: probe.span,
    };
    Some((aim, to.span))
}

fn at_process(
    reader: &mut Diagnostics<'_>,
    said: &Flip,
    process: &Spanned<Tree>,
) -> Option<(Spanned<FlipTarget>, Span)> {
    let object = match (&process.value, process.value.json()) {
        (Tree::Scalar(word), _) => {
            let names = ProcessFault::NAMES.map(|name| (name, name));
            let word = Spanned {
                value: word.clone(),
                span: process.span,
            };
            let name = reader.choice(&word, "a process fault", &names)?;
            Map::from_iter([("fault".to_owned(), json!(name))])
        }
        (_, Value::Object(object)) => object,
        _ => {
            let fault = ProblemText::new("a list cannot stand here");
            let expected = "a word, or a mapping such as `{ fault: exit, code: 3 }`";
            return reader.fault(process.span, fault.expected(expected));
        }
    };
    let aim = FlipTarget::process(object, &beside(said));
    let value = understood(reader, said, ("process", process), aim)?;
    let span = process.span;
    Some((Spanned { value, span }, span))
}

fn beside(said: &Flip) -> Map<String, Value> {
    let fields = said.beside();
    let fields = fields.map(|(name, value)| (name.to_owned(), value.json()));
    fields.collect()
}

fn word_or_object(reader: &mut Diagnostics<'_>, said: &Spanned<Tree>) -> Option<To> {
    let word = match (&said.value, said.value.json()) {
        (Tree::Scalar(scalar), _) => scalar.word(),
        (_, Value::Object(object)) => return Some(To::Object(object)),
        _ => {
            let fault = ProblemText::new("a list cannot stand here");
            let expected = "a word, or a mapping such as `{ sequence: [503, 200] }`";
            return reader.fault(said.span, fault.expected(expected));
        }
    };
    match word.parse() {
        Ok(word) => Some(To::Word(word)),
        Err(_) => reader.fault(said.span, ProblemText::unknown_behaviour(&word)),
    }
}

/// Returns the parsed value, or reports probe-target's error at the span of the field it names.
/// `root` is the name and value of `to` or `process`, which contains the fields that are not beside
/// it.
fn understood<T>(
    reader: &mut Diagnostics<'_>,
    said: &Flip,
    root: (&str, &Spanned<Tree>),
    read: Result<T, ParseError>,
) -> Option<T> {
    let invalid = match read {
        Ok(read) => return Some(read),
        Err(invalid) => invalid,
    };
    let value = place(said, root, &invalid.field);
    let fault = fault(reader, &invalid, value);
    if invalid.misplaced {
        return reader.fault_at_key(value, fault);
    }
    reader.fault(value, fault)
}

/// The span of the value of the field at `path`.
fn place(said: &Flip, (name, root): (&str, &Spanned<Tree>), path: &str) -> Span {
    let beside = said.beside().find(|(name, _)| *name == path);
    if let Some((_, value)) = beside {
        return value.span;
    }
    let inside = path
        .strip_prefix(name)
        .and_then(|path| path.strip_prefix('.'));
    let inside = inside.and_then(|path| root.place(path));
    inside.unwrap_or(root.span)
}

/// Converts probe-target's parse error into this program's wording, with a suggestion.
fn fault(reader: &Diagnostics<'_>, invalid: &ParseError, value: Span) -> ProblemText {
    const UNKNOWN: &str = "unknown field";
    let field = invalid.field.rsplit('.').next().unwrap_or_default();
    let Some((what, names)) = invalid.message.split_once(", expected one of ") else {
        return ProblemText::new(format!("`{field}`: {}", invalid.message));
    };
    // Fields that belong beside `to`, and `leased`, are not valid here and must not be suggested.
    let names = names
        .split(", ")
        .filter(|name| !BESIDE.contains(name) && *name != "leased");
    if what == UNKNOWN && BESIDE.contains(&field) {
        return ProblemText::new(format!("`{field}` means nothing here"));
    }
    if what == UNKNOWN {
        let fault = ProblemText::new(format!("{UNKNOWN} `{field}`"));
        return fault.one_of(field, names);
    }
    let text = &reader.source().text;
    let word = text.get(value.range()).unwrap_or_default();
    ProblemText::new(what).one_of(word, names)
}
