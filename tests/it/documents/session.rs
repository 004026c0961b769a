//! The commands of a page, run by one shell, and what they print.

use std::{
    collections::BTreeMap,
    env, fs,
    net::TcpListener,
    os::unix::{fs::symlink, process::CommandExt as _},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::Page;
use crate::program::{probeflip, root};

/// Stands in the shell's output after that of each command, before its exit code.
const END: &str = "\u{1e}";

/// The ports in documents, in the order in which a target lists them. The session uses free ones,
/// the control API's at a distance of 10000.
const PORTS: [u16; 3] = [7000, 8080, 9000];

/// Runs the commands of a page. Each must end with 0, or the next command shows its exit code.
pub(super) fn run(page: &Page) {
    let blocks = page.of_kind("console");
    let shown: Vec<_> = blocks
        .iter()
        .flat_map(|block| commands(&block.text))
        .collect();
    if shown.is_empty() || lacks_curl(page, &shown) {
        return;
    }
    let ports = Ports::free();
    let commands = shown
        .iter()
        .map(|(command, _)| step(&ports.to_free(command)));
    let script = format!(
        // Every process of the group but the shell, which is about to end.
        "trap \"trap '' TERM; kill 0\" EXIT\n{}",
        commands.collect::<String>()
    );
    let folder = folder(page);
    let programs = probeflip().get_program().to_owned();
    let programs = std::path::Path::new(&programs).parent().unwrap().to_owned();
    let path = env::join_paths(
        [programs]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap())),
    );
    let mut shell = Command::new("sh");
    let shell = shell
        .args(["-c", &script])
        .current_dir(folder.path())
        .stdin(Stdio::null());
    // No kubeconfig: a command without its mark must not find a cluster.
    let output = shell
        .env("PATH", path.unwrap())
        .env("KUBECONFIG", "/dev/null")
        .env("LC_ALL", "C.UTF-8")
        .process_group(0)
        .output()
        .unwrap();
    let printed = ports.to_shown(&String::from_utf8(output.stdout).unwrap());
    let mut ends = printed.split(END);
    let mut printed = ends.next().unwrap();
    for (number, (command, expected)) in shown.iter().enumerate() {
        let end = ends
            .next()
            .unwrap_or_else(|| panic!("{}: `{command}` did not end", page.name));
        let (code, rest) = end.split_once('\n').unwrap();
        assert!(
            matches(expected.trim_end(), printed.trim_end()),
            "{}: `{command}` is shown with\n{expected}\nand prints\n{printed}",
            page.name
        );
        let next = shown.get(number + 1).map(|(command, _)| command.as_str());
        let may_fail = next == Some("echo $?");
        assert!(
            code == "0" || may_fail,
            "{}: `{command}` ends with {code}",
            page.name
        );
        printed = rest;
    }
}

/// The commands of a block `console`, each with its output.
pub(super) fn commands(block: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                command += "\n";
                command += lines.next().unwrap();
            }
            let command = command.replace("cargo run --release --", "probeflip");
            commands.push((command, String::new()));
        } else {
            let (_, output) = commands.last_mut().expect("a block must begin with `$ `");
            *output += line;
            *output += "\n";
        }
    }
    commands
}

/// The words of a command, as a shell splits them.
pub(super) fn words(command: &str) -> Vec<String> {
    let script = format!("printf '%s\\n' {command}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}");
    let words = String::from_utf8(output.stdout).unwrap();
    words.lines().map(str::to_owned).collect()
}

/// A directory with the repository's manifests and the files of a page.
pub(super) fn folder(page: &Page) -> TempDir {
    let folder = TempDir::new().unwrap();
    symlink(root().join("manifests"), folder.path().join("manifests")).unwrap();
    for block in page.of_kind("yaml") {
        if let Some(name) = file_name(&block.text) {
            fs::write(folder.path().join(name), &block.text).unwrap();
        }
    }
    folder
}

/// The name in the first line of a file: `# NAME.yaml`.
pub(super) fn file_name(text: &str) -> Option<&str> {
    let name = text.lines().next()?.strip_prefix("# ")?;
    let stem = name.strip_suffix(".yaml")?;
    (!stem.contains(' ')).then_some(name)
}

/// A command for the shell, with its end marked. One in the background has started when it has
/// printed its first line.
fn step(command: &str) -> String {
    let command = match command.strip_suffix(" &") {
        // Braces, as a command may write its output into a file.
        None => format!("{{ {command}\n}} 2>&1"),
        Some(server) => format!(
            "mkfifo started; {server} >started 2>&1 & exec 9<started; IFS= read -r line <&9; echo \"$line\""
        ),
    };
    format!("{command}\ncode=$?; printf '{END}%d\\n' $code; (exit $code)\n")
}

fn lacks_curl(page: &Page, shown: &[(String, String)]) -> bool {
    let needed = shown
        .iter()
        .any(|(command, _)| command.starts_with("curl "));
    let lacking = needed && Command::new("curl").arg("--version").output().is_err();
    if lacking {
        skipped(&page.name);
    }
    lacking
}

#[expect(
    clippy::print_stderr,
    reason = "a skipped test must not look like a passed one"
)]
fn skipped(page: &str) {
    eprintln!("commands of {page}: skipped, there is no curl");
}

/// Whether a text is as expected, where `...` stands for anything.
fn matches(expected: &str, text: &str) -> bool {
    let parts: Vec<&str> = expected.split("...").collect();
    let [first, between @ .., last] = &parts[..] else {
        return expected == text;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in between {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Free ports by the ports that documents show.
struct Ports(BTreeMap<u16, u16>);

impl Ports {
    fn free() -> Self {
        // Below the system's own choices, which other tests bind.
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        let mut free = (20_000..22_000).filter(|port| is_free(*port) && is_free(*port + 10_000));
        let pairs = PORTS.iter().flat_map(|shown| {
            let port = free.next().unwrap();
            [(*shown + 10_000, port + 10_000), (*shown, port)]
        });
        Self(pairs.collect())
    }

    /// Larger numbers first, as 18080 contains 8080.
    fn to_free(&self, text: &str) -> String {
        let ports = self.0.iter().rev();
        ports.fold(text.to_owned(), |text, (shown, free)| {
            text.replace(&shown.to_string(), &free.to_string())
        })
    }

    fn to_shown(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (shown, free)| {
            text.replace(&free.to_string(), &shown.to_string())
        })
    }
}

#[test]
fn three_dots_stand_for_anything() {
    for (expected, text, same) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a...c", "abc", true),
        ("a...c", "ac", true),
        ("...b...", "abc", true),
        ("a...b", "abc", false),
        ("a...b...b", "ab", false),
    ] {
        assert_eq!(matches(expected, text), same, "{expected} {text}");
    }
}
