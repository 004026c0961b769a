//! A connection that carries HTTP, plain or over TLS.
//! One type for all, as HTTP is compiled once per connection type.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_rustls::TlsStream;
use tokio_util::either::Either;

use crate::net::Connection;
use crate::net::buffered::Buffered;

/// A connection that carries HTTP: plain, or either side of TLS. The stream of TLS is boxed, as it
/// is 1 KB that most connections do not need.
pub(crate) type Layer<C> = Either<C, Box<TlsStream<Buffered<C>>>>;

/// Wraps a plain connection.
pub(crate) fn bare<C>(connection: C) -> Layer<C> {
    Either::Left(connection)
}

impl<C: Connection> Connection for Layer<C> {
    fn peer(&self) -> SocketAddr {
        match self {
            Self::Left(connection) => connection.peer(),
            Self::Right(tls) => tls.get_ref().0.peer(),
        }
    }

    fn minimize_send_buffer(&mut self) {
        match self {
            Self::Left(connection) => connection.minimize_send_buffer(),
            Self::Right(tls) => tls.get_mut().0.minimize_send_buffer(),
        }
    }

    fn reset(self) {
        match self {
            Self::Left(connection) => connection.reset(),
            Self::Right(tls) => match *tls {
                TlsStream::Client(tls) => tls.into_inner().0.reset(),
                TlsStream::Server(tls) => tls.into_inner().0.reset(),
            },
        }
    }

    /// Skips `close_notify`, which only a healthy server sends.
    fn poll_send_fin(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Left(connection) => Pin::new(connection).poll_send_fin(task),
            Self::Right(tls) => Pin::new(tls.get_mut().0).poll_send_fin(task),
        }
    }
}
