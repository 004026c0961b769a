//! Ranges of container starts ("boots"): `2`, `1-3`, `3-`, from 1.
//! `state/persistence.rs` counts boots.

use std::fmt;
use std::str::FromStr;

/// A range of consecutive container starts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Boots {
    first: u64,
    /// `u64::MAX` means no upper end.
    last: u64,
}

impl Boots {
    /// Whether the range contains this start.
    pub fn contain(self, boot: u64) -> bool {
        self.first <= boot && boot <= self.last
    }
}

impl FromStr for Boots {
    /// The reason why the text is not a range, in one sentence.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().ok();
        let ends = match text.split_once('-') {
            None => number(text).map(|only| (only, only)),
            Some((first, "")) => number(first).map(|first| (first, u64::MAX)),
            Some((first, last)) => number(first).zip(number(last)),
        };
        let boots = ends.map(|(first, last)| Self { first, last });
        // A range that has a shorter form is an error, so that no two keys of a plan are the same
        // range.
        let boots = boots.filter(|boots| 1 <= boots.first && boots.first <= boots.last);
        let boots = boots.filter(|boots| boots.to_string() == text);
        boots.ok_or_else(|| format!("boots are 2, 1-3 or 3-, from 1 on, not `{text}`"))
    }
}

impl fmt::Display for Boots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = *self;
        match last {
            _ if first == last => write!(f, "{first}"),
            u64::MAX => write!(f, "{first}-"),
            last => write!(f, "{first}-{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boots_are_one_some_or_all_from_one_on() {
        for (text, meant) in [
            ("1", [true, false, false, false]),
            ("2-3", [false, true, true, false]),
            ("3-", [false, false, true, true]),
        ] {
            let boots: Boots = text.parse().unwrap();
            let numbers = [1, 2, 3, 4];
            assert_eq!(numbers.map(|number| boots.contain(number)), meant, "{text}");
            assert_eq!(boots.to_string(), text);
        }
    }

    #[test]
    fn there_is_one_way_to_write_them() {
        for text in [
            "",
            "0",
            "0-1",
            "2-1",
            "1-1",
            "01",
            "+1",
            "-1",
            "1-2-3",
            "1,2",
            "a",
            "1-18446744073709551615",
        ] {
            let wrong = format!("boots are 2, 1-3 or 3-, from 1 on, not `{text}`");
            assert_eq!(text.parse::<Boots>(), Err(wrong));
        }
    }
}
