//! Chains: how a change propagates from a container to its Pod, the Pod's Services and their users.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Step, chance::may_be_swapped};

/// The changes in order along each path from a container through its Pod and a Service to a user.
pub(super) fn chains(
    steps: &[Step],
    users: &BTreeMap<String, String>,
) -> BTreeMap<String, Vec<String>> {
    let objects = |kind| {
        let of_kind = steps.iter().filter(move |step| step.kind() == kind);
        of_kind
            .map(|step| step.object.clone())
            .collect::<BTreeSet<_>>()
    };
    let mut paths = Vec::new();
    for container in objects(Kind::Container) {
        let (pod, _) = container.rsplit_once('/').unwrap();
        let path = vec![container.clone(), pod.to_owned()];
        for endpoint in objects(Kind::Endpoint) {
            let path = [path.clone(), vec![endpoint.clone()]].concat();
            for (user, service) in users {
                if endpoint.split(' ').next() == Some(&format!("svc/{service}")) {
                    paths.push([path.clone(), vec![format!("user {user}")]].concat());
                }
            }
            paths.push(path);
        }
        paths.push(path);
    }
    let chains = paths
        .iter()
        .map(|path| (path.join(" → "), changes(path, steps)));
    chains.collect()
}

/// The changes of these objects, without the states they begin with.
pub(super) fn changes(path: &[String], steps: &[Step]) -> Vec<String> {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut changes: Vec<&Step> = Vec::new();
    for step in steps.iter().filter(|step| path.contains(&step.object)) {
        let before = last.insert(&step.object, &step.state);
        if before.is_some_and(|before| before != step.state) {
            let mut earlier = changes.iter();
            let cause = earlier.rposition(|change| !may_be_swapped(change, step));
            changes.insert(cause.map_or(0, |before| before + 1), step);
        }
    }
    let changes = changes.into_iter();
    changes
        .map(|step| format!("{}: {}", step.object, step.state))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: [&str; 4] = ["pod#0/a", "pod#0", "svc/web pod#0", "user u"];

    // Each step is an index into the path, a time in milliseconds, and whether the object serves.
    #[track_caller]
    fn check(steps: &[(usize, i64, bool)], expected: &[(usize, bool)]) {
        let state = |object: usize, serves: bool| match (object, serves) {
            (0, true) => "running ready restarts=0",
            (0, false) => "running unready restarts=0",
            (1, true) => "2/2 Ready=True",
            (1, false) => "1/2 Ready=False",
            (2, true) => "ready=true serving=true",
            (2, false) => "ready=false serving=false",
            (_, true) => "ok",
            (_, false) => "cut off",
        };
        let step = |(object, at, serves): (usize, i64, bool)| Step {
            at: at * 1000,
            object: PATH[object].to_owned(),
            state: state(object, serves).to_owned(),
        };
        let steady = (0..PATH.len()).map(|object| step((object, 0, true)));
        let steps: Vec<Step> = steady.chain(steps.iter().copied().map(step)).collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|(object, serves)| format!("{}: {}", PATH[*object], state(*object, *serves)))
            .collect();
        assert_eq!(changes(&PATH.map(str::to_owned), &steps), expected);
    }

    #[test]
    fn a_cause_recorded_a_little_late_is_put_before_its_effect() {
        check(
            &[
                (3, 5000, false),
                (2, 5003, false),
                (0, 5004, false),
                (1, 5004, false),
            ],
            &[(0, false), (1, false), (2, false), (3, false)],
        );
    }

    #[test]
    fn an_effect_recorded_long_before_its_cause_stays_there() {
        check(
            &[(1, 5000, false), (3, 5000, false), (2, 5600, false)],
            &[(1, false), (3, false), (2, false)],
        );
    }

    #[test]
    fn a_reversal_does_not_cause_the_change_before_it() {
        check(
            &[
                (1, 5000, false),
                (2, 5001, false),
                (1, 5100, true),
                (2, 5101, true),
            ],
            &[(1, false), (2, false), (1, true), (2, true)],
        );
    }
}
