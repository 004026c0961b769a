//! Exec: a process in a running container, with its standard streams at the client.
//!
//! They are channels of a WebSocket connection (`channels`), or streams of SPDY (`streams`).
//!
//! Rule: `k8s.io/cri-streaming/pkg/streaming/remotecommand`, and `streamtranslator.go` of
//! `k8s.io/apiserver/pkg/util/proxy` for what differs in `v5.channel.k8s.io`.

mod channels;
mod session;
mod streams;

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use k8s_openapi::api::core::v1::Pod;

use super::call::Call;
use super::container_name;
use super::query::ExecOptions;
use super::upgrade::{self, Carrier, Connection, Handshake, Protocols, Refusal};
use crate::api_status::ApiError;
use crate::kinds::uid;
use session::{Session, Wording};

const PROTOCOLS: Protocols = Protocols {
    websocket: &[channels::V5, channels::V4],
    spdy: "v4.channel.k8s.io",
    over_websocket: false,
    without_protocol: (
        StatusCode::BAD_REQUEST,
        "unable to upgrade: X-Stream-Protocol-Version is required\n",
    ),
};

/// Responds with 101 and runs the process.
pub(super) fn start(call: &Call, request: Request) -> Result<Response, ApiError> {
    let pod: Arc<Pod> = call.object()?.typed();
    let (name, options) = (call.target.name(), &call.query.exec);
    let container = container_name::resolve(&pod, name, options.container.as_deref())?;
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    upgrade::required(call, node, request.headers())?;
    let (handshake, session) = match accept(call, &pod, &container, &request) {
        Ok(accepted) => accepted,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let serve = async move |connection| match connection {
        Connection::WebSocket(socket, protocol) => {
            channels::serve(*socket, session, protocol).await;
        }
        Connection::Spdy(incoming, outgoing) => streams::serve(incoming, outgoing, session).await,
    };
    Ok(handshake.accept(call, request, serve))
}

/// What a kubelet checks.
fn accept(
    call: &Call,
    pod: &Pod,
    container: &str,
    request: &Request,
) -> Result<(Handshake, Session), Refusal> {
    let options = &call.query.exec;
    let ExecOptions {
        stdin,
        stdout,
        stderr,
        ..
    } = options;
    if !(*stdin || *stdout || *stderr) {
        let text = "you must specify at least 1 of stdin, stdout, stderr";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
    }
    let Some(start) = call.server.running.find(uid(pod), container) else {
        let text = format!("container not found (\"{container}\")");
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, &text));
    };
    let handshake = Handshake::parse(request, &PROTOCOLS)?;
    let is_v5 = handshake.carrier == Carrier::WebSocket(channels::V5);
    let wording = if is_v5 {
        Wording::Translated
    } else {
        Wording::Kubelet
    };
    let session = Session {
        options: options.clone(),
        start,
        wording,
    };
    Ok((handshake, session))
}

#[cfg(test)]
mod tests;
