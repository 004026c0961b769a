//! A TCP port: accepts connections and reads without a reply, until the client disconnects.
//! All other behaviours of a TCP port are port states.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::sync::OwnedSemaphorePermit;

use crate::net::Connection;
use crate::server::port::drained;
use crate::target::Target;

/// Serves one connection to its end and holds its permit.
pub(crate) async fn serve<C: Connection>(
    target: Arc<Target>,
    port: u16,
    mut connection: C,
    _room: OwnedSemaphorePermit,
) {
    let peer: SocketAddr = connection.peer();
    let mut exchange = target.accepted(port, peer);
    let mut draining = target.draining();
    let mut bytes = [0; 1024];
    let left = async { while connection.read(&mut bytes).await.is_ok_and(|read| read > 0) {} };
    tokio::select! {
        biased;
        () = drained(&mut draining) => exchange.broken(),
        () = left => {}
    }
}
