//! Parses scripts.

use std::sync::Arc;

use super::syntax::{Command, Kind, List, Part, Pipeline, Redirection, Statement, To, Word};

/// Parses a whole script. The error is the message of a syntax error.
pub(super) fn parse(script: &str) -> Result<List, String> {
    let text: Vec<char> = script.chars().collect();
    let mut parser = Parser {
        text: &text,
        at: 0,
        documents: Vec::new(),
    };
    let list = parser.list(&[])?;
    parser.blanks();
    match parser.peek() {
        None => Ok(list),
        Some(found) => Err(format!("syntax error: unexpected \"{found}\"")),
    }
}

struct Parser<'a> {
    text: &'a [char],
    at: usize,
    /// Delimiters of documents that begin at the next line: their text is in place already.
    documents: Vec<usize>,
}

/// Words that end a list.
const CLOSING: [&str; 8] = ["then", "elif", "else", "fi", "do", "done", "esac", "}"];

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        let mut rest = self.text[self.at..].iter();
        text.chars().all(|wanted| rest.next() == Some(&wanted))
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.starts_with(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Skips blanks, continued lines and comments.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.starts_with("\\\n") => self.at += 2,
                Some('#') => {
                    while self.peek().is_some_and(|next| next != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Skips blanks and ends of lines, and documents that begin there.
    fn lines(&mut self) {
        loop {
            self.blanks();
            if self.peek() != Some('\n') {
                return;
            }
            self.at += 1;
            if let Some(end) = self.documents.pop() {
                self.documents.clear();
                self.at = end;
            }
        }
    }

    /// The unquoted word that comes next.
    fn next_word(&self) -> String {
        let rest = self.text[self.at..].iter();
        rest.take_while(|next| !next.is_whitespace() && !";|&()<>".contains(**next))
            .collect()
    }

    fn keyword(&mut self, word: &str) -> bool {
        self.lines();
        let found = self.next_word() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.keyword(word) {
            return Ok(());
        }
        Err(format!("syntax error: expecting \"{word}\""))
    }

    /// Statements up to one of these words, which is not read, or up to `)` or the end.
    fn list(&mut self, until: &[&str]) -> Result<List, String> {
        let mut list = List::new();
        loop {
            self.lines();
            let word = self.next_word();
            if until.contains(&word.as_str()) || matches!(self.peek(), None | Some(')')) {
                return Ok(list);
            }
            if self.starts_with(";;") {
                return Ok(list);
            }
            if CLOSING.contains(&word.as_str()) {
                return Err(format!("syntax error: unexpected \"{word}\""));
            }
            list.push(self.statement()?);
        }
    }

    fn statement(&mut self) -> Result<Statement, String> {
        let from = self.at;
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let needs_success = if self.take("&&") {
                true
            } else if self.take("||") {
                false
            } else {
                break;
            };
            self.lines();
            rest.push((needs_success, self.pipeline()?));
        }
        let text = self.text[from..self.at].iter().collect();
        let background = (self.peek() == Some('&')).then_some(text);
        if background.is_some() || (self.peek() == Some(';') && !self.starts_with(";;")) {
            self.at += 1;
        }
        Ok(Statement {
            first,
            rest,
            background,
        })
    }

    fn pipeline(&mut self) -> Result<Pipeline, String> {
        self.blanks();
        let negated = self.next_word() == "!";
        if negated {
            self.at += 1;
        }
        let mut commands = vec![self.command()?];
        loop {
            self.blanks();
            if self.starts_with("||") || !self.take("|") {
                return Ok(Pipeline { negated, commands });
            }
            self.lines();
            commands.push(self.command()?);
        }
    }

    fn command(&mut self) -> Result<Command, String> {
        self.blanks();
        if self.take("(") {
            let list = self.list(&[])?;
            if !self.take(")") {
                return Err("syntax error: expecting \")\"".to_owned());
            }
            return self.redirected(Kind::Subshell(list));
        }
        let word = self.next_word();
        let kind = match word.as_str() {
            "{" => {
                self.at += 1;
                let list = self.list(&["}"])?;
                self.expect("}")?;
                Kind::Group(list)
            }
            "if" => self.conditional()?,
            "while" | "until" => {
                self.at += word.len();
                let condition = self.list(&["do"])?;
                let body = self.body()?;
                Kind::Loop {
                    negated: word == "until",
                    condition,
                    body,
                }
            }
            "for" => self.iteration()?,
            "case" => self.choice()?,
            _ => return self.simple(),
        };
        self.redirected(kind)
    }

    fn conditional(&mut self) -> Result<Kind, String> {
        let mut branches = Vec::new();
        self.expect("if")?;
        loop {
            let condition = self.list(&["then"])?;
            self.expect("then")?;
            let body = self.list(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            if !self.keyword("elif") {
                break;
            }
        }
        let mut otherwise = List::new();
        if self.keyword("else") {
            otherwise = self.list(&["fi"])?;
        }
        self.expect("fi")?;
        Ok(Kind::If {
            branches,
            otherwise,
        })
    }

    fn body(&mut self) -> Result<List, String> {
        self.expect("do")?;
        let body = self.list(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    fn iteration(&mut self) -> Result<Kind, String> {
        self.expect("for")?;
        self.blanks();
        let name = self.next_word();
        self.at += name.chars().count();
        let mut words = None;
        if self.keyword("in") {
            let mut found = Vec::new();
            self.blanks();
            while let Some(word) = self.word()? {
                found.push(word);
                self.blanks();
            }
            words = Some(found);
        }
        self.blanks();
        self.take(";");
        let body = self.body()?;
        Ok(Kind::For { name, words, body })
    }

    fn choice(&mut self) -> Result<Kind, String> {
        self.expect("case")?;
        self.blanks();
        let word = self.word()?.unwrap_or_default();
        self.expect("in")?;
        let mut arms = Vec::new();
        while !self.keyword("esac") {
            self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                let pattern = self.word()?;
                patterns.push(pattern.ok_or("syntax error: expecting a pattern")?);
                self.blanks();
                if !self.take("|") {
                    break;
                }
            }
            if !self.take(")") {
                return Err("syntax error: expecting \")\"".to_owned());
            }
            let body = self.list(&["esac"])?;
            self.take(";;");
            arms.push((patterns, body));
        }
        Ok(Kind::Case { word, arms })
    }

    fn redirected(&mut self, kind: Kind) -> Result<Command, String> {
        let mut redirections = Vec::new();
        self.blanks();
        while self.redirection(&mut redirections)? {
            self.blanks();
        }
        Ok(Command { kind, redirections })
    }

    fn simple(&mut self) -> Result<Command, String> {
        let (mut assignments, mut words) = (Vec::new(), Vec::<Word>::new());
        let mut redirections = Vec::new();
        loop {
            self.blanks();
            if self.redirection(&mut redirections)? {
                continue;
            }
            if words.is_empty()
                && let Some(name) = self.assigned()
            {
                self.at += name.chars().count() + 1;
                assignments.push((name, self.word()?.unwrap_or_default()));
                continue;
            }
            if words.len() == 1 && assignments.is_empty() && self.take("(") {
                return self.function(&words[0]);
            }
            match self.word()? {
                Some(word) => words.push(word),
                None => break,
            }
        }
        if words.is_empty() && assignments.is_empty() && redirections.is_empty() {
            let found = self.peek().map_or("end of file".to_owned(), String::from);
            return Err(format!("syntax error: unexpected \"{found}\""));
        }
        let kind = Kind::Simple { assignments, words };
        Ok(Command { kind, redirections })
    }

    fn function(&mut self, name: &Word) -> Result<Command, String> {
        self.blanks();
        let name = name.plain().unwrap_or_default().to_owned();
        if !self.take(")") {
            return Err("syntax error: expecting \")\"".to_owned());
        }
        self.lines();
        let body = Arc::new(self.command()?);
        Ok(Command {
            kind: Kind::Function { name, body },
            redirections: Vec::new(),
        })
    }

    /// The name in `NAME=`, if that comes next.
    fn assigned(&self) -> Option<String> {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|next| !is_name(*next))?;
        let is_assignment = rest[length] == '=' && length > 0 && !rest[0].is_ascii_digit();
        is_assignment.then(|| rest[..length].iter().collect())
    }

    /// Reads a redirection, if one comes next.
    fn redirection(&mut self, all: &mut Vec<Redirection>) -> Result<bool, String> {
        let digit = self.peek().and_then(|next| next.to_digit(10));
        let after = self.text.get(self.at + 1).copied();
        let number = digit.filter(|_| matches!(after, Some('<' | '>')));
        if number.is_some() {
            self.at += 1;
        }
        let number = number.and_then(|number| u8::try_from(number).ok());
        let both = self.starts_with("&>");
        if both {
            self.at += 1;
        }
        let output = number.unwrap_or(1);
        let (from, to) = if self.take("<<") {
            (number.unwrap_or(0), To::Text(self.document()?))
        } else if self.take(">>") {
            (output, To::Append(self.file()?))
        } else if self.take(">&") {
            let target = self.next_word();
            self.at += target.chars().count();
            let target = target.parse();
            (output, To::Copy(target.unwrap_or(1)))
        } else if self.take(">|") || self.take(">") {
            (output, To::Write(self.file()?))
        } else if self.take("<") {
            (number.unwrap_or(0), To::Read(self.file()?))
        } else {
            return Ok(false);
        };
        all.push(Redirection { from, to });
        if both {
            let to = To::Copy(1);
            all.push(Redirection { from: 2, to });
        }
        Ok(true)
    }

    fn file(&mut self) -> Result<Word, String> {
        self.blanks();
        let word = self.word()?;
        word.ok_or_else(|| "syntax error: expecting a file".to_owned())
    }

    /// The document of `<<`, which begins at the next line.
    fn document(&mut self) -> Result<Word, String> {
        let tabs = self.take("-");
        self.blanks();
        let quoted = matches!(self.peek(), Some('\'' | '"' | '\\'));
        let raw = self.next_word();
        self.at += raw.chars().count();
        let end = raw.trim_matches(['\'', '"', '\\']).to_owned();
        let rest = &self.text[self.at..];
        let line_end = rest.iter().position(|next| *next == '\n');
        let mut at = self.at + line_end.map_or(rest.len(), |length| length + 1);
        let mut body = String::new();
        while at < self.text.len() {
            let line: String = self.text[at..].iter().take_while(|c| **c != '\n').collect();
            at += line.chars().count() + 1;
            let line = if tabs {
                line.trim_start_matches('\t')
            } else {
                &line
            };
            if line == end {
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        self.documents.push(at.min(self.text.len()));
        if quoted {
            return Ok(Word(vec![Part::Quoted(body)]));
        }
        within(&body, |parser| parser.double_quoted(None))
    }

    /// The next word, if one comes next.
    fn word(&mut self) -> Result<Option<Word>, String> {
        let mut parts = Vec::new();
        while let Some(next) = self.peek() {
            match next {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    self.at += 1;
                    let rest = &self.text[self.at..];
                    let length = rest.iter().position(|next| *next == '\'');
                    let length = length.ok_or("syntax error: unterminated quoted string")?;
                    parts.push(Part::Quoted(rest[..length].iter().collect()));
                    self.at += length + 1;
                }
                '"' => {
                    self.at += 1;
                    let Word(mut inner) = self.double_quoted(Some('"'))?;
                    if inner.is_empty() {
                        inner.push(Part::Quoted(String::new()));
                    }
                    parts.extend(inner);
                }
                '\\' => {
                    let escaped = self.text.get(self.at + 1);
                    self.at += 2;
                    match escaped {
                        Some('\n') => {}
                        Some(escaped) => parts.push(Part::Quoted(escaped.to_string())),
                        None => parts.push(Part::Quoted("\\".to_owned())),
                    }
                    self.at = self.at.min(self.text.len());
                }
                '$' | '`' => parts.push(self.expansion(false)?),
                next => {
                    self.at += 1;
                    match parts.last_mut() {
                        Some(Part::Plain(text)) => text.push(next),
                        _ => parts.push(Part::Plain(next.to_string())),
                    }
                }
            }
        }
        Ok((!parts.is_empty()).then_some(Word(parts)))
    }

    /// Text in which only expansions count, up to this character or the end.
    fn double_quoted(&mut self, end: Option<char>) -> Result<Word, String> {
        let (mut parts, mut text) = (Vec::new(), String::new());
        loop {
            let Some(next) = self.peek() else {
                if end.is_some() {
                    return Err("syntax error: unterminated quoted string".to_owned());
                }
                break;
            };
            match next {
                next if Some(next) == end => {
                    self.at += 1;
                    break;
                }
                '\\' if self
                    .text
                    .get(self.at + 1)
                    .is_some_and(|it| "$`\"\\\n".contains(*it)) =>
                {
                    let escaped = self.text[self.at + 1];
                    self.at += 2;
                    if escaped != '\n' {
                        text.push(escaped);
                    }
                }
                '$' | '`' => {
                    if !text.is_empty() {
                        parts.push(Part::Quoted(std::mem::take(&mut text)));
                    }
                    parts.push(self.expansion(true)?);
                }
                next => {
                    self.at += 1;
                    text.push(next);
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Quoted(text));
        }
        Ok(Word(parts))
    }

    /// What begins with `$` or a backquote.
    fn expansion(&mut self, quoted: bool) -> Result<Part, String> {
        if self.take("`") {
            let rest = &self.text[self.at..];
            let length = rest.iter().position(|next| *next == '`');
            let length = length.ok_or("syntax error: unterminated backquote")?;
            let script: String = rest[..length].iter().collect();
            self.at += length + 1;
            let list = parse(&script)?;
            return Ok(Part::Command { list, quoted });
        }
        self.at += 1;
        if self.take("((") {
            let text = self.up_to("))")?;
            let word = within(&text, |parser| parser.double_quoted(None))?;
            return Ok(Part::Arithmetic(word));
        }
        if self.take("(") {
            let list = self.list(&[])?;
            if !self.take(")") {
                return Err("syntax error: expecting \")\"".to_owned());
            }
            return Ok(Part::Command { list, quoted });
        }
        if self.take("{") {
            return self.braced(quoted);
        }
        let name = self.name();
        if name.is_empty() {
            return Ok(Part::Quoted("$".to_owned()));
        }
        Ok(Part::Variable {
            name,
            change: None,
            quoted,
        })
    }

    fn braced(&mut self, quoted: bool) -> Result<Part, String> {
        if self.starts_with("#") && !self.starts_with("#}") {
            self.at += 1;
            let name = self.name();
            self.take("}");
            return Ok(Part::Length(name));
        }
        let name = self.name();
        let mut doubled = self.take(":");
        let mut change = None;
        if let Some(sign) = self.peek().filter(|next| "-=+?#%".contains(*next)) {
            self.at += 1;
            let is_pattern = "#%".contains(sign);
            if is_pattern {
                doubled = self.take(&sign.to_string());
            }
            let text = self.up_to("}")?;
            let word = within(&text, |parser| {
                if is_pattern {
                    return Ok(parser.word()?.unwrap_or_default());
                }
                parser.double_quoted(None)
            })?;
            change = Some((sign, doubled, word));
        } else if !self.take("}") {
            return Err("syntax error: bad substitution".to_owned());
        }
        Ok(Part::Variable {
            name,
            change,
            quoted,
        })
    }

    /// The name of a variable or of a special parameter.
    fn name(&mut self) -> String {
        let rest = &self.text[self.at..];
        let length = match rest.first() {
            Some(first) if "?$!#@*-".contains(*first) || first.is_ascii_digit() => 1,
            _ => rest.iter().take_while(|next| is_name(**next)).count(),
        };
        self.at += length;
        rest[..length].iter().collect()
    }

    /// The text up to this end, which is passed.
    fn up_to(&mut self, end: &str) -> Result<String, String> {
        let from = self.at;
        let mut depth = 0;
        while let Some(next) = self.peek() {
            if depth == 0 && self.starts_with(end) {
                let text = self.text[from..self.at].iter().collect();
                self.take(end);
                return Ok(text);
            }
            match next {
                '(' | '{' => depth += 1,
                ')' | '}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        Err(format!("syntax error: expecting \"{end}\""))
    }
}

/// Parses another text.
fn within(
    text: &str,
    parse: impl FnOnce(&mut Parser<'_>) -> Result<Word, String>,
) -> Result<Word, String> {
    let text: Vec<char> = text.chars().collect();
    parse(&mut Parser {
        text: &text,
        at: 0,
        documents: Vec::new(),
    })
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}
