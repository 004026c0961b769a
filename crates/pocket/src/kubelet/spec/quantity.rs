//! Parses amounts of memory, such as `64Mi`, into whole bytes.
//!
//! Rule: `staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go`.

/// The bytes of `64Mi`, `1.5Gi`, `128M`, `1e6` or `4096`; `None` unless they are whole.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let unit = text.find(|c| !digits(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let factor = match unit.strip_prefix(['e', 'E']).map(str::parse) {
        Some(Ok(exponent)) => 10_u64.checked_pow(exponent)?,
        _ => factor(unit)?,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    if part.is_empty() {
        return Some(whole);
    }
    let tenths = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part = part.parse::<u64>().ok()?.checked_mul(factor)?;
    part.is_multiple_of(tenths).then(|| whole + part / tenths)
}

fn factor(unit: &str) -> Option<u64> {
    let powers = ["", "k", "M", "G", "T"].into_iter().zip(0..);
    let mut decimal = powers.map(|(name, power)| (name, 1000_u64.pow(power)));
    let powers = ["Ki", "Mi", "Gi", "Ti"].into_iter().zip(1..);
    let mut binary = powers.map(|(name, power)| (name, 1024_u64.pow(power)));
    let found = decimal.find(|(name, _)| *name == unit);
    found
        .or_else(|| binary.find(|(name, _)| *name == unit))
        .map(|(_, factor)| factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_notations_of_whole_bytes_are_parsed() {
        let check = |text, expected| assert_eq!(bytes(text), expected, "{text}");
        check("4096", Some(4096));
        check("64Mi", Some(64 << 20));
        check("1.5Gi", Some(3 << 29));
        check("128M", Some(128_000_000));
        check("1e6", Some(1_000_000));
        check("1E", None);
        check("100m", None);
        check("0.1Ki", None);
        check("Mi", None);
        check("-1", None);
        check("", None);
        check("99999999999999999999Ti", None);
    }
}
