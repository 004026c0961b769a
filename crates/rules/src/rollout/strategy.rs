//! The rollout strategies of a Deployment, with their bounds on surplus and missing Pods.

/// How Pods of old templates are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// All old Pods are deleted before the first new one is created.
    Recreate,
    /// Old and new Pods run side by side, within bounds.
    RollingUpdate {
        /// `maxSurge`: Pods allowed beyond the wanted number; percentages round up.
        surge: Amount,
        /// `maxUnavailable`: Pods that may be missing; percentages round down.
        unavailable: Amount,
    },
}

/// A number of Pods, or a percentage of the wanted number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// This many Pods.
    Number(u32),
    /// This percentage of the wanted Pods.
    Percent(u32),
}

impl Strategy {
    /// Kubernetes' default: `pkg/apis/apps/v1/defaults.go`.
    pub const DEFAULT: Self = Self::RollingUpdate {
        surge: Amount::Percent(25),
        unavailable: Amount::Percent(25),
    };

    /// The number of Pods that a rollout keeps available of `replicas` available ones.
    ///
    /// Rule: `pkg/controller/deployment/rolling.go`, `reconcileOldReplicaSets`, and `recreate.go`.
    pub fn least_available(self, replicas: u32) -> u32 {
        match self {
            Self::Recreate => 0,
            Self::RollingUpdate { .. } => replicas.saturating_sub(self.unavailable(replicas)),
        }
    }

    pub(super) fn surge(self, replicas: u32) -> u32 {
        match self {
            Self::Recreate => 0,
            Self::RollingUpdate { surge, .. } => surge.rounded_up(replicas),
        }
    }

    /// With both bounds at zero a rollout could not begin, so one Pod may be missing then.
    ///
    /// Rule: `pkg/controller/deployment/util/deployment_util.go`, `ResolveFenceposts`.
    pub(super) fn unavailable(self, replicas: u32) -> u32 {
        match self {
            Self::Recreate => 0,
            Self::RollingUpdate { unavailable, .. } => {
                let missing = unavailable.of(replicas, |share, whole| share / whole);
                if missing == 0 && self.surge(replicas) == 0 {
                    1
                } else {
                    missing
                }
            }
        }
    }
}

impl Amount {
    /// This amount of `whole` Pods; a share rounds up.
    pub fn rounded_up(self, whole: u32) -> u32 {
        self.of(whole, u64::div_ceil)
    }

    fn of(self, replicas: u32, divide: impl Fn(u64, u64) -> u64) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Percent(percent) => {
                let share = u64::from(replicas) * u64::from(percent);
                u32::try_from(divide(share, 100)).unwrap_or(u32::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surge_rounds_up_and_unavailable_down() {
        let check = |surge, unavailable, replicas, expected: (u32, u32)| {
            let strategy = Strategy::RollingUpdate { surge, unavailable };
            let found = (strategy.surge(replicas), strategy.unavailable(replicas));
            assert_eq!(found, expected, "{strategy:?} of {replicas}");
        };
        let quarter = Amount::Percent(25);
        check(quarter, quarter, 1, (1, 0));
        check(quarter, quarter, 4, (1, 1));
        check(quarter, quarter, 10, (3, 2));
        check(Amount::Number(2), Amount::Number(1), 10, (2, 1));
        check(Amount::Number(0), quarter, 1, (0, 1));
        check(Amount::Number(0), Amount::Number(0), 5, (0, 1));
        check(Amount::Percent(0), Amount::Percent(100), 3, (0, 3));
    }

    #[test]
    fn a_rollout_keeps_what_may_not_be_missing() {
        let check = |surge, unavailable, replicas, expected| {
            let strategy = Strategy::RollingUpdate { surge, unavailable };
            assert_eq!(strategy.least_available(replicas), expected, "{strategy:?}");
        };
        let quarter = Amount::Percent(25);
        check(quarter, quarter, 1, 1);
        check(quarter, quarter, 4, 3);
        check(Amount::Number(0), quarter, 1, 0);
        check(Amount::Number(0), Amount::Percent(100), 3, 0);
        check(Amount::Number(0), Amount::Number(5), 3, 0);
        assert_eq!(Strategy::Recreate.least_available(3), 0);
    }

    #[test]
    fn recreate_knows_no_bounds() {
        assert_eq!(
            (
                Strategy::Recreate.surge(9),
                Strategy::Recreate.unavailable(9)
            ),
            (0, 0)
        );
    }
}
