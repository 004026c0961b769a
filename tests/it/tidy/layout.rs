//! Import order of each crate's folders: a file imports only from its own folder and lower ones.
//!
//! Unit tests inside the crates may import from any folder.

use std::{collections::BTreeSet, fs, path::Path};

use super::{root, rust_files};

/// The entries of each `src` except `lib.rs` and `main.rs`, lowest first.
const LAYOUT: [(&str, &[&str]); 4] = [
    (
        "rules",
        &[
            "back_off",
            "container_id",
            "event_limits",
            "expansion",
            "host_port",
            "list_type",
            "moment",
            "scheduling",
            "selector",
            "url",
            "endpoints",
            "probe",
            "proxy",
            "replica_set",
            "rollout",
            "container",
            "pod",
            "restart",
            "event_text",
        ],
    ),
    (
        "probe-target",
        &[
            "os_process",
            "sockets",
            "mutex",
            "model",
            "process",
            "failure",
            "cli",
            "clock",
            "net",
            "state",
            "target",
            "server",
            "request_target",
            "control",
            "serve",
            "client",
        ],
    ),
    (
        "pocket",
        &[
            "clock",
            "kinds",
            "net",
            "store",
            "tasks",
            "api_status",
            "image",
            "patch",
            "registry",
            "api",
            "events",
            "controllers",
            "kubelet",
            "proxy",
            "pocket",
        ],
    ),
    (
        "orchestrator",
        &[
            "error_chain",
            "exit",
            "printable",
            "random",
            "image",
            "input",
            "timeline",
            "cluster",
            "targets",
            "check",
            "cli",
            "judge",
            "report",
            "run",
            "commands",
        ],
    ),
];

#[test]
fn folders_import_one_way() {
    for (name, folders) in LAYOUT {
        let src = root().join("crates").join(name).join("src");
        let files = rust_files(&format!("crates/{name}/src"));
        for file in files.iter().filter(|file| !is_test(file)) {
            let Some(folder) = folder(&src, file) else {
                continue;
            };
            let own = place(folders, &folder)
                .unwrap_or_else(|| panic!("tests/it/tidy/layout.rs must place {name}/{folder}"));
            let upwards: Vec<String> = imports(&fs::read_to_string(file).unwrap())
                .into_iter()
                .filter(|import| place(folders, import).is_some_and(|other| other > own))
                .collect();
            assert!(
                upwards.is_empty(),
                "{} imports upwards, from {upwards:?}",
                file.display()
            );
        }
    }
}

fn place(folders: &[&str], name: &str) -> Option<usize> {
    folders.iter().position(|folder| *folder == name)
}

/// The entry of `src` that contains the file; none for the crate's root files.
fn folder(src: &Path, file: &Path) -> Option<String> {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    let name = first.as_os_str().to_str().unwrap().trim_end_matches(".rs");
    (name != "lib" && name != "main").then(|| name.to_owned())
}

fn is_test(file: &Path) -> bool {
    let mut parts = file.iter();
    parts.any(|part| part == "tests" || part == "tests.rs")
}

/// The path segments that follow `crate::` in code outside unit tests.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(members(group)),
            None => found.extend(identifier(rest)),
        }
    }
    found
}

/// The first path segments of the members of `{a::b, c::{d, e}}`, up to the closing brace.
fn members(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut found = Vec::new();
    let mut member = String::new();
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.extend(identifier(std::mem::take(&mut member).trim())),
            letter if depth == 0 => member.push(letter),
            _ => {}
        }
    }
    found.extend(identifier(member.trim()));
    found
}

fn identifier(text: &str) -> Option<String> {
    let end = text
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn imports_are_read_in_every_form() {
    let text = "use crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::F;\nfn f() { crate::g::h() }\n\
                // crate::i\n#[cfg(test)]\nmod tests { use crate::j; }";
    assert_eq!(
        imports(text),
        BTreeSet::from(["a", "d", "e", "g"].map(String::from))
    );
}
