//! The doubles of busybox's tools, as far as tests of Kubernetes use them.

mod condition;
mod fetch;
mod files;
mod text;

use std::time::Duration;

use crate::{
    command::{Command, signal_number},
    system::reason,
};

/// The tools that [`run`] knows.
pub(crate) const NAMES: [&str; 37] = [
    "[", "awk", "basename", "cat", "curl", "cut", "date", "dirname", "echo", "env", "expr",
    "false", "grep", "head", "hostname", "id", "kill", "ls", "mkdir", "mv", "cp", "printenv",
    "printf", "pwd", "rm", "rmdir", "sed", "seq", "sleep", "stat", "sync", "tail", "test", "touch",
    "true", "wc", "wget",
];

/// Runs a tool to its end; `None` if there is none of this name.
pub(crate) async fn run(name: &str, command: Command) -> Option<i32> {
    let tool = Tool {
        name: name.to_owned(),
        command,
    };
    Some(match name {
        "true" | "sync" => 0,
        "false" => 1,
        "sleep" => tool.sleep().await,
        "echo" => tool.echo(),
        "printf" => tool.printf(),
        "env" | "printenv" => tool.environment().await,
        "hostname" => tool.print(&format!("{}\n", tool.variable("HOSTNAME"))),
        "pwd" => tool.print(&format!("{}\n", tool.command.system.directory())),
        "id" => tool.print(if tool.has("-u") {
            "0\n"
        } else {
            "uid=0(root) gid=0(root)\n"
        }),
        "date" => tool.date(),
        "seq" => tool.sequence(),
        "kill" => tool.kill(),
        "basename" => tool.base_name(),
        "dirname" => tool.directory_name(),
        "expr" => tool.expression(),
        "test" | "[" => tool.test(),
        "cat" | "touch" | "rm" | "rmdir" | "mkdir" | "ls" | "cp" | "mv" | "stat" => {
            tool.on_files(name).await
        }
        "head" | "tail" | "wc" | "grep" | "awk" | "sed" | "cut" => tool.on_text(name).await,
        "wget" | "curl" => tool.fetch().await,
        _ => return None,
    })
}

/// One run of a tool.
struct Tool {
    name: String,
    command: Command,
}

impl Tool {
    fn arguments(&self) -> &[String] {
        &self.command.arguments
    }

    /// The arguments that are not options.
    fn operands(&self) -> Vec<&str> {
        let words = self.arguments().iter().map(String::as_str);
        words
            .filter(|word| !word.starts_with('-') || *word == "-")
            .collect()
    }

    fn has(&self, option: &str) -> bool {
        let letter = option.trim_start_matches('-');
        let mut words = self.arguments().iter();
        words.any(|word| {
            let letters = word.strip_prefix('-');
            letters.is_some_and(|letters| !letters.starts_with('-') && letters.contains(letter))
        })
    }

    fn variable(&self, name: &str) -> &str {
        self.command
            .environment
            .get(name)
            .map_or("", String::as_str)
    }

    fn print(&self, text: &str) -> i32 {
        self.put(text.as_bytes())
    }

    fn put(&self, bytes: &[u8]) -> i32 {
        match self.command.io.output.write(&*self.command.system, bytes) {
            Ok(()) => 0,
            Err(error) => self.fail(&format!("write error: {}", reason(&error))),
        }
    }

    /// Writes why the tool fails. Returns its exit code.
    fn fail(&self, why: &str) -> i32 {
        let line = format!("{}: {why}\n", self.name);
        drop(
            self.command
                .io
                .error
                .write(&*self.command.system, line.as_bytes()),
        );
        1
    }

    async fn sleep(&self) -> i32 {
        let Some(time) = sleep_time(self.arguments()) else {
            return self.fail(&format!("invalid number '{}'", self.arguments().join(" ")));
        };
        tokio::time::sleep(time).await;
        0
    }

