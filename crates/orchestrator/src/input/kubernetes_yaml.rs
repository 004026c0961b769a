//! YAML of Kubernetes objects: kubectl's dialect, with the place of every field.
//!
//! kubectl reads YAML 1.1 with `sigs.k8s.io/yaml`, so that `0644` is 420 and `no` is false, and sends JSON. A [`Node`]
//! keeps scalars as they are written until their value is asked for. Which fields a kind has is not asked here.

mod duplicates;
mod parse;
mod path;
mod scalar;
mod typed;

use serde_json::{Map, Value};

use crate::input::experiment::{Source, Span, Spanned};
use crate::input::problem::{Problem, ProblemText};
use scalar::Scalar;

/// A scalar, a list or a mapping, and where it is written.
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

/// A fault and the place in the text where it is.
type Misplaced = (Span, ProblemText);

impl Node {
    /// Parses one document; none if it has no content.
    pub fn read(source: &Source, text: &str) -> Result<Option<Self>, Problem> {
        parse::document(text).map_err(|(span, fault)| fault.at(source, span))
    }

    /// Where it is written.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The JSON that kubectl sends for it.
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

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Scalar(_) | Content::Map(_) => &[],
        }
    }

    /// The fields of a mapping, in the order of the file; none of anything else.
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
