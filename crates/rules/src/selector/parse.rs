//! Parses the text of a label selector, with an API server's errors.
//!
//! Rule: `staging/src/k8s.io/apimachinery/pkg/labels/selector.go`, `Parser`.

use std::collections::BTreeSet;
use std::fmt;

use super::requirement::{Operator, Requirement};
use crate::names::{refuse_label_key, refuse_label_value};

/// Why a text is not a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
const OPERATORS: [&str; 7] = ["=", "==", "!=", ">", "<", "in", "notin"];

pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, ParseError> {
    let mut reader = Reader { rest: text };
    let mut found = Vec::new();
    if reader.peek().is_empty() {
        return Ok(found);
    }
    if !reader.begins_requirement() {
        return Err(unexpected(
            reader.peek(),
            "!, identifier, or 'end of string'",
        ));
    }
    loop {
        let requirement = reader.requirement();
        found.push(requirement.map_err(|ParseError(why)| {
            ParseError(format!("unable to parse requirement: {why}"))
        })?);
        match reader.next() {
            "" => return Ok(found),
            "," if reader.begins_requirement() => {}
            "," => return Err(unexpected(reader.peek(), "identifier after ','")),
            other => return Err(unexpected(other, "',' or 'end of string'")),
        }
    }
}

/// The text not yet parsed, read token by token; the end is an empty token.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn begins_requirement(&self) -> bool {
        self.peek() == "!" || is_word(self.peek())
    }

    fn requirement(&mut self) -> Result<Requirement, ParseError> {
        let is_negated = self.peek() == "!";
        if is_negated {
            self.next();
        }
        let key = self.word()?.to_owned();
        let why = refuse_label_key(&key);
        if !why.is_empty() {
            // Upstream prints a path that is absent.
            return Err(invalid("<nil>", &key, &why));
        }
        let operator = if is_negated {
            Operator::DoesNotExist
        } else if matches!(self.peek(), "" | ",") {
            Operator::Exists
        } else {
            self.operator(&key)?
        };
        Ok(Requirement { key, operator })
    }

    fn operator(&mut self, key: &str) -> Result<Operator, ParseError> {
        let operator = self.next();
        if !OPERATORS.contains(&operator) {
            return Err(unexpected(operator, "in, notin, =, ==, !=, gt, lt"));
        }
        let values = match operator {
            "in" | "notin" => self.values()?,
            _ => BTreeSet::from([self.value()?.to_owned()]),
        };
        let number = || check_number(values.first().map_or("", String::as_str));
        let operator = match operator {
            ">" => Operator::Above(number()?),
            "<" => Operator::Below(number()?),
            "notin" | "!=" => Operator::NotIn(values.clone()),
            _ => Operator::In(values.clone()),
        };
        for (place, value) in values.iter().enumerate() {
            let why = refuse_label_value(value);
            if !why.is_empty() {
                return Err(invalid(&format!("values[{place}][{key}]"), value, &why));
            }
        }
        Ok(operator)
    }

    /// Values in parentheses; each may be empty.
    fn values(&mut self) -> Result<BTreeSet<String>, ParseError> {
        match self.next() {
            "(" => {}
            // Without a comma, unlike the other errors.
            other => return Err(ParseError(format!("found '{other}' expected: '('"))),
        }
        if !matches!(self.peek(), ")" | ",") && !is_word(self.peek()) {
            return Err(unexpected(self.peek(), "',', ')' or identifier"));
        }
        let mut values = BTreeSet::new();
        loop {
            if is_word(self.peek()) {
                values.insert(self.next().to_owned());
                if !matches!(self.peek(), ")" | ",") {
                    return Err(unexpected(self.peek(), "',' or ')'"));
                }
            } else {
                values.insert(String::new());
            }
            match self.next() {
                ")" => return Ok(values),
                "," => {}
                other => return Err(unexpected(other, "',', or identifier")),
            }
        }
    }

    /// The only value of an operator; it may be empty.
    fn value(&mut self) -> Result<&'a str, ParseError> {
        match self.peek() {
            "" | "," => Ok(""),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<&'a str, ParseError> {
        match self.next() {
            token if is_word(token) => Ok(token),
            token => Err(unexpected(token, "identifier")),
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
        let word = || rest.find(|c: char| c.is_whitespace() || "=!(),><".contains(c));
        &rest[..symbol.or_else(word).unwrap_or(rest.len())]
    }
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && !SYMBOLS.contains(&token)
}

fn check_number(value: &str) -> Result<i64, ParseError> {
    let why = "for 'Gt', 'Lt' operators, the value must be an integer".to_owned();
    let number = value.parse().ok();
    number.ok_or_else(|| invalid("values[0]", value, &[why]))
}

fn unexpected(found: &str, expected: &str) -> ParseError {
    ParseError(format!("found '{found}', expected: {expected}"))
}

fn invalid(place: &str, value: &str, why: &[String]) -> ParseError {
    let why = why.join("; ");
    ParseError(format!("{place}: Invalid value: {value:?}: {why}"))
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
        check("a in ()", "a=");
        check("a in(c , b,)", "a in (,b,c)");
        check("a notin (b),!c , d", "a!=b,!c,d");
        check("in in (in)", "in=in");
        check("a > 1,b<2", "a>1,b<2");
        check(
            "app.kubernetes.io/name=web_1",
            "app.kubernetes.io/name=web_1",
        );
    }

    /// All of them recorded on a node; the recording of bad requests has more.
    #[test]
    fn malformed_selectors_have_errors() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Selector>().unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        };
        check("a,", "found '', expected: identifier after ','");
        check(
            ",",
            "found ',', expected: !, identifier, or 'end of string'",
        );
        let requirement = "unable to parse requirement";
        check("a in b", &format!("{requirement}: found 'b' expected: '('"));
        check(
            "a in (b",
            &format!("{requirement}: found '', expected: ',' or ')'"),
        );
        check("a=b c", "found 'c', expected: ',' or 'end of string'");
        let number = "for 'Gt', 'Lt' operators, the value must be an integer";
        check(
            "a>b",
            &format!("{requirement}: values[0]: Invalid value: \"b\": {number}"),
        );
    }

    #[test]
    fn numbers_are_compared() {
        let check = |text: &str, value: &str, expected| {
            let labels = [("a".to_owned(), value.to_owned())].into();
            let selector: Selector = text.parse().unwrap();
            assert_eq!(selector.matches(&labels), expected, "{text} {value}");
        };
        check("a>1", "2", true);
        check("a>1", "1", false);
        check("a<1", "-5", true);
        check("a<1", "x", false);
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
