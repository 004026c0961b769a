//! The commands that change the shell itself.

use super::{Flow, Jump, Shell};
use crate::{command::signal_number, io::Io, system::reason};

/// Exit codes of what a signal ended: 128 + its number.
const TERMINATED: i32 = 128 + 15;
const KILLED: i32 = 128 + 9;

impl Shell {
    /// Runs a builtin; `None` if there is none of this name.
    pub(super) async fn builtin(
        &mut self,
        name: &str,
        arguments: &[String],
        io: &Io,
    ) -> Option<Flow> {
        let first = arguments.first().map(String::as_str);
        let number = || first.and_then(|word| word.parse::<i32>().ok());
        let levels = || number().and_then(|levels| usize::try_from(levels).ok());
        Some(match name {
            ":" | "jobs" => Ok(0),
            "exit" => Err(Jump::Exit(number().unwrap_or(self.status) & 0xff)),
            "return" => Err(Jump::Return(number().unwrap_or(self.status) & 0xff)),
            "break" => Err(Jump::Break(levels().unwrap_or(1))),
            "continue" => Err(Jump::Continue(levels().unwrap_or(1))),
            "set" => Ok(self.set(arguments)),
            "shift" => {
                let count = levels().unwrap_or(1).min(self.parameters.len());
                self.parameters.drain(..count);
                Ok(0)
            }
            "export" | "readonly" | "local" | "declare" => {
                self.declare(arguments, name == "export");
                Ok(0)
            }
            "unset" => {
                for name in arguments {
                    self.variables.remove(name);
                    self.functions.remove(name);
                }
                Ok(0)
            }
            "cd" => Ok(self.enter(first, io)),
            "trap" => Ok(self.trap(arguments, io)),
            "wait" => Ok(self.wait(arguments, io).await),
            "kill" if self.names_job(arguments) => Ok(self.kill(arguments)),
            "read" => Ok(self.read(arguments, io).await),
            "eval" => return Some(self.evaluate(&arguments.join(" "), io).await),
            "exec" => return Some(self.replace(arguments, io).await),
            "." | "source" => return Some(self.source(first.unwrap_or_default(), io).await),
            "command" | "type" => return self.command_of(name, arguments, io).await,
            _ => return None,
        })
    }

