//! SPDY/3.1, the framing in which kubectl multiplexes streams: a codec and its server's session.
//!
//! Only what Kubernetes' clients use, as `github.com/moby/spdystream` implements it: there are no
//! windows, so that the connection below is all flow control. The codec is pure.

mod dictionary;
pub(crate) mod frame;
mod headers;
mod inflate;
mod session;

pub(crate) use headers::Headers;
pub(crate) use session::{Received, SpdyStream, StreamReceiver, StreamSender, serve};

#[cfg(test)]
pub(crate) use frame::{ResetStatus, syn_stream};
#[cfg(test)]
pub(crate) use headers::HeaderWriter;
