//! Source spans: byte ranges in a file, and values with the span they were parsed from.

use std::borrow::Cow;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// A byte range in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// The offset of the first byte.
    pub start: usize,
    /// The offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The span as a range for slicing the text.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// The same range of a text that has so many more bytes before it.
    pub(crate) fn moved(self, bytes: usize) -> Self {
        Self {
            start: self.start + bytes,
            end: self.end + bytes,
        }
    }

    /// Converts an error's location. If the text is not YAML, serde-saphyr gives offsets in
    /// characters only, and converting those to bytes needs the text.
    pub(crate) fn in_text(location: serde_saphyr::Location, text: &str) -> Self {
        let span = location.span();
        if span.byte_offset().is_some() {
            return location.into();
        }
        let first = size(Some(span.offset()));
        let byte = |number| {
            let found = text.char_indices().nth(number);
            found.map_or(text.len(), |(byte, _)| byte)
        };
        Self {
            start: byte(first),
            end: byte(first + size(Some(span.len()))),
        }
    }
}

impl From<serde_saphyr::Location> for Span {
    /// Converts a value's location. An error's location may need the text; see `in_text`.
    fn from(location: serde_saphyr::Location) -> Self {
        let span = location.span();
        let start = size(span.byte_offset());
        Self {
            start,
            end: start + size(span.byte_len()),
        }
    }
}

fn size(number: Option<u64>) -> usize {
    number
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or_default()
}

/// A value and its source span.
#[derive(Debug, Clone, Default)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The span that the value was parsed from.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Another value with the same span.
    pub(crate) fn with<U>(&self, value: U) -> Spanned<U> {
        Spanned {
            value,
            span: self.span,
        }
    }

    /// Applies a function to the value and keeps the span.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: change(self.value),
            span: self.span,
        }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            value: read.value,
            // Of an alias, the place where it is used, not the anchor.
            span: read.referenced.into(),
        })
    }
}

/// The schema of the value alone.
impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
