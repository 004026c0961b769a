//! One request over HTTP/2, which an HTTPS probe uses with every server that supports it.

use std::pin::Pin;

use axum::http::response::Parts;
use axum::http::{Request, Response};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::{self, Connection};

use super::response::BODY_LIMIT;
use super::tls::TlsConnection;

/// The body of a response, and its connection.
pub(super) struct Body {
    connection: Pin<Box<Connection<TlsConnection, Bytes>>>,
    stream: RecvStream,
}

/// Sends a request. Returns the response, or Go's text of why there is none.
pub(super) async fn send(
    stream: TlsConnection,
    request: Request<()>,
) -> Result<(Parts, Body), String> {
    let (mut sender, connection) = client::handshake(stream)
        .await
        .map_err(|error| error_text(&error))?;
    let mut connection = Box::pin(connection);
    let exchange = async { sender.send_request(request, true)?.0.await };
    let answer = drive(&mut connection, exchange).await;
    let (head, stream) = answer
        .map(Response::into_parts)
        .map_err(|error| error_text(&error))?;
    Ok((head, Body { connection, stream }))
}

impl Body {
    /// Reads the body, at most 10 KiB of it. The error is Go's text.
    pub(super) async fn read(mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        let stream = &mut self.stream;
        let read = async {
            while let Some(piece) = stream.data().await {
                let piece = piece?;
                stream.flow_control().release_capacity(piece.len())?;
                let left = BODY_LIMIT.saturating_sub(body.len());
                body.extend(piece.into_iter().take(left));
                if body.len() == BODY_LIMIT {
                    break;
                }
            }
            Ok(())
        };
        let read = drive(&mut self.connection, read).await;
        read.map(|()| body).map_err(|error| error_text(&error))
    }
}

/// Runs `work` while driving the connection.
async fn drive<T>(
    connection: &mut Pin<Box<Connection<TlsConnection, Bytes>>>,
    work: impl Future<Output = Result<T, h2::Error>>,
) -> Result<T, h2::Error> {
    tokio::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        // The work also sees the end of the connection.
        _ = connection => work.await,
    }
}

/// Rule: Go's `net/http/h2_bundle.go`, `http2StreamError` and `http2GoAwayError`.
fn error_text(error: &h2::Error) -> String {
    match error.reason() {
        Some(reason) if error.is_reset() => {
            format!("stream error: stream ID 1; {reason:?}; received from peer")
        }
        Some(reason) if error.is_go_away() => format!(
            "http2: server sent GOAWAY and closed the connection; LastStreamID=0, \
             ErrCode={reason:?}, debug=\"\""
        ),
        // A reset too, more often than not: to acknowledge the server's settings takes the news of
        // it.
        _ => "unexpected EOF".to_owned(),
    }
}
