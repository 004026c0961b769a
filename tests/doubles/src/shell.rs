//! The double of `sh` and `bash`: scripts as the tests of Kubernetes write them.
//!
//! Tools run in the process of the shell, as in busybox. So a signal that a shell traps is handled
//! after the tool that runs, and `wait` is ended by it. The commands of a pipe run one after the
//! other.

mod arithmetic;
mod builtins;
mod expand;
mod parse;
mod pattern;
mod syntax;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    sync::{Arc, Mutex},
};

use futures::{
    FutureExt,
    future::{BoxFuture, pending},
};
use syntax::{Command, Kind, List, Pipeline, Redirection, Statement, To, Word};

use crate::{
    command::{self, Run},
    io::{Input, Io, Sink, lock},
    system::{Child, Job, System, Terminated, reason},
};

/// A shell and what its script has set so far. Clones are subshells.
#[derive(Clone)]
pub(crate) struct Shell {
    system: Arc<dyn System>,
    run: Run,
    /// Its own descriptors.
    io: Io,
    /// What messages begin with.
    name: String,
    variables: BTreeMap<String, String>,
    exported: BTreeSet<String>,
    functions: BTreeMap<String, Arc<Command>>,
    parameters: Vec<String>,
    status: i32,
    jobs: Vec<Job>,
    /// Actions by the name of their signal, without `SIG`; `EXIT` among them.
    traps: BTreeMap<String, String>,
    terminated: Option<Terminated>,
    exit_on_error: bool,
    trace: bool,
    /// Whether a failure is part of a condition, so that `set -e` does not count it.
    tested: bool,
}

/// How a command ended: with a status, or by leaving what is around it.
type Flow = Result<i32, Jump>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jump {
    Exit(i32),
    Return(i32),
    Break(usize),
    Continue(usize),
}

/// The exit codes of a command that cannot be found, and of a syntax error.
const NOT_FOUND: i32 = 127;
const SYNTAX: i32 = 2;

/// Runs `sh` or `bash`.
pub(crate) async fn run(command: command::Command) -> i32 {
    let name = &command.name;
    let system = Arc::clone(&command.system);
    let mut shell = Shell::new(&command);
    let mut rest = command.arguments.iter();
    let mut script = None;
    let mut first = rest.next();
    while let Some(options) = first.and_then(|word| word.strip_prefix('-')) {
        shell.exit_on_error |= options.contains('e');
        shell.trace |= options.contains('x');
        if options.contains('c') {
            let Some(text) = rest.next() else {
                let why = format!("{name}: -c requires an argument\n");
                drop(command.io.error.write(&*system, why.as_bytes()));
                return SYNTAX;
            };
            script = Some(text.clone());
        }
        first = rest.next();
    }
    if let Some(script) = script {
        if let Some(first) = first {
            shell.name.clone_from(first);
        }
        shell.parameters = rest.cloned().collect();
        return shell.run_script(&script).await;
    }
    let read = match first {
        Some(path) => system.read(path),
        None => command.io.input.read(&*system).await,
    };
    shell.parameters = rest.cloned().collect();
    match read {
        Ok(script) => shell.run_script(&String::from_utf8_lossy(&script)).await,
        Err(error) => {
            let path = first.map_or("", String::as_str);
            let why = format!("{name}: can't open '{path}': {}\n", reason(&error));
            drop(command.io.error.write(&*system, why.as_bytes()));
            SYNTAX
        }
    }
}

impl Shell {
    fn new(command: &command::Command) -> Self {
        Self {
            exported: command.environment.keys().cloned().collect(),
            variables: command.environment.clone(),
            io: command.io.clone(),
            run: command.run,
            system: Arc::clone(&command.system),
            name: command.name.clone(),
            functions: BTreeMap::new(),
            parameters: Vec::new(),
            status: 0,
            jobs: Vec::new(),
            traps: BTreeMap::new(),
            terminated: None,
            exit_on_error: false,
            trace: false,
            tested: false,
        }
    }

    /// Runs a script to its end, with its action on exit.
    async fn run_script(&mut self, script: &str) -> i32 {
        let io = self.io.clone();
        let flow = self.evaluate(script, &io).await;
        let code = match flow {
            Ok(code) | Err(Jump::Exit(code) | Jump::Return(code)) => code,
            Err(Jump::Break(_) | Jump::Continue(_)) => self.status,
        };
        self.leave(code, &io).await
    }

    /// Runs the action on exit. Returns the exit code.
    async fn leave(&mut self, code: i32, io: &Io) -> i32 {
        let Some(action) = self.traps.remove("EXIT") else {
            return code;
        };
        self.status = code;
        match self.evaluate(&action, io).await {
            Err(Jump::Exit(code)) => code,
            _ => code,
        }
    }

