//! Parses one lifecycle hook of a container.

use k8s_openapi::api::core::v1::{Container, LifecycleHandler, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::probe::http_get;
use super::unsupported::Unsupported;
use crate::clock::seconds;
use crate::kubelet::hook::Hook;

/// Parses one hook, which has one handler. A command is taken as it is.
pub(super) fn parse(
    handler: &LifecycleHandler,
    container: &Container,
    field: &str,
) -> Result<Hook, Unsupported> {
    if let Some(get) = &handler.http_get {
        return http_get(get, container, &format!("{field}.httpGet")).map(Hook::Http);
    }
    if let Some(sleep) = &handler.sleep {
        return Ok(Hook::Sleep(seconds(sleep.seconds)));
    }
    if let Some(socket) = &handler.tcp_socket {
        return Ok(Hook::Invalid(go_text(socket)));
    }
    let command = handler.exec.iter().flat_map(|exec| &exec.command).flatten();
    Ok(Hook::Exec(command.cloned().collect()))
}

/// The hook in the words of Go, which the error has. Recorded from 1.36.3.
fn go_text(socket: &TCPSocketAction) -> String {
    let port = match &socket.port {
        IntOrString::Int(port) => format!("{{0 {port} }}"),
        IntOrString::String(port) => format!("{{1 0 {port}}}"),
    };
    let host = socket.host.as_deref().unwrap_or_default();
    let socket = format!("&TCPSocketAction{{Port:{port},Host:{host},}}");
    format!("&LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:{socket},Sleep:nil,}}")
}
