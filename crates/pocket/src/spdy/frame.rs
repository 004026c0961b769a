//! Frames of SPDY/3.1: a decoder of those that a client sends, and the bytes of those that a server
//! sends.
//!
//! Rule: the SPDY/3.1 draft, section 2.6. As in `github.com/moby/spdystream`, an unknown control
//! frame ends the connection.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::headers::{self, HeaderWriter, Headers, HeadersError};
use super::inflate::Inflater;

const VERSION: u16 = 3;
/// The bit of a frame's first word that tells control frames from data.
const CONTROL: u16 = 1 << 15;
/// The flag of the last frame of a stream's direction.
const FIN: u8 = 1;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const SETTINGS: u16 = 4;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;
const WINDOW_UPDATE: u16 = 9;

/// Maximum size of a control frame's content in bytes.
const MAX_CONTROL: usize = 16 * 1024;
/// Maximum size in bytes of the pieces in which data is passed on. Data frames have no limit.
const MAX_PIECE: usize = 4 * 1024;

/// A client's frame cannot be read; the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a control frame has version {0}; only version {VERSION} is supported")]
    Version(u16),
    #[error("a control frame has the unknown type {0}")]
    Type(u16),
    #[error("a control frame has the length {0}, which its type forbids")]
    Length(usize),
    #[error("a frame is of stream 0")]
    StreamZero,
    #[error("the headers of stream {0} cannot be read")]
    Headers(u32, #[source] HeadersError),
}

/// What a client's frame asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A new stream. The client sends no data on it if `fin`.
    Open {
        stream: u32,
        headers: Headers,
        fin: bool,
    },
    /// Data of a stream, all or a part of a frame. None follows if `fin`.
    Data {
        stream: u32,
        bytes: Bytes,
        fin: bool,
    },
    /// The end of a stream in both directions.
    Reset { stream: u32 },
    /// A frame that is to be sent back.
    Ping(u32),
    /// The end of the connection.
    GoAway,
    /// A frame without consequences: replies, headers after the first, settings and windows.
    Ignored,
}

/// What precedes the content of a frame.
struct Head {
    /// Of a control frame its version, of data the first half of its stream.
    first: u16,
    /// Of a control frame its type, of data the second half of its stream.
    second: u16,
    flags: u8,
    length: usize,
}

impl Head {
    const LENGTH: usize = 8;

    fn read(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            first: bytes.try_get_u16().ok()?,
            second: bytes.try_get_u16().ok()?,
            flags: bytes.try_get_u8().ok()?,
            length: usize::try_from(bytes.try_get_uint(3).ok()?).ok()?,
        })
    }
}

/// Splits a client's bytes into frames.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    received: BytesMut,
    inflater: Inflater,
    /// The data frame that is passed on in pieces.
    data: Option<DataFrame>,
}

#[derive(Clone, Copy, Debug)]
struct DataFrame {
    stream: u32,
    left: usize,
    fin: bool,
}

