//! Sums up lines about Pods of one owner that change alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::line::{Alike, Line, relative};
use crate::timeline::Micros;

/// Up to this number of Pods, each has a line of its own.
const MAX_SINGLE: usize = 3;
/// The longest time between two changes that are summed up. A rollout that replaces one Pod after
/// the other stays a sequence.
const MAX_GAP: Duration = Duration::from_secs(2);

/// Lines about different Pods that change alike, each at most [`MAX_GAP`] after the one before.
struct Group<'a> {
    /// Index of the first line.
    first: usize,
    /// Indices of the others.
    others: Vec<usize>,
    objects: BTreeSet<&'a str>,
    last: Micros,
}

/// The lines of a section, where one line stands for all Pods that change alike, if they are more
/// than [`MAX_SINGLE`]. The lines are in the order of their times, which count from `zero`.
pub(super) fn sum_up(lines: &[Line], zero: Micros) -> Vec<Line> {
    let mut sums: BTreeMap<usize, Line> = BTreeMap::new();
    let mut summed: BTreeSet<usize> = BTreeSet::new();
    for group in groups(lines) {
        if group.objects.len() > MAX_SINGLE
            && let Some(sum) = group.sum(&lines[group.first], zero)
        {
            sums.insert(group.first, sum);
            summed.extend(group.others);
        }
    }
    let kept = lines.iter().enumerate();
    let kept = kept.filter(|(index, _)| !summed.contains(index));
    kept.map(|(index, line)| sums.remove(&index).unwrap_or_else(|| line.clone()))
        .collect()
}

fn groups(lines: &[Line]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut latest: BTreeMap<&Alike, usize> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(alike) = &line.alike else { continue };
        let group = latest.get(alike).map(|group| &mut groups[*group]);
        // The same change of the same Pod again is another event.
        let group = group.filter(|group| {
            line.at <= group.last + MAX_GAP && !group.objects.contains(line.object.as_str())
        });
        if let Some(group) = group {
            group.others.push(index);
            group.objects.insert(&line.object);
            group.last = line.at;
        } else {
            latest.insert(alike, groups.len());
            groups.push(Group {
                first: index,
                others: Vec::new(),
                objects: BTreeSet::from([line.object.as_str()]),
                last: line.at,
            });
        }
    }
    groups
}

impl Group<'_> {
    /// `ready (30 Pods by +1.310 s)`, at the time of the first.
    fn sum(&self, first: &Line, zero: Micros) -> Option<Line> {
        let Alike { object, change } = first.alike.as_ref()?;
        let pods = self.objects.len();
        let by = if self.last == first.at {
            String::new()
        } else {
            format!(" by {} s", relative(self.last, zero))
        };
        let change = format!("{change} ({pods} Pods{by})");
        Some(Line::new(first.at, object, change))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::timeline::snapshot::PodFacts;

    /// A line of the Pod `web-1-NUMBER`, whose address ends in the number.
    fn line(at: u64, number: u64, change: &str) -> Line {
        let pod = json!({
            "metadata": {
                "name": format!("web-1-{number}"),
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": true}],
            },
            "status": {"podIP": format!("10.0.0.{number}")},
        });
        let pod = PodFacts::read(&pod, false, Micros::ZERO, None);
        let object = format!("container {}/app", pod.name);
        Line::new(Micros(at * 1_000), object, change).about(&pod)
    }

    fn check(lines: &[Line], expected: &Expect) {
        let lines = sum_up(lines, Micros(1_000_000));
        let lines: Vec<_> = lines
            .iter()
            .map(|line| {
                line.rows(Micros(1_000_000), 0, usize::MAX)[0]
                    .trim_start()
                    .to_owned()
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn more_than_three_pods_that_change_alike_are_one_line() {
        let ready = |number: u64| line(2_000 + 100 * number, number, "ready");
        let mut lines: Vec<Line> = (0..5).map(ready).collect();
        // Another change, and a line that is not about a Pod.
        lines.insert(2, line(2_100, 7, "restarted, 1 in all, ready"));
        lines.insert(
            3,
            Line::new(Micros(2_100_000), "endpoints web", "ready 2/6"),
        );
        check(
            &lines,
            &expect![[r"
                    +1.000 s  container web-1-*/app  ready (5 Pods by +1.400 s)
                    +1.100 s  container web-1-7/app  restarted, 1 in all, ready
                    +1.100 s  endpoints web  ready 2/6"]],
        );
        let lines: Vec<Line> = (0..3).map(ready).collect();
        check(
            &lines,
            &expect![[r"
                    +1.000 s  container web-1-0/app  ready
                    +1.100 s  container web-1-1/app  ready
                    +1.200 s  container web-1-2/app  ready"]],
        );
    }

    #[test]
    fn the_address_of_a_pod_makes_no_difference() {
        let failed = |number: u64| {
            let change = format!("Unhealthy: dial tcp 10.0.0.{number}:80: connection refused");
            line(2_000, number, &change)
        };
        let lines: Vec<Line> = (1..5).map(failed).collect();
        check(
            &lines,
            &expect![
                "+1.000 s  container web-1-*/app  Unhealthy: dial tcp *:80: connection refused (4 Pods)"
            ],
        );
    }

    #[test]
    fn what_happens_one_after_the_other_stays_a_sequence() {
        let slowly: Vec<Line> = (0..5)
            .map(|number| line(2_001 * number, number, "ready"))
            .collect();
        assert_eq!(sum_up(&slowly, Micros::ZERO), slowly);
        // Twice of the same Pod.
        let twice: Vec<Line> = (0..8)
            .map(|number| line(2_000, number % 4, "ready"))
            .collect();
        check(
            &twice,
            &expect![[r"
                    +1.000 s  container web-1-*/app  ready (4 Pods)
                    +1.000 s  container web-1-*/app  ready (4 Pods)"]],
        );
    }
}
