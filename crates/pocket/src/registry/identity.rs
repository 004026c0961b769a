//! Generates UIDs and names from the cluster's random number generator.

use fastrand::Rng;

/// Letters and digits without vowels and look-alikes, so that a suffix does not spell a word.
/// Rule: `k8s.io/apimachinery/pkg/util/rand`.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Rule: `k8s.io/apiserver/pkg/storage/names/generate.go`.
const SUFFIX_LENGTH: usize = 5;
const LONGEST_BASE: usize = 63 - SUFFIX_LENGTH;

/// A version 4 UUID.
pub(super) fn uid(random: &mut Rng) -> String {
    // Clears and sets the fields of RFC 9562: version 4 and variant 0b10.
    let bits = random.u128(..) & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// `base` with a random suffix; a long base is truncated.
pub(super) fn generated_name(base: &str, random: &mut Rng) -> String {
    let base: String = base.chars().take(LONGEST_BASE).collect();
    let letter = |_| char::from(ALPHABET[random.usize(..ALPHABET.len())]);
    base + &(0..SUFFIX_LENGTH).map(letter).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_says_its_version_and_variant() {
        let mut random = Rng::with_seed(1);
        for _ in 0..32 {
            let uid = uid(&mut random);
            assert_eq!((uid.len(), &uid[14..15]), (36, "4"), "{uid}");
            assert!("89ab".contains(&uid[19..20]), "{uid}");
        }
    }

    #[test]
    fn a_generated_name_fits_into_a_label() {
        let name = generated_name(&"x".repeat(80), &mut Rng::with_seed(1));
        assert_eq!(name.len(), 63);
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let draw = || {
            let mut random = Rng::with_seed(7);
            (uid(&mut random), generated_name("web-", &mut random))
        };
        assert_eq!(draw(), draw());
    }
}
