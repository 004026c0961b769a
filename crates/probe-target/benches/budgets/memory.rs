//! Memory of an idle target, and what idle connections add.

use std::path::Path;

use crate::load::Connection;
use crate::server::Server;
use crate::table::Table;

/// Measures an idle target, and one with 64 idle connections that have each made a request.
pub(crate) fn idle(binary: &Path, table: &mut Table) {
    let server = Server::start(binary, &[]);
    crate::load::once(server.address);
    let idle = server.pss();
    let connections: Vec<_> = (0..64).map(|_| Connection::asked(server.address)).collect();
    let more = server.pss() - idle;
    drop(connections);
    table.row(
        "memory, idle (PSS)",
        format!("{:.2} MB", megabytes(idle)),
        "≤ 2.0 MB",
    );
    table.row(
        "64 idle connections more",
        format!("{:.2} MB", megabytes(more)),
        "≤ 1.5 MB",
    );
}

/// Formats kibibytes.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub(crate) fn megabytes(kilobytes: u64) -> f64 {
    kilobytes as f64 * 1024.0 / 1e6
}
