//! The generator of a run's random names and seeds.
//!
//! Equal seeds give equal sequences, so names on `virtual` are always the same. On clusters the
//! seed comes from the operating system, so that the names of two runs do not collide.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use fastrand::Rng;

/// A random number generator.
#[derive(Debug, Clone)]
pub struct Random(Rng);

/// Kubernetes' alphabet for generated names: no vowels, so no words; nothing easily confused.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Random {
    /// A generator whose sequence depends only on the seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// A generator seeded by the operating system.
    pub(crate) fn from_system() -> Self {
        Self::seeded(RandomState::new().hash_one(()))
    }

    /// A string of `length` letters and digits that are valid in Kubernetes names.
    pub(crate) fn suffix(&mut self, length: usize) -> String {
        let draw = |_| char::from(ALPHABET[self.0.usize(..ALPHABET.len())]);
        (0..length).map(draw).collect()
    }

    /// A duration below `limit`, in whole milliseconds; zero if the limit is less than one.
    pub(crate) fn below(&mut self, limit: Duration) -> Duration {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.0.u64(..limit.max(1)))
    }

    /// A seed for another generator.
    pub(crate) fn seed(&mut self) -> u64 {
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
