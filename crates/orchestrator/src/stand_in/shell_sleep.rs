//! Commands that begin with a sleep, as preStop hooks and init containers have them.

/// A command that sleeps first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShellSleep {
    /// Whole seconds, rounded up; `None` for ever.
    pub(crate) seconds: Option<u64>,
    /// Whether it does nothing else.
    pub(crate) alone: bool,
}

/// The sleep that a command begins with: `sleep N` itself, or first in a shell's script before
/// `&&`, `;` or a new line. A loop begins with another word, so that its sleeps do not count.
pub(crate) fn parse(command: &[String]) -> Option<ShellSleep> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words.as_slice() {
        [program, times @ ..] if name(program) == "sleep" => {
            let seconds = total(times.iter().copied())?;
            Some(ShellSleep {
                seconds,
                alone: true,
            })
        }
        // Further words are the script's own arguments.
        [shell, options, script, ..] if is_shell(shell) && is_script_option(options) => {
            of_script(script)
        }
        _ => None,
    }
}

fn of_script(script: &str) -> Option<ShellSleep> {
    let script = script.trim();
    let end = script.find(['&', ';', '\n', '|', '<', '>', '(', ')', '#']);
    let (first, rest) = script.split_at(end.unwrap_or(script.len()));
    let goes_on = rest.is_empty() || rest.starts_with("&&") || rest.starts_with([';', '\n']);
    let mut words = first.split_whitespace();
    if !goes_on || name(words.next()?) != "sleep" {
        return None;
    }
    let rest = rest.trim_start_matches(['&', ';', '\n', ' ']);
    Some(ShellSleep {
        seconds: total(words)?,
        alone: rest.is_empty(),
    })
}

fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or_default()
}

fn is_shell(program: &str) -> bool {
    ["sh", "bash", "ash", "dash", "zsh", "ksh"].contains(&name(program))
}

/// Whether options make the next word a script: `-c`, `-ec`, `-euxc`.
fn is_script_option(options: &str) -> bool {
    options.starts_with('-') && !options.starts_with("--") && options.ends_with('c')
}

/// The sum of times as coreutils reads them: `10`, `0.5s`, `1m 30s`, `infinity`. The outer `None`
/// is for anything else.
#[expect(clippy::option_option, reason = "no time is not the same as no end")]
fn total<'a>(times: impl Iterator<Item = &'a str>) -> Option<Option<u64>> {
    let mut sum = 0.0;
    let mut count = 0;
    for time in times {
        sum += seconds(time)?;
        count += 1;
    }
    if count == 0 {
        return None;
    }
    let is_finite = sum < 1e9;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and not negative"
    )]
    Some(is_finite.then(|| sum.ceil() as u64))
}

fn seconds(time: &str) -> Option<f64> {
    if ["inf", "infinity"].contains(&time) {
        return Some(f64::INFINITY);
    }
    let digits = time.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = time.split_at(digits.unwrap_or(time.len()));
    let unit = match unit {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &[&str], expected: Option<(Option<u64>, bool)>) {
        let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let expected = expected.map(|(seconds, alone)| ShellSleep { seconds, alone });
        assert_eq!(parse(&words), expected, "{command:?}");
    }

    #[test]
    fn a_sleep_alone_or_first_counts() {
        for sleep in ["sleep", "/bin/sleep"] {
            check(&[sleep, "8"], Some((Some(8), true)));
        }
        check(&["sleep", "1m", "30s"], Some((Some(90), true)));
        check(&["sleep", "0.2"], Some((Some(1), true)));
        check(&["sleep", "infinity"], Some((None, true)));
        let first = Some((Some(10), false));
        check(&["/bin/sh", "-c", "sleep 10 && nginx -s quit"], first);
        check(
            &["sh", "-ec", " sleep 10; while true; do sleep 1; done"],
            first,
        );
        check(&["bash", "-c", "sleep 10\nkill -TERM 1\n"], first);
        check(&["sh", "-c", "/bin/sleep 10s;"], Some((Some(10), true)));
        check(&["sh", "-c", "sleep 10"], Some((Some(10), true)));
    }

    #[test]
    fn a_sleep_later_in_a_loop_or_beside_something_does_not() {
        for script in [
            "kill -TERM 1; while [ -e /tmp/busy ]; do sleep 1; done",
            "while true; do sleep 1; done",
            "echo bye; sleep 10",
            "sleep 10 & wait",
            "sleep 10 || true",
            "sleep $DELAY",
            "sleep",
            "if [ -x /leave ]; then sleep 3; fi",
            "sleepy 10",
            "(sleep 10)",
        ] {
            check(&["sh", "-c", script], None);
        }
        check(&["sleep", "ten"], None);
        check(&["sleep"], None);
        check(&["sh", "sleep.sh"], None);
        check(&["python3", "-c", "sleep 10"], None);
        check(&[], None);
    }
}