impl Decoder {
    /// Adds received bytes.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next frame, once it is complete. Between two calls of [`Self::extend`] all frames must
    /// be taken: what is kept is then smaller than one control frame.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(frame) = self.data.take() {
            return Ok(self.piece(frame));
        }
        let Some(head) = Head::read(&self.received) else {
            return Ok(None);
        };
        let fin = head.flags & FIN != 0;
        if head.first & CONTROL == 0 {
            self.received.advance(Head::LENGTH);
            let stream = nonzero(u32::from(head.first) << 16 | u32::from(head.second))?;
            let left = head.length;
            return Ok(self.piece(DataFrame { stream, left, fin }));
        }
        let version = head.first & !CONTROL;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        if head.length > MAX_CONTROL {
            return Err(FrameError::Length(head.length));
        }
        if self.received.len() < Head::LENGTH + head.length {
            return Ok(None);
        }
        self.received.advance(Head::LENGTH);
        let content = self.received.split_to(head.length).freeze();
        self.control(head.second, fin, content).map(Some)
    }

    /// The next piece of a data frame.
    fn piece(&mut self, mut frame: DataFrame) -> Option<Frame> {
        let length = frame.left.min(self.received.len()).min(MAX_PIECE);
        // Copied: a piece that waits for its reader must not keep all that came with it.
        let bytes = Bytes::copy_from_slice(&self.received[..length]);
        self.received.advance(length);
        frame.left -= length;
        let is_whole = frame.left == 0;
        if !is_whole {
            self.data = Some(frame);
            if bytes.is_empty() {
                return None;
            }
        }
        Some(Frame::Data {
            stream: frame.stream,
            bytes,
            fin: frame.fin && is_whole,
        })
    }

    fn control(&mut self, kind: u16, fin: bool, mut content: Bytes) -> Result<Frame, FrameError> {
        let length = content.len();
        match (kind, length) {
            (SYN_STREAM, 10..) => {
                let stream = stream_id(&mut content)?;
                // The associated stream, the priority and the slot.
                content.advance(6);
                let headers = self.headers(stream, &content)?;
                Ok(Frame::Open {
                    stream,
                    headers,
                    fin,
                })
            }
            // Read, as the next block refers to them.
            (SYN_REPLY | HEADERS, 4..) => {
                let stream = stream_id(&mut content)?;
                self.headers(stream, &content)?;
                Ok(if fin {
                    let bytes = Bytes::new();
                    Frame::Data { stream, bytes, fin }
                } else {
                    Frame::Ignored
                })
            }
            (RST_STREAM, 8) => {
                let stream = stream_id(&mut content)?;
                Ok(Frame::Reset { stream })
            }
            (PING, 4) => Ok(Frame::Ping(content.get_u32())),
            (GOAWAY, 8) => Ok(Frame::GoAway),
            (SETTINGS, 4..) | (WINDOW_UPDATE, 8) => Ok(Frame::Ignored),
            (SYN_STREAM..=SETTINGS | PING..=WINDOW_UPDATE, _) => Err(FrameError::Length(length)),
            _ => Err(FrameError::Type(kind)),
        }
    }

    fn headers(&mut self, stream: u32, block: &[u8]) -> Result<Headers, FrameError> {
        headers::read(&mut self.inflater, block).map_err(|why| FrameError::Headers(stream, why))
    }
}

fn stream_id(content: &mut Bytes) -> Result<u32, FrameError> {
    nonzero(content.get_u32() & 0x7fff_ffff)
}

fn nonzero(stream: u32) -> Result<u32, FrameError> {
    if stream == 0 {
        Err(FrameError::StreamZero)
    } else {
        Ok(stream)
    }
}

/// The frame that accepts a stream.
pub(crate) fn syn_reply(writer: &mut HeaderWriter, stream: u32) -> Bytes {
    let mut content = BytesMut::new();
    content.put_u32(stream);
    content.extend_from_slice(&writer.write(&[]));
    control(SYN_REPLY, 0, &content)
}

/// Data of a stream; `fin` says that none follows.
pub(crate) fn data(stream: u32, bytes: &[u8], fin: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(8 + bytes.len());
    frame.put_u32(stream);
    frame.put_u8(if fin { FIN } else { 0 });
    frame.put_uint(bytes.len() as u64, 3);
    frame.extend_from_slice(bytes);
    frame.freeze()
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetStatus {
    ProtocolError = 1,
    Refused = 3,
    Cancel = 5,
}

/// The frame that ends a stream in both directions.
pub(crate) fn rst_stream(stream: u32, status: ResetStatus) -> Bytes {
    let mut content = BytesMut::new();
    content.put_u32(stream);
    content.put_u32(status as u32);
    control(RST_STREAM, 0, &content)
}

pub(crate) fn ping(id: u32) -> Bytes {
    control(PING, 0, &id.to_be_bytes())
}

/// The frame that ends the connection because of an error of the client. `last` is its last stream.
pub(crate) fn goaway(last: u32) -> Bytes {
    let mut content = BytesMut::new();
    content.put_u32(last);
    content.put_u32(1);
    control(GOAWAY, 0, &content)
}

fn control(kind: u16, flags: u8, content: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(8 + content.len());
    frame.put_u16(CONTROL | VERSION);
    frame.put_u16(kind);
    frame.put_u8(flags);
    frame.put_uint(content.len() as u64, 3);
    frame.extend_from_slice(content);
    frame.freeze()
}

/// A client's frame that opens a stream.
#[cfg(test)]
pub(crate) fn syn_stream(
    writer: &mut HeaderWriter,
    stream: u32,
    headers: &[(&str, &str)],
    fin: bool,
) -> Bytes {
    let mut content = BytesMut::new();
    content.put_u32(stream);
    content.put_bytes(0, 6);
    content.extend_from_slice(&writer.write(headers));
    control(SYN_STREAM, u8::from(fin), &content)
}

#[cfg(test)]
mod tests;
