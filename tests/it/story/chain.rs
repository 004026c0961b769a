//! Chains: how a change propagates from a container to its Pod, the Pod's Services and their users.

use std::collections::BTreeMap;

use super::{LATE, States, Step, rank};

/// The ordered changes along each path from a container through its Pod and a Service to a user.
pub(super) fn chains(
    states: &States,
    steps: &[Step],
    users: &BTreeMap<String, String>,
) -> BTreeMap<String, Vec<String>> {
    let mut chains = BTreeMap::new();
    for container in states.keys().filter(|object| rank(object) == 0) {
        let pod = container.rsplit_once('/').unwrap().0;
        let mut ways = vec![vec![container.clone(), pod.to_owned()]];
        for service in states.keys().filter(|object| rank(object) == 2) {
            ways.push(vec![container.clone(), pod.to_owned(), service.clone()]);
            for (user, of) in users {
                if service.split(' ').next() == Some(&format!("svc/{of}")) {
                    let user = format!("user {user}");
                    ways.push(vec![
                        container.clone(),
                        pod.to_owned(),
                        service.clone(),
                        user,
                    ]);
                }
            }
        }
        for way in ways {
            chains.insert(way.join(" → "), along(&way, steps));
        }
    }
    chains
}

fn along(way: &[String], steps: &[Step]) -> Vec<String> {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut changes: Vec<&Step> = Vec::new();
    for step in steps.iter().filter(|step| way.contains(&step.object)) {
        let first = !last.contains_key(step.object.as_str());
        if last.insert(&step.object, &step.state) != Some(&step.state) && !first {
            let place = changes
                .iter()
                .rposition(|before| !told_late(before, step))
                .map_or(0, |before| before + 1);
            changes.insert(place, step);
        }
    }
    changes
        .iter()
        .map(|step| format!("{}: {}", step.object, step.state))
        .collect()
}

/// Whether `cause` was recorded after `effect`, although it caused the effect.
///
/// Pods, slices and users are observed separately, and events are timestamped on arrival. On a busy
/// machine the record of a cut-off user may precede that of the slice change.
fn told_late(effect: &Step, cause: &Step) -> bool {
    rank(&cause.object) < rank(&effect.object)
        && cause.at - effect.at <= LATE
        && serves(&cause.state) == serves(&effect.state)
}

fn serves(state: &str) -> bool {
    [" ready ", "Ready=True", "ready=true", "ok"]
        .iter()
        .any(|sign| state.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: [&str; 4] = ["pod#0/a", "pod#0", "svc/web pod#0", "user u"];

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
            object: WAY[object].to_owned(),
            state: state(object, serves).to_owned(),
        };
        let steady = (0..WAY.len()).map(|object| step((object, 0, true)));
        let steps: Vec<Step> = steady.chain(steps.iter().copied().map(step)).collect();
        let told: Vec<String> = expected
            .iter()
            .map(|(object, serves)| format!("{}: {}", WAY[*object], state(*object, *serves)))
            .collect();
        assert_eq!(along(&WAY.map(str::to_owned), &steps), told);
    }

    #[test]
    fn a_cause_told_a_little_late_is_put_before_its_effect() {
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
    fn an_effect_long_before_its_cause_stays_there() {
        check(
            &[(1, 5000, false), (3, 5000, false), (2, 5600, false)],
            &[(1, false), (3, false), (2, false)],
        );
    }

    #[test]
    fn a_change_back_is_no_cause_of_the_change_before_it() {
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
