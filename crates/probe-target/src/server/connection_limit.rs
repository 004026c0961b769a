//! How many connections may be open on all ports together, so that there is always a descriptor left for the control address,
//! and an end to the memory they take. Those beyond wait to be accepted.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::process::Files;

/// Descriptors that are not for connections to ports: callers of the control address, listeners, files.
const RESERVED: usize = 256;

/// However many descriptors there are. A connection at rest takes about 4 KB.
const MOST: usize = 16_384;

/// However few there are.
const LEAST: usize = 16;

/// Room for as many connections as the process has descriptors for.
pub(crate) fn of(files: &dyn Files) -> Arc<Semaphore> {
    let limits = files.read("/proc/self/limits").unwrap_or_default();
    let limits = String::from_utf8_lossy(&limits);
    Arc::new(Semaphore::new(connections(&limits)))
}

/// What proc(5), `/proc/pid/limits`, leaves for connections.
fn connections(limits: &str) -> usize {
    let mut lines = limits.lines();
    let soft = lines.find_map(|line| {
        let rest = line.strip_prefix("Max open files")?;
        rest.split_whitespace().next()?.parse::<usize>().ok()
    });
    soft.map_or(MOST, |soft| {
        soft.saturating_sub(RESERVED).clamp(LEAST, MOST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_what_the_system_allows_and_no_more_than_is_sensible() {
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
