//! Text for locales without UTF-8: signs become ASCII, other characters their numbers.

use std::ffi::OsString;

/// Whether the environment names a locale whose characters are not UTF-8.
///
/// POSIX: `LC_ALL` comes before `LC_CTYPE` and `LANG`, and an empty value counts as none. Without
/// any the locale would be `C`; but containers and CI set none, and show UTF-8.
pub(super) fn is_needed(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let locales = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = locales.filter_map(variable).find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

/// The text in ASCII.
pub(crate) fn ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if character.is_ascii() => ascii.push(character),
            '✔' => ascii.push('+'),
            '✘' | '×' => ascii.push('x'),
            '→' => ascii.push('>'),
            '–' | '─' | '—' => ascii.push('-'),
            '·' => ascii.push('.'),
            '…' => ascii.push_str("..."),
            _ => ascii.extend(character.escape_unicode()),
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_that_is_set_decides() {
        let check = |variables: &[(&str, &str)], expected: bool| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.into())
            };
            assert_eq!(is_needed(variable), expected, "{variables:?}");
        };
        check(&[], false);
        check(&[("LANG", "en_US.UTF-8")], false);
        check(&[("LANG", "C.utf8")], false);
        check(&[("LANG", "C")], true);
        check(&[("LANG", "de_DE.ISO-8859-1")], true);
        check(&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")], true);
        check(
            &[("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C")],
            false,
        );
    }

    #[test]
    fn signs_have_a_stand_in_of_their_width() {
        assert_eq!(ascii("✔ ✘ → ─ – · … ×"), "+ x > - - . ... x");
        assert_eq!(ascii("é"), "\\u{e9}");
    }
}
