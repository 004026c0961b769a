//! Validation of DNS labels: names of experiments, containers and namespaces.

/// The syntax of a label, for error messages.
pub(crate) const EXPECTED: &str =
    "lower-case letters, digits and `-`, at most 63, a letter or digit at either end";

/// Whether a text is a DNS label.
// kubernetes.io/docs › Object Names and IDs › RFC 1123 Label Names.
pub(crate) fn is_label(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !text.is_empty()
        && text.len() <= 63
        && text.starts_with(edge)
        && text.ends_with(edge)
        && text.chars().all(|c| edge(c) || c == '-')
}

/// Parses a label on the command line.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected {EXPECTED}"))
    }
}
