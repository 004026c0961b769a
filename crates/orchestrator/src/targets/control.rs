//! Client of a target's control API, over a port-forward to its Pod's loopback.
//!
//! Each container has one connection, which serves one call at a time. After an error, the next
//! call opens a new connection. Calls do not go through a Service, because a Service does not reach
//! a Pod that is not ready.

mod connection;
mod event_stream;
mod port_forward;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use probe_target::model::{
    answer, behaviour::Behaviour, port_spec::PortSpec, process_fault::ProcessFault,
    route_path::RoutePath,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{mpsc, oneshot};

use crate::{
    exit::{Exit, HasExitCode},
    targets::Address,
};
use connection::{Answer, Connection};
pub(crate) use event_stream::{JournalEvent, JournalStream};

/// The timeout of a call, including the time to open the port-forward.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The header that names a process: the one a request is for, or the one that responds.
const INSTANCE: &str = "probeflip-instance";

/// The number of calls that can be queued before callers have to wait.
const QUEUE: usize = 16;

/// A client for one target. Clones share a connection, which closes when the last of them is
/// dropped.
#[derive(Debug, Clone)]
pub struct Control {
    address: Address,
    pods: Api<Pod>,
    calls: mpsc::Sender<Call>,
}

/// An error of a control call.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The API server or the kubelet did not open the port-forward.
    #[error("cannot forward to port {port} of pod `{pod}`")]
    Forward {
        /// The Pod.
        pod: String,
        /// The control port.
        port: u16,
        /// The API server's error.
        #[source]
        source: Box<kube::Error>,
    },
    /// The port-forward opened, but the HTTP connection over it failed.
    #[error("cannot talk to the control API at port {port} of pod `{pod}`{}", because(.channel_error.as_deref()))]
    Talk {
        /// The Pod.
        pod: String,
        /// The control port.
        port: u16,
        /// The message on the port-forward's error channel, if any.
        channel_error: Option<String>,
        /// The error of the connection.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The target did not respond in time.
    #[error(
        "no answer from the control API at port {port} of pod `{pod}` within {ANSWER_TIMEOUT:?}"
    )]
    Timeout {
        /// The Pod.
        pod: String,
        /// The control port.
        port: u16,
    },
    /// The target responded with an error.
    #[error("`{container}` of pod `{pod}` refused: {message}")]
    Refused {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
        /// The HTTP status; 409 means another process or a missing lease.
        status: StatusCode,
        /// The target's error message.
        message: String,
    },
    /// The response is not one of a probe-target's control API.
    #[error("what answers at port {port} of pod `{pod}` is not a probe-target's control API")]
    Foreign {
        /// The Pod.
        pod: String,
        /// The control port.
        port: u16,
        /// The error in the response.
        #[source]
        source: serde_json::Error,
    },
}

impl HasExitCode for ControlError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

impl ControlError {
    /// Whether the target responded 409 Conflict: another process runs at this address.
    pub fn is_another_instance(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: StatusCode::CONFLICT,
                ..
            }
        )
    }
}

impl Control {
    /// Creates a client for the target at `address`. The connection opens with the first call.
    pub fn new(pods: Api<Pod>, address: Address) -> Self {
        let (calls, waiting) = mpsc::channel(QUEUE);
        // A task of its own: a caller that is cancelled must not leave half a response on the
        // connection.
        tokio::spawn(serve(pods.clone(), address.clone(), waiting));
        Self {
            address,
            pods,
            calls,
        }
    }

    /// The target's address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Fetches the target's state.
    pub async fn state(&self) -> Result<answer::State, ControlError> {
        self.get("/v1/state").await
    }

    /// Fetches journal records from number `since` on: received requests or, of a traffic client,
    /// sent ones.
    pub async fn journal<R: DeserializeOwned>(
        &self,
        since: u64,
    ) -> Result<answer::Journal<R>, ControlError> {
        self.get(&format!("/v1/journal?since={since}")).await
    }

