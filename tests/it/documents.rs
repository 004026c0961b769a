//! README.md and docs/: the commands, outputs, experiments and links that they show.
//!
//! In a block `console`, lines that begin with `$ ` are commands. The lines below are their output,
//! where `...` stands for anything. The blocks of a page are one shell session in a directory with
//! the repository's `manifests`. Blocks `console cluster` need a cluster or Docker and are only
//! parsed. A block `yaml` that begins with `# NAME.yaml` is a file in the session's directory.
//! Experiments are run; the steps of a block `yaml steps` are run in the experiment above them.

mod session;

use std::{collections::BTreeSet, fs, path::Path};

use clap::Parser as _;
use orchestrator::cli::Cli;
use serde_json::Value;

use crate::{
    program::{Ended, probe_target, probeflip, root},
    tidy,
};

/// A Markdown file.
struct Page {
    /// Its path in the repository.
    name: String,
    text: String,
}

/// A fenced block of a page.
struct Block {
    /// What follows the fence: the language, then marks of this test.
    info: String,
    text: String,
}

impl Page {
    fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join(name)).unwrap();
        let name = name.to_owned();
        Self { name, text }
    }

    /// README.md and the pages of docs/.
    fn all() -> Vec<Self> {
        let docs = fs::read_dir(root().join("docs")).unwrap();
        let docs = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let docs = docs.filter(|name| Path::new(name).extension().is_some_and(|it| it == "md"));
        let mut names: Vec<String> = docs.map(|name| format!("docs/{name}")).collect();
        names.push("README.md".to_owned());
        names.iter().map(|name| Self::read(name)).collect()
    }

    fn blocks(&self) -> Vec<Block> {
        let mut parts = self.text.split("\n```").skip(1);
        let mut blocks = Vec::new();
        while let Some(block) = parts.next() {
            let (info, text) = block.split_once('\n').unwrap();
            let (info, text) = (info.to_owned(), text.to_owned());
            blocks.push(Block { info, text });
            parts.next();
        }
        blocks
    }

    fn of_kind(&self, info: &str) -> Vec<Block> {
        let mut blocks = self.blocks();
        blocks.retain(|block| block.info == info);
        blocks
    }
}

#[test]
fn blocks_are_of_a_known_kind() {
    let known = [
        "console",
        "console cluster",
        "yaml",
        "yaml steps",
        "yaml fragment",
        "json",
        // Each is part of a test, which compares it with the page.
        "rust",
        "text",
    ];
    for page in Page::all() {
        for Block { info, text } in page.blocks() {
            assert!(
                known.contains(&info.as_str()),
                "{}: {info}: {text}",
                page.name
            );
        }
    }
}

#[test]
fn the_readme_is_short() {
    assert!(Page::read("README.md").text.lines().count() <= 150);
}

#[test]
fn commands_print_what_is_shown() {
    for page in Page::all() {
        session::run(&page);
    }
}

#[test]
fn commands_for_a_cluster_are_valid() {
    for page in Page::all() {
        for block in page.of_kind("console cluster") {
            for (command, _) in session::commands(&block.text) {
                check_command(&page.name, &command);
            }
        }
    }
}

#[test]
fn commands_of_the_workflow_are_valid() {
    let page = Page::read("docs/ci.md");
    let blocks = page.of_kind("yaml fragment");
    let commands = blocks
        .iter()
        .flat_map(|block| workflow_commands(&block.text));
    let commands: Vec<String> = commands.filter(|it| it.starts_with("probeflip ")).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    for command in commands {
        // The runner sets it.
        let command = command.replace("$GITHUB_STEP_SUMMARY", "summary.md");
        check_command(&page.name, &command);
    }
}

/// The values of `run` in a workflow: in one line, or folded (`>-`) from deeper lines.
fn workflow_commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = text.lines().peekable();
    let indent = |line: &str| line.len() - line.trim_start().len();
    while let Some(line) = lines.next() {
        let Some(command) = line.trim_start().strip_prefix("- run: ") else {
            continue;
        };
        if command != ">-" {
            commands.push(command.to_owned());
            continue;
        }
        let mut words = Vec::new();
        while let Some(line) = lines.next_if(|next| indent(next) > indent(line) + 2) {
            words.push(line.trim());
        }
        commands.push(words.join(" "));
    }
    commands
}

