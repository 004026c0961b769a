//! Closes connections with FIN, and avoids a RST that would destroy data sent before: Linux sends
//! one if a socket is closed while it has unread bytes, and the client then discards what it has
//! not read yet (RFC 2525, 2.17).

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::net::Connection;

/// Closes with FIN, without any message before it.
pub(crate) async fn close<C: Connection>(mut connection: C) {
    let closed = poll_fn(|context| Pin::new(&mut connection).poll_send_fin(context));
    if closed.await.is_ok() {
        discard_briefly(connection).await;
    }
}

/// Reads what the client of a closed connection still sends, for one second: closing with unread
/// bytes would send a RST.
pub(crate) async fn discard_briefly<C: Connection>(mut connection: C) {
    const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
    // The connection ends here in any case.
    _ = timeout(CLOSE_TIMEOUT, discard_until_end(&mut connection)).await;
}

/// Waits until the client disconnects, and discards what it sends.
pub(crate) async fn discard_until_end(connection: &mut (impl AsyncRead + Unpin)) {
    let mut bytes = [0; 1024];
    while connection.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}
