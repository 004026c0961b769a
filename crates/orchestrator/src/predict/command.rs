//! Whether the command of an exec probe asks the process that it probes.
//!
//! A frozen process fails only probes that talk to it. A stand-in's exec probe always does.

use crate::lint::{self, CLIENTS};

/// Commands that talk to a server, by the last part of their path, beside [`CLIENTS`].
const ASKING: [&str; 3] = [
    "grpc-health-probe",
    "grpc_health_probe",
    "rabbitmq-diagnostics",
];

/// Commands that fetch an address.
const FETCHING: [&str; 2] = ["curl", "wget"];

/// Commands that look at files or at the list of processes.
const LOOKING: [&str; 12] = [
    "[", "cat", "echo", "find", "grep", "ls", "pgrep", "pidof", "ps", "stat", "test", "true",
];

/// Commands that run another one.
const RUNNING: [&str; 8] = [
    "ash", "bash", "dash", "exec", "sh", "sudo", "timeout", "env",
];

/// What a command does to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// It asks the process, and fails when that does not answer.
    Asks,
    /// It never asks the process.
    Looks,
    /// It asks another host.
    Elsewhere,
    /// It is not known.
    Unknown,
}

impl Command {
    /// Reads the words of a command. Of a shell's script, the first known command decides.
    /// `own_names` are those of Services that lead to the process itself.
    pub(crate) fn of(words: &[String], own_names: &[&str]) -> Self {
        if let Some(host) = lint::host_asked_by(words) {
            let is_own = host
                .split('.')
                .next()
                .is_some_and(|name| own_names.contains(&name));
            // A Service leads to any of its Pods.
            return if is_own {
                Self::Unknown
            } else {
                Self::Elsewhere
            };
        }
        let script = words.join(" ");
        let mut parts = script.split(|char: char| char.is_whitespace() || ";&|()".contains(char));
        let is_local = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"]
            .iter()
            .any(|host| script.contains(host));
        let known = parts.find_map(|part| {
            let name = part.rsplit('/').next().unwrap_or(part);
            match name {
                name if ASKING.contains(&name) || CLIENTS.contains(&name) => Some(Self::Asks),
                name if FETCHING.contains(&name) && is_local => Some(Self::Asks),
                name if FETCHING.contains(&name) => Some(Self::Unknown),
                name if LOOKING.contains(&name) => Some(Self::Looks),
                _ => None,
            }
        });
        let first = words
            .first()
            .map(|word| word.rsplit('/').next().unwrap_or(word));
        match (known, first) {
            // A program that is not known may do anything with its arguments.
            (Some(_), Some(first)) if !is_known(first) => Self::Unknown,
            (Some(known), _) => known,
            (None, _) => Self::Unknown,
        }
    }
}

fn is_known(name: &str) -> bool {
    [&ASKING[..], &CLIENTS, &FETCHING, &LOOKING, &RUNNING]
        .iter()
        .any(|names| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], expected: Command) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(Command::of(&words, &["web"]), expected, "{words:?}");
    }

    #[test]
    fn clients_of_a_server_ask_the_process() {
        check(&["redis-cli", "ping"], Command::Asks);
        check(&["valkey-cli", "ping"], Command::Asks);
        check(&["/usr/bin/pg_isready", "-U", "app"], Command::Asks);
        check(&["sh", "-c", "exec mysqladmin ping"], Command::Asks);
        check(&["curl", "-f", "http://localhost:8080/"], Command::Asks);
    }

    #[test]
    fn files_and_lists_of_processes_are_looked_at() {
        check(&["cat", "/tmp/healthy"], Command::Looks);
        check(&["/bin/sh", "-c", "test -f /tmp/ready"], Command::Looks);
        check(&["pgrep", "-f", "redis-cli"], Command::Looks);
    }

    #[test]
    fn another_host_is_asked_elsewhere() {
        check(&["curl", "http://other/"], Command::Elsewhere);
        check(
            &["pg_isready", "-h", "orders-db.prod.svc"],
            Command::Elsewhere,
        );
        check(&["curl", "http://web.shop/"], Command::Unknown);
    }

    #[test]
    fn anything_else_is_unknown() {
        check(&["/app/healthcheck"], Command::Unknown);
        check(&["/app/healthcheck", "cat"], Command::Unknown);
        check(&["curl", "http://$HOST/"], Command::Unknown);
        check(&["sh", "-c", "/probe.sh"], Command::Unknown);
        check(&[], Command::Unknown);
    }
}
