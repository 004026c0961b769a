//! Taints of a node, and which of them a Pod tolerates.

use std::time::Duration;

/// A taint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its name.
    pub key: String,
    /// Empty if it has none.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// A toleration; empty texts are absent fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toleration {
    /// The taint's key; empty for every key.
    pub key: String,
    /// `Equal`, which is the default, or `Exists`.
    pub operator: String,
    /// The taint's value.
    pub value: String,
    /// The taint's effect; empty for every effect.
    pub effect: String,
    /// `tolerationSeconds`: how long a taint that ends Pods is tolerated; `None` for ever.
    pub seconds: Option<i64>,
}

/// How long a Pod may stay on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// No taint ends it.
    ForEver,
    /// It is deleted after this time.
    For(Duration),
}

impl Taint {
    /// The taint of a node that is unschedulable.
    ///
    /// Rule: `k8s.io/api/core/v1/well_known_taints.go`.
    pub fn unschedulable() -> Self {
        Self {
            key: "node.kubernetes.io/unschedulable".to_owned(),
            value: String::new(),
            effect: "NoSchedule".to_owned(),
        }
    }

    /// Whether one of these tolerations tolerates it.
    pub fn is_tolerated(&self, tolerations: &[Toleration]) -> bool {
        tolerations.iter().any(|it| it.tolerates(self))
    }

    /// Whether it ends Pods that run on the node.
    pub fn evicts(&self) -> bool {
        self.effect == "NoExecute"
    }

    /// Whether it keeps Pods without a toleration away.
    fn keeps_away(&self) -> bool {
        matches!(self.effect.as_str(), "NoSchedule" | "NoExecute")
    }
}

impl Toleration {
    /// Rule: `k8s.io/api/core/v1/toleration.go`, `ToleratesTaint`.
    fn tolerates(&self, taint: &Taint) -> bool {
        let is_of = |mine: &str, its: &str| mine.is_empty() || mine == its;
        let is_met = match self.operator.as_str() {
            "" | "Equal" => self.value == taint.value,
            operator => operator == "Exists",
        };
        is_of(&self.effect, &taint.effect) && is_of(&self.key, &taint.key) && is_met
    }
}

/// Whether a taint keeps a Pod with these tolerations away.
///
/// Rule: `pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go`, `Filter`.
pub fn keep_away(taints: &[Taint], tolerations: &[Toleration]) -> bool {
    let mut taints = taints.iter().filter(|taint| taint.keeps_away());
    taints.any(|taint| !taint.is_tolerated(tolerations))
}

/// How long a Pod with these tolerations stays on a node with these taints. Of several tolerations
/// of a taint the first one counts.
///
/// Rule: `pkg/controller/tainteviction/taint_eviction.go`, `processPodOnNode` and
/// `getMinTolerationTime`.
pub fn stay(taints: &[Taint], tolerations: &[Toleration]) -> Stay {
    let mut least = Stay::ForEver;
    for taint in taints.iter().filter(|taint| taint.evicts()) {
        let Some(used) = tolerations.iter().find(|it| it.tolerates(taint)) else {
            return Stay::For(Duration::ZERO);
        };
        if let Some(seconds) = used.seconds {
            let time = Duration::from_secs(seconds.try_into().unwrap_or_default());
            least = match least {
                Stay::For(least) if least < time => Stay::For(least),
                _ => Stay::For(time),
            };
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(effect: &str) -> Taint {
        Taint {
            key: "k".to_owned(),
            value: "v".to_owned(),
            effect: effect.to_owned(),
        }
    }

    #[test]
    fn a_toleration_tolerates_what_its_fields_name() {
        let check = |[key, operator, value, effect]: [&str; 4], tolerated: bool| {
            let toleration = Toleration {
                key: key.to_owned(),
                operator: operator.to_owned(),
                value: value.to_owned(),
                effect: effect.to_owned(),
                seconds: None,
            };
            let found = !keep_away(&[taint("NoSchedule")], &[toleration]);
            assert_eq!(found, tolerated, "{key} {operator} {value} {effect}");
        };
        check(["k", "", "v", "NoSchedule"], true);
        check(["k", "Equal", "v", ""], true);
        check(["k", "Exists", "", ""], true);
        check(["", "Exists", "", ""], true);
        check(["k", "Equal", "w", ""], false);
        check(["l", "Exists", "", ""], false);
        check(["k", "Exists", "", "NoExecute"], false);
        check(["k", "Other", "v", ""], false);
    }

    #[test]
    fn a_preference_keeps_no_pod_away() {
        let check = |effect, away| assert_eq!(keep_away(&[taint(effect)], &[]), away, "{effect}");
        check("NoSchedule", true);
        check("NoExecute", true);
        check("PreferNoSchedule", false);
    }

    #[test]
    fn a_pod_stays_as_long_as_it_tolerates_all_taints() {
        let for_seconds = |key: &str, seconds| Toleration {
            key: key.to_owned(),
            operator: "Exists".to_owned(),
            seconds,
            ..Toleration::default()
        };
        let other = Taint {
            key: "l".to_owned(),
            ..taint("NoExecute")
        };
        let seconds = |seconds| Stay::For(Duration::from_secs(seconds));
        let both = [taint("NoExecute"), other];
        let check = |taints: &[Taint], tolerations: &[Toleration], expected| {
            assert_eq!(stay(taints, tolerations), expected, "{tolerations:?}");
        };
        check(&[], &[], Stay::ForEver);
        check(&[taint("NoSchedule")], &[], Stay::ForEver);
        check(&both[..1], &[], seconds(0));
        check(&both[..1], &[for_seconds("k", None)], Stay::ForEver);
        check(&both[..1], &[for_seconds("k", Some(9))], seconds(9));
        check(&both[..1], &[for_seconds("k", Some(-1))], seconds(0));
        check(&both, &[for_seconds("k", Some(9))], seconds(0));
        let twice = [for_seconds("k", Some(9)), for_seconds("", Some(5))];
        check(&both, &twice, seconds(5));
    }
}
