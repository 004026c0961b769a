//! The faults of a route in one table: name, option, and what a prober observes.
//! `server/script.rs` sends them.

/// The option that a fault takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Takes {
    Nothing,
    Bytes,
    Pace,
    Hops,
}

macro_rules! faults {
    ($($id:ident $name:literal $takes:ident $about:literal;)*) => {
        /// A misbehaviour of a server, named after what a prober observes.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Fault {
            $(
                #[doc = concat!("`", $name, "`: ", $about, ".")]
                $id,
            )*
        }

        const TABLE: [(Fault, Takes, &str); Fault::NAMES.len()] =
            [$((Fault::$id, Takes::$takes, $about)),*];

        impl Fault {
            /// All names, in JSON and on the command line.
            pub const NAMES: [&'static str; [$($name),*].len()] = [$($name),*];
        }
    };
}

faults! {
    Hang           "hang"            Nothing  "read the request, never answer";
    Close          "close"           Nothing  "close (FIN) before a byte";
    Reset          "reset"           Nothing  "reset (RST) before a byte";
    SlowHead       "slow-head"       Pace     "200, its head byte by byte (pace: 1s)";
    SlowBody       "slow-body"       Pace     "200, its body byte by byte (pace: 1s)";
    StallBody      "stall-body"      Bytes    "200, silence after some bytes of the body (bytes: 1)";
    ResetBody      "reset-body"      Bytes    "200, RST after some bytes of the body (bytes: 1)";
    ShortBody      "short-body"      Bytes    "200, FIN before Content-Length is reached (bytes: 1)";
    CutChunk       "cut-chunk"       Bytes    "200, chunked, FIN within a chunk (bytes: 1)";
    LargeBody      "large-body"      Bytes    "200 with a large body (bytes: 20480)";
    Malformed      "malformed"       Nothing  "an answer that does not begin as HTTP";
    Interim        "interim"         Nothing  "103, and no answer after it";
    Redirect       "redirect"        Nothing  "302 to / here";
    RedirectPort   "redirect-port"   Nothing  "302 to the same path on the port above";
    RedirectHost   "redirect-host"   Nothing  "302 to a host that does not exist";
    RedirectChain  "redirect-chain"  Hops     "302 after 302, then 200 (hops: 11)";
    RedirectBroken "redirect-broken" Nothing  "302 to what is no address";
}

impl Fault {
    /// Every fault of a route.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What a prober observes, with the default of its option.
    pub fn about(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// The fault of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|fault| fault.name() == name)
    }

    /// The option that it takes.
    pub(crate) fn takes(self) -> Takes {
        TABLE[self as usize].1
    }

    /// Whether it is a slow or incomplete body, so that the head alone has no fault.
    pub(crate) fn is_of_body(self) -> bool {
        matches!(
            self,
            Self::SlowBody | Self::StallBody | Self::ResetBody | Self::ShortBody | Self::CutChunk
        )
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
        for (fault, takes, about) in TABLE {
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
