//! One `exec` of a probe or a hook: runs a command in the container and judges its exit code.
//!
//! The process has the container's environment, files and network. Its output is reported only if
//! it fails. A command that cannot be started gives an error, not a failure, and does not count.
//!
//! Rule: `pkg/probe/exec/exec.go`, and containerd's text for commands it could not start.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rules::back_off::go_duration;
use rules::probe::ProbeOutcome;

use super::process::{self, ABORTED, EndReceiver, KILLED};
use super::quote::quote;
use super::report::Report;
use crate::image::files::Files;
use crate::image::{ContainerLog, Image, Images, Memory, Output, Process};
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

/// A container's image, environment, network and files: the context of processes in it.
#[derive(Clone)]
pub(super) struct ExecContext {
    /// The image's name, which is also its program's.
    pub(super) name: String,
    pub(super) image: Arc<dyn Image>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) network: Host,
    pub(super) files: Files,
}

impl ExecContext {
    /// A process in this container, with a memory limit of `memory` bytes, if any.
    pub(super) fn process(
        self,
        arguments: Vec<String>,
        instance: String,
        memory: Option<u64>,
        terminate: BoxFuture<'static, ()>,
    ) -> Process {
        Process {
            arguments,
            environment: self.environment,
            network: self.network,
            files: self.files,
            instance,
            log: ContainerLog::default(),
            memory: Memory::new(memory),
            terminate,
        }
    }
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
    let run = match start(&exec.command, context, ended, id) {
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

/// Starts a command, which runs to its end or to the container's. The error says why it was not
/// started.
fn start(
    command: &[String],
    context: ExecContext,
    ended: EndReceiver,
    id: String,
) -> Result<impl Future<Output = Output> + use<>, String> {
    let (program, arguments) = match command.split_first() {
        Some((program, arguments)) => (program.as_str(), arguments),
        None => ("", command),
    };
    if *ended.borrow() {
        return Err(NOT_RUNNING.to_owned());
    }
    Images::look_up(&context.name, program).map_err(|why| not_started(&id, &why))?;
    let image = Arc::clone(&context.image);
    let process = context.process(arguments.to_vec(), id, None, pending().boxed());
    // Catches a panic of the image's code: it ends this process, not its caller.
    let run = AssertUnwindSafe(async move { image.exec(process).await }).catch_unwind();
    let killed = |code| Output {
        code,
        ..Output::default()
    };
    Ok(async move {
        tokio::select! {
            biased;
            () = process::ended(ended) => killed(KILLED),
            output = run => output.unwrap_or_else(|_| killed(ABORTED)),
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
    let run = start(command, context, ended, id).map_err(|why| failed(&why, &[]))?;
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
const NOT_RUNNING: &str = "rpc error: code = Unknown desc = failed to exec in container: container \
                           is in CONTAINER_EXITED state";

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
    format!("rpc error: code = Unknown desc = {exec}: {start}: {why}: unknown")
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::image::Exit;
    use crate::net::Network;

    /// An image whose exec processes print, fail, hang or panic, as their argument says.
    struct Obedient;

    impl Image for Obedient {
        fn run(&self, _: Process) -> BoxFuture<'static, Exit> {
            async { Exit::code(0) }.boxed()
        }

        fn exec(&self, process: Process) -> BoxFuture<'static, Output> {
            async move {
                match process.arguments[0].as_str() {
                    "hang" => pending().await,
                    "panic" => panic!("as a program may"),
                    code => Output {
                        code: code.parse().unwrap(),
                        stdout: process.environment["OUT"].clone().into_bytes(),
                        stderr: b"err\n".to_vec(),
                    },
                }
            }
            .boxed()
        }
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
        let context = ExecContext {
            name: "obedient".to_owned(),
            image: Arc::new(Obedient),
            environment: [("OUT".to_owned(), out.to_owned())].into(),
            network: Host::new(Network::default(), [10, 244, 0, 5].into()),
            files: Files::default(),
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
        check(&["/obedient", "panic"], Report::failure(String::new())).await;
        let long = "x".repeat(OUTPUT + 1);
        let cut = Report::failure("x".repeat(OUTPUT));
        check_of(&long, &["/obedient", "1"], pending(), cut).await;
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
        check_ending(Duration::from_secs(1), Report::failure(String::new())).await;
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
