//! One HTTP/2 stream: sends a reply, or executes a fault as far as HTTP/2 has it. Faults that exist
//! only as HTTP/1.1 text reset the stream.

use std::future::poll_fn;
use std::time::Duration;

use ::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use ::http::{Response, StatusCode};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use tokio::time::{sleep, timeout};

use crate::model::behaviour::{Details, Fault, Reply};
use crate::server::connection_context::ConnectionContext;
use crate::server::reply;
use crate::server::script::{self, ConnectionEnd};
use crate::target::pending_request::PendingRequest;

/// The time limit for a request's body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The stream of one response.
pub(crate) struct Stream(pub(crate) SendResponse<Bytes>);

impl Stream {
    /// Sends a complete reply, without its body if `head_only` is set.
    pub(crate) fn reply(
        &mut self,
        context: &ConnectionContext,
        reply: Reply,
        head_only: bool,
        pending: PendingRequest,
    ) {
        let headers = context.target.identity.headers(context.port);
        let (head, body) = reply::parts(reply, headers, head_only);
        let sent = self.0.send_response(head, body.is_empty());
        let length = body.len();
        let sent = sent.and_then(|mut stream| match length {
            0 => Ok(()),
            _ => stream.send_data(body, true),
        });
        // An error means that the client has disconnected.
        pending.end(sent.ok().map(|()| length));
    }

    /// Waits for the delay; `None` if the client resets the stream first.
    pub(crate) async fn pause(&mut self, delay: Duration) -> Option<()> {
        tokio::select! {
            biased;
            () = sleep_unless_zero(delay) => Some(()),
            _ = poll_fn(|task| self.0.poll_reset(task)) => None,
        }
    }

    /// Executes a fault as far as HTTP/2 has it; returns how the whole connection ends if the fault
    /// ends it.
    pub(crate) async fn execute_fault(
        &mut self,
        context: &ConnectionContext,
        fault: Fault,
        details: Details,
        mut pending: PendingRequest,
    ) -> Option<ConnectionEnd> {
        match fault {
            Fault::Hang => self.hold(context).await,
            Fault::Interim => {
                let mut interim = Response::new(());
                *interim.status_mut() = StatusCode::EARLY_HINTS;
                self.0.send_informational(interim).ok()?;
                self.hold(context).await;
            }
            Fault::SlowBody => {
                let mut stream = self.announce_body(context, fault, details, false)?;
                for byte in ["o", "k", "\n"] {
                    stream.send_data(byte.into(), byte == "\n").ok()?;
                    pending.sent(1);
                    sleep_unless_zero(details.pace()).await;
                }
                pending.complete();
            }
            Fault::StallBody | Fault::ResetBody | Fault::ShortBody => {
                let sent = details.sent();
                let mut stream = self.announce_body(context, fault, details, false)?;
                let body = "x".repeat(sent as usize);
                let ends = fault == Fault::ShortBody;
                stream.send_data(body.into(), ends).ok()?;
                pending.sent(sent as usize);
                if fault == Fault::StallBody {
                    let reset = poll_fn(|task| stream.poll_reset(task));
                    until_reset_or_drain(context, reset).await;
                } else {
                    pending.end_by_target();
                    return (!ends).then_some(ConnectionEnd::Reset);
                }
            }
            Fault::Close => {
                pending.end_by_target();
                return Some(ConnectionEnd::Close);
            }
            Fault::Reset => {
                pending.end_by_target();
                return Some(ConnectionEnd::Reset);
            }
            _ => {
                pending.end_by_target();
                self.0.send_reset(h2::Reason::INTERNAL_ERROR);
            }
        }
        None
    }

    /// Answers HEAD where the fault is one of the body: a response to HEAD has no body, so its head
    /// is the complete response.
    pub(crate) fn send_head_of_body_fault(
        &mut self,
        context: &ConnectionContext,
        fault: Fault,
        details: Details,
        pending: PendingRequest,
    ) {
        let sent = self.announce_body(context, fault, details, true);
        pending.end(sent.map(|_| 0));
    }

    /// Sends the head of a 200 for a fault of the body; `ends` ends the stream with it.
    fn announce_body(
        &mut self,
        context: &ConnectionContext,
        fault: Fault,
        details: Details,
        ends: bool,
    ) -> Option<SendStream<Bytes>> {
        let mut response = if context.protocol.is_grpc() {
            grpc_head(context)
        } else {
            context.head()
        };
        let length = match fault {
            Fault::SlowBody => Some(3),
            // A chunked body has no length; HTTP/2 has no chunks (RFC 9113, 8.2.2).
            Fault::CutChunk => None,
            _ => Some(details.sent() + script::MISSING),
        };
        if let Some(length) = length {
            let headers = response.headers_mut();
            headers.insert(CONTENT_LENGTH, length.into());
        }
        self.0.send_response(response, ends).ok()
    }

    /// Holds the stream, before a head was sent, until the client resets it or until the drain.
    async fn hold(&mut self, context: &ConnectionContext) {
        until_reset_or_drain(context, poll_fn(|task| self.0.poll_reset(task))).await;
    }
}

/// A response head with the identity headers and gRPC's content type.
pub(crate) fn grpc_head(context: &ConnectionContext) -> Response<()> {
    let mut response = context.head();
    let media = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

async fn until_reset_or_drain<T>(context: &ConnectionContext, reset: impl Future<Output = T>) {
    tokio::select! {
        biased;
        () = context.target.drained() => {}
        _ = reset => {}
    }
}

/// Skips a delay of zero, which would still take a tick of the timer.
async fn sleep_unless_zero(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}

/// Reads and discards a request's body, within [`BODY_TIMEOUT`].
pub(crate) async fn discard(mut body: RecvStream) {
    let read = async {
        while let Some(Ok(data)) = body.data().await {
            // h2 grants the client no more credit until the bytes are released. An error means that
            // the client has disconnected.
            _ = body.flow_control().release_capacity(data.len());
        }
    };
    _ = timeout(BODY_TIMEOUT, read).await;
}
