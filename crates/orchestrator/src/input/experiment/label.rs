//! Validation of DNS labels: names of experiments, containers and namespaces.

use rules::names::is_label;

/// The syntax of a label, for error messages.
pub(crate) const EXPECTED: &str =
    "lower-case letters, digits and `-`, at most 63, a letter or digit at either end";

/// Parses a label on the command line.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected {EXPECTED}"))
    }
}
