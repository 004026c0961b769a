//! The grammars of object names and labels, and what an API server says of what does not match.
//!
//! Rule: `staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go`.

/// Whether a text is a DNS label: lower case letters, digits and inner hyphens, at most 63 bytes.
///
/// Rule: `IsDNS1123Label`.
pub fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

/// Whether a text is a DNS subdomain: parts like labels of any length, separated by dots, at most
/// 253 bytes.
///
/// Rule: `IsDNS1123Subdomain`.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

/// Whether a text is a label key without its prefix, or a label value that is not empty: letters,
/// digits and inner `-`, `_` and `.`, at most 63 bytes.
///
/// Rule: `IsQualifiedName`, `IsValidLabelValue`.
pub fn is_qualified(text: &str) -> bool {
    text.len() <= 63 && has_qualified_form(text)
}

fn has_qualified_form(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| edge(c) || "-_.".contains(c);
    let ends = text.starts_with(edge) && text.ends_with(edge);
    ends && text.chars().all(inner)
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case \
    alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character \
    (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric \
    characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
    '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start \
    and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex \
    used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// Why a text is no DNS subdomain; empty if it is one.
pub fn refuse_subdomain(text: &str) -> Vec<String> {
    let is_long = text.len() > 253;
    let has_form = text.split('.').all(is_part);
    let long = is_long.then(|| "must be no more than 253 characters".to_owned());
    long.into_iter()
        .chain((!has_form).then(|| SUBDOMAIN.to_owned()))
        .collect()
}

/// Why a text is no DNS label; empty if it is one.
pub fn refuse_label(text: &str) -> Vec<String> {
    let is_long = text.len() > 63;
    let long = is_long.then(|| "must be no more than 63 characters".to_owned());
    let form = if is_part(text) {
        None
    } else if is_subdomain(text) {
        Some("must not contain dots")
    } else {
        Some(LABEL)
    };
    long.into_iter().chain(form.map(str::to_owned)).collect()
}

/// Why a text is no key of a label; empty if it is one.
pub fn refuse_label_key(key: &str) -> Vec<String> {
    let mut parts = key.splitn(3, '/');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if third.is_some() {
        return vec![format!(
            "a valid label key {QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. \
             'example.com/MyName')"
        )];
    }
    let (prefix, name) = match second {
        Some(name) => (Some(first), name),
        None => (None, first),
    };
    let mut why = match prefix {
        Some("") => vec!["prefix part must be non-empty".to_owned()],
        Some(prefix) => refuse_subdomain(prefix)
            .into_iter()
            .map(|why| format!("prefix part {why}"))
            .collect(),
        None => Vec::new(),
    };
    if name.is_empty() {
        why.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        why.push("name part must be no more than 63 bytes".to_owned());
    }
    if !has_qualified_form(name) {
        why.push(format!("name part {QUALIFIED}"));
    }
    why
}

/// Why a text is no value of a label; empty if it is one.
pub fn refuse_label_value(value: &str) -> Vec<String> {
    let long = (value.len() > 63).then(|| "must be no more than 63 bytes".to_owned());
    let has_form = value.is_empty() || has_qualified_form(value);
    let form = (!has_form).then(|| LABEL_VALUE.to_owned());
    long.into_iter().chain(form).collect()
}

/// Whether a text is a label, whatever its length.
fn is_part(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| edge(c) || c == '-';
    text.starts_with(edge) && text.ends_with(edge) && text.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_grammar_has_its_signs_and_its_length() {
        let check = |text: &str, expected: [bool; 3]| {
            let found = [is_label(text), is_subdomain(text), is_qualified(text)];
            assert_eq!(found, expected, "{text:?}");
        };
        check("", [false; 3]);
        check("a", [true; 3]);
        check("1-web", [true; 3]);
        check("-a", [false; 3]);
        check("a-", [false; 3]);
        check("é", [false; 3]);
        check("A", [false, false, true]);
        check("a_b", [false, false, true]);
        check("a.b", [false, true, true]);
        check("a..b", [false, false, true]);
        check("a.-b", [false, false, true]);
        check(".a", [false; 3]);
        check(&"a".repeat(63), [true; 3]);
        check(&"a".repeat(64), [false, true, false]);
        check(&"a".repeat(253), [false, true, false]);
        check(&"a".repeat(254), [false; 3]);
    }
}
