//! The text of `probeflip explain`: a field of a JSON Schema for people. Pure.

use std::fmt::Write as _;

use super::hanging;
use crate::input::schema::SchemaField;

/// Width of text that no terminal limits.
const WIDTH: u16 = 100;

/// The units of durations, as every duration has the same.
const UNITS: &str = "a number with `h`, `m`, `s` or `ms`, or several of these";

/// Description, type, values and fields.
pub(crate) fn field(field: &SchemaField<'_>, width: Option<u16>) -> String {
    let width = usize::from(width.unwrap_or(WIDTH));
    let mut text = format!("{}\n", field.path());
    let mut add = |start: &str, line: &str| {
        for line in hanging(start, line, width) {
            text.push_str(&line);
            text.push('\n');
        }
    };
    for description in field.descriptions() {
        add("", "");
        add("  ", &description);
    }
    add("", "");
    add("Type:      ", &field.type_text());
    if field.type_text().contains("duration") {
        add("Unit:      ", UNITS);
    }
    if let Some(required) = field.required {
        add("Required:  ", if required { "yes" } else { "no" });
    }
    if let Some(default) = field.default() {
        add("Default:   ", &default);
    }
    if let Some(example) = field.example() {
        add("Example:   ", &example);
    }
    let words = field.words();
    if !words.is_empty() {
        add("", "");
        add("Words:", "");
    }
    for (word, description) in words {
        add("  ", &word);
        if let Some(description) = description {
            add("      ", description);
        }
    }
    let fields = field.fields();
    if !fields.is_empty() {
        add("", "");
        add("Fields:", "");
    }
    for field in fields {
        add("  ", &head(&field));
        if let Some(description) = field.descriptions().first() {
            add("      ", description);
        }
    }
    text
}

/// The field and all fields below it, a line each.
pub(crate) fn tree(field: &SchemaField<'_>) -> String {
    let mut text = format!("{}  {}\n", field.path(), field.type_text());
    for (field, depth) in field.below() {
        // Writing to a string does not fail.
        _ = writeln!(text, "{}{}", "  ".repeat(depth), head(&field));
    }
    text
}

/// Name, type and whether it is required, in one line.
fn head(field: &SchemaField<'_>) -> String {
    let required = match field.required {
        Some(true) => ", required",
        _ => "",
    };
    format!("{}  {}{required}", field.name(), field.type_text())
}
