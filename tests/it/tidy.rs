//! Checks of the workspace itself: crate dependencies, imports, versions, first lines, columns.
//!
//! The checks read files as text and use none of the workspace's crates.

mod columns;
mod layout;
mod modules;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The crate dependencies of ARCHITECTURE.md: each crate, and the workspace crates it may depend
/// on.
const MAY_DEPEND_ON: [(&str, &[&str]); 4] = [
    ("rules", &[]),
    ("probe-target", &[]),
    ("pocket", &["rules"]),
    ("orchestrator", &["pocket", "probe-target", "rules"]),
];

/// External crates that a workspace crate must not depend on, directly or indirectly.
const MUST_NOT_REACH: [(&str, &[&str]); 2] = [
    (
        "probe-target",
        &[
            "axum",
            "clap",
            "kube",
            "kube-client",
            "openssl-sys",
            "tracing-subscriber",
        ],
    ),
    ("pocket", &["clap", "kube", "kube-client", "kube-core"]),
];

#[test]
fn crates_use_only_the_crates_they_may() {
    for (name, allowed) in MAY_DEPEND_ON {
        let ours: BTreeSet<&str> = MAY_DEPEND_ON
            .iter()
            .map(|(name, _)| *name)
            .chain(["doubles", "tests"])
            .collect();
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        let used = section(&manifest, "[dependencies]")
            .filter_map(dependency)
            .filter(|used| ours.contains(used));
        for used in used {
            assert!(
                allowed.contains(&used),
                "`{name}` must not depend on `{used}`"
            );
        }
    }
}

#[test]
fn rules_depend_on_nothing() {
    let manifest = read("crates/rules/Cargo.toml");
    assert_eq!(
        section(&manifest, "[dependencies]")
            .filter_map(dependency)
            .count(),
        0
    );
}

#[test]
fn crates_do_not_reach_what_they_must_never_know() {
    let lock = read("Cargo.lock");
    for (name, banned) in MUST_NOT_REACH {
        let reached = closure(&lock, name);
        for crate_name in banned {
            assert!(
                !reached.contains(*crate_name),
                "`{name}` reaches `{crate_name}`"
            );
        }
    }
}

/// The orchestrator's files that may name `pocket`: they start the embedded cluster, provide the
/// probe target's image, and ask what its API server refuses.
const MAY_NAME_POCKET: [&str; 7] = [
    "src/cluster/admission.rs",
    "src/cluster.rs",
    "src/cluster/in_process.rs",
    "src/cluster/net.rs",
    "src/cluster/served.rs",
    "src/cluster/target_image.rs",
    "src/cluster/target_image/tests.rs",
];

#[test]
fn only_the_embedded_cluster_names_pocket() {
    for file in rust_files("crates/orchestrator") {
        let lawful = MAY_NAME_POCKET.iter().any(|name| file.ends_with(name));
        let names_pocket = code_lines(&file).any(|line| line.contains("pocket::"));
        assert!(
            lawful || !names_pocket,
            "{} names `pocket::`; only the embedded cluster may",
            file.display()
        );
    }
}

#[test]
fn every_file_says_first_what_it_is() {
    for file in ["crates", "tests"].into_iter().flat_map(rust_files) {
        let first = fs::read_to_string(&file).unwrap();
        assert!(
            first.starts_with("//! "),
            "{} must open with a `//!` sentence",
            file.display()
        );
    }
}

#[test]
fn toolchain_and_rust_version_agree() {
    let channel = quoted_after(&read("rust-toolchain.toml"), "channel = ");
    let version = quoted_after(&read("Cargo.toml"), "rust-version = ");
    assert_eq!(channel, format!("{version}.0"));
}

/// The fuzzers are a separate workspace, so building this one does not update their lock file.
#[test]
fn the_fuzzers_lock_file_is_up_to_date() {
    let manifest = read("crates/probe-target/Cargo.toml");
    let used: BTreeSet<&str> = section(&manifest, "[dependencies]")
        .filter(|line| !line.contains("optional = true"))
        .filter_map(dependency)
        .collect();
    let lock = read("fuzz/Cargo.lock");
    let (_, locked) = lock
        .split("[[package]]")
        .skip(1)
        .map(package)
        .find(|(name, _)| *name == "probe-target")
        .unwrap();
    assert_eq!(
        used,
        BTreeSet::from_iter(locked),
        "run `cargo update --workspace --manifest-path fuzz/Cargo.toml`"
    );
}

#[test]
fn manifests_name_the_image_of_this_version() {
    let version = quoted_after(&read("Cargo.toml"), "version = ");
    for file in files("manifests", "yaml") {
        let text = fs::read_to_string(&file).unwrap();
        for line in text
            .lines()
            .filter(|line| line.contains("image: probe-target"))
        {
            let tag = line.trim().trim_end_matches("-tls");
            assert_eq!(
                tag,
                format!("image: probe-target:{version}"),
                "in {}",
                file.display()
            );
        }
    }
}

/// The root of the repository; the programs are always run there.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The lines of one table of a manifest, without the table's header.
fn section<'a>(manifest: &'a str, header: &'a str) -> impl Iterator<Item = &'a str> {
    manifest
        .lines()
        .skip_while(move |line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

/// `tokio` of `tokio = …` and of `tokio.workspace = true`.
fn dependency(line: &str) -> Option<&str> {
    let name = line.split(['=', '.']).next()?.trim_end();
    // The lines of a list of features are indented.
    name.starts_with(char::is_alphabetic).then_some(name)
}

/// All direct and indirect dependencies of package `name` in the lock file.
fn closure(lock: &str, name: &str) -> BTreeSet<String> {
    let graph: BTreeMap<&str, Vec<&str>> = lock.split("[[package]]").skip(1).map(package).collect();
    let mut reached = BTreeSet::new();
    let mut next = vec![name];
    while let Some(name) = next.pop() {
        for dependency in graph.get(name).into_iter().flatten() {
            if reached.insert((*dependency).to_owned()) {
                next.push(dependency);
            }
        }
    }
    reached
}

/// The name of a lock file's package, and the names of its dependencies.
fn package(entry: &str) -> (&str, Vec<&str>) {
    let name = entry
        .lines()
        .find_map(|line| line.strip_prefix("name = "))
        .unwrap()
        .trim_matches('"');
    let dependencies = entry
        .lines()
        .filter(|line| line.starts_with(" \""))
        .map(|line| {
            let dependency = line.trim().trim_matches(['"', ',']);
            dependency.split(' ').next().unwrap().trim_matches('"')
        });
    (name, dependencies.collect())
}

fn quoted_after(text: &str, key: &str) -> String {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(key))
        .unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

fn code_lines(file: &Path) -> impl Iterator<Item = String> {
    let text = fs::read_to_string(file).unwrap();
    let code: Vec<String> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(String::from)
        .collect();
    code.into_iter()
}

/// The Rust files below a folder of the repository, in order.
pub(crate) fn rust_files(folder: &str) -> Vec<PathBuf> {
    files(folder, "rs")
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![root().join(folder)];
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if entry.is_dir() {
                next.push(entry);
            } else if entry.extension().is_some_and(|found| found == extension) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}
