//! Decides whether a Pod may be evicted, given the budgets that select it.
//!
//! Rule: `pkg/registry/core/pod/storage/eviction.go`, `Create`.

/// The most evicted Pods whose deletion the disruption controller has not seen.
///
/// Rule: `MaxDisruptedPodSize`.
const MOST_DISRUPTED: usize = 2000;

/// A Pod to be evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictedPod {
    /// Whether its phase is `Pending`, `Succeeded` or `Failed`, or its deletion has begun.
    pub is_disrupted: bool,
    /// Whether its `Ready` condition is True.
    pub is_ready: bool,
}

/// A budget that selects the Pod, by its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// Whether its status is that of its present generation.
    pub is_observed: bool,
    /// `disruptionsAllowed`.
    pub allowed: i32,
    /// `currentHealthy`.
    pub healthy: i32,
    /// `desiredHealthy`.
    pub desired: i32,
    /// The number of `disruptedPods`.
    pub disrupted: usize,
    /// Whether `unhealthyPodEvictionPolicy` is `AlwaysAllow`, and not `IfHealthyBudget`.
    pub always_allows_unhealthy: bool,
    /// The condition `DisruptionAllowed`, if it is False and has a message.
    pub denial: Option<Denial>,
}

/// Why a budget allows no disruption, as its condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// `SyncFailed`, for one.
    pub reason: String,
    /// The error, for that reason.
    pub message: String,
}

/// What becomes of an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The Pod is deleted, and no budget counts it.
    Uncounted,
    /// The Pod is deleted, and the budget allows one disruption fewer.
    Counted,
    /// Several budgets select the Pod, which Kubernetes does not support.
    SeveralBudgets,
    /// The budget's status is not known yet: try again after some seconds.
    NotYet(String),
    /// The budget allows no disruption: the cause, for people.
    Exhausted(String),
    /// The budget's status is out of bounds.
    Forbidden(&'static str),
}

/// What becomes of the eviction of `pod`, which `budgets` select.
pub fn evict(pod: EvictedPod, budgets: &[Budget]) -> Eviction {
    if pod.is_disrupted {
        return Eviction::Uncounted;
    }
    let budget = match budgets {
        [] => return Eviction::Uncounted,
        [budget] => budget,
        _ => return Eviction::SeveralBudgets,
    };
    if !pod.is_ready && (budget.always_allows_unhealthy || budget.is_met()) {
        return Eviction::Uncounted;
    }
    budget.check()
}

impl Budget {
    /// Whether enough Pods are healthy.
    fn is_met(&self) -> bool {
        self.healthy >= self.desired && self.desired > 0
    }

    /// Rule: `checkAndDecrement`.
    fn check(&self) -> Eviction {
        let name = &self.name;
        if !self.is_observed {
            return Eviction::NotYet(format!(
                "The disruption budget {name} is still being processed by the server."
            ));
        }
        if self.allowed < 0 {
            return Eviction::Forbidden("pdb disruptions allowed is negative");
        }
        if self.disrupted > MOST_DISRUPTED {
            return Eviction::Forbidden(
                "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
            );
        }
        if self.allowed == 0 {
            return Eviction::Exhausted(self.cause());
        }
        Eviction::Counted
    }

    fn cause(&self) -> String {
        let (name, desired, healthy) = (&self.name, self.desired, self.healthy);
        let not_now =
            format!("The disruption budget {name} does not allow evicting pods currently");
        match &self.denial {
            // The numbers of a failed sync are not to be trusted.
            Some(Denial { reason, message }) if reason == "SyncFailed" => {
                format!("{not_now} because it failed sync: {message}")
            }
            _ if healthy <= desired => format!(
                "The disruption budget {name} needs {desired} healthy pods and has {healthy} \
                 currently"
            ),
            Some(Denial { reason, message }) => format!("{not_now} ({reason}): {message}"),
            None => not_now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: EvictedPod = EvictedPod {
        is_disrupted: false,
        is_ready: true,
    };

    fn budget() -> Budget {
        Budget {
            name: "web".to_owned(),
            is_observed: true,
            allowed: 1,
            healthy: 2,
            desired: 1,
            disrupted: 0,
            always_allows_unhealthy: false,
            denial: None,
        }
    }

    fn exhausted(budget: Budget) -> String {
        match evict(READY, &[budget]) {
            Eviction::Exhausted(cause) => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_ready_pod_needs_a_disruption_that_its_budget_allows() {
        assert_eq!(evict(READY, &[]), Eviction::Uncounted);
        assert_eq!(evict(READY, &[budget()]), Eviction::Counted);
        let both = [budget(), budget()];
        assert_eq!(evict(READY, &both), Eviction::SeveralBudgets);
        let over = EvictedPod {
            is_disrupted: true,
            is_ready: false,
        };
        assert_eq!(evict(over, &both), Eviction::Uncounted);
    }

    #[test]
    fn an_unhealthy_pod_goes_if_enough_others_are_healthy_or_always() {
        let check = |healthy, desired, always_allows_unhealthy, expected: &str| {
            let budget = Budget {
                allowed: 0,
                healthy,
                desired,
                always_allows_unhealthy,
                ..budget()
            };
            let sick = EvictedPod {
                is_ready: false,
                ..READY
            };
            let found = format!("{:?}", evict(sick, &[budget]));
            assert!(
                found.starts_with(expected),
                "{healthy} of {desired}: {found}"
            );
        };
        check(1, 1, false, "Uncounted");
        check(0, 1, false, "Exhausted");
        check(0, 1, true, "Uncounted");
        check(0, 0, false, "Exhausted");
    }

    #[test]
    fn a_refusal_tells_the_cause() {
        let none = || Budget {
            allowed: 0,
            healthy: 1,
            ..budget()
        };
        let needs = "The disruption budget web needs 1 healthy pods and has 1 currently";
        assert_eq!(exhausted(none()), needs);
        let not_now = "The disruption budget web does not allow evicting pods currently";
        let many = || Budget {
            healthy: 2,
            ..none()
        };
        assert_eq!(exhausted(many()), not_now);
        let denied = |reason: &str, budget: Budget| {
            let (reason, message) = (reason.to_owned(), "no".to_owned());
            exhausted(Budget {
                denial: Some(Denial { reason, message }),
                ..budget
            })
        };
        let failed = denied("SyncFailed", none());
        assert_eq!(failed, format!("{not_now} because it failed sync: no"));
        assert_eq!(denied("Other", none()), needs);
        assert_eq!(denied("Other", many()), format!("{not_now} (Other): no"));
    }

    #[test]
    fn a_status_that_is_old_or_impossible_allows_nothing() {
        let old = Budget {
            is_observed: false,
            ..budget()
        };
        let text = "The disruption budget web is still being processed by the server.";
        assert_eq!(evict(READY, &[old]), Eviction::NotYet(text.to_owned()));
        for impossible in [
            Budget {
                allowed: -1,
                ..budget()
            },
            Budget {
                disrupted: 2001,
                ..budget()
            },
        ] {
            let found = evict(READY, &[impossible]);
            assert!(matches!(found, Eviction::Forbidden(_)), "{found:?}");
        }
    }
}
