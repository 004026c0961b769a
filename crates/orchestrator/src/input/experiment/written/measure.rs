//! Measures and marks as written in the file.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::scalar::visit_scalar;
use super::{Claim, Scalar, json_schema};
use crate::input::experiment::Spanned;

/// The time between two marks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Measure {
    /// A DNS label, unique in the experiment.
    #[schemars(with = "json_schema::Label")]
    pub(crate) name: Spanned<Scalar>,
    /// Where the time begins.
    pub(crate) from: Spanned<Mark>,
    /// Where it ends.
    pub(crate) to: Spanned<Mark>,
    /// The longest time allowed; any if absent.
    #[schemars(with = "Option<json_schema::Duration>")]
    pub(crate) at_most: Option<Spanned<Scalar>>,
}

/// A moment of a run: a word or a mapping.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Mark {
    /// `flip`: the acknowledgement of the first step that flips. The name of a step: that of its
    /// action. The id of an `eventually`: when it became true.
    Word(#[schemars(with = "String")] Scalar),
    /// A change or a request.
    Event(Box<MarkEvent>),
}

/// Exactly one of a change and a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = json_schema::exactly_one(&["change", "firstFailed", "lastFailed", "recovered"])))]
pub(crate) struct MarkEvent {
    /// The moment at which a claim about objects becomes true.
    pub(crate) change: Option<Spanned<Claim>>,
    /// The first failed request of a traffic client.
    #[schemars(with = "Option<json_schema::Label>")]
    pub(crate) first_failed: Option<Spanned<Scalar>>,
    /// The last failed request of a traffic client.
    #[schemars(with = "Option<json_schema::Label>")]
    pub(crate) last_failed: Option<Spanned<Scalar>>,
    /// The first successful request of a traffic client after its last failed one.
    #[schemars(with = "Option<json_schema::Label>")]
    pub(crate) recovered: Option<Spanned<Scalar>>,
}

// By hand and not `untagged`: serde buffers untagged values, which loses their spans.
impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MarkVisitor;

        impl<'de> Visitor<'de> for MarkVisitor {
            type Value = Mark;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word or a mapping")
            }

            visit_scalar! { Mark::Word => visit_bool(bool), visit_u64(u64), visit_str(&str) }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mark, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Mark::Event)
            }
        }

        deserializer.deserialize_any(MarkVisitor)
    }
}
