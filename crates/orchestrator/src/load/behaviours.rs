//! What a flip gives a probe, read by probe-target's own rules; its refusals are put where the word in question stands.

use probe_target::Invalid;
use probe_target::word::Word;
use serde_json::{Map, Value};

use super::reader::Reader;
use crate::experiment::written::{Flip, Tree};
use crate::experiment::{BESIDE, Behaviour, Span, Spanned, To};
use crate::problem::Fault;

/// Reads `to` and what stands beside it.
pub(super) fn behaviour(reader: &mut Reader<'_>, said: &Flip) -> Option<Spanned<Behaviour>> {
    let beside = said
        .beside()
        .map(|(name, value)| (name.to_owned(), value.json()));
    let beside: Map<String, Value> = beside.collect();
    let to = to(reader, &said.to);
    // What stands beside is read also where `to` could not be.
    match Behaviour::new(to.clone().unwrap_or(To::Word(Word::Pass)), beside) {
        Ok(value) => to.is_some().then_some(Spanned {
            value,
            span: said.to.span,
        }),
        Err(invalid) => {
            let (name, value) = place(said, &invalid.field);
            let (fault, unknown) = fault(reader, &invalid, value);
            reader.fault(if unknown { name } else { value }, fault)
        }
    }
}

fn to(reader: &mut Reader<'_>, said: &Spanned<Tree>) -> Option<To> {
    let word = match (&said.value, said.value.json()) {
        (Tree::Scalar(scalar), _) => scalar.word(),
        (_, Value::Object(object)) => return Some(To::Object(object)),
        _ => {
            let fault = Fault::new("a list cannot stand here");
            return reader.fault(
                said.span,
                fault.expected("a word, or a mapping such as `{ sequence: [503, 200] }`"),
            );
        }
    };
    match word.parse() {
        Ok(word) => Some(To::Word(word)),
        Err(_) => reader.fault(said.span, Fault::unknown_behaviour(&word)),
    }
}

/// Where the field stands: its name and its value.
fn place(said: &Flip, path: &str) -> (Span, Span) {
    let beside = said.beside().find(|(name, _)| *name == path);
    if let Some((_, value)) = beside {
        return (value.span, value.span);
    }
    let inside = path
        .strip_prefix("to.")
        .and_then(|path| said.to.place(path));
    inside.unwrap_or((said.to.span, said.to.span))
}

/// A refusal of probe-target's in the words of this one, and whether it is about the field's name.
fn fault(reader: &Reader<'_>, invalid: &Invalid, value: Span) -> (Fault, bool) {
    const UNKNOWN: &str = "unknown field";
    let field = invalid.field.rsplit('.').next().unwrap_or_default();
    let Some((what, names)) = invalid.message.split_once(", expected one of ") else {
        return (Fault::new(format!("`{field}`: {}", invalid.message)), false);
    };
    // What stands elsewhere is no suggestion.
    let names = names
        .split(", ")
        .filter(|name| !BESIDE.contains(name) && *name != "leased");
    if what == UNKNOWN {
        let fault = Fault::new(format!("{UNKNOWN} `{field}`"));
        return (fault.one_of(field, names), true);
    }
    let text = &reader.source().text;
    let word = text.get(value.range()).unwrap_or_default();
    (Fault::new(what).one_of(word, names), false)
}
