//! The grammars of object names and labels.
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
    let edge = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| edge(c) || "-_.".contains(c);
    let ends = text.starts_with(edge) && text.ends_with(edge);
    text.len() <= 63 && ends && text.chars().all(inner)
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
