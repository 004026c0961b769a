//! `wget` and `curl`: a GET request over plain HTTP.

use std::time::Duration;

use super::Tool;
use crate::{http_get::get, system::reason};

/// How long a request may take, where its command sets no time.
const TIMEOUT: Duration = Duration::from_mins(1);

impl Tool {
    pub(super) async fn fetch(&self) -> i32 {
        let Some(url) = self.arguments().iter().find(|word| word.contains("://")) else {
            return self.fail("no URL");
        };
        let timeout = self.seconds().unwrap_or(TIMEOUT);
        let got = tokio::time::timeout(timeout, get(&*self.command.system, url)).await;
        let (status, body) = match got {
            Err(_) => return self.fail("download timed out"),
            Ok(Err(why)) => return self.fail(&why),
            Ok(Ok(got)) => got,
        };
        let is_error = status >= 400;
        if is_error && (self.name == "wget" || self.has("-f")) {
            self.fail(&format!("server returned error: HTTP/1.1 {status}"));
            return if self.name == "wget" { 1 } else { 22 };
        }
        match self.target() {
            None | Some("-") => self.put(&body),
            Some("/dev/null") => 0,
            Some(path) => match self.command.system.write(path, &body) {
                Ok(()) => 0,
                Err(error) => self.fail(&format!("{path}: {}", reason(&error))),
            },
        }
    }

    /// The file of `-O` or `-o`.
    fn target(&self) -> Option<&str> {
        let letter = if self.name == "wget" { 'O' } else { 'o' };
        self.value(letter)
    }

    /// The time of `-T`, `-m` or `--max-time`.
    fn seconds(&self) -> Option<Duration> {
        let letter = if self.name == "wget" { 'T' } else { 'm' };
        let mut words = self.arguments().iter();
        let long = words.find(|word| *word == "--max-time" || *word == "--connect-timeout");
        let value = long.and_then(|_| words.next()).map(String::as_str);
        let seconds = value.or_else(|| self.value(letter))?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The value of an option that ends with this letter.
    fn value(&self, letter: char) -> Option<&str> {
        let mut words = self.arguments().iter().map(String::as_str);
        words.find(|word| {
            word.starts_with('-') && !word.starts_with("--") && word.ends_with(letter)
        })?;
        words.next()
    }
}
