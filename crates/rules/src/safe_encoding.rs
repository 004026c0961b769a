//! The encoding of hashes in names: letters and digits that form no words.

/// The replacements of the digits 0 to 9.
const LETTERS: &[u8; 10] = b"456789bcdf";

/// A hash as it appears in names and labels.
///
/// Rule: `staging/src/k8s.io/apimachinery/pkg/util/rand/rand.go`, `SafeEncodeString`.
pub fn safe_encode(hash: u32) -> String {
    let digits = hash.to_string();
    digits
        .bytes()
        .map(|digit| char::from(LETTERS[usize::from(digit - b'0')]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_digit_has_its_letter() {
        assert_eq!(safe_encode(1_234_567_890), "56789bcdf4");
        assert_eq!(safe_encode(0), "4");
    }
}