fn check_command(page: &str, command: &str) {
    let words = session::words(command);
    let after = |program: &str| {
        let at = words
            .iter()
            .position(|word| word.trim_start_matches('/') == program)?;
        Some(&words[at..])
    };
    if let Some(words) = after("probeflip") {
        let parsed = Cli::try_parse_from(words);
        assert!(parsed.is_ok(), "{page}: {command}: {}", parsed.unwrap_err());
    } else if let Some(words) = after("probe-target") {
        // Nothing listens on this port, so that the command is parsed and then fails.
        let mut client = probe_target();
        client
            .args(&words[1..])
            .env("PROBE_TARGET_CONTROL", "127.0.0.1:1");
        let ended = Ended::from(client.output().unwrap());
        assert_ne!(ended.code, 2, "{page}: {command}: {}", ended.stderr);
    } else if let ["just", recipe, ..] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        let justfile = Page::read("justfile").text;
        let found = justfile.lines().any(|line| {
            let name = line.strip_prefix(recipe);
            name.is_some_and(|rest| rest.starts_with([' ', ':']))
        });
        assert!(found, "{page}: no recipe {recipe}");
    }
}

#[test]
fn experiments_pass() {
    for page in Page::all() {
        let mut last = None;
        let commands = page.of_kind("console");
        for block in page.blocks() {
            let text = match block.info.as_str() {
                "yaml" if block.text.contains("kind: Experiment") => {
                    last = Some(block.text.clone());
                    let name = session::file_name(&block.text).unwrap_or("no file");
                    // The page's own commands run it, and may show how it fails.
                    if commands.iter().any(|block| block.text.contains(name)) {
                        continue;
                    }
                    block.text
                }
                "yaml steps" => with_steps(last.as_ref().unwrap(), &block.text),
                _ => continue,
            };
            let folder = session::folder(&page);
            let file = session::file_name(&text).unwrap_or("experiment.yaml");
            fs::write(folder.path().join(file), &text).unwrap();
            let mut command = probeflip();
            command.args(["run", file, "--on", "virtual"]);
            let ended = Ended::from(command.current_dir(folder.path()).output().unwrap());
            let said = ended.stderr + &ended.stdout;
            assert_eq!(ended.code, 0, "{}: {text}\n{said}", page.name);
        }
    }
}

/// The experiment with other steps.
fn with_steps(experiment: &str, steps: &str) -> String {
    let (before, _) = experiment.split_once("  steps:\n").unwrap();
    let steps = steps.lines().map(|line| format!("    {line}\n"));
    format!("{before}  steps:\n{}", steps.collect::<String>())
}

#[test]
fn every_field_of_an_experiment_is_explained() {
    let schema = Page::read("tests/contracts/experiment-schema.json").text;
    let mut fields = BTreeSet::new();
    add_fields(&serde_json::from_str(&schema).unwrap(), &mut fields);
    assert!(fields.contains("notBefore"), "{fields:?}");
    names(&Page::read("docs/experiments.md"), &fields);
}

/// The names of all properties in a schema.
fn add_fields(schema: &Value, fields: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                fields.extend(properties.keys().cloned());
            }
            object.values().for_each(|value| add_fields(value, fields));
        }
        Value::Array(items) => items.iter().for_each(|item| add_fields(item, fields)),
        _ => {}
    }
}

#[test]
fn every_option_is_explained() {
    let options = Page::read("tests/contracts/options.txt").text;
    // The commands of probe-target come first.
    let (target, probeflip) = options.split_at(options.find("# run\n").unwrap());
    for (text, page) in [
        (target, "docs/probe-target.md"),
        (probeflip, "docs/commands.md"),
    ] {
        // A variable is named as its option is, unless it stands for several.
        let is_option = |line: &str| {
            let name = line.trim_start_matches("PROBE_TARGET_").to_lowercase();
            line != name && text.contains(&format!("--{}\n", name.replace('_', "-")))
        };
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !is_option(line));
        names(&Page::read(page), &lines.map(str::to_owned).collect());
    }
}

