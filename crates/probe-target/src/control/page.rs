//! `GET /` of the control address: the list of calls as text, and for browsers a page that shows
//! and changes the state. Style and script have paths of their own, as the page's policy forbids
//! both inside of it.

use std::fmt::Write;

use crate::model::fault::Fault;
use crate::model::port_spec::PortState;

/// A file that is served without the token: it holds nothing of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PublicFile {
    /// The page, or the list of calls for clients that do not ask for HTML.
    Index,
    Style,
    Script,
}

impl PublicFile {
    /// The file at this path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Index),
            "/page.css" => Some(Self::Style),
            "/page.js" => Some(Self::Script),
            _ => None,
        }
    }

    /// Its media type and contents.
    pub(crate) fn read(self, html: bool) -> (&'static str, String) {
        match self {
            Self::Index if html => ("text/html; charset=utf-8", PAGE.to_owned() + &suggestions()),
            Self::Index => ("text/plain; charset=utf-8", CALLS.to_owned()),
            Self::Style => ("text/css; charset=utf-8", STYLE.to_owned()),
            Self::Script => ("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        }
    }
}

/// Headers of these files: the page loads nothing but its own files, and no site frames it. Names
/// reach the document as text alone; `require-trusted-types-for` lets a browser enforce that.
pub(crate) const HEADERS: &str = concat!(
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; ",
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; ",
    "require-trusted-types-for 'script'\r\n",
    "x-content-type-options: nosniff\r\n",
    "referrer-policy: no-referrer\r\n",
    "cache-control: no-store\r\n",
);

const CALLS: &str = include_str!("page/calls.txt");
const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// What the fields of the page suggest for a path and for a port.
fn suggestions() -> String {
    let mut html = String::new();
    let mut list = |id: &str, words: &[&str]| {
        // Writing to a string does not fail.
        _ = writeln!(html, "<datalist id=\"{id}\">");
        for word in words {
            _ = writeln!(html, "<option>{word}");
        }
        html.push_str("</datalist>\n");
    };
    list(
        "route",
        &[&["200", "404", "500", "503"], &Fault::NAMES[..]].concat(),
    );
    list("port", &PortState::NAMES);
    html
}

#[cfg(test)]
mod tests {
    use ::http::Method;

    use super::*;
    use crate::control::request;

    #[test]
    fn the_page_is_at_most_8_kib() {
        assert!(PAGE.len() + STYLE.len() + SCRIPT.len() <= 8192);
    }

    #[test]
    fn the_script_writes_no_markup() {
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!SCRIPT.contains(way), "{way}");
        }
    }

    #[test]
    fn the_page_has_the_elements_that_the_script_names() {
        let page = PAGE.to_owned() + &suggestions();
        let ids = SCRIPT
            .split("$(\"")
            .skip(1)
            .map(|rest| rest.split_once('"').unwrap().0);
        let ids: Vec<&str> = ids.chain(["route", "port"]).collect();
        assert!(ids.len() > 10, "{ids:?}");
        for id in ids {
            assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        }
    }

    /// Every listed call is one that `request` knows, with the method that it takes.
    #[test]
    fn every_listed_call_exists() {
        let calls = CALLS.lines().filter(|line| line.contains(" /"));
        let mut count = 0;
        for line in calls.filter(|line| !line.starts_with(['T', 'A'])) {
            let mut words = line.split_whitespace();
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            let target = target.replace("PORT", "8080").replace("PATH", "a");
            let target = target.replace("FAULT", "exit").replace("=N", "=1");
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let body = match path {
                "/v1/lease" => r#"{"for":"30s"}"#,
                "/v1/ports/8080/routes/a" => r#"{"status":503}"#,
                _ => "{}",
            };
            let read = request::read(&method, path, query, body.as_bytes());
            assert!(read.is_ok(), "{line}: {read:?}");
            count += 1;
        }
        assert_eq!(count, 14);
    }
}
