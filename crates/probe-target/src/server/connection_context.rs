//! What all requests of one data connection share: the target, the port, its protocol, the peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ::http::Response;

use crate::model::behaviour::Fault;
use crate::model::port_spec::Protocol;
use crate::state::decision::Decision;
use crate::target::Target;
use crate::target::pending_request::{PendingRequest, RequestInfo};

/// The context of a data connection, shared by its requests.
#[derive(Clone)]
pub(crate) struct ConnectionContext {
    pub(crate) target: Arc<Target>,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) peer: SocketAddr,
    /// Set before a fault ends an HTTP/2 connection: its other requests then end by the target too.
    pub(crate) cut: Option<Arc<AtomicBool>>,
}

impl ConnectionContext {
    /// Decides what to do with a request, and begins its record.
    pub(crate) fn begin(&self, request: &RequestInfo<'_>) -> (Decision, PendingRequest) {
        let (decision, pending) = self.target.begin(self.port, self.peer, request);
        (decision, pending.sharing(self.cut.clone()))
    }

    /// Begins the record of a request that no behaviour applies to, and returns the port fault in
    /// force.
    pub(crate) fn begin_unmatched(
        &self,
        request: &RequestInfo<'_>,
        reply: &str,
    ) -> (Option<Fault>, PendingRequest) {
        let target = &self.target;
        let (fault, pending) = target.begin_unmatched(self.port, self.peer, request, reply);
        (fault, pending.sharing(self.cut.clone()))
    }

    /// An `http` response head with the identity headers only.
    pub(crate) fn head(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.headers_mut() = self.target.identity.headers(self.port);
        response
    }
}
