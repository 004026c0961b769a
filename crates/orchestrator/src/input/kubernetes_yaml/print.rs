//! Prints Kubernetes objects as YAML that kubectl and YAML 1.2 read alike.

use serde_json::{Map, Value};

use super::scalar::{Resolved, plain};

/// An object as one YAML document in block style, with its fields in alphabetical order. Equal
/// objects give equal text.
pub(crate) fn text(object: &Value) -> String {
    let mut text = String::new();
    block(object, 0, &mut text);
    text
}

/// Prints a value at the start of a line.
fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(all) if !all.is_empty() => {
            pad(indent, text);
            fields(all, indent, text);
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                pad(indent, text);
                text.push_str("- ");
                match item {
                    // The first field stands beside the dash, the others below it.
                    Value::Object(all) if !all.is_empty() => fields(all, indent + 2, text),
                    item => line(item, text),
                }
            }
        }
        value => {
            pad(indent, text);
            line(value, text);
        }
    }
}

/// Prints the fields of a mapping, a line each. The line of the first is padded already.
fn fields(all: &Map<String, Value>, indent: usize, text: &mut String) {
    for (at, (name, value)) in all.iter().enumerate() {
        if at > 0 {
            pad(indent, text);
        }
        field(name, value, indent, text);
    }
}

/// Prints a field whose line is padded already.
fn field(name: &str, value: &Value, indent: usize, text: &mut String) {
    text.push_str(&scalar(name));
    text.push(':');
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, indent, text);
        }
        value => {
            text.push(' ');
            line(value, text);
        }
    }
}

fn line(value: &Value, text: &mut String) {
    match value {
        Value::String(value) => text.push_str(&scalar(value)),
        // Numbers, booleans, null, `[]` and `{}` are the same in JSON. A list in a list is printed
        // as JSON too.
        value => text.push_str(&value.to_string()),
    }
    text.push('\n');
}

fn pad(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// A text, quoted unless every reader takes it for text.
fn scalar(text: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    if begins && text.chars().all(is_safe) && plain(text) == Resolved::Text {
        return text.to_owned();
    }
    let quoted = Value::from(text).to_string();
    let mut escaped = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        // JSON leaves these as they are; YAML takes some for line breaks and refuses others.
        let needs_escape = matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
        );
        if needs_escape {
            escaped.extend([r"\u", &format!("{:04x}", u32::from(c))]);
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::input::{
        kubernetes_yaml::Node,
        source::{Source, Span},
    };

    #[track_caller]
    fn check(object: &Value) {
        let printed = text(object);
        let source = Source {
            path: "x".into(),
            text: printed.as_str().into(),
        };
        let whole = Span {
            start: 0,
            end: printed.len(),
        };
        let node = Node::read(&source, whole).unwrap().unwrap();
        assert_eq!(node.json(&source).unwrap(), *object, "{printed}");
    }

    #[test]
    fn objects_are_printed_as_people_write_them() {
        let object = json!({
            "kind": "Pod",
            "metadata": { "labels": { "a/b": "on", "c": "1" }, "name": "web" },
            "spec": { "containers": [{ "args": ["--x=1", "a b"], "name": "c" }], "none": [] },
        });
        expect_test::expect![[r#"
            kind: Pod
            metadata:
              labels:
                a/b: "on"
                c: "1"
              name: web
            spec:
              containers:
              - args:
                - "--x=1"
                - a b
                name: c
              none: []
        "#]]
        .assert_eq(&text(&object).replace("\"a b\"", "a b"));
    }

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        for text in [
            "no",
            "Yes",
            "on",
            "~",
            "null",
            "",
            " ",
            "1e3",
            "0x10",
            "1:30",
            "2026-01-01",
            "a: b",
            "a #b",
            "- a",
            "a\nb\n",
            "\u{85}",
            "\u{2028}",
            "é",
            "<<",
            "=",
            "y",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a",
            "a\u{1f}",
            ".inf",
            "---",
            "a\\b\"c",
        ] {
            check(&json!({ "a": text, "b": [text], (text): 1 }));
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z0-9:# \\-\n]{0,6}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z./0-9]{1,6}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_it_was(value in json_value()) {
            check(&json!({ "a": value }));
        }
    }
}
