//! Expands words: variables, commands and arithmetic, then splitting, patterns of files and quotes.

use futures::{FutureExt, future::BoxFuture};

use super::{
    Jump, Shell, arithmetic, pattern,
    syntax::{Part, Word},
};
use crate::io::Io;

/// Expanded text, with whether it was quoted.
type Piece = (String, bool);

impl Shell {
    /// The fields that these words expand to.
    pub(super) async fn fields(&mut self, words: &[Word], io: &Io) -> Result<Vec<String>, Jump> {
        let mut fields = Vec::new();
        for word in words {
            for pieces in self.split(word, io).await? {
                let is_pattern = |(text, quoted): &Piece| !quoted && text.contains(['*', '?', '[']);
                let text: String = pieces.iter().map(|(text, _)| text.as_str()).collect();
                if pieces.iter().any(is_pattern) {
                    let found = self.paths(&escaped(&pieces));
                    if !found.is_empty() {
                        fields.extend(found);
                        continue;
                    }
                }
                fields.push(text);
            }
        }
        Ok(fields)
    }

    /// The text that a word expands to, unsplit.
    pub(super) async fn text(&mut self, word: &Word, io: &Io) -> Result<String, Jump> {
        let mut text = String::new();
        for part in &word.0 {
            text.push_str(&self.part(part, io).await?);
        }
        Ok(text)
    }

    /// The same as a pattern, in which quoted characters are escaped.
    pub(super) async fn pattern(&mut self, word: &Word, io: &Io) -> Result<String, Jump> {
        let mut pieces = Vec::new();
        for part in &word.0 {
            pieces.push((self.part(part, io).await?, is_quoted(part)));
        }
        Ok(escaped(&pieces))
    }

    async fn split(&mut self, word: &Word, io: &Io) -> Result<Vec<Vec<Piece>>, Jump> {
        let mut fields: Vec<Vec<Piece>> = Vec::new();
        let mut field: Vec<Piece> = Vec::new();
        for part in &word.0 {
            if let Part::Variable {
                name,
                quoted: true,
                change: None,
            } = part
                && name == "@"
            {
                let mut parameters = self.parameters.clone().into_iter();
                if let Some(first) = parameters.next() {
                    field.push((first, true));
                }
                for parameter in parameters {
                    fields.push(std::mem::take(&mut field));
                    field.push((parameter, true));
                }
                continue;
            }
            let text = self.part(part, io).await?;
            if is_quoted(part) || matches!(part, Part::Plain(_)) {
                field.push((text, is_quoted(part)));
                continue;
            }
            if text.starts_with(char::is_whitespace) && !field.is_empty() {
                fields.push(std::mem::take(&mut field));
            }
            let mut words = text.split_whitespace().peekable();
            while let Some(word) = words.next() {
                field.push((word.to_owned(), false));
                if words.peek().is_some() || text.ends_with(char::is_whitespace) {
                    fields.push(std::mem::take(&mut field));
                }
            }
        }
        if !field.is_empty() {
            fields.push(field);
        }
        // A tilde alone is the home directory.
        if let [only] = fields.as_mut_slice()
            && let [(text, false)] = only.as_mut_slice()
            && text == "~"
        {
            "/root".clone_into(text);
        }
        Ok(fields)
    }

    fn part<'a>(&'a mut self, part: &'a Part, io: &'a Io) -> BoxFuture<'a, Result<String, Jump>> {
        async move {
            Ok(match part {
                Part::Quoted(text) | Part::Plain(text) => text.clone(),
                Part::Length(name) => {
                    let value = self.value(name).unwrap_or_default();
                    value.chars().count().to_string()
                }
                Part::Command { list, .. } => self.output_of(list, io).await,
                Part::Arithmetic(word) => {
                    let text = self.text(word, io).await?;
                    let value = arithmetic::evaluate(&text, &|name| {
                        let value = self.variables.get(name);
                        value
                            .and_then(|value| value.trim().parse().ok())
                            .unwrap_or(0)
                    });
                    let Some(value) = value else {
                        self.complain(io, "arithmetic syntax error");
                        return Err(Jump::Exit(2));
                    };
                    value.to_string()
                }
                Part::Variable { name, change, .. } => {
                    let value = self.value(name);
                    match change {
                        None => value.unwrap_or_default(),
                        Some((sign, doubled, word)) => {
                            self.changed(name, value, *sign, *doubled, word, io).await?
                        }
                    }
                }
            })
        }
        .boxed()
    }

    async fn changed(
        &mut self,
        name: &str,
        value: Option<String>,
        sign: char,
        doubled: bool,
        word: &Word,
        io: &Io,
    ) -> Result<String, Jump> {
        let is_set = value.as_ref().is_some_and(|it| !(doubled && it.is_empty()));
        let value = value.unwrap_or_default();
        Ok(match (sign, is_set) {
            ('-' | '=' | '?', true) => value,
            ('-', false) | ('+', true) => self.text(word, io).await?,
            ('+', false) => String::new(),
            ('=', false) => {
                let text = self.text(word, io).await?;
                self.variables.insert(name.to_owned(), text.clone());
                text
            }
            ('?', false) => {
                let why = self.text(word, io).await?;
                self.complain(io, &format!("{name}: {why}"));
                return Err(Jump::Exit(2));
            }
            (sign, _) => {
                let pattern = self.pattern(word, io).await?;
                pattern::without(&value, &pattern, sign == '%', doubled)
            }
        })
    }

    fn value(&self, name: &str) -> Option<String> {
        Some(match name {
            "?" => self.status.to_string(),
            "$" => self.system.process_id().to_string(),
            "#" => self.parameters.len().to_string(),
            "@" | "*" => self.parameters.join(" "),
            "-" => String::new(),
            "0" => self.name.clone(),
            _ => match name.parse::<usize>() {
                Ok(place) => self.parameters.get(place - 1)?.clone(),
                Err(_) => self.variables.get(name)?.clone(),
            },
        })
    }

    /// The files that a pattern matches, sorted.
    fn paths(&self, pattern: &str) -> Vec<String> {
        let mut found = vec![String::new()];
        let names: Vec<&str> = pattern.split('/').collect();
        for (place, name) in names.iter().enumerate() {
            let mut next = Vec::new();
            for path in found {
                let base = if place == 0 {
                    String::new()
                } else {
                    format!("{path}/")
                };
                if !name.contains(['*', '?', '[']) {
                    next.push(format!("{base}{}", name.replace('\\', "")));
                    continue;
                }
                let folder = if base.is_empty() { "." } else { &base };
                let entries = self.system.list(folder).unwrap_or_default();
                let entries = entries.into_iter();
                let entries = entries.filter(|it| !it.starts_with('.') || name.starts_with('.'));
                let matching = entries.filter(|entry| pattern::matches(name, entry));
                next.extend(matching.map(|entry| format!("{base}{entry}")));
            }
            found = next;
        }
        let exists = |path: &String| self.system.is_directory(path).is_ok();
        found.retain(exists);
        found
    }
}

fn is_quoted(part: &Part) -> bool {
    match part {
        Part::Quoted(_) => true,
        Part::Plain(_) | Part::Length(_) | Part::Arithmetic(_) => false,
        Part::Variable { quoted, .. } | Part::Command { quoted, .. } => *quoted,
    }
}

/// A pattern in which quoted characters stand for themselves.
fn escaped(pieces: &[Piece]) -> String {
    let mut pattern = String::new();
    for (text, quoted) in pieces {
        for character in text.chars() {
            if *quoted && "*?[\\".contains(character) {
                pattern.push('\\');
            }
            pattern.push(character);
        }
    }
    pattern
}