    fn echo(&self) -> i32 {
        let mut words = self.arguments();
        let (mut newline, mut escapes) = (true, false);
        while let [first, rest @ ..] = words
            && let Some(letters) = first.strip_prefix('-')
            && !letters.is_empty()
            && letters.chars().all(|letter| "neE".contains(letter))
        {
            newline &= !letters.contains('n');
            escapes |= letters.contains('e');
            words = rest;
        }
        let mut text = words.join(" ");
        if escapes {
            text = unescaped(&text);
        }
        if newline {
            text.push('\n');
        }
        self.print(&text)
    }

    fn printf(&self) -> i32 {
        let Some((format, mut values)) = self.arguments().split_first() else {
            return self.fail("usage: printf FORMAT [ARG]...");
        };
        let mut text = String::new();
        loop {
            let before = values.len();
            text.push_str(&formatted(format, &mut values));
            if values.is_empty() || values.len() == before {
                return self.print(&text);
            }
        }
    }

    async fn environment(&self) -> i32 {
        if self.name == "printenv"
            && let Some(name) = self.operands().first()
        {
            let Some(value) = self.command.environment.get(*name) else {
                return 1;
            };
            return self.print(&format!("{value}\n"));
        }
        let mut environment = self.command.environment.clone();
        let mut words = self.arguments().iter();
        for word in words.by_ref() {
            if let Some((name, value)) = word.split_once('=') {
                environment.insert(name.to_owned(), value.to_owned());
                continue;
            }
            let command = Command {
                system: self.command.system.clone(),
                name: word.clone(),
                arguments: words.cloned().collect(),
                environment,
                io: self.command.io.clone(),
                run: self.command.run,
            };
            let ended = (command.run)(command).await;
            return ended.unwrap_or_else(|| self.fail(&format!("can't execute '{word}'")) + 126);
        }
        let lines = environment
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"));
        self.print(&lines.collect::<String>())
    }

    fn date(&self) -> i32 {
        let now = self.command.system.seconds();
        let format = self
            .arguments()
            .iter()
            .find_map(|word| word.strip_prefix('+'));
        let text = match format {
            Some(format) => {
                let whole = format!("{}", now.as_secs());
                let nanoseconds = format!("{:09}", now.subsec_nanos());
                format.replace("%s", &whole).replace("%N", &nanoseconds)
            }
            None => format!("@{}", now.as_secs()),
        };
        self.print(&format!("{text}\n"))
    }

    fn sequence(&self) -> i32 {
        let numbers = self.operands();
        let numbers: Vec<i64> = numbers
            .iter()
            .filter_map(|word| word.parse().ok())
            .collect();
        let (first, step, last) = match numbers.as_slice() {
            [last] => (1, 1, *last),
            [first, last] => (*first, 1, *last),
            [first, step, last] if *step > 0 => (*first, *step, *last),
            _ => return self.fail("usage: seq [FIRST [STEP]] LAST"),
        };
        let step = usize::try_from(step).unwrap_or(1);
        let lines = (first..=last)
            .step_by(step)
            .map(|number| format!("{number}\n"));
        self.print(&lines.collect::<String>())
    }

    fn kill(&self) -> i32 {
        let mut signal = 15;
        let mut words = self.arguments().iter();
        while let Some(word) = words.next() {
            match word.strip_prefix('-') {
                Some("s") => {
                    let name = words.next().map_or("", String::as_str);
                    signal = signal_number(name).unwrap_or(15);
                }
                Some(name) => signal = signal_number(name).unwrap_or(15),
                None => {
                    let id = word.parse().unwrap_or_default();
                    if let Err(error) = self.command.system.kill(id, signal) {
                        let why = reason(&error);
                        return self.fail(&format!("can't kill pid {word}: {why}"));
                    }
                }
            }
        }
        0
    }

    fn base_name(&self) -> i32 {
        let operands = self.operands();
        let path = operands
            .first()
            .map_or("", |path| path.trim_end_matches('/'));
        let name = path.rsplit('/').next().unwrap_or_default();
        let suffix = operands.get(1).copied().unwrap_or_default();
        let name = name.strip_suffix(suffix).unwrap_or(name);
        self.print(&format!("{name}\n"))
    }

