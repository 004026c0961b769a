//! One HTTP request as a client: connect, send, read the whole answer, within a time. What the answer means is the caller's business.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;

use crate::net::{Connection, Network};

/// A connection over which requests are sent, one after another. It moves only while one is in progress.
pub(crate) struct Client<C: Connection> {
    sender: SendRequest<Full<Bytes>>,
    connection: http1::Connection<TokioIo<C>, Full<Bytes>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No connection.
    Connect(io::Error),
    /// No whole answer.
    Exchange(hyper::Error),
}

impl<C: Connection> Client<C> {
    /// Connects.
    pub(crate) async fn connect<N>(network: &N, address: SocketAddr) -> Result<Self, Trouble>
    where
        N: Network<Connection = C>,
    {
        let connection = network.connect(address).await.map_err(Trouble::Connect)?;
        let shaken = http1::handshake(TokioIo::new(connection)).await;
        let (sender, connection) = shaken.map_err(Trouble::Exchange)?;
        Ok(Self { sender, connection })
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Trouble> {
        let sender = &mut self.sender;
        let exchange = async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok((head.status, body.collect().await?.to_bytes()))
        };
        let mut exchange = std::pin::pin!(exchange);
        let answer = tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // When the connection has ended, the exchange knows why.
            _ = &mut self.connection => exchange.await,
        };
        answer.map_err(Trouble::Exchange)
    }

    /// Whether the connection cannot carry another request.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Trouble {
    /// Whether the request was never sent, as an idle connection had ended.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(self, Self::Exchange(error) if error.is_canceled() || error.is_closed())
    }

    /// The network's own word for it, if it had one.
    pub(crate) fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Connect(error) => Some(error.kind()),
            Self::Exchange(error) => {
                let mut cause = error.source();
                while let Some(error) = cause {
                    if let Some(error) = error.downcast_ref::<io::Error>() {
                        return Some(error.kind());
                    }
                    cause = error.source();
                }
                None
            }
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.kind(), self) {
            (Some(io::ErrorKind::ConnectionRefused), _) => f.write_str("connection refused"),
            (Some(io::ErrorKind::ConnectionReset), _) => f.write_str("connection reset"),
            (_, Self::Connect(error)) => write!(f, "no connection: {error}"),
            (_, Self::Exchange(error)) => write!(f, "no whole answer: {error}"),
        }
    }
}
