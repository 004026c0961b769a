//! Line lengths: 100 columns for comments, manifests and documents.
//!
//! rustfmt wraps code, but not comments. Tables, links and blocks of Markdown cannot be wrapped.

use std::{fs, path::Path};

use super::{files, root};

const COLUMNS: usize = 100;

#[test]
fn lines_end_at_100_columns() {
    let mut long = Vec::new();
    for (folder, extension) in [
        ("crates", "rs"),
        ("tests", "rs"),
        ("crates", "toml"),
        ("tests", "toml"),
        ("manifests", "yaml"),
        ("docs", "md"),
    ] {
        for file in files(folder, extension) {
            long.extend(long_lines(&file));
        }
    }
    for entry in fs::read_dir(root()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        if name == "justfile" || [".md", ".toml"].iter().any(|end| name.ends_with(end)) {
            long.extend(long_lines(&file));
        }
    }
    assert!(
        long.is_empty(),
        "{} long lines:\n{}",
        long.len(),
        long.join("\n")
    );
}

/// The places of lines that are too long and can be wrapped.
fn long_lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let extension = file.extension().unwrap_or_default().to_str().unwrap();
    let mut in_block = false;
    let mut long = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let exempt = match extension {
            "md" => {
                in_block ^= line.starts_with("```");
                in_block || line.starts_with('|') || line.contains("](")
            }
            "rs" => !line.trim_start().starts_with("//"),
            _ => false,
        };
        if line.chars().count() > COLUMNS && !exempt {
            long.push(format!("{}:{}", file.display(), number + 1));
        }
    }
    long
}
