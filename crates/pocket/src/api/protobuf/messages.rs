//! The fields of each message, by number.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// All messages.
pub(super) struct Messages(BTreeMap<&'static str, Message>);

/// The fields of one message.
pub(super) type Message = BTreeMap<u64, MessageField>;

/// A field as JSON has it.
#[derive(Debug)]
pub(super) struct MessageField {
    /// Its name; `None` if JSON has the fields of its message in its place.
    pub(super) name: Option<&'static str>,
    pub(super) shape: Shape,
    pub(super) value: ValueType,
}

/// How often a field may occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Once. Empty text, zero and false stand for none, as in Go.
    One,
    /// Once. Empty text, zero and false count.
    Optional,
    Many,
    /// Entries of a map with keys of text.
    Map,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueType {
    Text,
    Integer,
    Bool,
    Double,
    Bytes,
    /// A name, to be looked up.
    Message(&'static str),
}

/// The table that is built in.
pub(super) fn messages() -> &'static Messages {
    static MESSAGES: OnceLock<Messages> = OnceLock::new();
    MESSAGES.get_or_init(|| Messages::parse(include_str!("messages.txt")))
}

impl Messages {
    /// Parses lines: a message's name alone, or a field's number, name and type.
    fn parse(text: &'static str) -> Self {
        let mut messages = BTreeMap::new();
        let mut current: Option<&mut Message> = None;
        for line in text.lines().filter(|line| !line.is_empty()) {
            let mut words = line.split(' ');
            let first = words.next().expect("a line must have a word");
            let Some(name) = words.next() else {
                current = Some(messages.entry(first).or_default());
                continue;
            };
            let number = first.parse().expect("a field must begin with its number");
            let types = words.next().expect("a field must end with its type");
            let fields = current.as_mut().expect("a field must follow a message");
            fields.insert(number, MessageField::parse(name, types));
        }
        Self(messages)
    }

    pub(super) fn get(&self, name: &str) -> &Message {
        static NONE: Message = Message::new();
        self.0.get(name).unwrap_or(&NONE)
    }

    /// The message of a kind: `core.Pod` for `v1` and `Pod`.
    pub(super) fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Message> {
        let package = match api_version {
            "v1" => "core",
            grouped => grouped.strip_suffix("/v1")?.split('.').next()?,
        };
        let own = self.0.get(format!("{package}.{kind}").as_str());
        // The options of requests are of every group.
        own.or_else(|| self.0.get(format!("meta.{kind}").as_str()))
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

impl MessageField {
    fn parse(name: &'static str, types: &'static str) -> Self {
        let marks = [
            ("[]", Shape::Many),
            ("map:", Shape::Map),
            ("*", Shape::Optional),
        ];
        let mut marked = marks
            .iter()
            .filter_map(|(mark, shape)| Some((types.strip_prefix(mark)?, *shape)));
        let (value, shape) = marked.next().unwrap_or((types, Shape::One));
        Self {
            name: (name != "-").then_some(name),
            shape,
            value: match value {
                "text" => ValueType::Text,
                "integer" => ValueType::Integer,
                "bool" => ValueType::Bool,
                "double" => ValueType::Double,
                "bytes" => ValueType::Bytes,
                message => ValueType::Message(message),
            },
        }
    }
}
