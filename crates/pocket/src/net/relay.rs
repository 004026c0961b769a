//! Passes bytes on between a socket and a connection of the network in memory.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::TcpStream;

use super::stream::Stream;

/// Passes bytes on until both sides have ended. A FIN is passed on as a FIN, a RST as a RST.
pub(super) async fn relay(mut socket: TcpStream, mut stream: Stream) {
    let (from_client, to_client) = socket.split();
    let (from_pod, to_pod) = split(&mut stream);
    let ended = tokio::try_join!(pass(from_client, to_pod), pass(from_pod, to_client));
    if ended.is_err() {
        stream.reset();
        reset(socket);
    }
}

/// Ends a connection with a RST instead of a FIN.
pub(super) fn reset(socket: TcpStream) {
    // If it fails, the client sees a FIN.
    drop(socket.set_zero_linger());
    drop(socket);
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}