    fn directory_name(&self) -> i32 {
        let path = self
            .operands()
            .first()
            .map_or("", |path| path.trim_end_matches('/'));
        let folder = match path.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((folder, _)) => folder,
            None => ".",
        };
        self.print(&format!("{folder}\n"))
    }

    fn expression(&self) -> i32 {
        let words: Vec<&str> = self.arguments().iter().map(String::as_str).collect();
        let [left, operator, right] = words.as_slice() else {
            return self.fail("syntax error") + 1;
        };
        let numbers = left.parse::<i64>().ok().zip(right.parse::<i64>().ok());
        let value = match (*operator, numbers) {
            ("=", _) => i64::from(left == right),
            ("!=", _) => i64::from(left != right),
            ("+", Some((left, right))) => left.saturating_add(right),
            ("-", Some((left, right))) => left.saturating_sub(right),
            ("*", Some((left, right))) => left.saturating_mul(right),
            ("/", Some((left, right))) => left.checked_div(right).unwrap_or_default(),
            ("%", Some((left, right))) => left.checked_rem(right).unwrap_or_default(),
            ("<", Some((left, right))) => i64::from(left < right),
            (">", Some((left, right))) => i64::from(left > right),
            _ => return self.fail("syntax error") + 1,
        };
        self.print(&format!("{value}\n"));
        i32::from(value == 0)
    }

    fn test(&self) -> i32 {
        let mut words: Vec<&str> = self.arguments().iter().map(String::as_str).collect();
        if self.name == "[" && words.pop() != Some("]") {
            return self.fail("missing ]") + 1;
        }
        match condition::holds(&*self.command.system, &words) {
            Ok(holds) => i32::from(!holds),
            Err(why) => self.fail(&why) + 1,
        }
    }
}

/// Text with the escapes of `echo -e` and `printf`.
fn unescaped(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        if next != '\\' {
            result.push(next);
            continue;
        }
        match rest.next() {
            Some('n') => result.push('\n'),
            Some('t') => result.push('\t'),
            Some('r') => result.push('\r'),
            Some('\\') | None => result.push('\\'),
            Some('0') => result.push('\0'),
            Some(other) => {
                result.push('\\');
                result.push(other);
            }
        }
    }
    result
}

/// A format of `printf`, once, with the values that it takes.
fn formatted(format: &str, values: &mut &[String]) -> String {
    let mut take = || {
        let (first, rest) = values.split_first()?;
        *values = rest;
        Some(first.clone())
    };
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        pieces.push(unescaped(&rest[..at]));
        rest = &rest[at + 1..];
        let is_end = |next: char| next.is_ascii_alphabetic() || next == '%';
        let Some(end) = rest.find(is_end) else { break };
        let width: usize = rest[..end].trim_start_matches('0').parse().unwrap_or(0);
        let number = |text: Option<String>| text.unwrap_or_default().parse().unwrap_or(0_i64);
        pieces.push(match &rest[end..=end] {
            "%" => "%".to_owned(),
            "s" => format!("{:>width$}", take().unwrap_or_default()),
            "b" => unescaped(&take().unwrap_or_default()),
            _ if rest.starts_with('0') => format!("{:0width$}", number(take())),
            _ => format!("{:>width$}", number(take())),
        });
        rest = &rest[end + 1..];
    }
    pieces.push(unescaped(rest));
    pieces.concat()
}

/// The time of `sleep`: the sum of its arguments, each with a unit.
fn sleep_time(arguments: &[String]) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for argument in arguments {
        if argument.starts_with("inf") {
            return Some(Duration::from_secs(u64::from(u32::MAX)));
        }
        let (number, unit) = match argument.char_indices().next_back()? {
            (at, 's') => (&argument[..at], 1.0),
            (at, 'm') => (&argument[..at], 60.0),
            (at, 'h') => (&argument[..at], 3600.0),
            (at, 'd') => (&argument[..at], 86400.0),
            _ => (argument.as_str(), 1.0),
        };
        let number: f64 = number.parse().ok()?;
        sum += Duration::try_from_secs_f64(number * unit).ok()?;
    }
    (!arguments.is_empty()).then_some(sum)
}
