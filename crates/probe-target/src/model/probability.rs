//! `probability` and `seed`: a deterministic selection of a share of the requests.

use serde_json::{Map, Value};

use crate::model::field::{PROBABILITY, SEED};
use crate::model::fields::Fields;
use crate::model::parse_error::ParseError;

/// The share of requests that are selected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Probability {
    /// The share in millionths: 0 never, 1,000,000 always.
    pub millionths: u32,
    /// The seed of the sequence; 0 by default.
    pub seed: u64,
}

const ALWAYS: u32 = 1_000_000;

impl Probability {
    /// Whether request `number` of a route, from 0, is selected.
    pub fn selects(self, number: u64) -> bool {
        let drawn = mixed(self.seed.wrapping_add(number.wrapping_mul(STEP)));
        // Scales 64 bits to a million by multiplication, with a bias of at most one in 2^44.
        (u128::from(drawn) * u128::from(ALWAYS)) >> 64 < u128::from(self.millionths)
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Option<Self>, ParseError> {
        let millionths = fields.share(&PROBABILITY)?;
        let seed = fields.number(&SEED)?;
        match (millionths, seed) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ParseError::misplaced(
                fields.path(SEED.name),
                "means nothing without `probability`",
            )),
            (Some(millionths), seed) => Ok(Some(Self {
                millionths,
                seed: seed.unwrap_or(0),
            })),
        }
    }

    pub(crate) fn write(self, object: &mut Map<String, Value>) {
        let share = f64::from(self.millionths) / f64::from(ALWAYS);
        PROBABILITY.write(object, Some(share));
        SEED.write(object, Some(self.seed).filter(|seed| *seed != 0));
    }
}

/// 2^64 divided by the golden ratio, odd: `SplitMix64` of Steele, Lea and Flood, as Java's
/// `SplittableRandom` has it.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(STEP);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the first 10,000 requests are selected.
    fn selected(millionths: u32, seed: u64) -> usize {
        let chance = Probability { millionths, seed };
        (0..10_000).filter(|number| chance.selects(*number)).count()
    }

    #[test]
    fn never_and_always_are_exact() {
        for seed in [0, 1, u64::MAX] {
            assert_eq!((selected(0, seed), selected(ALWAYS, seed)), (0, 10_000));
        }
    }

    #[test]
    fn a_share_is_met_and_depends_on_the_seed_alone() {
        // Three standard deviations of a fair coin: 150.
        assert!((4850..=5150).contains(&selected(500_000, 7)));
        assert!((900..=1100).contains(&selected(100_000, 7)));
        assert_ne!(selected(500_000, 7), selected(500_000, 8));
        assert_eq!(selected(500_000, 7), selected(500_000, 7));
    }

    #[test]
    fn the_numbers_are_those_of_the_paper() {
        // The first outputs for seed 1234567 in the authors' reference implementation.
        let first =
            [0_u64, 1].map(|number| mixed(1_234_567_u64.wrapping_add(number.wrapping_mul(STEP))));
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }
}
