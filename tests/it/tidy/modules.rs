//! The modules of a crate and the imports between their files, read from the sources as text.
//!
//! Unit tests are left out. Macros, globs and inline modules are not looked into.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use super::{root, rust_files};

/// The path of a module in its crate: `["server", "http1"]`.
pub(super) type Module = Vec<String>;

/// The modules of a crate, each a file.
pub(super) struct Modules(BTreeMap<Module, Source>);

/// The name that a `use` declaration brings into scope, and its path.
type Use = (String, Vec<String>);

/// What one file names of its crate.
struct Source {
    file: PathBuf,
    uses: Vec<Use>,
    /// Other paths that begin with `crate`, `self`, `super` or a lower-case name.
    paths: Vec<Vec<String>>,
}

impl Modules {
    /// The modules of `crates/NAME`.
    pub(super) fn of(name: &str) -> Self {
        let src = root().join("crates").join(name).join("src");
        let files = rust_files(&format!("crates/{name}/src"));
        let modules = files.into_iter().filter_map(|file| {
            let path = file.strip_prefix(&src).unwrap().with_extension("");
            let parts = path.iter().map(|part| part.to_str().unwrap().to_owned());
            let mut module: Module = parts.collect();
            if module == ["lib"] {
                module.clear();
            }
            let skipped = module == ["main"] || module.iter().any(|part| part == "tests");
            (!skipped).then(|| (module, Source::read(file)))
        });
        Self(modules.collect())
    }

    /// The files, and the modules that each of them imports from.
    pub(super) fn imports(&self) -> impl Iterator<Item = (&Module, &PathBuf, BTreeSet<Module>)> {
        self.0.iter().map(|(module, source)| {
            let used = source.uses.iter().map(|(_, path)| path);
            let imported = used.chain(&source.paths);
            let imported = imported.filter_map(|path| self.resolve(module, path, 0));
            let others = imported.filter(|other| other != module);
            (module, &source.file, others.collect())
        })
    }

    /// Groups of files that import each other in a circle. A file may import from the file of a
    /// module that it is in: `super::Item` is no step of a circle.
    pub(super) fn cycles(&self) -> Vec<Vec<String>> {
        let edges: BTreeMap<&Module, BTreeSet<Module>> = self
            .imports()
            .map(|(module, _, mut others)| {
                others.retain(|other| !module.starts_with(other));
                (module, others)
            })
            .collect();
        let reached: BTreeMap<&Module, BTreeSet<&Module>> = edges
            .keys()
            .map(|module| (*module, reached(&edges, module)))
            .collect();
        let mut cycles = BTreeSet::new();
        for (module, others) in &reached {
            let circle = others
                .iter()
                .filter(|other| reached[*other].contains(module));
            let circle: Vec<String> = circle.map(|other| other.join("::")).collect();
            if !circle.is_empty() {
                cycles.insert(circle);
            }
        }
        cycles.into_iter().collect()
    }

    /// The module whose file defines the last part of the path, as seen from `module`; none if the
    /// path leads out of the crate.
    fn resolve(&self, module: &Module, path: &[String], depth: usize) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let (mut at, rest): (Module, _) = match first.as_str() {
            "crate" => (Vec::new(), rest),
            "self" => (module.clone(), rest),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let kept = module.len().checked_sub(ups)?;
                (module[..kept].to_vec(), &path[ups..])
            }
            child
                if self
                    .0
                    .contains_key(&[&module[..], &[child.to_owned()]].concat()) =>
            {
                (module.clone(), path)
            }
            name => return self.follow(module, name, rest, depth),
        };
        for (number, part) in rest.iter().enumerate() {
            at.push(part.clone());
            if !self.0.contains_key(&at) {
                at.pop();
                let followed = self.follow(&at, part, &rest[number + 1..], depth);
                return Some(followed.unwrap_or(at));
            }
        }
        Some(at)
    }

    /// Where a name leads that `module` itself imports from elsewhere in the crate.
    fn follow(&self, module: &Module, name: &str, rest: &[String], depth: usize) -> Option<Module> {
        // A path that is imported through itself would be followed for ever.
        if depth > 5 {
            return None;
        }
        let uses = &self.0.get(module)?.uses;
        let (_, path) = uses.iter().find(|(local, _)| local == name)?;
        self.resolve(module, &[path, rest].concat(), depth + 1)
    }
}