    fn evaluate<'a>(&'a mut self, script: &'a str, io: &'a Io) -> BoxFuture<'a, Flow> {
        async move {
            match parse::parse(script) {
                Ok(list) => self.list(&list, io).await,
                Err(why) => {
                    self.complain(io, &why);
                    Err(Jump::Exit(SYNTAX))
                }
            }
        }
        .boxed()
    }

    fn list<'a>(&'a mut self, list: &'a List, io: &'a Io) -> BoxFuture<'a, Flow> {
        async move {
            let mut status = 0;
            for statement in list {
                self.handle_signals(io).await?;
                status = self.statement(statement, io).await?;
            }
            self.handle_signals(io).await?;
            Ok(status)
        }
        .boxed()
    }

    async fn statement(&mut self, statement: &Statement, io: &Io) -> Flow {
        if let Some(text) = &statement.background {
            return Ok(self.start_job(statement, text, io));
        }
        let tested = self.tested;
        self.tested |= !statement.rest.is_empty();
        let mut status = self.pipeline(&statement.first, io).await;
        let last = statement.rest.len();
        for (place, (needs_success, pipeline)) in statement.rest.iter().enumerate() {
            self.tested = tested || place + 1 < last;
            if let Ok(code) = status
                && (code == 0) == *needs_success
            {
                status = self.pipeline(pipeline, io).await;
            }
        }
        self.tested = tested;
        status
    }

    /// Starts a statement as a process of its own.
    fn start_job(&mut self, statement: &Statement, text: &str, io: &Io) -> i32 {
        let mut subshell = self.subshell();
        let statement = Statement {
            background: None,
            ..statement.clone()
        };
        let own = io.clone();
        let run = async move {
            match subshell.statement(&statement, &own).await {
                Ok(code) | Err(Jump::Exit(code) | Jump::Return(code)) => code,
                Err(_) => 0,
            }
        };
        let child = Child {
            script: text.to_owned(),
            environment: self.variables.clone(),
            run: run.boxed(),
        };
        match self.system.spawn(child) {
            Ok(job) => {
                self.variables.insert("!".to_owned(), job.id.to_string());
                self.jobs.push(job);
                0
            }
            Err(error) => {
                self.complain(io, &format!("can't fork: {}", reason(&error)));
                SYNTAX
            }
        }
    }

    async fn pipeline(&mut self, pipeline: &Pipeline, io: &Io) -> Flow {
        let tested = self.tested;
        self.tested |= pipeline.negated;
        let flow = self.piped(&pipeline.commands, io).await;
        self.tested = tested;
        let mut status = flow?;
        if pipeline.negated {
            status = i32::from(status == 0);
        }
        self.status = status;
        if status != 0 && self.exit_on_error && !self.tested && !pipeline.negated {
            return Err(Jump::Exit(status));
        }
        Ok(status)
    }

    async fn piped(&mut self, commands: &[Command], io: &Io) -> Flow {
        let [before @ .., last] = commands else {
            return Ok(0);
        };
        let mut input = io.input.clone();
        for command in before {
            let buffer = Arc::new(Mutex::new(Vec::new()));
            let io = Io {
                input,
                output: Sink::Buffer(Arc::clone(&buffer)),
                error: io.error.clone(),
            };
            self.subshell().contained(command, &io).await;
            input = Input::Bytes(buffer);
        }
        let io = Io {
            input,
            ..io.clone()
        };
        if before.is_empty() {
            return self.command(last, &io).await;
        }
        Ok(self.subshell().contained(last, &io).await)
    }

    /// A shell with the same state. It does not wait for the jobs of this one, nor take its
    /// signals.
    fn subshell(&self) -> Self {
        Self {
            jobs: Vec::new(),
            traps: BTreeMap::new(),
            terminated: None,
            ..self.clone()
        }
    }

    /// Runs a command of a subshell; returns its exit code.
    async fn contained(&mut self, command: &Command, io: &Io) -> i32 {
        let code = match self.command(command, io).await {
            Ok(code) | Err(Jump::Exit(code) | Jump::Return(code)) => code,
            Err(_) => 0,
        };
        self.leave(code, io).await
    }

    fn command<'a>(&'a mut self, command: &'a Command, io: &'a Io) -> BoxFuture<'a, Flow> {
        async move {
            let io = match self.redirect(&command.redirections, io).await? {
                Ok(io) => io,
                Err(why) => {
                    self.complain(io, &why);
                    return Ok(1);
                }
            };
            match &command.kind {
                Kind::Simple { assignments, words } => self.simple(assignments, words, &io).await,
                Kind::Group(list) => self.list(list, &io).await,
                Kind::Subshell(list) => Ok(self.in_subshell(list, &io).await),
                Kind::If {
                    branches,
                    otherwise,
                } => self.conditional(branches, otherwise, &io).await,
                Kind::Loop {
                    negated,
                    condition,
                    body,
                } => self.repeat(*negated, condition, body, &io).await,
                Kind::For { name, words, body } => {
                    self.iterate(name, words.as_deref(), body, &io).await
                }
                Kind::Case { word, arms } => self.choose(word, arms, &io).await,
                Kind::Function { name, body } => {
                    self.functions.insert(name.clone(), Arc::clone(body));
                    Ok(0)
                }
            }
        }
        .boxed()
    }

    /// The descriptors of a command with these redirections, or why one failed.
    async fn redirect(&mut self, all: &[Redirection], io: &Io) -> Result<Result<Io, String>, Jump> {
        let mut io = io.clone();
        for redirection in all {
            let to = match &redirection.to {
                To::Read(word) | To::Write(word) | To::Append(word) | To::Text(word) => {
                    self.text(word, &io).await?
                }
                To::Copy(_) => String::new(),
            };
            let opened = match &redirection.to {
                To::Text(_) => {
                    io.input = Input::bytes(to.into_bytes());
                    continue;
                }
                To::Read(_) => self
                    .system
                    .read(&to)
                    .map(|bytes| io.input = Input::bytes(bytes)),
                To::Write(_) => {
                    let created = self.system.write(&to, b"");
                    created.map(|()| io.set(redirection.from, Sink::File(to.clone())))
                }
                To::Append(_) => {
                    let created = self.system.append(&to, b"");
                    created.map(|()| io.set(redirection.from, Sink::File(to.clone())))
                }
                To::Copy(number) => {
                    let sink = if *number == 2 { &io.error } else { &io.output };
                    let sink = sink.clone();
                    io.set(redirection.from, sink);
                    continue;
                }
            };
            if let Err(error) = opened {
                let to = match &redirection.to {
                    To::Read(word) | To::Write(word) | To::Append(word) => {
                        self.text(word, &io).await?
                    }
                    _ => String::new(),
                };
                let (act, missing) = match redirection.to {
                    To::Read(_) => ("open", "no such file"),
                    _ => ("create", "nonexistent directory"),
                };
                let why = match error.kind() {
                    ErrorKind::NotFound | ErrorKind::NotADirectory => missing.to_owned(),
                    _ => reason(&error),
                };
                return Ok(Err(format!("can't {act} {to}: {why}")));
            }
        }
        Ok(Ok(io))
    }

    async fn simple(&mut self, assignments: &[(String, Word)], words: &[Word], io: &Io) -> Flow {
        let words = self.fields(words, io).await?;
        let mut assigned = Vec::new();
        for (name, word) in assignments {
            // A later assignment may use an earlier one.
            let value = self.text(word, io).await?;
            if words.is_empty() {
                self.variables.insert(name.clone(), value);
            } else {
                assigned.push((name.clone(), value));
            }
        }
        let Some((name, arguments)) = words.split_first() else {
            // The status of an assignment is that of its last substitution.
            return Ok(if assignments.is_empty() {
                0
            } else {
                self.status
            });
        };
        if self.trace {
            drop(
                io.error
                    .write(&*self.system, format!("+ {}\n", words.join(" ")).as_bytes()),
            );
        }
        if let Some(function) = self.functions.get(name).cloned() {
            let parameters = std::mem::replace(&mut self.parameters, arguments.to_vec());
            let flow = self.command(&function, io).await;
            self.parameters = parameters;
            return match flow {
                Err(Jump::Return(code)) => Ok(code),
                flow => flow,
            };
        }
        let before = self.assign(assigned);
        let flow = match self.builtin(name, arguments, io).await {
            Some(flow) => flow,
            None => Ok(self.tool(name, arguments, io).await),
        };
        self.unassign(before);
        flow
    }

    async fn tool(&mut self, name: &str, arguments: &[String], io: &Io) -> i32 {
        let exported = self.exported.iter();
        let environment = exported.filter_map(|name| Some((name, self.variables.get(name)?)));
        let environment = environment.map(|(name, value)| (name.clone(), value.clone()));
        let command = command::Command {
            run: self.run,
            system: Arc::clone(&self.system),
            name: name.to_owned(),
            arguments: arguments.to_vec(),
            environment: environment.collect(),
            io: io.clone(),
        };
        if let Some(code) = (self.run)(command).await {
            return code;
        }
        self.complain(io, &format!("{name}: not found"));
        NOT_FOUND
    }

    /// Sets exported variables for one command. Returns what they were.
    fn assign(&mut self, assigned: Vec<(String, String)>) -> Vec<(String, Option<String>, bool)> {
        let mut before = Vec::new();
        for (name, value) in assigned {
            let value = self.variables.insert(name.clone(), value);
            let is_new = self.exported.insert(name.clone());
            before.push((name, value, is_new));
        }
        before
    }

    fn unassign(&mut self, before: Vec<(String, Option<String>, bool)>) {
        for (name, value, is_new) in before.into_iter().rev() {
            if is_new {
                self.exported.remove(&name);
            }
            match value {
                Some(value) => drop(self.variables.insert(name, value)),
                None => drop(self.variables.remove(&name)),
            }
        }
    }

    async fn in_subshell(&mut self, list: &List, io: &Io) -> i32 {
        let mut subshell = self.subshell();
        let code = match subshell.list(list, io).await {
            Ok(code) | Err(Jump::Exit(code) | Jump::Return(code)) => code,
            Err(_) => 0,
        };
        subshell.leave(code, io).await
    }

    async fn condition(&mut self, list: &List, io: &Io) -> Result<bool, Jump> {
        let tested = std::mem::replace(&mut self.tested, true);
        let flow = self.list(list, io).await;
        self.tested = tested;
        Ok(flow? == 0)
    }

    async fn conditional(&mut self, branches: &[(List, List)], otherwise: &List, io: &Io) -> Flow {
        for (condition, body) in branches {
            if self.condition(condition, io).await? {
                return self.list(body, io).await;
            }
        }
        self.list(otherwise, io).await
    }

    async fn repeat(&mut self, negated: bool, condition: &List, body: &List, io: &Io) -> Flow {
        let mut status = 0;
        while self.condition(condition, io).await? != negated {
            match around(self.list(body, io).await)? {
                Turn::Next(code) => status = code,
                Turn::Leave => break,
            }
            // A loop that waits for nothing must let the rest of the system go on.
            tokio::task::yield_now().await;
        }
        Ok(status)
    }

    async fn iterate(&mut self, name: &str, words: Option<&[Word]>, body: &List, io: &Io) -> Flow {
        let values = match words {
            Some(words) => self.fields(words, io).await?,
            None => self.parameters.clone(),
        };
        let mut status = 0;
        for value in values {
            self.variables.insert(name.to_owned(), value);
            match around(self.list(body, io).await)? {
                Turn::Next(code) => status = code,
                Turn::Leave => break,
            }
        }
        Ok(status)
    }

    async fn choose(&mut self, word: &Word, arms: &[(Vec<Word>, List)], io: &Io) -> Flow {
        let value = self.text(word, io).await?;
        for (patterns, body) in arms {
            for pattern in patterns {
                let pattern = self.pattern(pattern, io).await?;
                if pattern::matches(&pattern, &value) {
                    return self.list(body, io).await;
                }
            }
        }
        Ok(0)
    }

    /// Runs the action for SIGTERM, if one has arrived since the last look.
    async fn handle_signals(&mut self, io: &Io) -> Result<(), Jump> {
        let arrived = self.terminated.clone();
        let arrived = arrived.and_then(FutureExt::now_or_never);
        if arrived.is_none() {
            return Ok(());
        }
        self.terminated = None;
        let Some(action) = self.traps.get("TERM").cloned() else {
            return Ok(());
        };
        let status = self.status;
        self.evaluate(&action, io).await?;
        self.status = status;
        Ok(())
    }

    /// Completes when a signal arrives for which there is an action.
    async fn trapped(&self) {
        match self.terminated.clone() {
            Some(terminated) => terminated.await,
            None => pending().await,
        }
    }

    fn complain(&self, io: &Io, why: &str) {
        let line = format!("{}: {why}\n", self.name);
        drop(io.error.write(&*self.system, line.as_bytes()));
    }

    /// The output of a substituted command, without the newlines at its end.
    async fn output_of(&mut self, list: &List, io: &Io) -> String {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let io = Io {
            output: Sink::Buffer(Arc::clone(&buffer)),
            ..io.clone()
        };
        self.status = self.in_subshell(list, &io).await;
        let output = String::from_utf8_lossy(&lock(&buffer)).into_owned();
        output.trim_end_matches('\n').to_owned()
    }
}

impl Io {
    fn set(&mut self, number: u8, sink: Sink) {
        match number {
            1 => self.output = sink,
            2 => self.error = sink,
            _ => {}
        }
    }
}

/// How a loop goes on after its body.
enum Turn {
    Next(i32),
    Leave,
}

fn around(flow: Flow) -> Result<Turn, Jump> {
    match flow {
        Ok(code) => Ok(Turn::Next(code)),
        Err(Jump::Continue(1)) => Ok(Turn::Next(0)),
        Err(Jump::Break(1)) => Ok(Turn::Leave),
        Err(Jump::Continue(outer)) => Err(Jump::Continue(outer - 1)),
        Err(Jump::Break(outer)) => Err(Jump::Break(outer - 1)),
        Err(jump) => Err(jump),
    }
}
