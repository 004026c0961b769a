//! A requirement on one label, and whether labels meet it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key, with its prefix.
    pub key: String,
    /// The condition on the label.
    pub operator: Operator,
}

/// The four operators of `matchExpressions`, and those of queries.
///
/// Rule: `staging/src/k8s.io/apimachinery/pkg/labels/selector.go`, `Requirement.Matches`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label exists, with one of these values.
    In(BTreeSet<String>),
    /// The label is absent or has another value.
    NotIn(BTreeSet<String>),
    /// The label exists.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The label exists, with a number above this one. Only queries have it.
    Above(i64),
    /// The label exists, with a number below this one. Only queries have it.
    Below(i64),
}

impl Requirement {
    /// The label `key` exists and has this value.
    pub fn equal(key: &str, value: &str) -> Self {
        let operator = Operator::In(BTreeSet::from([value.to_owned()]));
        Self {
            key: key.to_owned(),
            operator,
        }
    }

    pub(super) fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.contains(value)),
            // An absent label meets `notin` and `!=`.
            Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Above(least) => number(value).is_some_and(|number| number > *least),
            Operator::Below(most) => number(value).is_some_and(|number| number < *most),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.operator {
            Operator::In(values) if values.len() == 1 => {
                write!(formatter, "{key}={}", list(values))
            }
            Operator::NotIn(values) if values.len() == 1 => {
                write!(formatter, "{key}!={}", list(values))
            }
            Operator::In(values) => write!(formatter, "{key} in ({})", list(values)),
            Operator::NotIn(values) => write!(formatter, "{key} notin ({})", list(values)),
            Operator::Exists => write!(formatter, "{key}"),
            Operator::DoesNotExist => write!(formatter, "!{key}"),
            Operator::Above(least) => write!(formatter, "{key}>{least}"),
            Operator::Below(most) => write!(formatter, "{key}<{most}"),
        }
    }
}

fn number(value: Option<&String>) -> Option<i64> {
    value?.parse().ok()
}

fn list(values: &BTreeSet<String>) -> String {
    values
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(",")
}
