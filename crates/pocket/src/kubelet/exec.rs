//! One `exec` of a probe or a hook: runs a command in the container and judges its exit code.
//!
//! The process has the container's environment, files and network. Its output is reported only if
//! it fails. A command that cannot be started gives an error, not a failure, and does not count.
//!
//! Rule: `pkg/probe/exec/exec.go`, and containerd's text for commands it could not start.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rules::back_off::go_duration;
use rules::probe::ProbeOutcome;
use tokio::sync::oneshot;

use super::node::hexadecimal;
use super::process::{self, ABORTED, EndReceiver, KILLED};
use super::quote::quote;
use super::report::Report;
use crate::image::files::Files;
use crate::image::{
    Background, ContainerLog, Image, Memory, Process, Program, StartProcess, Streams, Writer,
};
use crate::net::Host;

/// Maximum number of bytes of output that are reported.
///
/// Rule: `pkg/probe/exec/exec.go`, `maxReadLength`.
const OUTPUT: usize = 10 * 1024;

/// The command of an exec probe.
#[derive(Clone, Debug)]
pub(super) struct Exec {
    /// The program and its arguments, `$(VAR)` expanded.
    pub(super) command: Vec<String>,
}

/// A container's image, environment, network, files and processes: the context of processes in it.
#[derive(Clone)]
pub(super) struct ExecContext {
    pub(super) image: Image,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) network: Host,
    pub(super) files: Files,
    pub(super) background: Background,
}

impl ExecContext {
    /// The program that a process with this command runs. A program that is not found is an error.
    pub(super) fn look_up(&self, command: &[String]) -> Result<Arc<dyn Program>, String> {
        let name = command.first().map_or("", String::as_str);
        let path = self.environment.get("PATH").map_or("", String::as_str);
        self.image.look_up(name, path, &self.files)
    }

    /// The container's main process, with a memory limit of `memory` bytes, if any.
    pub(super) fn main_process(
        self,
        command: Vec<String>,
        instance: String,
        memory: Option<u64>,
        log: ContainerLog,
        terminate: BoxFuture<'static, ()>,
    ) -> Process {
        let log = Writer::log(log);
        let streams = Streams {
            stdin: Box::new(tokio::io::empty()),
            stdout: log.clone(),
            stderr: log,
        };
        Process {
            is_main: true,
            memory: Memory::new(memory),
            terminate,
            ..self.process(command, instance, streams)
        }
    }

    /// A process beside the main one.
    fn process(self, command: Vec<String>, instance: String, streams: Streams) -> Process {
        Process {
            command,
            environment: self.environment,
            network: self.network,
            files: self.files,
            instance,
            is_main: false,
            stdin: streams.stdin,
            stdout: streams.stdout,
            stderr: streams.stderr,
            background: self.background,
            memory: Memory::new(None),
            terminate: pending().boxed(),
        }
    }
}