    /// Follows a target's journal from number `since` on, over a connection of its own. Every
    /// `interval` the target says up to which time the stream is complete.
    pub(crate) async fn follow_journal(
        &self,
        since: u64,
        interval: Duration,
    ) -> Result<JournalStream, ControlError> {
        let every = probe_target::model::duration::format(interval);
        let path = format!("/v1/journal/stream?since={since}&through={every}");
        let request = request(Method::GET, &path, None, None::<&()>);
        let opening = JournalStream::open(&self.pods, &self.address, request);
        let opened = tokio::time::timeout(ANSWER_TIMEOUT, opening).await;
        opened.unwrap_or_else(|_| Err(timed_out(&self.address)))
    }

    /// Lays a behaviour over a route of the process `instance`.
    pub async fn put_route(
        &self,
        instance: &str,
        port: u16,
        path: &RoutePath,
        behaviour: &Behaviour,
    ) -> Result<answer::Ack, ControlError> {
        self.change(
            Method::PUT,
            &route(port, path),
            Some(instance),
            Some(behaviour),
        )
        .await
    }

    /// Changes how a port of the process `instance` handles connections.
    pub async fn put_port(
        &self,
        instance: &str,
        port: u16,
        opening: &PortSpec,
    ) -> Result<answer::Ack, ControlError> {
        let path = format!("/v1/ports/{port}");
        self.change(Method::PUT, &path, Some(instance), Some(opening))
            .await
    }

    /// Removes the flip of a route.
    pub async fn delete_route(
        &self,
        instance: &str,
        port: u16,
        path: &RoutePath,
    ) -> Result<answer::Ack, ControlError> {
        self.change(
            Method::DELETE,
            &route(port, path),
            Some(instance),
            None::<&()>,
        )
        .await
    }

    /// Removes the flip of a port.
    pub async fn delete_port(
        &self,
        instance: &str,
        port: u16,
    ) -> Result<answer::Ack, ControlError> {
        let path = format!("/v1/ports/{port}");
        self.change(Method::DELETE, &path, Some(instance), None::<&()>)
            .await
    }

    /// Sets a process fault at the process `instance`.
    pub async fn afflict(
        &self,
        instance: &str,
        fault: &ProcessFault,
    ) -> Result<answer::Ack, ControlError> {
        let path = format!("/v1/process/{}", fault.name());
        self.change(Method::POST, &path, Some(instance), Some(&fault.body()))
            .await
    }

    /// Removes the process fault with this name.
    pub async fn unafflict(&self, instance: &str, name: &str) -> Result<answer::Ack, ControlError> {
        let path = format!("/v1/process/{name}");
        self.change(Method::DELETE, &path, Some(instance), None::<&()>)
            .await
    }

    /// Removes all flips, regardless of which process answers.
    pub async fn heal(&self) -> Result<answer::Ack, ControlError> {
        self.change(Method::POST, "/v1/heal", None, None::<&()>)
            .await
    }

