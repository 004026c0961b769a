//! The connections of a server, each served in a task of its own.

use std::convert::Infallible;

use tokio::task::JoinSet;

use crate::system::{Connection, Listener};

/// Accepts connections for ever.
pub(super) async fn serve_each<F>(
    mut listener: Box<dyn Listener>,
    serve: impl Fn(Box<dyn Connection>) -> F,
) -> Infallible
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok(connection) = accepted else { continue };
                connections.spawn(serve(connection));
            }
        }
    }
}