/// The result of a process whose output was captured.
#[derive(Default)]
struct Output {
    /// 128 + n after signal n.
    code: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Makes one attempt whose process has the ID `id`. Completion of `cancelled` aborts it; the
/// container's end kills it.
pub(super) async fn attempt(
    exec: &Exec,
    context: ExecContext,
    ended: EndReceiver,
    id: String,
    limit: Duration,
    cancelled: impl Future<Output = ()>,
) -> Report {
    let run = match capture(&exec.command, context, ended, id) {
        Ok(run) => run,
        Err(why) => return Report::unknown(&why),
    };
    let output = tokio::select! {
        biased;
        // Before the container's end, which follows from the Pod's: it would count as a failure.
        () = cancelled => return cancelled_report(),
        output = tokio::time::timeout(limit, run) => output,
    };
    match output {
        Ok(output) => judge(&output),
        Err(_) => timed_out(&exec.command, limit),
    }
}

/// Starts a command and captures what it and its child processes write. It ends with all of them,
/// as a reader of their pipes sees it, or with the container.
fn capture(
    command: &[String],
    context: ExecContext,
    ended: EndReceiver,
    id: String,
) -> Result<impl Future<Output = Output> + use<>, String> {
    let ((stdout, printed), (stderr, complained)) = (Writer::pipe(), Writer::pipe());
    let streams = Streams {
        stdin: Box::new(tokio::io::empty()),
        stdout,
        stderr,
    };
    let run = start(command, context, ended, id, streams);
    let run = run.map_err(|why| format!("rpc error: code = Unknown desc = {why}"))?;
    Ok(async move {
        let (code, stdout, stderr) = tokio::join!(run, printed.collect(), complained.collect());
        Output {
            code,
            stdout,
            stderr,
        }
    })
}

/// Starts processes beside the container's main one, for clients of the API. They go on when their
/// client leaves, as on a node.
pub(super) fn starter(
    context: ExecContext,
    ended: EndReceiver,
    ids: fastrand::Rng,
) -> Arc<StartProcess> {
    let ids = Mutex::new(ids);
    Arc::new(move |command, streams| {
        let id = hexadecimal(&mut ids.lock().unwrap_or_else(PoisonError::into_inner));
        let run = start(&command, context.clone(), ended.clone(), id, streams)?;
        let (sender, code) = oneshot::channel();
        // An error means that the client has left.
        let run = async move {
            let _sent = sender.send(run.await);
        };
        context.background.spawn(run);
        Ok(async move { code.await.unwrap_or(KILLED) }.boxed())
    })
}

/// Starts a command, which runs to its end or to the container's. Returns its exit code. The error
/// says why it was not started.
fn start(
    command: &[String],
    context: ExecContext,
    ended: EndReceiver,
    id: String,
    streams: Streams,
) -> Result<impl Future<Output = i32> + use<>, String> {
    if *ended.borrow() {
        return Err(NOT_RUNNING.to_owned());
    }
    let program = context.look_up(command);
    let program = program.map_err(|why| not_started(&id, &why))?;
    let process = context.process(command.to_vec(), id, streams);
    // Catches a panic of the image's code: it ends this process, not its caller.
    let run = AssertUnwindSafe(async move { program.run(process).await }).catch_unwind();
    Ok(async move {
        tokio::select! {
            biased;
            () = process::ended(ended) => KILLED,
            exit = run => exit.map_or(ABORTED, |exit| exit.code),
        }
    })
}

/// Runs the command of a lifecycle hook, with no limit of time. The error is the end of the text of
/// a failed hook.
///
/// Rule: `k8s.io/cri-client/pkg/remote_runtime.go`, `execSyncV1`.
pub(super) async fn run_hook(
    command: &[String],
    context: ExecContext,
    ended: EndReceiver,
    id: String,
) -> Result<(), String> {
    let failed = |error: &str, printed: &[u8]| format!("{error}, message: {}", quote(printed));
    let run = capture(command, context, ended, id).map_err(|why| failed(&why, &[]))?;
    let output = run.await;
    if output.code == 0 {
        return Ok(());
    }
    let (command, code) = (command.join(" "), output.code);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let error = format!("command '{command}' exited with {code}: {stderr}");
    Err(failed(
        &error,
        &[&output.stdout[..], &output.stderr].concat(),
    ))
}

/// The report of an attempt that the node aborted because it terminates the Pod.
///
/// Rule: kubernetes#140881; so the readiness of a Pod being deleted stays as it was.
pub(super) fn cancelled_report() -> Report {
    Report::unknown("rpc error: code = Canceled desc = context canceled")
}

/// The error of a command in a container that has ended.
const NOT_RUNNING: &str = "failed to exec in container: container is in CONTAINER_EXITED state";

fn judge(output: &Output) -> Report {
    if output.code == 0 {
        return Report::new(ProbeOutcome::Success, String::new());
    }
    let printed = output.stdout.iter().chain(&output.stderr);
    let printed: Vec<u8> = printed.take(OUTPUT).copied().collect();
    Report::failure(String::from_utf8_lossy(&printed).into_owned())
}

fn timed_out(command: &[String], limit: Duration) -> Report {
    let (command, limit) = (command.join(" "), go_duration(limit));
    Report::failure(format!(
        "command timed out: \"{command}\" timed out after {limit}"
    ))
}

fn not_started(id: &str, why: &str) -> String {
    let exec = format!("failed to exec in container: failed to start exec \"{id}\"");
    let start = "OCI runtime exec failed: exec failed: unable to start container process";
    format!("{exec}: {start}: {why}: unknown")
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::image::Exit;
    use crate::net::Network;

    /// A program that prints, fails, hangs or panics, as its argument says.
    fn obedient(process: Process) -> BoxFuture<'static, Exit> {
        async move {
            process.stdout.put(process.environment["OUT"].as_bytes());
            process.stderr.put(b"err\n");
            match process.command[1].as_str() {
                "hang" => pending().await,
                "panic" => panic!("as a program may"),
                "child" => {
                    let stdout = process.stdout.clone();
                    process.background.spawn(async move {
                        tokio::time::sleep(Duration::from_secs(2)).await;
                        stdout.put(b"late\n");
                    });
                    Exit::code(3)
                }
                code => Exit::code(code.parse().unwrap()),
            }
        }
        .boxed()
    }

