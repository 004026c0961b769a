//! Parses a flip's target with probe-target's parser and locates its errors.

use probe_target::ParseError;
use probe_target::model::field::{Field, LEASED, PROBABILITY};
use probe_target::model::flip_spec::{Flip as Change, FlipSpec, Options};
use probe_target::model::parse_error::Reason;
use probe_target::model::process_fault::ProcessFault;

use super::diagnostics::Diagnostics;
use crate::input::experiment::written::{Flip, Scalar, Tree};
use crate::input::experiment::{FlipTarget, Probe};
use crate::input::problem::ProblemText;
use crate::input::source::{Span, Spanned};

/// Parses the flip's target. The second value is the span of the behaviour (`to` or `process`).
pub(super) fn aim(
    reader: &mut Diagnostics<'_>,
    flip: &Flip,
) -> Option<(Spanned<FlipTarget>, Span)> {
    match (&flip.probe, &flip.to, &flip.process) {
        (Some(probe), Some(to), None) => at_probe(reader, flip, probe, to),
        (None, None, Some(process)) => at_process(reader, flip, process),
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
                None => reader.fault_around(flip.container.span, fault),
            }
        }
    }
}

fn at_probe(
    reader: &mut Diagnostics<'_>,
    flip: &Flip,
    probe: &Spanned<Scalar>,
    to: &Spanned<Tree>,
) -> Option<(Spanned<FlipTarget>, Span)> {
    let probes = [Probe::Liveness, Probe::Readiness, Probe::Startup];
    let kind = reader.choice(probe, "a probe", &probes.map(|probe| (probe.word(), probe)));
    let spec = if let Tree::List(_) = to.value {
        not_a_list(reader, to, "{ sequence: [503, 200] }")
    } else {
        let spec = FlipSpec::read(to.json(), beside(flip));
        if spec.as_ref().is_err_and(|error| error.field == "to") {
            // One run reports all errors, so the fields beside `to` are checked nevertheless.
            let pass = FlipSpec::read("pass".into(), beside(flip));
            located(reader, flip, ("to", to), pass);
        }
        located(reader, flip, ("to", to), spec)
    };
    if let Some(Change::Route(behaviour)) = spec.as_ref().map(|spec| &spec.flip)
        && behaviour.bounds.is_never()
    {
        let span = place(flip, ("to", to), PROBABILITY.name);
        let fault = ProblemText::new("`probability`: no request is ever given this");
        return reader.fault(span, fault.expected("more than 0, up to 1"));
    }
    let target = FlipTarget::Probe {
        probe: kind?,
        to: spec?,
    };
    Some((probe.with(target), to.span))
}

fn at_process(
    reader: &mut Diagnostics<'_>,
    flip: &Flip,
    process: &Spanned<Tree>,
) -> Option<(Spanned<FlipTarget>, Span)> {
    if let Tree::List(_) = process.value {
        return not_a_list(reader, process, "{ fault: exit, code: 3 }");
    }
    let fault = ProcessFault::read_beside(process.json(), beside(flip));
    let fault = located(reader, flip, ("process", process), fault)?;
    Some((process.with(FlipTarget::Process(fault)), process.span))
}

fn not_a_list<T>(reader: &mut Diagnostics<'_>, value: &Spanned<Tree>, example: &str) -> Option<T> {
    let fault = ProblemText::new("a list cannot stand here");
    let expected = format!("a word, or a mapping such as `{example}`");
    reader.fault(value.span, fault.expected(expected))
}

fn beside(flip: &Flip) -> Options {
    let fields = flip.beside.iter();
    let fields = fields.map(|(field, value)| (field.name.to_owned(), value.json()));
    fields.collect()
}

/// Returns the parsed value, or reports probe-target's error at the span of the field it names.
/// `root` is the name and value of `to` or `process`, which contains the fields that are not beside
/// it.
fn located<T>(
    reader: &mut Diagnostics<'_>,
    flip: &Flip,
    root: (&str, &Spanned<Tree>),
    read: Result<T, ParseError>,
) -> Option<T> {
    let error = match read {
        Ok(read) => return Some(read),
        Err(error) => error,
    };
    let value = place(flip, root, &error.field);
    let fault = problem(&error, root.1);
    if error.reason.is_of_field() {
        return reader.fault_at_key(value, fault);
    }
    reader.fault(value, fault)
}

/// The span of the value of the field at `path`.
fn place(flip: &Flip, (name, root): (&str, &Spanned<Tree>), path: &str) -> Span {
    let mut beside = flip.beside.iter();
    if let Some((_, value)) = beside.find(|(field, _)| field.name == path) {
        return value.span;
    }
    let inside = path
        .strip_prefix(name)
        .and_then(|path| path.strip_prefix('.'));
    let inside = inside.and_then(|path| root.place(path));
    inside.unwrap_or(root.span)
}

/// Words the error for a file. Fields that belong beside `to`, and `leased`, are not suggested.
fn problem(error: &ParseError, root: &Tree) -> ProblemText {
    let field = error.field.rsplit('.').next().unwrap_or_default();
    let Reason::UnknownField { known } = &error.reason else {
        return ProblemText::rejected(&format!("`{field}`"), &error.reason);
    };
    if Field::beside(field).is_some() {
        let what = format!("`{field}` means nothing");
        return ProblemText::new(match root {
            Tree::Scalar(word) => format!("{what} beside `{}`", word.word()),
            Tree::Null | Tree::List(_) | Tree::Map(_) => format!("{what} here"),
        });
    }
    let known = known.iter().copied();
    let known = known.filter(|name| Field::beside(name).is_none() && *name != LEASED.name);
    ProblemText::new(format!("unknown field `{field}`")).one_of(field, known)
}