    /// Sets or renews the lease, which lapses after `length`.
    pub async fn lease(
        &self,
        instance: &str,
        length: Duration,
    ) -> Result<answer::Ack, ControlError> {
        let length = probe_target::model::duration::format(length);
        let request = answer::LeaseRequest { length };
        self.change(Method::PUT, "/v1/lease", Some(instance), Some(&request))
            .await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlError> {
        // Reading changes nothing, so any process may answer. The answer names its instance.
        self.change(Method::GET, path, None, None::<&()>).await
    }

    async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        instance: Option<&str>,
        body: Option<&impl Serialize>,
    ) -> Result<T, ControlError> {
        let (status, bytes) = self.send(request(method, path, instance, body)).await?;
        if status.is_success() {
            return read(&self.address, &bytes);
        }
        Err(refused(&self.address, status, &bytes))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, ControlError> {
        let (answer, answered) = oneshot::channel();
        let served = self.calls.send(Call { request, answer }).await;
        served.expect("the serving task must outlive its handles");
        answered.await.expect("every call must be answered")
    }
}

fn read<T: DeserializeOwned>(address: &Address, bytes: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(bytes).map_err(|source| ControlError::Foreign {
        pod: address.pod.clone(),
        port: address.control,
        source,
    })
}

/// The error for a response with an error status, parsed from its body.
fn refused(address: &Address, status: StatusCode, body: &[u8]) -> ControlError {
    let refusal: answer::ErrorAnswer = match read(address, body) {
        Ok(refusal) => refusal,
        Err(foreign) => return foreign,
    };
    let Address { pod, container, .. } = address.clone();
    let message = match refusal.field {
        Some(field) => format!("{field}: {}", refusal.error),
        None => refusal.error,
    };
    ControlError::Refused {
        pod,
        container,
        status,
        message,
    }
}

fn timed_out(address: &Address) -> ControlError {
    ControlError::Timeout {
        pod: address.pod.clone(),
        port: address.control,
    }
}

/// A queued call.
#[derive(Debug)]
struct Call {
    request: Request<Full<Bytes>>,
    answer: oneshot::Sender<Result<Answer, ControlError>>,
}

/// Executes queued calls one after another until the last [`Control`] is dropped.
async fn serve(pods: Api<Pod>, address: Address, mut waiting: mpsc::Receiver<Call>) {
    let mut connection = None;
    while let Some(Call { request, answer }) = waiting.recv().await {
        let answered = tokio::time::timeout(
            ANSWER_TIMEOUT,
            ask(&pods, &address, &mut connection, request),
        );
        let result = answered.await.unwrap_or_else(|_| Err(timed_out(&address)));
        if result.is_err() {
            // A late response on the old connection would answer the next call.
            connection = None;
        }
        // The caller may have been cancelled; then the result is dropped.
        answer.send(result).ok();
    }
}

/// Sends a request on the open connection, or on a new one if that was closed while idle.
async fn ask(
    pods: &Api<Pod>,
    address: &Address,
    connection: &mut Option<Connection>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, ControlError> {
    let unsent = match connection {
        Some(connection) => match connection.ask(request).await? {
            connection::Asked::Answered(answer) => return Ok(answer),
            connection::Asked::Unsent(request) => *request,
        },
        None => request,
    };
    let opened = connection.insert(Connection::open(pods, address).await?);
    match opened.ask(unsent).await? {
        connection::Asked::Answered(answer) => Ok(answer),
        connection::Asked::Unsent(_) => Err(opened
            .broken("the connection closed before a request")
            .await),
    }
}

fn request(
    method: Method,
    path: &str,
    instance: Option<&str>,
    body: Option<&impl Serialize>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        // The target refuses other host names, since a web page may have one.
        .header(header::HOST, "localhost");
    if let Some(instance) = instance {
        request = request.header(INSTANCE, instance);
    }
    let body = body.map_or_else(Vec::new, |body| {
        request = std::mem::take(&mut request).header(header::CONTENT_TYPE, "application/json");
        serde_json::to_vec(body).expect("a request of ours must serialize")
    });
    request
        .body(Full::from(body))
        .expect("a request of ours must be valid")
}

/// The API path of a route: `/readyz` of port 8081 is `/v1/ports/8081/routes/readyz`. The target
/// percent-decodes it once.
fn route(port: u16, path: &RoutePath) -> String {
    format!("/v1/ports/{port}/routes{path}")
}

fn because(error: Option<&str>) -> String {
    error.map_or_else(String::new, |error| format!(": {}", error.trim()))
}

#[cfg(test)]
mod tests {
    use super::{RoutePath, route};

    #[test]
    fn a_route_is_its_path_encoded_once() {
        let check = |path: &str, expected| assert_eq!(route(80, &RoutePath::exact(path)), expected);
        check("/readyz", "/v1/ports/80/routes/readyz");
        check("/", "/v1/ports/80/routes/");
        check("/a b/%2F/ü", "/v1/ports/80/routes/a%20b/%252F/%C3%BC");
        check("/*", "/v1/ports/80/routes/%2A");
    }
}
