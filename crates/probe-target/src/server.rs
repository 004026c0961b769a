//! The data ports: listeners, HTTP/1.1, HTTP/2, gRPC health and TCP, and their faults.

pub(crate) mod connection_limit;
pub(crate) mod grpc_health;
pub(crate) mod http;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod lifecycle;
pub(crate) mod port;
pub(crate) mod reply;
pub(crate) mod request_head;
pub(crate) mod script;
pub(crate) mod tcp;
pub(crate) mod time_limit;
