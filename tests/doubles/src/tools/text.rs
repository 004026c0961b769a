//! The tools that filter text: each with the few options that scripts of tests use.

use std::future::pending;

use super::Tool;
use crate::system::reason;

impl Tool {
    pub(super) async fn on_text(&self, name: &str) -> i32 {
        match name {
            "head" => self.head().await,
            "tail" => self.tail().await,
            "wc" => self.count().await,
            "grep" => self.grep().await,
            "awk" => self.fields().await,
            "cut" => self.cut().await,
            _ => self.replace().await,
        }
    }

    /// The text of this file, or of the input; or the exit code of a failure.
    async fn text(&self, path: Option<&str>) -> Result<String, i32> {
        let system = &*self.command.system;
        let read = match path {
            None | Some("-") => self.command.io.input.read(system).await,
            Some(path) => system.read(path),
        };
        let why = |error| {
            let path = path.unwrap_or_default();
            self.fail(&format!("{path}: {}", reason(&error)))
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        read.map(text).map_err(why)
    }

    /// The value of `-n 5` or `-n5`, or of `-5`, and the operands without it.
    fn lines(&self) -> (usize, Vec<&str>) {
        let (mut lines, mut operands) = (10, Vec::new());
        let mut words = self.arguments().iter().map(String::as_str);
        while let Some(word) = words.next() {
            let value = match word.strip_prefix('-') {
                Some("n") => words.next(),
                Some(value) => Some(value.trim_start_matches('n')),
                None => {
                    operands.push(word);
                    None
                }
            };
            lines = value.and_then(|value| value.parse().ok()).unwrap_or(lines);
        }
        (lines, operands)
    }

    async fn head(&self) -> i32 {
        let (lines, operands) = self.lines();
        match self.text(operands.first().copied()).await {
            Ok(text) => self.print(&text.split_inclusive('\n').take(lines).collect::<String>()),
            Err(code) => code,
        }
    }

    async fn tail(&self) -> i32 {
        let (lines, operands) = self.lines();
        let text = match self.text(operands.first().copied()).await {
            Ok(text) => text,
            Err(code) => return code,
        };
        let all: Vec<&str> = text.split_inclusive('\n').collect();
        let code = self.print(&all[all.len().saturating_sub(lines)..].concat());
        if self.has("-f") || self.has("-F") {
            // What is appended later is not shown.
            pending::<()>().await;
        }
        code
    }

    async fn count(&self) -> i32 {
        let operands = self.operands();
        let path = operands.first().copied();
        let text = match self.text(path).await {
            Ok(text) => text,
            Err(code) => return code,
        };
        let (lines, words) = (text.matches('\n').count(), text.split_whitespace().count());
        let counts = match (self.has("-l"), self.has("-w"), self.has("-c")) {
            (true, ..) => lines.to_string(),
            (_, true, _) => words.to_string(),
            (_, _, true) => text.len().to_string(),
            _ => format!("{lines:>7} {words:>9} {:>9}", text.len()),
        };
        let path = path.map(|path| format!(" {path}")).unwrap_or_default();
        self.print(&format!("{counts}{path}\n"))
    }

    async fn grep(&self) -> i32 {
        let operands = self.operands();
        let Some(pattern) = operands.first() else {
            return self.fail("usage: grep PATTERN [FILE]") + 1;
        };
        let text = match self.text(operands.get(1).copied()).await {
            Ok(text) => text,
            Err(code) => return code + 1,
        };
        let (start, end) = (pattern.strip_prefix('^'), pattern.strip_suffix('$'));
        let found = |line: &&str| {
            let is_found = match (start, end) {
                (Some(start), None) => line.starts_with(start),
                (None, Some(end)) => line.ends_with(end),
                (Some(_), Some(_)) => *line == pattern.trim_matches(['^', '$']),
                (None, None) => line.contains(pattern),
            };
            is_found != self.has("-v")
        };
        let lines: Vec<&str> = text.lines().filter(found).collect();
        if self.has("-c") {
            self.print(&format!("{}\n", lines.len()));
        } else if !self.has("-q") {
            let mut text = lines.join("\n");
            if !text.is_empty() {
                text.push('\n');
            }
            self.print(&text);
        }
        i32::from(lines.is_empty())
    }

    /// `awk '{print $1}'` alone.
    async fn fields(&self) -> i32 {
        let operands = self.operands();
        let program = operands.first().copied().unwrap_or_default();
        let number = program.trim_matches(['{', '}', ' ']).strip_prefix("print");
        let number = number.and_then(|rest| rest.trim().strip_prefix('$'));
        let Some(number) = number.and_then(|number| number.parse::<usize>().ok()) else {
            return self.fail(&format!("cannot run {program}"));
        };
        let text = match self.text(operands.get(1).copied()).await {
            Ok(text) => text,
            Err(code) => return code,
        };
        let field = |line: &str| {
            let field = match number.checked_sub(1) {
                None => Some(line),
                Some(place) => line.split_whitespace().nth(place),
            };
            format!("{}\n", field.unwrap_or_default())
        };
        self.print(&text.lines().map(field).collect::<String>())
    }

    /// `cut -d X -f N` alone.
    async fn cut(&self) -> i32 {
        let value = |option: &str| {
            let mut words = self.arguments().iter();
            let found = words.find(|word| word.starts_with(option))?;
            let value = &found[option.len()..];
            let next = || words.clone().next().map(String::as_str);
            if value.is_empty() {
                next()
            } else {
                Some(value)
            }
        };
        let delimiter = value("-d").unwrap_or("\t");
        let place = value("-f").and_then(|number| number.parse::<usize>().ok());
        let place = place.unwrap_or(1).saturating_sub(1);
        let text = match self.text(None).await {
            Ok(text) => text,
            Err(code) => return code,
        };
        let field = |line: &str| {
            let field = line.split(delimiter).nth(place);
            format!("{}\n", field.unwrap_or_default())
        };
        self.print(&text.lines().map(field).collect::<String>())
    }

    /// `sed s/A/B/[g]` alone, with plain text for A.
    async fn replace(&self) -> i32 {
        let operands = self.operands();
        let program = operands.first().copied().unwrap_or_default();
        let mut parts = program.split('/');
        let (Some("s"), Some(from), Some(to)) = (parts.next(), parts.next(), parts.next()) else {
            return self.fail(&format!("cannot run {program}"));
        };
        let count = if parts.next() == Some("g") {
            usize::MAX
        } else {
            1
        };
        let text = match self.text(operands.get(1).copied()).await {
            Ok(text) => text,
            Err(code) => return code,
        };
        let lines = text.split_inclusive('\n');
        self.print(
            &lines
                .map(|line| line.replacen(from, to, count))
                .collect::<String>(),
        )
    }
}
