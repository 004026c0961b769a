//! Expands `$(NAME)` references to variables in a container's command and arguments.
//!
//! Rule: `third_party/forked/golang/expansion`.

use std::collections::BTreeMap;

type Variables = BTreeMap<String, String>;

/// Replaces `$(NAME)` by the variable's value if it exists, and `$$` by `$`.
pub fn expand(text: &str, variables: &Variables) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        let (piece, length) = reference(&rest[dollar..], variables);
        expanded.push_str(piece);
        rest = &rest[dollar + length..];
    }
    expanded + rest
}

/// The replacement of the reference at the start of `text`, and the reference's length.
fn reference<'a>(text: &'a str, variables: &'a Variables) -> (&'a str, usize) {
    if text.starts_with("$$") {
        return ("$", 2);
    }
    let named = text
        .strip_prefix("$(")
        .and_then(|rest| rest.split_once(')'));
    match named {
        Some((name, _)) => {
            let length = name.len() + 3;
            // A reference to an unknown name stays as it is written.
            let value = variables.get(name).map_or(&text[..length], String::as_str);
            (value, length)
        }
        // A `$` that begins no reference is kept, and so is a reference that is never closed.
        None => ("$", 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_expanded_once() {
        let variables = [("A", "1"), ("B", "$(A)")];
        let variables = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let check = |text, expected| assert_eq!(expand(text, &variables), expected);
        check("x$(A)y$(B)", "x1y$(A)");
        check("$$(A) $(NONE) $A $(A", "$(A) $(NONE) $A $(A");
        check("100$", "100$");
    }
}
