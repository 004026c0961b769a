//! Suggestions for misspelled names, by edit distance.

/// The name closest to `word`, if it is within one edit per three letters, rounded up, and fewer
/// edits than letters.
pub(crate) fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let allowed = length.div_ceil(3).min(length.saturating_sub(1));
    names
        .into_iter()
        // A swap of neighbours is one edit, as in `wihtin` for `within`.
        .map(|name| (strsim::osa_distance(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Lists names for a message: `` `a`, `b` or `c` ``
pub(crate) fn choices(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_meant() {
        let names = ["within", "hold", "notBefore"];
        assert_eq!(closest("wihtin", names), Some("within"));
        assert_eq!(closest("notbefore", names), Some("notBefore"));
        assert_eq!(closest("holds", names), Some("hold"));
        assert_eq!(closest("timeout", names), None);
        assert_eq!(closest("z", ["a", "b"]), None);
    }
}
