//! Policies of a Job: what a failed Pod counts for, and which successes are enough.
//!
//! Rule: `pkg/controller/job/pod_failure_policy.go` and `success_policy.go`.

use super::indexes::Indexes;

/// A rule of `podFailurePolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRule {
    /// What a Pod must be like.
    pub requirement: Requirement,
    /// What follows.
    pub action: Action,
}

/// What a failed Pod must be like for a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// A container ended with such a code, other than 0.
    ExitCodes {
        /// The container; without it any.
        container: Option<String>,
        /// The codes.
        values: Vec<i32>,
        /// Whether the code is one of them, or none of them.
        is_one_of: bool,
    },
    /// The Pod has one of these conditions, by type and status.
    Conditions(Vec<(String, String)>),
}

/// The action of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The Job fails.
    FailJob,
    /// The index fails.
    FailIndex,
    /// The failure does not count.
    Ignore,
    /// The failure counts as without a rule.
    Count,
}

/// A Pod that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedPod {
    /// Its namespace and name: `NAMESPACE/NAME`.
    pub name: String,
    /// The exit codes of containers that ended, regular ones before init containers.
    pub exits: Vec<(String, i32)>,
    /// Its conditions, by type and status.
    pub conditions: Vec<(String, String)>,
}

/// What a failed Pod means for its Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It counts towards the back-off limits.
    Counted,
    /// It does not count.
    Ignored,
    /// Its index fails.
    OfIndex,
    /// The Job fails, with this message.
    OfJob(String),
}

/// What the first rule that matches a failed Pod makes of it.
///
/// Rule: `matchPodFailurePolicy`.
pub fn failure(rules: &[FailureRule], pod: &FailedPod) -> Failure {
    let matched = rules.iter().enumerate().find_map(|(place, rule)| {
        let cause = rule.requirement.cause(pod)?;
        Some((place, rule.action, cause))
    });
    match matched {
        None | Some((_, Action::Count, _)) => Failure::Counted,
        Some((_, Action::Ignore, _)) => Failure::Ignored,
        Some((_, Action::FailIndex, _)) => Failure::OfIndex,
        Some((place, Action::FailJob, cause)) => {
            Failure::OfJob(format!("{cause} matching FailJob rule at index {place}"))
        }
    }
}

impl Requirement {
    /// The part of a message that tells why a Pod matches; `None` if it does not.
    fn cause(&self, pod: &FailedPod) -> Option<String> {
        let name = &pod.name;
        match self {
            Self::ExitCodes {
                container,
                values,
                is_one_of,
            } => {
                let (found, code) = pod.exits.iter().find(|(found, code)| {
                    container.as_ref().is_none_or(|it| it == found)
                        && *code != 0
                        && values.contains(code) == *is_one_of
                })?;
                Some(format!(
                    "Container {found} for pod {name} failed with exit code {code}"
                ))
            }
            Self::Conditions(patterns) => {
                let (kind, _) = pod.conditions.iter().find(|it| patterns.contains(it))?;
                Some(format!("Pod {name} has condition {kind}"))
            }
        }
    }
}

/// A rule of `successPolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccessRule {
    /// `succeededIndexes`.
    pub indexes: Option<Indexes>,
    /// `succeededCount`.
    pub count: Option<u32>,
}

/// The place of the first rule that the indexes which succeeded fulfil.
///
/// Rule: `matchSuccessPolicy`.
pub fn success(rules: &[SuccessRule], succeeded: &Indexes) -> Option<usize> {
    if succeeded.total() == 0 {
        return None;
    }
    rules.iter().position(|rule| match &rule.indexes {
        Some(indexes) => {
            let found = indexes.overlap(succeeded);
            let is_all = indexes.total() > 0 && found == indexes.total();
            is_all || indexes.total() > 0 && rule.count.is_some_and(|count| found >= count)
        }
        None => rule.count.is_some_and(|count| succeeded.total() >= count),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(container: Option<&str>, values: &[i32], is_one_of: bool) -> Requirement {
        Requirement::ExitCodes {
            container: container.map(str::to_owned),
            values: values.to_vec(),
            is_one_of,
        }
    }

    fn pair(kind: &str, value: &str) -> (String, String) {
        (kind.to_owned(), value.to_owned())
    }

    fn pod() -> FailedPod {
        FailedPod {
            name: "a/sum-x".to_owned(),
            exits: vec![("log".to_owned(), 0), ("app".to_owned(), 3)],
            conditions: vec![pair("DisruptionTarget", "True")],
        }
    }

    #[track_caller]
    fn check(rules: &[(Requirement, Action)], expected: &Failure) {
        let rules: Vec<FailureRule> = rules
            .iter()
            .cloned()
            .map(|(requirement, action)| FailureRule {
                requirement,
                action,
            })
            .collect();
        assert_eq!(failure(&rules, &pod()), *expected);
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        check(&[], &Failure::Counted);
        let ignore = (exit(None, &[3], true), Action::Ignore);
        let fail = (exit(None, &[3], true), Action::FailJob);
        check(&[ignore.clone(), fail.clone()], &Failure::Ignored);
        let count = (exit(None, &[3], true), Action::Count);
        check(&[count, fail.clone()], &Failure::Counted);
        let other = (exit(Some("log"), &[3], true), Action::Ignore);
        // Seen on a node.
        let message = "Container app for pod a/sum-x failed with exit code 3 matching FailJob rule \
                       at index 1";
        check(&[other, fail], &Failure::OfJob(message.to_owned()));
    }

    #[test]
    fn no_exit_with_0_matches() {
        let rule = (exit(Some("log"), &[4], false), Action::Ignore);
        check(&[rule], &Failure::Counted);
        let rule = (exit(Some("app"), &[4], false), Action::FailIndex);
        check(&[rule], &Failure::OfIndex);
    }

    #[test]
    fn conditions_match_by_type_and_status() {
        let rule = |status| {
            let pattern = pair("DisruptionTarget", status);
            (Requirement::Conditions(vec![pattern]), Action::FailJob)
        };
        check(&[rule("False")], &Failure::Counted);
        let message = "Pod a/sum-x has condition DisruptionTarget matching FailJob rule at index 0";
        check(&[rule("True")], &Failure::OfJob(message.to_owned()));
    }

    #[test]
    fn successes_are_enough_by_index_or_by_number() {
        let rule = |indexes: Option<&str>, count| SuccessRule {
            indexes: indexes.map(|text| Indexes::parse(text, 10)),
            count,
        };
        let check = |rules: &[SuccessRule], succeeded, expected| {
            assert_eq!(success(rules, &Indexes::parse(succeeded, 10)), expected);
        };
        check(&[rule(Some("0-2"), None)], "0,2,5", None);
        check(
            &[rule(Some("0-2"), Some(3)), rule(Some("0-2"), Some(2))],
            "0,2,5",
            Some(1),
        );
        check(&[rule(Some("0,2"), None)], "0,2,5", Some(0));
        check(
            &[rule(None, Some(4)), rule(None, Some(3))],
            "0,2,5",
            Some(1),
        );
        check(&[rule(None, Some(0))], "", None);
        check(&[rule(Some("20"), Some(0))], "1", None);
    }
}