#[test]
fn every_path_of_the_control_api_is_explained() {
    let source = Page::read("crates/probe-target/src/control/request.rs").text;
    let plain = source.lines().filter_map(|line| {
        let (name, rest) = line.trim().strip_prefix('"')?.split_once('"')?;
        rest.starts_with(" => only(").then(|| format!("/v1/{name}"))
    });
    let mut paths: BTreeSet<String> = plain.collect();
    assert!(paths.len() >= 7, "{paths:?}");
    let others = [
        "/metrics",
        "/v1/ports/PORT",
        "/v1/ports/PORT/routes/PATH",
        "/v1/process/FAULT",
    ];
    paths.extend(others.map(str::to_owned));
    names(&Page::read("docs/probe-target.md"), &paths);
}

/// Asserts that a page has each of these as a word of a code span or block.
fn names(page: &Page, expected: &BTreeSet<String>) {
    let word = |letter: char| letter.is_ascii_alphanumeric() || "-_/".contains(letter);
    let code = page.text.split('`').skip(1).step_by(2);
    let words: BTreeSet<&str> = code.flat_map(|code| code.split(|c| !word(c))).collect();
    let missing: Vec<_> = expected
        .iter()
        .filter(|name| !words.contains(name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "{} does not explain {missing:?}",
        page.name
    );
}

/// The messages in the tables of docs/troubleshooting.md, in the words of the sources.
#[test]
fn messages_to_look_up_exist() {
    let sources = ["orchestrator", "probe-target"].map(|name| format!("crates/{name}"));
    let sources = sources.iter().flat_map(|name| tidy::rust_files(name));
    let sources: String = sources
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let plain = |text: &str| text.replace(['`', '\\'], "");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let sources = words(&plain(&sources));
    let page = Page::read("docs/troubleshooting.md");
    for row in page.text.lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split(" | ").next().unwrap();
        for message in cell.split('`').skip(1).step_by(2) {
            for part in message.split('…').map(|part| words(part.trim())) {
                assert!(sources.contains(&part), "no message has `{part}`");
            }
        }
    }
}

#[test]
fn local_links_lead_somewhere() {
    let others = ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let pages = Page::all().into_iter().chain(others.map(Page::read));
    for page in pages {
        let folder = root().join(&page.name).parent().unwrap().to_path_buf();
        for (at, _) in page.text.match_indices("](") {
            let link = page.text[at + 2..].split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() {
                root().join(&page.name)
            } else {
                folder.join(file)
            };
            assert!(path.exists(), "{}: no {link}", page.name);
            if !heading.is_empty() {
                let text = fs::read_to_string(path).unwrap();
                let found = text
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| slug(line) == heading);
                assert!(found, "{}: no {link}", page.name);
            }
        }
    }
}

/// The anchor that GitHub gives a heading.
fn slug(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || "-_ ".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// Files that the prose names must exist, from the root of the repository or of its crates.
#[test]
fn files_in_prose_exist() {
    let others = ["ARCHITECTURE.md", "CONTRIBUTING.md"];
    for page in Page::all().into_iter().chain(others.map(Page::read)) {
        let blocks = page.text.split("\n```").step_by(2);
        for span in blocks.flat_map(|text| text.split('`').skip(1).step_by(2)) {
            let is_path = span.contains('/')
                && !span.contains([' ', '*', '<', '$'])
                && [".rs", ".md", ".yaml", ".ld"]
                    .iter()
                    .any(|end| span.ends_with(end));
            let found = [
                root(),
                root().join("crates"),
                root().join("crates/orchestrator/src"),
            ]
            .iter()
            .any(|folder| folder.join(span).exists());
            assert!(!is_path || found, "{} names `{span}`", page.name);
        }
    }
}

#[test]
fn types_in_the_glossary_exist() {
    let crates = ["rules", "probe-target", "pocket", "orchestrator"];
    let files = crates.map(|name| tidy::rust_files(&format!("crates/{name}")));
    let sources = files
        .iter()
        .flatten()
        .map(|file| fs::read_to_string(file).unwrap());
    let sources: String = sources.collect();
    let page = Page::read("ARCHITECTURE.md").text;
    let (_, table) = page.split_once("One name means one thing").unwrap();
    for span in table
        .split("\n## ")
        .next()
        .unwrap()
        .split('`')
        .skip(1)
        .step_by(2)
    {
        let is_type = span.starts_with(char::is_uppercase);
        let found =
            ["struct", "enum", "type"].map(|kind| sources.contains(&format!("{kind} {span}")));
        assert!(!is_type || found.contains(&true), "no type `{span}`");
    }
}