    fn set(&mut self, arguments: &[String]) -> i32 {
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            match word.as_str() {
                "--" => {
                    self.parameters = rest.cloned().collect();
                    return 0;
                }
                "-o" | "+o" => drop(rest.next()),
                options if options.starts_with(['-', '+']) => {
                    let on = options.starts_with('-');
                    if options.contains('e') {
                        self.exit_on_error = on;
                    }
                    if options.contains('x') {
                        self.trace = on;
                    }
                }
                first => {
                    let first = first.to_owned();
                    self.parameters = std::iter::once(first).chain(rest.cloned()).collect();
                    return 0;
                }
            }
        }
        0
    }

    fn declare(&mut self, arguments: &[String], export: bool) {
        for argument in arguments.iter().filter(|word| !word.starts_with('-')) {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), None),
            };
            if let Some(value) = value {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
            if export {
                self.exported.insert(name.to_owned());
            }
        }
    }

    fn enter(&mut self, path: Option<&str>, io: &Io) -> i32 {
        let home = self.variables.get("HOME").map_or("/", String::as_str);
        let path = path.unwrap_or(home);
        let Err(error) = self.system.enter(path) else {
            return 0;
        };
        self.complain(io, &format!("cd: can't cd to {path}: {}", reason(&error)));
        2
    }

    fn trap(&mut self, arguments: &[String], io: &Io) -> i32 {
        let Some((action, signals)) = arguments.split_first() else {
            for (signal, action) in &self.traps {
                let line = format!("trap -- '{action}' {signal}\n");
                drop(io.output.write(&*self.system, line.as_bytes()));
            }
            return 0;
        };
        for signal in signals {
            let signal = match signal.trim_start_matches("SIG") {
                "15" => "TERM",
                "2" => "INT",
                "1" => "HUP",
                "0" => "EXIT",
                name => name,
            };
            if action == "-" {
                self.traps.remove(signal);
                continue;
            }
            // A signal that has arrived before was not for this action.
            let is_first = signal == "TERM" && !self.traps.contains_key(signal);
            if is_first && self.terminated.is_none() {
                let terminated = self.system.terminated();
                self.terminated = terminated.peek().is_none().then_some(terminated);
            }
            self.traps.insert(signal.to_owned(), action.clone());
        }
        0
    }

    /// Waits for jobs, or for a signal with an action.
    async fn wait(&mut self, arguments: &[String], io: &Io) -> i32 {
        let ids: Vec<u32> = arguments.iter().filter_map(|id| id.parse().ok()).collect();
        let jobs = std::mem::take(&mut self.jobs);
        let (waited, rest) = jobs
            .into_iter()
            .partition(|job| ids.is_empty() || ids.contains(&job.id));
        self.jobs = rest;
        let waited: Vec<super::Job> = waited;
        if waited.is_empty() && !ids.is_empty() {
            return 127;
        }
        for job in &waited {
            let code = tokio::select! {
                biased;
                () = self.trapped() => {
                    self.jobs.extend(waited.clone());
                    return TERMINATED;
                }
                code = job.ended.clone() => code,
            };
            if !ids.is_empty() {
                self.status = code;
            }
            match code {
                TERMINATED => drop(io.error.write(&*self.system, b"Terminated\n")),
                KILLED => drop(io.error.write(&*self.system, b"Killed\n")),
                _ => {}
            }
        }
        if ids.is_empty() { 0 } else { self.status }
    }

    /// Whether `kill` is asked to signal a job of this shell.
    fn names_job(&self, arguments: &[String]) -> bool {
        let ids = arguments.iter().filter_map(|word| word.parse::<u32>().ok());
        let mut ids = ids;
        ids.any(|id| self.jobs.iter().any(|job| job.id == id))
    }

    fn kill(&mut self, arguments: &[String]) -> i32 {
        let mut signal = 15;
        for word in arguments {
            if let Some(name) = word.strip_prefix('-') {
                signal = signal_number(name).unwrap_or(15);
            } else if let Ok(id) = word.parse::<u32>() {
                let named = self.jobs.iter().filter(|job| job.id == id);
                named.for_each(|job| (job.kill)(signal));
            }
        }
        0
    }

    async fn read(&mut self, arguments: &[String], io: &Io) -> i32 {
        let names: Vec<&String> = arguments
            .iter()
            .filter(|word| !word.starts_with('-'))
            .collect();
        let mut input = io.input.clone();
        let line = input.line(&*self.system).await.unwrap_or_default();
        let found = line.ends_with(b"\n");
        let line = String::from_utf8_lossy(&line)
            .trim_end_matches('\n')
            .to_owned();
        let mut rest = line.trim_start();
        let default = "REPLY".to_owned();
        let names = if names.is_empty() {
            vec![&default]
        } else {
            names
        };
        for (place, name) in names.iter().enumerate() {
            let is_last = place + 1 == names.len();
            let (value, left) = match rest.split_once([' ', '\t']) {
                Some((value, left)) if !is_last => (value, left.trim_start()),
                _ => (rest.trim_end(), ""),
            };
            let value = value.to_owned();
            self.variables.insert((*name).clone(), value);
            rest = left;
        }
        i32::from(!found)
    }

    /// `exec`: runs a command in the place of the shell.
    async fn replace(&mut self, arguments: &[String], io: &Io) -> Flow {
        let Some((name, arguments)) = arguments.split_first() else {
            return Ok(0);
        };
        self.traps.clear();
        self.terminated = None;
        Err(Jump::Exit(self.tool(name, arguments, io).await))
    }

    async fn source(&mut self, path: &str, io: &Io) -> Flow {
        match self.system.read(path) {
            Ok(script) => {
                let script = String::from_utf8_lossy(&script).into_owned();
                self.evaluate(&script, io).await
            }
            Err(error) => {
                let why = reason(&error);
                self.complain(io, &format!("{path}: {why}"));
                Ok(1)
            }
        }
    }

    async fn command_of(&mut self, name: &str, arguments: &[String], io: &Io) -> Option<Flow> {
        let names = arguments.iter().filter(|word| !word.starts_with('-'));
        let names: Vec<String> = names.cloned().collect();
        let (first, rest) = names.split_first()?;
        if name == "command" && !arguments[0].starts_with('-') {
            let code = self.tool(first, rest, io).await;
            return Some(Ok(code));
        }
        let path = format!("/bin/{first}");
        let known = self.system.is_directory(&path).is_ok();
        if known {
            let line = format!("{path}\n");
            drop(io.output.write(&*self.system, line.as_bytes()));
        }
        Some(Ok(i32::from(!known)))
    }
}
