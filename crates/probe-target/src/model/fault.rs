//! The faults of a route in one table: name, option, and what a prober observes.
//! `server/script.rs` sends them.

/// A misbehaviour of a server, named after what a prober observes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The request is read and never answered.
    Hang,
    /// The connection is closed (FIN) before a byte of a reply.
    Close,
    /// The connection is reset (RST) before a byte of a reply.
    Reset,
    /// The response head of a 200 is sent byte by byte.
    SlowHead,
    /// The body of a 200 is sent byte by byte.
    SlowBody,
    /// A 200 whose body stalls.
    StallBody,
    /// A 200 whose body ends in a reset.
    ResetBody,
    /// A 200 whose body is shorter than its `Content-Length`.
    ShortBody,
    /// A 200 whose body ends within a chunk.
    CutChunk,
    /// A 200 with a body larger than a kubelet reads.
    LargeBody,
    /// A response that is not HTTP from its first line.
    Malformed,
    /// A 103 without a final response.
    Interim,
    /// A 302 to `/` on the same host and port.
    Redirect,
    /// A 302 to the port above, on the same host.
    RedirectPort,
    /// A 302 to another host, which does not exist.
    RedirectHost,
    /// 302 after 302 on the same path, then a 200.
    RedirectChain,
    /// A 302 with an invalid `Location`.
    RedirectBroken,
}

impl Fault {
    /// Whether the fault is a slow or incomplete body, so that the head alone has no fault.
    pub(crate) fn is_of_body(self) -> bool {
        matches!(
            self,
            Self::SlowBody | Self::StallBody | Self::ResetBody | Self::ShortBody | Self::CutChunk
        )
    }
}

/// The option that a fault takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Takes {
    Nothing,
    Bytes,
    Pace,
    Hops,
}

const TABLE: [(Fault, &str, Takes, &str); 17] = {
    use Fault as F;
    use Takes as T;
    [
        (
            F::Hang,
            "hang",
            T::Nothing,
            "read the request, never answer",
        ),
        (F::Close, "close", T::Nothing, "close (FIN) before a byte"),
        (F::Reset, "reset", T::Nothing, "reset (RST) before a byte"),
        (
            F::SlowHead,
            "slow-head",
            T::Pace,
            "200, its head byte by byte (pace: 1s)",
        ),
        (
            F::SlowBody,
            "slow-body",
            T::Pace,
            "200, its body byte by byte (pace: 1s)",
        ),
        (
            F::StallBody,
            "stall-body",
            T::Bytes,
            "200, silence after some bytes of the body (bytes: 1)",
        ),
        (
            F::ResetBody,
            "reset-body",
            T::Bytes,
            "200, RST after some bytes of the body (bytes: 1)",
        ),
        (
            F::ShortBody,
            "short-body",
            T::Bytes,
            "200, FIN before Content-Length is reached (bytes: 1)",
        ),
        (
            F::CutChunk,
            "cut-chunk",
            T::Bytes,
            "200, chunked, FIN within a chunk (bytes: 1)",
        ),
        (
            F::LargeBody,
            "large-body",
            T::Bytes,
            "200 with a large body (bytes: 20480)",
        ),
        (
            F::Malformed,
            "malformed",
            T::Nothing,
            "an answer that does not begin as HTTP",
        ),
        (
            F::Interim,
            "interim",
            T::Nothing,
            "103, and no answer after it",
        ),
        (F::Redirect, "redirect", T::Nothing, "302 to / here"),
        (
            F::RedirectPort,
            "redirect-port",
            T::Nothing,
            "302 to the same path on the port above",
        ),
        (
            F::RedirectHost,
            "redirect-host",
            T::Nothing,
            "302 to a host that does not exist",
        ),
        (
            F::RedirectChain,
            "redirect-chain",
            T::Hops,
            "302 after 302, then 200 (hops: 11)",
        ),
        (
            F::RedirectBroken,
            "redirect-broken",
            T::Nothing,
            "302 to what is no address",
        ),
    ]
};

impl Fault {
    /// Every fault of a route.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The fault's name in JSON and on the command line.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What a prober observes, with the defaults of its options.
    pub fn about(self) -> &'static str {
        self.row().3
    }

    /// The fault of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|fault| fault.name() == name)
    }

    /// All names.
    pub const NAMES: [&str; TABLE.len()] = {
        let mut names = [""; TABLE.len()];
        let mut number = 0;
        while number < TABLE.len() {
            names[number] = TABLE[number].1;
            number += 1;
        }
        names
    };

    /// The option that it takes.
    pub(crate) fn takes(self) -> Takes {
        self.row().2
    }

    fn row(self) -> &'static (Self, &'static str, Takes, &'static str) {
        let row = TABLE.iter().find(|row| row.0 == self);
        row.expect("every fault must be in the table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_row_of_its_own() {
        for fault in Fault::all() {
            assert_eq!(Fault::named(fault.name()), Some(fault));
        }
    }

    #[test]
    fn a_detail_is_for_those_faults_that_name_it() {
        for (fault, _, takes, about) in TABLE {
            let named = [
                (Takes::Bytes, "(bytes: "),
                (Takes::Pace, "(pace: "),
                (Takes::Hops, "(hops: "),
            ];
            for (by, text) in named {
                assert_eq!(about.contains(text), by == takes, "{}", fault.name());
            }
        }
    }
}
