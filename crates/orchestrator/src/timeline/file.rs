//! Reads and writes timelines as JSON lines.
//!
//! A timeline is a header line, then one line for each record. A file can hold several timelines in
//! sequence.

use std::io::{self, Write};

use serde::Deserialize;
use serde_json::Value;

use super::{FORMAT, Header, Record, Timeline};

/// Why a file cannot be read as timelines.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A line cannot be parsed.
    #[error("line {line} is no {expected} of a timeline")]
    Parse {
        /// Number of the line, from 1.
        line: usize,
        /// The expected content: a line, a header or a record.
        expected: &'static str,
        /// The parse error.
        #[source]
        source: serde_json::Error,
    },
    /// The header has another format version.
    #[error("line {line}: timeline format {found}; this probeflip reads format {FORMAT}")]
    Format {
        /// Number of the line, from 1.
        line: usize,
        /// The version in the header.
        found: u64,
    },
    /// A record precedes the first header.
    #[error("line {line}: expected a header before the first record")]
    NoHeader {
        /// Number of the line, from 1.
        line: usize,
    },
    /// A record has an earlier time than the one before it.
    #[error("line {line}: this record was received before the previous one")]
    Order {
        /// Number of the line, from 1.
        line: usize,
    },
}

/// Writes one timeline.
pub(crate) fn write(timeline: &Timeline, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, timeline.header())?;
    writeln!(to)?;
    for record in timeline.records() {
        serde_json::to_writer(&mut to, record)?;
        writeln!(to)?;
    }
    Ok(())
}

/// Reads all timelines of a file.
pub fn read(text: &str) -> Result<Vec<Timeline>, ReadError> {
    let mut timelines: Vec<Timeline> = Vec::new();
    for (number, text) in text.lines().enumerate() {
        let line = number + 1;
        let value: Value = parse(text, line, "line")?;
        if let Some(format) = value.get("timeline") {
            timelines.push(Timeline::new(header(&value, format, line)?));
            continue;
        }
        let record: Record = parse(text, line, "record")?;
        let timeline = timelines.last_mut().ok_or(ReadError::NoHeader { line })?;
        if record.at < timeline.last() {
            return Err(ReadError::Order { line });
        }
        timeline.push(record.at, record.what);
    }
    Ok(timelines)
}

fn parse<'de, T: Deserialize<'de>>(
    text: &'de str,
    line: usize,
    expected: &'static str,
) -> Result<T, ReadError> {
    serde_json::from_str(text).map_err(|source| ReadError::Parse {
        line,
        expected,
        source,
    })
}

fn header(value: &Value, format: &Value, line: usize) -> Result<Header, ReadError> {
    if let Some(found) = format.as_u64().filter(|found| *found != u64::from(FORMAT)) {
        return Err(ReadError::Format { line, found });
    }
    Header::deserialize(value).map_err(|source| ReadError::Parse {
        line,
        expected: "header",
        source,
    })
}

#[cfg(test)]
mod tests;
