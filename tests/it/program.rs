//! Helper: runs `probeflip` and `probe-target` as processes, with arguments, output and exit code.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use kube::config::Kubeconfig;
use orchestrator::timeline::{Timeline, file};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::tidy::root;
use crate::tidy::rust_files;

/// A command that runs `probeflip`, without arguments.
pub(crate) fn probeflip() -> Command {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| built("probeflip", "crates"));
    let mut command = Command::new(&*PROGRAM);
    // Outputs are compared, whatever the locale here.
    command.env("LC_ALL", "C.UTF-8");
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// A command that runs `probe-target`, without arguments.
pub(crate) fn probe_target() -> Command {
    static PROGRAM: LazyLock<PathBuf> =
        LazyLock::new(|| built("probe-target", "crates/probe-target"));
    Command::new(&*PROGRAM)
}

/// The path of a program beside this test in the target directory.
///
/// `cargo test --workspace` builds the programs first, as each of their crates has a test of the
/// process. With fewer crates they may be missing or older than the sources in this folder.
fn built(name: &str, folder: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join(name);
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    let is_source = |path: &PathBuf| {
        let parts: Vec<_> = path.iter().collect();
        let is_part = |name: &str| parts.contains(&name.as_ref());
        is_part("src") && !is_part("tests") && !is_part("tests.rs")
    };
    let up_to_date = changed(&program).is_ok_and(|built| {
        let mut sources = rust_files(folder).into_iter().filter(is_source);
        sources.all(|source| changed(&source).unwrap() <= built)
    });
    assert!(
        up_to_date,
        "{} is missing or older than its sources; run `cargo build --workspace --bins`",
        program.display()
    );
    program
}

/// Exit code and output of a finished process.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs `probeflip` with these arguments to its end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    probeflip().args(arguments).output().unwrap().into()
}

/// Starts a command with stdout discarded and stderr piped.
pub(crate) fn start(command: &mut Command) -> Child {
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// A finished `probeflip run` and the files it wrote.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The process.
    pub(crate) ended: Ended,
    /// The text of the file given by `--timeline`.
    pub(crate) text: String,
    /// The parsed timelines.
    pub(crate) timelines: Vec<Timeline>,
    /// The report given by `--json`.
    pub(crate) report: Value,
}

/// Runs `probeflip run --verbose ARGUMENTS --timeline … --json …`.
pub(crate) fn record<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> Recorded {
    record_with(probeflip(), arguments)
}

/// Runs an experiment in virtual time with this seed.
pub(crate) fn record_virtual(experiment: &str, seed: u32) -> Recorded {
    record([experiment, "--on", "virtual", "--seed", &seed.to_string()])
}

/// Like [`record`], with a `probeflip` command that has its kubeconfig set.
pub(crate) fn record_with<S: AsRef<std::ffi::OsStr>>(
    command: Command,
    arguments: impl IntoIterator<Item = S>,
) -> Recorded {
    let folder = TempDir::new().unwrap();
    record_in(folder.path(), command, arguments)
}

/// Like [`record_with`], with its files in this folder: `run.json`, and `run.jsonl` or, with
/// `--repeat`, a timeline for each run.
pub(crate) fn record_in<S: AsRef<std::ffi::OsStr>>(
    folder: &Path,
    mut command: Command,
    arguments: impl IntoIterator<Item = S>,
) -> Recorded {
    let (timeline, json) = (folder.join("run.jsonl"), folder.join("run.json"));
    command.args(["run", "--verbose"]).args(arguments);
    command.arg("--timeline").arg(&timeline);
    command.arg("--json").arg(&json);
    let ended = Ended::from(command.output().unwrap());
    let text = fs::read_to_string(timeline).unwrap_or_default();
    Recorded {
        timelines: file::read(&text).unwrap(),
        report: serde_json::from_slice(&fs::read(json).unwrap()).unwrap(),
        text,
        ended,
    }
}

/// The image of the probe target: this version's, unless `PROBEFLIP_TEST_IMAGE` names another.
pub(crate) fn image() -> String {
    let named = std::env::var("PROBEFLIP_TEST_IMAGE");
    named.unwrap_or_else(|_| concat!("probe-target:", env!("CARGO_PKG_VERSION")).to_owned())
}

#[expect(
    clippy::print_stderr,
    reason = "a skipped test must not look like a passed one"
)]
/// The cluster that `PROBEFLIP_TEST_KUBECONFIG` names, once no other test uses it. Prints that the
/// test is skipped if it names none.
pub(crate) fn cluster(test: &str) -> Option<Reserved> {
    let kubeconfig = std::env::var_os("PROBEFLIP_TEST_KUBECONFIG").filter(|path| !path.is_empty());
    let Some(kubeconfig) = kubeconfig else {
        eprintln!("{test}: skipped, PROBEFLIP_TEST_KUBECONFIG is not set");
        return None;
    };
    let context = Kubeconfig::read_from(&kubeconfig)
        .unwrap()
        .current_context
        .unwrap();
    Some(Reserved {
        cluster: Cluster {
            kubeconfig: kubeconfig.into(),
            context,
        },
        // A test that failed leaves nothing behind that matters to the next.
        _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
    })
}

/// Held by the test that uses the cluster. Under the load of another test, such as the many Pods of
/// `faults`, a node is late, and what an experiment expects in time is not seen.
static TURN: Mutex<()> = Mutex::new(());

/// A cluster that no other test uses until this value is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    cluster: Cluster,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Reserved {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

/// A cluster that tests may use.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Path of its kubeconfig.
    pub(crate) kubeconfig: PathBuf,
    /// Its current context, which commands must name.
    pub(crate) context: String,
}

impl Cluster {
    /// `probeflip` with this cluster's kubeconfig.
    pub(crate) fn command(&self) -> Command {
        let mut command = probeflip();
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// The arguments that select it on a command line.
    pub(crate) fn named(&self) -> [&str; 2] {
        ["--context", &self.context]
    }

    /// Runs a command on this cluster to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command();
        command.args(arguments).args(self.named());
        command.output().unwrap().into()
    }
}
