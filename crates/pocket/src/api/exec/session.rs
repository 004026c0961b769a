//! One exec, whatever carries it: runs the process and tells the client how it ended.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::AsyncRead;
use tokio::sync::mpsc;

use crate::api::query::ExecOptions;
use crate::image::{Reader, StartProcess, Streams, Writer};

/// A process that a client has asked for.
pub(super) struct Session {
    pub(super) options: ExecOptions,
    pub(super) start: Arc<StartProcess>,
    pub(super) wording: Wording,
}

/// Who words the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wording {
    /// The kubelet alone.
    Kubelet,
    /// An API server or kubelet that translates what another kubelet says.
    Translated,
}

/// What the client receives, and where.
pub(super) type Output = (Channel, Vec<u8>);

/// Where the client receives something, by the number of its channel in WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Stdout = 1,
    Stderr = 2,
    Status = 3,
}

impl Session {
    /// The first channel that the client reads.
    pub(super) fn first_channel(&self) -> Channel {
        if self.options.stdout {
            Channel::Stdout
        } else if self.options.stderr {
            Channel::Stderr
        } else {
            Channel::Status
        }
    }

    /// Runs the process to its end and passes on what it writes, last its status.
    pub(super) async fn run(
        self,
        stdin: impl AsyncRead + Send + Unpin + 'static,
        output: mpsc::Sender<Output>,
    ) {
        let Self {
            options,
            start,
            wording,
        } = self;
        let ((stdout, printed), (stderr, complained)) = (Writer::pipe(), Writer::pipe());
        let streams = Streams {
            stdin: Box::new(stdin),
            stdout,
            stderr,
        };
        let ended = match start(options.command.clone(), streams) {
            Ok(run) => {
                // A terminal has one stream for both.
                let stderr = if options.tty {
                    Channel::Stdout
                } else {
                    Channel::Stderr
                };
                let send_stderr = options.stderr || options.tty;
                let (code, (), ()) = tokio::join!(
                    run,
                    pass_on(
                        printed,
                        Channel::Stdout,
                        options.stdout,
                        options.tty,
                        &output
                    ),
                    pass_on(complained, stderr, send_stderr, options.tty, &output),
                );
                Ok(code)
            }
            Err(why) => Err(why),
        };
        let status = status(&ended, &options.command, wording).to_string();
        drop(output.send((Channel::Status, status.into_bytes())).await);
    }
}

/// Passes on what a process writes, if it is `wanted`.
async fn pass_on(
    mut from: Reader,
    to: Channel,
    wanted: bool,
    tty: bool,
    output: &mpsc::Sender<Output>,
) {
    while let Some(mut bytes) = from.next().await {
        if tty {
            bytes = with_carriage_returns(&bytes);
        }
        if wanted && !bytes.is_empty() {
            // Sending fails if the client is gone.
            drop(output.send((to, bytes)).await);
        }
    }
}

/// Ends lines as a terminal does.
fn with_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

/// The status of a process with this exit code, or of one that could not be started.
///
/// Rule: `k8s.io/cri-streaming/pkg/streaming/remotecommand/exec.go`, `ServeExec`; the texts are
/// those of a node.
fn status(ended: &Result<i32, String>, command: &[String], wording: Wording) -> Value {
    match ended {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => {
            let how = match wording {
                Wording::Kubelet => {
                    let command = command.join(" ");
                    format!("error executing command [{command}], exit code {code}")
                }
                Wording::Translated => format!("command terminated with exit code {code}"),
            };
            json!({
                "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
                "message": format!("command terminated with non-zero exit code: {how}"),
                "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
            })
        }
        Err(why) => {
            let internal = "Internal error occurred: ";
            let mut cause = format!("error executing command in container: {why}");
            if wording == Wording::Translated {
                cause.insert_str(0, internal);
            }
            json!({
                "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
                "message": format!("{internal}{cause}"),
                "details": {"causes": [{"message": cause}]},
            })
        }
    }
}
