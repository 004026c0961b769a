//! The maximum number of open connections on all data ports, from the limit on file descriptors.
//! It leaves descriptors for the control address and bounds memory. Further connections wait in the
//! backlog.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::process::Files;

/// Descriptors reserved for the control address, listeners and files.
const RESERVED: usize = 256;

/// The maximum, however high the descriptor limit is. An idle connection takes about 4 KB.
const MOST: usize = 16_384;

/// The minimum, however low the descriptor limit is.
const LEAST: usize = 16;

/// A semaphore with one permit per connection.
pub(crate) fn from_system(files: &dyn Files) -> Arc<Semaphore> {
    let limits = files.read("/proc/self/limits").unwrap_or_default();
    let limits = String::from_utf8_lossy(&limits);
    Arc::new(Semaphore::new(connections(&limits)))
}

/// The number of connections for a `/proc/pid/limits` file, see proc(5).
fn connections(limits: &str) -> usize {
    let mut lines = limits.lines();
    let soft = lines.find_map(|line| {
        let rest = line.strip_prefix("Max open files")?;
        rest.split_whitespace().next()?.parse::<usize>().ok()
    });
    // `unlimited` is no number; without procfs nothing is known.
    soft.map_or(MOST, |soft| {
        soft.saturating_sub(RESERVED).clamp(LEAST, MOST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_by_descriptors_and_by_a_maximum() {
        for (limit, expected) in [
            ("", MOST),
            ("unlimited            unlimited            files", MOST),
            ("1048576              1048576              files", MOST),
            ("1024                 524288               files", 768),
            ("64                   64                   files", LEAST),
        ] {
            let limits =
                format!("Limit  Soft Limit\nMax processes  7  7\nMax open files  {limit}\n");
            assert_eq!(connections(&limits), expected, "{limit}");
        }
    }
}
