//! The program under measurement, and what it has cost so far as Linux counts it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::Duration;

/// The unit of processor time in `/proc/PID/stat`, in seconds; Linux fixes it.
const TICK: f64 = 0.01;

/// The interval at which a running process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// A running probeflip. It ends with the value.
pub(crate) struct Process(Child);

/// What a process has used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Processor time of all threads, in seconds.
    pub(crate) processor: f64,
    /// Resident memory in kilobytes, now.
    pub(crate) resident: u64,
    /// Resident memory in kilobytes, at most.
    pub(crate) peak: u64,
}

impl Cost {
    #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
    pub(crate) fn megabytes(self) -> f64 {
        self.peak as f64 / 1_000.0 * 1.024
    }
}

impl Process {
    pub(crate) fn start(words: &[&OsStr]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_probeflip"));
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Self(command.stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Reads its messages until one contains `text`; later ones are discarded.
    pub(crate) fn wait_for_line(&mut self, text: &str) {
        let mut messages = BufReader::new(self.0.stderr.take().unwrap()).lines();
        let found = messages
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(text));
        found.expect("the program must get that far");
        thread::spawn(move || messages.for_each(drop));
    }

    /// What it has used so far; nothing once it has ended.
    pub(crate) fn cost(&self) -> Cost {
        let read = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", self.0.id()));
        let (stat, status) = (read("stat").unwrap(), read("status").unwrap());
        // The fields after the name, which is in parentheses: proc_pid_stat(5), utime and stime.
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        let ticks: f64 = fields[11..13]
            .iter()
            .map(|ticks| ticks.parse::<f64>().unwrap())
            .sum();
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map_or(0, |line| {
                line.split_whitespace().next().unwrap().parse().unwrap()
            })
        };
        Cost {
            processor: ticks * TICK,
            resident: kilobytes("VmRSS:"),
            peak: kilobytes("VmHWM:"),
        }
    }

    /// Waits until it ends with every expectation met. What it used is read shortly before.
    pub(crate) fn wait(&mut self) -> Cost {
        let mut messages = self.0.stderr.take();
        let messages = thread::spawn(move || {
            messages
                .as_mut()
                .map(|messages| std::io::read_to_string(messages).unwrap())
        });
        let mut cost = Cost::default();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success(), "{:?}", messages.join().unwrap());
                return cost;
            }
            let now = self.cost();
            cost = if now.peak == 0 {
                Cost {
                    peak: cost.peak,
                    ..now
                }
            } else {
                now
            };
            sleep(LOOK);
        }
    }

    /// Ends it, whatever it is doing.
    pub(crate) fn stop(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
