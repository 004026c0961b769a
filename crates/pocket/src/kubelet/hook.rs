//! Lifecycle hooks: one run of a `postStart` or `preStop`, and the text of its failure.
//!
//! Rule: `pkg/kubelet/lifecycle/handlers.go`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::exec::{self, ExecContext};
use super::http::{self, HttpGet};
use super::node::Node;
use super::process::EndReceiver;
use super::quote::quote;

/// What a hook does.
#[derive(Clone, Debug)]
pub(super) enum Hook {
    /// Runs a command in the container. No `$(VAR)` in it is expanded.
    Exec(Vec<String>),
    /// Sends a GET request. Any response is a success.
    Http(HttpGet),
    /// Waits. This cannot fail.
    Sleep(Duration),
    /// Fails with this text: the API accepts `tcpSocket`, and no kubelet can run it.
    Invalid(String),
}

/// One run of a hook, prepared.
pub(super) struct HookRun {
    pub(super) hook: Hook,
    /// The container's name.
    pub(super) container: String,
    /// The Pod's name in messages, such as `web_shop(UID)`.
    pub(super) pod: String,
    pub(super) node: Arc<Node>,
    pub(super) ip: IpAddr,
    /// Where a command runs, and the end of that container.
    pub(super) context: (ExecContext, EndReceiver),
    /// The ID of the command's process.
    pub(super) id: String,
}

impl HookRun {
    /// Runs the hook to its end. Nothing limits the time. The error is the message of the
    /// container's status.
    pub(super) async fn run(self) -> Result<(), String> {
        let Self {
            container, pod, ip, ..
        } = self;
        let of = format!("for Container {} in Pod {}", text(&container), text(&pod));
        match self.hook {
            Hook::Sleep(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Hook::Exec(command) => {
                let (context, ended) = self.context;
                let done = exec::run_hook(&command, context, ended, self.id).await;
                let command = command.join(" ");
                done.map_err(|why| {
                    format!("Exec lifecycle hook ([{command}]) {of} failed - error: {why}")
                })
            }
            Hook::Http(get) => {
                let done = http::run_hook(&get, &self.node.host(), ip).await;
                let path = &get.path;
                done.map_err(|why| {
                    format!("HTTP lifecycle hook ({path}) {of} failed - error: {why}")
                })
            }
            Hook::Invalid(why) => Err(format!("Cannot run handler: invalid handler: {why}")),
        }
    }
}

fn text(name: &str) -> String {
    quote(name.as_bytes())
}
