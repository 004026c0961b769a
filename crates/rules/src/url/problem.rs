//! Why a text is not a URL, as Go tells problems apart.

/// A problem in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The text contains an ASCII control character.
    Control,
    /// The text begins with a colon.
    NoScheme,
    /// The first segment of a relative path contains a colon, so that it looks like a scheme.
    Colon,
    /// An escape without two hexadecimal digits, or of a byte that may not be escaped there. The
    /// value is the escape, which may be cut off at the end of the text.
    Escape(Vec<u8>),
    /// The part before `@` contains an invalid character.
    User,
    /// Brackets without an IPv6 address between them.
    IpLiteral,
    /// An opening bracket without a closing one.
    Bracket,
    /// A byte that is invalid in a host.
    HostCharacter(u8),
    /// A port that is not a number, with its colon.
    Port(String),
    /// The text in brackets is not an IPv6 address.
    Address(Vec<u8>),
}
