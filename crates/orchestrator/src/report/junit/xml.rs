//! Test suites as XML, in characters that XML may contain.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::suite::{Case, Outcome, Suite};
use crate::printable::{lines, one_line};

/// The document of these suites.
pub(super) fn write(suites: &[Suite]) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let element = writer
        .create_element("testsuites")
        .with_attribute(("name", "probeflip"));
    element
        .write_inner_content(|writer| suites.iter().try_for_each(|it| write_suite(writer, it)))?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_suite(writer: &mut Writer<Vec<u8>>, suite: &Suite) -> io::Result<()> {
    let failures = suite.count(|outcome| matches!(outcome, Outcome::Failed { .. }));
    let errors = suite.count(|outcome| matches!(outcome, Outcome::Undecided { .. }));
    let skipped = suite.count(|outcome| *outcome == Outcome::NotRun);
    let mut element = writer
        .create_element("testsuite")
        .with_attribute(("name", &*attribute(&suite.name)))
        .with_attribute(("tests", &*suite.cases.len().to_string()))
        .with_attribute(("failures", &*failures.to_string()))
        .with_attribute(("errors", &*errors.to_string()))
        .with_attribute(("skipped", &*skipped.to_string()))
        .with_attribute(("time", &*suite.took.to_string()));
    if let Some(started) = &suite.started {
        element = element.with_attribute(("timestamp", &*attribute(started)));
    }
    if let Some(file) = &suite.file {
        element = element.with_attribute(("file", &*attribute(file)));
    }
    element.write_inner_content(|writer| {
        write_properties(writer, &suite.properties)?;
        suite.cases.iter().try_for_each(|it| write_case(writer, it))
    })?;
    Ok(())
}

fn write_properties(
    writer: &mut Writer<Vec<u8>>,
    properties: &[(String, String)],
) -> io::Result<()> {
    if properties.is_empty() {
        return Ok(());
    }
    let element = writer.create_element("properties");
    element.write_inner_content(|writer| {
        properties.iter().try_for_each(|(name, value)| {
            let element = writer.create_element("property");
            let element = element.with_attribute(("name", &*attribute(name)));
            let element = element.with_attribute(("value", &*attribute(value)));
            element.write_empty().map(drop)
        })
    })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, case: &Case) -> io::Result<()> {
    let mut element = writer
        .create_element("testcase")
        .with_attribute(("classname", &*attribute(&case.class)))
        .with_attribute(("name", &*attribute(&case.name)));
    if let Some(took) = case.took {
        element = element.with_attribute(("time", &*took.to_string()));
    }
    let (name, kind, message, text) = match &case.outcome {
        Outcome::Passed => return element.write_empty().map(drop),
        Outcome::NotRun => ("skipped", None, "not run", ""),
        Outcome::Failed { message, text } => ("failure", Some("fail"), &**message, &**text),
        Outcome::Undecided {
            kind,
            message,
            text,
        } => ("error", Some(*kind), &**message, &**text),
    };
    element.write_inner_content(|writer| {
        let mut element = writer
            .create_element(name)
            .with_attribute(("message", &*attribute(message)));
        if let Some(kind) = kind {
            element = element.with_attribute(("type", kind));
        }
        match text {
            "" => element.write_empty().map(drop),
            _ => element
                .write_text_content(BytesText::new(&legal(&lines(text))))
                .map(drop),
        }
    })?;
    Ok(())
}

/// A value on one line, in characters that XML may contain.
pub(super) fn attribute(value: &str) -> String {
    legal(&one_line(value))
}

/// Replaces the characters that XML 1.0 forbids and that are no control characters.
fn legal(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
