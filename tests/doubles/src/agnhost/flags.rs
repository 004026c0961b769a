//! The flags of a subcommand.

/// The flags of a subcommand: `--NAME VALUE` or `--NAME=VALUE`.
pub(super) struct Flags<'a>(pub(super) &'a [String]);

impl Flags<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut words = self.0.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let Some(flag) = word.trim_start_matches('-').strip_prefix(name) else {
                continue;
            };
            match flag.strip_prefix('=') {
                Some(value) => return Some(value),
                None if flag.is_empty() => return words.next(),
                None => {}
            }
        }
        None
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> T {
        let value = self.get(name).and_then(|value| value.parse().ok());
        value.unwrap_or(default)
    }
}
