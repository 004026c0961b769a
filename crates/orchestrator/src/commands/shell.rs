//! Commands as a POSIX shell reads them.

use std::ffi::OsString;

/// A word as a POSIX shell reads it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "_./@:=,+-".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The command of these arguments, of which the first is the program, without an option and its
/// value.
pub(super) fn command(arguments: impl IntoIterator<Item = OsString>, without: &str) -> String {
    let words = arguments.into_iter().skip(1);
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let mut kept = vec!["probeflip".to_owned()];
    while let Some(word) = words.next() {
        match word.strip_prefix(without) {
            Some("") => drop(words.next()),
            Some(value) if value.starts_with('=') => {}
            _ => kept.push(quoted(&word)),
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_word_as_it_is() {
        assert_eq!(quoted("a/b-1.yaml"), "a/b-1.yaml");
        assert_eq!(quoted("my file's; rm"), r"'my file'\''s; rm'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_command_is_as_it_was_typed_without_an_option() {
        let check = |arguments: &str| {
            let arguments = arguments.split(' ').map(OsString::from);
            let command = command(arguments, "--report");
            assert_eq!(command, "probeflip predict 'a;b' --samples 2");
        };
        check("/bin/probeflip predict a;b --report r.html --samples 2");
        check("probeflip predict --report=r.html a;b --samples 2");
    }
}
