//! Parser for Kubernetes objects in kubectl's YAML dialect, with the source span of every field.
//!
//! kubectl reads YAML 1.1 with `sigs.k8s.io/yaml`, so that `0644` is 420 and `no` is false, and
//! sends JSON. A [`Node`] keeps scalars as written and resolves them on access. This module does
//! not know the fields of any kind.

mod duplicates;
mod parse;
mod path;
mod print;
mod scalar;
mod typed;

use serde_json::{Map, Value};

use crate::input::problem::{Problem, ProblemText};
use crate::input::source::{Source, Span, Spanned};
pub(crate) use print::text;
use scalar::Scalar;

/// A scalar, a list or a mapping, with its source span.
#[derive(Debug, Clone)]
pub struct Node {
    span: Span,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Spanned<String>, Node)>),
}

/// A problem and its span.
type Misplaced = (Span, ProblemText);

impl Node {
    /// Parses one document of a file; `None` if it is empty.
    pub fn read(source: &Source, document: Span) -> Result<Option<Self>, Problem> {
        parse::document(&source.text, document).map_err(|(span, fault)| fault.at(source, span))
    }

    /// Its source span.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Resolves it into the JSON that kubectl sends.
    pub fn json(&self, source: &Source) -> Result<Value, Problem> {
        self.value().map_err(|(span, fault)| fault.at(source, span))
    }

    /// The value of a mapping's field.
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.fields()
            .iter()
            .find(|(key, _)| key.value == name)
            .map(|(_, value)| value)
    }

    /// The items of a list; empty for other nodes.
    pub fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Scalar(_) | Content::Map(_) => &[],
        }
    }

    /// The fields of a mapping, in the order of the file; empty for other nodes.
    fn fields(&self) -> &[(Spanned<String>, Self)] {
        match &self.content {
            Content::Map(fields) => fields,
            Content::Scalar(_) | Content::List(_) => &[],
        }
    }

    fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    fn value(&self) -> Result<Value, Misplaced> {
        match &self.content {
            Content::Scalar(scalar) => scalar.json().map_err(|fault| (self.span, fault)),
            Content::List(items) => items.iter().map(Self::value).collect(),
            Content::Map(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| Ok((name.value.clone(), value.value()?)));
                fields.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }
}

#[cfg(test)]
mod tests;
