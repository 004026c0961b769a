//! Helper: a running `probeflip` process whose stderr tests read and which they can signal.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr, Command, ExitStatus},
};

use crate::{
    namespace::Namespace,
    program::{Cluster, start},
};

/// A process whose stderr is read line by line.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = start(command);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            stderr,
            said: String::new(),
        }
    }

    /// Reads up to the first line that contains `text`.
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "no line with `{text}` in {}", self.said);
            self.said += &line;
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The run's ID, from the first line of stderr.
    pub(crate) fn run_id(&self) -> String {
        let first = self.said.lines().next().unwrap();
        first.strip_prefix("run ").unwrap().to_owned()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn send(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the process to end, checks its code and that stderr contains `saying`, and returns
    /// stderr.
    pub(crate) fn ends(mut self, code: i32, saying: &str) -> String {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let ended: ExitStatus = self.child.wait().unwrap();
        assert_eq!(ended.code(), Some(code), "{}", self.said);
        assert!(self.said.contains(saying), "{}", self.said);
        std::mem::take(&mut self.said)
    }
}

impl Drop for Running {
    /// Kills the process, so that a failing test leaves none behind.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts `probeflip run --verbose EXPERIMENT ARGUMENTS…`, and returns it with the name of its
/// namespace once that is known.
pub(crate) fn begin(cluster: &Cluster, experiment: &str, arguments: &[&str]) -> (Running, String) {
    let mut command = cluster.command();
    let run = ["run", "--verbose", experiment];
    command.args(run).args(cluster.named());
    let mut running = Running::start(command.args(arguments));
    let applied = running.until("applied to namespace");
    let applied = applied.trim_end().trim_end_matches('`');
    let name = applied.rsplit('`').next().unwrap().to_owned();
    (running, name)
}

/// Checks that `down --run` removes everything that a dead run left.
pub(crate) fn clears_up(cluster: &Cluster, id: &str, namespace: &Namespace) {
    let down = cluster.run(&["down", "--run", id]);
    assert_eq!(down.code, 0, "{}", down.stderr);
    assert!(!namespace.exists());
}
