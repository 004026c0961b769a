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
    /// What follows some exits, whatever the policy. The first rule for an exit counts.
    pub rules: Vec<RestartRule>,
}

/// What follows some exits of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartRule {
    /// The exits.
    pub exit_codes: ExitCodes,
    /// What follows them.
    pub restarts: Restarted,
}

/// What a rule starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restarted {
    /// The container that has exited.
    Container,
    /// All containers of its Pod, init containers too.
    AllContainers,
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
        self.rule(code).is_some()
            || match self.policy {
                RestartPolicy::Always => true,
                RestartPolicy::OnFailure => code != 0,
                RestartPolicy::Never => false,
            }
    }

    /// Whether all containers of the Pod are restarted after an exit with this code.
    ///
    /// Rule: `pkg/api/v1/pod/util.go`, `FindMatchingContainerRestartRule`.
    pub fn restarts_all(&self, code: i32) -> bool {
        let rule = self.rule(code);
        rule.is_some_and(|rule| rule.restarts == Restarted::AllContainers)
    }

    /// Whether an exit of this container may restart all containers of its Pod.
    pub fn may_restart_all(&self) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.restarts == Restarted::AllContainers)
    }

    fn rule(&self, code: i32) -> Option<&RestartRule> {
        let mut rules = self.rules.iter();
        rules.find(|rule| rule.exit_codes.contains(code))
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

    fn rule(exit_codes: ExitCodes, restarts: Restarted) -> RestartRule {
        RestartRule {
            exit_codes,
            restarts,
        }
    }

    #[test]
    fn the_first_rule_for_an_exit_says_what_it_restarts() {
        let rules = RestartRules {
            policy: RestartPolicy::Never,
            rules: vec![
                rule(ExitCodes::In(vec![1]), Restarted::Container),
                rule(ExitCodes::NotIn(vec![0]), Restarted::AllContainers),
            ],
        };
        let found = [0, 1, 42].map(|code| (rules.restarts(code), rules.restarts_all(code)));
        assert_eq!(found, [(false, false), (true, false), (true, true)]);
        assert!(rules.may_restart_all());
    }

    #[test]
    fn a_rule_overrules_the_policy_for_its_exit_codes() {
        let check = |policy, rules: &[ExitCodes], restarted: [bool; 3]| {
            let rules = rules
                .iter()
                .map(|codes| rule(codes.clone(), Restarted::Container));
            let rules = RestartRules {
                policy,
                rules: rules.collect(),
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
            rules: vec![rule(ExitCodes::In(vec![0]), Restarted::Container)],
        };
        assert!(!rules(RestartPolicy::Never).restarts_killed());
        assert!(rules(RestartPolicy::OnFailure).restarts_killed());
    }
}
