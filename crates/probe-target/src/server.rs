//! The data ports: listeners, HTTP/1.1, HTTP/2, gRPC health and TCP, and their faults.

mod connection_context;
pub(crate) mod connection_limit;
pub(crate) mod grpc_health;
mod http;
pub(crate) mod http1;
mod http2;
mod http2_stream;
pub(crate) mod lifecycle;
pub(crate) mod port;
pub(crate) mod reply;
pub(crate) mod request_head;
mod script;
mod tcp;
pub(crate) mod time_limit;
