//! One HTTP/1.1 connection over one port-forward, independent of the API that uses it.
//!
//! A response is read by its length, not to the end of the stream: the end of a forwarded stream
//! reaches the client about a second late.

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::task::JoinHandle;

use super::ControlError;
use super::port_forward::PortForward;
use crate::targets::Address;

/// The status and the whole body of a response.
pub(super) type Answer = (StatusCode, Bytes);

/// The result of sending a request.
pub(super) enum Asked {
    /// The response.
    Answered(Answer),
    /// The connection was already closed. The request was not sent and can be sent on another one.
    Unsent(Box<Request<Full<Bytes>>>),
}

/// An open connection. Dropping it closes it and the port-forward.
pub(super) struct Connection {
    address: Address,
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    forward: PortForward,
}

impl Connection {
    pub(super) async fn open(pods: &Api<Pod>, address: &Address) -> Result<Self, ControlError> {
        let port = address.control;
        let (forward, stream) =
            PortForward::open(pods, &address.pod, port)
                .await
                .map_err(|source| ControlError::Forward {
                    pod: address.pod.clone(),
                    port,
                    source: Box::new(source),
                })?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|source| ControlError::Talk {
                    pod: address.pod.clone(),
                    port,
                    channel_error: None,
                    source: Box::new(source),
                })?;
        // The next request on the connection reports how it ended.
        let driver = tokio::spawn(connection.map(drop));
        Ok(Self {
            address: address.clone(),
            sender,
            driver,
            forward,
        })
    }

    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Asked, ControlError> {
        // Notices a connection that was closed while it was idle.
        if self.sender.ready().await.is_err() {
            return Ok(Asked::Unsent(Box::new(request)));
        }
        let response = match self.sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut failed) => match failed.take_message() {
                // hyper returns a request only if nothing of it was sent, so it can be sent again.
                Some(request) => return Ok(Asked::Unsent(Box::new(request))),
                None => return Err(self.broken(failed.into_error()).await),
            },
        };
        let status = response.status();
        match response.into_body().collect().await {
            Ok(body) => Ok(Asked::Answered((status, body.to_bytes()))),
            Err(error) => Err(self.broken(error).await),
        }
    }

    /// Sends the only request of a connection, whose response is read while it arrives.
    pub(super) async fn start(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ControlError> {
        match self.sender.send_request(request).await {
            Ok(response) => Ok(response),
            Err(error) => Err(self.broken(error).await),
        }
    }

    /// The error for a connection that failed with `source`, with the message on the port-forward's
    /// error channel, if any.
    pub(super) async fn broken(
        &mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ControlError {
        // The error channel is a separate stream, so its message may arrive just after the end.
        tokio::task::yield_now().await;
        let channel_error = self.forward.error();
        let (pod, port) = (self.address.pod.clone(), self.address.control);
        ControlError::Talk {
            pod,
            port,
            channel_error,
            source: source.into(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
