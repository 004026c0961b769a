//! A TCP port: accepts connections and reads without a reply, until the client disconnects.
//! All other behaviours of a TCP port are port states.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::net::Connection;
use crate::net::closing::discard_until_end;
use crate::target::Target;

/// Serves one connection to its end and holds its permit.
pub(crate) async fn serve<C: Connection>(
    target: Arc<Target>,
    port: u16,
    mut connection: C,
    _permit: OwnedSemaphorePermit,
) {
    let mut pending = target.begin_connection(port, connection.peer());
    tokio::select! {
        biased;
        () = target.drained() => pending.end_by_target(),
        () = discard_until_end(&mut connection) => {}
    }
}