    async fn check(command: &[&str], expected: Report) {
        check_of("out\n", command, pending(), expected).await;
    }

    /// Makes an attempt in a container that ends after this time.
    async fn check_ending(after: Duration, expected: Report) {
        let (end, ended) = watch::channel(after.is_zero());
        let end = async {
            tokio::time::sleep(after).await;
            end.send_replace(true);
            pending::<()>().await;
        };
        let command = ["/obedient", "hang"];
        tokio::select! {
            () = end => {}
            () = check_in("", ended, &command, pending(), expected) => {}
        }
    }

    async fn check_of(
        out: &str,
        command: &[&str],
        cancelled: impl Future<Output = ()>,
        expected: Report,
    ) {
        let (_runs, ended) = watch::channel(false);
        check_in(out, ended, command, cancelled, expected).await;
    }

    async fn check_in(
        out: &str,
        ended: EndReceiver,
        command: &[&str],
        cancelled: impl Future<Output = ()>,
        expected: Report,
    ) {
        // The container keeps its child processes.
        let background = Background::default();
        let context = ExecContext {
            image: Image::new("/obedient", obedient),
            environment: [("OUT".to_owned(), out.to_owned())].into(),
            network: Host::new(Network::default(), [10, 244, 0, 5].into()),
            files: Files::default(),
            background: background.clone(),
        };
        let command = command.iter().map(|&word| word.to_owned()).collect();
        let limit = Duration::from_secs(90);
        let exec = Exec { command };
        let report = attempt(&exec, context, ended, "1f".to_owned(), limit, cancelled).await;
        assert_eq!(report, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn the_exit_code_decides_and_the_output_explains() {
        let success = Report::new(ProbeOutcome::Success, String::new());
        check(&["/obedient", "0"], success).await;
        let failed = Report::failure("out\nerr\n".to_owned());
        check(&["/obedient", "7"], failed).await;
        let panicked = Report::failure("out\nerr\n".to_owned());
        check(&["/obedient", "panic"], panicked).await;
        let long = "x".repeat(OUTPUT + 1);
        let cut = Report::failure("x".repeat(OUTPUT));
        check_of(&long, &["/obedient", "1"], pending(), cut).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_ends_with_the_last_process_that_can_write() {
        let late = Report::failure("out\nlate\nerr\n".to_owned());
        check(&["/obedient", "child"], late).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_takes_too_long_is_killed() {
        let timed_out = "command timed out: \"/obedient hang on\" timed out after 1m30s";
        check(
            &["/obedient", "hang", "on"],
            Report::failure(timed_out.to_owned()),
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_container_s_end_ends_the_attempt_and_forbids_the_next() {
        check_ending(Duration::from_secs(1), Report::failure("err\n".to_owned())).await;
        let why = "rpc error: code = Unknown desc = failed to exec in container: container is in \
                   CONTAINER_EXITED state";
        check_ending(Duration::ZERO, Report::unknown(why)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_cannot_be_started_is_an_error() {
        let why = "rpc error: code = Unknown desc = failed to exec in container: failed to start \
                   exec \"1f\": \
             OCI runtime exec failed: exec failed: unable to start container process: \
             exec: \"nosuch\": executable file not found in $PATH: unknown";
        check(&["nosuch"], Report::unknown(why)).await;
        let why = "rpc error: code = Canceled desc = context canceled";
        let given_up = async {};
        check_of("", &["/obedient", "hang"], given_up, Report::unknown(why)).await;
    }
}
