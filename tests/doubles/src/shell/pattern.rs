//! Patterns of names: `*`, `?` and `[…]`.

/// Whether the whole text matches.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    match_from(&pattern, &text)
}

/// The text without the shortest or longest match of the pattern at its start or its end.
pub(super) fn without(text: &str, pattern: &str, at_end: bool, longest: bool) -> String {
    let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let mut places: Vec<usize> = places.collect();
    if at_end != longest {
        places.reverse();
    }
    let parts = |at: &usize| {
        let (before, after) = text.split_at(*at);
        if at_end {
            (after, before)
        } else {
            (before, after)
        }
    };
    let mut parts = places.iter().map(parts);
    let cut = parts.find(|(part, _)| matches(pattern, part));
    cut.map_or(text, |(_, rest)| rest).to_owned()
}

fn match_from(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|at| match_from(rest, &text[at..])),
        ['[', rest @ ..] => {
            let end = rest.iter().skip(1).position(|next| *next == ']');
            let (Some(end), Some(first)) = (end.map(|end| end + 1), text.first()) else {
                return text.first() == Some(&'[') && match_from(rest, &text[1..]);
            };
            in_set(&rest[..end], *first) && match_from(&rest[end + 1..], &text[1..])
        }
        ['?', rest @ ..] => !text.is_empty() && match_from(rest, &text[1..]),
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
            text.first() == Some(literal) && match_from(rest, &text[1..])
        }
    }
}

fn in_set(set: &[char], wanted: char) -> bool {
    let (negated, mut set) = match set {
        ['!' | '^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut found = false;
    while let [first, rest @ ..] = set {
        if let ['-', last, rest @ ..] = rest {
            found |= (*first..=*last).contains(&wanted);
            set = rest;
        } else {
            found |= *first == wanted;
            set = rest;
        }
    }
    found != negated
}
