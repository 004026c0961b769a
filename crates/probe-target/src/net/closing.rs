//! The end of a connection by FIN, without a RST that would take away what was sent before.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::net::Connection;

/// Closes with FIN and nothing else.
pub(crate) async fn close<C: Connection>(mut connection: C) {
    let cut = poll_fn(|context| Pin::new(&mut connection).poll_cut(context));
    if cut.await.is_ok() {
        forget(connection).await;
    }
}

/// Reads for a while what the client of a closed connection still sends, as unread bytes would make the FIN a RST.
pub(crate) async fn forget<C: Connection>(mut connection: C) {
    const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
    // Whatever goes wrong, the connection ends here.
    _ = timeout(CLOSE_TIMEOUT, gone(&mut connection)).await;
}

/// Waits until the client has left. What it still sends is read and forgotten.
pub(crate) async fn gone(connection: &mut (impl AsyncRead + Unpin)) {
    let mut bytes = [0; 1024];
    while connection.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}
