//! When an ended container is started again: its policy, and the exit codes that overrule it.

/// When an ended container is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// After every exit.
    #[default]
    Always,
    /// After an exit code other than zero.
    OnFailure,
    /// Never.
    Never,
}

/// The policy and rules of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestartRules {
    /// The container's own policy, or else its Pod's. A sidecar's is [`RestartPolicy::Always`].
    pub policy: RestartPolicy,
    /// Exit codes after which it is started again, whatever the policy.
    pub rules: Vec<ExitCodes>,
}

/// The exit codes that a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitCodes {
    /// These.
    In(Vec<i32>),
    /// All others.
    NotIn(Vec<i32>),
}

impl RestartRules {
    /// Whether another instance follows an exit with this code.
    ///
    /// Rule: `pkg/api/v1/pod/util.go`, `ContainerShouldRestart`.
    pub fn restarts(&self, code: i32) -> bool {
        self.rules.iter().any(|rule| rule.contains(code))
            || match self.policy {
                RestartPolicy::Always => true,
                RestartPolicy::OnFailure => code != 0,
                RestartPolicy::Never => false,
            }
    }

    /// Whether another instance follows a kill by a probe, which looks at no rule: there is no exit
    /// code yet. `OnFailure` restarts even a container that then exits with 0.
    ///
    /// Rule: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`.
    pub fn restarts_killed(&self) -> bool {
        self.policy != RestartPolicy::Never
    }
}

impl ExitCodes {
    fn contains(&self, code: i32) -> bool {
        match self {
            Self::In(codes) => codes.contains(&code),
            Self::NotIn(codes) => !codes.contains(&code),
        }
    }
}

impl From<RestartPolicy> for RestartRules {
    fn from(policy: RestartPolicy) -> Self {
        Self {
            policy,
            rules: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_overrules_the_policy_for_its_exit_codes() {
        let check = |policy, rules: &[ExitCodes], restarted: [bool; 3]| {
            let rules = RestartRules {
                policy,
                rules: rules.to_vec(),
            };
            let found = [0, 1, 42].map(|code| rules.restarts(code));
            assert_eq!(found, restarted, "{rules:?}");
        };
        let never = RestartPolicy::Never;
        check(RestartPolicy::Always, &[], [true; 3]);
        check(RestartPolicy::OnFailure, &[], [false, true, true]);
        check(never, &[], [false; 3]);
        check(never, &[ExitCodes::In(vec![42])], [false, false, true]);
        check(never, &[ExitCodes::NotIn(vec![0])], [false, true, true]);
        let both = [ExitCodes::In(vec![7]), ExitCodes::In(vec![0])];
        check(never, &both, [true, false, false]);
        check(RestartPolicy::OnFailure, &both, [true; 3]);
    }

    #[test]
    fn a_probe_kill_looks_at_the_policy_alone() {
        let rules = |policy| RestartRules {
            policy,
            rules: vec![ExitCodes::In(vec![0])],
        };
        assert!(!rules(RestartPolicy::Never).restarts_killed());
        assert!(rules(RestartPolicy::OnFailure).restarts_killed());
    }
}
