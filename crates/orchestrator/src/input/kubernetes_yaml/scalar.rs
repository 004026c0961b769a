//! Resolves YAML scalars to null, booleans, numbers or text exactly as kubectl does.
//!
//! Rule: `go.yaml.in/yaml/v2/resolve.go`, and `sigs.k8s.io/yaml/yaml.go`,
//! `convertToJSONableObject`.

use serde_json::Value;

use crate::input::problem::ProblemText;

/// A scalar as written.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    /// Its text, after escapes and folding.
    pub(super) text: String,
    /// Whether it is neither quoted nor a block scalar.
    pub(super) is_plain: bool,
    /// Its explicit tag: `int` of `!!int`, or a tag that is not YAML's own.
    pub(super) tag: Option<Tag>,
}

/// An explicit tag.
#[derive(Debug, Clone)]
pub(super) enum Tag {
    /// One of `tag:yaml.org,2002:`, without this prefix.
    Yaml(String),
    /// Any other tag; kubectl resolves its scalar to text.
    Other,
}

/// The resolved value of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text,
}

impl Scalar {
    /// The scalar as JSON.
    pub(super) fn json(&self) -> Result<Value, ProblemText> {
        Ok(match self.resolve()? {
            Resolved::Null => Value::Null,
            Resolved::Bool(value) => value.into(),
            Resolved::Int(number) => number.into(),
            Resolved::Float(number) => return self.float(number),
            Resolved::Text => self.text.as_str().into(),
        })
    }

    pub(super) fn is_null(&self) -> bool {
        self.resolve().is_ok_and(|value| value == Resolved::Null)
    }

    /// The scalar as a field name. As in kubectl, booleans and numbers become text: `yes` is
    /// `true`.
    pub(super) fn key(&self) -> Result<String, ProblemText> {
        match self.resolve()? {
            Resolved::Null => {
                let fault = ProblemText::new(format!("`{}` cannot be a key", self.text));
                Err(fault.expected("text; quote it"))
            }
            Resolved::Bool(value) => Ok(value.to_string()),
            Resolved::Int(number) => Ok(number.to_string()),
            Resolved::Float(number) => Ok(short_float(number)),
            Resolved::Text => Ok(self.text.clone()),
        }
    }

    /// Whether this is the merge key `<<`, which merges other mappings into the one around it.
    pub(super) fn merges(&self) -> bool {
        self.text == "<<" && (self.is_plain || self.is_tagged("merge"))
    }

    fn is_tagged(&self, name: &str) -> bool {
        matches!(&self.tag, Some(Tag::Yaml(tag)) if tag == name)
    }

    fn resolve(&self) -> Result<Resolved, ProblemText> {
        let tag = match &self.tag {
            None if self.is_plain => return Ok(plain(&self.text)),
            None | Some(Tag::Other) => return Ok(Resolved::Text),
            Some(Tag::Yaml(tag)) => tag.as_str(),
        };
        match (tag, plain(&self.text)) {
            ("str" | "timestamp" | "merge", _) => Ok(Resolved::Text),
            ("null", Resolved::Null) => Ok(Resolved::Null),
            ("bool", Resolved::Bool(value)) => Ok(Resolved::Bool(value)),
            ("int" | "float", Resolved::Int(number)) => Ok(Resolved::Int(number)),
            ("float", Resolved::Float(number)) => Ok(Resolved::Float(number)),
            ("null" | "bool" | "int" | "float", _) => Err(ProblemText::new(format!(
                "`{}` is not a `!!{tag}`",
                self.text
            ))),
            _ => Err(ProblemText::new(format!(
                "the tag `!!{tag}` is not supported here"
            ))),
        }
    }

    /// Converts a float to JSON. Infinities and NaN are errors; a float without a fraction becomes
    /// an integer, as Kubernetes reads it.
    fn float(&self, number: f64) -> Result<Value, ProblemText> {
        if !number.is_finite() {
            let fault = ProblemText::new(format!("`{}` is not a number in JSON", self.text));
            return Err(fault.expected("a finite number"));
        }
        Ok(number
            // Rust prints a whole float without a fraction and without an exponent.
            .to_string()
            .parse::<i64>()
            .map_or_else(|_| number.into(), Value::from))
    }
}

/// Resolves a scalar that is neither quoted nor tagged.
pub(super) fn plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Resolved::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let without = text.replace('_', "");
    let number = match text.as_bytes()[0] {
        b'.' if separates_digits(text) => float(&without).map(Resolved::Float),
        b'+' | b'-' | b'0'..=b'9' => {
            let integer = integer(&without);
            integer.or_else(|| float(&without).map(Resolved::Float))
        }
        _ => None,
    };
    number.unwrap_or(Resolved::Text)
}

/// Whether every `_` is between two digits. Go's `strconv.ParseFloat` requires it, and only texts
/// that begin with a dot reach it with their underscores.
fn separates_digits(text: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    (0..bytes.len())
        .filter(|&at| bytes[at] == b'_')
        .all(|at| digit(bytes.get(at.wrapping_sub(1))) && digit(bytes.get(at + 1)))
}

/// Go's `strconv.ParseInt` with base 0: the prefix gives the base, and a leading zero means octal.
fn integer(text: &str) -> Option<Resolved> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    let (digits, base) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    // `from_str_radix` would accept a sign here.
    if !digits.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, base).ok()?;
    let number = if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    };
    if let Ok(number) = i64::try_from(number) {
        return Some(Resolved::Int(number));
    }
    // Kubernetes' JSON decoder turns a number that only fits an unsigned 64-bit integer into a
    // float.
    let is_unsigned = text.len() == unsigned.len() && u64::try_from(number).is_ok();
    let float = number.to_string().parse().ok()?;
    is_unsigned.then_some(Resolved::Float(float))
}

/// Parses `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if the value is finite.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_mantissa =
        digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let is_exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if !is_mantissa || !is_exponent || unsigned.is_empty() {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Formats a float as a key, like Go's `strconv.FormatFloat(number, 'g', -1, 32)`.
fn short_float(number: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "keys are formatted as 32 bits"
    )]
    let number = number as f32;
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    if number.is_nan() {
        return ".nan".to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent @ (..-4 | 6..)) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}
