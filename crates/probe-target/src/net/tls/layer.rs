//! A connection that carries HTTP, plain or over TLS.
//! One type for all, as HTTP is compiled once per connection type.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

use crate::net::Connection;
use crate::net::prefixed_stream::PrefixedStream;

/// A connection that carries HTTP.
#[derive(Debug)]
pub(crate) enum Layer<C> {
    /// A plain connection.
    Bare(C),
    /// The server side of TLS.
    Server(Box<server::TlsStream<PrefixedStream<C>>>),
    /// The client side of TLS.
    Client(Box<client::TlsStream<C>>),
}

/// Wraps a plain connection.
pub(crate) fn bare<C>(connection: C) -> Layer<C> {
    Layer::Bare(connection)
}

impl<C: Connection> Connection for Layer<C> {
    fn peer(&self) -> SocketAddr {
        match self {
            Self::Bare(connection) => connection.peer(),
            Self::Server(stream) => stream.get_ref().0.peer(),
            Self::Client(stream) => stream.get_ref().0.peer(),
        }
    }

    fn keep_little(&mut self) {
        match self {
            Self::Bare(connection) => connection.keep_little(),
            Self::Server(stream) => stream.get_mut().0.keep_little(),
            Self::Client(stream) => stream.get_mut().0.keep_little(),
        }
    }

    fn reset(self) {
        match self {
            Self::Bare(connection) => connection.reset(),
            Self::Server(stream) => stream.into_inner().0.reset(),
            Self::Client(stream) => stream.into_inner().0.reset(),
        }
    }

    /// Skips `close_notify`, which only a healthy server sends.
    fn poll_cut(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Bare(connection) => Pin::new(connection).poll_cut(context),
            Self::Server(stream) => Pin::new(stream.get_mut().0).poll_cut(context),
            Self::Client(stream) => Pin::new(stream.get_mut().0).poll_cut(context),
        }
    }
}

/// Calls a method of the underlying stream.
macro_rules! ask {
    ($layer:expr, $stream:ident => $ask:expr) => {
        match &mut *$layer {
            Layer::Bare($stream) => {
                let $stream = Pin::new($stream);
                $ask
            }
            Layer::Server($stream) => {
                let $stream = Pin::new($stream);
                $ask
            }
            Layer::Client($stream) => {
                let $stream = Pin::new($stream);
                $ask
            }
        }
    };
}

impl<C: Connection> AsyncRead for Layer<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ask!(self, stream => stream.poll_read(context, buffer))
    }
}

impl<C: Connection> AsyncWrite for Layer<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ask!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ask!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ask!(self, stream => stream.poll_shutdown(context))
    }
}
