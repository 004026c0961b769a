//! The decompressor of header blocks: one zlib stream for the life of a connection.
//!
//! Rule: RFC 1950 and RFC 1951. Each block must end where zlib's sync flush ends it, as those of Go
//! clients do, so that no bits are left for the next one.

use super::dictionary::DICTIONARY;

/// Maximum size of a decompressed header block in bytes. A Kubernetes client's has about 100.
const MAX_BLOCK: usize = 16 * 1024;

/// How far back a match can refer.
const WINDOW: usize = 32 * 1024;

/// The checksum by which a zlib header names the dictionary.
const DICTIONARY_ID: [u8; 4] = 0xe3c6_a7c2_u32.to_be_bytes();

/// Maximum length of a code in bits.
const MAX_BITS: usize = 15;

/// The order in which a dynamic block gives the lengths of the codes for lengths.
const LENGTH_ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// The smallest length of each length symbol from 257 on, and how many bits follow it.
const LENGTHS: Ranges = Ranges {
    smallest: &[
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131, 163, 195, 227, 258,
    ],
    extra: &[
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ],
};

/// The smallest distance of each distance symbol, and how many bits follow it.
const DISTANCES: Ranges = Ranges {
    smallest: &[
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ],
    extra: &[
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12,
        13, 13,
    ],
};

/// The ranges of numbers that symbols stand for.
struct Ranges {
    smallest: &'static [usize],
    extra: &'static [u32],
}

/// A header block cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InflateError {
    #[error("it does not begin as a zlib stream with SPDY's dictionary")]
    Header,
    #[error("it ends within a code")]
    Truncated,
    #[error("it contains an invalid code or block")]
    Invalid,
    #[error("it refers to text before its beginning")]
    Distance,
    #[error("it is longer than {MAX_BLOCK} bytes")]
    TooLong,
}

/// The state that one block leaves for the next.
#[derive(Debug, Default)]
pub(crate) struct Inflater {
    is_started: bool,
    /// The end of the text so far.
    window: Vec<u8>,
}

impl Inflater {
    /// Decompresses the next block. After an error the connection must end.
    pub(super) fn inflate(&mut self, block: &[u8]) -> Result<Vec<u8>, InflateError> {
        let block = if self.is_started {
            block
        } else {
            self.start(block)?
        };
        let surplus = self.window.len().saturating_sub(WINDOW);
        self.window.drain(..surplus);
        let start = self.window.len();
        let mut bits = Bits::new(block);
        let mut output = Output {
            bytes: &mut self.window,
            limit: start + MAX_BLOCK,
        };
        while !bits.is_at_end() {
            output.block(&mut bits)?;
        }
        Ok(self.window[start..].to_vec())
    }

    /// Reads the header of the zlib stream.
    fn start<'a>(&mut self, block: &'a [u8]) -> Result<&'a [u8], InflateError> {
        let (header, rest) = block.split_first_chunk().ok_or(InflateError::Truncated)?;
        let [method, flags] = *header;
        let is_zlib = u16::from_be_bytes(*header).is_multiple_of(31) && method & 0x0f == 8;
        if !is_zlib {
            return Err(InflateError::Header);
        }
        self.is_started = true;
        if flags & 0x20 == 0 {
            return Ok(rest);
        }
        let rest = rest
            .strip_prefix(&DICTIONARY_ID)
            .ok_or(InflateError::Header)?;
        self.window.extend_from_slice(&DICTIONARY);
        Ok(rest)
    }
}

/// Bits from the least significant one of each byte on.
struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits that are taken from `bytes` and not yet read.
    buffer: u32,
    buffered: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            buffer: 0,
            buffered: 0,
        }
    }

    fn is_at_end(&self) -> bool {
        self.bytes.is_empty() && self.buffered == 0
    }

    /// Reads up to 13 bits as a number.
    fn take(&mut self, count: u32) -> Result<usize, InflateError> {
        while self.buffered < count {
            let (byte, rest) = self.bytes.split_first().ok_or(InflateError::Truncated)?;
            self.bytes = rest;
            self.buffer |= u32::from(*byte) << self.buffered;
            self.buffered += 8;
        }
        let value = self.buffer & ((1 << count) - 1);
        self.buffer >>= count;
        self.buffered -= count;
        Ok(value as usize)
    }

    /// Takes whole bytes, from the next byte's beginning on.
    fn take_bytes(&mut self, count: usize) -> Result<&'a [u8], InflateError> {
        // Fewer than eight bits are buffered between two reads.
        (self.buffer, self.buffered) = (0, 0);
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or(InflateError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }
}

/// The text of a block, after the texts before it.
struct Output<'a> {
    bytes: &'a mut Vec<u8>,
    limit: usize,
}