/// All modules that can be reached from one, itself only by a circle.
fn reached<'a>(
    edges: &'a BTreeMap<&Module, BTreeSet<Module>>,
    module: &'a Module,
) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![module];
    while let Some(module) = next.pop() {
        for other in edges.get(module).into_iter().flatten() {
            if reached.insert(other) {
                next.push(other);
            }
        }
    }
    reached
}

impl Source {
    fn read(file: PathBuf) -> Self {
        let text = fs::read_to_string(&file).unwrap();
        let (uses, paths) = paths(&text);
        Self { file, uses, paths }
    }
}

/// The `use` declarations of a file, and its other paths.
fn paths(text: &str) -> (Vec<Use>, Vec<Vec<String>>) {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let tokens = tokens(code);
    let (mut uses, mut paths) = (Vec::new(), Vec::new());
    let mut tokens = tokens.iter().map(String::as_str).peekable();
    while let Some(token) = tokens.next() {
        if token == "use" {
            tree(&mut tokens, &[], &mut uses);
        } else if token.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            let mut path = vec![token.to_owned()];
            while tokens.next_if_eq(&"::").is_some() {
                path.extend(tokens.next_if(|next| is_name(next)).map(str::to_owned));
            }
            if path.len() > 1 {
                paths.push(path);
            }
        }
    }
    (uses, paths)
}

/// Parses what follows `use`, or one member of its braces, into a path for each name.
fn tree<'a>(
    tokens: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    prefix: &[String],
    uses: &mut Vec<Use>,
) {
    let mut path = prefix.to_vec();
    loop {
        match tokens.next() {
            Some("{") => {
                while tokens.next_if_eq(&"}").is_none() {
                    tree(tokens, &path, uses);
                    tokens.next_if_eq(&",");
                }
                return;
            }
            Some("*") => return uses.push(("*".to_owned(), path)),
            Some("self") if !path.is_empty() => {}
            Some(name) => path.push(name.to_owned()),
            None => return,
        }
        if tokens.next_if_eq(&"::").is_some() {
            continue;
        }
        let alias = tokens.next_if_eq(&"as").and_then(|_| tokens.next());
        let local = alias.or(path.last().map(String::as_str)).unwrap_or("");
        return uses.push((local.to_owned(), path));
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// Names, `::` and single signs, without comments, strings and character literals.
fn tokens(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(letter) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if letter == '"' {
            literal(rest, '"')
        } else if letter == '\'' && is_character(rest) {
            literal(rest, '\'')
        } else if let Some(raw) = raw_string(rest) {
            raw
        } else if letter.is_alphanumeric() || letter == '_' {
            let other = |letter: char| !letter.is_alphanumeric() && letter != '_';
            let length = rest.find(other).unwrap_or(rest.len());
            found.push(rest[..length].to_owned());
            length
        } else {
            let length = if rest.starts_with("::") {
                2
            } else {
                letter.len_utf8()
            };
            if !letter.is_whitespace() {
                found.push(rest[..length].to_owned());
            }
            length
        };
        rest = &rest[length..];
    }
    found
}

/// The length of a literal in quotes with escapes.
fn literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, letter)| {
        let ends = *letter == quote && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// Whether a quote begins a character and not a lifetime.
fn is_character(text: &str) -> bool {
    let mut letters = text.chars().skip(1);
    let first = letters.next();
    first == Some('\\') || letters.next() == Some('\'')
}

/// The length of the raw string that the text begins with, if it does.
fn raw_string(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let hashes = inner.len() - inner.trim_start_matches('#').len();
    let body = inner[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = text.len() - body.len();
    Some(before + body.find(&end).map_or(body.len(), |at| at + end.len()))
}

#[test]
fn imports_are_read_in_every_form() {
    let text = "use crate::{\n    a::{self, b as c},\n    d,\n};\npub use super::e::F;\n\
                fn f<'a>() { crate::g::h('\\'', \"crate::x\") }\n\
                // crate::y\n#[cfg(test)]\nmod tests { use crate::z; }";
    let (uses, paths) = paths(text);
    let shown = uses
        .iter()
        .map(|(name, path)| format!("{name} {}", path.join("::")));
    let shown: Vec<String> = shown.collect();
    let expected = ["a crate::a", "c crate::a::b", "d crate::d", "F super::e::F"];
    assert_eq!(shown, expected);
    assert_eq!(paths, [["crate", "g", "h"].map(String::from)]);
}
