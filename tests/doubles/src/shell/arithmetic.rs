//! Arithmetic of whole numbers, as in `$((a + 1))`.

/// The value of an expression; `None` if it is none.
pub(super) fn evaluate(text: &str, variable: &dyn Fn(&str) -> i64) -> Option<i64> {
    let text: Vec<char> = text.chars().filter(|next| !next.is_whitespace()).collect();
    let mut rest = text.as_slice();
    let value = binary(&mut rest, 0, variable)?;
    rest.is_empty().then_some(value)
}

/// Operators by how weakly they bind.
const LEVELS: [&[&str]; 6] = [
    &["||"],
    &["&&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["+", "-"],
    &["*", "/", "%"],
];

fn binary(rest: &mut &[char], level: usize, variable: &dyn Fn(&str) -> i64) -> Option<i64> {
    let Some(operators) = LEVELS.get(level) else {
        return unary(rest, variable);
    };
    let mut left = binary(rest, level + 1, variable)?;
    while let Some(operator) = operators.iter().find(|operator| starts(rest, operator)) {
        *rest = &rest[operator.len()..];
        let right = binary(rest, level + 1, variable)?;
        left = match *operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "+" => left.checked_add(right)?,
            "-" => left.checked_sub(right)?,
            "*" => left.checked_mul(right)?,
            "/" => left.checked_div(right)?,
            _ => left.checked_rem(right)?,
        };
    }
    Some(left)
}

fn unary(rest: &mut &[char], variable: &dyn Fn(&str) -> i64) -> Option<i64> {
    let first = *rest.first()?;
    if "-+!(".contains(first) {
        *rest = &rest[1..];
    }
    match first {
        '-' => return unary(rest, variable)?.checked_neg(),
        '+' => return unary(rest, variable),
        '!' => return Some(i64::from(unary(rest, variable)? == 0)),
        '(' => {
            let value = binary(rest, 0, variable)?;
            let closed = rest.first() == Some(&')');
            *rest = rest.get(1..)?;
            return closed.then_some(value);
        }
        _ => {}
    }
    let is_word = |next: &&char| next.is_ascii_alphanumeric() || **next == '_' || **next == '$';
    let word: String = rest.iter().take_while(is_word).collect();
    *rest = &rest[word.len()..];
    if word.starts_with(|first: char| first.is_ascii_digit()) {
        return word.parse().ok();
    }
    let word = word.trim_start_matches('$');
    (!word.is_empty()).then(|| variable(word))
}

fn starts(rest: &[char], operator: &str) -> bool {
    let mut found = rest.iter();
    operator.chars().all(|wanted| found.next() == Some(&wanted))
}