impl Output<'_> {
    /// Decompresses one block of the deflate format.
    fn block(&mut self, bits: &mut Bits<'_>) -> Result<(), InflateError> {
        // The zlib stream goes on for as long as the connection.
        if bits.take(1)? == 1 {
            return Err(InflateError::Invalid);
        }
        match bits.take(2)? {
            0 => self.stored(bits),
            1 => self.codes(bits, &fixed_literals()?, &Codes::new(&[5; 30])?),
            2 => {
                let (literals, distances) = dynamic_codes(bits)?;
                self.codes(bits, &literals, &distances)
            }
            _ => Err(InflateError::Invalid),
        }
    }

    fn stored(&mut self, bits: &mut Bits<'_>) -> Result<(), InflateError> {
        let &[low, high, low_check, high_check] = bits.take_bytes(4)? else {
            return Err(InflateError::Truncated);
        };
        if [low, high] != [!low_check, !high_check] {
            return Err(InflateError::Invalid);
        }
        let length = usize::from(u16::from_le_bytes([low, high]));
        self.extend(bits.take_bytes(length)?)
    }

    fn codes(
        &mut self,
        bits: &mut Bits<'_>,
        literals: &Codes,
        distances: &Codes,
    ) -> Result<(), InflateError> {
        loop {
            let symbol = literals.decode(bits)?;
            if let Ok(byte) = u8::try_from(symbol) {
                self.extend(&[byte])?;
            } else if symbol == 256 {
                return Ok(());
            } else {
                let length = LENGTHS.number(symbol - 257, bits)?;
                let distance = DISTANCES.number(distances.decode(bits)?, bits)?;
                self.repeat(length, distance)?;
            }
        }
    }

    fn repeat(&mut self, length: usize, distance: usize) -> Result<(), InflateError> {
        let from = self.bytes.len().checked_sub(distance);
        let from = from.ok_or(InflateError::Distance)?;
        // Byte by byte, as a match may reach into itself.
        for index in from..from + length {
            let byte = self.bytes[index];
            self.extend(&[byte])?;
        }
        Ok(())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), InflateError> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(InflateError::TooLong);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Ranges {
    /// The number of a symbol: the smallest of its range, and what the bits after it add.
    fn number(&self, symbol: usize, bits: &mut Bits<'_>) -> Result<usize, InflateError> {
        let (Some(smallest), Some(extra)) = (self.smallest.get(symbol), self.extra.get(symbol))
        else {
            return Err(InflateError::Invalid);
        };
        Ok(smallest + bits.take(*extra)?)
    }
}

/// A canonical Huffman code.
struct Codes {
    /// The number of codes of each length.
    counts: [usize; MAX_BITS + 1],
    /// The symbols, shortest codes first.
    symbols: Vec<usize>,
}

impl Codes {
    /// The code whose symbols have these lengths; 0 for a symbol without a code.
    fn new(lengths: &[usize]) -> Result<Self, InflateError> {
        let mut counts = [0; MAX_BITS + 1];
        let mut symbols: Vec<usize> = (0..lengths.len()).collect();
        symbols.retain(|symbol| lengths[*symbol] > 0);
        for symbol in &symbols {
            counts[lengths[*symbol]] += 1;
        }
        symbols.sort_by_key(|symbol| lengths[*symbol]);
        let mut free = 1_usize;
        for count in &counts[1..] {
            free = (free * 2)
                .checked_sub(*count)
                .ok_or(InflateError::Invalid)?;
        }
        Ok(Self { counts, symbols })
    }

    fn decode(&self, bits: &mut Bits<'_>) -> Result<usize, InflateError> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return Ok(self.symbols[index + code - first]);
            }
            index += count;
            first = (first + count) * 2;
            code *= 2;
        }
        Err(InflateError::Invalid)
    }
}

/// The code of literals and lengths in blocks that bring none.
fn fixed_literals() -> Result<Codes, InflateError> {
    let length = |symbol| match symbol {
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    };
    let lengths: Vec<usize> = (0..288).map(length).collect();
    Codes::new(&lengths)
}

/// Reads the codes of literals and of distances.
fn dynamic_codes(bits: &mut Bits<'_>) -> Result<(Codes, Codes), InflateError> {
    let literals = bits.take(5)? + 257;
    let distances = bits.take(5)? + 1;
    let given = bits.take(4)? + 4;
    let mut lengths = [0; 19];
    for place in &LENGTH_ORDER[..given] {
        lengths[*place] = bits.take(3)?;
    }
    let codes = Codes::new(&lengths)?;
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (length, times) = match codes.decode(bits)? {
            16 => {
                let last = lengths.last().copied().ok_or(InflateError::Invalid)?;
                (last, bits.take(2)? + 3)
            }
            17 => (0, bits.take(3)? + 3),
            18 => (0, bits.take(7)? + 11),
            length => (length, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times));
    }
    if lengths.len() > literals + distances {
        return Err(InflateError::Invalid);
    }
    let (literals, distances) = lengths.split_at(literals);
    Ok((Codes::new(literals)?, Codes::new(distances)?))
}

#[cfg(test)]
pub(super) mod tests;
