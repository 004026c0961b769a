//! The headers of a stream: a compressed block of names and values.

use std::collections::BTreeMap;
use std::str::Utf8Error;

use super::inflate::{InflateError, Inflater};

/// Headers by name, in lower case.
pub(crate) type Headers = BTreeMap<String, String>;

/// A header block cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadersError {
    #[error("a header block cannot be decompressed")]
    Inflate(#[source] InflateError),
    #[error("a header block is cut off")]
    Truncated,
    #[error("a header's name or value is not text")]
    Encoding(#[source] Utf8Error),
    #[error("a header block names a header twice")]
    Duplicate,
}

/// Reads a compressed block.
pub(crate) fn read(inflater: &mut Inflater, block: &[u8]) -> Result<Headers, HeadersError> {
    let block = inflater.inflate(block).map_err(HeadersError::Inflate)?;
    let mut rest = block.as_slice();
    let mut headers = Headers::new();
    // A count that is too large fails at the end of the block, whose size is limited.
    for _ in 0..number(&mut rest)? {
        let name = text(&mut rest)?;
        let value = text(&mut rest)?;
        if headers.insert(name, value).is_some() {
            return Err(HeadersError::Duplicate);
        }
    }
    Ok(headers)
}

fn text(rest: &mut &[u8]) -> Result<String, HeadersError> {
    let length = number(rest)? as usize;
    let (text, after) = rest
        .split_at_checked(length)
        .ok_or(HeadersError::Truncated)?;
    *rest = after;
    let text = str::from_utf8(text).map_err(HeadersError::Encoding)?;
    Ok(text.to_owned())
}

fn number(rest: &mut &[u8]) -> Result<u32, HeadersError> {
    let (number, after) = rest.split_first_chunk().ok_or(HeadersError::Truncated)?;
    *rest = after;
    Ok(u32::from_be_bytes(*number))
}

/// Writes blocks as one zlib stream that compresses nothing.
#[derive(Debug, Default)]
pub(crate) struct HeaderWriter {
    is_started: bool,
}

impl HeaderWriter {
    /// The next block.
    pub(crate) fn write(&mut self, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut plain = length(headers.len()).to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend_from_slice(&length(text.len()));
            plain.extend_from_slice(text.as_bytes());
        }
        let mut block = Vec::new();
        if !self.is_started {
            // Deflate with a window of 32 KiB, without a dictionary.
            block.extend_from_slice(&[0x78, 0x01]);
        }
        self.is_started = true;
        for stored in plain.chunks(usize::from(u16::MAX)) {
            push_stored(&mut block, stored);
        }
        // Go's decompressor gives out nothing before an empty stored block.
        push_stored(&mut block, &[]);
        block
    }
}

/// A length as SPDY writes it. Nothing that pocket writes is near the limit.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn push_stored(block: &mut Vec<u8>, stored: &[u8]) {
    let length = u16::try_from(stored.len()).unwrap_or(u16::MAX);
    block.push(0);
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&(!length).to_le_bytes());
    block.extend_from_slice(stored);
}
