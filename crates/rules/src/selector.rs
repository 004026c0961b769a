//! Label selectors: requirements on labels, matching, and their text form.
//!
//! A selector is built from an object's selector, or parsed from a `labelSelector` query. An
//! *absent* selector selects nothing; its owner has to handle that.

mod parse;
mod requirement;

use std::fmt;
use std::str::FromStr;

pub use parse::ParseError;
pub use requirement::{Labels, Operator, Requirement};

/// Requirements that must all hold; an empty selector selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

impl Selector {
    /// Selects objects with all of `labels`, as `matchLabels` does.
    pub fn equal(labels: &Labels) -> Self {
        labels
            .iter()
            .map(|(key, value)| Requirement::equal(key, value))
            .collect()
    }

    /// Whether every requirement holds for `labels`.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }

    /// Whether there is no requirement, so that everything matches.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Requirement> for Selector {
    fn from_iter<T: IntoIterator<Item = Requirement>>(requirements: T) -> Self {
        Self(requirements.into_iter().collect())
    }
}

impl Extend<Requirement> for Selector {
    fn extend<T: IntoIterator<Item = Requirement>>(&mut self, requirements: T) {
        self.0.extend(requirements);
    }
}

impl FromStr for Selector {
    type Err = ParseError;

    /// Parses the text of a query, such as `app=web,tier in (front,back),!canary`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse::requirements(text).map(Self)
    }
}

/// The text that [`Selector::from_str`] parses, in the format of `status.selector` of a scale
/// subresource.
impl fmt::Display for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, requirement) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(formatter, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn every_operator_on_present_other_and_absent_labels() {
        let check = |selector: &str, on: &str, expected: bool| {
            let parsed: Selector = selector.parse().unwrap();
            assert_eq!(parsed.matches(&labels(on)), expected, "{selector} on {on}");
        };
        for (selector, present, other, absent) in [
            ("app=web", true, false, false),
            ("app!=web", false, true, true),
            ("app in (web,api)", true, false, false),
            ("app notin (web,api)", false, true, true),
            ("app", true, true, false),
            ("!app", false, false, true),
            ("", true, true, true),
        ] {
            check(selector, "app=web", present);
            check(selector, "app=db", other);
            check(selector, "tier=web", absent);
        }
    }

    #[test]
    fn all_requirements_must_hold() {
        let selector: Selector = "app=web,tier in (front),!canary".parse().unwrap();
        assert!(selector.matches(&labels("app=web,tier=front")));
        assert!(!selector.matches(&labels("app=web,tier=front,canary=yes")));
        assert!(!selector.matches(&labels("app=web")));
    }

    #[test]
    fn match_labels_are_equalities() {
        let selector = Selector::equal(&labels("app=web,tier=front"));
        assert_eq!(selector, "app=web,tier=front".parse().unwrap());
        assert!(Selector::equal(&Labels::new()).is_empty());
    }

    #[test]
    fn a_selector_is_shown_as_it_is_read() {
        for text in [
            "",
            "app=web",
            "app!=web,!canary",
            "app in (api,web),tier notin (a,b),x",
        ] {
            assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
        }
    }
}
