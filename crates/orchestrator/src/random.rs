//! Everything random that a run needs, from one generator.
//!
//! Seeded, it repeats itself: the same names on `virtual` every time. Names on clusters come from the
//! operating system, so that two runs never meet.

use std::hash::{BuildHasher as _, RandomState};

use fastrand::Rng;

/// The generator.
#[derive(Debug, Clone)]
pub struct Random(Rng);

/// Kubernetes' alphabet for generated names: no vowels, so no words; nothing easily confused.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Random {
    /// Repeats itself for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// Differs every time.
    pub fn from_system() -> Self {
        Self::seeded(RandomState::new().hash_one(()))
    }

    /// So many letters and digits that fit into a name.
    pub fn suffix(&mut self, length: usize) -> String {
        let draw = |_| char::from(ALPHABET[self.0.usize(..ALPHABET.len())]);
        (0..length).map(draw).collect()
    }

    /// A seed for another generator.
    pub fn seed(&mut self) -> u64 {
        self.0.u64(..)
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_repeats_itself() {
        let draw = |seed| Random::seeded(seed).suffix(12);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_system_does_not() {
        assert_ne!(Random::from_system().seed(), Random::from_system().seed());
    }
}
