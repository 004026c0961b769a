//! Parses the text of a label selector. The grammar is `labels.Parse`'s without number comparisons.
//!
//! Rule: `staging/src/k8s.io/apimachinery/pkg/labels/selector.go`.

use std::collections::BTreeSet;
use std::fmt;

use super::requirement::{Operator, Requirement};
use crate::names::{is_qualified, is_subdomain};

/// Why a text is not a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    expected: &'static str,
    found: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, found } = self;
        match found.as_str() {
            "" => write!(
                formatter,
                "expected {expected}, found the end of the selector"
            ),
            found => write!(formatter, "expected {expected}, found `{found}`"),
        }
    }
}

impl std::error::Error for ParseError {}

/// Longer symbols come first, so that they match first.
const SYMBOLS: [&str; 7] = ["==", "!=", "=", "!", "(", ")", ","];

pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, ParseError> {
    let mut reader = Reader { rest: text };
    let mut found = Vec::new();
    if reader.peek().is_empty() {
        return Ok(found);
    }
    loop {
        found.push(reader.requirement()?);
        match reader.next() {
            "" => return Ok(found),
            "," => {}
            other => return Err(unexpected("`,`", other)),
        }
    }
}

/// The text not yet parsed, read token by token; the end is an empty token.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn requirement(&mut self) -> Result<Requirement, ParseError> {
        if self.peek() == "!" {
            self.next();
            return Ok(Requirement {
                key: self.key()?,
                operator: Operator::DoesNotExist,
            });
        }
        Ok(Requirement {
            key: self.key()?,
            operator: self.operator()?,
        })
    }

    fn operator(&mut self) -> Result<Operator, ParseError> {
        if matches!(self.peek(), "" | ",") {
            return Ok(Operator::Exists);
        }
        match self.next() {
            "=" | "==" => Ok(Operator::In(BTreeSet::from([self.value()?]))),
            "!=" => Ok(Operator::NotIn(BTreeSet::from([self.value()?]))),
            "in" => Ok(Operator::In(self.values()?)),
            "notin" => Ok(Operator::NotIn(self.values()?)),
            other => Err(unexpected("`=`, `==`, `!=`, `in` or `notin`", other)),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>, ParseError> {
        let open = self.next();
        if open != "(" {
            return Err(unexpected("`(`", open));
        }
        let mut values = BTreeSet::from([self.value()?]);
        loop {
            match self.next() {
                ")" => return Ok(values),
                "," => values.insert(self.value()?),
                other => return Err(unexpected("`,` or `)`", other)),
            };
        }
    }

    fn key(&mut self) -> Result<String, ParseError> {
        let token = self.next();
        let name = match token.split_once('/') {
            Some((prefix, name)) if is_subdomain(prefix) => name,
            Some(_) => "",
            None => token,
        };
        if is_qualified(name) {
            Ok(token.to_owned())
        } else {
            Err(unexpected("a label key", token))
        }
    }

    /// A value may be empty; then the next token is not consumed.
    fn value(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            "" | "," | ")" => Ok(String::new()),
            token if is_qualified(token) => Ok(self.next().to_owned()),
            token => Err(unexpected("a label value", token)),
        }
    }

    fn next(&mut self) -> &'a str {
        let token = self.peek();
        self.rest = &self.rest.trim_start()[token.len()..];
        token
    }

    fn peek(&self) -> &'a str {
        let rest = self.rest.trim_start();
        let symbol = SYMBOLS
            .into_iter()
            .find(|symbol| rest.starts_with(symbol))
            .map(str::len);
        let word = || rest.find(|c: char| c.is_whitespace() || "=!(),".contains(c));
        &rest[..symbol.or_else(word).unwrap_or(rest.len())]
    }
}

fn unexpected(expected: &'static str, found: &str) -> ParseError {
    ParseError {
        expected,
        found: found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Selector;

    #[test]
    fn valid_selectors_are_parsed() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                text.parse::<Selector>().unwrap().to_string(),
                expected,
                "{text}"
            );
        };
        check("a=b", "a=b");
        check(" a == b ", "a=b");
        check("a=", "a=");
        check("a,b=", "a,b=");
        check("a in (b)", "a=b");
        check("a in(c , b,)", "a in (,b,c)");
        check("a notin (b),!c , d", "a!=b,!c,d");
        check("in in (in)", "in=in");
        check(
            "app.kubernetes.io/name=web_1",
            "app.kubernetes.io/name=web_1",
        );
    }

    #[test]
    fn malformed_selectors_have_errors() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Selector>().unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        };
        check(
            "a=b,",
            "expected a label key, found the end of the selector",
        );
        check(",a", "expected a label key, found `,`");
        check("=b", "expected a label key, found `=`");
        check(
            "a b",
            "expected `=`, `==`, `!=`, `in` or `notin`, found `b`",
        );
        check("a in b", "expected `(`, found `b`");
        check(
            "a in (b",
            "expected `,` or `)`, found the end of the selector",
        );
        check("a=b c", "expected `,`, found `c`");
        check("a=-b", "expected a label value, found `-b`");
        check("a/b/c=d", "expected a label key, found `a/b/c`");
        check("A/b=c", "expected a label key, found `A/b`");
        check("a..b/c=d", "expected a label key, found `a..b/c`");
    }

    #[test]
    fn names_and_values_are_shorter_than_prefixes() {
        let check = |name: usize, value: usize, prefix: usize, fits: bool| {
            let [name, value] = [name, value].map(|length| "a".repeat(length));
            let prefix = "a".repeat(prefix);
            let text = format!("{prefix}/{name}={value}");
            assert_eq!(text.parse::<Selector>().is_ok(), fits, "{text}");
        };
        check(63, 63, 253, true);
        check(64, 63, 253, false);
        check(63, 64, 253, false);
        check(63, 63, 254, false);
    }
}
